"""Folders that need not stay do not, however their owner ends; nothing else is removed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from bench import scratch

HOLDS = """
import sys
from bench import scratch
folder = scratch.Folder()
(folder.path / "inside").mkdir()
(folder.path / "inside" / "file").write_text("left")
print(folder.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def there(tmp_path, monkeypatch):
    """The system's folder for temporary files."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


@pytest.fixture
def owner(there):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    path = process.stdout.readline().strip()
    yield there / Path(path).name, process
    process.kill()
    process.communicate()


def test_the_next_command_removes_what_a_killed_one_left(owner, bench):
    folder, process = owner
    assert bench("list").returncode == 0
    assert (folder / "inside" / "file").exists()  # somebody is using it
    process.kill()
    process.wait()
    assert (folder / "inside" / "file").exists()
    assert bench("list").returncode == 0
    assert not folder.exists()


def test_a_folder_goes_with_its_context_and_with_its_process(owner):
    with scratch.Folder() as path:
        assert path.stat().st_mode & 0o777 == 0o700
    assert not path.exists()
    folder, process = owner
    process.communicate("")
    assert not folder.exists()


def test_what_only_looks_like_a_left_one_stays(there):
    """A checkout, a link to another folder, one that nobody ever locked, a lock that is a link."""
    treasure = there / "treasure"
    for name in ("treasure", "seedwise-main", "seedwise-checkout", "seedwise-bbbbbbbb"):
        (there / name).mkdir()
    (treasure / scratch.LOCK).touch()
    (there / "seedwise-main" / scratch.LOCK).touch()
    (there / "seedwise-aaaaaaaa").symlink_to(treasure)
    (there / "seedwise-bbbbbbbb" / scratch.LOCK).symlink_to(treasure / scratch.LOCK)
    before = sorted(there.rglob("*"))
    scratch.sweep()
    assert sorted(there.rglob("*")) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what belongs to another user")
def test_a_folder_of_another_user_stays(there):
    folder = there / "seedwise-aaaaaaaa"
    folder.mkdir()
    (folder / scratch.LOCK).touch()
    os.chown(folder, 65534, 65534)
    scratch.sweep()
    assert folder.exists()
    os.chown(folder, 0, 0)
    scratch.sweep()
    assert not folder.exists()


def test_no_sweep_takes_a_folder_that_is_just_being_made(there):
    stop = threading.Event()

    def sweeping():
        while not stop.is_set():
            scratch.sweep()

    threads = [threading.Thread(target=sweeping) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(200):
            with scratch.Folder() as path:
                time.sleep(0)
                assert (path / scratch.LOCK).exists()
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_killed_run_leaves_nothing_after_the_next_command(tiny, there, bench, request):
    """Of Dask's folders neither."""
    code = "from bench.cli import main\nif __name__ == '__main__': main()"
    arguments = ["run", str(tiny), "--workers", "1", "--seeds", "200", "--out", str(there / "out")]
    run = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.DEVNULL)
    request.addfinalizer(run.kill)
    until = time.monotonic() + 120
    while not list(there.glob("seedwise-*/dask*/*worker-????????")):
        assert time.monotonic() < until
        time.sleep(0.1)
    workers = psutil.Process(run.pid).children(recursive=True)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert psutil.wait_procs(workers, timeout=60)[1] == []
    assert bench("list").returncode == 0
    assert [path.name for path in there.iterdir() if path.name not in ("out", tiny.name)] == []


def test_whatever_is_made_for_a_time_is_made_here():
    """A folder or file of another kind would stay after a kill; one without a name goes with its process."""
    named = re.compile(r"\b(TemporaryDirectory|NamedTemporaryFile|mkdtemp|mkstemp)\b")
    package = Path(scratch.__file__).parent
    makes = [
        str(p.relative_to(package)) for p in package.rglob("*.py") if named.search(p.read_text())
    ]
    assert makes == ["scratch.py"]


def test_a_folder_beside_results_is_removed_by_the_next_one_there(there):
    place = there / "work"
    place.mkdir()
    code = HOLDS.replace("Folder()", "Folder(Path('work').absolute())").replace(
        "import sys", "import sys\nfrom pathlib import Path"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=there,
    )
    left = Path(process.stdout.readline().strip())
    assert left.parent == place
    process.kill()
    process.communicate()
    assert (left / "inside" / "file").exists()
    with scratch.Folder(place) as path:
        assert list(place.iterdir()) == [path]
    assert list(place.iterdir()) == []

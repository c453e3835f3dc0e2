"""File systems without locks or without fsync, and disks that fail: the kernel refuses the calls of a process.

A filter (seccomp) of the kernel answers them, so that Python and SQLite see what a network drive would show.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import shutil
import sqlite3
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from bench.store import FILE

CALLS = {  # numbers of the calls
    "x86_64": {"flock": 73, "fcntl": 72, "fsync": 74, "fdatasync": 75, "pread64": 17, "pwrite64": 18},
    "aarch64": {"flock": 32, "fcntl": 25, "fsync": 82, "fdatasync": 83, "pread64": 67, "pwrite64": 68},
}.get(platform.machine())  # fmt: skip
F_SETLK, F_SETLKW = 6, 7
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, EQUAL, RETURN = (
    0x20,
    0x15,
    0x06,
)  # of the filter's machine; what is loaded lies at these bytes:
CALL, SECOND_ARGUMENT = 0, 24
ALLOW, REFUSE = 0x7FFF0000, 0x00050000

pytestmark = pytest.mark.skipif(CALLS is None, reason="calls of this processor are not known")


def refusing(error, *calls):
    """In the child: these calls fail so. ``fcntl`` is that for locks alone."""
    rules = [
        (CALLS[name], command)
        for name in calls
        for command in ((F_SETLK, F_SETLKW) if name == "fcntl" else (None,))
    ]
    steps = []
    for number, command in rules:
        only = [(LOAD, 0, 0, SECOND_ARGUMENT), (EQUAL, 0, 1, command)] if command else []
        steps += [(LOAD, 0, 0, CALL), (EQUAL, 0, len(only) + 1, number), *only]
        steps += [(RETURN, 0, 0, REFUSE | error)]
    code = b"".join(struct.pack("HBBI", *step) for step in [*steps, (RETURN, 0, 0, ALLOW)])
    kept = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(code) // 8, ctypes.addressof(kept))
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def begin():
        if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or prctl(
            PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0
        ):
            raise OSError(ctypes.get_errno(), "no filters here")

    begin.kept = kept  # as long as it may be called
    return begin


def try_all():
    """In a process that imports once: each case in a child, and what came of it as a line of JSON."""
    from bench import analyse, driver, load_results, load_suite, write_report
    from bench.errors import BenchError

    for name, error, calls, action, *arguments in json.load(sys.stdin):
        if (child := os.fork()) == 0:
            try:
                refusing(error, *calls)()
                if action == "run":
                    driver.run(load_suite(arguments[0]), arguments[1], workers=0)
                else:
                    write_report(analyse(load_results(arguments[0])), Path(arguments[1]))
                said = ""
            except BenchError as error_of_ours:
                said = str(error_of_ours)
            os.write(1, f"{json.dumps([name, said])}\n".encode())
            os._exit(0)
        os.waitpid(child, 0)


SYNC, LOCKS = ["fsync", "fdatasync"], ["flock", "fcntl"]
UNLOCKED = {
    "no flock": (errno.ENOLCK, ["flock"]),
    "no locks": (errno.EOPNOTSUPP, LOCKS),
    "no locks of SQLite's": (errno.ENOLCK, ["fcntl"]),  # it would wait for 30 s, and say "locked"
}
UNSYNCED = {f"no sync {n}": (n, SYNC) for n in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)}
FAILING = {
    f"{calls[0]} {number}": (number, calls)
    for number in (errno.EIO, errno.ESTALE)
    for calls in (SYNC, ["pwrite64"], ["pread64"])
}


@pytest.fixture(scope="module")
def told(tmp_path_factory, tiny_results):
    """Of each case: its folder, and what was said, or nothing."""
    folder = tmp_path_factory.mktemp("file-systems")
    suite = shutil.copy(tiny_results.parent / "tiny.yaml", folder)
    cases = []
    for name, how in {**UNLOCKED, **UNSYNCED, **FAILING}.items():
        if name not in UNLOCKED:
            shutil.copytree(tiny_results, folder / name)
        cases.append((name, *how, "run", str(suite), str(folder / name)))
    for name, how in (
        ("read without locks", UNLOCKED["no locks"]),
        ("written", FAILING["fsync 5"]),
    ):
        cases.append((name, *how, "report", str(tiny_results), str(folder / f"{name}.html")))
    done = subprocess.run(
        [sys.executable, "-c", "from test_file_systems import try_all; try_all()"],
        input=json.dumps(cases),
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if "no filters here" in done.stderr:
        pytest.skip("the kernel refuses to filter calls")
    said = dict(map(json.loads, done.stdout.splitlines()))
    assert set(said) == {case[0] for case in cases}, done.stderr
    return folder, said


def runs_and_trials(out):
    db = sqlite3.connect(out / FILE)
    try:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [
            db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("runs", "trials")
        ]
    finally:
        db.close()


@pytest.mark.parametrize("name", UNLOCKED)
def test_without_locks_nothing_is_written(told, name):
    folder, said = told
    assert f"{folder / name}: the file system of the results folder has no locks" in said[name]
    assert f"found: {os.strerror(UNLOCKED[name][0])}" in said[name]
    assert "choose a folder on a disk of this machine with --out" in said[name]
    assert not (folder / name / FILE).exists()


def test_without_locks_all_is_read(told):
    folder, said = told
    assert said["read without locks"] == ""
    assert (folder / "read without locks.html").is_file()


@pytest.mark.parametrize("name", UNSYNCED)
def test_a_file_system_that_cannot_sync_works(told, name, tiny_results):
    folder, said = told
    runs, trials = runs_and_trials(tiny_results)  # other tests may have added runs to it
    assert said[name] == ""
    assert runs_and_trials(folder / name) == [runs + 1, trials]


@pytest.mark.parametrize("name", FAILING)
def test_a_disk_that_fails_is_one_error_and_loses_nothing(told, name, tiny_results):
    folder, said = told
    assert "see to the disk" in said[name]
    assert said[name].count("\n") == 3
    assert runs_and_trials(folder / name) == runs_and_trials(tiny_results)


def test_a_report_that_a_disk_does_not_take(told):
    folder, said = told
    assert "the report cannot be written" in said["written"]
    assert "see to the disk" in said["written"]
    assert not (folder / "written.html").exists()

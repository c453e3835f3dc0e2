"""What a run was begun with changes while it goes on: the suite's file, the package itself."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import bench
from bench import cli, load_results, progress
from bench.errors import BenchError


def edited(text):
    """The suite with another rate, and another variant."""
    text = text.replace("learning_rate: 0.01", "learning_rate: 0.02")
    return text.replace("      wide:", "      wider: {model: {mlp: {hidden: [96]}}}\n      wide:")


CHANGES = {
    "edited": lambda path: path.write_text(edited(path.read_text())),
    "made invalid": lambda path: path.write_text("suite: [\n"),
    "deleted": lambda path: path.unlink(),
}


def run(suite, out):
    cli.app(["run", str(suite), "--out", str(out), "--workers", "0"], standalone_mode=False)


@pytest.mark.parametrize("change", CHANGES)
def test_a_suite_that_changes_in_mid_run_is_the_one_that_was_read(
    change, tiny, tmp_path, monkeypatch
):
    out, before, trained = tmp_path / "out", tiny.read_text(), []
    real = progress.Progress.finished

    def finished(self, use, result):
        real(self, use, result)
        trained.append(result.trial_id)
        if len(trained) == 1:
            CHANGES[change](tiny)

    monkeypatch.setattr(progress.Progress, "finished", finished)
    run(tiny, out)
    assert len(trained) == len(set(trained)) == 9
    results = load_results(out)
    assert results.suite.text == before
    assert set(results.trials.variant) == {"fast", "slow", "narrow", "wide"}
    assert (results.trials.status == "completed").all()
    assert "Is a tenth of the rate slower?" in (out / "report.html").read_text()

    trained.append("no more changes")
    if change == "edited":  # trials whose settings are new are trained, and the others kept
        run(tiny, out)
        assert len(trained) == 10 + 6
        assert set(load_results(out).trials.variant) == {"fast", "slow", "narrow", "wide", "wider"}
    else:
        with pytest.raises(BenchError) as caught:
            run(tiny, out)
        assert str(tiny) in caught.value.where
        assert len(trained) == 10
        assert len(load_results(out).trials) == 12


# Does items one by one, each when it is told to, and says by which process; or the error that ends it.
POOL = """
import os, sys
from bench import executor
from bench.errors import BenchError

def told(item):
    return os.getpid()

if __name__ == "__main__":
    try:
        with executor.pool(1) as pool:
            for item in range(3):
                ((_, answer),) = pool.map(told, {str(item): item})
                print(answer, flush=True)
                sys.stdin.readline()
    except BenchError as error:
        print(error)
"""


@pytest.mark.parametrize("what", ["a file", "a version", "a file, and no worker dies"])
def test_a_package_that_changes_in_mid_run_trains_nothing(what, tmp_path):
    """The process of a worker keeps what it has imported; one that is started in its place would not."""
    lib, script = tmp_path / "lib", tmp_path / "pool.py"
    shutil.copytree(Path(bench.__file__).parent, lib / "bench")
    about = lib / "seedwise-1.0.dist-info" / "METADATA"
    about.parent.mkdir()
    about.write_text("Metadata-Version: 2.1\nName: seedwise\nVersion: 1.0\n")
    script.write_text(POOL)
    run = subprocess.Popen(
        [sys.executable, "-P", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env={**os.environ, "PYTHONPATH": str(lib)},
    )
    try:
        first = int(run.stdout.readline())
        if what == "a version":
            about.write_text(about.read_text().replace("1.0", "2.0"))
        else:
            with (lib / "bench" / "runner.py").open("a") as file:
                file.write("# another\n")
        if what != "a file, and no worker dies":
            os.kill(first, signal.SIGKILL)
        run.stdin.write("\n")
        said, _ = run.communicate(input="\n\n", timeout=120)
    finally:
        run.kill()
        run.communicate()
    if what == "a file, and no worker dies":
        assert said == f"{first}\n{first}\n"
    else:
        assert "changed or upgraded in the middle of the run" in said.splitlines()[0]
        assert "what to do: undo the change, or run the same command again" in said

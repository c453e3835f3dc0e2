"""Processes that die or are stopped at any moment: nothing finished is lost or trained again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

import psutil
import pytest

from bench import driver, load_results, load_suite
from bench.store import FILE
from tests.test_driver import same_frames

pytestmark = pytest.mark.slow

KILLS = 50
SEEDS = 100  # more trials than the kills let be finished
LIMIT_S = 300  # for progress, or an end: the machine may be busy
LISTEN = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
MAIN = LISTEN + "from bench.cli import main; main()"
# Forks a driver for each line it reads, and says its number: TensorFlow is imported once.
FORKS = """
import os, sys
from bench import backend, driver, load_suite
backend.tensorflow()
suite = load_suite(sys.argv[1]).resized(seeds=int(sys.argv[3]), epochs=1)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        os.close(0)
        driver.run(suite, sys.argv[2], workers=0)
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def written(out):
    """When each trial in the file was trained and how long it took; the file is whole."""
    if not (out / FILE).exists():
        return {}
    db = sqlite3.connect(out / FILE, timeout=30)
    try:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = db.execute("SELECT trial_id, started_at || wall_time_s FROM trials").fetchall()
        return dict(rows)
    except sqlite3.OperationalError:  # killed before there were tables
        return {}
    finally:
        db.close()


@pytest.fixture
def start(tmp_path):
    """Starts a run of the command line in a session of its own."""
    started = []

    def call(suite, out, *arguments):
        said = tmp_path / f"said-{len(started)}.txt"
        with said.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-c", MAIN, "run", suite, "--out", out, *arguments],
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process.said = said.read_text
        started.append(process)
        return process

    yield call
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(count, out, process):
    until = time.monotonic() + LIMIT_S
    while len(written(out)) < count:
        assert time.monotonic() < until, f"no progress\n{process.said()}"
        assert process.poll() is None, process.said()
        time.sleep(0.05)


def left(group):
    """Processes of a session that do not end."""
    until = time.monotonic() + LIMIT_S
    while True:
        there = [p for p in psutil.process_iter() if alive_in(group, p)]
        if not there or time.monotonic() > until:
            return there
        time.sleep(0.1)


def alive_in(group, process):
    try:
        return os.getsid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


def test_a_driver_killed_fifty_times_loses_nothing(tiny, tmp_path):
    out, rng = tmp_path / "out", random.Random(0)
    forks = subprocess.Popen(
        [sys.executable, "-c", FORKS, tiny, out, str(SEEDS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )

    def fork():
        forks.stdin.write("\n")
        return int(forks.stdout.readline())

    def wait_for_more(seconds):
        """Until there is another result, or for so long."""
        known, until = len(written(out)), time.monotonic() + seconds
        while len(written(out)) == known and time.monotonic() < until:
            time.sleep(0.02)

    try:
        first, before = 0.0, {}
        for kill in range(KILLS):
            child, began = fork(), time.monotonic()
            if kill % 2:  # as it starts, checks or trains
                wait_for_more(rng.uniform(0, first))
            else:  # as it trains or writes
                wait_for_more(LIMIT_S)
                first = time.monotonic() - began
                time.sleep(rng.uniform(0, 0.1))
            os.kill(child, signal.SIGKILL)
            assert int(forks.stdout.readline()) == -signal.SIGKILL
            after = written(out)
            assert {key: after.get(key) for key in before} == before
            assert len(after) > len(before) or kill % 2
            before = after
        fork()
        assert forks.stdout.readline() == "0\n"
        after = written(out)
        assert {key: after[key] for key in before} == before
    finally:
        forks.kill()
        forks.communicate()
    suite = load_suite(tiny).resized(seeds=SEEDS, epochs=1)
    results = load_results(out)
    assert results.trials.trial_id.nunique() == results.planned == 3 * SEEDS
    same_frames(driver.run(suite, tmp_path / "whole", workers=0), results)


def workers_of(process):
    """The worker processes of a driver, waiting for one if all have just died."""
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        found = []
        for child in psutil.Process(process.pid).children():
            with contextlib.suppress(psutil.Error):
                if "spawn_main" in " ".join(child.cmdline()):
                    found.append(child)
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"no workers\n{process.said()}")


def test_workers_killed_in_mid_run_lose_nothing(tiny, tmp_path, start):
    whole = driver.run(load_suite(tiny).resized(seeds=60), tmp_path / "whole", workers=0)
    out, rng, killed = tmp_path / "out", random.Random(0), set()
    process = start(tiny, out, "--workers", "2", "--seeds", "60")
    for count in (1, 20, 60):
        wait_for(count, out, process)
        time.sleep(rng.uniform(0, 0.3))
        worker = rng.choice(workers_of(process))
        with contextlib.suppress(psutil.NoSuchProcess):
            worker.kill()
            killed.add(worker.pid)
    assert process.wait(timeout=LIMIT_S) == 0, process.said()
    assert len(killed) == 3
    same_frames(whole, load_results(out))
    assert left(process.pid) == []


def test_a_killed_driver_leaves_no_workers(tiny, tmp_path, start):
    process = start(tiny, tmp_path / "out", "--workers", "2", "--seeds", "200")
    wait_for(2, tmp_path / "out", process)
    process.kill()
    process.wait()
    assert left(process.pid) == []


@pytest.mark.parametrize(
    "signals",
    [[signal.SIGTERM], [signal.SIGINT, signal.SIGINT], [signal.SIGTERM, signal.SIGINT]],
    ids=lambda signals: "-".join(s.name for s in signals),
)
def test_a_stopped_run_ends_cleanly(tiny, tmp_path, start, signals):
    out = tmp_path / "out"
    process = start(tiny, out, "--workers", "2", "--seeds", "200")
    wait_for(2, out, process)
    for number in signals:
        process.send_signal(number)
        time.sleep(0.3)
    assert process.wait(timeout=LIMIT_S) == 130, process.said()
    assert "the same command continues" in process.said()
    assert "Traceback" not in process.said()
    assert left(process.pid) == []
    assert len(written(out)) >= 2


def test_of_two_drivers_that_start_at_once_one_is_refused(tiny, tmp_path, start):
    out = tmp_path / "out"
    drivers = [start(tiny, out, "--workers", "1", "--seeds", "60") for _ in range(2)]
    ends = sorted(process.wait(timeout=LIMIT_S) for process in drivers)
    assert ends == [0, 2], [process.said() for process in drivers]
    refused = next(process for process in drivers if process.returncode == 2)
    assert "another run is writing to this results folder" in refused.said()
    assert "what to do: wait for it" in refused.said()
    results = load_results(out)
    assert results.trials.trial_id.nunique() == results.planned == 180
    assert written(out).keys() == set(results.trials.trial_id)

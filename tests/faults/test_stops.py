"""Processes that stand still in mid-run, as by Ctrl-Z or a laptop's sleep: nothing is lost or trained twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter

import psutil
import pytest

from bench import analyse, driver, load_suite, runner, standstill

SILENCE_S = 6  # more than the least that Dask counts, see below
POOL = """
import os, sys, time
from pathlib import Path
from bench import executor

def noted(item):
    with Path(sys.argv[1]).open("a") as begun:
        begun.write(f"{item} {os.getpid()}\\n")
    time.sleep(0.3)

if __name__ == "__main__":
    with executor.pool(2) as pool:
        assert all(answer is None for _, answer in pool.map(noted, {str(i): i for i in range(12)}))
    print("done")
"""
TRAINING = """
import time
from bench import standstill

with standstill.Watch() as watch:
    before = watch.still_s()
    print("training", flush=True)
    end = time.monotonic() + 0.6
    while time.monotonic() < end:
        pass
    print(watch.still_s() - before)
"""


def run_of(code, *arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        start_new_session=True,
    )


def stand_still(processes, seconds):
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for process in processes:
            process.send_signal(number)
        time.sleep(seconds if number == signal.SIGSTOP else 0)


@pytest.mark.parametrize(
    "who",
    ["a worker", *(pytest.param(who, marks=pytest.mark.slow) for who in ("all", "the driver"))],
)
def test_who_stood_still_goes_on_and_nothing_is_done_twice(who, tmp_path):
    """Where Dask ends workers of which nothing is heard for 1 s, which it takes for 5; else for 5 min."""
    script, begun = tmp_path / "pool.py", tmp_path / "begun"
    script.write_text(POOL)
    start = f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')"
    run = run_of(start, begun, DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL="1s")
    try:
        until = time.monotonic() + 120
        while not begun.exists() or len(begun.read_text().split("\n")) < 3:
            assert time.monotonic() < until
            assert run.poll() is None
            time.sleep(0.05)
        own = psutil.Process(run.pid)
        workers = [psutil.Process(int(line.split()[1])) for line in begun.read_text().splitlines()]
        stopped = {"all": [own, *workers], "a worker": workers[:1], "the driver": [own]}[who]
        stand_still(stopped, SILENCE_S)
        assert run.communicate(timeout=120)[0] == "done\n"
    finally:
        run.kill()
        run.communicate()
    items, processes = zip(*map(str.split, begun.read_text().splitlines()), strict=True)
    assert Counter(items) == Counter(map(str, range(12)))
    assert {int(number) for number in processes} == {worker.pid for worker in workers}


@pytest.mark.parametrize("still", [True, False])
def test_a_process_knows_that_it_stood_still(still):
    run = run_of(TRAINING)
    assert run.stdout.readline() == "training\n"
    if still:
        stand_still([run], 2)
    lost = float(run.communicate(timeout=60)[0])
    assert lost == pytest.approx(2, abs=0.8) if still else lost == 0


def test_times_of_a_trial_that_stood_still_are_not_taken_for_training(tiny, tmp_path, monkeypatch):
    """The trial says so, and so does the report."""
    real = runner.run_trial

    class Still(standstill.Watch):
        """Stood still for 3 s in every training."""

        lost = 0

        def still_s(self):
            self.lost += 3
            return self.lost

    def second_stood_still(trial, **options):
        with monkeypatch.context() as patched:
            patched.setattr(standstill, "Watch", Still if trial.seed == 1 else watch)
            return real(trial, **options)

    watch = standstill.Watch
    monkeypatch.setattr(runner, "run_trial", second_stood_still)
    suite = load_suite(tiny).resized(questions=["rates"])
    results = driver.run(suite, tmp_path / "out", workers=0)
    noted = results.trials[results.trials.notes != ""]
    assert set(noted.seed) == {1}
    assert set(noted.notes) == {standstill.NOTE}
    (said,) = analyse(results).conditions.cautions
    assert said.startswith("2 trials stood still in training (stopped")

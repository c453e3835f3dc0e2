"""What a trial costs beside its training, from 10 to 10,000 of them: ``python -m tests.scale [PART]...``.

PARTS are trials, dask and store; without one, all. *trials*: real ones, of one epoch on ``digits``, by two
workers on this machine; prints the table of docs/performance.md. *dask*: a real ``dask scheduler`` and two real
workers on loopback are given items that do nothing; *store*: a store is given results of the size of a real
trial. They print the tables of docs/cluster.md. Processor seconds are what counts there: they say at which rate
the process that spends them is full.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from bench import driver, executor, load_suite, runner
from bench.store import FILE, Store
from bench.trial import distinct, expand
from tests.conftest import TINY

COUNTS = (100, 1_000, 10_000)


READ = """
import sys, time, pandas, psutil, bench
memory = psutil.Process().memory_info
before, begin = memory().rss, time.process_time()
results = bench.load_results(sys.argv[1])
read, grown, begin = time.process_time() - begin, memory().rss - before, time.process_time()
bench.write_report(bench.analyse(results), sys.argv[1] + "/report.html")
print(read, grown / 2**20, time.process_time() - begin)
"""


PLAN = """
import sys, time, psutil
from bench import load_suite
from bench.trial import distinct, expand
suite = load_suite(sys.argv[1]).resized(questions=["rates"], seeds=int(sys.argv[2]))
memory = psutil.Process().memory_info
before, begin = memory().rss, time.process_time()
uses = expand(suite)
todo = {trial.id: trial for trial in distinct(uses)}
print(time.process_time() - begin, (memory().rss - before) / 2**20)
"""


def say(line=""):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def nothing(item):
    return item


@contextlib.contextmanager
def cluster():
    """The address of a scheduler with two workers, and its process."""
    with tempfile.TemporaryDirectory() as folder:
        about = Path(folder) / "scheduler.json"
        dask = [sys.executable, "-m"]
        where = ["--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(about)]
        options = {"cwd": folder, "stderr": subprocess.DEVNULL}
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        started = [
            subprocess.Popen(
                [*dask, "distributed.cli.dask_scheduler", *where], env=environment, **options
            )
        ]
        try:
            while not about.exists() or not about.read_text():
                time.sleep(0.05)
            address = json.loads(about.read_text())["address"]
            worker = [
                *dask,
                "distributed.cli.dask_worker",
                address,
                "--nthreads",
                "1",
                "--no-nanny",
            ]
            started += [subprocess.Popen(worker, env=environment, **options) for _ in range(2)]
            yield address, psutil.Process(started[0].pid)
        finally:
            for process in started:
                process.kill()
                process.wait()


def used(process):
    """Processor seconds and MiB."""
    times = process.cpu_times()
    return times.user + times.system, process.memory_info().rss / 2**20


def measure_dask(_folder):
    say("| items | wall, ms | scheduler, ms | driver, ms | scheduler, MiB | driver, MiB |")
    say("|---|---|---|---|---|---|")
    driver = psutil.Process()
    with cluster() as (address, scheduler), executor.pool(0, address) as pool:
        list(pool.map(nothing, {str(i): i for i in range(50)}))  # imports, connections
        for count in COUNTS:
            items = {f"{i:016x}": i for i in range(count)}
            before, begin = (used(scheduler), used(driver)), time.perf_counter()
            assert sum(1 for _ in pool.map(nothing, items)) == count
            wall = time.perf_counter() - begin
            after = (used(scheduler), used(driver))
            each = [1e3 * (b[0] - a[0]) / count for a, b in zip(before, after, strict=True)]
            grown = [b[1] - a[1] for a, b in zip(before, after, strict=True)]
            say(
                f"| {count:,} | {1e3 * wall / count:.2f} | {each[0]:.2f} | {each[1]:.2f}"
                f" | {grown[0]:+.1f} | {grown[1]:+.1f} |"
            )


def measure_store(folder):
    """Results of 20 epochs, as large as a real one, of the variants of one question."""
    path = folder / "suite.yaml"
    path.write_text(TINY)
    suite = load_suite(path).resized(questions=["rates"], epochs=20, seeds=max(COUNTS) // 2)
    first = expand(suite)[0]
    real = runner.run_trial(first.trial)
    say(
        "| trials | plan, s | plan, MiB | write, ms | file, KiB each | read, s | read, MiB | report, s |"
    )
    say("|---|---|---|---|---|---|---|---|")
    for count in COUNTS:
        plan, planned = _child(PLAN, path, count // 2)
        sized = suite.resized(seeds=count // 2)
        uses = expand(sized)
        trials = distinct(uses)
        out = folder / str(count)
        with Store(out) as store:
            store.begin(sized, uses, started_at="", command="")
            begin = time.perf_counter()
            for trial in trials:
                store.append(_as(trial, real))
            write = time.perf_counter() - begin
        size = (out / FILE).stat().st_size
        read, grown, report = _child(READ, out)
        say(
            f"| {count:,} | {plan:.2f} | {planned:.1f} | {1e3 * write / count:.1f} | {size / count / 1024:.1f}"
            f" | {read:.2f} | {grown:.0f} | {report:.1f} |"
        )


def _child(code, *arguments):
    """The numbers that a program of its own prints: its memory is not that of this one."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return map(float, subprocess.run(command, capture_output=True, check=True).stdout.split())


def _as(trial, real):
    """The result of one trial as that of another."""
    return dataclasses.replace(
        real, trial_id=trial.id, seed=trial.seed, settings=trial.training.canonical
    )


def measure_trials(folder):
    """Whole runs of trials that train for a few milliseconds."""
    path = folder / "suite.yaml"
    path.write_text(TINY)
    say(
        "| trials | start, s | trials/s | driver's processor, ms each | driver, MiB | a worker, MiB"
        " | read, s | report, s |"
    )
    say("|---|---|---|---|---|---|---|---|")
    for count in (10, *COUNTS[1:]):
        suite = load_suite(path).resized(questions=["rates"], epochs=1, seeds=count // 2)
        out, begin, before = folder / f"run-{count}", time.perf_counter(), time.process_time()
        with _watched() as peaks:
            driver.run(suite, out, workers=2, observer=(watch := _Clock()))
        start = watch.planned_at - begin
        rate = (count - 1) / (watch.finished_at[-1] - watch.finished_at[0])
        each = 1e3 * (time.process_time() - before) / count
        read, _, report = _child(READ, out)
        say(
            f"| {count:,} | {start:.1f} | {rate:.1f} | {each:.1f} | {peaks['driver']:.0f}"
            f" | {peaks['worker']:.0f} | {read:.1f} | {report:.1f} |"
        )


class _Clock(driver.Silent):
    """When the first trial could begin, and when each was written."""

    def __init__(self):
        self.finished_at = []

    def planned(self, plan, workers):
        self.planned_at = time.perf_counter()

    def finished(self, use, result):
        assert result.status == "completed", result.error
        self.finished_at.append(time.perf_counter())


@contextlib.contextmanager
def _watched():
    """The most memory that this process had, and any below it, in MiB; looked at twice a second."""
    peaks, over, own = {"driver": 0.0, "worker": 0.0}, threading.Event(), psutil.Process()

    def look():
        while not over.wait(0.5):
            peaks["driver"] = max(peaks["driver"], own.memory_info().rss / 2**20)
            for child in own.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    peaks["worker"] = max(peaks["worker"], child.memory_info().rss / 2**20)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peaks
    finally:
        over.set()
        thread.join()


if __name__ == "__main__":
    parts = {"trials": measure_trials, "dask": measure_dask, "store": measure_store}
    with tempfile.TemporaryDirectory() as name:
        for part in sys.argv[1:] or parts:
            parts[part](Path(name))
            say()

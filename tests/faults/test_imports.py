"""``bench import``, killed or stopped at any moment: the folder has all of it or nothing."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from bench import load_results
from bench.errors import StoreError
from bench.store import FILE

KILLS = 12
LIMIT_S = 60
# Forks an import of each log it is told of, and says its number and how it ended: all is imported once.
FORKS = """
import os, sys
from bench import importers

def read(log, out):
    importers.read(log, "csv", out, variant="m", seed="s", step="t", metrics=["acc:max"])

read(sys.argv[1], sys.argv[2])
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        os.close(0)
        read(line.strip(), sys.argv[3])
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
STOPPED = """
import os, signal, sys
from bench import importers, store
from bench.cli import main

def stop(*_arguments, **_named):
    os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
if sys.argv.pop(1) == "before":
    importers.read = stop
else:
    insert = store._insert
    store._insert = lambda *arguments: (insert(*arguments), stop())
main()
"""


def log_of(path, seeds):
    """A log of 2 variants and so many seeds, 10 steps each."""
    rng = random.Random(seeds)
    rows = itertools.product("ab", range(seeds), range(10))
    path.write_text("m,s,t,acc\n" + "".join(f"{m},{s},{t},{rng.random()}\n" for m, s, t in rows))
    return path


@pytest.fixture
def forks(tmp_path):
    """Two logs, the folder to import them into, and a function that begins to import one."""
    logs = [log_of(tmp_path / f"{seeds}.csv", seeds) for seeds in (100, 150)]
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", FORKS, logs[0], tmp_path / "first", out],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )

    def fork(log):
        process.stdin.write(f"{log}\n")
        return int(process.stdout.readline())

    def ended():
        return int(process.stdout.readline())

    yield logs, out, fork, ended
    process.kill()
    process.communicate()


def imported(out):
    """How many seeds of which the folder holds everything; None before the first import."""
    try:
        results = load_results(out)
    except StoreError as error:
        if error.problem not in ("no results here", "no run has begun here"):
            raise
        return None
    seeds = results.trials.seed.nunique()
    assert len(results.trials) == results.planned == 2 * seeds
    assert len(results.curves) == 2 * seeds * 10
    return seeds


def test_an_import_killed_at_any_moment_is_whole_or_nothing(forks):
    logs, out, fork, ended = forks
    rng, begun = random.Random(0), time.monotonic()
    fork(logs[0])
    assert ended() == 0
    whole_s = time.monotonic() - begun
    out.rename(out.parent / "whole")
    before, killed = None, 0
    for kill in range(KILLS):
        log = logs[kill // 2 % 2]
        child, until = fork(log), time.monotonic() + rng.uniform(0, 0.7 * whole_s)
        journal = out / f"{FILE}-journal"
        if kill % 2 == 0:  # while it writes
            until += LIMIT_S
        while time.monotonic() < until and not (kill % 2 == 0 and journal.exists()):
            time.sleep(0.001)
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            os.kill(child, signal.SIGKILL)
        killed += ended() == -signal.SIGKILL
        after = imported(out)
        assert after in (before, int(log.stem))
        before = after
    assert killed >= KILLS / 2
    fork(logs[0])
    assert ended() == 0
    assert imported(out) == 100
    assert {path.name for path in out.iterdir()} == {FILE, "driver.lock"}


@pytest.mark.parametrize("when", ["before", "in the middle"])
def test_ctrl_c_of_an_import_is_one_sentence(when, tmp_path):
    log, out = log_of(tmp_path / "log.csv", 3), tmp_path / "out"
    command = ["import", "csv", log, "--out", out, "--metric", "acc:max"]
    columns = ["--variant", "m", "--seed", "s", "--step", "t"]
    done = subprocess.run(
        [sys.executable, "-c", STOPPED, when, *command, *columns],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == (
        "stopped; the folder holds the whole import or nothing of it: give the same command again\n"
    )
    assert imported(out) is None

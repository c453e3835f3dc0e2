"""Who reads while a run or an import writes: sees one moment, whole, or one error; the writer goes on."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from bench import cli, load_results, load_suite, results_file
from bench.errors import StoreError
from bench.store import FILE, Store
from tests.faults.test_imports import forks, imported  # noqa: F401  # a fixture
from tests.test_store import FAST, begin, written

RESULTS = 120
# Writes results as a driver does, once it is told to.
WRITER = """
import sys, time
from pathlib import Path
from bench import load_suite
from bench.store import Store
from bench.trial import distinct, expand
from tests.test_store import result

suite = load_suite(sys.argv[1]).resized(seeds=int(sys.argv[3]) // 3)
uses = expand(suite)
with Store(Path(sys.argv[2])) as store:
    print("locked", flush=True)
    sys.stdin.readline()
    store.begin(suite, uses, started_at="2026-01-01T00:00:00+00:00", command="bench run tiny")
    for trial in distinct(uses):
        store.append(result(trial))
        time.sleep(0.03)
print("done", flush=True)
"""


@pytest.fixture
def writer(tiny, tmp_path):
    """A driver that writes results into a folder, and the folder."""
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, tiny, out, str(RESULTS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    yield process, out
    process.send_signal(signal.SIGCONT)
    process.kill()
    process.communicate()


def test_who_reads_while_a_run_writes_sees_one_moment(writer):
    process, out = writer
    assert process.stdout.readline() == "locked\n"
    with pytest.raises(StoreError, match="no run has begun here"):
        load_results(out)
    process.stdin.write("\n")
    commands = iter(["status", "report"])  # others read likewise
    seen = [0]
    while process.poll() is None:
        try:
            results = load_results(out)
        except StoreError as error:
            if error.problem != "no run has begun here" or len(seen) > 1:
                raise
            continue
        seen.append(results.trials.trial_id.nunique())
        assert seen[-1] >= seen[-2]
        assert results.planned == RESULTS
        assert len(results.curves) == 3 * len(results.trials)
        assert len(results.probes) == len(results.trials)
        if len(set(seen)) > 4 and (command := next(commands, None)):
            cli.app([command, str(out)], standalone_mode=False)
        time.sleep(0.02)
    assert (process.returncode, *process.communicate()) == (0, "done\n", "")
    assert load_results(out).trials.trial_id.nunique() == RESULTS
    assert len(set(seen)) > 4
    assert (out / "report.html").exists()


def test_who_reads_while_an_import_writes_sees_one_of_them(forks):  # noqa: F811
    logs, out, fork, ended = forks
    seen = []
    for log in [*logs, *logs]:
        fork(log)
        over = threading.Event()
        ends = []

        def wait(over=over, ends=ends):
            ends.append(ended())
            over.set()

        threading.Thread(target=wait).start()
        while not over.is_set():
            seen.append(imported(out))  # whole, or nothing at first
        assert ends == [0]
        assert imported(out) == int(log.stem)
    assert None not in seen[seen.index(100) :]
    assert set(seen) - {None} == {100, 150}


@pytest.mark.parametrize("who", ["a reader", "the driver"])
def test_a_file_that_somebody_keeps_is_one_error(who, tiny, tmp_path, monkeypatch):
    """Of a reader that stands still in the middle of reading, as by Ctrl-Z, or a writer in its writing."""
    monkeypatch.setattr(results_file, "WAIT_S", 0.1)
    out, suite = tmp_path / "out", load_suite(tiny)
    written(out, suite, (FAST, {}))
    with Store(out) as store, contextlib.closing(sqlite3.connect(out / FILE)) as keeps:
        keeps.isolation_level = None
        keeps.execute("BEGIN" if who == "a reader" else "BEGIN EXCLUSIVE")
        if who == "a reader":
            keeps.execute("SELECT * FROM trials").fetchone()
            with pytest.raises(StoreError, match="could not be written") as caught:
                begin(store, suite)
        else:
            with pytest.raises(StoreError, match="cannot be read") as caught:
                load_results(out)
        keeps.execute("ROLLBACK")
        assert "another program" in caught.value.found
        assert caught.value.hint.startswith("wait for it, or end it")
        begin(store, suite)
        assert len(load_results(out).runs) == 2

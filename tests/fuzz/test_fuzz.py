"""Broken inputs by the thousand: each is read, or refused by one error; none hangs, none fills the memory."""

from __future__ import annotations

import contextlib
import resource
import shutil
import signal
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
import targets

LONGEST_S = 60  # for one input; machines are busy at times
MEMORY = 3 << 30  # bytes, beyond what the process has already
QUICK = {"suite": 150, "report": 4, "compare": 10, "export": 10, "verify": 20}  # others: 40
SLOW = {  # 315,000 in all: most where an input takes a few milliseconds
    "suite": 100_000,
    "csv": 10_000,
    "jsonl": 10_000,
    "parquet": 10_000,
    "results": 3_000,
    "report": 200,
    "compare": 300,
    "export": 500,
    "verify": 1_000,
    "predictions": 30_000,
    "weights": 10_000,
    "table": 20_000,
    "table.gz": 20_000,
    "idx": 20_000,
    "idx.gz": 20_000,
    "npz": 20_000,
    "cluster": 20_000,
    "templates": 20_000,
}
BLOCKS = 10


@contextlib.contextmanager
def bounded(memory):
    """Memory, beyond what there is, and time that inputs may take; more is an error that no target catches.

    None: as much memory as they want (the charts' engine reserves terabytes of addresses).
    """

    def too_long(signum, frame):
        raise TimeoutError(f"an input took more than {LONGEST_S} s")

    before = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    handler = signal.signal(signal.SIGALRM, too_long)
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (now + memory, before[1]))
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)


def fuzzed(name, seed, number, folder):
    """How many of the inputs were refused. One that breaks something is kept in ``folder``, and named."""
    refused = 0
    with bounded(MEMORY if name != "report" else None):
        for data in targets.inputs(name, seed, number):
            signal.alarm(LONGEST_S)
            try:
                refused += targets.refusal(targets.TARGETS[name], data, folder) is not None
            except BaseException as error:
                (folder / "broke").write_bytes(data)
                raise AssertionError(f"see {folder / 'broke'}") from error
    shutil.rmtree(folder)
    return refused


@pytest.mark.parametrize("name", targets.TARGETS)
def test_some_broken_inputs(name, tmp_path):
    for data in targets.TARGETS[name].seeds()[:3]:
        assert targets.refusal(targets.TARGETS[name], data, tmp_path) is None, "a good one"
    assert fuzzed(name, "quick", QUICK.get(name, 40), tmp_path) > 0


@pytest.mark.slow
@pytest.mark.parametrize("block", range(BLOCKS))
@pytest.mark.parametrize("name", targets.TARGETS)
def test_very_many_broken_inputs(name, block, tmp_path):
    number = SLOW[name] // BLOCKS
    assert number / 4 < fuzzed(name, block, number, tmp_path) < number, "most are refused, not all"

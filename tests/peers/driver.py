"""Starts a worker process per way to train, and measures the ways in turn, in random order."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import select
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.backend import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HERE = Path(__file__).parent
CORES = sorted(os.sched_getaffinity(0))[:2]
PREPARE_LIMIT_S = 60
EPOCH_LIMIT_S = 20

# What the caller's shell says of threads and kernels is not passed on.
CLEARED = ("OPENBLAS_", "OMP_", "GOMP_", "KMP_", "MKL_", "TF_", "XLA_", "KERAS_", "JAX_", "TORCH")
# Everywhere: no GPU, no chatter, and a judge (NumPy) that stays on one thread.
COMMON = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "JAX_PLATFORMS": "cpu",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "OPENBLAS_NUM_THREADS": "1",
}
ONE_THREAD = {
    "keras": {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"},
    "torch": {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
    "jax": {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"},
    "ours": ENVIRONMENT,
}
MODULES = {
    "ours": "tensorflow",
    "keras": "keras",
    "torch": "torch",
    "sklearn": "sklearn",
    "jax": "jax",
}


@dataclass(frozen=True)
class Way:
    """One way to train: a row of the table.

    Attributes:
        library: ``with_<library>.py`` trains.
        how: in words.
        processes: 1, or 2 side by side, each on a core of its own.
        threads: of each process; 2 is one process that may use both cores as it likes.
        options: arguments of its ``prepare``.
        environment: more variables of the process.
    """

    library: str
    how: str
    processes: int = 1
    threads: int = 1
    options: dict[str, Any] = field(default_factory=dict, compare=False)
    environment: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        """Library and manner."""
        return f"{self.library}: {self.how}"

    @property
    def missing(self) -> str:
        """Why it cannot be measured here, or nothing."""
        module = MODULES.get(self.library)
        if module and importlib.util.find_spec(module) is None:
            return f"{module} is not installed"
        if self.processes * self.threads > len(CORES):
            return "needs two cores"
        return ""


@dataclass(frozen=True)
class Measured:
    """One measurement of a way.

    Attributes:
        seconds: of the wall per seed-epoch.
        processor_s: seconds of the processor per seed-epoch, over all threads.
        busy: share of the time that its cores worked for it; with as many cores as threads and nothing else
            running, one thread has 1.0.
    """

    seconds: float
    processor_s: float
    busy: float


class Worker:
    """One process of ``worker.py``."""

    def __init__(self, way: Way, number: int) -> None:
        cores = CORES if way.threads > 1 else [CORES[number]]
        threads = {} if way.threads > 1 else ONE_THREAD.get(way.library, {})
        self.objectives: list[float] = []
        arguments = [
            way.library,
            str(number + 1),
            ",".join(map(str, cores)),
            json.dumps(way.options),
        ]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(CLEARED)}
        self._process = subprocess.Popen(
            [sys.executable, HERE / "worker.py", *arguments],
            env=inherited | COMMON | threads | way.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if not os.environ.get("PEERS_VERBOSE") else None,
        )

    def start_epoch(self) -> None:
        """Ask for an epoch."""
        self._process.stdin.write(b"epoch\n")
        self._process.stdin.flush()

    def answer(self, limit_s: float) -> dict[str, float]:
        """What the worker says of the epoch.

        Raises:
            TimeoutError, EOFError: it says nothing.
        """
        ready, _, _ = select.select([self._process.stdout], [], [], limit_s)
        if not ready:
            raise TimeoutError(f"no answer within {limit_s} s")
        line = self._process.stdout.readline()
        if not line:
            raise EOFError("the process ended; PEERS_VERBOSE=1 shows what it says")
        found = json.loads(line)
        self.objectives.append(found["objective"])
        return found

    def end(self) -> None:
        """End the process."""
        with self._process:  # closes its pipes and waits
            self._process.kill()


@contextmanager
def prepared(ways: Sequence[Way]) -> Iterator[tuple[dict[Way, list[Worker]], dict[str, str]]]:
    """Workers of each way, ready; and why ways were left out. One process alone is the first of a pair."""
    kinds: dict[tuple[object, ...], list[Worker]] = {}
    team: dict[Way, list[Worker]] = {}
    left_out: dict[str, str] = {}
    with ExitStack() as stack:
        for way in ways:
            if way.missing:
                left_out[way.name] = way.missing
                continue
            key = (way.library, way.threads, str(way.options), str(way.environment))
            workers = kinds.setdefault(key, [])
            try:
                while len(workers) < way.processes:
                    worker = Worker(way, len(workers))
                    stack.callback(worker.end)
                    worker.answer(PREPARE_LIMIT_S)
                    workers.append(worker)
            except (OSError, EOFError) as error:
                left_out[way.name] = str(error)
                continue
            team[way] = workers[: way.processes]
        yield team, left_out


def measure(way: Way, workers: Sequence[Worker]) -> Measured:
    """One epoch by each worker at once; the slowest counts."""
    for worker in workers:
        worker.start_epoch()
    found = [worker.answer(EPOCH_LIMIT_S) for worker in workers]
    wall, processor = max(f["wall"] for f in found), sum(f["cpu"] for f in found)
    cores = way.processes * way.threads
    return Measured(wall / len(found), processor / len(found), processor / wall / cores)


def rounds(
    team: dict[Way, list[Worker]], left_out: dict[str, str], number: int
) -> dict[Way, list[Measured]]:
    """All ways once per round, each round in a new random order."""
    measured: dict[Way, list[Measured]] = {way: [] for way in team}
    for _ in range(number):
        for way in random.sample(list(measured), len(measured)):
            try:
                measured[way].append(measure(way, team[way]))
            except (OSError, EOFError) as error:  # a late answer must not become the next one's
                left_out[way.name] = str(error)
                del measured[way]
                for worker in team[way]:
                    worker.end()
    return measured


def flags() -> set[str]:
    """The processor's instruction sets."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return set(next((x.split(":")[1] for x in lines if x.startswith("flags")), "").split())

"""A worker as ``bench run`` starts it: that it starts, on how many threads it computes, and how fast."""

from __future__ import annotations

import statistics
import time
from typing import Any, Final

from bench import backend, executor, timing
from bench.doctor._found import Found, Problem
from bench.errors import BenchError, first_line
from bench.suite import parse_suite
from bench.trial import expand

SECONDS: Final = 5.0
EPOCH_S: Final = 0.138  # "one worker alone", docs/performance.md
SHARED: Final = 0.9  # of the time a core is computing, when nothing else has it
SUITE: Final = """
suite: speed
title: The network of question 1, batch 100
dataset: mnist
seeds: 1
epochs: 1
base:
  model: {mlp: {hidden: [100], l2: 0.01}}
  optimizer: {SGD: {learning_rate: 0.1}}
questions:
  speed: {ask: How fast?, variants: {batch-100: {}}}
"""  # the one that docs/performance.md measures


def examine(seconds: float = SECONDS) -> Found:
    """Start a worker, ask it what it computes with, and have it train for ``seconds``."""
    begin = time.perf_counter()
    try:
        with executor.pool(1) as pool:
            ((_, there),) = pool.map(_libraries, {"libraries": 0.0})
            if isinstance(there, BaseException):
                raise there
            started = time.perf_counter() - begin
            ((_, took),) = pool.map(_epochs, {"epochs": seconds})
            if isinstance(took, BaseException):
                raise took
    except BenchError as error:
        return Found(
            problems=(Problem(f"a worker cannot train: {error}", _advice(error), broken=True),)
        )
    except (OSError, RuntimeError) as error:
        what = f"no worker process could be started: {first_line(error)}"
        advice = "bench run ... --workers 0 trains without; or let processes of this machine talk to each other"
        return Found(problems=(Problem(what, advice, broken=True),))
    return _threads(there, started) + _speed(took)


def _advice(error: BenchError) -> str:
    return error.hint or "pip install --force-reinstall seedwise"


def _libraries(_: float) -> dict[str, Any]:
    """On the worker: the threads of TensorFlow and of the libraries for linear algebra."""
    from threadpoolctl import threadpool_info

    threading = backend.tensorflow().config.threading
    import scipy.linalg  # noqa: F401 - loads its library

    return {
        "tensorflow": max(
            threading.get_intra_op_parallelism_threads(),
            threading.get_inter_op_parallelism_threads(),
        ),
        "pools": threadpool_info(),
    }


def _epochs(seconds: float) -> list[tuple[float, float]]:
    """On the worker: epochs for ``seconds``, each as seconds by the clock and of the processor."""
    (use,) = expand(parse_suite(SUITE))
    took: list[tuple[float, float]] = []
    begin = time.perf_counter()
    for (epoch,) in timing.rounds({"speed": use.trial}, 1_000_000):
        begin = begin if took else time.perf_counter()
        took.append((epoch.seconds, epoch.processor_s))
        if time.perf_counter() - begin > seconds:
            break
    return took


def _threads(there: dict[str, Any], started: float) -> Found:
    pools = {
        (p["internal_api"], p.get("version") or "", p.get("architecture") or "", p["num_threads"])
        for p in there["pools"]
        if p["user_api"] == "blas"
    }
    blas = ", ".join(
        f"{' '.join(filter(None, (name, version)))} ({kernel or 'one kernel'}), {threads} thread(s)"
        for name, version, kernel, threads in sorted(pools)
    )
    facts = (
        ("worker", f"started and ready in {started:.1f} s"),
        ("threads", f"{there['tensorflow']} of TensorFlow in a worker"),
        ("BLAS", blas or "none found"),
    )
    many = there["tensorflow"] != 1 or any(threads != 1 for *_, threads in pools)
    what = "a worker computes on several threads, so results may not be the same to the bit"
    advice = "look in the environment and in Dask's configuration for what sets threads"
    return Found(facts, problems=(Problem(what, advice),) if many else ())


def _speed(took: list[tuple[float, float]]) -> Found:
    epoch = statistics.median(seconds for seconds, _ in took)
    busy = sum(processor for _, processor in took) / sum(seconds for seconds, _ in took)
    said = (
        f"an epoch of question 1's network takes {epoch:.3f} s on one thread (median of {len(took)}),"
        f" {epoch / EPOCH_S:.2f} times the {EPOCH_S} s of docs/performance.md, measured on an idle AMD EPYC"
        f" with AVX-512; a rough check, not a benchmark"
    )
    if busy >= SHARED:
        return Found((("speed", said),))
    own = statistics.median(processor for _, processor in took)
    said += f"; other programs had the core too, and the epoch itself took {own:.3f} s of it"
    what = f"while the speed was checked, the worker had a core for {busy:.0%} of the time only"
    return Found(
        (("speed", said),),
        problems=(Problem(what, "end other programs, and run bench doctor again"),),
    )

"""How long a run will take, roughly: from the arithmetic of each trial and this machine's speed.

Only for planning and for weighing progress; nothing here is ever reported as a result.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench.plugins import named

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.trial import Training, Trial

START_S: Final = 8.0  # a worker's start: processes, TensorFlow, reading the data
COMPILE_S: Final = 1.2  # building and compiling one kind of training
UPDATE_S: Final = 4e-6  # one update beside its arithmetic
EFFICIENCY: Final = 0.9  # of the speed of NumPy's products, reached while training
PROCESS_S: Final = 2.2  # the start of one process of an engine that has several
WORKER_S: Final = (
    2.5e-3  # its part of an update of all: that of one core, where there are not enough
)
SERVED_S: Final = 5e-3  # an asynchronous update, with its way to the server and back
IMAGES: Final = {
    "mnist": (60_000, 10_000),
    "fashion_mnist": (60_000, 10_000),
    "digits": (1_442, 355),
}


def seconds(trials: Iterable[Trial], workers: int) -> float | None:
    """Rough wall time of the trials on ``workers`` workers, in s; None if a trial cannot be estimated."""
    many = list(trials)
    costs = [trial_seconds(trial.training) for trial in many]
    if not many or any(cost is None for cost in costs):
        return 0.0 if not many else None
    workers = max(workers, 1)
    compiles = min(len(many), workers * len({trial.training.canonical for trial in many}))
    return START_S + (math.fsum(c for c in costs if c is not None) + compiles * COMPILE_S) / workers


def trial_seconds(training: Training) -> float | None:
    """Rough time of one trial in s, compilation excluded; None for data or networks not known here."""
    dataset = training.dataset
    hidden = _hidden(training.model)
    if hidden is None or not isinstance(dataset, str) or dataset not in IMAGES:
        return None
    n_train, n_test = IMAGES[dataset]
    n_train = training.train_images or n_train - training.validation
    sizes = [64 if dataset == "digits" else 784, *hidden, 10]
    weights = sum(a * b for a, b in pairwise(sizes))
    work: float = 2 * weights / (EFFICIENCY * _products_per_second())
    batch = n_train if training.batch_size == "full" else training.batch_size
    start, update = _of_processes(training.engine)
    epoch: float = 2 * work * n_train + update * math.ceil(n_train / batch)
    evaluations = (training.epochs + 1) * work * (n_train + n_test)
    return start + float(training.epochs) * epoch + evaluations


def _of_processes(engine: str | Mapping[str, Any]) -> tuple[float, float]:
    """Time until the first update, and of an update beside its arithmetic, both in s."""
    name, options = named(engine)
    workers = options.get("workers")
    if not isinstance(workers, int) or name not in ("multi_worker", "parameter_server"):
        return 0.0, UPDATE_S
    if name == "multi_worker":
        return workers * PROCESS_S, workers * WORKER_S
    return (workers + 2) * PROCESS_S, SERVED_S


def _hidden(model: str | Mapping[str, Any]) -> list[int] | None:
    """Sizes of an mlp's hidden layers; None for other networks and for what is no list of sizes."""
    if isinstance(model, Mapping) and "mlp" not in model:
        return None
    name, arguments = named(model)
    hidden = arguments.get("hidden", [100])
    fits = isinstance(hidden, list) and all(isinstance(n, int) for n in hidden)
    return hidden if name == "mlp" and fits else None


@cache
def _products_per_second() -> float:
    """Floating-point operations per second of one thread in products the size of a mini-batch's."""
    from threadpoolctl import threadpool_limits

    a, b = np.ones((100, 784), np.float32), np.ones((784, 100), np.float32)
    with threadpool_limits(1):
        best = math.inf
        for _ in range(20):
            begin = time.perf_counter()
            for _ in range(5):
                _ = a @ b
            best = min(best, time.perf_counter() - begin)
    return 5 * 2 * a.size * b.shape[1] / best

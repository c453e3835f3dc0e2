"""Synchronous data parallelism in one process: exact, without a network between the workers.

Each of W workers owns a random disjoint part of the training images, drawn by the seed. At every update each
computes the gradient of one mini-batch of its own; the master averages the W gradients and makes one step of
the optimizer, which all take over. ``batch_size`` counts the images of an update over all workers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench import backend
from bench.engines.compiled import CompiledEngine, Rule
from bench.errors import SuiteError
from bench.plugins import named
from bench.trial import generator

if TYPE_CHECKING:
    from bench.engines._network import Job, Network

ARGUMENTS: Final = ("workers",)


def prepare(job: Job) -> CompiledEngine:
    """Divide the images and compile the averaged update."""
    workers, updates = _workers(job), updates_per_epoch(job)
    owner = owners(job, workers)
    size = job.batch_size // workers

    def arrange(order: np.ndarray) -> list[np.ndarray]:
        """(updates, batch_size): worker after worker, each going through its own images in turn."""
        own = [order[owner[order] == worker][: updates * size] for worker in range(workers)]
        return [np.concatenate([part.reshape(updates, size) for part in own], axis=1)]

    return CompiledEngine(job, _Averaged, arrange)


def owners(job: Job, workers: int) -> np.ndarray:
    """(n_train,) which worker owns each training image; parts differ by one image at most."""
    rng = generator(job.data.checksum, job.seed, "workers")
    return rng.permutation(np.arange(job.n_train) % workers)


def updates_per_epoch(job: Job) -> int:
    """Full mini-batches in the smallest part: what is left over waits for the next epoch.

    Raises:
        SuiteError: a number of workers that the batch or the data cannot be divided by.
    """
    workers, batch = _workers(job), job.batch_size
    if batch % workers:
        raise SuiteError(
            "the batch cannot be shared equally",
            where="batch_size",
            expected=f"a multiple of {workers}, the number of workers",
            found=str(batch),
        )
    updates = (job.n_train // workers) // (batch // workers)
    if not updates:
        raise SuiteError(
            "the batch is larger than the training set",
            where="batch_size",
            expected=f"at most {job.n_train // workers} images for each of {workers} workers",
            found=str(batch // workers),
        )
    return updates


def _workers(job: Job) -> int:
    _, options = named(job.training.engine)
    workers = options.get("workers")
    if type(workers) is not int or workers < 1:
        raise SuiteError(
            "not a number of workers",
            where="engine.master_worker.workers",
            expected="a whole number from 1",
            found=repr(workers),
        )
    return workers


class _Averaged(Rule):
    """The mean of the workers' gradients, each of its own share of the update's images."""

    def __init__(self, network: Network, job: Job) -> None:
        super().__init__(network, job)
        self._workers = _workers(job)

    def gradients(self, images: Any, labels: Any, row: Any) -> list[Any]:
        """Gradients of one update."""
        del row
        tf = backend.tensorflow()
        parts = zip(tf.split(images, self._workers), tf.split(labels, self._workers), strict=True)
        answers = [self.network.gradients(x, y) for x, y in parts]
        return [tf.add_n(same) / self._workers for same in zip(*answers, strict=True)]

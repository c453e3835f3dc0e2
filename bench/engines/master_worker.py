"""Synchronous data parallelism in one process: exact, without a network between the workers.

Each of W workers owns a disjoint part of the training images, drawn by the seed. At every update each
computes the gradient of one mini-batch of its own; the master averages the W gradients and makes one step of
the optimizer, which all take over. ``batch_size`` counts the images of an update over all workers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench import backend
from bench.engines._subsets import shared_equally, subsets
from bench.engines.compiled import CompiledEngine, Rule

if TYPE_CHECKING:
    from bench.engines._network import Job, Network

ARGUMENTS: Final = ("workers", "split")


def prepare(job: Job) -> CompiledEngine:
    """Divide the images and compile the averaged update."""
    parts = subsets(job)
    size, updates = shared_equally(job, parts)

    def arrange(order: np.ndarray) -> list[np.ndarray]:
        """(updates, batch_size): worker after worker, each going through its own images in turn."""
        own = [order[parts.owner[order] == worker] for worker in range(parts.workers)]
        rows = [part[: updates * size].reshape(updates, size) for part in own]
        return [np.concatenate(rows, axis=1)]

    return CompiledEngine(job, _Averaged, arrange, parts.measures(job.data))


def updates_per_epoch(job: Job) -> int:
    """Full mini-batches in the smallest part; refuses batches that cannot be shared equally."""
    _, updates = shared_equally(job, subsets(job))
    return updates


class _Averaged(Rule):
    """The mean of the workers' gradients, each of its own share of the update's images."""

    def __init__(self, network: Network, job: Job) -> None:
        super().__init__(network, job)
        self._workers = subsets(job).workers

    def gradients(self, images: Any, labels: Any, row: Any) -> list[Any]:
        """Gradients of one update."""
        del row
        tf = backend.tensorflow()
        parts = zip(tf.split(images, self._workers), tf.split(labels, self._workers), strict=True)
        answers = [self.network.gradients(x, y) for x, y in parts]
        return [self._mean(same) for same in zip(*answers, strict=True)]

    def _mean(self, same: tuple[Any, ...]) -> Any:
        """Of the workers' gradients of one array; of looked up rows, those of all workers."""
        tf = backend.tensorflow()
        if same[0] is None:
            return None
        if not isinstance(same[0], tf.IndexedSlices):
            return tf.add_n(same) / self._workers
        values, indices = (
            tf.concat(parts, 0)
            for parts in zip(*((g.values, g.indices) for g in same), strict=True)
        )
        return tf.IndexedSlices(values / self._workers, indices, same[0].dense_shape)

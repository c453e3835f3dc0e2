"""Plain ``model.fit``: the reference that the compiled engine must agree with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench import backend
from bench.engines._network import Job, Network, batches, chunked
from bench.plugins import Engine

if TYPE_CHECKING:
    from bench.plugins import Dataset, Evaluation

ARGUMENTS: Final = ()


def prepare(job: Job) -> FitEngine:
    """Build, compile and initialise."""
    return FitEngine(job)


def updates_per_epoch(job: Job) -> int:
    """Updates per epoch; refuses impossible batches."""
    return batches(job)


def update(network: Network, images: Any, labels: Any) -> None:
    """One update by Keras itself, not compiled."""
    network.model.compile(optimizer=network.optimizer, loss=network.loss, run_eagerly=True)
    inputs = backend.tensorflow().cast(images, network.precision) * network.scale
    network.model.fit(inputs, network.targets(labels), batch_size=len(labels), verbose=0)


class FitEngine(Engine):
    """See ``bench.plugins.Engine``."""

    def __init__(self, job: Job) -> None:
        tf = backend.tensorflow()
        self._job = job
        self.updates_per_epoch = batches(job)
        self.network = Network.build(job, self.updates_per_epoch)
        self.network.model.compile(optimizer=self.network.optimizer, loss=self.network.loss)
        self._sums = tf.function(self.network.sums_now, reduce_retracing=True)
        self._classes = tf.function(self.network.classes_now, reduce_retracing=True)
        self.parameters = self.network.parameters
        self.notes = self.network.notes
        self.start_epoch(np.arange(job.n_train, dtype=np.int32))
        self.advance(0, 1)  # trace, then forget
        self.network.restart(job)

    def start_epoch(self, order: np.ndarray) -> None:
        """Lay the images out in the order of this epoch."""
        tf = backend.tensorflow()
        data: Dataset = self._job.data
        kind = np.dtype(self.network.precision)
        self._x = tf.constant(data.x_train[order].astype(kind) * kind.type(data.scale))
        self._y = tf.convert_to_tensor(self.network.targets(data.y_train[order]))

    def advance(self, start: int, stop: int) -> None:
        """Do updates ``start`` to ``stop``."""
        batches = backend.tensorflow().data.Dataset.range(start, stop).map(self._batch)
        self.network.model.fit(batches, epochs=1, shuffle=False, verbose=0)

    def _batch(self, update: Any) -> tuple[Any, Any]:
        """Images and targets of an update; of one form, whatever part of an epoch ``advance`` is asked for.

        Given arrays, ``model.fit`` takes full batches alone for another form than those with a shorter last
        one. It compiles each, and they round differently: evaluations would change the training.
        """
        tf = backend.tensorflow()
        size, first = self._job.batch_size, tf.cast(update, tf.int32) * self._job.batch_size
        x, y = self._x[first : first + size], self._y[first : first + size]
        if self._job.n_train % size:
            return x, y
        return tuple(tf.ensure_shape(part, [size, *part.shape[1:]]) for part in (x, y))

    def evaluate(self) -> Evaluation:
        """Objective, loss and accuracy over all images."""
        return self.network.evaluation(chunked(self._sums, self._job.data))

    def predict(self) -> np.ndarray:
        """The class of each test image."""
        compiled = self._classes if self.network.is_mixed else None
        return self.network.predict(self._job.data.x_test, compiled)

    def weights(self) -> list[tuple[str, np.ndarray]]:
        """Path and value of every trainable array."""
        return self.network.weights()

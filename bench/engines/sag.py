"""Stochastic average gradient (Schmidt, Le Roux and Bach 2017) over fixed mini-batches.

The training images are divided once, by the data alone, into n mini-batches: the n functions whose mean is
minimised. A table keeps the last gradient of each, 0 before its first. An update takes a fresh gradient of one
mini-batch and goes along the mean of the table, so that it costs as much as one of SGD and uses all images.
Mini-batches are drawn with replacement, n in an epoch: shuffled passes need a far smaller step.

M. Schmidt, N. Le Roux, F. Bach, "Minimizing finite sums with the stochastic average gradient", Mathematical
Programming 162 (2017), Algorithm 1, without the refinements of its section 4. Their theorem has 1 / (16 L) as
the step, with L the largest smoothness of the n functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench import backend
from bench.engines._network import batches, by_array, update_of_arrays
from bench.engines.compiled import CompiledEngine, Rule, drawn
from bench.errors import SuiteError
from bench.trial import generator

if TYPE_CHECKING:
    from bench.engines._network import Job, Network

ARGUMENTS: Final = ()
update: Final = update_of_arrays


def prepare(job: Job) -> CompiledEngine:
    """Divide the images and compile the update."""
    updates, members = updates_per_epoch(job), mini_batches(job)

    def arrange(order: np.ndarray) -> list[np.ndarray]:
        """(updates, batch_size): mini-batches drawn with replacement."""
        return [members[drawn(order, updates, (updates,))]]

    return CompiledEngine(job, _Averaged, arrange)


def mini_batches(job: Job) -> np.ndarray:
    """(n, batch_size) int32: the images of each mini-batch, the same for every seed."""
    rng = generator(job.data.checksum, "mini-batches")
    return rng.permutation(job.n_train).astype(np.int32).reshape(-1, job.batch_size)


def updates_per_epoch(job: Job) -> int:
    """The number of mini-batches.

    Raises:
        SuiteError: batches that cannot all be of one size.
    """
    updates = batches(job)
    if job.n_train % job.batch_size:
        raise SuiteError(
            "the training images cannot be divided into equal mini-batches",
            where="batch_size",
            expected=f"a divisor of {job.n_train}, the number of training images",
            found=str(job.batch_size),
        )
    return updates


class _Averaged(Rule):
    def __init__(self, network: Network, job: Job) -> None:
        super().__init__(network, job)
        tf = backend.tensorflow()
        members = mini_batches(job)
        owner = np.empty(job.n_train, np.int32)
        owner[members] = np.arange(len(members), dtype=np.int32)[:, None]
        self._owner = tf.constant(owner)
        self._n = len(members)
        weights = [v.value for v in network.model.trainable_variables]
        self._mean = [tf.Variable(tf.zeros_like(w), trainable=False) for w in weights]
        self._table = [
            tf.Variable(tf.zeros((self._n, *w.shape), w.dtype), trainable=False) for w in weights
        ]
        self.state = [*self._mean, *self._table]

    def gradients(self, images: Any, labels: Any, row: Any) -> list[Any]:
        """The mean of the table, in which the gradient of these images is fresh."""
        tf = backend.tensorflow()
        index = tf.gather(self._owner, row[0])  # not [row[0]]: XLA's strided slices take ms
        fresh = by_array(lambda g: g, self.network.gradients(images, labels))
        scale = self.network.loss_scale
        if scale is None:
            return self._averaged(fresh, index)
        # The table keeps gradients of the objective itself. One that overflows makes an optimizer lower its
        # scale and skip the update; it is not kept.
        fresh = by_array(lambda g: g / tf.cast(scale, g.dtype), fresh)
        finite = tf.reduce_all(
            [tf.reduce_all(tf.math.is_finite(g)) for g in fresh if g is not None]
        )
        mean = self._averaged(fresh, index, finite)
        scale = tf.where(finite, scale, tf.cast(np.nan, scale.dtype))
        return by_array(lambda g: g * tf.cast(scale, g.dtype), mean)

    def _averaged(self, fresh: list[Any], index: Any, usable: Any = None) -> list[Any]:
        """The mean of the table, with ``fresh`` at ``index`` if it is usable."""
        import keras

        tf = backend.tensorflow()
        for new, mean, table in zip(fresh, self._mean, self._table, strict=True):
            if new is None:
                continue
            old = tf.gather(table, index)
            kept = new if usable is None else tf.where(usable, new, old)
            place = tf.stack([index, *[0] * len(new.shape)])
            mean.assign_add((kept - old) / self._n)
            table.assign(keras.ops.slice_update(table, place, kept[None]))
        return by_array(lambda _, mean: mean, fresh, self._mean)

"""Stochastic variance-reduced gradient (Johnson and Zhang 2013), one snapshot per epoch.

At the start of every epoch the weights w~ and the full gradient there are kept. An update with mini-batch i
goes along g_i(w) - g_i(w~) + full(w~), whose mean is the full gradient and whose variance falls to 0 as w and
w~ come near the minimum: a constant rate converges. The full gradient is taken inside the training time. An
epoch costs three gradients per training image, where SGD takes one.

R. Johnson, T. Zhang, "Accelerating stochastic gradient descent using predictive variance reduction",
NIPS 2013. The snapshot is the last iterate (their option I); images are taken in the epoch's order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bench import backend
from bench.engines._network import batches, by_array, chunks, over_chunks, update_of_arrays
from bench.engines.compiled import CompiledEngine, Rule

if TYPE_CHECKING:
    from bench.engines._network import Job, Network

ARGUMENTS: Final = ()
update: Final = update_of_arrays


def prepare(job: Job) -> CompiledEngine:
    """Compile the variance-reduced update."""
    updates_per_epoch(job)
    return CompiledEngine(job, _Reduced)


def updates_per_epoch(job: Job) -> int:
    """Updates per epoch; refuses impossible batches."""
    return batches(job)


class _Reduced(Rule):
    begins = True

    def __init__(self, network: Network, job: Job) -> None:
        super().__init__(network, job)
        tf = backend.tensorflow()
        weights = [v.value for v in network.model.trainable_variables]
        self._snapshot = [tf.Variable(tf.zeros_like(w), trainable=False) for w in weights]
        self._full = [tf.Variable(tf.zeros_like(w), trainable=False) for w in weights]
        self.state = [*self._snapshot, *self._full]

    def begin(self, x: Any, y: Any) -> None:
        """Keep the weights and the gradient over all images."""
        tf = backend.tensorflow()
        weights = [tf.identity(v.value) for v in self.network.model.trainable_variables]

        def weighed(images: Any, labels: Any) -> list[Any]:
            found = self.network.gradients_at(weights, images, labels)
            return [
                tf.zeros_like(w)
                if g is None
                else tf.convert_to_tensor(g) * images.shape[0] / x.shape[0]
                for w, g in zip(weights, found, strict=True)
            ]

        full = [tf.zeros_like(w) for w in weights]
        for part in chunks(0, x.shape[0]):
            full = over_chunks(weighed, full, (x, y), part)
        for kept, now in zip(self.state, [*weights, *full], strict=True):
            kept.assign(now)

    def gradients(self, images: Any, labels: Any, row: Any) -> list[Any]:
        """g_i(w) - g_i(w~) + full(w~)."""
        del row
        network, full = self.network, list(self._full)
        # The snapshot first: it changes no state of the network, so that both see the same.
        there = network.gradients_at(self._snapshot, images, labels, scaled=True)
        here = network.gradients(images, labels)
        scale = network.loss_scale  # kept gradients have none, since it may change within an epoch
        if scale is not None:
            full = by_array(lambda g: g * backend.tensorflow().cast(scale, g.dtype), full)
        return by_array(lambda g, old, mean: g - old + mean, here, there, full)

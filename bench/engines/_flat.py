"""A network's training objective as a function of one vector: all its weights, one after the other.

For what looks at the landscape around the weights (``bench.probes``). The mode is that of training: batch
normalisation takes the statistics of the images given and changes none, and random layers draw the same numbers
at every call, those that the next update would draw. Nothing of the network changes.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import backend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.engines._network import Network


class FlatObjective:
    """Compiled once per network, which trains one seed after another.

    Vectors have shape (``parameters``,) and the network's precision; images and labels are as in a ``Dataset``.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._shapes = [tuple(v.shape) for v in network.model.trainable_variables]
        # Not by XLA: it compiles for several times as long, and is no faster at so few images.
        tf = backend.tensorflow()
        self._gradient = tf.function(self._gradient_of, autograph=False)
        self._product = tf.function(self._product_of, autograph=False)

    def point(self) -> np.ndarray:
        """The present weights."""
        arrays = [v.numpy().ravel() for v in self._network.model.trainable_variables]
        return np.concatenate([array.astype(self._network.precision) for array in arrays])

    def gradient(
        self, point: np.ndarray, images: np.ndarray, labels: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """The objective of these images at ``point``, penalties included, and its gradient."""
        value, gradient = self._gradient(self._vector(point), images, labels)
        return float(value), gradient.numpy()

    def hessian_product(
        self, point: np.ndarray, vector: np.ndarray, images: np.ndarray, labels: np.ndarray
    ) -> np.ndarray:
        """The Hessian of that objective at ``point`` times ``vector``, by differentiating twice."""
        product = self._product(self._vector(point), self._vector(vector), images, labels)
        return np.asarray(product.numpy())

    def _vector(self, values: np.ndarray) -> Any:
        return backend.tensorflow().constant(values, self._network.precision)

    def _gradient_of(self, point: Any, images: Any, labels: Any) -> tuple[Any, Any]:
        tf = backend.tensorflow()
        with tf.GradientTape() as tape:
            tape.watch(point)
            value = self._network.objective_at(self._arrays(point), images, labels)
        return value, tape.gradient(value, point)

    def _product_of(self, point: Any, vector: Any, images: Any, labels: Any) -> Any:
        tf = backend.tensorflow()
        with _exact_moments(), tf.GradientTape() as tape:
            tape.watch(point)
            _, gradient = self._gradient_of(point, images, labels)
            along = tf.reduce_sum(gradient * vector)
        return tape.gradient(along, point, unconnected_gradients="zero")

    def _arrays(self, point: Any) -> list[Any]:
        """The vector as the model's arrays, in their order."""
        tf = backend.tensorflow()
        parts = tf.split(point, [int(np.prod(shape)) for shape in self._shapes])
        return [tf.reshape(part, shape) for part, shape in zip(parts, self._shapes, strict=True)]


@contextlib.contextmanager
def _exact_moments() -> Iterator[None]:
    """While this lasts, Keras takes means and variances that can be differentiated twice.

    ``tf.nn.moments`` keeps gradients from the mean inside the variance. The first derivative does not need
    them, since the deviations sum to 0; the second does. With TensorFlow's own, the Hessian of a network
    with batch normalisation is wrong by several times its largest eigenvalue.
    """
    tf = backend.tensorflow()

    def moments(x: Any, axes: Any, shift: Any = None, keepdims: bool = False) -> tuple[Any, Any]:
        del shift
        mean = tf.reduce_mean(x, axes, keepdims=True)
        variance = tf.reduce_mean(tf.math.squared_difference(x, mean), axes, keepdims=True)
        if keepdims:
            return mean, variance
        return tf.squeeze(mean, axes), tf.squeeze(variance, axes)

    theirs = tf.nn.moments
    tf.nn.moments = moments
    try:
        yield
    finally:
        tf.nn.moments = theirs

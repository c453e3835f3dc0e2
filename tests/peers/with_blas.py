"""The bound: an epoch's five matrix products per update and nothing else, by NumPy's BLAS.

Forward and backward through both layers; the gradient for the images is not needed. No gathering, no
activation, no loss, no update: nobody who multiplies matrices with this library can train faster. Likewise the
two products per image of one evaluation.
"""

from __future__ import annotations

import numpy as np
import task

CHUNK = 2000  # images of an evaluation at a time, as our engine takes them


def prepare(seed: int, *, evaluates: bool = False) -> task.Program:
    """The products of an epoch, or of an evaluation of all 70,000 images, into arrays that exist already."""
    return _Evaluation(seed) if evaluates else _Products(seed)


class _Products(task.Program):
    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        batch, inputs, hidden, classes = task.BATCH, task.INPUTS, task.HIDDEN, task.CLASSES

        def matrix(m, n):
            return rng.standard_normal((m, n)).astype(np.float32)

        self._x = task.arrays()[0].reshape(task.UPDATES, batch, inputs)
        self._w1, self._w2 = matrix(inputs, hidden), matrix(hidden, classes)
        self._z1, self._z2 = matrix(batch, hidden), matrix(batch, classes)
        self._g1, self._g2 = matrix(inputs, hidden), matrix(hidden, classes)
        self._gz1 = matrix(batch, hidden)

    def epoch(self) -> task.Took:
        w1, w2, z1, z2, g1, g2, gz1 = (
            self._w1, self._w2, self._z1, self._z2, self._g1, self._g2, self._gz1,
        )  # fmt: skip
        w2t, z1t = w2.T, z1.T
        begin = task.now()
        for x in self._x:
            np.matmul(x, w1, out=z1)
            np.matmul(z1, w2, out=z2)
            np.matmul(z1t, z2, out=g2)
            np.matmul(z2, w2t, out=gz1)
            np.matmul(x.T, gz1, out=g1)
        return task.now() - begin

    def weights(self) -> None:
        return None


class _Evaluation(task.Program):
    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        x = np.concatenate([task.arrays()[0], task.arrays()[0][:10_000]])
        self._x = x.reshape(-1, CHUNK, task.INPUTS)
        shapes = [(task.INPUTS, task.HIDDEN), (task.HIDDEN, task.CLASSES)]
        self._w1, self._w2 = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
        self._z1 = np.empty((CHUNK, task.HIDDEN), np.float32)
        self._z2 = np.empty((CHUNK, task.CLASSES), np.float32)

    def epoch(self) -> task.Took:
        begin = task.now()
        for x in self._x:
            np.matmul(x, self._w1, out=self._z1)
            np.matmul(self._z1, self._w2, out=self._z2)
        return task.now() - begin

    def weights(self) -> None:
        return None

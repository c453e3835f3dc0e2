"""What everybody trains: data, constants, initial weights, and the one judge of the result. NumPy only.

The network of question 1 of ``suites/ep3260_ca7.yaml``: 784-100-10, ReLU, mean cross-entropy of the logits
plus 0.01 times the sum of squares of the hidden layer's kernel, SGD at 0.1 in batches of 100, float32.
"""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

import numpy as np

from bench import datasets

Took = np.ndarray  # seconds: of the wall, of the processor
Weights = list[np.ndarray]  # hidden kernel (784, 100) and bias, output kernel (100, 10) and bias

INPUTS, HIDDEN, CLASSES = 784, 100, 10
BATCH = 100
UPDATES = 600
RATE = 0.1
L2 = 0.01


class Program:
    """One library's way to train the network, built; its first epoch compiles and warms up.

    Attributes:
        penalises_both: the output kernel is penalised too.
    """

    penalises_both = False

    def epoch(self) -> Took:
        """Train one epoch in a fresh order; how long the training took, and nothing else, by ``now``."""
        raise NotImplementedError

    def weights(self) -> Weights | None:
        """The current weights; None if there is nothing to judge."""
        raise NotImplementedError


def now() -> Took:
    """Two clocks: seconds of the wall, and of processor that this process used."""
    return np.array([time.perf_counter(), time.process_time()])


@cache
def arrays() -> tuple[np.ndarray, np.ndarray]:
    """Images (60000, 784) float32 in [0, 1] and their classes (60000,) int32."""
    data = datasets.load("mnist", folder=Path.cwd())
    x = data.x_train.reshape(-1, INPUTS).astype(np.float32) / np.float32(255)
    return x, data.y_train.copy()


def initial(seed: int) -> Weights:
    """Glorot's uniform kernels and zero biases, which is how Keras starts."""
    rng = np.random.default_rng(seed)

    def layer(m: int, n: int) -> Weights:
        bound = np.sqrt(6 / (m + n))
        kernel = rng.uniform(-bound, bound, (m, n))
        return [kernel.astype(np.float32), np.zeros(n, np.float32)]

    return [*layer(INPUTS, HIDDEN), *layer(HIDDEN, CLASSES)]


def objective(weights: Weights, *, penalises_both: bool) -> float:
    """The training objective over all images: the same judge for every library."""
    kernel, bias, out_kernel, out_bias = weights
    x, y = arrays()
    logits = np.maximum(x @ kernel + bias, 0) @ out_kernel + out_bias
    logits -= logits.max(axis=1, keepdims=True)
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(y)), y]
    penalised = [kernel, out_kernel] if penalises_both else [kernel]
    penalty = sum(np.square(k, dtype=float).sum() for k in penalised)
    return float(losses.mean(dtype=float) + L2 * penalty)

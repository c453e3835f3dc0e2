"""Where training would end: the minimum of a convex training objective, and its curvature.

For linear models (one Dense layer and no other, but Flatten) with the mean squared error or with a categorical
cross-entropy from logits, with an L2 penalty on the kernel or none. What is minimised is what the engines
evaluate as ``train_objective``, in float64. With n images, A the images as a matrix (n, d) with a column of
ones if the layer has a bias, and the penalty l2 sum w^2:

    squares   K outputs; the Hessian is 2 / (n K) A^T A + 2 l2, the minimum in closed form
    softmax   Hessian between 2 l2 and lambda_max(A^T A) / (2 n) + 2 l2 (D. Boehning 1992); Newton's method with
              conjugate gradients, until the gradient's norm is 1e-12 of that at w = 0

A problem is solved once in a process, whichever variants and seeds share it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench import keras_objects, models
from bench.errors import SuiteError
from bench.plugins import Measure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.plugins import Dataset, Trained
    from bench.trial import Training

TOLERANCE: Final = 1e-12  # of the gradient's norm at w = 0
NEWTON_STEPS: Final = 100
CG_STEPS: Final = 1000

_KNOWN: Final[dict[tuple[str, _Problem], dict[str, float]]] = {}


@dataclass(frozen=True)
class _Problem:
    """What is minimised over the data: ``squares`` or ``softmax``, with an L2 penalty, with a bias or not."""

    loss: str
    l2: float
    bias: bool


def measure(trained: Trained) -> list[Measure]:
    """For the whole network (layer ""), the same for every variant and seed that share the problem.

    Measures: ``value`` (the minimum f* of the training objective), ``gradient_norm`` (where it was
    computed), ``smoothness`` (L, the largest eigenvalue of the Hessian or a bound on it) and
    ``strong_convexity`` (mu, the smallest or a bound on it; 0 if there is no such bound).
    """
    problem, data = _problem(trained.training, trained.data), trained.data
    content = hashlib.sha256(np.ascontiguousarray(data.x_train).data)
    content.update(np.ascontiguousarray(data.y_train).data)
    key = (content.hexdigest(), problem)
    if key not in _KNOWN:
        _KNOWN[key] = _solved(problem, data)
    return [Measure("", name, value) for name, value in _KNOWN[key].items()]


def check(training: Training, data: Dataset, arguments: Mapping[str, Any]) -> None:
    """Refuse what is no linear model with a loss known here.

    Raises:
        SuiteError: says what was expected.
    """
    del arguments
    _problem(training, data)


def _problem(training: Training, data: Dataset) -> _Problem:
    """What ``training`` minimises, read off the objects that Keras makes of it."""
    import keras

    model = models.build(
        training.model,
        input_shape=data.x_train.shape[1:],
        outputs=data.outputs,
        seed=("optimum",),
        precision=training.precision,
        trusted=True,  # the engine has asked before
    )
    layers = [
        layer
        for layer in model.layers
        if not isinstance(layer, keras.layers.InputLayer | keras.layers.Flatten)
    ]
    if len(layers) != 1 or not _is_plain(layers[0]):
        raise _refused(
            "model",
            "one Dense layer without activation and constraints, with an L2 penalty on its kernel or none",
            ", ".join(layer.name for layer in layers) or "no layer",
        )
    loss = keras_objects.build("loss", training.loss, trusted=True, path=("loss",))
    kinds = {
        keras.losses.MeanSquaredError: "squares",
        keras.losses.CategoricalCrossentropy: "softmax",
        keras.losses.SparseCategoricalCrossentropy: "softmax",
    }
    kind = kinds.get(type(loss))
    settings = {k: v for k, v in loss.get_config().items() if k not in ("name", "dtype")}
    plain = {"reduction": "sum_over_batch_size", "label_smoothing": 0.0, "axis": -1}
    usual = all(settings[k] == v for k, v in plain.items() if k in settings)
    usual &= settings.get("ignore_class") is None and settings.get("from_logits", True) is True
    if kind is None or not usual:
        raise _refused(
            "loss",
            "MeanSquaredError, or [Sparse]CategoricalCrossentropy with from_logits: true",
            str(training.loss),
        )
    (dense,) = layers
    penalty = getattr(dense.kernel_regularizer, "l2", 0.0)
    used = float(keras.ops.cast(penalty, training.precision))  # Keras rounds it to float32 first
    return _Problem(kind, used, bool(dense.use_bias))


def _is_plain(dense: Any) -> bool:
    import keras

    if not isinstance(dense, keras.layers.Dense):
        return False
    penalty = dense.kernel_regularizer
    l2_only = penalty is None or isinstance(penalty, keras.regularizers.L2)
    if isinstance(penalty, keras.regularizers.L1L2):
        l2_only = not penalty.l1
    others = (
        dense.bias_regularizer,
        dense.activity_regularizer,
        dense.kernel_constraint,
        dense.bias_constraint,
    )
    return l2_only and dense.activation is keras.activations.linear and not any(others)


def _refused(where: str, expected: str, found: str) -> SuiteError:
    return SuiteError(
        "the probe optimum does not know the minimum of this",
        where=where,
        expected=expected,
        found=found,
        hint="leave the probe out, or train a linear model",
    )


def _solved(problem: _Problem, data: Dataset) -> dict[str, float]:
    a = data.x_train.reshape(len(data.x_train), -1).astype(np.float64) * data.scale
    if problem.bias:
        a = np.column_stack([a, np.ones(len(a))])
    penalty = np.full((a.shape[1], 1), 2 * problem.l2)
    if problem.bias:
        penalty[-1] = 0
    y = np.eye(data.classes)[data.y_train] if data.classes else data.y_train[:, None]
    solve = _squares if problem.loss == "squares" else _softmax
    return solve(a, y, penalty)


def _squares(a: np.ndarray, y: np.ndarray, penalty: np.ndarray) -> dict[str, float]:
    """mean((a w - y)^2) + penalty / 2 sum w^2 over w (d, K), by the eigenvalues of its Hessian (d, d)."""
    hessian = 2 / y.size * a.T @ a + np.diag(penalty[:, 0])
    eigenvalues, basis = np.linalg.eigh(hessian)
    known = eigenvalues > eigenvalues[-1] * len(hessian) * np.finfo(float).eps
    inverse = np.divide(1, eigenvalues, out=np.zeros_like(eigenvalues), where=known)[:, None]
    w = np.zeros((len(hessian), y.shape[1]))
    for _ in range(2):  # the second time takes back what rounding left of the gradient
        gradient = 2 / y.size * a.T @ (a @ w - y) + penalty * w
        w -= basis @ (inverse * (basis.T @ gradient))
    gradient = 2 / y.size * a.T @ (a @ w - y) + penalty * w
    return {
        "value": float(np.mean((a @ w - y) ** 2) + np.sum(penalty * w**2) / 2),
        "gradient_norm": float(np.linalg.norm(gradient)),
        "smoothness": float(eigenvalues[-1]),
        "strong_convexity": float(eigenvalues[0]) if known[0] else 0.0,
    }


def _softmax(a: np.ndarray, y: np.ndarray, penalty: np.ndarray) -> dict[str, float]:
    """Mean cross-entropy of softmax(a w) with one-hot y (n, K), + penalty / 2 sum w^2, over w (d, K)."""
    n = len(a)
    largest = np.linalg.eigvalsh(a.T @ a / n)[-1]

    def probabilities(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, K) probabilities, and (n,) the logarithm of the sum of exponentials that norms them."""
        logits = a @ w
        top = logits.max(axis=1, keepdims=True)
        powers = np.exp(logits - top)
        total = powers.sum(axis=1, keepdims=True)
        return powers / total, (np.log(total) + top)[:, 0]

    def gradient(w: np.ndarray, p: np.ndarray) -> np.ndarray:
        return np.asarray(a.T @ (p - y) / n + penalty * w)

    w = np.zeros((a.shape[1], y.shape[1]))
    p, norms = probabilities(w)
    g = gradient(w, p)
    goal = TOLERANCE * np.linalg.norm(g)
    first = np.linalg.norm(g)
    for _ in range(NEWTON_STEPS):
        size = np.linalg.norm(g)
        if size <= goal:
            break

        def curved(v: np.ndarray, p: np.ndarray = p) -> np.ndarray:
            change = a @ v
            change -= np.sum(p * change, axis=1, keepdims=True)
            change *= p
            return np.asarray(a.T @ change / n + penalty * v)

        step = _conjugate_gradients(curved, -g, min(0.1, float(size / first)))
        length = 1.0
        while length > 1e-10:  # along Newton's direction the gradient's norm falls at first
            p, norms = probabilities(w + length * step)
            tried = gradient(w + length * step, p)
            if np.linalg.norm(tried) < size:
                break
            length /= 2
        else:
            break  # rounding: there is nothing left to gain
        w, g = w + length * step, tried
    losses = norms - np.sum(y * (a @ w), axis=1)
    return {
        "value": float(losses.mean() + np.sum(penalty * w**2) / 2),
        "gradient_norm": float(np.linalg.norm(g)),
        "smoothness": float(largest / 2 + penalty.max()),
        "strong_convexity": float(penalty.min()),
    }


def _conjugate_gradients(
    product: Callable[[np.ndarray], np.ndarray], right: np.ndarray, tolerance: float
) -> np.ndarray:
    """Solve product(x) = right, but for a residual of ``tolerance`` times the norm of ``right``."""
    x = np.zeros_like(right)
    residual = direction = right
    square = float(np.sum(residual**2))
    goal = tolerance**2 * square
    for _ in range(CG_STEPS):
        if square <= goal:
            break
        image = product(direction)
        length = square / float(np.sum(direction * image))
        x = x + length * direction
        residual = residual - length * image
        before, square = square, float(np.sum(residual**2))
        direction = residual + square / before * direction
    return x

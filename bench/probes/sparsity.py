"""How many weights are (nearly) zero, how small they pack, and how many can go at no loss.

Weights are kernels alone: no biases, no norms. With ``{sparsity: {delta: 0.002}}`` and images held out for
validation, it prunes: the smallest weights of the network become 0, as many as leave the validation accuracy
within ``delta`` of what it was; the test accuracy there tells what that cost.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench import weights
from bench.errors import SuiteError, shown
from bench.plugins import Measure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.plugins import Dataset, Trained
    from bench.trial import Training
    from bench.weights import Kernels

ARGUMENTS: Final = ("delta",)
RELATIVE: Final = ("1e-8", "1e-4", "1e-3")  # of the layer's root mean square
PER_DECADE: Final = 4  # bins of |w|
SMALLEST: Final = -12  # decade in which all smaller weights are counted
STEP: Final = 2**-0.25  # from one share of weights to the next smaller one, when pruning
LEAST_KEPT: Final = 0.001  # share of weights


def measure(trained: Trained) -> list[Measure]:
    """Per layer and for the whole network (layer "").

    Measures: ``weights`` and ``nonzero`` (counts); ``mean_abs`` (mean |w|); shares, 0 to 1: ``exact_zeros``,
    ``below_1e-7``, and ``below_1e-8_rms``, ``below_1e-4_rms``, ``below_1e-3_rms`` (times the root mean square
    of the layer's weights); ``hoyer`` and ``gini`` (sparseness, 0 to 1; left out if all weights are 0); sizes
    of the files of ``bench.weights`` in bytes: ``bytes`` (dense), ``csr_bytes``, ``gzip_bytes``; and the shares
    of |w| by size, ``abs_from_1e-2.25`` from 10^-2.25 to 10^-2, those that are not 0.

    Of the network also, if ``delta`` is given: ``prunable`` (share of weights that are 0 in the smallest
    network whose validation accuracy is within delta), and of that network ``pruned_accuracy`` (on the test
    images), ``pruned_nonzero``, ``pruned_csr_bytes`` and ``pruned_gzip_bytes``.
    """
    # Copies: pruning changes what the arrays may look at.
    found = weights.kernels((path, array.copy()) for path, array in trained.engine.weights())
    if not found:
        return []
    values = {layer: _of_layer(array) for layer, array in found.items()}
    values[""] = _of_network(found, values)
    if "delta" in trained.arguments:
        values[""] |= _prunable(trained, found, trained.arguments["delta"])
    return [
        Measure(layer, name, float(value))
        for layer, measures in values.items()
        for name, value in measures.items()
        if not math.isnan(value)
    ]


def check(training: Training, data: Dataset, arguments: Mapping[str, Any]) -> None:
    """Refuse to prune without images to choose by.

    Raises:
        SuiteError: says what was expected.
    """
    if "delta" not in arguments:
        return
    delta = arguments["delta"]
    number = isinstance(delta, int | float) and not isinstance(delta, bool)
    if not number or not 0 <= delta < 1:
        raise SuiteError(
            "not a loss of accuracy",
            where="probes.sparsity.delta",
            expected="a share from 0 to below 1, such as 0.002",
            found=shown(delta),
        )
    if not training.validation or not data.classes:
        raise SuiteError(
            "pruning needs images to choose by, which are neither trained on nor tested on",
            where="probes.sparsity.delta",
            expected="validation: N, and data with classes",
            found=f"validation: {training.validation}, {data.classes} classes",
            hint="hold out images (validation), or leave delta out",
        )


def _of_layer(array: np.ndarray) -> dict[str, float]:
    flat = array.astype("<f4").ravel()
    size = np.abs(flat.astype(np.float64))
    rms = math.sqrt(np.square(size).mean())
    return {
        "weights": flat.size,
        "nonzero": np.count_nonzero(flat),
        "mean_abs": size.mean(),
        "exact_zeros": (size == 0).mean(),
        "below_1e-7": (size < 1e-7).mean(),
        **{f"below_{k}_rms": (size < float(k) * rms).mean() for k in RELATIVE},
        "hoyer": hoyer(flat),
        "gini": gini(flat),
        "bytes": len(weights.raw(array)),
        "csr_bytes": len(weights.as_csr(array)),
        "gzip_bytes": len(weights.as_gzip(array)),
        **_histogram(size),
    }


def _of_network(found: Kernels, layers: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Counts and bytes are sums over layers, shares and means are weighted by the layers' sizes."""
    flat = np.concatenate([array.ravel() for array in found.values()])
    total: dict[str, float] = {}
    for name in dict.fromkeys(name for values in layers.values() for name in values):
        summed = name in ("weights", "nonzero") or name.endswith("bytes")
        total[name] = sum(
            values.get(name, 0.0) * (1 if summed else values["weights"] / flat.size)
            for values in layers.values()
        )
    return total | {"hoyer": hoyer(flat), "gini": gini(flat)}


def _histogram(size: np.ndarray) -> dict[str, float]:
    """The share of all weights in each bin that has some; weights that are 0 are in none."""
    exponents = np.floor(PER_DECADE * np.log10(size[size > 0])).astype(int)
    bins, counts = np.unique(np.maximum(exponents, PER_DECADE * SMALLEST), return_counts=True)
    return {
        f"abs_from_1e{k / PER_DECADE:+.2f}": count / size.size
        for k, count in zip(bins.tolist(), counts.tolist(), strict=True)
    }


def _prunable(trained: Trained, found: Kernels, delta: float) -> dict[str, float]:
    """The smallest network that passes, tried from the smallest on; the trained one always does."""
    network, data = trained.engine.network, trained.data
    kernels = weights.kernels((v.path, v) for v in network.model.trainable_variables)

    def accuracy(x: Any, y: Any, of: Kernels) -> float:
        for layer, array in of.items():
            kernels[layer].assign(array)
        return float((network.predict(x) == y).mean())

    held = data.x_validation, data.y_validation
    total, less = sum(array.size for array in found.values()), found
    try:
        enough = accuracy(*held, found) - delta
        for keep in _levels(total):
            less = weights.pruned(found, keep)
            if accuracy(*held, less) >= enough:
                break
        tested = accuracy(data.x_test, data.y_test, less)
    finally:
        for layer, array in found.items():
            kernels[layer].assign(array)
    return {
        "prunable": 1 - weights.nonzero(less) / total,
        "pruned_accuracy": tested,
        "pruned_nonzero": weights.nonzero(less),
        "pruned_csr_bytes": sum(len(weights.as_csr(array)) for array in less.values()),
        "pruned_gzip_bytes": sum(len(weights.as_gzip(array)) for array in less.values()),
    }


def _levels(total: int) -> list[int]:
    """Numbers of weights to keep, ascending by about a fifth, up to all of them."""
    steps = math.floor(math.log(LEAST_KEPT) / math.log(STEP))
    return sorted({max(round(total * STEP**k), 1) for k in range(steps + 1)})


def hoyer(values: np.ndarray) -> float:
    """Hoyer's (2004) sparseness of (n,) numbers: 0 if all are equally large, 1 if one alone is not 0.

    (sqrt(n) - l1 / l2) / (sqrt(n) - 1). NaN where nothing can be said: fewer than two, or all 0.
    """
    size = np.abs(np.asarray(values, np.float64))
    norm = np.linalg.norm(size)
    if size.size < 2 or norm == 0:
        return float("nan")
    root = np.sqrt(size.size)
    return float((root - size.sum() / norm) / (root - 1))


def gini(values: np.ndarray) -> float:
    """Gini index of (n,) magnitudes: 0 if all are equally large, 1 - 1/n if one alone is not 0.

    Unlike Hoyer's it does not change when every number is there twice (Hurley and Rickard 2009). NaN if all
    are 0.
    """
    size = np.sort(np.abs(np.asarray(values, np.float64)))
    total = size.sum()
    if total == 0:
        return float("nan")
    rank = np.arange(1, size.size + 1)
    return float(1 - 2 * (size * (size.size - rank + 0.5)).sum() / (total * size.size))

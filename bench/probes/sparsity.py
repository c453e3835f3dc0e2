"""How many weights are (nearly) zero, and how small the weights pack. Weights only: no biases, no norms."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np

from bench.plugins import Measure

if TYPE_CHECKING:
    from bench.plugins import Trained


def measure(trained: Trained) -> list[Measure]:
    """Per layer and for the whole network (layer "").

    Measures: ``weights`` (count), ``mean_abs`` (mean |w|), ``exact_zeros`` and ``below_1e-7`` (shares, 0 to 1),
    ``hoyer`` and ``gini`` (sparseness, 0 to 1; left out if all weights are 0), ``bytes`` (float32,
    little-endian) and ``gzip_bytes`` (the same bytes by gzip, level 9, mtime 0).
    """
    kernels = {
        path.rpartition("/")[0]: array
        for path, array in trained.engine.weights()
        if array.ndim >= 2
    }
    if not kernels:
        return []
    rows = [m for layer, array in kernels.items() for m in _measures(layer, [array])]
    return rows + _measures("", list(kernels.values()))


def _measures(layer: str, arrays: list[np.ndarray]) -> list[Measure]:
    flat = np.concatenate([array.ravel() for array in arrays]).astype("<f4")
    size = np.abs(flat)
    packed = gzip.compress(flat.tobytes(), compresslevel=9, mtime=0)
    values = {
        "weights": flat.size,
        "mean_abs": size.mean(dtype=np.float64),
        "exact_zeros": (size == 0).mean(),
        "below_1e-7": (size < 1e-7).mean(),
        "hoyer": hoyer(flat),
        "gini": gini(flat),
        "bytes": flat.nbytes,
        "gzip_bytes": len(packed),
    }
    return [Measure(layer, name, float(v)) for name, v in values.items() if not np.isnan(v)]


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

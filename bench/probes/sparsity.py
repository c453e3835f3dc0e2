"""How many weights are (nearly) zero, and how small the weights pack. Weights only: no biases, no norms."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np

from bench.plugins import Measure

if TYPE_CHECKING:
    from collections.abc import Sequence


def measure(weights: Sequence[tuple[str, np.ndarray]]) -> list[Measure]:
    """Per layer and for the whole network (layer "").

    Measures: ``weights`` (count), ``mean_abs`` (mean |w|), ``exact_zeros`` and ``below_1e-7`` (shares, 0 to 1),
    ``bytes`` (float32, little-endian) and ``gzip_bytes`` (the same bytes by gzip, level 9, mtime 0).
    """
    kernels = {path.rpartition("/")[0]: array for path, array in weights if array.ndim >= 2}
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
        "bytes": flat.nbytes,
        "gzip_bytes": len(packed),
    }
    return [Measure(layer, name, float(value)) for name, value in values.items()]

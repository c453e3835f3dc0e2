"""What every function of this package accepts: one-dimensional numbers, never a NaN, no empty list.

An infinite value is a result too, the worst one: a run that diverged. Only the functions that say
so take it.
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.errors import StatsError, shown

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

FEWEST_FOR_INFERENCE = 3
"""With fewer seeds than this there is no interval and no test, anywhere in this package."""


def numbers(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """The values as a float array of any shape, NaN and infinite ones included."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise StatsError(
            f"{name} are not all numbers", expected="numbers", found=shown(values)
        ) from error


def sample(
    values: ArrayLike, name: str = "values", *, infinite: bool = False, fewest: int = 1
) -> NDArray[np.float64]:
    """The values as a float array of shape (n,), or one clear StatsError."""
    array = numbers(values, name)
    if array.ndim != 1:
        raise StatsError(
            f"{name} must be one-dimensional", expected="shape (n,)", found=f"shape {array.shape}"
        )
    missing = np.flatnonzero(np.isnan(array))
    if missing.size:
        raise StatsError(
            f"{name} contain NaN",
            expected="a number for every run",
            found=f"NaN at position {', '.join(map(str, missing[:5]))}",
            hint="a run that diverged counts as the worst value (inf or -inf); a run that is "
            "missing is left out of both sides",
        )
    if not infinite and not np.isfinite(array).all():
        raise StatsError(
            f"{name} contain an infinite value",
            expected="finite numbers",
            found=f"{array[~np.isfinite(array)][0]} at position {np.flatnonzero(~np.isfinite(array))[0]}",
            hint="compare_paired and compare_unpaired take the infinite value of a diverged run",
        )
    if array.size < fewest:
        raise StatsError(f"too few {name}", expected=f"{fewest} or more", found=str(array.size))
    return array


def paired_samples(
    a: ArrayLike, b: ArrayLike, *, infinite: bool = False, fewest: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two samples whose i-th values belong together, both of shape (n,)."""
    first = sample(a, "a", infinite=infinite, fewest=fewest)
    second = sample(b, "b", infinite=infinite, fewest=fewest)
    if first.size != second.size:
        raise StatsError(
            "a and b are not paired",
            expected="as many values in a as in b, the same seed at the same position",
            found=f"{first.size} and {second.size}",
            hint="where the pairing is broken, compare_unpaired applies",
        )
    return first, second


def flags(values: ArrayLike, name: str) -> NDArray[np.bool_]:
    """Yes-or-no values (booleans, or 0 and 1) as a boolean array of shape (n,)."""
    array = sample(values, name)
    if not np.isin(array, (0, 1)).all():
        raise StatsError(
            f"{name} must be true or false",
            expected="True and False, or 1 and 0",
            found=shown(values),
        )
    return array.astype(np.bool_)


def between(value: float, low: float, high: float, name: str) -> float:
    """The value if low < value < high, else a StatsError."""
    if not low < value < high:
        raise StatsError(
            f"{name} is out of range", expected=f"between {low:g} and {high:g}", found=f"{value}"
        )
    return float(value)


def positive(value: float, name: str) -> float:
    """The value if it is finite and above zero, else a StatsError."""
    return between(value, 0.0, math.inf, name)


def generator(rng: np.random.Generator | None) -> np.random.Generator:
    """The generator passed in, or one with seed 0: the same data give the same answer."""
    return np.random.default_rng(0) if rng is None else rng


def rounded(differences: NDArray[np.float64], scale: float = 0.0) -> NDArray[np.float64]:
    """Differences without the noise of floating point, shape (n,): what differs by less than it ties.

    That is 1e-9 of the largest finite difference, or 1e-12 of ``scale``: the size of the numbers that were
    subtracted.
    """
    finite = np.abs(differences[np.isfinite(differences)])
    noise = max(1e-9 * float(finite.max(initial=0.0)), 1e-12 * scale)
    if not sys.float_info.min < noise < math.inf:
        return differences
    step = 2.0 ** math.floor(math.log2(noise))  # a power of two, which rounds nothing by itself
    return np.asarray(np.round(differences / step) * step)


def differences_of(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """A - b without the noise of floating point; of two runs that both diverged 0."""
    both = np.isinf(a) & np.isinf(b)
    unit = power_of_two(a, b)
    with np.errstate(invalid="ignore", over="ignore"):
        d = np.where(both, 0.0, a / unit - b / unit)
        return np.asarray(rounded(d, 1.0) * unit)


def power_of_two(*arrays: NDArray[np.float64]) -> float:
    """A power of two as large as the largest finite number: to divide by, against over- and underflow."""
    sizes = [np.abs(a[np.isfinite(a)]).max(initial=0.0) for a in arrays]
    largest = float(max(sizes, default=0.0))
    return 2.0 ** min(math.frexp(largest)[1], 1023) if largest > 0 else 1.0


def no_spread(values: NDArray[np.float64], scale: NDArray[Any] | None = None) -> bool:
    """Whether the values are all alike up to rounding of numbers as large as those in `scale`."""
    size = float(np.abs(values if scale is None else scale).max())
    return float(np.ptp(values)) <= 1e-12 * size

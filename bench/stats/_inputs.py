"""What every function of this package accepts: one-dimensional numbers, never a NaN, no empty list.

An infinite value is a result too, the worst one: a run that diverged. Only the functions that say
so take it.
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

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


def rounded(
    differences: NDArray[np.float64], noise: NDArray[np.float64] | float | None = None
) -> NDArray[np.float64]:
    """Differences without the noise of floating point, of the same shape.

    What is within ``noise`` of zero is zero, and sizes within it of each other are the same. Unless given it is
    1e-9 of the largest finite difference.
    """
    sizes = np.abs(differences).ravel()
    if noise is None:
        noise = 1e-9 * float(sizes[np.isfinite(sizes)].max(initial=0.0))
    per_size = np.broadcast_to(noise, np.shape(differences)).ravel()
    sizes[sizes <= per_size] = 0.0
    order = np.argsort(sizes, kind="stable")
    ascending = sizes[order]
    with np.errstate(invalid="ignore"):  # of two infinite ones, which tie
        new = np.diff(ascending, prepend=-np.inf) > per_size[order]
    sizes[order] = ascending[np.maximum.accumulate(np.where(new, np.arange(sizes.size), 0))]
    return np.asarray(np.sign(differences) * sizes.reshape(np.shape(differences)))


def differences_of(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """A - b without the noise of floating point, broadcast; of two runs that both diverged 0.

    Noise is 1e-12 of the two numbers, or 1e-9 of the median difference that is not zero: one number of 1e200
    turns no other difference into a tie. The numbers are small enough that no difference overflows.
    """
    with np.errstate(invalid="ignore"):
        d = np.where(np.isinf(a) & np.isinf(b), 0.0, a - b)
    largest = np.maximum(np.abs(a), np.abs(b))
    noise = 1e-12 * np.where(np.isfinite(largest), largest, 0.0)
    clear = np.abs(d)[(np.abs(d) > noise) & np.isfinite(d)]
    return rounded(d, np.maximum(noise, 1e-9 * float(np.median(clear)) if clear.size else 0.0))


def power_of_two(*arrays: NDArray[np.float64]) -> float:
    """A power of two as large as the largest finite number: to divide by, against over- and underflow."""
    sizes = [np.abs(a[np.isfinite(a)]).max(initial=0.0) for a in arrays]
    largest = float(max(sizes, default=0.0))
    return 2.0 ** min(math.frexp(largest)[1], 1023) if largest > 0 else 1.0


def in_unit(value: float, unit: float) -> float:
    """A number times a power of two; what is finite stays so, at the largest float, and what is not 0 too."""
    limit = sys.float_info.max
    scaled = min(max(value * unit, -limit), limit) if math.isfinite(value) else value
    return scaled or math.copysign(math.ulp(0.0), value) if value else scaled


def standard_deviation(values: NDArray[np.float64]) -> float:
    """Of a sample, shape (n,), also where the squares of its deviations are no floats."""
    d = values - values.mean()
    unit = power_of_two(d)
    return math.sqrt(float(((d / unit) ** 2).sum()) / (d.size - 1)) * unit


def no_spread(values: NDArray[np.float64]) -> bool:
    """Whether the values are all alike up to rounding."""
    return float(np.ptp(values)) <= 1e-12 * float(np.abs(values).max())


def check_options(margin: float | None, alpha: float) -> None:
    """Raise a StatsError unless alpha is in (0, 0.5) and a margin positive."""
    between(alpha, 0.0, 0.5, "alpha")
    if margin is not None:
        positive(margin, "margin")


def check_infinite(
    a: NDArray[np.float64], b: NDArray[np.float64], *, higher_is_better: bool
) -> None:
    """Raise a StatsError if a value is infinitely good; an infinitely bad one is a run that diverged."""
    best = math.inf if higher_is_better else -math.inf
    if (a == best).any() or (b == best).any():
        raise StatsError(
            "a value is infinitely good",
            expected=f"{-best} for a run that diverged, finite numbers for the others",
            found=str(best),
            hint="check the metric's direction",
        )

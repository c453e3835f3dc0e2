"""Times and other positive numbers: their ratio, and their product with a number of epochs.

Timing noise multiplies, so logarithms are compared and the result is turned back into a ratio of
geometric means. One number per run: the median epoch time after warm-up, say; epochs are not
replicates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.errors import StatsError
from bench.stats._inputs import FEWEST_FOR_INFERENCE, power_of_two, sample
from bench.stats.comparison import Comparison, compare_paired, compare_unpaired
from bench.stats.estimates import TEstimate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


_LARGEST_LOG = 709.0  # of a number that a float holds


@dataclass(frozen=True, slots=True)
class Ratio:
    """Geometric mean of a over geometric mean of b: 0.8 means that a takes a fifth less."""

    ratio: float
    ci_low: float | None
    """Ends of the 1 - alpha interval of the ratio; None below three runs."""
    ci_high: float | None
    comparison: Comparison
    """The comparison of natural logarithms that this comes from: p, verdict, cautions."""

    @classmethod
    def of(cls, comparison: Comparison) -> Ratio:
        """What a comparison of logarithms says, as a ratio."""
        ends = (comparison.ci_low, comparison.ci_high)
        low, high = (None if end is None else _exp(end) for end in ends)
        return cls(_exp(comparison.mean_difference or 0.0), low, high, comparison)


@dataclass(frozen=True, slots=True)
class Product:
    """Mean of a times geometric mean of b, as the time that so many epochs take."""

    value: float
    ci_low: float | None
    """Ends of the interval; None below three values of either, and where neither varies."""
    ci_high: float | None


def ratio_of_means(
    a: ArrayLike,
    b: ArrayLike,
    *,
    paired: bool = True,
    margin: float | None = None,
    alpha: float = 0.05,
    higher_is_better: bool = False,
) -> Ratio:
    """The ratio of geometric means with its t interval, paired or (Welch) unpaired.

    a, b: shape (n,), positive, one number per run. margin: the ratio that does not yet matter, as
    1.05 for five per cent either way. Raises StatsError for values that are not positive and
    finite, a margin of 1 or less, and like `compare_paired`.

    >>> round(ratio_of_means([2.0, 4.1, 8.0], [1.0, 2.0, 4.2]).ratio, 3)
    1.984
    """
    compare = compare_paired if paired else compare_unpaired
    if margin is not None and not margin > 1:
        raise StatsError(
            "a margin for a ratio is above 1",
            expected="such as 1.05 for five per cent either way",
            found=f"{margin}",
        )
    comparison = compare(
        _logarithms(a, "a"),
        _logarithms(b, "b"),
        margin=None if margin is None else math.log(margin),
        alpha=alpha,
        higher_is_better=higher_is_better,
    )
    return Ratio.of(comparison)


def product_of_means(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> Product:
    """Mean of a times geometric mean of b, of independent samples, with the uncertainty of both.

    a: shape (n,), not negative, the mean above 0, such as epochs to a target by seed. b: shape (m,),
    positive, such as seconds per epoch by round. On the logarithmic scale variances add: with standard
    deviations s_a of a and s_b of log b,

        log product +- t * sqrt(u + v),   u = s_a^2 / (n mean(a)^2),   v = s_b^2 / m,

    where u is the variance of log mean(a) by the delta method and t has Satterthwaite's (1946)
    (u + v)^2 / (u^2 / (n - 1) + v^2 / (m - 1)) degrees of freedom. Raises StatsError for other numbers.

    >>> found = product_of_means([10, 12, 9, 11], [2.0, 2.1, 1.9, 2.0])  # epochs, seconds per epoch
    >>> round(found.value, 1), round(found.ci_low, 1), round(found.ci_high, 1)
    (21.0, 17.4, 25.3)
    """
    factors, logs = sample(a, "a"), _logarithms(b, "b")
    unit = power_of_two(factors)
    mean = float((factors / unit).mean())
    if (factors < 0).any() or mean == 0:
        raise StatsError(
            "a must not be negative, nor all 0",
            expected="values from 0, one of them above",
            found=str(factors.min()),
        )
    log_value = math.log(mean) + math.log(unit) + float(logs.mean())
    value = _exp(log_value)
    n, m = factors.size, logs.size
    if min(n, m) < FEWEST_FOR_INFERENCE:
        return Product(value, None, None)
    u, v = float((factors / unit).var(ddof=1)) / (n * mean**2), float(logs.var(ddof=1)) / m
    if u + v == 0:
        return Product(value, None, None)
    df = (u + v) ** 2 / (u**2 / (n - 1) + v**2 / (m - 1))
    low, high = TEstimate(log_value, math.sqrt(u + v), df).interval(level)
    return Product(value, _exp(low), _exp(high))


def _exp(value: float) -> float:
    return math.exp(value) if value < _LARGEST_LOG else math.inf


def _logarithms(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = sample(values, name)
    if (array <= 0).any():
        raise StatsError(
            f"{name} must be positive to have a ratio",
            expected="values above 0",
            found=str(array.min()),
        )
    return np.log(array)

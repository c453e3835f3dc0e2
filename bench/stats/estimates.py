"""A difference of two means with its t distribution: the one place where t tests are computed.

The numbers are those of `scipy.stats.ttest_rel` and `ttest_ind` (a test says so). What scipy does
not hand out, the standard error, is what equivalence tests and power need.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import special

from bench.errors import StatsError, shown
from bench.stats._inputs import (
    FEWEST_FOR_INFERENCE,
    differences_of,
    in_unit,
    no_spread,
    paired_samples,
    power_of_two,
    sample,
    standard_deviation,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Kind = Literal["paired", "welch", "pooled"]


@dataclass(frozen=True, slots=True)
class TEstimate:
    """A difference, its standard error (both in the unit of the data) and degrees of freedom."""

    difference: float
    standard_error: float
    df: float

    def interval(self, level: float) -> tuple[float, float]:
        """The two-sided t interval that covers the true difference with probability `level`."""
        half = float(special.stdtrit(self.df, (1 + level) / 2)) * self.standard_error
        return self.difference - half, self.difference + half

    def p_value(self) -> float:
        """Two-sided p of the null hypothesis that the true difference is zero."""
        return 2 * float(special.stdtr(self.df, -abs(self.difference) / self.standard_error))

    def p_above(self, bound: float) -> float:
        """One-sided p of the null hypothesis that the true difference is at most `bound`."""
        return float(special.stdtr(self.df, (bound - self.difference) / self.standard_error))

    def p_below(self, bound: float) -> float:
        """One-sided p of the null hypothesis that the true difference is at least `bound`."""
        return float(special.stdtr(self.df, (self.difference - bound) / self.standard_error))


def estimate(a: ArrayLike, b: ArrayLike, kind: Kind) -> TEstimate:
    """The difference of means a - b.

    `paired`: the t of the differences a[i] - b[i] (Student 1908). `welch`: two groups of unequal
    variance, degrees of freedom of Satterthwaite (1946). `pooled`: two groups of equal variance.
    Raises StatsError below three values a side and where nothing varies.
    """
    if kind == "paired":
        first, second = paired_samples(a, b, fewest=FEWEST_FOR_INFERENCE)
        unit = power_of_two(first, second)
        flat = float(np.ptp(differences_of(first / unit, second / unit))) == 0
    elif kind in ("welch", "pooled"):
        first = sample(a, "a", fewest=FEWEST_FOR_INFERENCE)
        second = sample(b, "b", fewest=FEWEST_FOR_INFERENCE)
        unit = power_of_two(first, second)
        flat = no_spread(first) and no_spread(second)
    else:
        raise StatsError(
            f"unknown kind {shown(kind)}", expected="paired, welch or pooled", found=shown(kind)
        )
    if flat:
        raise StatsError(
            "the values do not vary, so there is no t distribution",
            expected="values of which two differ",
            found="values that are all alike",
            hint="compare_paired and compare_unpaired say what can be said",
        )
    x, y = first / unit, second / unit
    if kind == "paired":
        difference, error, df = float((x - y).mean()), _error(x - y), x.size - 1.0
    else:
        difference = float(x.mean()) - float(y.mean())
        error, df = (_pooled if kind == "pooled" else _welch)(x, y)
    return TEstimate(in_unit(difference, unit), in_unit(error, unit), df)


def _error(x: NDArray[np.float64]) -> float:
    return standard_deviation(x) / math.sqrt(x.size)


def _welch(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    error = math.hypot(_error(x), _error(y))
    share_x, share_y = (_error(x) / error) ** 2, (_error(y) / error) ** 2
    return error, 1 / (share_x**2 / (x.size - 1) + share_y**2 / (y.size - 1))


def _pooled(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    df = x.size + y.size - 2.0
    spreads = [standard_deviation(z) * math.sqrt((z.size - 1) / df) for z in (x, y)]
    return math.hypot(*spreads) * math.sqrt(1 / x.size + 1 / y.size), df

"""A difference of two means with its t distribution: the one place where t tests are computed.

The numbers are those of `scipy.stats.ttest_rel` and `ttest_ind` (a test says so). What scipy does
not hand out, the standard error, is what equivalence tests and power need.
"""

from __future__ import annotations

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
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

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
            f"unknown kind {kind!r}", expected="paired, welch or pooled", found=shown(kind)
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
        error, n = float((x - y).std(ddof=1)) / x.size**0.5, x.size
        return TEstimate(in_unit(float((x - y).mean()), unit), in_unit(error, unit), n - 1)
    found = _two_groups(
        float(x.mean() - y.mean()),
        (float(x.var(ddof=1)), float(y.var(ddof=1))),
        (x.size, y.size),
        pooled=kind == "pooled",
    )
    error = in_unit(found.standard_error, unit)
    return TEstimate(in_unit(found.difference, unit), error, found.df)


def _two_groups(
    difference: float, variances: tuple[float, float], sizes: tuple[int, int], *, pooled: bool
) -> TEstimate:
    (var_a, var_b), (n_a, n_b) = variances, sizes
    if pooled:
        df = n_a + n_b - 2
        variance = ((n_a - 1) * var_a + (n_b - 1) * var_b) / df
        return TEstimate(difference, (variance * (1 / n_a + 1 / n_b)) ** 0.5, df)
    share_a, share_b = var_a / n_a, var_b / n_b
    squared = share_a + share_b
    df_welch = squared**2 / (share_a**2 / (n_a - 1) + share_b**2 / (n_b - 1))
    return TEstimate(difference, squared**0.5, df_welch)

"""Two one-sided tests: evidence that a difference is too small to matter.

A p above 0.05 never says that two variants are alike. This does: both "the difference is below
the margin" and "it is above minus the margin" are tested (Schuirmann 1987).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.stats._inputs import between, positive
from bench.stats.estimates import Kind, TEstimate, estimate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True)
class Equivalence:
    """The result of two one-sided tests; margin and interval are in the unit of the data."""

    margin: float
    p_value: float
    """The larger of the two one-sided p."""
    p_below: float
    """One-sided p of the null hypothesis that the difference is the margin or more."""
    p_above: float
    """One-sided p of the null hypothesis that it is minus the margin or less."""
    p_adjusted: float
    """`p_value` for its family; the same where it stands alone."""
    ci_low: float | None
    """Ends of the 1 - 2 alpha interval, alpha being the level of a single test; None if a run diverged."""
    ci_high: float | None
    alpha: float

    @property
    def established(self) -> bool:
        """Whether the interval lies inside +-margin, that is the adjusted p is at most alpha."""
        return self.p_adjusted <= self.alpha


def equivalence_test(
    a: ArrayLike, b: ArrayLike, *, margin: float, kind: Kind = "paired", alpha: float = 0.05
) -> Equivalence:
    """Whether the mean of a - b lies within +-margin; the null hypothesis is that it does not.

    a, b: shape (n,), paired by position if `kind` is "paired"; "welch" and "pooled" take groups
    of any size. Raises StatsError below three values a side, where nothing varies, for a margin
    that is not positive and for alpha outside (0, 0.5).

    No report calls it: reports read equivalence from the interval, which says the same; it gives the p
    by itself.

    >>> found = equivalence_test([0.95, 0.96, 0.97, 0.96], [0.95, 0.95, 0.97, 0.97], margin=0.02)
    >>> found.established, round(found.p_value, 4)
    (True, 0.0081)
    >>> round(found.ci_low, 4), round(found.ci_high, 4)
    (-0.0096, 0.0096)
    """
    return equivalence_of(estimate(a, b, kind), margin, alpha)


def equivalence_of(difference: TEstimate, margin: float, alpha: float) -> Equivalence:
    """The same from a difference that is already estimated."""
    positive(margin, "margin")
    low, high = difference.interval(1 - 2 * between(alpha, 0.0, 0.5, "alpha"))
    below, above = difference.p_below(margin), difference.p_above(-margin)
    p_value = max(below, above)
    return Equivalence(
        margin=margin,
        p_value=p_value,
        p_below=below,
        p_above=above,
        p_adjusted=p_value,
        ci_low=low,
        ci_high=high,
        alpha=alpha,
    )

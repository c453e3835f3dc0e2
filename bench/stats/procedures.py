"""How a difference is tested: each procedure gives p for any bound, and the interval that belongs to it.

An interval leaves a number out exactly where the test of that number rejects it, so that a verdict can be read
from either.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, Protocol

import numpy as np
from scipy import special, stats

from bench.stats._inputs import differences_of, generator, in_unit, rounded
from bench.stats.sequential import anytime_sign_test
from bench.stats.sign_flip import signed_ranks, sum_at_least

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bench.stats.estimates import TEstimate

    _Array = NDArray[np.float64]

Test = Literal[
    "paired t",
    "Welch t",
    "paired t, guarded",
    "Welch t, guarded",
    "sign flip",
    "signed rank",
    "permutation of ranks",
    "anytime sign test",
    "McNemar",
    "Fisher",
    "log-rank",
]


class Procedure(Protocol):
    """A test of the difference of two sides; bounds and ends are in the unit of the data."""

    @property
    def name(self) -> Test:
        """What the test is called."""

    def p_above(self, bound: float) -> float:
        """One-sided p of the null hypothesis that the difference is at most ``bound``."""

    def p_below(self, bound: float) -> float:
        """One-sided p of the null hypothesis that the difference is at least ``bound``."""

    def interval(self, level: float) -> tuple[float, float] | None:
        """The interval that belongs to the two-sided test at 1 - level; None where none exists."""


def two_sided(procedure: Procedure, bound: float = 0.0) -> float:
    """Two-sided p of the null hypothesis that the difference is ``bound``."""
    return min(1.0, 2 * min(procedure.p_above(bound), procedure.p_below(bound)))


@dataclass(frozen=True)
class StudentT:
    """The t test of an estimated difference (Student 1908; Welch 1947)."""

    name: Test
    estimate: TEstimate

    def p_above(self, bound: float) -> float:
        """See ``Procedure``."""
        return self.estimate.p_above(bound)

    def p_below(self, bound: float) -> float:
        """See ``Procedure``."""
        return self.estimate.p_below(bound)

    def interval(self, level: float) -> tuple[float, float]:
        """See ``Procedure``."""
        return self.estimate.interval(level)


_FAR: Final = 4.0
"""Of T: further out the correction for skewness stays what it is here, for it is an expansion near zero."""


@dataclass(frozen=True)
class GuardedT:
    """Student's t together with one that is corrected for skewness: what is found, both find.

    With k the skewness of the estimated difference (of the mean of n: that of the values / sqrt(n)), Hall's
    (1992, J. R. Statist. Soc. B 54, 221) transformation of T is g(T) = T + k T^2 / 3 + k^2 T^3 / 27 + k / 6;
    beyond +-4, g(T) - T stays what it is there. It never falls, so that its inverse gives an interval; this
    is the hull of both.
    """

    name: Test
    estimate: TEstimate
    skewness: float

    def p_above(self, bound: float) -> float:
        """See ``Procedure``."""
        corrected = special.stdtr(self.estimate.df, -self._corrected(self._t(bound)))
        return max(self.estimate.p_above(bound), float(corrected))

    def p_below(self, bound: float) -> float:
        """See ``Procedure``."""
        corrected = special.stdtr(self.estimate.df, self._corrected(self._t(bound)))
        return max(self.estimate.p_below(bound), float(corrected))

    def interval(self, level: float) -> tuple[float, float]:
        """See ``Procedure``."""
        low, high = self.estimate.interval(level)
        quantile = float(special.stdtrit(self.estimate.df, (1 + level) / 2))
        corrected = [
            self.estimate.difference - self.estimate.standard_error * self._inverse(q)
            for q in (quantile, -quantile)
        ]
        return min(low, corrected[0]), max(high, corrected[1])

    def _t(self, bound: float) -> float:
        return (self.estimate.difference - bound) / self.estimate.standard_error

    def _corrected(self, t: float) -> float:
        near, k = min(max(t, -_FAR), _FAR), self.skewness
        return t + k * near * near / 3 + k * k * near**3 / 27 + k / 6

    def _inverse(self, value: float) -> float:
        """The t whose corrected one this is."""
        for end in (-_FAR, _FAR):
            beyond = value - self._corrected(end)
            if beyond * end >= 0:
                return end + beyond
        shifted = value - self.skewness / 6
        root = float(np.cbrt(1 + self.skewness * shifted))
        return 3 * shifted / (root * root + root + 1)


@dataclass(frozen=True)
class SignFlip:
    """The exact test over all signs of paired differences (Fisher 1935): symmetric about the bound, or not."""

    differences: _Array
    name: Test = "sign flip"

    def p_above(self, bound: float) -> float:
        """See ``Procedure``."""
        return sum_at_least(_less(self.differences, bound))

    def p_below(self, bound: float) -> float:
        """See ``Procedure``."""
        return sum_at_least(-_less(self.differences, bound))

    def interval(self, level: float) -> tuple[float, float]:
        """See ``Procedure``; an end is infinite where so few seeds reject nothing."""
        alpha, d = (1 - level) / 2, self.differences
        low = _last_rejected(
            lambda bound: self.p_above(bound) <= alpha, float(d.min()), float(d.max())
        )
        high = _last_rejected(
            lambda bound: self.p_below(-bound) <= alpha, float(-d.max()), float(-d.min())
        )
        return low, -high


def _less(differences: _Array, bound: float) -> _Array:
    """Differences less a bound: those that floating point cannot tell from it are 0."""
    shifted = differences - bound
    sizes = np.abs(np.where(np.isfinite(differences), differences, 0.0))
    shifted[np.abs(shifted) <= 1e-12 * np.maximum(sizes, abs(bound))] = 0.0
    return shifted


def _last_rejected(rejects: Callable[[float], bool], low: float, high: float) -> float:
    """The first bound that is not rejected, from below all differences upwards; -inf if none is rejected."""
    size = max(abs(low), abs(high), 1e-300)
    below = low - size
    if not rejects(below):
        return -math.inf
    if rejects(high):
        return high
    while high - below > 1e-12 * size:
        middle = (below + high) / 2
        below, high = (middle, high) if rejects(middle) else (below, middle)
    return 0.0 if below < 0 < high and not rejects(0.0) else high


@dataclass(frozen=True)
class SignedRank:
    """Wilcoxon's signed-rank test of paired differences, exact; infinite ones have the largest rank."""

    differences: _Array
    name: Test = "signed rank"

    def p_above(self, bound: float) -> float:
        """See ``Procedure``."""
        return sum_at_least(self._ranks(bound))

    def p_below(self, bound: float) -> float:
        """See ``Procedure``."""
        return sum_at_least(-self._ranks(bound))

    def interval(self, level: float) -> None:
        """None: a run diverged, and there is no difference of means."""
        del level

    def _ranks(self, bound: float) -> _Array:
        return signed_ranks(differences_of(self.differences, np.full_like(self.differences, bound)))


@dataclass(frozen=True)
class RankPermutation:
    """Permutation test of the ranks of two groups (Mann and Whitney 1947), ties and infinite values included.

    Exact up to 9,999 regroupings, else so many drawn.
    """

    a: _Array
    b: _Array
    name: Test = "permutation of ranks"

    def p_above(self, bound: float) -> float:
        """See ``Procedure``."""
        return self._p(bound, upwards=True)

    def p_below(self, bound: float) -> float:
        """See ``Procedure``."""
        return self._p(bound, upwards=False)

    def interval(self, level: float) -> None:
        """None: a run diverged, or nothing varies."""
        del level

    def _p(self, bound: float, *, upwards: bool) -> float:
        values = np.concatenate([self.a, self.b + bound])
        sizes = np.where(np.isfinite(values), np.abs(values), 0.0)
        ranks = stats.rankdata(rounded(values, 1e-12 * sizes))
        return _rank_sum_p(tuple(ranks.tolist()), self.a.size, upwards)


@lru_cache(maxsize=256)  # the draws take a while, and direction and verdict ask again
def _rank_sum_p(ranks: tuple[float, ...], n_a: int, upwards: bool) -> float:
    method = stats.PermutationMethod(n_resamples=9_999, rng=generator(None))
    side: Literal["greater", "less"] = "greater" if upwards else "less"
    found = stats.mannwhitneyu(ranks[:n_a], ranks[n_a:], alternative=side, method=method)
    return float(found.pvalue)


@dataclass(frozen=True)
class AnytimeSigns:
    """The anytime sign test of paired differences: valid however often one looked (Ville 1939; Robbins 1970).

    Its interval is one of the median difference.
    """

    differences: _Array
    name: Test = "anytime sign test"

    def p_above(self, bound: float) -> float:
        """See ``Procedure``."""
        return self._p(_less(self.differences, bound), 0.0)

    def p_below(self, bound: float) -> float:
        """See ``Procedure``."""
        return self._p(-_less(self.differences, bound), 0.0)

    def interval(self, level: float) -> tuple[float, float]:
        """See ``Procedure``; an end is infinite where so few seeds exclude nothing."""
        alpha, d = (1 - level) / 2, self.differences
        finite = np.unique(d[np.isfinite(d)]).tolist()
        around = [math.nextafter(x, way) for x in finite for way in (-math.inf, x, math.inf)]
        low = next((bound for bound in around if self._p(d, bound) > alpha), math.inf)
        high = next((bound for bound in reversed(around) if self._p(-d, -bound) > alpha), -math.inf)
        return (
            -math.inf if not around or low == around[0] else float(low),
            math.inf if not around or high == around[-1] else float(high),
        )

    @staticmethod
    def _p(d: _Array, bound: float) -> float:
        above, below = int(np.count_nonzero(d > bound)), int(np.count_nonzero(d < bound))
        return anytime_sign_test(above, below).p_value / 2 if above > below else 1.0


_FARTHEST: Final = 1e300
"""Of a bound; numbers that were divided by their unit lie within 2 of zero."""


@dataclass(frozen=True)
class Rescaled:
    """A procedure on numbers that were divided by ``unit``."""

    inner: Procedure
    unit: float

    @property
    def name(self) -> Test:
        """What the test is called."""
        return self.inner.name

    def p_above(self, bound: float) -> float:
        """See ``Procedure``."""
        return self.inner.p_above(self._scaled(bound))

    def p_below(self, bound: float) -> float:
        """See ``Procedure``."""
        return self.inner.p_below(self._scaled(bound))

    def interval(self, level: float) -> tuple[float, float] | None:
        """See ``Procedure``."""
        ends = self.inner.interval(level)
        return None if ends is None else (in_unit(ends[0], self.unit), in_unit(ends[1], self.unit))

    def _scaled(self, bound: float) -> float:
        return min(max(bound / self.unit, -_FARTHEST), _FARTHEST)

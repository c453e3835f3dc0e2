"""What a choice among levels is worth, such as that of a learning rate: the best one's mean minus the worst's.

The largest of several noisy means is too large and the smallest too small, so the range of the means grows with
the noise and with the number of levels, where nothing differs at all. Here each seed's best and worst level are
chosen by the means of the *other* seeds (cross-fitting), and the seed says what lies between them: without a
difference, zero on average, however noisy the levels are.

The seeds' numbers depend on each other through the choice, so their t is not Student's. It is held against its
own law among levels that do not differ, which depends on the numbers of seeds and levels alone and is drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from scipy import special

from bench.errors import StatsError
from bench.stats._inputs import FEWEST_FOR_INFERENCE, between, numbers, positive, power_of_two
from bench.stats.multiple import adjust

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    _Array = NDArray[np.float64]

NearBest = Literal["within", "beyond", "cannot tell"]

_DRAWS: Final = 20_000
_AT_ONCE: Final = 2_000_000  # numbers that are drawn together
_MOST_SEEDS: Final = 50  # the law hardly moves beyond, and only inwards
_ROUNDING: Final = 1e-12  # of the largest number


@dataclass(frozen=True, slots=True, eq=False)
class LevelRange:
    """The best level's mean minus the worst one's, cross-fitted. Made by `cross_fitted_range`."""

    values: _Array
    """As given: shape (n, levels)."""
    by_seed: _Array
    """Of each seed its value at the best level minus that at the worst, chosen on the others: shape (n,)."""

    @property
    def estimate(self) -> float:
        """Mean over seeds: zero on average where levels do not differ, and never above the true range."""
        return _mean(self.by_seed)

    def interval(self, level: float = 0.95) -> tuple[float, float] | None:
        """An interval that covers the true range with probability `level` or more; None where nothing varies.

        Its lower end is that of the cross-fitted estimate, by its own law. Its upper end is the highest of
        the t bounds of all pairs of levels: one of these pairs is the true range.
        """
        tail = (1 - between(level, 0.0, 1.0, "level")) / 2
        n = len(self.values)
        if n < FEWEST_FOR_INFERENCE or _is_flat(self.values):
            return None
        means, errors = _means(_pairs(self.values), self.values)
        upper = means + float(special.stdtrit(n - 1, 1 - tail)) * errors
        lower = _lowest(_means(self.by_seed, self.values), self.values.shape, tail)
        return lower, float(upper.max())


@dataclass(frozen=True, slots=True, eq=False)
class RangeDifference:
    """Whether the choice is worth more in a than in b. Made by `compare_ranges`."""

    a: LevelRange
    b: LevelRange
    p_value: float | None
    """Two-sided; None below three seeds, and where nothing varies."""

    @property
    def difference(self) -> float:
        """Range of a minus range of b, both cross-fitted."""
        return self.a.estimate - self.b.estimate

    def interval(self, level: float = 0.95) -> tuple[float, float] | None:
        """An interval that covers the true difference with probability `level` or more; None without a p.

        It leaves zero out exactly where p is at most 1 - level.
        """
        tail = (1 - between(level, 0.0, 1.0, "level")) / 2
        if self.p_value is None:
            return None
        low, high = (
            _lowest(_excess(x, y), x.values.shape, tail)
            for x, y in ((self.a, self.b), (self.b, self.a))
        )
        return low, -high


def cross_fitted_range(values: ArrayLike) -> LevelRange:
    """What lies between the best and the worst of several levels, free of the optimism of choosing them.

    values: shape (n, levels), the same seed in a row, finite; two or more of each. Which direction is good does
    not matter. Of seed i the value at level b minus that at level w, where b has the highest and w the lowest
    mean over the other n - 1 seeds.

    >>> runs = [[0.91, 0.80, 0.52], [0.90, 0.82, 0.50], [0.92, 0.81, 0.51], [0.91, 0.83, 0.49]]
    >>> found = cross_fitted_range(runs)
    >>> round(found.estimate, 3)
    0.405
    >>> [round(end, 2) for end in found.interval()]
    [0.38, 0.43]

    Raises StatsError for other shapes, and NaN and infinite values: what diverged has no mean.
    """
    array = _levels(values, "values")
    scaled = array / power_of_two(array)
    others = scaled.sum(axis=0) - scaled
    seeds = np.arange(len(array))
    best, worst = others.argmax(axis=1), others.argmin(axis=1)
    return LevelRange(array, array[seeds, best] - array[seeds, worst])


def compare_ranges(a: ArrayLike, b: ArrayLike) -> RangeDifference:
    """Whether the choice among levels is worth more in a than in b, paired by seed; two-sided.

    a, b: shapes (n, levels of a) and (n, levels of b), the same seed in the same row. That a's range is larger
    is shown where a's cross-fitted range, which noise makes smaller, exceeds what lies between *every* pair of
    levels of b (an intersection-union test: Berger 1982). So neither noise nor a wrong choice can make one of
    two that are alike look worse; the price is power where b has many levels and much noise.

    >>> steep = [[0.91, 0.80, 0.52], [0.90, 0.82, 0.50], [0.92, 0.81, 0.51], [0.91, 0.83, 0.49]]
    >>> flat = [[0.90, 0.91, 0.90], [0.91, 0.90, 0.92], [0.91, 0.92, 0.91], [0.90, 0.90, 0.91]]
    >>> found = compare_ranges(steep, flat)
    >>> round(found.difference, 3), found.p_value < 0.01
    (0.41, True)

    Raises StatsError like `cross_fitted_range`, and for other numbers of seeds.
    """
    first, second = cross_fitted_range(a), cross_fitted_range(b)
    n = len(first.values)
    if len(second.values) != n:
        raise StatsError(
            "a and b are not paired",
            expected="as many seeds in a as in b, the same seed in the same row",
            found=f"{n} and {len(second.values)}",
        )
    if n < FEWEST_FOR_INFERENCE or (_is_flat(first.values) and _is_flat(second.values)):
        return RangeDifference(first, second, None)
    tails = [_tail(x, y) for x, y in ((first, second), (second, first))]
    return RangeDifference(first, second, min(1.0, 2 * min(tails)))


def near_best(
    values: ArrayLike, *, margin: float, higher_is_better: bool = True, alpha: float = 0.05
) -> tuple[NearBest, ...]:
    """Of each level whether its mean is shown to be within a margin of the best one's, or beyond it.

    values: as `cross_fitted_range`; margin: in their unit. *beyond*: some level is better by more than the
    margin, by paired one-sided t tests with Holm over all ordered pairs. *within*: no level is, each pair being
    tested for less than the margin, with Holm over the levels. Each half has alpha / 2, so that any of the
    statements is wrong in at most alpha of studies.

    >>> runs = [[0.91, 0.90, 0.52], [0.90, 0.90, 0.50], [0.92, 0.91, 0.51], [0.91, 0.90, 0.49]]
    >>> near_best(runs, margin=0.1)
    ('within', 'within', 'beyond')

    Raises StatsError like `cross_fitted_range`, for a margin that is not positive and alpha outside (0, 0.5).
    """
    array = _levels(values, "values")
    positive(margin, "margin")
    half = between(alpha, 0.0, 0.5, "alpha") / 2
    levels = range(array.shape[1])
    said: list[NearBest] = ["cannot tell" for _ in levels]
    if len(array) < FEWEST_FOR_INFERENCE:
        return tuple(said)
    ahead = _pairs(
        array if higher_is_better else -array
    )  # how far another level is ahead of this one
    beyond = _p_above(ahead, margin, array)
    within = _p_above(-ahead, -margin, array)
    off = ~np.eye(len(levels), dtype=bool)
    holm = np.ones(off.shape)
    holm[off] = adjust(beyond[off])
    inside = adjust(np.where(off, within, 0.0).max(axis=0))
    for level in levels:
        if holm[:, level].min() <= half:
            said[level] = "beyond"
        elif (inside[level] or 0.0) <= half:
            said[level] = "within"
    return tuple(said)


def _levels(values: ArrayLike, name: str) -> _Array:
    array = numbers(values, name)
    if array.ndim != 2 or array.shape[0] < 2 or array.shape[1] < 2:
        raise StatsError(
            f"{name} are not a table of seeds by levels",
            expected="shape (seeds, levels), two or more of each",
            found=f"shape {array.shape}",
        )
    if not np.isfinite(array).all():
        raise StatsError(
            f"{name} are not finite",
            expected="a finite number for every seed and level",
            found="NaN or infinite values",
            hint="leave out seeds that lack a level, and levels at which a run diverged",
        )
    return array


def _pairs(values: _Array) -> _Array:
    """Of each seed every level minus every level, shape (n, levels, levels)."""
    return values[:, :, None] - values[:, None, :]


def _mean(values: _Array) -> float:
    unit = power_of_two(values)
    return float((values / unit).mean() * unit)


def _means(differences: _Array, of: _Array) -> tuple[_Array, _Array]:
    """Means over the seeds, along the first axis, and their standard errors.

    The latter are 0 where seeds are alike up to the rounding of the numbers that were subtracted.
    """
    unit = power_of_two(of)
    scaled = differences / unit
    errors = scaled.std(axis=0, ddof=1) * unit / math.sqrt(len(scaled))
    return scaled.mean(axis=0) * unit, np.where(np.ptp(scaled, axis=0) <= _ROUNDING, 0.0, errors)


def _is_flat(values: _Array) -> bool:
    """Whether every seed says the same of the levels, so that there is no noise to judge by."""
    return not _means(_pairs(values), values)[1].any()


def _t(means: _Array, errors: _Array) -> _Array:
    """Infinite where nothing varies but something differs, and 0 where nothing does either."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.asarray(np.nan_to_num(means / errors, nan=0.0, posinf=np.inf, neginf=-np.inf))


def _p_above(differences: _Array, bound: float, of: _Array) -> _Array:
    """One-sided p of means that are at most the bound; where nothing varies by counting signs."""
    n = len(differences)
    means, errors = _means(differences, of)
    t = _t(means - bound, errors)
    p = special.stdtr(n - 1, -t)
    return np.asarray(np.where(np.isinf(t), np.where(t > 0, 0.5**n, 1.0), p))


def _excess(a: LevelRange, b: LevelRange) -> tuple[_Array, _Array]:
    """By how much a's cross-fitted range exceeds each pair of levels of b: means and standard errors."""
    off = ~np.eye(b.values.shape[1], dtype=bool)
    both = np.concatenate([a.values, b.values], axis=1)
    return _means(a.by_seed[:, None] - _pairs(b.values)[:, off], both)


def _tail(a: LevelRange, b: LevelRange) -> float:
    """One-sided p that the range of a is at most that of b."""
    n, levels = a.values.shape
    law, t = _law(n, levels), _t(*_excess(a, b))
    least = float(t.min())
    p = (1 + law.size - int(np.searchsorted(law, least, side="left"))) / (law.size + 1)
    return max(p, 0.5**n) if np.isposinf(t).any() else p  # what does not vary: by counting signs


def _lowest(moments: tuple[_Array, _Array], shape: tuple[int, ...], tail: float) -> float:
    """The lowest of lower bounds at which the cross-fitted t of (seeds, levels) has a probability of `tail`."""
    (means, errors), (n, levels) = moments, shape
    varies = errors > 0
    bounds = np.where(varies, -np.inf, means if 0.5**n <= tail else -np.inf)
    critical = _critical(n, levels, tail)
    np.subtract(means, critical * np.where(varies, errors, 1.0), out=bounds, where=varies)
    return float(bounds.min())


def _critical(n: int, levels: int, tail: float) -> float:
    """What t exceeds with probability `tail` where levels do not differ; infinite if the draws cannot tell."""
    law = _law(n, levels)
    above = math.floor(tail * (law.size + 1) + 1e-9)
    return float(law[law.size - above]) if above >= 1 else math.inf


def _law(n: int, levels: int) -> _Array:
    return _drawn(min(n, _MOST_SEEDS), levels)


@lru_cache(maxsize=256)
def _drawn(n: int, levels: int) -> _Array:
    """The t of cross-fitted ranges of standard normal noise, ascending: shape (draws,)."""
    rng = np.random.default_rng(0)
    left, found = _DRAWS, []
    while left:
        some = min(left, max(1, _AT_ONCE // (n * levels)))
        values = rng.standard_normal((some, n, levels))
        others = values.sum(axis=1, keepdims=True) - values
        best, worst = (
            np.take_along_axis(values, choice(others, axis=2)[:, :, None], axis=2)[:, :, 0]
            for choice in (np.argmax, np.argmin)
        )
        differences = best - worst
        found.append(differences.mean(axis=1) / (differences.std(axis=1, ddof=1) / math.sqrt(n)))
        left -= some
    return np.sort(np.concatenate(found))

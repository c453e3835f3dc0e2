"""Which of two variants reaches a target more often, also where some runs were stopped early.

A run that was stopped is no miss: what came after its end is not known. So the two are compared up to
a time to which both were watched, by exact tests of who had reached the target by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import stats

from bench.errors import StatsError
from bench.stats.survival import checked_runs, restriction_time
from bench.stats.time_to_target import mcnemar_exact

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True)
class Shares:
    """How many runs had reached the target while both sides were watched, and the exact test."""

    test: Literal["McNemar", "Fisher"]
    n_a: int
    reached_a: int
    n_b: int
    reached_b: int
    only_a: int | None
    """Pairs in which a alone reached; None if unpaired, like `only_b`."""
    only_b: int | None
    p_value: float

    @property
    def direction(self) -> int:
        """1 where a reaches more often, -1 where b does, 0 where neither."""
        return int(np.sign(self.reached_a * self.n_b - self.reached_b * self.n_a))


def compare_shares(
    times_a: ArrayLike,
    reached_a: ArrayLike,
    times_b: ArrayLike,
    reached_b: ArrayLike,
    *,
    paired: bool,
) -> Shares:
    """Whether a and b reach the target equally often, by the exact test for pairs or for two groups.

    times_a, reached_a: shape (n_a,), when a run reached the target, or how long it was watched without,
    and which of the two; b likewise. paired: the i-th runs of both share a seed. Then each pair is
    compared up to the time to which both of it were watched (McNemar 1947). Two groups are compared up
    to `restriction_time` (Fisher 1922). Raises StatsError for unequal lengths, no runs, and times that
    are infinite, negative or NaN.

    >>> compare_shares([3, 4, 5], [1, 1, 1], [9, 9, 4], [0, 0, 0], paired=True)  # at 4, neither of the third
    Shares(test='McNemar', n_a=3, reached_a=2, n_b=3, reached_b=0, only_a=2, only_b=0, p_value=0.5)
    >>> found = compare_shares([3, 4, 5], [1, 1, 1], [9, 9, 9], [0, 0, 0], paired=False)
    >>> found.test, found.reached_a, found.reached_b, round(found.p_value, 6)  # 2 of the 20 groupings
    ('Fisher', 3, 0, 0.1)
    """
    a, b = checked_runs(times_a, reached_a), checked_runs(times_b, reached_b)
    if paired:
        if a[0].size != b[0].size:
            raise StatsError(
                "the runs are not paired",
                expected="the same seeds in both",
                found=f"{a[0].size} and {b[0].size}",
            )
        limits = np.minimum(*(np.where(reached, np.inf, times) for times, reached in (a, b)))
    else:
        limits = np.array(restriction_time(a, b))
    had_a, had_b = (reached & (times <= limits) for times, reached in (a, b))
    k, m = int(had_a.sum()), int(had_b.sum())
    pairs = mcnemar_exact(had_a, had_b) if paired else None
    table = np.array([[k, had_a.size - k], [m, had_b.size - m]])
    return Shares(
        test="McNemar" if paired else "Fisher",
        n_a=had_a.size,
        reached_a=k,
        n_b=had_b.size,
        reached_b=m,
        only_a=pairs.only_a if pairs else None,
        only_b=pairs.only_b if pairs else None,
        p_value=pairs.p_value if pairs else float(stats.fisher_exact(table).pvalue),
    )

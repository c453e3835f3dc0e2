"""How long training took to reach a target, when every run had the same budget.

With one budget no survival model is needed. A run that never reaches the target, diverged ones
included, spent the whole budget: it counts, and is never dropped. Times may be epochs, updates or
seconds; budget and times share the unit. Unequal budgets: see `bench.stats.survival`, and
`restriction_time` there for the budget up to which all that is here still holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from bench.errors import StatsError
from bench.stats._inputs import flags, numbers, positive

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class TimeToTarget:
    """One variant's runs against one target, all under the budget `budget`.

    All that is said of such runs at once, for use by itself; reports put the same numbers together
    from runs whose budgets may differ.
    """

    n: int
    n_reached: int
    budget: float
    restricted_mean: float
    """Mean of min(T, budget), a lower bound of the mean time where some run did not reach."""
    expected_running_time: float
    """Total time spent / successes (Hansen et al. 2021, COCO); infinite if no run reached."""

    @property
    def fraction_reached(self) -> float:
        """Runs that reached the target within the budget, as a fraction of all."""
        return self.n_reached / self.n


@dataclass(frozen=True, slots=True)
class McNemar:
    """Seeds on which exactly one of two variants reached the target, and the exact test."""

    only_a: int
    only_b: int
    p_value: float


def restricted_times(
    times: ArrayLike, reached: ArrayLike, budget: ArrayLike
) -> NDArray[np.float64]:
    """min(T, budget) for each run, shape (n,): what `compare_paired` takes, lower being better.

    times: shape (n,), when each run reached the target; ignored (NaN or inf will do) where
    `reached`, shape (n,), is false. budget: one for all runs, or shape (n,), each run's own. Raises
    StatsError for unequal lengths, no runs, a budget that is not positive, and a reached target
    without a time or with a negative one.

    No report calls it: reports take them from curves that end at different times; it is for runs of one
    budget.

    >>> restricted_times([5, 12, float("nan")], [True, True, False], 10).tolist()
    [5.0, 10.0, 10.0]
    """
    within = flags(reached, "reached")
    spent, limits = numbers(times, "times"), numbers(budget, "budget")
    for limit in limits.flat:
        positive(limit, "budget")
    if spent.shape != within.shape or limits.shape not in ((), within.shape):
        raise StatsError(
            "times, reached and budgets differ in length",
            expected="all of every run",
            found=f"{spent.shape}, {within.shape} and {limits.shape}",
        )
    if not (spent[within] >= 0).all():
        raise StatsError(
            "a run reached the target at no known time",
            expected="a time from 0 of every run that reached it",
            found=str(spent[within].min()),
        )
    return np.where(within, np.minimum(spent, limits), limits)


def time_to_target(times: ArrayLike, reached: ArrayLike, budget: float) -> TimeToTarget:
    """Restricted mean, expected running time and number of successes. Arguments and errors as in
    `restricted_times`, with one budget; a target reached after the budget was not reached within it.

    >>> found = time_to_target([12, 15, 40, 22, 18], [True, True, False, True, True], 40)
    >>> found.n_reached, found.restricted_mean  # (12 + 15 + 40 + 22 + 18) / 5
    (4, 21.4)
    >>> found.expected_running_time, found.fraction_reached  # 107 / 4
    (26.75, 0.8)
    """
    spent = restricted_times(times, reached, budget)
    in_time = flags(reached, "reached") & (numbers(times, "times") <= budget)
    return TimeToTarget(
        n=spent.size,
        n_reached=int(np.count_nonzero(in_time)),
        budget=float(budget),
        restricted_mean=float(spent.mean()),
        expected_running_time=expected_running_time(times, reached, budget),
    )


def restricted_mean_time(times: ArrayLike, reached: ArrayLike, budget: float) -> float:
    """Mean of min(T, budget). Arguments and errors as in `restricted_times`.

    Equals the area under the Kaplan-Meier curve up to the budget: for whoever wants this number
    alone. Reports take the mean of `restricted_times`, whose spread they need too.

    No report calls it: reports compare `restricted_times`; it is the mean alone.

    >>> restricted_mean_time([12, 15, 40, 22, 18], [True, True, False, True, True], 40)
    21.4
    """
    return time_to_target(times, reached, budget).restricted_mean


def expected_running_time(times: ArrayLike, reached: ArrayLike, budget: ArrayLike) -> float:
    """Total time spent / number of runs that reached the target; infinite if none did.

    Arguments and errors as in `restricted_times`. What a run that missed the target spent is its
    budget, its own one where they differ.

    >>> expected_running_time([12, 15, 40, 22, 18], [True, True, False, True, True], 40)
    26.75
    >>> expected_running_time([12, 0, 0], [True, False, False], [50, 20, 28])  # (12 + 20 + 28) / 1
    60.0
    """
    spent = restricted_times(times, reached, budget)
    in_time = flags(reached, "reached") & (numbers(times, "times") <= numbers(budget, "budget"))
    successes = int(np.count_nonzero(in_time))
    return math.fsum(spent) / successes if successes else math.inf


def mcnemar_exact(reached_a: ArrayLike, reached_b: ArrayLike) -> McNemar:
    """Whether a and b reach the target equally often: the exact test on paired seeds.

    reached_a, reached_b: shape (n,), true or false, paired by position. Only seeds on which the
    two differ count, and under the null hypothesis each falls either way (McNemar 1947). Without
    such a seed p is 1. Raises StatsError for unequal lengths and no seeds.

    >>> mcnemar_exact([1, 1, 1, 0, 1], [0, 0, 0, 0, 1])  # p = 2 / 2^3
    McNemar(only_a=3, only_b=0, p_value=0.25)
    """
    a, b = flags(reached_a, "reached_a"), flags(reached_b, "reached_b")
    if a.size != b.size:
        raise StatsError(
            "reached_a and reached_b are not paired",
            expected="the same seeds in both",
            found=f"{a.size} and {b.size}",
        )
    only_a, only_b = int(np.count_nonzero(a & ~b)), int(np.count_nonzero(b & ~a))
    p = float(stats.binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
    return McNemar(only_a=only_a, only_b=only_b, p_value=p)

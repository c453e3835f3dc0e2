"""Time to target when budgets differ: a run that was stopped early is censored, not failed.

The Kaplan-Meier curve here is the probability of *not yet* having reached the target. With one
common budget use `bench.stats.time_to_target`, which needs no such machinery. Times may be epochs,
updates or seconds: of a run that reached, when it did, whatever became of it afterwards; of one that
did not, how long it was watched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special, stats

from bench.errors import StatsError
from bench.stats._inputs import (
    FEWEST_FOR_INFERENCE,
    between,
    flags,
    generator,
    positive,
    sample,
)
from bench.stats.sign_flip import sign_flip_test

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    _Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SurvivalCurve:
    """A Kaplan-Meier curve; every array has one entry per distinct time, in ascending order.

    Four runs, one of which was stopped at 3 while another reached the target:

    >>> curve = survival_curve([2, 3, 3, 5], [1, 1, 0, 1])
    >>> curve.probability.tolist()  # 3/4, 3/4 x 2/3, and the last one reached
    [0.75, 0.5, 0.0]
    >>> round(float(curve.standard_error[1]), 6)  # .5 sqrt(1/(4 x 3) + 1/(3 x 2))
    0.25
    """

    times: NDArray[np.float64]
    at_risk: NDArray[np.int64]
    """Runs that were still going, and had not reached the target, just before each time."""
    events: NDArray[np.int64]
    """Runs that reached the target at each time (0 where runs were only stopped)."""
    probability: NDArray[np.float64]
    """Probability that a run has not reached the target by each time."""

    @property
    def standard_error(self) -> NDArray[np.float64]:
        """Greenwood's (1926) standard error of `probability`; 0 where the curve is at 0."""
        return self.probability * np.sqrt(np.cumsum(self._hazard_variance))

    @property
    def median(self) -> float:
        """The first time by which half the runs have reached; infinite if the data end before.

        >>> survival_curve([2, 3, 3, 5], [1, 1, 0, 1]).median, survival_curve([2, 3], [0, 0]).median
        (3.0, inf)
        """
        below = self.times[self.probability <= 0.5]
        return float(below[0]) if below.size else np.inf

    @property
    def _hazard_variance(self) -> NDArray[np.float64]:
        """Greenwood's d / (n (n - d)) at each time; 0 where no run is left after it."""
        survivors = self.at_risk - self.events
        return self.events / (self.at_risk * np.where(survivors > 0, survivors, np.inf))

    def area(self, tau: float) -> tuple[float, float]:
        """The restricted mean, that is the area under the curve up to tau, and its standard error.

        The error is the square root of sum A_i^2 d_i / (n_i (n_i - d_i)) over times t_i <= tau,
        A_i being the area from t_i to tau (Irwin 1949; the one that R's survival prints). Raises
        StatsError where the curve does not tell: the last run was stopped before tau.

        >>> mean, error = survival_curve([2, 3, 3, 5], [1, 1, 0, 1]).area(5)
        >>> mean  # 2 x 1 + 1 x .75 + 2 x .5
        3.75
        >>> round(error**2, 4)  # (.75 + 1)^2 / (4 x 3) + 1^2 / (3 x 2)
        0.4219
        """
        positive(tau, "tau")
        if self.times[-1] < tau and self.probability[-1] > 0:
            raise StatsError(
                "the restricted mean is not known so far out",
                expected=f"tau of at most {self.times[-1]:g}, when the last run was stopped",
                found=f"{tau:g}",
            )
        inside = self.times <= tau
        edges = np.concatenate([[0.0], self.times[inside], [tau]])
        heights = np.concatenate([[1.0], self.probability[inside]])
        pieces = np.diff(edges) * heights
        remaining = np.cumsum(pieces[::-1])[::-1][1:]
        variance = float((remaining**2 * self._hazard_variance[inside]).sum())
        return float(pieces.sum()), variance**0.5


@dataclass(frozen=True, slots=True)
class LogRank:
    """The log-rank test of two groups."""

    chi2: float
    p_value: float
    """From the chi-squared distribution, which small groups do not have."""
    p_exact: float | None
    """From regrouping the runs, or flipping pairs; None below three runs a side."""
    lead: float
    """Observed minus expected arrivals of a: above 0 where a is the quicker one."""


@dataclass(frozen=True, slots=True)
class RestrictedMeanDifference:
    """The difference of two restricted means, a - b, in the unit of the times."""

    difference: float
    standard_error: float
    ci_low: float
    ci_high: float
    p_value: float


def survival_curve(times: ArrayLike, reached: ArrayLike) -> SurvivalCurve:
    """The Kaplan-Meier curve of runs with budgets of their own (`scipy.stats.ecdf`).

    times: shape (n,), when a run reached the target, or was stopped without; reached: shape (n,),
    which of the two. Raises StatsError for unequal lengths, no runs, infinite, negative and NaN
    times.

    >>> curve = survival_curve([2, 3, 3, 5], [1, 1, 0, 1])
    >>> curve.times.tolist(), curve.at_risk.tolist(), curve.events.tolist()
    ([2.0, 3.0, 5.0], [4, 3, 1], [1, 1, 1])
    """
    t, event = checked_runs(times, reached)
    curve = stats.ecdf(_censored(t, event)).sf
    distinct = np.asarray(curve.quantiles, dtype=np.float64)
    return SurvivalCurve(
        times=distinct,
        at_risk=(t[:, None] >= distinct).sum(axis=0),
        events=((t[:, None] == distinct) & event[:, None]).sum(axis=0),
        probability=np.asarray(curve.probabilities, dtype=np.float64),
    )


def restriction_time(*groups: tuple[ArrayLike, ArrayLike]) -> float:
    """Up to when every run was watched: the shortest end among those that missed, infinite if none did.

    groups: of each variant its times and which of its runs reached, as in `survival_curve`. Up to
    there min(T, tau) is known of every run, so that its mean needs no model and may be compared by
    a t test. Raises StatsError like `survival_curve`.

    >>> restriction_time(([3, 5], [1, 1]), ([4, 9], [0, 0]))
    4.0
    """
    ends = [np.inf]
    for group in groups:
        times, event = checked_runs(*group)
        ends.append(float(times[~event].min(initial=np.inf)))
    return min(ends)


def logrank(
    times_a: ArrayLike,
    reached_a: ArrayLike,
    times_b: ArrayLike,
    reached_b: ArrayLike,
    *,
    paired: bool = False,
    rng: np.random.Generator | None = None,
) -> LogRank:
    """Whether two groups reach the target at the same rate (Mantel 1966).

    Arguments as in `survival_curve`. Assumes that stopping has nothing to do with how near the
    target was. `chi2` and `p_value` are those of `scipy.stats.logrank`; with five runs a side they
    err in 6.0 to 6.9 % of cases. `p_exact` compares what was observed with all ways of regrouping the
    runs (9,999 drawn from `rng` where there are more); with `paired`, with all ways of swapping the
    i-th runs of both. It holds its level (4.2 to 4.5 %) where both are stopped alike, and is cautious (1.6 %)
    where one group's runs are stopped earlier. Raises StatsError like `survival_curve`, where no run
    reached the target, and for unequal groups with `paired`.

    >>> found = logrank([1, 2, 3], [1, 1, 1], [4, 5, 6], [1, 1, 1])
    >>> round(found.lead, 4)  # 3 arrivals, where 3/6 + 2/5 + 1/4 are expected
    1.85
    >>> round(found.chi2, 4)  # 1.85^2 / (1/4 + 6/25 + 3/16)
    5.0517
    >>> round(found.p_value, 3), round(found.p_exact, 3)  # 2 of the 20 groupings
    (0.025, 0.1)
    """
    a, b = checked_runs(times_a, reached_a), checked_runs(times_b, reached_b)
    if not (a[1].any() or b[1].any()):
        raise StatsError(
            "no run reached the target, so there is nothing to compare",
            expected="a run that reached it",
            found=f"none of {a[1].size + b[1].size}",
        )
    if paired and a[0].size != b[0].size:
        raise StatsError(
            "the runs are not paired",
            expected="the same seeds in both",
            found=f"{a[0].size} and {b[0].size}",
        )
    with np.errstate(invalid="ignore"):  # 0 / 0 where all reach at one time: answered below
        result = stats.logrank(_censored(*a), _censored(*b))
    if not np.isfinite(result.statistic):
        raise StatsError(
            "at no time could either group have been first; nothing to compare",
            expected="a time at which runs of both groups were on their way",
            found="none",
        )
    scores = _scores(np.concatenate([a[0], b[0]]), np.concatenate([a[1], b[1]]))
    of_a, of_b = scores[: a[0].size], scores[a[0].size :]
    return LogRank(
        chi2=float(result.statistic) ** 2,
        p_value=float(result.pvalue),
        p_exact=_exact(of_a, of_b, paired=paired, rng=rng),
        lead=float(of_a.sum()),
    )


def restricted_mean_difference(
    times_a: ArrayLike,
    reached_a: ArrayLike,
    times_b: ArrayLike,
    reached_b: ArrayLike,
    *,
    tau: float,
    alpha: float = 0.05,
) -> RestrictedMeanDifference:
    """Restricted mean time up to tau, a - b, with its normal interval (Royston and Parmar 2013).

    Arguments as in `survival_curve`; unpaired. The interval leans on large numbers: below some 20
    runs a side it is too narrow. Reports therefore do not use it: they go up to `restriction_time`
    only, where a t test of min(T, tau) holds its level with few seeds, and by pairs. It is here for
    many runs, of which some were stopped early: it goes as far as the curves do. Raises StatsError
    like `survival_curve`, for a tau beyond the data, and where neither group varies.

    No report calls it: runs that all were watched as long are compared by the exact means; it is for
    censored ones.

    >>> found = restricted_mean_difference([1, 3], [1, 1], [2, 6], [1, 1], tau=10)
    >>> found.difference, round(found.standard_error**2, 6)  # 2 - 4; 1^2 / 2 + 2^2 / 2
    (-2.0, 2.5)
    >>> round(found.p_value, 4)  # of z = 2 / sqrt(2.5)
    0.2059
    """
    mean_a, error_a = survival_curve(times_a, reached_a).area(tau)
    mean_b, error_b = survival_curve(times_b, reached_b).area(tau)
    difference, error = mean_a - mean_b, float(np.hypot(error_a, error_b))
    if error == 0:
        raise StatsError(
            "no run tells one time from another up to tau, so nothing can be tested",
            expected="times before tau that differ",
            found="none",
        )
    half = float(special.ndtri(1 - between(alpha, 0.0, 1.0, "alpha") / 2)) * error
    return RestrictedMeanDifference(
        difference=difference,
        standard_error=error,
        ci_low=difference - half,
        ci_high=difference + half,
        p_value=2 * float(special.ndtr(-abs(difference) / error)),
    )


def checked_runs(times: ArrayLike, reached: ArrayLike) -> tuple[_Array, NDArray[np.bool_]]:
    """The arguments of `survival_curve` as arrays, or one clear StatsError."""
    t, event = sample(times, "times"), flags(reached, "reached")
    if t.size != event.size:
        raise StatsError(
            "times and reached differ in length",
            expected="both of every run",
            found=f"{t.size} and {event.size}",
        )
    if (t < 0).any():
        raise StatsError("a time is negative", expected="times from 0", found=str(t.min()))
    return t, event


def _censored(times: _Array, event: NDArray[np.bool_]) -> stats.CensoredData:
    return stats.CensoredData(uncensored=times[event], right=times[~event])


def _scores(times: _Array, event: NDArray[np.bool_]) -> _Array:
    """What each run adds to observed minus expected arrivals: 1 if it arrived, less the hazard until then.

    The hazard is that of all runs together (Nelson 1969, Aalen 1978), so it stays when runs are regrouped.
    """
    distinct = np.unique(times[event])
    arrivals = ((times[:, None] == distinct) & event[:, None]).sum(axis=0)
    hazards = arrivals / (times[:, None] >= distinct).sum(axis=0)
    scores: _Array = event - ((times[:, None] >= distinct) * hazards).sum(axis=1)
    return scores


def _exact(a: _Array, b: _Array, *, paired: bool, rng: np.random.Generator | None) -> float | None:
    if min(a.size, b.size) < FEWEST_FOR_INFERENCE:
        return None
    if paired:
        return sign_flip_test(a - b, rng=rng)

    def lead(x: _Array, _: _Array, axis: int) -> _Array:
        """Of the first group, whichever way; rounded, so that sums that tie in theory do."""
        leads: _Array = np.abs(np.round(x.sum(axis=axis), 9))
        return leads

    result = stats.permutation_test(
        (a, b),
        lead,
        vectorized=True,
        n_resamples=9_999,
        alternative="greater",
        rng=generator(rng),
    )
    return float(result.pvalue)

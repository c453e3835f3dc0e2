"""Time to target when budgets differ: a run that was stopped early is censored, not failed.

The Kaplan-Meier curve here is the probability of *not yet* having reached the target. With one
common budget use `bench.stats.time_to_target`, which needs no such machinery.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special, stats

from bench.errors import StatsError
from bench.stats._inputs import between, flags, positive, sample

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    _Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SurvivalCurve:
    """A Kaplan-Meier curve; every array has one entry per distinct time, in ascending order."""

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
        """The first time by which half the runs have reached; infinite if the data end before."""
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
    """
    t, event = _runs(times, reached)
    curve = stats.ecdf(_censored(t, event)).sf
    distinct = np.asarray(curve.quantiles, dtype=np.float64)
    return SurvivalCurve(
        times=distinct,
        at_risk=(t[:, None] >= distinct).sum(axis=0),
        events=((t[:, None] == distinct) & event[:, None]).sum(axis=0),
        probability=np.asarray(curve.probabilities, dtype=np.float64),
    )


def logrank(
    times_a: ArrayLike, reached_a: ArrayLike, times_b: ArrayLike, reached_b: ArrayLike
) -> LogRank:
    """Whether two groups reach the target at the same rate (Mantel 1966, `scipy.stats.logrank`).

    Arguments as in `survival_curve`. Assumes that stopping has nothing to do with how near the
    target was. Raises StatsError like it, and where no run reached the target.
    """
    a, b = _runs(times_a, reached_a), _runs(times_b, reached_b)
    if not (a[1].any() or b[1].any()):
        raise StatsError(
            "no run reached the target, so there is nothing to compare",
            expected="a run that reached it",
            found=f"none of {a[1].size + b[1].size}",
        )
    with np.errstate(invalid="ignore"):  # 0 / 0 where all reach at one time: answered below
        result = stats.logrank(_censored(*a), _censored(*b))
    if not np.isfinite(result.statistic):
        raise StatsError(
            "at no time could either group have been first; nothing to compare",
            expected="a time at which runs of both groups were on their way",
            found="none",
        )
    return LogRank(chi2=float(result.statistic) ** 2, p_value=float(result.pvalue))


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
    runs a side it is too narrow. Raises StatsError like `survival_curve`, for a tau beyond the
    data, and where neither group varies.
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


def _runs(times: ArrayLike, reached: ArrayLike) -> tuple[_Array, NDArray[np.bool_]]:
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

"""Many problems, several variants: how often is each within a factor of the fastest?

A picture and a score for leaderboards (Dolan and More 2002; Dahl et al. 2023), not a test: what it
says of A and B changes with the other variants present. Reports therefore do not show it; it is here
so that scores that others print, such as those of AlgoPerf, can be computed from the frame `targets`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.errors import StatsError
from bench.stats._inputs import between, sample

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, eq=False)
class PerformanceProfile:
    """Each variant's time as a multiple of the best variant's time, problem by problem.

    >>> profile = performance_profile({"A": [10, 20], "B": [20, 10], "C": [50, float("inf")]})
    >>> {name: ratios.tolist() for name, ratios in profile.ratios.items()}
    {'A': [1.0, 2.0], 'B': [2.0, 1.0], 'C': [5.0, inf]}
    """

    ratios: dict[str, NDArray[np.float64]]
    """By variant, shape (problems,): 1 for the fastest, inf where the target was not reached."""

    def within(self, factor: float) -> dict[str, float]:
        """The fraction of problems that each variant solves within `factor` times the best time.

        >>> performance_profile({"A": [10, 20], "B": [30, 10]}).within(2)
        {'A': 1.0, 'B': 0.5}
        """
        return {name: float((r <= factor).mean()) for name, r in self.ratios.items()}

    def score(self, largest_factor: float) -> dict[str, float]:
        """The mean height of each profile between factors 1 and `largest_factor`; 1 is perfect.

        Raises StatsError unless largest_factor is above 1 and finite.

        >>> performance_profile({"A": [10, 20], "B": [30, 10]}).score(5)  # (4/4 + 3/4) / 2, (2/4 + 4/4) / 2
        {'A': 0.875, 'B': 0.75}
        """
        limit = between(largest_factor, 1.0, math.inf, "largest factor")
        return {
            name: float(((limit - np.minimum(r, limit)) / (limit - 1)).mean())
            for name, r in self.ratios.items()
        }


def performance_profile(times: Mapping[str, ArrayLike]) -> PerformanceProfile:
    """Ratios of each variant's times to the best time on each problem.

    times: by variant, shape (problems,), positive; inf where the target was never reached. A
    problem that no variant solves counts as unsolved for all. Raises StatsError for no variants,
    unequal lengths, NaN and times that are not positive.

    No report calls it: it needs many problems, where a report has a few; it is for benchmarks of
    optimization.

    >>> performance_profile({"A": [10, 20], "B": [30, 10]}).ratios["B"].tolist()
    [3.0, 1.0]
    """
    rows = {name: sample(t, f"times of {name}", infinite=True) for name, t in times.items()}
    if len({row.size for row in rows.values()}) != 1:
        raise StatsError(
            "every variant needs one time per problem",
            expected="as many times for each",
            found=", ".join(f"{name}: {row.size}" for name, row in rows.items()) or "no variants",
        )
    table = np.stack(list(rows.values()))
    if (table <= 0).any():
        raise StatsError("times must be positive", expected="times above 0", found=str(table.min()))
    best = table.min(axis=0)
    ratios = np.divide(table, best, where=np.isfinite(best), out=np.full_like(table, np.inf))
    return PerformanceProfile(ratios=dict(zip(rows, ratios, strict=True)))

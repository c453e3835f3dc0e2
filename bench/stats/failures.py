"""How often a variant fails, from the runs that did: diverged, crashed, missed a target."""

from __future__ import annotations

from scipy import stats

from bench.errors import StatsError
from bench.stats._inputs import between


def failure_rate_interval(failures: int, n: int, *, alpha: float = 0.05) -> tuple[float, float]:
    """The exact interval of the rate at which runs fail, ``failures`` of n having done so.

    Clopper and Pearson (1934). Without a failure its upper end is one-sided: n runs exclude rates above
    1 - alpha^(1/n); likewise the lower end where all failed. Raises StatsError for counts that are none.

    >>> low, high = failure_rate_interval(0, 10)
    >>> round(low, 3), round(high, 3)  # 1 - .05^(1/10)
    (0.0, 0.259)
    >>> tuple(round(end, 3) for end in failure_rate_interval(3, 10))
    (0.067, 0.652)
    """
    between(alpha, 0.0, 1.0, "alpha")
    if n < 1 or not 0 <= failures <= n:
        raise StatsError(
            "not a number of failures",
            expected="failures from 0 to n, n from 1",
            found=f"{failures} of {n}",
        )
    if failures == 0:
        return 0.0, float(1 - alpha ** (1 / n))
    if failures == n:
        return float(alpha ** (1 / n)), 1.0
    low, high = stats.binomtest(failures, n).proportion_ci(1 - alpha, method="exact")
    return float(low), float(high)

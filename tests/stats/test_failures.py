from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.errors import StatsError
from bench.stats import failure_rate_interval


@pytest.mark.parametrize(
    ("n", "most"), [(1, 0.95), (5, 0.451), (10, 0.259), (20, 0.139), (59, 0.0495)]
)
def test_seeds_without_a_failure_exclude_rates(n, most):
    low, high = failure_rate_interval(0, n)
    assert (low, high) == (0.0, pytest.approx(most, abs=5e-4))
    assert (1 - high) ** n == pytest.approx(0.05)
    assert failure_rate_interval(n, n) == pytest.approx((1 - high, 1.0))


@given(st.integers(2, 60), st.data())
def test_ends_are_the_rates_that_binomial_tests_do_not_reject(n, data):
    failures = data.draw(st.integers(1, n - 1))
    low, high = failure_rate_interval(failures, n)
    assert 0 < low < failures / n < high < 1
    assert stats.binom.sf(failures - 1, n, low) == pytest.approx(0.025)
    assert stats.binom.cdf(failures, n, high) == pytest.approx(0.025)


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("n", [3, 5, 10, 20])
def test_neither_end_errs_in_more_than_five_per_cent(n, rate):
    chance = stats.binom.pmf(np.arange(n + 1), n, rate)
    low, high = np.transpose([failure_rate_interval(k, n) for k in range(n + 1)])
    assert chance[high < rate].sum() <= 0.05
    assert chance[low > rate].sum() <= 0.05


@pytest.mark.parametrize(
    ("failures", "n", "alpha"),
    [(-1, 5, 0.05), (6, 5, 0.05), (0, 0, 0.05), (1, 5, 0.0), (1, 5, 1.0)],
)
def test_refused(failures, n, alpha):
    with pytest.raises(StatsError):
        failure_rate_interval(failures, n, alpha=alpha)

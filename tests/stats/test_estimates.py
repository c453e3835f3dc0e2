from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.errors import StatsError
from bench.stats.estimates import estimate

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(3, 30), st.integers(3, 30), st.floats(0.01, 100))
@settings(deadline=None, max_examples=50)
def test_agrees_with_scipy(seed, n_a, n_b, ratio):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n_a), rng.normal(0.3, ratio, size=n_b)
    for kind, expected in (
        ("paired", stats.ttest_rel(a[: min(n_a, n_b)], b[: min(n_a, n_b)])),
        ("welch", stats.ttest_ind(a, b, equal_var=False)),
        ("pooled", stats.ttest_ind(a, b, equal_var=True)),
    ):
        n = min(n_a, n_b) if kind == "paired" else None
        found = estimate(a[:n], b[:n], kind)
        assert found.difference / found.standard_error == pytest.approx(expected.statistic)
        assert found.df == pytest.approx(expected.df)
        assert found.p_value() == pytest.approx(expected.pvalue)
        assert found.interval(0.9) == pytest.approx(tuple(expected.confidence_interval(0.9)))


@given(seeds)
@settings(deadline=None, max_examples=50)
def test_the_two_tails_make_one(seed):
    rng = np.random.default_rng(seed)
    found = estimate(rng.normal(size=8), rng.normal(size=8), "paired")
    above, below = found.p_above(0.0), found.p_below(0.0)
    assert above + below == pytest.approx(1)
    assert 2 * min(above, below) == pytest.approx(found.p_value())


def test_refused():
    with pytest.raises(StatsError, match="unknown kind"):
        estimate([1.0, 2.0, 4.0], [1.0, 2.0, 3.0], "pairs")
    with pytest.raises(StatsError, match="do not vary"):
        estimate([1.0, 2.0, 3.0], [2.0, 3.0, 4.0], "paired")
    with pytest.raises(StatsError, match="do not vary"):
        estimate([1.0, 1.0, 1.0], [2.0, 2.0, 2.0], "pooled")
    with pytest.raises(StatsError, match="too few a"):
        estimate([1.0, 2.0], [1.0, 3.0], "welch")

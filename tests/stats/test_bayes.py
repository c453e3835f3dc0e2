from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.errors import StatsError
from bench.stats import bayesian_rope, compare_paired

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.floats(0.01, 2))
@settings(deadline=None, max_examples=50)
def test_is_a_t_distribution_cut_at_the_rope(seed, rope):
    d = np.random.default_rng(seed).normal(0.2, 1, size=8)
    posterior = stats.t(7, loc=d.mean(), scale=d.std(ddof=1) / 8**0.5)
    found = bayesian_rope(d, np.zeros(8), rope=rope)
    assert found.below == pytest.approx(posterior.cdf(-rope))
    assert found.above == pytest.approx(posterior.sf(rope))
    assert found.inside == pytest.approx(posterior.cdf(rope) - posterior.cdf(-rope), abs=1e-12)


@given(seeds, st.floats(0.05, 2))
@settings(deadline=None, max_examples=50)
def test_agrees_with_the_two_one_sided_tests(seed, rope):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=7), rng.normal(size=7)
    found = bayesian_rope(a, b, rope=rope)
    equivalence = compare_paired(a, b, margin=rope).equivalence
    assert max(found.below, found.above) == pytest.approx(equivalence.p_value)
    swapped = bayesian_rope(b, a, rope=rope)
    assert swapped.below == pytest.approx(found.above)
    assert swapped.inside == pytest.approx(found.inside)


def test_more_seeds_are_surer():
    few, many = np.tile([0.9, 1.1], 4), np.tile([0.9, 1.1], 40)
    assert (
        bayesian_rope(many, many * 0, rope=0.98).above
        > bayesian_rope(few, few * 0, rope=0.98).above
    )


@pytest.mark.parametrize("rope", [0.0, -1.0, math.inf])
def test_refused(rope):
    with pytest.raises(StatsError, match="rope"):
        bayesian_rope([1.0, 2.0, 4.0], [0.0, 0.0, 0.0], rope=rope)

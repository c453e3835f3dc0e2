from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.errors import StatsError
from bench.stats import product_of_means, ratio_of_means

seeds = st.integers(0, 2**32 - 1)


def timings(seed, n=6):
    rng = np.random.default_rng(seed)
    return rng.lognormal(1.0, 0.2, size=n), rng.lognormal(1.1, 0.3, size=n)


@given(seeds)
@settings(deadline=None, max_examples=50)
def test_is_the_t_test_of_logarithms(seed):
    a, b = timings(seed)
    for paired, expected in (
        (True, stats.ttest_rel(np.log(a), np.log(b))),
        (False, stats.ttest_ind(np.log(a), np.log(b), equal_var=False)),
    ):
        found = ratio_of_means(a, b, paired=paired)
        interval = np.exp(expected.confidence_interval())
        assert found.ratio == pytest.approx(stats.gmean(a) / stats.gmean(b))
        assert (found.ci_low, found.ci_high) == pytest.approx(tuple(interval))
        assert found.comparison.p_value == pytest.approx(expected.pvalue)


@given(seeds, st.floats(0.001, 1000), st.booleans())
@settings(deadline=None, max_examples=50)
def test_laws(seed, unit, paired):
    a, b = timings(seed)
    found = ratio_of_means(a, b, paired=paired)
    other_unit = ratio_of_means(a * unit, b * unit, paired=paired)
    swapped = ratio_of_means(b, a, paired=paired)
    assert other_unit.ratio == pytest.approx(found.ratio)
    assert other_unit.ci_low == pytest.approx(found.ci_low)
    assert swapped.ratio == pytest.approx(1 / found.ratio)
    assert swapped.ci_low == pytest.approx(1 / found.ci_high)


def test_lower_is_better_unless_told():
    fast, slow = [1.0, 1.1, 1.05, 1.2], [2.0, 2.3, 2.0, 2.5]
    assert ratio_of_means(fast, slow).comparison.verdict == "better"
    assert ratio_of_means(fast, slow, higher_is_better=True).comparison.verdict == "worse"


def test_a_margin_is_a_ratio():
    a, b = [1.0, 1.01, 0.99, 1.0, 1.02], [1.01, 1.0, 1.0, 0.99, 1.01]
    found = ratio_of_means(a, b, margin=1.05)
    assert found.comparison.verdict == "no practical difference"
    assert found.comparison.equivalence.margin == pytest.approx(math.log(1.05))


def test_two_runs_give_a_ratio_without_an_interval():
    found = ratio_of_means([1.0, 2.0], [2.0, 4.0])
    assert (found.ratio, found.ci_low, found.ci_high) == (pytest.approx(0.5), None, None)
    assert found.comparison.verdict == "cannot tell"


@pytest.mark.parametrize(
    ("a", "b", "margin", "message"),
    [
        ([1.0, 0.0], [1.0, 1.0], None, "a must be positive"),
        ([1.0, 1.0], [1.0, -1.0], None, "b must be positive"),
        ([1.0, math.inf], [1.0, 1.0], None, "infinite"),
        ([1.0, 2.0], [1.0, 1.0], 1.0, "above 1"),
        ([1.0, 2.0], [1.0], None, "not paired"),
    ],
)
def test_refused(a, b, margin, message):
    with pytest.raises(StatsError, match=message):
        ratio_of_means(a, b, margin=margin)


def test_a_product_has_the_variances_of_both():
    a, b = np.array([4.0, 5.0, 6.0, 7.0]), np.array([0.1, 0.12, 0.11])
    found = product_of_means(a, b)
    u = a.var(ddof=1) / 4 / a.mean() ** 2
    v = np.log(b).var(ddof=1) / 3
    df = (u + v) ** 2 / (u**2 / 3 + v**2 / 2)
    half = stats.t.ppf(0.975, df) * math.sqrt(u + v)
    assert found.value == pytest.approx(a.mean() * stats.gmean(b))
    assert found.ci_low == pytest.approx(found.value * math.exp(-half))
    assert found.ci_high == pytest.approx(found.value * math.exp(half))


def test_a_product_with_a_constant_has_the_interval_of_the_other():
    b = np.array([0.1, 0.12, 0.11, 0.13])
    found = product_of_means([3.0, 3.0, 3.0], b)
    low, high = stats.t.interval(0.95, 3, np.log(b).mean(), stats.sem(np.log(b)))
    assert (found.ci_low, found.ci_high) == pytest.approx((3 * math.exp(low), 3 * math.exp(high)))


@pytest.mark.parametrize(("a", "b"), [([1, 2], [1, 2, 3]), ([1, 2, 3], [1, 2]), ([2] * 3, [5] * 3)])
def test_too_few_or_all_alike_have_no_interval(a, b):
    found = product_of_means(a, b)
    assert found.value == pytest.approx(np.mean(a) * stats.gmean(b))
    assert found.ci_low is None
    assert found.ci_high is None


def test_the_product_covers_the_truth():
    """Five seeds and ten rounds, as in a report: 95 % within the noise of 2,000 simulations."""
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(2000):
        found = product_of_means(rng.normal(10, 2, 5), np.exp(rng.normal(0, 0.1, 10)))
        inside += found.ci_low <= 10 <= found.ci_high
    assert inside / 2000 == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(("a", "b"), [([-1, 2, 3], [1, 2]), ([0, 0], [1, 2]), ([1, 2], [0, 1])])
def test_what_has_no_product_is_refused(a, b):
    with pytest.raises(StatsError):
        product_of_means(a, b)

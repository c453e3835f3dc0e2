from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.errors import StatsError
from bench.stats import bootstrap_interval, interquartile_mean


def test_bca_against_r(oracle):
    case = oracle("effects_and_bootstrap")["bootstrap_mean_R_boot"]
    found = bootstrap_interval(case["x"], np.mean, n_resamples=50_000, rng=np.random.default_rng(1))
    assert (found.ci_low, found.ci_high) == pytest.approx(case["R"]["BCa"], rel=case["rtol"])
    assert found.estimate == pytest.approx(np.mean(case["x"]))


def test_studentized_is_near_student_on_normal_data():
    x = np.random.default_rng(2).normal(size=40)
    found = bootstrap_interval(x)
    student = stats.ttest_1samp(x, 0).confidence_interval()
    assert (found.ci_low, found.ci_high) == pytest.approx(tuple(student), abs=0.05)


def test_studentized_leans_with_the_skew_where_student_is_symmetric(oracle):
    x = np.array(oracle("effects_and_bootstrap")["bootstrap_mean_R_boot"]["x"])
    found = bootstrap_interval(x)
    assert found.ci_high - found.estimate > 1.5 * (found.estimate - found.ci_low)


@given(st.integers(-50, 50), st.sampled_from([0.5, 2.0, 16.0]), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=10)
def test_units_do_not_matter(shift, scale, seed):
    x = np.random.default_rng(seed).integers(0, 200, size=12) / 8
    for statistic in (None, np.mean):
        one = bootstrap_interval(x, statistic, n_resamples=999)
        other = bootstrap_interval(x * scale + shift, statistic, n_resamples=999)
        expected = np.array([one.estimate, one.ci_low, one.ci_high]) * scale + shift
        assert [other.estimate, other.ci_low, other.ci_high] == pytest.approx(expected)


def test_the_generator_decides_and_the_default_repeats():
    x = np.arange(20.0) ** 1.5
    assert bootstrap_interval(x) == bootstrap_interval(x)
    assert bootstrap_interval(x) != bootstrap_interval(x, rng=np.random.default_rng(7))


def test_interval_of_an_interquartile_mean():
    x = np.random.default_rng(4).normal(size=24)

    def iqm(values, axis):
        return stats.trim_mean(values, 0.25, axis=axis)

    found = bootstrap_interval(x, iqm, n_resamples=999)
    assert found.estimate == interquartile_mean(x)
    assert found.ci_low < found.estimate < found.ci_high


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.arange(9.0), "10 or more"),
        (np.ones(12), "do not vary"),
        ([*range(11), math.nan], "NaN"),
        ([*range(11), math.inf], "infinite"),
    ],
)
def test_refused(values, message):
    with pytest.raises(StatsError, match=message):
        bootstrap_interval(values)


def test_interquartile_mean_as_in_rliable(oracle):
    case = oracle("effects_and_bootstrap")["rliable"]
    assert interquartile_mean(case["x"]) == case["expected"]["iqm_x"]
    assert interquartile_mean(case["y"]) == case["expected"]["iqm_y"]


def test_interquartile_mean_and_runs_that_diverged():
    assert interquartile_mean([1.0, 2.0, 3.0, math.inf]) == 2.5
    with pytest.raises(StatsError, match="more than a quarter"):
        interquartile_mean([1.0, 2.0, math.inf, math.inf])
    with pytest.raises(StatsError, match="more than a quarter"):
        interquartile_mean([-math.inf, -math.inf, math.inf, math.inf])
    with pytest.raises(StatsError, match="NaN"):
        interquartile_mean([1.0, math.nan])
    with pytest.raises(StatsError, match="too few"):
        interquartile_mean([])

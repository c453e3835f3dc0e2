"""Numbers of any size: what is multiplied by a power of two gives the same answers, multiplied."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bench.stats as s
from bench.stats._inputs import in_unit

LARGEST = sys.float_info.max
exponents = st.integers(-664, 996)  # 1e-200 to 1e300
seeds = st.integers(0, 2**32 - 1)


def numbers_of(result):
    """In the unit of the data, and without one."""
    e = result.equivalence
    scaled = [
        result.mean_difference,
        result.ci_low,
        result.ci_high,
        e and e.ci_low,
        e and e.ci_high,
    ]
    scaled.append(result.minimal_detectable_difference)
    bare = [result.p_value, result.p_sign_flip, result.probability_of_superiority, e and e.p_value]
    bare += [result.effect_size, result.seeds_needed, result.exaggeration, result.wins, result.ties]
    return [np.array([np.nan if x is None else x for x in found]) for found in (scaled, bare)]


def samples(rng):
    """What leads to each of the tests."""
    b = rng.normal(size=8)
    yield rng.normal(1, 1, 8), b
    yield rng.lognormal(0, 1.5, 8), np.ones(8)
    yield rng.integers(-1, 3, 8) * 0.125, np.zeros(8)
    yield b + 0.5, b
    yield np.append(rng.normal(size=7), -math.inf), b


@pytest.mark.parametrize("compare", [s.compare_paired, s.compare_unpaired])
@given(seed=seeds, k=exponents, guarded=st.booleans())
@settings(deadline=None, max_examples=40)
def test_comparisons(compare, seed, k, guarded):
    unit = 2.0**k
    for a, b in samples(np.random.default_rng(seed)):
        one = compare(a, b, margin=1.0, guarded=guarded)
        other = compare(a * unit, b * unit, margin=unit, guarded=guarded)
        (scaled, bare), (scaled_too, bare_too) = numbers_of(one), numbers_of(other)
        assert other.test == one.test
        assert other.verdict == one.verdict
        assert other.cautions == one.cautions
        np.testing.assert_allclose(bare_too, bare, rtol=1e-9)
        np.testing.assert_allclose(scaled_too / unit, scaled, rtol=1e-9, atol=1e-12)


@given(seed=seeds, k=exponents)
@settings(deadline=None, max_examples=40)
def test_everything_else_that_takes_two_samples(seed, k):
    rng, unit = np.random.default_rng(seed), 2.0**k
    a, b = rng.normal(size=8), rng.normal(size=8)
    for kind in ("paired", "welch", "pooled"):
        one = s.equivalence_test(a, b, margin=1.0, kind=kind)
        other = s.equivalence_test(a * unit, b * unit, margin=unit, kind=kind)
        assert other.p_value == pytest.approx(one.p_value)
        assert other.ci_low / unit == pytest.approx(one.ci_low)
    assert s.compare_to_value(a * unit, unit).p_value == s.compare_to_value(a, 1.0).p_value
    assert s.sign_flip_test(a * unit) == s.sign_flip_test(a)
    assert s.signed_rank_test(a * unit) == s.signed_rank_test(a)
    assert s.wilcoxon_over_datasets(a * unit, b * unit) == s.wilcoxon_over_datasets(a, b)
    assert s.probability_of_superiority(a * unit, b * unit) == s.probability_of_superiority(a, b)
    assert s.bayesian_rope(a * unit, b * unit, rope=unit) == s.bayesian_rope(a, b, rope=1.0)
    table = np.stack([a, b, a + b])
    assert s.friedman(table * unit).p_value == s.friedman(table).p_value
    assert s.quade(table * unit) == s.quade(table)
    assert s.interquartile_mean(a * unit) / unit == pytest.approx(s.interquartile_mean(a))
    one, other = (s.bootstrap_interval(np.append(a, b) * u, n_resamples=99) for u in (1.0, unit))
    assert (other.ci_low / unit, other.ci_high / unit) == pytest.approx((one.ci_low, one.ci_high))
    for one, other in zip(
        *(s.factorial_contrasts(grid(a, b) * u) for u in (1.0, unit)), strict=True
    ):
        assert other.effect / unit == pytest.approx(one.effect)


def grid(a, b):
    return np.stack([a, b], axis=1).reshape(4, 2, 2)


@given(seed=seeds, j=exponents, k=exponents)
@settings(deadline=None, max_examples=40)
def test_ratios_and_products(seed, j, k):
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(1, 2, 6), rng.uniform(1, 2, 6)
    one, other = s.ratio_of_means(a, b), s.ratio_of_means(a * 2.0**k, b * 2.0**k)
    assert other.ratio == pytest.approx(one.ratio)
    assert other.ci_low == pytest.approx(one.ci_low)
    with np.errstate(over="ignore", under="ignore"):
        expected = np.float64(s.product_of_means(a, b).value) * np.float64(2.0) ** (j + k)
    found = s.product_of_means(a * 2.0**j, b * 2.0**k)
    assert found.value == pytest.approx(expected, rel=1e-9)
    assert found.ci_low <= found.value <= found.ci_high


@pytest.mark.parametrize("size", [1e-320, 5e-324, 1e-308, 1e308, LARGEST])
@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize("compare", [s.compare_paired, s.compare_unpaired])
def test_the_ends_of_what_floats_hold(compare, size, guarded):
    a = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0]) * size
    b = np.array([-1.0, 0.0, 0.0, -1.0, 0.0, -1.0]) * size
    result = compare(a, b, margin=size, guarded=guarded)
    assert result.direction == 1
    assert 0 < result.p_value <= 1
    assert result.mean_difference > 0
    assert (result.wins, result.ties) in ((4, 2), (None, None))


def test_a_difference_too_large_for_a_float_counts_as_the_largest():
    a, b = np.array([1.0, 1.1, 1.2, 1.0]) * 1e308, -np.array([1.0, 1.3, 1.0, 1.2]) * 1e308
    huge, small = s.compare_paired(a, b), s.compare_paired(a / 2**20, b / 2**20)
    assert huge.p_value == small.p_value
    assert huge.test == "paired t"
    assert huge.mean_difference == huge.ci_high == LARGEST
    assert huge.verdict == "better"
    assert huge.cautions == small.cautions


@pytest.mark.parametrize("effect", [0.0, 5e-324, 1e-200, 1e-9, 1e9, 1e200, LARGEST])
def test_power_of_any_effect(effect):
    assert 0.05 * (1 - 1e-9) <= s.power_paired(effect, 5) <= 1
    assert s.seeds_needed(effect) >= 2
    assert s.seeds_needed(effect) == math.inf or effect >= 1e-9


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=8), seeds)
@settings(deadline=None, max_examples=150)
def test_no_finite_numbers_raise(values, seed):
    a = np.array(values)
    b = np.random.default_rng(seed).permutation(a)
    for compare in (s.compare_paired, s.compare_unpaired):
        for guarded in (False, True):
            result = compare(a, b, margin=1.0, guarded=guarded)
            assert 0 <= result.p_value <= 1
            assert result.verdict in ("better", "worse", "no practical difference", "cannot tell")
            assert result.looked().verdict != "better" or result.paired
    s.sign_flip_test(a)
    s.signed_rank_test(a)
    assert 0 <= s.probability_of_superiority(a, b) <= 1


def test_an_end_next_to_zero_stays_on_its_side():
    """A tie at zero beside differences of one sign: the interval of an undeclared look begins just above it."""
    for sign in (1.0, -1.0):
        assert in_unit(sign * math.ulp(0.0), 0.5) * sign > 0
        assert in_unit(sign * 1e300, 1e300) * sign == sys.float_info.max
    assert in_unit(0.0, 0.5) == 0
    assert in_unit(math.inf, 0.5) == math.inf

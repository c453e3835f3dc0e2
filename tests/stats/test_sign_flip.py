from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.errors import StatsError
from bench.stats import sign_flip_test, signed_rank_test
from bench.stats.sign_flip import smallest_p_paired, smallest_p_unpaired

small = st.lists(st.integers(-6, 6), min_size=3, max_size=9)


def by_scipy(differences):
    return stats.permutation_test(
        (np.asarray(differences, dtype=float),),
        lambda x, axis: x.sum(axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
        vectorized=True,
    ).pvalue


def test_darwin(oracle):
    case = oracle("paired_and_rank_tests")["darwin_zea_mays"]
    p = sign_flip_test(case["diff_eighths_inch"])
    assert p * 2**15 / 2 == case["expected"]["count_ge"]  # Fisher counted one tail: 863
    assert signed_rank_test(case["diff_eighths_inch"]) == pytest.approx(
        case["scipy_doc"]["wilcoxon_pvalue"]
    )


def test_hollander_wolfe(oracle):
    case = oracle("paired_and_rank_tests")["hollander_wolfe_depression"]
    differences = np.subtract(case["x"], case["y"])
    assert signed_rank_test(differences) == pytest.approx(case["recomputed"]["p_two_sided"])
    assert signed_rank_test(differences) == pytest.approx(case["R"]["p_two_sided"], abs=5e-6)


@given(small)
@settings(deadline=None, max_examples=40)
def test_agrees_with_scipy_permutation_test(differences):
    assert sign_flip_test(differences) == pytest.approx(by_scipy(differences))


def test_agrees_with_scipy_at_sixteen():
    differences = np.random.default_rng(0).normal(0.4, 1, size=16)
    assert sign_flip_test(differences) == pytest.approx(by_scipy(differences), rel=1e-12)


@given(small)
@settings(deadline=None, max_examples=40)
def test_signed_ranks_agree_with_scipy_zeros_and_ties_included(differences):
    exact = stats.PermutationMethod(n_resamples=np.inf)
    expected = stats.wilcoxon(differences, zero_method="zsplit", method=exact).pvalue
    assert signed_rank_test(differences) == pytest.approx(expected)


def test_exact_up_to_32_agrees_with_many_random_flips():
    rng = np.random.default_rng(2)
    differences = rng.normal(0.35, 1, size=32)
    signs = rng.choice((-1.0, 1.0), size=(200_000, 32))
    drawn = (np.abs(signs @ differences) >= abs(differences.sum())).mean()
    # Standard error of the drawn p below 0.0006.
    assert sign_flip_test(differences) == pytest.approx(drawn, abs=0.003)


def test_above_32_flips_are_drawn():
    differences = np.random.default_rng(3).normal(0.3, 1, size=60)
    p = sign_flip_test(differences)
    assert p == sign_flip_test(differences, rng=np.random.default_rng(0))
    assert p == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, abs=0.01)
    assert sign_flip_test(np.ones(60)) == pytest.approx(1e-4, rel=1e-3)  # p is never zero


@pytest.mark.parametrize("n", [3, 4, 8, 16, 20])
def test_all_one_way_reaches_the_smallest_p(oracle, n):
    table = oracle("paired_and_rank_tests")["minimal_attainable_p"]["table"][str(n)]
    smallest = table["sign_flip_or_wilcoxon_two_sided"]
    assert sign_flip_test(np.ones(n)) == smallest_p_paired(n) == smallest
    assert signed_rank_test(np.arange(1.0, n + 1)) == smallest
    assert smallest_p_unpaired(n, n) == pytest.approx(table["unpaired_permutation_two_sided"])


def test_seeds_that_holm_families_need(oracle):
    published = oracle("paired_and_rank_tests")["minimal_attainable_p"]
    for m, needed in published["min_seeds_for_alpha05_with_m_holm_comparisons"].items():
        first = next(n for n in range(3, 40) if int(m) * smallest_p_paired(n) <= 0.05)
        assert first == needed["paired"]
        first = next(n for n in range(3, 40) if int(m) * smallest_p_unpaired(n, n) <= 0.05)
        assert first == needed["unpaired"]


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_any_magnitude(scale):
    assert sign_flip_test(np.array([1.0, 2.0, 3.0, -0.5]) * scale) == 0.25


def test_zeros():
    assert sign_flip_test([0.0, 0.0, 0.0]) == 1.0
    assert signed_rank_test([0.0, 0.0, 0.0]) == 1.0
    assert sign_flip_test([1.0, -1.0, 0.0]) == 1.0


@pytest.mark.parametrize("values", [[1.0, 2.0], [], [1.0, math.nan, 2.0]])
@pytest.mark.parametrize("test", [sign_flip_test, signed_rank_test])
def test_refused(test, values):
    with pytest.raises(StatsError):
        test(values)

"""Numbers that differ by the noise of floating point alone tie, whatever their size and company."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.stats import (
    compare_paired,
    compare_unpaired,
    friedman,
    probability_of_superiority,
    quade,
    sign_flip_test,
    signed_rank_test,
    wilcoxon_over_datasets,
)

whole = st.lists(st.integers(-6, 6), min_size=8, max_size=14)


@st.composite
def tables(draw):
    """A table of three decimals twice: as whole numbers, and as what is read and computed with."""
    d = np.array(draw(whole), dtype=float)
    b = np.array(
        draw(st.lists(st.integers(500, 999), min_size=d.size, max_size=d.size)), dtype=float
    )
    shift = draw(st.sampled_from([0, 1, 0.1, 0.3, 100]))
    scale = draw(st.sampled_from([1, 100, 1 / 3, 1e-3, 1e9]))
    return (b + d, b), ((b + d) / 1000 * scale + shift, b / 1000 * scale + shift)


@given(tables())
@settings(deadline=None, max_examples=200)
def test_a_table_of_three_decimals_has_the_p_of_its_whole_numbers(data):
    (a, b), (x, y) = data
    assert wilcoxon_over_datasets(x, y) == wilcoxon_over_datasets(a, b)
    exact, read = compare_paired(a, b), compare_paired(x, y)
    assert (read.wins, read.losses, read.ties) == (exact.wins, exact.losses, exact.ties)
    assert read.probability_of_superiority == exact.probability_of_superiority
    assert read.test == exact.test
    if max(abs(x)) < 1e5 * max(abs(x - y)):  # else sums of differences keep too few digits to tie
        assert read.p_sign_flip == exact.p_sign_flip
    assert probability_of_superiority(x, y) == probability_of_superiority(a, b)


@given(tables())
@settings(deadline=None)
def test_tests_of_differences_alone_too(data):
    (a, b), (x, y) = data
    if max(abs(x)) < 100 * max(
        abs(x - y), default=0
    ):  # else the noise is no longer small beside them
        assert sign_flip_test(x - y) == sign_flip_test(a - b)
        assert signed_rank_test(x - y) == signed_rank_test(a - b)


def test_the_published_kind():
    # Means of three decimals over data sets: .3 - .2 and .2 - .1 are the same step, and tie.
    a = np.array([0.3, 0.2, 0.9, 0.4, 0.8, 0.7, 0.6, 0.35])
    b = np.array([0.2, 0.1, 0.8, 0.5, 0.7, 0.8, 0.5, 0.45])
    assert wilcoxon_over_datasets(a, b).rank_sum_minus == 3 * 4.5
    assert len(set(np.abs(a - b))) > 1  # which it is not in floating point


@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, 100.0, 1e-3]))
@settings(deadline=None)
def test_unpaired_ranks_tie_too(seed, scale):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 3, size=6).astype(float), rng.integers(0, 3, size=5).astype(float)
    exact = compare_unpaired(a, b, guarded=True)
    read = compare_unpaired(
        (a + 3) * 0.1 * scale, (b + 1) * 0.1 * scale + 0.2 * scale, guarded=True
    )
    assert (read.test, read.p_value) == (exact.test, exact.p_value)


@pytest.mark.parametrize("test", [friedman, quade])
def test_average_ranks_tie_too(test):
    table = np.array([[1, 2, 3], [1, 1, 2], [3, 1, 2], [2, 2, 5], [4, 3, 3]], dtype=float)
    noisy = table / 10
    noisy[1, 0], noisy[3, 1] = 0.3 - 0.2, 0.6 - 0.4
    assert test(noisy).p_value == pytest.approx(test(table).p_value)


# --- one huge number -----------------------------------------------------------------------------


@pytest.mark.parametrize("huge", [1e4, 1e12, 1e100, 1e200, 1e300])
def test_one_huge_number_leaves_the_others_what_they_are(huge):
    b = np.array([0.5, 0.52, 0.49, 0.51, 0.5, 0.53, 0.48, 0.5])
    a = b + np.array([0.01, 0.02, -0.01, 0.01, 0.0, 0.02, 0.01, 0.01])
    a[3] = huge
    result = compare_paired(a, b)
    assert (result.wins, result.losses, result.ties) == (6, 1, 1)
    assert (
        wilcoxon_over_datasets(a, b).rank_sum_minus == 0.5 + 3.5
    )  # half a zero's rank, one of four ties
    up = compare_paired(b + np.array([0.01, 0.02, 0.01, huge, 0.03, 0.02, 0.01, 0.01]), b)
    assert up.p_sign_flip == 2.0**-7


def test_data_sets_of_any_unit_are_ranked_within_themselves():
    scores = np.array([[3.0, 1.0, 2.0], [2.0, 3.0, 1.0], [3.0, 2.0, 1.0]])
    ranks = friedman(scores * [[1e-9], [1.0], [1e12]]).average_ranks
    assert ranks == pytest.approx(friedman(scores).average_ranks)


# --- "the same in every seed" --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "spread", "same"),
    [
        (1.0, 0.0, True),
        (1.0, 1e-16, True),
        (1e3, 1e-13, True),  # what floats of that size can tell apart
        (1e3, 1e-6, False),
        (1.0, 1e-6, False),
        (1e-6, 1e-9, False),
        (1e9, 1e-7, True),
    ],
)
def test_the_same_in_every_seed_is_said_where_it_is(values, spread, same):
    b = values * np.array([1.0, 1.3, 1.1, 1.9, 1.6, 1.2])
    a = b + 0.01 * values + spread * np.array([0.0, 1.0, -1.0, 0.5, 0.3, -0.7])
    said = [c for c in compare_paired(a, b).cautions if "same in every seed" in c]
    assert bool(said) == same
    assert (compare_paired(a, b).test == "sign flip") == same


def test_a_shared_huge_number_does_not_make_differences_alike():
    b = np.array([1e12, 0.5, 0.51, 0.52, 0.49])
    result = compare_paired(b + np.array([0.0, 0.1, 0.2, 0.3, 0.1]), b)
    assert result.test == "paired t"
    assert result.wins == 4

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from bench.errors import StatsError
from bench.stats import anytime_sign_test, sequential_boundaries


def test_default_looks(oracle):
    case = oracle("sequential")["group_sequential_obrien_fleming"]
    found = sequential_boundaries()
    assert list(found.looks) == case["looks_n"]
    assert found.nominal_p == pytest.approx(tuple(case["nominal_two_sided_p"]))


def test_one_look_is_a_plain_test():
    assert sequential_boundaries([12]).nominal_p == (0.05,)


@pytest.mark.parametrize("looks", [(3, 6, 10), (10, 50)])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_later_looks_are_less_strict_and_none_exceeds_alpha(looks, alpha):
    p = sequential_boundaries(looks, alpha=alpha).nominal_p
    assert all(early < late for early, late in pairwise(p))
    assert p[-1] < alpha
    assert sum(p) > alpha * 0.9  # and the error allowed is nearly spent


def test_many_seeds_approach_the_textbook():
    # O'Brien and Fleming's c for four looks at a known variance is 2.024.
    p = sequential_boundaries((50, 100, 150, 200)).nominal_p[-1]
    assert -special.ndtri(p / 2) == pytest.approx(2.024, abs=0.02)


@pytest.mark.parametrize("looks", [(), (2, 5), (5, 5), (10, 5)])
def test_looks_must_ascend(looks):
    with pytest.raises(StatsError, match="ascending"):
        sequential_boundaries(looks)


def test_alpha_must_be_one():
    with pytest.raises(StatsError, match="alpha"):
        sequential_boundaries(alpha=0.7)


def test_anytime_sign_test(oracle):
    case = oracle("sequential")["anytime_sign_test"]
    for row in case["cases"]:
        found = anytime_sign_test(row["k"], row["n"] - row["k"])
        assert found.e_value == pytest.approx(row["E"])
    first = next(n for n in range(1, 20) if anytime_sign_test(n, 0).e_value >= 20)
    assert first == case["first_all_win_rejection_alpha05"]


@given(st.integers(0, 60), st.integers(0, 60))
def test_anytime_is_fair_and_symmetric(wins, losses):
    now = anytime_sign_test(wins, losses)
    assert now == anytime_sign_test(losses, wins)
    assert now.p_value == pytest.approx(min(1.0, 1 / now.e_value))
    # If a win is as likely as a loss, the next seed is expected to leave E where it is.
    after_win, after_loss = anytime_sign_test(wins + 1, losses), anytime_sign_test(wins, losses + 1)
    assert (after_win.e_value + after_loss.e_value) / 2 == pytest.approx(now.e_value)


def test_anytime_ends():
    assert anytime_sign_test(0, 0).e_value == 1
    assert anytime_sign_test(5000, 0).e_value == math.inf
    with pytest.raises(StatsError, match="counts"):
        anytime_sign_test(-1, 2)

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
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


def scale_invariant_e(t, n, g=1.0):
    """E-value of the first n paired differences with statistic t, the mixture N(0, g) over mu / sigma."""
    shrunk = (1 + t**2 / ((1 + n * g) * (n - 1))) / (1 + t**2 / (n - 1))
    return (1 + n * g) ** -0.5 * shrunk ** (-n / 2)


def test_scale_invariant_t_is_left_out_since_coarse_metrics_break_it(oracle):
    case = oracle("sequential")["scale_invariant_t_eprocess"]
    for row in case["cases"]:
        assert scale_invariant_e(row["t"], row["n"], row["g"]) == pytest.approx(row["E"])
    # Differences of +1 or -1, as an accuracy of few images gives: rejected at some n up to 40?
    signs = np.random.default_rng(1).choice([-1.0, 1.0], size=(4000, 40))
    t_rejects = np.zeros(len(signs), bool)
    sign_rejects = np.zeros(len(signs), bool)
    for n in range(3, 41):
        mean, sd = signs[:, :n].mean(axis=1), signs[:, :n].std(axis=1, ddof=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            t_rejects |= (sd == 0) | (scale_invariant_e(mean / sd * n**0.5, n) >= 20)
        wins = (signs[:, :n] > 0).sum(axis=1).tolist()
        e_of = {k: anytime_sign_test(k, n - k).e_value for k in set(wins)}
        sign_rejects |= np.array([e_of[k] for k in wins]) >= 20
    published = case["simulated_ever_reject_n_le_40_alpha05"]["rademacher_discrete"]
    assert (
        published > 0.5
    )  # the t form: from 2 seeds on, half of all studies find what is not there
    assert t_rejects.mean() > 0.2
    assert sign_rejects.mean() < 0.05


def test_self_normalised_e_process_needs_a_scale_that_nobody_knows(oracle):
    case = oracle("effects_and_bootstrap")["self_normalised_symmetric_eprocess"]
    d, rho = np.array(case["d"]), case["rho"]

    def e_values(differences):
        sums, squares = np.cumsum(differences), np.cumsum(differences**2)
        return np.sqrt(rho / (squares + rho)) * np.exp(sums**2 / (2 * (squares + rho)))

    assert e_values(d) == pytest.approx(case["e_values"])
    # The same differences in percent: the evidence is gone. The anytime sign test knows no units.
    assert e_values(d)[-1] > 6
    assert e_values(100 * d)[-1] < 1

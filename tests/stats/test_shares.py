"""Shares at a target: the exact tests, by hand and with scipy and statsmodels."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from bench.errors import StatsError
from bench.stats import compare_shares, logrank, mcnemar_exact, restriction_time

runs = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=3, max_size=6)


def columns(data):
    times, reached = zip(*data, strict=True)
    return np.array(times, float), np.array(reached)


def test_with_one_budget_they_are_the_usual_tests():
    a, b = [1, 1, 1, 0, 1, 1], [0, 0, 1, 0, 0, 0]
    times_a, times_b = (
        [t if hit else 9 for t, hit in zip(range(6), side, strict=True)] for side in (a, b)
    )
    paired = compare_shares(times_a, a, times_b, b, paired=True)
    assert paired.p_value == mcnemar_exact(a, b).p_value
    assert (paired.reached_a, paired.reached_b, paired.only_a, paired.only_b) == (5, 1, 4, 0)
    groups = compare_shares(times_a, a, times_b, b, paired=False)
    assert groups.p_value == scipy_stats.fisher_exact([[5, 1], [1, 5]]).pvalue
    assert (groups.only_a, groups.only_b, groups.direction) == (None, None, 1)


def test_a_run_that_was_stopped_is_no_miss():
    """b was stopped at 5, before a arrived: of the pair nothing is known but that neither had by 5."""
    found = compare_shares([7, 7, 7], [1, 1, 1], [5, 5, 5], [0, 0, 0], paired=True)
    assert (found.only_a, found.reached_a, found.p_value, found.direction) == (0, 0, 1.0, 0)
    at_once = compare_shares([5, 5, 5], [1, 1, 1], [5, 5, 5], [0, 0, 0], paired=True)
    assert at_once.only_a == 3, "an evaluation at the very end still counts"


def test_each_pair_has_its_own_horizon():
    """One run that was stopped at once says nothing; it does not silence the other pairs."""
    found = compare_shares([7] * 5, [1] * 5, [1, 9, 9, 9, 9], [0] * 5, paired=True)
    assert (found.only_a, found.p_value) == (4, 0.125)
    assert compare_shares([7] * 5, [1] * 5, [1, 9, 9, 9, 9], [0] * 5, paired=False).p_value == 1


@given(runs, runs)
@settings(deadline=None)
def test_two_groups_are_compared_where_all_is_known(one, two):
    a, b = columns(one), columns(two)
    tau = restriction_time(a, b)
    assert tau == min([t for t, hit in [*one, *two] if not hit], default=math.inf)
    found = compare_shares(*a, *b, paired=False)
    had = [sum(hit and t <= tau for t, hit in side) for side in (one, two)]
    table = [[had[0], len(one) - had[0]], [had[1], len(two) - had[1]]]
    assert (found.reached_a, found.reached_b) == tuple(had)
    assert found.p_value == pytest.approx(scipy_stats.fisher_exact(table).pvalue)


@given(runs, st.data())
@settings(deadline=None)
def test_what_comes_after_an_end_changes_nothing(one, data):
    """Whether a stopped run would have arrived later is not known, so it must not matter."""
    two = data.draw(
        st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=len(one), max_size=len(one))
    )
    a, b = columns(one), columns(two)
    found = compare_shares(*a, *b, paired=True)
    limits = [
        min(x if not p else 99, y if not q else 99) for (x, p), (y, q) in zip(one, two, strict=True)
    ]
    seen = [
        (p and x <= t, q and y <= t) for (x, p), (y, q), t in zip(one, two, limits, strict=True)
    ]
    assert found.only_a == sum(x and not y for x, y in seen)
    assert found.only_b == sum(y and not x for x, y in seen)
    swapped = compare_shares(*b, *a, paired=True)
    assert (swapped.only_a, swapped.only_b, swapped.p_value) == (
        found.only_b, found.only_a, found.p_value,
    )  # fmt: skip


def _leads(times, reached, groups):
    """Observed minus expected arrivals of each group, time by time, as Mantel counts them."""
    leads = []
    for group in groups:
        lead = 0.0
        for t in np.unique(times[reached]):
            risk, now = times >= t, (times == t) & reached
            lead += (now & group).sum() - now.sum() * (risk & group).sum() / risk.sum()
        leads.append(lead)
    return np.array(leads)


@given(runs, runs)
@settings(deadline=None, max_examples=40)
def test_the_exact_log_rank_test_counts_all_regroupings(one, two):
    (ta, ra), (tb, rb) = columns(one), columns(two)
    try:
        found = logrank(ta, ra, tb, rb)
    except StatsError:
        return
    times, reached = np.concatenate([ta, tb]), np.concatenate([ra, rb])
    everyone = np.arange(times.size)
    groups = [np.isin(everyone, c) for c in itertools.combinations(everyone, ta.size)]
    leads = _leads(times, reached, groups)
    assert found.lead == pytest.approx(leads[0])
    assert found.p_exact == pytest.approx(np.mean(abs(leads) >= abs(leads[0]) - 1e-9))


@given(runs, st.data())
@settings(deadline=None, max_examples=40)
def test_the_exact_log_rank_test_of_pairs_counts_all_swaps(one, data):
    two = data.draw(
        st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=len(one), max_size=len(one))
    )
    (ta, ra), (tb, rb) = columns(one), columns(two)
    try:
        found = logrank(ta, ra, tb, rb, paired=True)
    except StatsError:
        return
    times, reached, n = np.concatenate([ta, tb]), np.concatenate([ra, rb]), ta.size
    groups = [
        np.array([*signs, *(not s for s in signs)])
        for signs in itertools.product((True, False), repeat=n)
    ]
    leads = _leads(times, reached, groups)
    assert found.p_exact == pytest.approx(np.mean(abs(leads) >= abs(leads[0]) - 1e-9))


def test_many_runs_are_regrouped_at_random_but_always_alike():
    rng = np.random.default_rng(0)
    a, b = rng.exponential(1, 30), rng.exponential(2, 30)
    p = [logrank(a, [1] * 30, b, [1] * 30).p_exact for _ in range(2)]
    assert p[0] == p[1] < 0.05
    assert logrank(a, [1] * 30, b, [1] * 30).p_value == pytest.approx(p[0], abs=0.02)


def test_below_three_runs_nothing_is_tested_exactly():
    assert logrank([1, 2], [1, 1], [3, 4, 5], [1, 1, 1]).p_exact is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: compare_shares([1], [1], [1, 2], [1, 1], paired=True), "not paired"),
        (lambda: compare_shares([], [], [1], [1], paired=False), "too few"),
        (lambda: compare_shares([1, 2], [1], [1], [1], paired=False), "differ in length"),
        (lambda: compare_shares([-1], [1], [1], [1], paired=False), "negative"),
        (lambda: logrank([1, 2, 3], [1] * 3, [1, 2], [1] * 2, paired=True), "not paired"),
        (lambda: restriction_time(([math.nan], [1])), "NaN"),
    ],
)
def test_refused(call, message):
    with pytest.raises(StatsError, match=message):
        call()


def log_rank_errors(studies, n, censoring):
    """How often the chi-squared and the exact p of equal groups are at most 5 %."""
    rng = np.random.default_rng(n)
    wrong = np.zeros(2)
    for _ in range(studies):
        times = np.ceil(20 * rng.lognormal(0, 0.5, (2, n)))
        ends = {
            "none": np.full((2, n), 1e9),
            "one budget": np.full((2, n), 25.0),
            "own budgets": rng.uniform(10, 50, (2, n)),
            "a stopped earlier": np.array([[18.0] * n, [35.0] * n]),
        }[censoring]
        (ta, tb), (ra, rb) = np.minimum(times, ends), times <= ends
        try:
            found = logrank(ta, ra, tb, rb, rng=rng)
        except StatsError:
            continue
        wrong += (found.p_value <= 0.05, found.p_exact <= 0.05)
    return wrong / studies


@pytest.mark.slow
@pytest.mark.parametrize("censoring", ["none", "one budget", "own budgets", "a stopped earlier"])
def test_the_exact_log_rank_test_holds_its_level(censoring, request):
    chi2, exact = log_rank_errors(2_000, 5, censoring)
    request.node.user_properties.append((f"chi2, {censoring}", f"{chi2:.4f}"))
    request.node.user_properties.append((f"exact, {censoring}", f"{exact:.4f}"))
    print(censoring, chi2, exact)  # noqa: T201
    assert exact <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2_000)
    assert chi2 > exact

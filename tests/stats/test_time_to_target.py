from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar

from bench.errors import StatsError
from bench.stats import (
    expected_running_time,
    mcnemar_exact,
    restricted_mean_time,
    restricted_times,
    sign_flip_test,
    survival_curve,
    time_to_target,
)

runs = st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=1, max_size=20)
outcomes = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30)


def test_constructed_example(oracle):
    case = oracle("time_to_target_common_budget")
    expected, tau = case["expected"], case["tau"]
    spent = {}
    for name in "AB":
        times, reached = case[f"{name}_times"], case[f"{name}_reached"]
        found = time_to_target(times, reached, tau)
        assert found.restricted_mean == pytest.approx(expected[f"restricted_mean_{name}"])
        assert found.fraction_reached == pytest.approx(expected[f"fraction_{name}"])
        assert found.expected_running_time == pytest.approx(expected[f"ERT_{name}"])
        assert restricted_mean_time(times, reached, tau) == found.restricted_mean
        assert expected_running_time(times, reached, tau) == found.expected_running_time
        spent[name] = restricted_times(times, reached, tau)
    assert sign_flip_test(spent["A"] - spent["B"]) == expected["sign_flip_p"]
    assert mcnemar_exact(case["A_reached"], case["B_reached"]).p_value == 1.0


def test_runs_that_miss_spend_the_budget_whatever_their_time_says():
    for unknown in (math.nan, math.inf, 3.0, None):
        assert restricted_times([5, unknown], [True, False], 10).tolist() == [5, 10]


def test_reaching_after_the_budget_is_missing_it():
    found = time_to_target([5, 12], [True, True], 10)
    assert (found.n_reached, found.restricted_mean) == (1, 7.5)


def test_a_target_never_reached_is_infinite_not_averaged_away():
    found = time_to_target([math.inf] * 3, [False] * 3, 10)
    assert (found.fraction_reached, found.restricted_mean) == (0, 10)
    assert found.expected_running_time == math.inf


@given(runs)
@settings(deadline=None)
def test_equals_the_area_under_kaplan_meier(data):
    times = np.array([t for t, _ in data], dtype=float)
    reached = np.array([r for _, r in data])
    budget = 60.0
    spent = restricted_times(times, reached, budget)
    area, _ = survival_curve(spent, reached).area(budget)
    assert area == pytest.approx(restricted_mean_time(times, reached, budget))


@given(runs, st.integers(1, 80))
@settings(deadline=None)
def test_laws(data, budget):
    times, reached = [t for t, _ in data], [r for _, r in data]
    found = time_to_target(times, reached, budget)
    assert 0 < found.restricted_mean <= budget
    assert found.restricted_mean <= found.expected_running_time
    assert time_to_target(times, reached, budget + 5).restricted_mean >= found.restricted_mean


@given(outcomes)
@settings(deadline=None)
def test_mcnemar_agrees_with_statsmodels(data):
    a, b = [x for x, _ in data], [y for _, y in data]
    table = [[sum(x == i and y == j for x, y in data) for j in (1, 0)] for i in (1, 0)]
    found = mcnemar_exact(a, b)
    assert (found.only_a, found.only_b) == (table[0][1], table[1][0])
    if found.only_a + found.only_b:
        assert found.p_value == pytest.approx(min(1.0, mcnemar(table, exact=True).pvalue))
    else:
        assert found.p_value == 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: time_to_target([], [], 10), "too few reached"),
        (lambda: time_to_target([1, 2], [1], 10), "differ in length"),
        (lambda: time_to_target([1], [2], 10), "true or false"),
        (lambda: time_to_target([1], [1], 0), "budget"),
        (lambda: time_to_target([1], [1], math.inf), "budget"),
        (lambda: time_to_target([math.nan], [1], 10), "no known time"),
        (lambda: time_to_target([-1], [1], 10), "no known time"),
        (lambda: time_to_target(["soon"], [1], 10), "not all numbers"),
        (lambda: mcnemar_exact([1, 0], [1]), "not paired"),
        (lambda: mcnemar_exact([], []), "too few"),
    ],
)
def test_refused(call, message):
    with pytest.raises(StatsError, match=message):
        call()

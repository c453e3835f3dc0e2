from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import StatsError
from bench.stats import performance_profile

tables = st.lists(
    st.lists(st.one_of(st.floats(0.1, 100), st.just(math.inf)), min_size=4, max_size=4),
    min_size=1,
    max_size=4,
)


def test_closed_form(oracle):
    case = oracle("performance_profile")
    times = {name: [float(t) for t in row] for name, row in case["times"].items()}
    profile = performance_profile(times)
    for found, expected in zip(profile.ratios.values(), case["ratios"], strict=True):
        assert found == pytest.approx([float(r) for r in expected])
    assert profile.score(case["r_max"]) == pytest.approx(case["score"])
    assert profile.within(2) == pytest.approx(case["rho_at_2"])


@given(tables)
@settings(deadline=None)
def test_the_score_is_the_area_under_the_profile(rows):
    profile = performance_profile({str(i): row for i, row in enumerate(rows)})
    factors = np.linspace(1, 4, 20_001)[1:]
    for name, score in profile.score(4.0).items():
        heights = (profile.ratios[name][:, None] <= factors).mean(axis=0)
        assert score == pytest.approx(heights.mean(), abs=1e-3)
        assert 0 <= score <= 1


@given(tables)
@settings(deadline=None)
def test_someone_is_best_on_every_problem_that_is_solved(rows):
    profile = performance_profile({str(i): row for i, row in enumerate(rows)})
    best = np.min(list(profile.ratios.values()), axis=0)
    solved = np.isfinite(rows).any(axis=0)
    assert (best[solved] == 1).all()
    assert np.isinf(best[~solved]).all()


@pytest.mark.parametrize(
    "times", [{}, {"a": [1.0], "b": [1.0, 2.0]}, {"a": [0.0]}, {"a": [math.nan]}, {"a": []}]
)
def test_refused(times):
    with pytest.raises(StatsError):
        performance_profile(times)


@pytest.mark.parametrize("factor", [1.0, math.inf, math.nan])
def test_largest_factor_must_be_above_one(factor):
    with pytest.raises(StatsError, match="largest factor"):
        performance_profile({"a": [1.0]}).score(factor)

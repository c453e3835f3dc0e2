from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from statsmodels.stats.anova import AnovaRM

from bench.errors import StatsError
from bench.stats import adjust, compare_paired, factorial_contrasts

GRIDS = hnp.arrays(
    np.float64,
    st.tuples(*[st.integers(2, 4)] * 3),
    elements=st.floats(-100, 100).map(lambda x: round(x, 3)),
)


def made(n, *levels, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 1, 1)) + rng.normal(size=(n, *levels)) + np.arange(levels[-1])


def long(values, names):
    cells = itertools.product(*map(range, values.shape))
    keys = ("seed", *names)
    return pd.DataFrame([dict(zip(keys, at, strict=True)) | {"y": values[at]} for at in cells])


def test_two_by_two_is_the_repeated_measures_analysis_of_variance():
    values = made(7, 2, 2)
    table = AnovaRM(long(values, "ab"), "y", "seed", within=["a", "b"]).fit().anova_table
    found = factorial_contrasts(values)
    assert [c.factors for c in found] == [(0,), (1,), (0, 1)]
    for contrast, name in zip(found, ("a", "b", "a:b"), strict=True):
        test = compare_paired(contrast.a, contrast.b)
        d = contrast.a - contrast.b
        t = d.mean() / (d.std(ddof=1) / np.sqrt(len(d)))
        assert t**2 == pytest.approx(table.loc[name, "F Value"])
        assert test.p_value == pytest.approx(table.loc[name, "Pr > F"])


def test_three_factors_of_two_levels_too():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(6, 2, 2, 2))
    table = AnovaRM(long(values, "abc"), "y", "seed", within=["a", "b", "c"]).fit().anova_table
    for contrast in factorial_contrasts(values):
        name = ":".join("abc"[i] for i in contrast.factors)
        p = compare_paired(contrast.a, contrast.b).p_value
        assert p == pytest.approx(table.loc[name, "Pr > F"])


def test_by_hand():
    """One seed; l2 0.01 and 0, dropout 0 and 0.2: leaving out l2 adds 2 or 3, dropout 0.5 or 1.5."""
    (main_l2, main_dropout, together) = factorial_contrasts([[[95.0, 95.5], [97.0, 98.5]]])
    assert main_l2.effect == pytest.approx(2.5)
    assert main_dropout.effect == pytest.approx(1.0)
    assert together.effect == pytest.approx(1.0)
    assert main_l2.effect + main_dropout.effect == pytest.approx(98.5 - 95.0)


def test_three_levels_against_a_reference_in_the_middle():
    values = made(5, 3, 2)
    found = factorial_contrasts(values, reference=(1, 0))
    assert [(c.factors, c.levels) for c in found] == [
        ((0,), (0,)),
        ((0,), (2,)),
        ((1,), (1,)),
        ((0, 1), (0, 1)),
        ((0, 1), (2, 1)),
    ]
    marginal = values.mean(axis=2)
    assert found[1].a - found[1].b == pytest.approx(marginal[:, 2] - marginal[:, 1])
    step = values[:, :, 1] - values[:, :, 0]
    assert found[4].a - found[4].b == pytest.approx(step[:, 2] - step[:, 1])


@given(GRIDS)
def test_main_effects_add_up_and_additive_grids_have_no_interaction(values):
    additive = values[:, :, :1] + values[:, :1, :]
    for contrast in factorial_contrasts(additive):
        if len(contrast.factors) == 2:
            assert contrast.a == pytest.approx(contrast.b)
    corner = factorial_contrasts(values[:, :2, :2])
    whole = (values[:, 1, 1] - values[:, 0, 0]).mean()
    assert corner[0].effect + corner[1].effect == pytest.approx(whole)


@given(GRIDS, st.floats(-50, 50))
def test_what_is_the_same_in_all_cells_of_a_seed_does_not_matter(values, shift):
    shifted = values + shift * np.arange(len(values))[:, None, None]
    pairs = zip(factorial_contrasts(values), factorial_contrasts(shifted), strict=True)
    for before, after in pairs:
        assert after.a - after.b == pytest.approx(before.a - before.b, abs=1e-8)


@pytest.mark.parametrize(
    ("values", "reference", "match"),
    [
        ([1.0, 2.0], None, "grid"),
        (np.zeros((3, 1, 2)), None, "grid"),
        (np.zeros((0, 2, 2)), None, "grid"),
        (np.full((3, 2, 2), np.inf), None, "finite"),
        (np.zeros((3, 2, 2)), (0,), "reference"),
        (np.zeros((3, 2, 2)), (0, 2), "reference"),
        ([["x", "y"]], None, "numbers"),
    ],
)
def test_refused(values, reference, match):
    with pytest.raises(StatsError, match=match):
        factorial_contrasts(values, reference=reference)


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 5, 10])
def test_calibration_of_a_family_of_effects(n):
    """Nothing but noise, some cells four times noisier: Holm keeps the error of the family."""
    rng, wrong, times = np.random.default_rng(0), 0, 2_000
    scale = np.array([[1.0, 1.0], [1.0, 4.0]])
    for _ in range(times):
        values = rng.normal(size=(n, 1, 1)) + scale * rng.normal(size=(n, 2, 2))
        tests = [compare_paired(c.a, c.b) for c in factorial_contrasts(values)]
        wrong += min(adjust([t.p_value for t in tests])) <= 0.05
    assert wrong / times < 0.05 + 3 * np.sqrt(0.05 * 0.95 / times)

"""Seeds crossed with examples: equal to the paired t where examples do not vary; covers by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from bench.errors import StatsError
from bench.stats import two_level_interval

REPETITIONS = 2000


def tables(seeds=5, examples=40, seed=0):
    rng = np.random.default_rng(seed)
    hard = rng.random(examples)
    return (rng.random((2, seeds, examples)) < 0.5 + 0.5 * hard).astype(int)


def test_over_seeds_alone_it_is_the_paired_t_interval():
    a, b = tables()
    found = two_level_interval(a, b)
    t = scipy_stats.ttest_rel(a.mean(axis=1), b.mean(axis=1))
    low, high = t.confidence_interval(0.95)
    assert found.mean_difference == pytest.approx(a.mean() - b.mean())
    assert (found.seeds_low, found.seeds_high) == pytest.approx((low, high))


def test_mean_squares_are_those_of_an_analysis_of_variance():
    """By statsmodels' two-way table of the differences."""
    import pandas as pd
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    a, b = tables(4, 12, seed=3)
    d = a - b
    s, e = np.indices(d.shape)
    frame = pd.DataFrame({"d": d.ravel(), "s": s.ravel(), "e": e.ravel()})
    table = anova_lm(ols("d ~ C(s) + C(e)", frame).fit())
    ms = table["mean_sq"]
    extra = max(ms["C(e)"] - ms["Residual"], 0)
    variance = (ms["C(s)"] + extra) / d.size
    df = (ms["C(s)"] + extra) ** 2 / (
        ms["C(s)"] ** 2 / 3 + (ms["C(e)"] ** 2 / 11 + ms["Residual"] ** 2 / 33) * (extra > 0)
    )
    half = scipy_stats.t.isf(0.025, max(df, 3)) * np.sqrt(variance)
    found = two_level_interval(a, b)
    half = max(half, (found.seeds_high - found.seeds_low) / 2)
    assert (found.both_high - found.both_low) / 2 == pytest.approx(half)


@given(st.integers(3, 6), st.integers(2, 30), st.integers(0, 1000))
def test_laws(seeds, examples, seed):
    a, b = tables(seeds, examples, seed)
    one, other = two_level_interval(a, b), two_level_interval(b, a)
    assert one.mean_difference == pytest.approx(-other.mean_difference)
    assert one.both_low == pytest.approx(-other.both_high)
    assert one.both_low <= one.seeds_low <= one.mean_difference <= one.seeds_high <= one.both_high
    assert 0 <= one.example_share <= 1
    rng = np.random.default_rng(seed)
    s, e = rng.permutation(seeds), rng.permutation(examples)
    again = two_level_interval(a[s][:, e], b[s][:, e])
    assert again.both_low == pytest.approx(one.both_low)


def test_no_difference_at_all():
    a, _ = tables()
    found = two_level_interval(a, a)
    assert (found.both_low, found.mean_difference, found.both_high) == (0, 0, 0)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.ones((2, 9)), np.ones((2, 9))),
        (np.ones((3, 1)), np.ones((3, 1))),
        (np.ones(9), np.ones(9)),
        (np.ones((3, 9)), np.ones((3, 8))),
        (np.full((3, 9), 0.5), np.ones((3, 9))),
        (np.full((3, 9), np.nan), np.ones((3, 9))),
    ],
)
def test_refused(a, b):
    with pytest.raises(StatsError):
        two_level_interval(a, b)


@pytest.mark.slow
def test_it_covers_over_new_seeds_and_new_examples():
    """95 % over both: seeds 5, examples 200; Monte Carlo error .005 with 2,000 repetitions.

    The interval over seeds alone misses far more often, since it does not speak of new examples.
    """
    rng = np.random.default_rng(0)
    covered, covered_by_seeds = 0, 0
    for _ in range(REPETITIONS):
        easy = rng.beta(2, 1, 200)
        shift = 0.15 * rng.standard_normal(200) + 0.03 * rng.standard_normal((5, 1))
        a = (rng.random((5, 200)) < np.clip(easy + shift, 0, 1)).astype(int)
        b = (rng.random((5, 200)) < easy).astype(int)
        found = two_level_interval(a, b)
        truth = TRUTH
        covered += found.both_low <= truth <= found.both_high
        covered_by_seeds += found.seeds_low <= truth <= found.seeds_high
    assert 0.93 <= covered / REPETITIONS <= 0.99
    assert covered_by_seeds < covered


def _truth():
    """Mean of clip(easy + shift) - easy under the simulation's distribution, by 10^6 draws."""
    rng = np.random.default_rng(1)
    easy = rng.beta(2, 1, 10**6)
    shift = 0.15 * rng.standard_normal(10**6) + 0.03 * rng.standard_normal(10**6)
    return float(np.mean(np.clip(easy + shift, 0, 1) - easy))


TRUTH = _truth()

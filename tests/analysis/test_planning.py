"""Seeds needed, against numbers by hand; and that many seeds do detect the difference."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats
from synthetic import Outcome, noise, usual, written

from bench.analysis.planning import SeedsNeeded, _planned, seeds_to_detect
from bench.errors import UsageError
from bench.frames import METRICS
from bench.stats import power_paired, seeds_needed

BARE = SeedsNeeded("q", "a", "b", METRICS["test_accuracy"], 3)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return written(tmp_path_factory.mktemp("pilot"), usual)


def test_seeds_are_those_of_the_power_of_the_paired_t(results):
    row = next(r for r in seeds_to_detect(results, 0.01) if r.variant == "high")
    trials = results.trials.pivot_table(index="seed", columns="variant", values="test_accuracy")
    differences = trials["high"] - trials["base"]
    assert row.spread == pytest.approx(differences.std(ddof=1))
    assert row.pilot == len(differences)
    for alpha, found in ((0.05, row.alone), (0.05 / family_of(results), row.as_seen)):
        effect = 0.01 / row.spread
        assert power_paired(effect, found, alpha=alpha) >= 0.8 or found == 3
        assert found == 3 or power_paired(effect, found - 1, alpha=alpha) < 0.8
    n = row.pilot
    upper = row.spread * np.sqrt((n - 1) / scipy_stats.chi2.ppf(0.2, n - 1))
    assert upper > row.spread
    assert row.alone <= row.as_seen <= row.seeds


def family_of(results):
    """Three comparisons, two of which are claims too."""
    assert len(results.suite.variants("rates")) == 4
    return 3


@pytest.mark.parametrize(("pilot", "tests"), [(5, 1), (5, 6), (10, 6)])
def test_the_plan_gives_the_power_that_was_asked_when_it_is_followed(pilot, tests):
    """Over pilots of normal differences; the plan by the spread as seen does not."""
    spreads = np.random.default_rng(7).normal(size=(400, pilot)).std(axis=1, ddof=1)
    followed = {"seeds": [], "as_seen": []}
    for spread in spreads:
        row = _planned(BARE, np.array([-1.0, 0, 1]) * spread, 1.0, 0.8, tests)
        assert row.spread == pytest.approx(spread)
        upper = spread * np.sqrt((pilot - 1) / scipy_stats.chi2.ppf(0.2, pilot - 1))
        for name, sd in (("seeds", upper), ("as_seen", spread)):
            n = max(3, np.ceil(seeds_needed(1.0 / sd, alpha=0.05 / tests)))
            followed[name].append(power_paired(1.0, n, alpha=0.05 / tests))
    assert 0.8 <= np.mean(followed["seeds"]) <= 0.95
    assert np.mean(followed["as_seen"]) < 0.8


def test_a_smaller_difference_needs_more_seeds(results):
    few, many = (
        {(r.question, r.variant): r.seeds for r in seeds_to_detect(results, d)}
        for d in (0.01, 0.0001)
    )
    assert all(few[key] <= many[key] for key in few)
    assert few != many


def test_two_seeds_tell_no_spread(tmp_path):
    def two(variant, seed):
        return None if seed > 1 else Outcome((0.8, 0.9, 0.95 + noise(variant, seed, 1e-3)))

    rows = seeds_to_detect(written(tmp_path, two), 0.01)
    assert all(row.alone is None for row in rows)
    assert {row.problem for row in rows} <= {
        "a spread needs three seeds or more",
        "the pilot has no complete pairs of finite values",
    }


@pytest.mark.parametrize("detect", [0, -1, float("nan"), float("inf")])
def test_no_difference_cannot_be_detected(results, detect):
    with pytest.raises(UsageError, match="not a difference"):
        seeds_to_detect(results, detect)


@pytest.mark.parametrize("power", [0, 0.05, 1, 2])
def test_powers(results, power):
    with pytest.raises(UsageError, match="not a power"):
        seeds_to_detect(results, 0.01, power=power)

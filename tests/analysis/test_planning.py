"""Seeds needed, against numbers by hand; and that many seeds do detect the difference."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats
from synthetic import Outcome, noise, usual, written

from bench.analysis.planning import seeds_to_detect
from bench.errors import UsageError
from bench.stats import power_paired


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return written(tmp_path_factory.mktemp("pilot"), usual)


def test_seeds_are_those_of_the_power_of_the_paired_t(results):
    row = next(r for r in seeds_to_detect(results, 0.01) if r.variant == "high")
    trials = results.trials.pivot_table(index="seed", columns="variant", values="test_accuracy")
    differences = trials["high"] - trials["base"]
    assert row.spread == pytest.approx(differences.std(ddof=1))
    assert row.pilot == len(differences)
    for alpha, found in ((0.05, row.alone), (0.05 / family_of(results, row), row.in_family)):
        effect = 0.01 / row.spread
        assert power_paired(effect, found, alpha=alpha) >= 0.8 or found == 3
        assert found == 3 or power_paired(effect, found - 1, alpha=alpha) < 0.8
    n = row.pilot
    upper = row.spread * np.sqrt((n - 1) / scipy_stats.chi2.ppf(0.2, n - 1))
    assert upper > row.spread
    assert row.alone <= row.in_family <= row.cautious


def family_of(results, row):
    return len(results.suite.variants(row.question)) - 1


def test_a_smaller_difference_needs_more_seeds(results):
    few, many = (
        {(r.question, r.variant): r.in_family for r in seeds_to_detect(results, d)}
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

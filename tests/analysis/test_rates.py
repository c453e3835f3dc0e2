"""Convergence rates of whole runs whose curves are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from synthetic import SUITE, Outcome, written

from bench.analysis import analyse
from bench.frames import RATES

EPOCHS = 40
K = np.arange(EPOCHS + 1)
NETWORKS = SUITE.replace("epochs: 3", f"epochs: {EPOCHS}").replace("seeds: 5", "seeds: 6")

CONVEX = f"""\
suite: convex
title: A quadratic
dataset: digits
seeds: 6
epochs: {EPOCHS}
primary: train_objective
probes: [optimum]
base:
  model: {{layers: [Flatten, {{Dense: {{units: 10, use_bias: false}}}}]}}
  optimizer: {{SGD: {{learning_rate: 1.0}}}}
  batch_size: full
questions:
  steps:
    ask: Which step falls fastest?
    variants:
      one-over-l: {{}}
      half: {{optimizer: {{SGD: {{learning_rate: 0.5}}}}}}
      noisy: {{batch_size: 10}}
"""
CONSTANTS = {"optimum//value": 0.7, "optimum//smoothness": 1.0, "optimum//strong_convexity": 0.2}


def falling(law, name, seed, *, noise=0.01):
    rng = np.random.default_rng([len(name), seed])
    return tuple((law(K) * np.exp(noise * rng.normal(size=K.size))).tolist())


def geometric(rho, floor=0.3):
    return lambda k: floor + 2 * rho**k


def networks(variant, seed):
    laws = {
        "base": geometric(0.8),
        "high": geometric(0.64),
        "low": lambda k: 0.2 + 2 / (1 + k),
        "same": lambda k: 0.5 + 0.0 * k,
    }
    return Outcome(objectives=falling(laws[variant], variant, seed))


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    results = written(tmp_path_factory.mktemp("networks"), networks, suite=NETWORKS)
    return analyse(results)


def row(analysis, variant):
    return analysis.rates.set_index("variant").loc[variant]


def test_one_row_per_variant(found):
    assert found.rates.variant.tolist() == ["base", "high", "low", "same"]
    assert list(found.rates.columns) == [c.name for c in RATES]


def test_a_law_is_named_with_its_rate_per_epoch_and_per_update(found):
    base = row(found, "base")
    assert base.family == "geometric"
    assert base.rate == pytest.approx(-math.log(0.8), rel=0.05)
    assert base.rate_low < -math.log(0.8) < base.rate_high
    assert base.rate_per_update == pytest.approx(base.rate / 10)
    assert base.floor == pytest.approx(0.3, rel=0.05)
    assert base.floor_kind == "fitted"


def test_twice_the_rate_is_found_paired_and_adjusted(found):
    high = row(found, "high")
    assert high.ratio == pytest.approx(2, rel=0.05)
    assert high.ci_low < 2 < high.ci_high
    assert high.p_adjusted < 0.001


def test_another_law_has_no_comparable_rate(found):
    low = row(found, "low")
    assert low.family != "geometric"
    assert math.isnan(low.ratio)


def test_a_flat_curve_cannot_be_determined_and_says_why(found):
    same = row(found, "same")
    assert same.family == "cannot be determined"
    assert "does not fall" in same.reasons


def test_of_networks_theory_says_none(found):
    assert (found.rates.theory == "none").all()
    assert found.rates.tail_factor.isna().all()


def test_a_stepwise_learning_rate_splits_the_fit(tmp_path):
    def two_phases(variant, seed):
        del variant
        first, then = 2 * 0.9 ** np.minimum(K, 15), 0.7 ** np.maximum(K - 15, 0)
        rng = np.random.default_rng(seed)
        values = (0.05 + first * then) * np.exp(0.005 * rng.normal(size=K.size))
        return Outcome(objectives=tuple(values.tolist()), rates=tuple([0.1] * 16 + [0.01] * 25))

    analysis = analyse(written(tmp_path, two_phases, suite=NETWORKS))
    rate = analysis.questions[0].rates[0]
    assert len(rate.fitted.earlier) == 1
    assert rate.fitted.rate == pytest.approx(-math.log(0.7), rel=0.1)
    assert rate.fitted.earlier[0].rate == pytest.approx(-math.log(0.9), rel=0.5)


def convex(variant, seed):
    rho = {"one-over-l": 0.64, "half": 0.81, "noisy": 0.8}[variant]
    start = 2 + 0.1 * seed
    noise = 0.02 if variant == "noisy" else 0.0
    values = 0.7 + start * rho ** (K if variant != "noisy" else np.minimum(K, 12))
    values = values + noise * np.abs(np.random.default_rng(seed).normal(size=K.size))
    return Outcome(objectives=tuple(values.tolist()), probes=CONSTANTS)


def test_a_known_optimum_gives_the_tail_beside_theory(tmp_path):
    analysis = analyse(written(tmp_path, convex, suite=CONVEX))
    one, half, noisy = (row(analysis, name) for name in ("one-over-l", "half", "noisy"))
    assert one.optimum == 0.7
    assert one.floor_kind == "known"
    assert one.predicted_factor == pytest.approx(0.64)
    # ten updates an epoch in the made-up curves
    assert one.tail_factor == pytest.approx(0.64**0.1, rel=1e-6)
    assert half.tail_factor == pytest.approx(0.81**0.1, rel=1e-6)
    assert "× 0.81" in half.theory
    assert noisy.floor_kind == "fitted"
    assert math.isnan(noisy.tail_factor)
    assert "down to a floor" in noisy.theory


def test_too_few_seeds_name_nothing(tmp_path):
    few = NETWORKS.replace("seeds: 6", "seeds: 3")
    analysis = analyse(written(tmp_path, networks, suite=few))
    assert set(analysis.rates.family) == {"cannot be determined"}
    assert "Too few seeds" in row(analysis, "base").reasons


def test_diverged_failed_and_missing_runs(tmp_path):
    def broken(variant, seed):
        if variant == "low":
            return None
        if variant == "high":
            return Outcome(status="failed", error="no")
        values = falling(geometric(0.8), variant, seed)
        if seed == 0:
            return Outcome(objectives=(*values[:5], math.inf), status="diverged")
        return Outcome(objectives=values)

    analysis = analyse(written(tmp_path, broken, suite=NETWORKS))
    assert analysis.rates.variant.tolist() == ["base", "same"]
    assert set(analysis.rates.family) == {"cannot be determined"}
    assert "diverged" in row(analysis, "base").reasons

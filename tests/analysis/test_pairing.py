"""What comparing variants seed by seed is worth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from synthetic import Outcome, written

from bench.analysis.metrics import measure
from bench.analysis.pairing import pairing

SUITE = """\
suite: s
title: t
dataset: digits
epochs: 1
seeds: {n}
base: {{model: mlp, optimizer: SGD}}
questions:
  q:
    ask: a
    baseline: one
    variants: {{one: {{}}, other: {{batch_size: 7}}}}
"""


def worth(folder, one, other):
    """The pairing of two variants with these accuracies."""
    values = {"one": one, "other": other}
    results = written(
        folder,
        lambda variant, seed: Outcome((0.1, float(values[variant][seed]))),
        suite=SUITE.format(n=len(one)),
    )
    return pairing(measure(results), "q")


@pytest.fixture
def noise():
    return np.random.default_rng(0).normal(0, 0.01, size=(3, 40))


def test_good_seeds_in_common_save_runs(tmp_path, noise):
    common, a, b = noise
    found = worth(tmp_path, 0.8 + common + 0.3 * a, 0.8 + common + 0.3 * b)
    assert found.low > 0.7
    # As groups 8.3 times as many seeds would be as precise, the ratio of the variances of a difference.
    assert found.saved == pytest.approx(2 * 40 * (8.331 - 1), abs=1)
    assert found.says.startswith("Sharing seeds saves about ")


def test_independent_runs_gain_nothing(tmp_path, noise):
    found = worth(tmp_path, 0.8 + noise[0], 0.8 + noise[1])
    assert found.says.startswith("Sharing seeds buys nothing here")


def test_opposite_seeds_cost(tmp_path, noise):
    found = worth(tmp_path, 0.8 + noise[0], 0.8 - noise[0] + 0.1 * noise[1])
    assert found.says.startswith("Sharing seeds costs here")


@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_differences_that_are_all_the_same_are_worth_more_than_any_number_of_runs(
    tmp_path, noise, shift
):
    found = worth(tmp_path, 0.8 + noise[0], 0.8 + noise[0] - shift)
    assert found.saved == math.inf
    assert found.says.startswith("Sharing seeds shows differences exactly here")


def test_few_seeds_say_nothing(tmp_path):
    assert worth(tmp_path, [0.5, 0.6, 0.7], [0.6, 0.7, 0.8]) is None

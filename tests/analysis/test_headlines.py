from __future__ import annotations

import re

import pytest
from synthetic import Outcome, noise, written

from bench.analysis import analyse

GRID = """\
suite: crossed
title: Crossed settings
dataset: digits
seeds: 5
epochs: 3
margin: 0.002
questions:
  grid:
    ask: What does which setting?
    baseline: hidden=4 l2=0
    base: {model: {mlp: {}}, optimizer: {SGD: {learning_rate: 0.1}}}
    matrix:
      model.mlp.hidden: [[4], [8]]
      model.mlp.l2: [0, 0.01]
"""
NAMES = ("hidden=4 l2=0", "hidden=8 l2=0", "hidden=4 l2=0.01", "hidden=8 l2=0.01")


def crossed(tmp_path, finals, *, text=GRID):
    """The headline where variants end at these accuracies, give or take little."""

    def outcome(variant, seed):
        return Outcome(accuracies=(0.8, 0.85, finals[variant] + noise(variant, seed, 0.0005)))

    return analyse(written(tmp_path, outcome, suite=text)).questions[0].headline


def test_a_grid_is_answered_by_its_settings(tmp_path):
    said = crossed(tmp_path, dict(zip(NAMES, (0.90, 0.93, 0.88, 0.91), strict=True)))
    assert said.startswith("Test accuracy, one setting at a time, averaged over the others: ")
    assert re.search(r"hidden 4 → 8 \(\+(3\.0|2\.9)\d* points\) is better", said)
    assert re.search(r"l2 0 → 0.01 \(−(2\.0|1\.9)\d* points\) is worse", said)
    assert "depend on each other" not in said


def test_settings_that_depend_on_each_other_are_said_to(tmp_path):
    said = crossed(tmp_path, dict(zip(NAMES, (0.90, 0.93, 0.90, 0.80), strict=True)))
    assert re.search(
        r"Settings depend on each other: the effect of hidden 4 → 8 is 1[23](\.\d+)? percentage points"
        r" lower with l2 0.01 than with 0\.$",
        said,
    )


def test_variants_beside_the_grid_are_compared_one_by_one(tmp_path):
    text = GRID + "    variants: {alone: {model: {mlp: {hidden: [5]}}}}\n"
    finals = dict(zip([*NAMES, "alone"], (0.90, 0.93, 0.88, 0.91, 0.7), strict=True))
    said = crossed(tmp_path, finals, text=text)
    assert said.startswith("Against hidden=4 l2=0 (")
    assert re.search(r"alone \(−(20|19)\.", said)


@pytest.mark.parametrize("count", [3, 4])
def test_more_than_three_alike_are_counted(tmp_path, count):
    names = [f"v{i}" for i in range(1, count + 1)]
    variants = "".join(
        f"      {name}: {{optimizer: {{SGD: {{learning_rate: 0.{i}}}}}}}\n"
        for i, name in enumerate(["v0", *names], start=1)
    )
    text = GRID[: GRID.index("questions:")] + (
        "questions:\n  q:\n    ask: Which?\n    base: {model: {mlp: {hidden: [4]}}}\n    baseline: v0\n"
        f"    variants:\n{variants}"
    )
    finals = {name: 0.9 - 0.02 * i for i, name in enumerate(["v0", *names])}
    said = crossed(tmp_path, finals, text=text)
    if count == 3:
        assert re.search(r": v1 \(−[12]\.\d+ points\), v2 \(.*\) and v3 \(.*\) are worse\.$", said)
    else:
        ends = r"from v1 \(−[12]\.\d+ points\) to v4 \(−[78]\.\d+ points\)"
        assert re.search(rf": all 4 are worse, {ends}\.$", said)
    assert len(said) < 160

"""Cautions and answers say what they say of the right variant, whatever variants are called."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis import answers
from bench.analysis.comparisons import compare_values
from bench.analysis.families import Family
from bench.analysis.isolation import Troubles
from bench.analysis.metrics import Values
from bench.frames import METRICS
from bench.report import tables

NAMES = ["a", "b", "a of b", "b of a ", " of a ", "{a}", "{b}", "{count}", "%s", r"\1", "runs of a"]
ACCURACY = METRICS["test_accuracy"]
QUIET = 0.9 + np.array([0.0, 0.003, -0.002, 0.001, -0.003, 0.002, 0.004, -0.001])


def compared(variant, baseline, mine, theirs, **more):
    values = {
        variant: Values(ACCURACY, variant, dict(enumerate(mine)), **more),
        baseline: Values(ACCURACY, baseline, dict(enumerate(theirs))),
    }
    (found,) = compare_values("q", values, [(variant, baseline)], Troubles())
    return replace(found, found=found.found.judged(Family(p_values=(0.5,))))


def said(found):
    return [str(caution) for caution in found.cautions]


both = st.lists(st.sampled_from(NAMES), min_size=2, max_size=2, unique=True)


@given(both)
def test_who_diverged_is_named(names):
    variant, baseline = names
    broken = np.where(np.arange(8) == 3, -np.inf, QUIET)
    one = compared(variant, baseline, broken, QUIET[::-1], diverged=frozenset({3}))
    text = f"1 of 8 runs of {variant} and 0 of 8 runs of {baseline} diverged"
    assert any(text in caution for caution in said(one))
    assert f"{variant} diverged in 1 of 8 seeds" in answers.answer(one)
    assert any(text in note for note in tables.cautions([one]))


@given(both)
def test_whose_values_lie_far_out_is_named(names):
    variant, baseline = names
    loud = np.where(np.arange(8) == 5, 0.2, QUIET)
    values = {
        variant: Values(ACCURACY, variant, dict(enumerate(QUIET))),
        baseline: Values(ACCURACY, baseline, dict(enumerate(loud))),
    }
    (one,) = compare_values("q", values, [(variant, baseline)], Troubles(), paired=False)
    found = [c for c in said(one) if "far from the rest" in c]
    assert found == [
        f"1 of the values of {baseline} lies far from the rest; look at the dots before the mean."
    ]


@given(both)
def test_whose_seeds_failed_is_named(names):
    variant, baseline = names
    mine = dict(enumerate(QUIET))
    del mine[2]
    values = {
        variant: Values(ACCURACY, variant, mine, failed=frozenset({2})),
        baseline: Values(ACCURACY, baseline, dict(enumerate(QUIET[::-1]))),
    }
    (one,) = compare_values("q", values, [(variant, baseline)], Troubles())
    assert said(one)[0] == f"{variant}: seed 2 failed, so there is no result."
    assert f"{variant} has 7 seeds and {baseline} 8: compared on the 7 seeds" in said(one)[1]
    (note, *_) = tables.cautions([one])
    assert note in ("seed 2 failed, so there is no result.", said(one)[0])


def test_one_outlier_that_makes_an_effect_stands_in_the_answer():
    quiet = np.tile([0.9, 0.902, 0.898, 0.901], 3)
    other = quiet - np.array([0.001, 0.002, 0.003, 0.002] * 3)
    loud = other.copy()
    loud[4] -= 0.4
    calm = answers.answer(compared("a", "b", quiet, other))
    assert "without seed" not in calm
    made = answers.answer(compared("a", "b", quiet, loud))
    assert "without seed 4, which lies far from the others, 0.2" in made
    assert "percentage points higher: better" in made


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_no_placeholder_is_left_in_any_sentence(scale):
    rng = np.random.default_rng(3)
    for n in (1, 2, 3, 5, 8, 12):
        for kind in range(4):
            mine = rng.normal(size=n) * scale
            if kind == 1:
                mine = np.round(mine / scale) * scale
            if kind == 2:
                mine[0] = -np.inf
            if kind == 3:
                mine[:] = scale
            lost = frozenset({0} if kind == 2 else ())
            one = compared("one", "two", mine, np.zeros(n), diverged=lost)
            for text in (answers.answer(one), *said(one)):
                assert "{" not in text
                assert "None" not in text
                assert "nan" not in text

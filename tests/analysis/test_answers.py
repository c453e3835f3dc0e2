from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic import Outcome, written

from bench.analysis import analyse, answers
from bench.analysis.comparisons import Compared
from bench.analysis.contrast import Finding, contrast, mean_over_seeds
from bench.analysis.families import Family
from bench.analysis.metrics import Values
from bench.frames import METRICS

TEN = np.array([0.9, 1.6, 0.8, 1.5, 1.3, 0.8, 1.0, 1.7, 1.1, 1.3])


def compared(differences, name="test_accuracy", margin=None):
    """adagrad against constant, differing so in each seed."""
    metric = METRICS[name]
    base = Values(metric, "constant", dict.fromkeys(range(len(differences)), 1.0))
    other = Values(metric, "adagrad", {s: 1.0 + d for s, d in enumerate(differences)})
    between = contrast(other, base)
    scaled = None if margin is None else between.scaled(margin)
    return Compared(
        "q", "adagrad", "constant", primary=True,
        found=Finding(between, between.test(margin=scaled)).judged(Family(p_values=(0.01,))),
        mean=mean_over_seeds(other), mean_baseline=mean_over_seeds(base), margin=margin,
    )  # fmt: skip


def test_a_plain_answer():
    assert answers.answer(compared(-TEN / 100)) == (
        "adagrad ends 1.20 percentage points lower in test accuracy than constant"
        " (95 % CI 0.96 to 1.44; p < .0001; lower in 10 of 10 seeds): worse."
    )


def test_cannot_tell_says_what_could_have_been_detected_and_what_would_settle_it():
    said = answers.answer(compared([0.01, -0.02, 0.03, -0.01, 0.02]))
    assert said.startswith("adagrad ends 0.6 percentage points higher")
    assert "95 % CI 2.0 lower to 3.2 higher" in said
    assert said.endswith(
        "): cannot tell. A difference of zero lies in the interval. What would settle it: about 96 seeds in a"
        " new run, or a margin that says which differences do not matter."
    )
    hopeless = answers.answer(compared([0.01, -0.0101, 0.01, -0.0101, 0.001]))
    assert "What would settle it: over 1,000 seeds in a new run, or a margin" in hopeless
    bounded = answers.answer(compared([0.01, -0.0101, 0.01, -0.0101, 0.001], margin=0.009))
    assert "Zero lies in the interval, and so do differences beyond the margin" in bounded
    assert bounded.endswith("What would settle it: about 9 seeds in a new run.")


def test_of_a_family_says_among_how_many():
    found = compared([0.01, -0.02, 0.03, -0.01, 0.02])
    of_five = replace(found, found=found.found.judged(Family(p_values=(0.1, 0.2, 0.3, 0.4, 0.5))))
    said = answers.answer(of_five)
    assert "(simultaneous 95 % CI 3.7 lower to 4.9 higher; adjusted p = 1;" in said
    assert "zero lies in the interval, as one of 5 comparisons." in said.lower()


def test_at_a_declared_look_the_level_is_said():
    found = compared([0.01, 0.02, 0.03, 0.01, 0.02])
    strict = replace(found, found=found.found.judged(Family(p_values=(0.1,), alpha=0.0037)))
    assert answers.answer(found).endswith(": better.")
    said = answers.answer(strict)
    assert "): cannot tell. By itself p = .009, at a declared look that asks for .0037." in said


def test_a_target_that_is_never_reached_is_said_to_be():
    metric = METRICS["epochs_to_target"]
    reached = Values(metric, "constant", {s: 3.0 + s for s in range(4)})
    missed = Values(
        metric, "adagrad", dict.fromkeys(range(4), 9.0), not_reached=frozenset(range(4))
    )
    partly = Values(metric, "adagrad", {0: 3, 1: 4, 2: 5, 3: 9}, not_reached=frozenset({3}))

    def said(a, b):
        between = contrast(a, b)
        return answers.predicate(Finding(between, between.test()), b.variant)

    assert said(missed, reached) == "never reaches the target (0 of 4), constant does in 4 of 4"
    assert said(reached, missed) == "reaches the target in 4 of 4, adagrad never does (0 of 4)"
    assert said(partly, reached).endswith(
        "on average, the budget counted for its 1 of 4 seeds that missed it"
    )
    assert (
        contrast(missed, missed).problem == "no seed of either reaches the target within the budget"
    )


def test_no_practical_difference_names_the_margin():
    said = answers.answer(compared([0.001, -0.001, 0.0005, -0.0005, 0.0002], margin=0.005))
    assert "inside the margin of ±0.5 percentage points; equivalence p" in said
    assert said.endswith("no practical difference.")


def test_times_are_multiples():
    said = answers.answer(compared([1.0, 1.1, 0.9, 1.05], "epoch_time_s"))
    assert said.startswith("adagrad takes 2.0")
    assert "times as long per epoch as constant" in said
    assert "slower in 4 of 4 seeds" in said


def test_epochs_are_earlier_or_later():
    said = answers.answer(compared([2.0, 3.0, 2.0, 3.0], "epochs_to_target"))
    assert said.startswith("adagrad reaches the target 2.50 epochs later than constant")
    assert "reaches the target as early as constant" in answers.answer(
        compared([0.0] * 4, "epochs_to_target")
    )


def test_one_seed_allows_no_test():
    said = answers.answer(compared([0.01]))
    assert said.endswith(
        ": cannot tell. 1 seed allows no test. What would settle it: three seeds or more."
    )


def test_runs_that_diverged_leave_no_mean():
    said = answers.answer(compared([0.1, 0.2, np.inf, np.inf], "test_loss"))
    assert "has no mean test loss to set against constant, because runs diverged" in said
    assert "better in 0 and worse in 4 of 4 seeds" in said


def test_every_number_of_a_sentence_comes_from_the_frame(analysed):
    row = analysed.comparisons.query("primary and variant == 'high'").iloc[0]
    sentence = next(s for s in analysed.questions[0].sentences if s.startswith("high"))
    places = len(sentence.split()[2].partition(".")[2])
    for value in (row.difference, row.ci_low, row.ci_high):
        assert f"{value * 100:.{places}f}" in sentence


def test_the_headline_groups_variants_by_verdict(analysed):
    said = analysed.questions[0].headline
    assert said.startswith("Against base (9")
    assert "% test accuracy): high (+2." in said
    assert " is better; low (−" in said


def test_all_variants_alike(tmp_path):
    analysis = analyse(written(tmp_path, lambda *_: Outcome()))
    assert "about the same test accuracy as base" in analysis.questions[0].sentences[0]


@pytest.mark.parametrize(
    ("margin", "name", "text"),
    [
        (None, "test_accuracy", "none"),
        (0.002, "test_accuracy", "±0.2 percentage points"),
        (1.0, "epochs_to_target", "±1 epoch"),
        (1.1, "epoch_time_s", "a factor 1.1"),
    ],
)
def test_margins(margin, name, text):
    assert answers.margin_text(margin, METRICS[name]) == text

from __future__ import annotations

import pytest
from synthetic import SUITE, Outcome, usual, written

from bench.analysis.conditions import conditions, shortened
from bench.store import load_results
from bench.suite import parse_suite


def test_a_run_as_planned_has_no_label(usual_conditions):
    assert usual_conditions.seed_label == ""
    assert usual_conditions.seeds_ran == (0, 1, 2, 3, 4)
    assert (usual_conditions.trials, usual_conditions.trials_planned) == (20, 20)


def test_probes_cost_what_each_trial_says_once(tiny_results):
    """A trial that two questions share was probed once."""
    results = load_results(tiny_results)
    rows = results.probes[results.probes.measure == "cost_s"]
    assert len(rows) == 12
    costs = conditions(results).probe_costs
    assert costs == {"sparsity": pytest.approx(rows.groupby("trial_id").value.first().sum())}
    assert 0 < costs["sparsity"] < rows.value.sum()


def test_seeds_added_after_a_first_run_are_labelled(tmp_path):
    how = conditions(written(tmp_path, usual, earlier_seeds=3))
    assert how.seeds_planned == (0, 1, 2)
    assert how.seed_label == (
        "seed count not as planned (planned 0 to 2, ran 0 to 4): verdicts are those of a test that holds"
        " however often one looked"
    )
    assert [command for _, command in how.commands] == ["bench run a", "bench run b"]


def test_a_first_try_of_two_seeds_is_no_look(tmp_path):
    how = conditions(written(tmp_path, usual, earlier_seeds=2))
    assert how.seeds_planned == how.seeds_ran == (0, 1, 2, 3, 4)
    assert how.seed_label == ""


def test_a_run_that_was_broken_off_is_labelled(tmp_path):
    how = conditions(written(tmp_path, lambda v, s: usual(v, s) if s < 3 else None))
    assert "planned 0 to 4, ran 0 to 2" in how.seed_label
    assert how.trials < how.trials_planned


def test_broken_trials_are_listed_with_their_reasons(tmp_path):
    def outcome(variant, seed):
        if variant == "high" and seed == 1:
            return Outcome(status="diverged")
        if variant == "low" and seed == 2:
            return Outcome(status="failed", error="Traceback ...\nMemoryError: too large")
        return usual(variant, seed)

    diverged, failed = conditions(written(tmp_path, outcome)).broken
    assert (diverged.variant, diverged.seed, diverged.status) == ("high", 1, "diverged")
    assert diverged.reason == "the loss was not finite at epoch 2"
    assert failed.reason == "MemoryError: too large"
    assert failed.traceback.startswith("Traceback")


def test_a_short_run_says_so(tmp_path):
    suite = parse_suite(SUITE).resized(epochs=2)
    results = written(tmp_path, lambda *_: Outcome((0.5, 0.6)), suite=suite)
    assert shortened(results.suite, conditions(results)).startswith(
        "A short run: 2 epochs, where the suite as written asks for 3."
    )


def test_a_run_on_fewer_images_says_so_unless_the_suite_was_written_so(tmp_path):
    own = SUITE.replace("seeds:", "train_images: 300\nseeds:", 1)
    cut = own.replace("questions:", "profiles:\n  small: {train_images: 20}\nquestions:", 1)
    alike = written(tmp_path / "a", lambda *_: Outcome((0.5, 0.6, 0.7)), suite=parse_suite(own))
    assert shortened(alike.suite, conditions(alike)) == ""
    suite = parse_suite(cut).resized(profile="small")
    fewer = written(tmp_path / "b", lambda *_: Outcome((0.5, 0.6, 0.7)), suite=suite)
    assert "3 epochs on 20 training images, where the suite as written asks for 3 on 300." in (
        shortened(fewer.suite, conditions(fewer))
    )


def test_a_whole_run_says_nothing(usual_results, usual_conditions):
    assert shortened(usual_results.suite, usual_conditions) == ""


def test_times_alone_and_in_company_are_counted(usual_conditions):
    assert (usual_conditions.concurrent, usual_conditions.alone) == (20, 0)

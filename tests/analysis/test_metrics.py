from __future__ import annotations

import math

import pytest
from synthetic import SUITE, Outcome, written

from bench.analysis.metrics import measure


def of(results, name, variant="base", question="rates"):
    return measure(results).of(question, variant, name)


def test_final_values_are_those_of_the_last_evaluation(usual):
    rows = usual.trials[usual.trials.variant == "high"]
    for name in ("test_accuracy", "train_accuracy", "test_loss", "train_objective"):
        expected = {int(s): float(v) for s, v in zip(rows.seed, rows[name], strict=True)}
        assert of(usual, name, "high").by_seed == pytest.approx(expected)


def test_final_values_are_means_over_so_many_last_epochs(tmp_path):
    text = SUITE.replace("epochs: 3", "epochs: 3\nfinal: 2")
    results = written(tmp_path, lambda *_: Outcome((0.2, 0.4, 0.8)), suite=text)
    assert of(results, "test_accuracy").by_seed[0] == pytest.approx(0.6)


def test_what_is_before_training_is_in_no_mean(tmp_path):
    text = SUITE.replace("epochs: 3", "epochs: 3\nfinal: 9")
    results = written(tmp_path, lambda *_: Outcome((0.2, 0.4, 0.9)), suite=text)
    assert of(results, "test_accuracy").by_seed[0] == pytest.approx(0.5)


def test_epochs_to_target_is_the_first_evaluation_that_meets_it(tmp_path):
    runs = {0: (0.85, 0.91, 0.95), 1: (0.9, 0.2, 0.95), 2: (0.5, 0.6, 0.7)}
    results = written(tmp_path, lambda _, seed: Outcome(runs.get(seed, (0.95, 0.95, 0.95))))
    found = of(results, "epochs_to_target")
    assert found.by_seed == {0: 2, 1: 1, 2: 3, 3: 1, 4: 1}
    assert found.not_reached == {2}


def test_a_target_of_a_loss_is_met_from_above(tmp_path):
    text = SUITE.replace("{test_accuracy: 0.9}", "{test_loss: 0.1}")
    results = written(tmp_path, lambda *_: Outcome((0.5, 0.85, 0.95)), suite=text)
    assert of(results, "epochs_to_target").by_seed[0] == 3


def test_a_diverged_trial_has_the_worst_value_and_is_never_left_out(tmp_path):
    def outcome(_, seed):
        return Outcome((0.95, 0.96, 0.97), "diverged" if seed == 1 else "completed")

    results = written(tmp_path, outcome)
    assert of(results, "test_accuracy").by_seed[1] == -math.inf
    assert of(results, "test_loss").by_seed[1] == math.inf
    assert of(results, "train_time_s").by_seed[1] == math.inf
    reached = of(results, "epochs_to_target")
    assert reached.by_seed[1] == 1, "it met the target before, whatever became of it then"
    assert not reached.not_reached
    assert of(results, "epoch_time_s").by_seed[1] == pytest.approx(0.1)
    gap = of(results, "generalisation_gap")
    assert gap.undefined == {1}
    assert sorted(gap.by_seed) == [0, 2, 3, 4]


def test_a_failed_trial_has_no_value(tmp_path):
    def outcome(_, seed):
        return Outcome(status="failed", error="boom") if seed == 3 else Outcome()

    results = written(tmp_path, outcome)
    for name in ("test_accuracy", "epochs_to_target", "epoch_time_s", "generalisation_gap"):
        found = of(results, name)
        assert sorted(found.by_seed) == [0, 1, 2, 4]
        assert found.failed == {3}


def test_measures_of_probes_are_those_of_the_last_epoch(usual):
    assert of(usual, "sparsity//gzip_bytes").by_seed == dict.fromkeys(range(5), 1000.0)
    assert of(usual, "sparsity/dense_9/mean_abs").by_seed == {}
    assert measure(usual).probe_measures("rates", "sparsity") == (
        "sparsity//gzip_bytes",
        "sparsity/dense_1/mean_abs",
    )


def test_the_gap_is_training_minus_test(usual):
    assert of(usual, "generalisation_gap").by_seed == pytest.approx(dict.fromkeys(range(5), 0.01))


def test_without_a_target_there_is_no_time_to_it(tmp_path):
    text = SUITE.replace("target: {test_accuracy: 0.9}\n", "")
    results = written(tmp_path, lambda *_: Outcome(), suite=text)
    found = of(results, "epochs_to_target")
    assert not found.by_seed
    assert not found.not_reached


def test_a_metric_of_a_probe_is_named_for_readers(usual):
    metric = usual.suite.metric
    assert metric("sparsity/dense_1/mean_abs").label == "mean |w| of dense_1"
    assert metric("sharpness//top_eigenvalue").label == "top eigenvalue"
    assert metric("test_accuracy").higher_is_better

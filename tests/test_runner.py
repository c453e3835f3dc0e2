"""One trial from start to end."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from bench import datasets, engines
from bench.errors import DatasetError, SuiteError
from bench.plugins import Evaluation
from bench.runner import check, order, run_trial
from bench.suite import load_suite
from bench.trial import expand

N_TRAIN = 1442  # digits


@pytest.fixture
def trial(tiny):
    return expand(load_suite(tiny))[0].trial


def test_a_trial_records_every_epoch_from_before_training(trial):
    result = run_trial(trial)
    assert (result.status, result.error, result.trial_id) == ("completed", None, trial.id)
    assert [point.epoch for point in result.curve] == [0, 1, 2]
    per_epoch = math.ceil(N_TRAIN / 50)
    assert [point.updates for point in result.curve] == [0, per_epoch, 2 * per_epoch]
    times = [point.train_time_s for point in result.curve]
    assert times[0] == 0
    assert 0 < times[1] < times[2] < result.wall_time_s
    assert all(point.learning_rate == pytest.approx(0.1) for point in result.curve)
    assert result.curve[0].test_accuracy < 0.4 < result.curve[2].test_accuracy
    assert result.parameters == 64 * 16 + 16 + 16 * 10 + 10
    assert {probe for _, probe, _ in result.probes} == {"sparsity"}


def test_the_same_trial_gives_the_same_curve(trial):
    first, second = run_trial(trial), run_trial(trial)
    same = [replace(point, train_time_s=0.0) for point in first.curve]
    assert same == [replace(point, train_time_s=0.0) for point in second.curve]
    assert first.probes == second.probes


def test_nothing_but_advance_is_in_the_training_time(trial, monkeypatch):
    """A clock that only advance moves: the recorded time is exactly what advance took."""
    now = [0.0]

    class Slow:
        parameters, updates_per_epoch, notes = 1, 10, ()

        def start_epoch(self, order):
            now[0] += 100

        def advance(self, start, stop):
            now[0] += 0.25 * (stop - start)

        def evaluate(self):
            now[0] += 1000
            return Evaluation(1, 1, 1, 1, 1, 0.1)

        def predict(self):
            return np.zeros(355, np.int64)

        def weights(self):
            return [("dense_1/kernel", np.ones((2, 2), np.float32))]

    monkeypatch.setattr(engines, "prepare", lambda *_a, **_k: Slow())
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    result = run_trial(trial)
    assert [point.train_time_s for point in result.curve] == [0, 2.5, 5.0]
    assert result.evaluate_time_s == 3000


def test_a_loss_that_is_not_finite_ends_the_trial_as_diverged(trial):
    wild = replace(trial.training, optimizer={"SGD": {"learning_rate": 1e12}}, epochs=5)
    result = run_trial(replace(trial, training=wild))
    assert result.status == "diverged"
    assert result.diverged_epoch == 1
    assert [point.epoch for point in result.curve] == [0, 1]
    assert not math.isfinite(result.curve[-1].train_objective)


def test_an_error_is_a_failed_trial_with_its_traceback(trial, monkeypatch):
    def broken(*_args, **_options):
        raise RuntimeError("the disk of a user's own layer")

    monkeypatch.setattr(engines, "prepare", broken)
    result = run_trial(trial)
    assert result.status == "failed"
    assert "Traceback" in result.error
    assert "the disk of a user's own layer" in result.error
    assert result.curve == ()


def test_bad_input_in_a_trial_fails_without_a_traceback(trial):
    lost = replace(trial.training, dataset={"npz": "nowhere.npz"})
    result = run_trial(replace(trial, training=lost))
    assert result.status == "failed"
    assert "nowhere.npz" in result.error
    assert "Traceback" not in result.error


def test_check_refuses_before_training(trial):
    assert len(check(trial)) == 64
    wrong = replace(trial.training, optimizer={"SGD": {"learning_rat": 0.1}})
    with pytest.raises(SuiteError, match="learning_rat"):
        check(replace(trial, training=wrong))
    with pytest.raises(DatasetError):
        check(replace(trial, training=replace(trial.training, dataset="mnits")))


def test_the_order_depends_on_data_seed_and_epoch_only(tiny):
    digits = datasets.load("digits", folder=tiny.parent)
    first = order(digits, 0, 1)
    assert first.dtype == np.int32
    np.testing.assert_array_equal(np.sort(first), np.arange(N_TRAIN))
    np.testing.assert_array_equal(first, order(digits, 0, 1))
    assert (first != order(digits, 0, 2)).any()
    assert (first != order(digits, 1, 1)).any()


def test_variants_of_a_seed_start_alike(tiny):
    """The same initial weights, so that variants can be compared by seed."""
    suite = load_suite(tiny)
    starts = {
        (use.variant, use.trial.seed): run_trial(use.trial).curve[0]
        for use in expand(suite)
        if use.question == "rates"
    }
    for seed in suite.seed_list:
        assert starts["fast", seed].test_loss == starts["slow", seed].test_loss
    assert starts["fast", 0].test_loss != starts["fast", 1].test_loss

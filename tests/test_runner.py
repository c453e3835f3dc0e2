"""One trial from start to end."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import datasets, engines
from bench.errors import DatasetError, SuiteError
from bench.plugins import Engine, Evaluation
from bench.runner import check, order, run_trial, stops
from bench.suite import load_suite
from bench.trial import Training, Trial, expand
from bench.weights import unpack

N_TRAIN = 1442  # digits
BASE = Training(
    dataset="digits",
    validation=0,
    train_images=None,
    model="mlp",
    optimizer="SGD",
    loss={"SparseCategoricalCrossentropy": {"from_logits": True}},
    batch_size=50,
    engine="compiled",
    epochs=2,
)


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


def test_weights_are_kept_where_the_suite_says_so(trial):
    assert run_trial(trial).weights is None
    kept = run_trial(replace(trial, training=replace(trial.training, weights=True)))
    arrays = unpack(kept.weights)
    assert [a.shape for a in arrays.values()] == [(64, 16), (16,), (16, 10), (10,)]
    said = {m.measure: m.value for _, _, m in kept.probes if m.layer == "dense_1"}
    assert np.abs(arrays["dense_1/kernel"]).mean() == pytest.approx(said["mean_abs"], rel=1e-5)


def of_probes(result):
    """What the probes measured, without the time they took."""
    return [row for row in result.probes if row[2].measure != "cost_s"]


def test_the_same_trial_gives_the_same_curve(trial):
    first, second = run_trial(trial), run_trial(trial)
    same = [replace(point, train_time_s=0.0) for point in first.curve]
    assert same == [replace(point, train_time_s=0.0) for point in second.curve]
    assert of_probes(first) == of_probes(second)


def test_nothing_but_advance_is_in_the_training_time(trial, monkeypatch):
    """A clock that only advance moves: the recorded time is exactly what advance took."""
    now = [0.0]

    class Slow(Engine):
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


def test_divergence_between_epochs_counts_the_epoch_that_was_begun(trial):
    wild = replace(
        trial.training,
        optimizer={"SGD": {"learning_rate": 1e12}},
        epochs=5,
        evaluate={"per_epoch": 29},
    )
    result = run_trial(replace(trial, training=wild))
    assert result.status == "diverged"
    assert 0 < result.curve[-1].epoch < 1
    assert result.diverged_epoch == 1


@given(
    updates=st.integers(1, 200),
    epochs=st.integers(1, 30),
    per_epoch=st.none() | st.integers(1, 40),
    first=st.none() | st.integers(1, 30),
    every=st.none() | st.integers(1, 40),
)
def test_when_the_curve_is_measured(updates, epochs, per_epoch, first, every):
    """At equal shares of the first epochs; then every so many; never twice at an update; always last."""
    plan = {"per_epoch": per_epoch, "first": first, "every": every}
    plan = {k: v for k, v in plan.items() if v is not None}
    training = replace(BASE, epochs=epochs, evaluate=plan)
    for epoch in range(1, epochs + 1):
        found = stops(training, epoch, updates)
        assert found == sorted(set(found))
        assert all(0 < stop <= updates for stop in found)
        if per_epoch is not None and epoch <= (first or epochs):
            assert len(found) == min(per_epoch, updates)
            ideal = [updates * k / len(found) for k in range(1, len(found) + 1)]
            assert all(0 <= stop - exact < 1 for stop, exact in zip(found, ideal, strict=True))
        else:
            due = epoch % (every or 1) == 0 or epoch == epochs
            assert found == ([updates] if due else [])
    assert stops(training, epochs, updates)[-1] == updates


def test_evaluations_within_an_epoch(trial):
    often = replace(trial.training, evaluate={"per_epoch": 4, "first": 1})
    result = run_trial(replace(trial, training=often))
    plain = run_trial(trial)
    assert [point.updates for point in result.curve] == [0, 8, 15, 22, 29, 58]
    assert [point.epoch for point in result.curve] == [0, 8 / 29, 15 / 29, 22 / 29, 1, 2]
    times = [point.train_time_s for point in result.curve]
    assert times == sorted(times)
    assert times[-1] < result.wall_time_s - result.evaluate_time_s
    for ours, theirs in zip(result.curve[-2:], plain.curve[-2:], strict=True):
        assert replace(ours, train_time_s=0) == replace(theirs, train_time_s=0)


def test_evaluations_every_so_many_epochs(trial):
    seldom = replace(trial.training, epochs=5, evaluate={"every": 2})
    result = run_trial(replace(trial, training=seldom))
    assert [point.epoch for point in result.curve] == [0, 2, 4, 5]


REGRESSION = replace(
    BASE,
    dataset={"least_squares": {"condition": 10, "n": 60, "d": 4}},
    model={"layers": [{"Dense": {"units": 1, "use_bias": False}}]},
    optimizer={"SGD": {"learning_rate": 1.0}},
    loss="MeanSquaredError",
    batch_size="full",
    precision="float64",
    probes=("optimum", "sparsity"),
    epochs=60,
)


def test_real_valued_targets():
    """Their accuracy is not a number; there are no predictions to keep; the rest is as always."""
    trial = Trial(REGRESSION, 0)
    assert len(check(trial).checksum) == 64
    result = run_trial(trial)
    assert (result.status, result.error, result.predictions) == ("completed", None, None)
    assert all(math.isnan(point.train_accuracy) for point in result.curve)
    value = next(
        m.value for _, probe, m in result.probes if (probe, m.measure) == ("optimum", "value")
    )
    assert result.curve[-1].train_objective == pytest.approx(value, rel=1e-4)
    assert result.curve[-1].train_objective > value


def test_a_network_for_targets_has_one_output():
    wrong = replace(REGRESSION, model={"layers": [{"Dense": {"units": 2}}]})
    with pytest.raises(SuiteError, match="output does not fit"):
        check(Trial(wrong, 0))
    assert check(Trial(replace(REGRESSION, model="mlp", probes=()), 0))


def test_a_probe_refuses_before_training(trial):
    with pytest.raises(SuiteError, match="optimum") as caught:
        check(replace(trial, training=replace(trial.training, probes=("optimum",))))
    assert (caught.value.where, caught.value.found) == ("model", "dense_1, dense_2")


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
    assert len(check(trial).checksum) == 64
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

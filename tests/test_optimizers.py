"""Optimizers that Keras lacks, against their formulas."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import datasets, engines, keras_objects
from bench.errors import SuiteError
from bench.runner import order
from bench.trial import Training

TRAINING = Training(
    dataset={"least_squares": {"condition": 1000, "n": 40, "d": 5}},
    validation=0,
    train_images=None,
    model={"layers": [{"Dense": {"units": 1, "use_bias": False}}]},
    optimizer={"Nesterov": {"learning_rate": 1.0}},
    loss="MeanSquaredError",
    batch_size="full",
    engine="compiled",
    epochs=50,
    precision="float64",
)


@pytest.fixture(scope="module")
def data():
    return datasets.load(TRAINING.dataset, folder=Path())


@settings(max_examples=10)
@given(seed=st.integers(0, 1000), steps=st.integers(1, 60))
def test_nesterov_by_hand(data, seed, steps):
    """x_k = y_{k-1} - s grad(y_{k-1}), y_k = x_k + (k - 1) / (k + 2) (x_k - x_{k-1}); and the bound of 1983."""
    made = engines.prepare(TRAINING, data, seed)
    start = x = y = made.weights()[0][1][:, 0].copy()
    for k in range(1, steps + 1):
        made.start_epoch(order(data, seed, k))
        made.advance(0, 1)
        before, x = x, y - 2 / 40 * data.x_train.T @ (data.x_train @ y - data.y_train)
        y = x + (k - 1) / (k + 2) * (x - before)
    np.testing.assert_allclose(made.weights()[0][1][:, 0], y, atol=1e-10, rtol=0)
    minimiser = np.linalg.lstsq(data.x_train, data.y_train)[0]
    excess = np.mean((data.x_train @ x - data.y_train) ** 2) - 1
    assert excess <= 2 * np.sum((start - minimiser) ** 2) / (steps + 1) ** 2 + 1e-12


def test_arguments_are_those_of_any_optimizer():
    made = keras_objects.build("optimizer", {"Nesterov": {"learning_rate": 0.5, "clipnorm": 1.0}})
    again = type(made).from_config(made.get_config())
    assert (float(again.learning_rate), again.clipnorm) == (0.5, 1.0)


DIGITS = Training(
    dataset="digits",
    validation=0,
    train_images=None,
    model={"mlp": {"hidden": [16]}},
    optimizer={"ProximalL1": {"optimizer": {"SGD": {"learning_rate": 0.1}}, "l1": 0.001}},
    loss={"SparseCategoricalCrossentropy": {"from_logits": True}},
    batch_size=50,
    engine="compiled",
    epochs=4,
)


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits", folder=Path())


def trained(data, training, epochs=4, seed=0):
    made = engines.prepare(training, data, seed)
    for epoch in range(1, epochs + 1):
        made.start_epoch(order(data, seed, epoch))
        made.advance(0, made.updates_per_epoch)
    return made


def zeros(made, layer=0):
    kernels = [w for _, w in made.weights() if w.ndim == 2]
    return float((kernels[layer] == 0).mean())


def test_a_proximal_step_makes_exact_zeros_and_a_subgradient_none(digits):
    strong = {"ProximalL1": {"optimizer": {"SGD": {"learning_rate": 0.1}}, "l1": 0.01}}
    proximal = trained(digits, replace(DIGITS, optimizer=strong))
    subgradient = trained(
        digits,
        replace(
            DIGITS,
            model={"mlp": {"hidden": [16], "l1": 0.01}},
            optimizer={"SGD": {"learning_rate": 0.1}},
        ),
    )
    assert zeros(proximal) > 0.2
    assert zeros(proximal, layer=1) == 0  # the output layer is left alone, as by the regularizer
    assert zeros(subgradient) == 0
    ends = [made.evaluate() for made in (proximal, subgradient)]
    # Two ways to minimise the same function: they end near each other.
    assert ends[0].train_objective == pytest.approx(ends[1].train_objective, rel=0.02)
    zero = next(w for _, w in proximal.weights() if w.ndim == 2)
    assert not np.signbit(zero[zero == 0]).any()


@settings(max_examples=5)
@given(l1=st.floats(1e-5, 0.1), rate=st.floats(0.01, 0.5))
def test_a_proximal_step_by_hand(digits, l1, rate):
    """One step of SGD without a penalty, then sign(w) max(|w| - rate l1, 0)."""
    plain = {"SGD": {"learning_rate": rate}}
    proximal = {"ProximalL1": {"optimizer": {"SGD": {"learning_rate": rate}}, "l1": l1}}
    after = []
    for optimizer in (plain, proximal):
        made = engines.prepare(replace(DIGITS, optimizer=optimizer, engine="fit"), digits, 0)
        made.start_epoch(order(digits, 0, 1))
        made.advance(0, 1)
        after.append(dict(made.weights()))
    for path, w in after[0].items():
        expected = w
        if path == "dense_1/kernel":
            expected = np.sign(w) * np.maximum(np.abs(w) - np.float32(l1) * np.float32(rate), 0)
        np.testing.assert_allclose(after[1][path], expected, atol=1e-6)


def test_the_objective_has_the_penalty(digits):
    made = trained(digits, DIGITS, epochs=1)
    said = made.evaluate()
    hidden = next(w for path, w in made.weights() if path == "dense_1/kernel")
    penalty = 0.001 * np.abs(hidden).sum(dtype=np.float64)
    assert said.train_objective - said.train_loss == pytest.approx(penalty, rel=1e-5)


def test_the_threshold_follows_a_schedule(digits):
    """A rate that falls to 0 after the first epoch stops everything, the threshold too."""
    schedule = {"PiecewiseConstantDecay": {"boundaries": [{"epochs": 1}], "values": [0.1, 0.0]}}
    optimizer = {"ProximalL1": {"optimizer": {"SGD": {"learning_rate": schedule}}, "l1": 0.01}}
    training = replace(DIGITS, optimizer=optimizer)
    # The boundary belongs to the first rate: one more step is made with it.
    one, three = (dict(trained(digits, training, epochs=n).weights()) for n in (2, 3))
    assert zeros(trained(digits, training, epochs=2)) > 0
    for path, weights in one.items():
        np.testing.assert_array_equal(weights, three[path])


def test_engines_agree_on_proximal_steps(digits):
    compiled, fit = (
        dict(trained(digits, replace(DIGITS, engine=engine), epochs=1).weights())
        for engine in ("compiled", "fit")
    )
    for path, weights in compiled.items():
        np.testing.assert_allclose(weights, fit[path], atol=1e-4)


def test_a_program_forgets_the_seed_before(digits):
    first = dict(trained(digits, DIGITS, epochs=1, seed=1).weights())
    trained(digits, DIGITS, epochs=2, seed=2)
    for path, weights in trained(digits, DIGITS, epochs=1, seed=1).weights():
        np.testing.assert_array_equal(weights, first[path])


@pytest.mark.parametrize(
    ("optimizer", "model", "match"),
    [
        ({"optimizer": "SGD", "l1": -1}, DIGITS.model, "refuses its arguments"),
        ({"optimizer": {"SGD": {"use_ema": True}}}, DIGITS.model, "are not supported"),
        # With what it makes of no step, the threshold would be applied too often.
        (
            {"optimizer": {"SGD": {"gradient_accumulation_steps": 2}}},
            DIGITS.model,
            "refuses its arguments",
        ),
        (
            {"optimizer": {"LossScaleOptimizer": {"inner_optimizer": {"SGD": {}}}}},
            DIGITS.model,
            "refuses its arguments",
        ),
        ({"optimizer": {"SDG": {}}}, DIGITS.model, "no optimizer 'SDG'"),
        ({"optimizer": "SGD", "strength": 1}, DIGITS.model, "takes no argument 'strength'"),
        ({"optimizer": "SGD"}, {"mlp": {"hidden": []}}, "no hidden layer"),
    ],
)
def test_bad_proximal_steps_are_refused(digits, optimizer, model, match):
    training = replace(DIGITS, optimizer={"ProximalL1": optimizer}, model=model)
    with pytest.raises(SuiteError, match=match):
        engines.check(training, digits)


def test_a_proximal_optimizer_can_be_made_again():
    made = keras_objects.build("optimizer", DIGITS.optimizer)
    again = type(made).from_config(made.get_config())
    assert (again.l1, float(again.learning_rate)) == (0.001, pytest.approx(0.1))

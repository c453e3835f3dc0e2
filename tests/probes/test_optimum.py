"""The minimum and the curvature of convex problems, against other ways of computing them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
import scipy.special

from bench import datasets, engines
from bench.errors import SuiteError
from bench.plugins import Trained
from bench.probes import optimum
from bench.suite import load_suite
from bench.trial import Training, expand

SOFTMAX = {"SparseCategoricalCrossentropy": {"from_logits": True}}


def layers(units, l2=None, **options):
    if l2 is not None:
        options["kernel_regularizer"] = {"L2": {"l2": l2}}
    return {"layers": ["Flatten", {"Dense": {"units": units, "use_bias": False, **options}}]}


BASE = Training(
    dataset="digits",
    validation=0,
    train_images=None,
    model=layers(10, 0.125),
    optimizer={"SGD": {"learning_rate": 0.1}},
    loss=SOFTMAX,
    batch_size="full",
    engine="compiled",
    epochs=1,
    probes=("optimum",),
    precision="float64",
)
SQUARES = replace(
    BASE,
    dataset={"least_squares": {"condition": 30, "n": 60, "d": 4, "noise": 0.5}},
    model=layers(1),
    loss="MeanSquaredError",
)


def load(training, **options):
    return datasets.load(training.dataset, folder=Path(), **options)


def solved(training, data=None):
    data = load(training) if data is None else data
    trained = Trained(None, data, training)
    return {m.measure: m.value for m in optimum.measure(trained) if m.layer == ""}


def test_least_squares_has_the_constants_it_was_made_with():
    found = solved(SQUARES)
    assert found["value"] == pytest.approx(0.25, rel=1e-12)
    assert found["smoothness"] == pytest.approx(1, rel=1e-12)
    assert found["strong_convexity"] == pytest.approx(1 / 30, rel=1e-12)
    assert found["gradient_norm"] < 1e-14


def test_least_squares_without_full_rank():
    problem = {"least_squares": {"spectrum": "power", "n": 60, "d": 9, "rank": 5}}
    found = solved(replace(SQUARES, dataset=problem))
    assert found["value"] == pytest.approx(1, rel=1e-12)
    assert found["strong_convexity"] == 0


def test_least_squares_with_a_bias_and_a_penalty():
    """Against scipy's minimiser of the objective; the bias is not penalised."""
    settings = replace(SQUARES, model=layers(1, 0.125, use_bias=True))
    data = load(settings)

    def objective(v):
        error = data.x_train @ v[:-1] + v[-1] - data.y_train
        return np.mean(error**2) + 0.125 * np.sum(v[:-1] ** 2)

    reference = scipy.optimize.minimize(objective, np.zeros(5), method="BFGS", tol=1e-10)
    found = solved(settings)
    assert found["value"] == pytest.approx(reference.fun, rel=1e-10)
    assert found["value"] <= reference.fun + 1e-12


@pytest.mark.parametrize("bias", [False, True])
def test_softmax_regression_against_scipy(bias):
    settings = replace(BASE, model=layers(10, 0.125, use_bias=bias))
    data = load(settings)
    x = data.x_train.reshape(len(data.x_train), -1) / 16
    if bias:
        x = np.column_stack([x, np.ones(len(x))])
    y = np.eye(10)[data.y_train]
    mask = np.ones((x.shape[1], 1))
    if bias:
        mask[-1] = 0

    def objective(flat):
        w = flat.reshape(-1, 10)
        logits = x @ w
        norms = scipy.special.logsumexp(logits, axis=1)
        value = np.mean(norms - np.sum(y * logits, axis=1)) + 0.125 * np.sum(mask * w**2)
        slope = x.T @ (np.exp(logits - norms[:, None]) - y) / len(x) + 0.25 * mask * w
        return value, slope.ravel()

    reference = scipy.optimize.minimize(
        objective,
        np.zeros(x.shape[1] * 10),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 10_000, "ftol": 0, "gtol": 1e-10},
    )
    found = solved(settings)
    assert found["value"] == pytest.approx(reference.fun, rel=1e-12)
    assert found["gradient_norm"] <= 1e-12 * np.linalg.norm(objective(np.zeros(x.shape[1] * 10))[1])
    assert found["smoothness"] == pytest.approx(np.linalg.norm(x, 2) ** 2 / len(x) / 2 + 0.25)
    assert found["strong_convexity"] == (0 if bias else 0.25)


def test_it_is_the_minimum_of_what_engines_evaluate():
    """With l2 = 0.01, which Keras rounds to float32: gradient descent ends at f*, never below."""
    settings = replace(BASE, model=layers(10, 0.01), optimizer={"SGD": {"learning_rate": 0.3}})
    settings = replace(settings, engine="svrg", batch_size=14)
    data = load(settings)
    engine = engines.prepare(settings, data, 0)
    rng = np.random.default_rng(0)
    for _ in range(60):
        engine.start_epoch(rng.permutation(len(data.y_train)).astype(np.int32))
        engine.advance(0, engine.updates_per_epoch)
    value = solved(settings, data)["value"]
    assert engine.evaluate().train_objective == pytest.approx(value, rel=1e-12)


def test_a_problem_is_solved_once(monkeypatch):
    monkeypatch.setattr(optimum, "_KNOWN", {})
    real, calls = optimum._solved, []
    monkeypatch.setattr(optimum, "_solved", lambda *a: (calls.append(1), real(*a))[1])
    other = replace(SQUARES, optimizer="Adam", batch_size=5, epochs=9)
    assert solved(SQUARES) == solved(other)
    assert len(calls) == 1
    part = load(SQUARES, train_images=40)
    assert solved(SQUARES, part) != solved(SQUARES)
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"model": "mlp"}, "model"),
        ({"model": layers(10, activation="softmax")}, "model"),
        ({"model": layers(10, kernel_regularizer={"L1": {"l1": 0.1}})}, "model"),
        ({"model": layers(10, kernel_regularizer={"L1L2": {"l1": 0.1, "l2": 0.1}})}, "model"),
        ({"model": layers(10, kernel_constraint={"NonNeg": {}})}, "model"),
        ({"loss": "SparseCategoricalCrossentropy"}, "loss"),
        (
            {"loss": {"CategoricalCrossentropy": {"from_logits": True, "label_smoothing": 0.1}}},
            "loss",
        ),
        ({"loss": "MeanAbsoluteError"}, "loss"),
    ],
)
def test_problems_whose_minimum_it_does_not_know(change, where):
    with pytest.raises(SuiteError, match="does not know the minimum") as caught:
        optimum.check(replace(BASE, **change), load(BASE), {})
    assert caught.value.where == where
    assert caught.value.expected
    assert caught.value.found


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"mlp": {"hidden": []}}},
        {"model": layers(10, kernel_regularizer={"L1L2": {"l2": 0.1}})},
        {"loss": {"CategoricalCrossentropy": {"from_logits": True}}},
        {"loss": "MeanSquaredError"},
    ],
)
def test_ways_of_writing_a_linear_model(change):
    optimum.check(replace(BASE, **change), load(BASE), {})


# --- the shipped suite --------------------------------------------------------------------------


def rates(question):
    suite = load_suite("convex_rates")
    found = {}
    for variant, settings in suite.variants(question).items():
        ((_, arguments),) = settings.optimizer.items()
        found[variant] = arguments
    training = next(u.trial.training for u in expand(suite) if u.question == question)
    return training, found


@pytest.mark.parametrize("question", list(load_suite("convex_rates").questions))
def test_the_steps_of_the_suite_are_those_of_the_theory(question):
    """The numbers written there, against the constants of its problems: within 1 %."""
    training, steps = rates(question)
    found = solved(training)
    largest, smallest = found["smoothness"], found["strong_convexity"]
    expected = {
        "gd": {"learning_rate": 1 / largest},
        "gd-best-step": {"learning_rate": 2 / (largest + smallest)},
        "nesterov": {"learning_rate": 1 / largest},
        "heavy-ball": {
            "learning_rate": 4 / (largest**0.5 + smallest**0.5) ** 2,
            "momentum": ((largest**0.5 - smallest**0.5) / (largest**0.5 + smallest**0.5)) ** 2,
        },
    }
    for variant in expected.keys() & steps.keys():
        assert steps[variant] == pytest.approx(expected[variant], rel=0.01), variant
    if "sgd-diminishing" in steps:
        ((_, schedule),) = steps["sgd-diminishing"]["learning_rate"].items()
        first = schedule["initial_learning_rate"]
        assert schedule["decay_rate"] == pytest.approx(first * smallest / 2, rel=0.01)

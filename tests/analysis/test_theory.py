"""What theory predicts, against the methods themselves on a quadratic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.theory import Constants, agreement, is_deterministic, predict
from bench.suite import Settings

STRONG = Constants(optimum=0.5, smoothness=1.0, strong_convexity=0.05)
FLAT = Constants(optimum=0.5, smoothness=1.0, strong_convexity=0.0)


def variant(optimizer, *, batch_size="full", engine="compiled", loss="MeanSquaredError"):
    return Settings(optimizer=optimizer, batch_size=batch_size, engine=engine, loss=loss)


def sgd(learning_rate, **more):
    return {"SGD": {"learning_rate": learning_rate, **more}}


def excess(step, momentum, *, nesterov, updates=600):
    """f - f* of f = sum(curvature w^2) / 2, by Keras's own recursion for SGD with momentum."""
    curvature = np.array([STRONG.strong_convexity, 0.3, STRONG.smoothness])
    w, v, values = np.ones(3), np.zeros(3), []
    for _ in range(updates):
        g = curvature * w
        v = momentum * v - step * g
        w = w + (momentum * v - step * g if nesterov else v)
        values.append(float(curvature @ w**2) / 2)
    return np.array(values)


@pytest.mark.parametrize("step", [1.0, 2 / 1.05, 0.5])
def test_gradient_descent_falls_as_predicted(step):
    found = excess(step, 0.0, nesterov=False, updates=200)
    predicted = predict(variant(sgd(step)), STRONG)
    assert predicted.family == "geometric"
    assert found[-1] / found[-2] == pytest.approx(predicted.factor, rel=1e-6)


def test_gradient_descent_at_two_over_l_plus_mu_meets_the_textbook():
    kappa = STRONG.smoothness / STRONG.strong_convexity
    predicted = predict(variant(sgd(2 / (STRONG.smoothness + STRONG.strong_convexity))), STRONG)
    assert predicted.factor == pytest.approx(((kappa - 1) / (kappa + 1)) ** 2)
    assert predict(variant(sgd(1.0)), STRONG).factor == pytest.approx((1 - 1 / kappa) ** 2)


@pytest.mark.parametrize("nesterov", [False, True])
@settings(max_examples=25)
@given(step=st.floats(0.2, 1.0), momentum=st.floats(0.1, 0.8))
def test_momentum_falls_as_predicted(nesterov, step, momentum):
    predicted = predict(variant(sgd(step, momentum=momentum, nesterov=nesterov)), STRONG)
    found = np.log(excess(step, momentum, nesterov=nesterov))
    usable = np.flatnonzero(found > -500)[-1]
    half = usable // 2
    slope = (found[usable] - found[half]) / (usable - half)  # complex roots oscillate about it
    assert slope == pytest.approx(math.log(predicted.factor), rel=0.1)


def test_beyond_quadratics_the_factor_is_a_bound():
    softmax = "SparseCategoricalCrossentropy"
    assert predict(variant(sgd(1.0)), STRONG).exact
    bound = predict(variant(sgd(1.0), loss=softmax), STRONG)
    assert not bound.exact
    assert "or less" in bound.words
    assert predict(variant(sgd(1.0, momentum=0.5), loss=softmax), STRONG) is None


def test_the_best_momentum_has_a_double_root():
    ends = STRONG.smoothness**0.5, STRONG.strong_convexity**0.5
    best = sgd(4 / sum(ends) ** 2, momentum=((ends[0] - ends[1]) / sum(ends)) ** 2)
    predicted = predict(variant(best), STRONG)
    assert predicted.words.endswith("times k²")
    found = excess(4 / sum(ends) ** 2, best["SGD"]["momentum"], nesterov=False, updates=400)
    k = np.arange(1, 401)
    ratio = (found / (k**2 * predicted.factor**k))[100:]
    assert ratio.max() / ratio.min() < 1.2


def test_a_step_beyond_two_over_l_has_no_rate():
    assert predict(variant(sgd(2.1)), STRONG) is None


@pytest.mark.parametrize(
    ("chosen", "constants", "family", "exponent"),
    [
        (variant(sgd(1.0)), FLAT, "power", 1.0),
        (variant({"Nesterov": {"learning_rate": 1.0}}), FLAT, "power", 2.0),
        (variant({"Adagrad": {"learning_rate": 1.0}}), STRONG, "power", 0.5),
        (variant(sgd(0.1), batch_size=10, engine="svrg"), STRONG, "geometric", None),
        (variant(sgd(0.1), batch_size=10, engine="sag"), FLAT, "power", 1.0),
        (variant(sgd(0.1), batch_size=10), STRONG, "geometric", None),
        (
            variant(sgd({"InverseTimeDecay": {"decay_rate": 1.0}}), batch_size=10),
            STRONG,
            "power",
            1.0,
        ),
        (
            variant(sgd({"InverseTimeDecay": {"decay_rate": 1.0}}), batch_size=10),
            FLAT,
            "power",
            0.5,
        ),
    ],
)
def test_families(chosen, constants, family, exponent):
    predicted = predict(chosen, constants)
    assert (predicted.family, predicted.exponent) == (family, exponent)
    assert predicted.source


def test_a_constant_step_ends_in_noise():
    drawn = variant(sgd(0.1), batch_size=10, engine={"compiled": {"replacement": True}})
    assert predict(drawn, STRONG).words.endswith("proportional to the step")
    shuffled = predict(variant(sgd(0.1), batch_size=10), STRONG)
    assert shuffled.floor
    assert "squared step" in shuffled.words
    assert not predict(variant(sgd(0.1)), STRONG).floor


@pytest.mark.parametrize(
    "chosen",
    [
        variant("Adam"),
        variant(sgd(0.1, momentum=0.9), batch_size=10),
        variant("Adam", batch_size=10, engine="svrg"),
        variant(sgd({"CosineDecay": {"decay_steps": 10}}), batch_size=10),
        variant(sgd({"CosineDecay": {"decay_steps": 10}})),
    ],
)
def test_where_theory_is_silent_so_are_we(chosen):
    assert predict(chosen, STRONG) is None


def test_of_a_networks_loss_nothing_is_predicted():
    assert predict(variant(sgd(0.1)), None) is None


def test_what_approaches_the_optimum_itself():
    assert is_deterministic(variant(sgd(0.1)))
    assert is_deterministic(variant(sgd(0.1), batch_size=10, engine="svrg"))
    assert not is_deterministic(variant(sgd(0.1), batch_size=10))


def test_agreement_compares_speeds():
    predicted = predict(variant(sgd(1.0)), STRONG)
    assert agreement(predicted, predicted.factor) == pytest.approx(1)
    assert agreement(predicted, predicted.factor**2) == pytest.approx(2)
    assert math.isnan(agreement(predict(variant("Adagrad"), STRONG), 0.9))

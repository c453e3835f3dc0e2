"""The landscape on a quadratic whose numbers are known, and on real networks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import datasets, engines
from bench.errors import SuiteError
from bench.plugins import Trained
from bench.probes import check, curvature, gradient_norm, landscape
from bench.runner import order
from bench.trial import Training

KNOWN = json.loads((Path(__file__).parent / "oracles" / "landscape_quadratic.json").read_text())
H, X = np.array(KNOWN["H"]), np.array(KNOWN["x"])
ETAS = np.array(KNOWN["etas"])


def quadratic(point):
    return 0.5 * point @ H @ point, H @ point


# --- along the gradient -----------------------------------------------------------------------


def test_the_known_quadratic():
    np.testing.assert_allclose(quadratic(X)[1], KNOWN["gradient"], rtol=1e-12)
    grid = np.linspace(landscape.NEAREST, landscape.FARTHEST, landscape.POINTS)
    np.testing.assert_allclose(KNOWN["learning_rate"] * grid, ETAS, rtol=1e-12)
    # Far from 0, so that no step is cut; a quadratic looks the same from everywhere along its gradient.
    far = [*X, 1e3]
    flat = landscape.along(
        lambda p: (quadratic(p[:6])[0], np.append(quadratic(p[:6])[1], 0.0)),
        np.array(far),
        (quadratic(X)[0], np.append(KNOWN["gradient"], 0.0)),
        ETAS,
    )
    changes = KNOWN["gradient_change_norms"]
    norm = np.linalg.norm(KNOWN["gradient"])
    losses = KNOWN["losses_along_minus_gradient"]
    assert flat == {
        "loss_variation": pytest.approx(KNOWN["loss_variation_range"], rel=1e-12),
        "gradient_predictiveness": pytest.approx(changes[-1] - changes[0], rel=1e-12),
        "effective_beta": pytest.approx(KNOWN["effective_beta"], rel=1e-12),
        "relative_loss_variation": pytest.approx(
            KNOWN["loss_variation_range"] / quadratic(X)[0], rel=1e-12
        ),
        "relative_gradient_predictiveness": pytest.approx(
            (changes[-1] - changes[0]) / norm, rel=1e-12
        ),
        "loss_low": pytest.approx(min(losses), rel=1e-12),
        "loss_high": pytest.approx(max(losses), rel=1e-12),
        "change_low": pytest.approx(changes[0], rel=1e-12),
        "change_high": pytest.approx(changes[-1], rel=1e-12),
        "cut": 0,
    }


@given(st.floats(0.01, 100), st.floats(0.01, 100))
def test_scaling_the_objective(scale, rate):
    """Raw measures grow with it; those without scale stay, where the step makes up for it."""

    def scaled(point):
        value, gradient = quadratic(point)
        return scale * value, scale * gradient

    base = landscape.along(quadratic, 1e6 * X, quadratic(1e6 * X), rate * ETAS)
    other = landscape.along(scaled, 1e6 * X, scaled(1e6 * X), rate * ETAS / scale)
    for name in ("relative_loss_variation", "relative_gradient_predictiveness", "cut"):
        assert other[name] == pytest.approx(base[name], rel=1e-9)
    for name in ("loss_variation", "gradient_predictiveness", "effective_beta"):
        assert other[name] == pytest.approx(scale * base[name], rel=1e-9)


def test_a_step_is_never_longer_than_the_weights():
    found = landscape.along(quadratic, X, quadratic(X), np.array([1e-3, 1e9, 1e10]))
    norm = np.linalg.norm(KNOWN["gradient"])
    farthest = np.linalg.norm(X) / norm
    assert found["cut"] == pytest.approx(2 / 3)
    assert found["change_high"] == pytest.approx(
        farthest * np.linalg.norm(H @ np.array(KNOWN["gradient"])), rel=1e-12
    )


def test_there_is_no_way_along_no_gradient():
    assert landscape.along(quadratic, 0 * X, quadratic(0 * X), ETAS) == {}
    assert landscape.along(quadratic, np.nan * X, quadratic(np.nan * X), ETAS) == {}


# --- Lanczos ----------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [2, 3, 6])
def test_ritz_values_of_the_known_matrix(steps):
    values, vector = curvature.lanczos(lambda v: H @ v, np.array(KNOWN["v0"]), steps)
    np.testing.assert_allclose(values, KNOWN["lanczos_ritz"][str(steps)], rtol=1e-9)
    assert np.linalg.norm(vector) == pytest.approx(1)
    assert vector @ H @ vector == pytest.approx(values[-1])


def test_more_steps_than_dimensions():
    values, vector = curvature.lanczos(lambda v: H @ v, np.array(KNOWN["v0"]), 30)
    np.testing.assert_allclose(values, sorted(KNOWN["eigenvalues"]), rtol=1e-9)
    np.testing.assert_allclose(H @ vector, 10 * vector, atol=1e-9)


def test_the_largest_is_found_where_the_most_negative_is_larger():
    """Power iteration would say -7."""
    matrix = np.diag([-7.0, 1.0, 2.0, 3.0])
    values, _ = curvature.lanczos(lambda v: matrix @ v, np.ones(4), 30)
    np.testing.assert_allclose(values, [-7, 1, 2, 3], atol=1e-9)


def test_many_steps_stay_orthogonal():
    """Without reorthogonalisation, copies of the largest eigenvalues appear."""
    spectrum = np.append(np.linspace(0, 1, 400), [50.0, 100.0])
    values, _ = curvature.lanczos(lambda v: spectrum * v, np.ones(402), 120)
    assert (values > 2).sum() == 2
    assert values[-1] == pytest.approx(100, rel=1e-12)


# --- real networks ----------------------------------------------------------------------------

LAYERS = ["Flatten", {"Dense": {"units": 5, "activation": "tanh"}}, {"Dense": {"units": 10}}]
TINY = Training(
    dataset="digits",
    validation=0,
    train_images=300,
    model={"layers": LAYERS},
    optimizer={"SGD": {"learning_rate": 0.5}},
    loss={"SparseCategoricalCrossentropy": {"from_logits": True}},
    batch_size=50,
    engine="compiled",
    epochs=1,
    precision="float64",
)
NORMS = ["BatchNormalization", "LayerNormalization", "UnitNormalization"]


def behind_the_first(layer):
    return replace(TINY, model={"layers": [*LAYERS[:2], layer, LAYERS[2]]})


NORMALISED = behind_the_first("BatchNormalization")


def engine_of(training, updates=6):
    data = datasets.load("digits", folder=Path(), train_images=300)
    engine = engines.prepare(training, data, 0)
    engine.start_epoch(order(data, 0, 1))
    engine.advance(0, updates)
    return engine, data


def measures(probe, training, **arguments):
    engine, data = engine_of(training)
    found = probe.measure(Trained(engine, data, training, 0, 6, arguments))
    return {(m.layer, m.measure): m.value for m in found}


def dense_hessian(flat, images, labels):
    """By central differences of the gradient, in float64: nothing of what is tested."""
    point, step = flat.point(), 1e-5
    columns = []
    for unit in np.eye(point.size):
        ahead, _ = flat.gradient(point + step * unit, images, labels)[1], None
        behind = flat.gradient(point - step * unit, images, labels)[1]
        columns.append((ahead - behind) / (2 * step))
    return np.stack(columns)


@pytest.mark.parametrize("training", [TINY, *map(behind_the_first, NORMS)], ids=["none", *NORMS])
def test_lambda_max_is_that_of_the_dense_hessian(training):
    engine, data = engine_of(training)
    hessian = dense_hessian(engine.network.flat, data.x_train, data.y_train)
    assert np.abs(hessian - hessian.T).max() < 1e-6
    largest = np.linalg.eigvalsh((hessian + hessian.T) / 2)[-1]
    found = measures(curvature, training, images=300, steps=60)
    assert found["", "lambda_max"] == pytest.approx(largest, rel=1e-5)
    assert found["", "residual"] < 1e-4 * largest
    rough = measures(curvature, training, images=300, steps=3)
    assert rough["", "lambda_max"] < largest
    assert rough["", "residual"] > found["", "residual"]


def test_the_gradient_is_that_of_the_objective():
    engine, data = engine_of(TINY)
    flat, images, labels = engine.network.flat, data.x_train, data.y_train
    value, gradient = flat.gradient(flat.point(), images, labels)
    assert value == pytest.approx(engine.evaluate().train_objective, rel=1e-12)
    unit = np.eye(flat.point().size)[7]
    ahead, _ = flat.gradient(flat.point() + 1e-6 * unit, images, labels)
    behind, _ = flat.gradient(flat.point() - 1e-6 * unit, images, labels)
    assert gradient[7] == pytest.approx((ahead - behind) / 2e-6, rel=1e-6)
    norms = measures(gradient_norm, TINY)
    assert norms["", "norm"] == pytest.approx(np.linalg.norm(gradient), rel=1e-12)
    layers = {layer: norm for (layer, _), norm in norms.items()}
    assert layers.keys() == {"", "dense_1", "dense_2"}
    assert layers[""] == pytest.approx(np.hypot(layers["dense_1"], layers["dense_2"]), rel=1e-12)


def test_batch_normalisation_is_in_training_mode():
    """The statistics are those of the images given, not those that were collected."""
    engine, data = engine_of(NORMALISED)
    flat = engine.network.flat
    before = [v.numpy() for v in engine.network.model.non_trainable_variables]
    value, _ = flat.gradient(flat.point(), data.x_train, data.y_train)
    model = engine.network.model
    outputs = model(data.x_train * data.scale, training=True)
    by_hand = float(engine.network.loss(data.y_train, outputs))
    assert value == pytest.approx(by_hand, rel=1e-12)
    assert abs(value - engine.evaluate().train_objective) > 1e-3
    engine, data = engine_of(NORMALISED)
    flat = engine.network.flat
    flat.gradient(flat.point(), data.x_train, data.y_train)
    for kept, now in zip(before, engine.network.model.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(kept, now.numpy())


def test_dropout_draws_the_same_along_the_line():
    """Or the loss would jump from point to point."""
    engine, data = engine_of(behind_the_first({"Dropout": {"rate": 0.5}}))
    flat = engine.network.flat
    values = {flat.gradient(flat.point(), data.x_train, data.y_train)[0] for _ in range(3)}
    assert len(values) == 1
    step = 1e-7 * np.ones(flat.point().size)
    near, _ = flat.gradient(flat.point() + step, data.x_train, data.y_train)
    assert near == pytest.approx(values.pop(), rel=1e-5)


def test_the_rates_and_the_mini_batch():
    """At the optimizer's own rate and at the common one; a variant of the same seed sees the same images."""
    found = measures(landscape, TINY, rate=0.05)
    assert found["", "rate"] == 0.5
    same = measures(landscape, TINY, rate=0.5)
    for name in ("loss_variation", "effective_beta", "change_high"):
        assert same["", name] == same["", f"{name}_common"]
        assert found["", name] == same["", name]
        assert found["", f"{name}_common"] != found["", name]
    assert found["", "change_high_common"] < found["", "change_high"]
    assert found["", "loss_low"] <= found["", "loss_high"] < np.inf
    engine, data = engine_of(TINY)
    one = landscape.measure(Trained(engine, data, TINY, 1, 6, {}))
    assert next(m.value for m in one if m.measure == "loss") != found["", "loss"]


def test_a_schedule_has_its_present_rate():
    decay = {"InverseTimeDecay": {"initial_learning_rate": 0.5, "decay_rate": 1, "decay_steps": 6}}
    found = measures(landscape, replace(TINY, optimizer={"SGD": {"learning_rate": decay}}))
    assert found["", "rate"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("probe", "arguments"),
    [
        ("landscape", {"rate": 0}),
        ("landscape", {"rate": "fast"}),
        ("landscape", {"points": 1}),
        ("curvature", {"steps": 0}),
        ("curvature", {"images": 1.5}),
        ("gradient_norm", {"images": True}),
    ],
)
def test_arguments_that_make_no_sense(probe, arguments):
    with pytest.raises(SuiteError, match="not a valid value") as caught:
        check(replace(TINY, probes=({probe: arguments},)), None)
    assert caught.value.where == f"probes.0.{probe}.{next(iter(arguments))}"

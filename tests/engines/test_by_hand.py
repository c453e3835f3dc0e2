"""Each way of training, written again in a few lines of NumPy: least squares in float64, two epochs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench import datasets, engines
from bench.engines._network import Job
from bench.engines.compiled import drawn
from bench.engines.sag import mini_batches
from bench.runner import order
from bench.trial import Training

STEP = 0.3
SETTINGS = {
    "dataset": {"least_squares": {"condition": 10, "n": 40, "d": 5}},
    "validation": 0,
    "train_images": None,
    "model": {"layers": [{"Dense": {"units": 1, "use_bias": False}}]},
    "optimizer": {"SGD": {"learning_rate": STEP}},
    "loss": "MeanSquaredError",
    "batch_size": 8,
    "engine": "compiled",
    "epochs": 2,
    "precision": "float64",
}


@pytest.fixture(scope="module")
def problem():
    return datasets.load(SETTINGS["dataset"], folder=Path())


def trained(data, **changes):
    """(d,) weights before and after two epochs, and the last evaluation."""
    settings = Training(**{**SETTINGS, **changes})
    engines.check(settings, data)
    made = engines.prepare(settings, data, 3)
    ((_, first),) = made.weights()
    for epoch in (1, 2):
        made.start_epoch(order(data, 3, epoch))
        made.advance(0, made.updates_per_epoch)
    ((_, last),) = made.weights()
    assert made.notes == ()  # compiled by XLA
    return first[:, 0].copy(), last[:, 0], made.evaluate()


def gradient(data, w, rows=slice(None)):
    x, y = data.x_train[rows], data.y_train[rows]
    return 2 / len(y) * x.T @ (x @ w - y)


def orders(data):
    return [order(data, 3, epoch) for epoch in (1, 2)]


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("engine", ["compiled", "fit"])
@pytest.mark.parametrize("size", [8, 12])
def test_plain(problem, engine, size):
    w, found, _ = trained(problem, engine=engine, batch_size=size)
    for sequence in orders(problem):
        for start in range(0, 40, size):
            w = w - STEP * gradient(problem, w, sequence[start : start + size])
    close(found, w)


def test_with_replacement(problem):
    w, found, _ = trained(problem, engine={"compiled": {"replacement": True}}, batch_size=12)
    for sequence in orders(problem):
        for rows in drawn(sequence, 40, (4, 12)):
            w = w - STEP * gradient(problem, w, rows)
    close(found, w)


def test_drawn_rows_are_uniform_and_repeat(problem):
    settings = Training(**{**SETTINGS, "engine": {"compiled": {"replacement": True}}})
    made = engines.prepare(settings, problem, 0)
    counts = np.zeros(40)
    for epoch in range(1, 501):
        made.start_epoch(order(problem, 0, epoch))
        (rows,) = (part.numpy() for part in made._parts)
        counts += np.bincount(rows.ravel(), minlength=40)
    assert rows.shape == (5, 8)
    assert len(np.unique(rows)) < 40
    assert abs(counts - 500).max() < 5 * np.sqrt(500)


@pytest.mark.parametrize("size", [8, 12])
def test_svrg(problem, size):
    w, found, _ = trained(problem, engine="svrg", batch_size=size)
    for sequence in orders(problem):
        snapshot, full = w, gradient(problem, w)
        for start in range(0, 40, size):
            rows = sequence[start : start + size]
            w = w - STEP * (gradient(problem, w, rows) - gradient(problem, snapshot, rows) + full)
    close(found, w)


def test_sag(problem):
    w, found, _ = trained(problem, engine="sag")
    members = mini_batches(Job(Training(**SETTINGS), problem, 3, trusted=False))
    assert sorted(members.ravel()) == list(range(40))
    table = np.zeros((5, 5))
    for sequence in orders(problem):
        for batch in drawn(sequence, 5, (5,)):
            table[batch] = gradient(problem, w, members[batch])
            w = w - STEP * table.mean(axis=0)
    close(found, w)


def test_svrg_of_many_images_and_a_penalty():
    """More images than a chunk of the full gradient holds; softmax with a penalty, which counts once.

    Keras rounds l2 to float32 before it uses it: 1/8 stays.
    """
    data = datasets.load("mnist", folder=Path(), train_images=4100)
    layer = {"units": 10, "use_bias": False, "kernel_regularizer": {"L2": {"l2": 0.125}}}
    settings = Training(
        **{
            **SETTINGS,
            "model": {"layers": ["Flatten", {"Dense": layer}]},
            "loss": {"SparseCategoricalCrossentropy": {"from_logits": True}},
            "batch_size": 2000,
            "engine": "svrg",
        }
    )
    made = engines.prepare(settings, data, 0)
    w = made.weights()[0][1].copy()
    made.start_epoch(order(data, 0, 1))
    made.advance(0, 2)

    def slope(w, rows):
        x = data.x_train[rows].reshape(len(rows), -1) / 255
        powers = np.exp(x @ w)
        p = powers / powers.sum(axis=1, keepdims=True)
        p[np.arange(len(rows)), data.y_train[rows]] -= 1
        return x.T @ p / len(rows) + 0.25 * w

    snapshot, full = w, slope(w, np.arange(4100))
    for rows in order(data, 0, 1)[:4000].reshape(2, 2000):
        w = w - STEP * (slope(w, rows) - slope(snapshot, rows) + full)
    close(made.weights()[0][1], w)


@pytest.mark.parametrize("engine", ["compiled", "fit"])
def test_evaluation_of_real_valued_targets(problem, engine):
    _, w, found = trained(problem, engine=engine)
    assert found.train_loss == pytest.approx(
        np.mean((problem.x_train @ w - problem.y_train) ** 2), rel=1e-12
    )
    assert found.test_loss == pytest.approx(
        np.mean((problem.x_test @ w - problem.y_test) ** 2), rel=1e-12
    )
    assert np.isnan([found.train_accuracy, found.test_accuracy]).all()

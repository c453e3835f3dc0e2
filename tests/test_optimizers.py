"""Optimizers that Keras lacks, against their formulas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import datasets, engines, keras_objects
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

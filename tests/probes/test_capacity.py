"""Capacity: counts by hand."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from bench import datasets, engines
from bench.plugins import Trained
from bench.probes import capacity
from bench.trial import Training

MLP = Training(
    dataset="digits",
    validation=0,
    train_images=None,
    model={"mlp": {"hidden": [20, 30], "normalization": "layer"}},
    optimizer="SGD",
    loss={"SparseCategoricalCrossentropy": {"from_logits": True}},
    batch_size=50,
    engine="fit",
    epochs=1,
)


def measured(training):
    data = datasets.load("digits", folder=Path())
    rows = capacity.measure(Trained(engines.prepare(training, data, 0), data, training))
    return {(m.layer, m.measure): m.value for m in rows}


def test_a_multi_layer_perceptron():
    found = measured(MLP)
    assert found["dense_1", "multiply_adds"] == 64 * 20
    assert found["dense_2", "multiply_adds"] == 20 * 30
    assert found["", "multiply_adds"] == 64 * 20 + 20 * 30 + 30 * 10
    assert found["dense_1", "parameters"] == 65 * 20
    assert found["layer_normalization_1", "parameters"] == 2 * 20
    assert found["", "parameters"] == 65 * 20 + 2 * 20 + 21 * 30 + 2 * 30 + 31 * 10


def convolution(*layers):
    model = {"layers": [{"Reshape": {"target_shape": [8, 8, 1]}}, *layers]}
    return measured(replace(MLP, model=model))


def test_a_convolution():
    found = convolution(
        {"Conv2D": {"filters": 4, "kernel_size": 3}}, "Flatten", {"Dense": {"units": 10}}
    )
    assert found["conv2d_1", "multiply_adds"] == 3 * 3 * 4 * 6 * 6
    assert found["", "multiply_adds"] == 3 * 3 * 4 * 36 + 4 * 36 * 10


def test_what_is_not_known_is_not_guessed():
    found = convolution(
        {"Reshape": {"target_shape": [8, 8]}}, {"LSTM": {"units": 5}}, {"Dense": {"units": 10}}
    )
    assert ("", "multiply_adds") not in found
    assert found["", "parameters"] == 4 * 5 * (8 + 5 + 1) + 60
    assert found["dense_1", "multiply_adds"] == 50


@pytest.mark.parametrize("hidden", [[100], [90, 90], [77, 77, 77, 77]])
def test_the_networks_of_question_three_have_as_many_parameters(hidden):
    sizes = [784, *hidden, 10]
    count = sum((a + 1) * b for a, b in itertools.pairwise(sizes))
    assert count == pytest.approx(79_510, rel=0.004)

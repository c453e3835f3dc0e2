"""Least squares with known constants: curvature, minimum, minimiser and the pace of gradient descent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import datasets
from bench.errors import DatasetError


def load(**arguments):
    return datasets.load({"least_squares": arguments}, folder=Path())


def hessian(data):
    return 2 / len(data.x_train) * data.x_train.T @ data.x_train


@settings(max_examples=30)
@given(
    d=st.integers(2, 12),
    more=st.integers(1, 100),
    condition=st.floats(1, 1e6),
    noise=st.floats(0.01, 10),
)
def test_curvature_and_minimum_are_exact(d, more, condition, noise):
    data = load(d=d, n=d + more, condition=condition, noise=noise)
    eigenvalues = np.linalg.eigvalsh(hessian(data))
    assert eigenvalues[-1] == pytest.approx(1, rel=1e-12)
    assert eigenvalues[0] == pytest.approx(1 / condition, rel=1e-6)
    w, residual, _, _ = np.linalg.lstsq(data.x_train, data.y_train, rcond=1e-15)
    np.testing.assert_allclose(residual / len(data.y_train), noise**2, rtol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(w), np.sqrt(d), rtol=1e-6)  # V c with c = 1


def test_geometric_spectrum():
    eigenvalues = np.linalg.eigvalsh(hessian(load(d=5, n=50, condition=16)))
    np.testing.assert_allclose(eigenvalues, [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1])


def test_power_law_is_convex_but_not_strongly():
    data = load(spectrum="power", d=30, n=80, rank=20)
    eigenvalues = np.linalg.eigvalsh(hessian(data))
    np.testing.assert_allclose(eigenvalues[10:], np.arange(20, 0, -1) ** -2.0, rtol=1e-9)
    np.testing.assert_allclose(eigenvalues[:10], 0, atol=1e-15)


def test_the_pace_of_gradient_descent_on_the_power_law():
    """The formula of the docstring, term by term and as 12.5 / k."""
    data = load(spectrum="power", d=300, n=400, rank=200)
    curvature, slope = hessian(data), 2 / 400 * data.x_train.T @ data.y_train
    w, excess = np.zeros(300), {}
    for k in range(1, 401):
        w = w - (curvature @ w - slope)
        excess[k] = np.mean((data.x_train @ w - data.y_train) ** 2) - 1
    i = np.arange(1, 201)
    for k in (1, 10, 100, 400):
        exact = 50 * np.sum(i**-3.0 * (1 - i**-2.0) ** (2 * k))
        assert excess[k] == pytest.approx(exact, rel=1e-9)
    assert 100 * excess[100] == pytest.approx(12.5, rel=0.02)
    assert np.log(excess[400] / excess[100]) / np.log(4) == pytest.approx(-1, abs=0.02)


def test_the_test_set_is_of_the_same_model():
    data = load(d=4, n=50_000, condition=10, noise=2.0)
    assert len(data.y_test) == 10_000
    w = np.linalg.lstsq(data.x_train, data.y_train)[0]
    assert np.mean((data.x_test @ w - data.y_test) ** 2) == pytest.approx(4, rel=0.05)
    other = 2 / len(data.x_test) * data.x_test.T @ data.x_test
    np.testing.assert_allclose(other, hessian(data), atol=0.05)


def test_it_does_not_depend_on_the_seed():
    one = datasets.load({"least_squares": {}}, folder=Path(), seed=1)
    two = datasets.load({"least_squares": None}, folder=Path(), seed=2)
    assert one.checksum == two.checksum
    assert (one.classes, one.outputs, one.x_train.shape) == (0, 1, (500, 50))
    assert load(condition=7).checksum != one.checksum
    assert "condition 7" in load(condition=7).name


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"conditon": 10}, "condition"),
        ({"condition": 0.5}, "from 1"),
        ({"condition": "10"}, "a number"),
        ({"condition": float("nan")}, "a number"),
        ({"spectrum": "flat"}, "geometric or power"),
        ({"n": 10, "d": 10}, "below n"),
        ({"n": True}, "whole number"),
        ({"rank": 51}, "1 to d"),
        ({"noise": -1}, "from 0"),
        ({"n": 19_999_999, "d": 100}, "n times d"),
        (3, "least_squares: {condition"),
    ],
)
def test_impossible_problems_are_refused(arguments, expected):
    for do in (datasets.check_spec, lambda spec: datasets.load(spec, folder=Path())):
        with pytest.raises(DatasetError) as caught:
            do({"least_squares": arguments})
        assert expected in caught.value.expected
        assert caught.value.found
        assert "least_squares" in caught.value.where

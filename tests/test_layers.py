"""GaussianBlur against SciPy; standardised weights by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from bench import layers


def expected(images, sigma):
    """Blur over height and width only."""
    sigmas = (0, sigma, sigma, *(0,) * (images.ndim - 3))
    return ndimage.gaussian_filter(images, sigmas, mode="constant", truncate=4)


@pytest.mark.parametrize("sigma", [0.05, 0.5, 1.0, 2.5, 30])
@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 3), (5, 9), (1, 1), (2, 3, 1)])
def test_equals_scipy(shape, sigma):
    images = np.random.default_rng(1).random((4, *shape)).astype(np.float32)
    blurred = layers.GaussianBlur(sigma)(images).numpy()
    assert blurred.shape == images.shape
    np.testing.assert_allclose(blurred, expected(images, sigma), atol=2e-6)


@pytest.mark.parametrize("sigma", [0, -1, float("nan"), float("inf"), 1e9])
def test_no_such_blur(sigma):
    with pytest.raises(ValueError, match="sigma above 0"):
        layers.GaussianBlur(sigma)


def test_only_images():
    with pytest.raises(ValueError, match="needs images"):
        layers.GaussianBlur(1.0)(np.zeros((2, 784), np.float32))


def test_its_configuration_makes_the_same_layer():
    layer = layers.GaussianBlur(1.5, name="soft")
    copy = layers.GaussianBlur.from_config(layer.get_config())
    assert (copy.sigma, copy.name) == (1.5, "soft")


def test_nothing_to_train():
    layer = layers.GaussianBlur(1.0)
    layer(np.zeros((1, 4, 4), np.float32))
    assert layer.weights == []


def standardised(units=7, inputs=30, **arguments):
    layer = layers.StandardizedDense(units, **arguments)
    layer.build((None, inputs))
    weights = np.random.default_rng(3).normal(2, 5, (inputs, units)).astype(np.float32)
    layer.kernel.assign(weights)
    return layer, weights.astype(np.float64)


def test_weights_are_standardised():
    """Of every output the weights have mean 0 and squares that sum to 1."""
    layer, raw = standardised(bias_initializer="ones", activation="relu")
    images = np.random.default_rng(4).random((6, 30)).astype(np.float32)
    weights = (raw - raw.mean(axis=0)) / (np.sqrt(30) * raw.std(axis=0))
    np.testing.assert_allclose(np.sum(weights**2, axis=0), 1)
    expected = np.maximum(images @ weights + 1, 0)
    np.testing.assert_allclose(layer(images).numpy(), expected, atol=1e-5)


def test_scale_and_shift_of_the_weights_do_not_matter():
    layer, raw = standardised(use_bias=False)
    images = np.random.default_rng(5).random((6, 30)).astype(np.float32)
    before = layer(images).numpy()
    layer.kernel.assign(100 * raw + 7)
    np.testing.assert_allclose(layer(images).numpy(), before, atol=1e-4)
    layer.kernel.assign(np.ones_like(raw))
    np.testing.assert_array_equal(layer(images).numpy(), 0)  # weights that are all alike


def test_its_configuration_makes_the_same_standardised_layer():
    layer, _ = standardised(name="even", activation="tanh")
    copy = layers.StandardizedDense.from_config(layer.get_config())
    assert (copy.units, copy.name, copy.activation) == (7, "even", layer.activation)

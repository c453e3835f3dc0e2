"""Curves whose law is known, and noise for them."""

from __future__ import annotations

import math

import numpy as np
from scipy.signal import lfilter

EPOCHS = np.arange(50.0)

CURVES = {
    "geometric": (lambda k: 0.2 + 2 * 0.9**k, {"a": 0.2, "b": 2, "rho": 0.9}),
    "power": (lambda k: 0.1 + 2 * (k + 1) ** -0.5, {"a": 0.1, "b": 2, "p": 0.5}),
    "hyperbolic": (lambda k: 0.1 + 2 / (1 + 0.2 * k), {"a": 0.1, "b": 2, "c": 0.2}),
    "stretched": (
        lambda k: 0.1 + 2 * np.exp(-np.sqrt(0.2 * k)),
        {"a": 0.1, "b": 2, "c": 0.2, "beta": 0.5},
    ),
    "constant": (lambda k: 0.7 + 0 * k, {"a": 0.7}),
    "two-rate": (
        lambda k: 0.1 + 0.95**k + 1.5 * 0.6**k,
        {"a": 0.1, "b1": 1, "rho1": 0.95, "b2": 1.5, "rho2": 0.6},
    ),
}

DECAYING = ["geometric", "power", "hyperbolic", "stretched"]


def noisy(curve, noise, rng, *, floor=0.0, phi=0.0, k=EPOCHS):
    """A curve times 1 + noise, as an AR(1) of coefficient phi; the known floor has none."""
    shocks = rng.normal(size=k.size) * math.sqrt(1 - phi**2)
    relative, _ = lfilter([1], [1, -phi], shocks, zi=[phi * rng.normal()])
    return floor + (curve(k) - floor) * (1 + noise * relative)


def seeds_of(family, *, noise=0.02, seeds=8, seed=0, k=EPOCHS):
    rng = np.random.default_rng(seed)
    return [(k, noisy(CURVES[family][0], noise, rng, k=k)) for _ in range(seeds)]


def hyperbolic(a, c):
    return lambda k: a + 2 / (1 + c * k)


def geometric(a, rho):
    return lambda k: a + 2 * rho**k

"""How often a law is named, rightly or wrongly: simulated studies of curves whose law is known.

    python -m tests.stats.naming          # the tables of docs/convergence.md, written into it
    python -m tests.stats.naming --show   # printed only

A study is some seeds' curves. *Right* is the law that drew them. Where two laws are the same curve
(a power with p = 1, a hyperbola with c = 1) either is right. Where no law drew them any name is
wrong: also that of the nearest law.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import lfilter

from bench.stats import fit_rates_over_seeds

if TYPE_CHECKING:
    from collections.abc import Callable

SPAN = 50.0  # epochs
SIZE = 0.02  # of the noise, relative
DOCUMENT = Path(__file__).parents[2] / "docs" / "convergence.md"


@dataclass(frozen=True)
class Truth:
    """A curve, of k and the speed of a seed, and the laws that may be named for it."""

    curve: Callable[[np.ndarray, float], np.ndarray]
    laws: tuple[str, ...] = ()
    rate: float | None = None
    floor: float | None = None


def geometric(a, rho):
    return Truth(lambda k, v: a + 2 * rho ** (v * k), ("geometric",), -math.log(rho))


def power(a, p):
    return Truth(lambda k, v: a + 2 * (k + 1) ** (-p * v), ("power",), p)


def hyperbolic(a, c):
    return Truth(lambda k, v: a + 2 / (1 + c * v * k), ("hyperbolic",), c)


def stretched(a, c, beta):
    return Truth(lambda k, v: a + 2 * np.exp(-((c * v * k) ** beta)), ("stretched",), c)


def two_rate(a, slow, fast):
    return Truth(lambda k, v: a + slow ** (v * k) + fast ** (v * k), ("two-rate",), -math.log(slow))


LAWS = {
    "geometric": geometric(0.2, 0.9),
    "geometric, fast": geometric(0.5, 0.75),
    "geometric, slow, no floor": geometric(0.0, 0.95),
    "power, p = 0.5": power(0.1, 0.5),
    "power, p = 2": power(0.02, 2.0),
    "power, p = 1.5, no floor": power(0.0, 1.5),
    "hyperbolic": hyperbolic(0.1, 0.2),
    "hyperbolic, c = 0.5": hyperbolic(0.1, 0.5),
    "hyperbolic, no floor": hyperbolic(0.0, 0.1),
    "stretched, β = 0.5": stretched(0.1, 0.2, 0.5),
    "stretched, β = 0.7": stretched(0.1, 0.15, 0.7),
    "stretched, β = 2": stretched(0.1, 0.06, 2.0),
    "two-rate": two_rate(0.1, 0.9, 0.4),
    "two-rate, no floor": two_rate(0.0, 0.97, 0.7),
}


def _three(a, *rates):
    return Truth(lambda k, v: a + sum(rho ** (v * k) for rho in rates))


def _sigmoid(a, middle, width):
    return Truth(lambda k, v: a + 2 / (1 + np.exp((v * k - middle) / width)))


NO_LAWS = {
    "1 / log(k + 2)": Truth(lambda k, v: 1 / np.log(v * k + 2)),
    "1 / log(k + e)": Truth(lambda k, v: 1 / np.log(v * k + math.e)),
    "1 / log(k + 10)": Truth(lambda k, v: 1 / np.log(v * k + 10)),
    "0.1 + 2 / log(k + e)": Truth(lambda k, v: 0.1 + 2 / np.log(v * k + math.e)),
    "1 / (1 + log(1 + k))": Truth(lambda k, v: 1 / (1 + np.log1p(v * k))),
    "1 / log(k + 2)²": Truth(lambda k, v: np.log(v * k + 2) ** -2),
    "1 / √log(k + 2)": Truth(lambda k, v: np.log(v * k + 2) ** -0.5),
    "log(k + 2) / (k + 1)": Truth(lambda k, v: np.log(v * k + 2) / (v * k + 1)),
    "sigmoid": _sigmoid(0.1, 20, 4),
    "sigmoid, early": _sigmoid(0.1, 10, 3),
    "sigmoid, at once": _sigmoid(0.1, 2, 3),
    "sigmoid, late": _sigmoid(0.0, 30, 5),
    "three exponentials": _three(0.1, 0.97, 0.8, 0.4),
    "three exponentials, no floor": _three(0.0, 0.98, 0.9, 0.5),
    "three exponentials, near": _three(0.1, math.exp(-0.04), math.exp(-0.2), math.exp(-1)),
    "a drop at half": Truth(
        lambda k, v: 0.1 + np.where(k < 25, 0.5 + 2 * 0.9 ** (v * k), 0.2 + 0.3 * 0.8 ** (k - 25))
    ),
    "two small drops": Truth(
        lambda k, v: (0.2 + 2 * 0.9 ** (v * k)) * np.where(k < 20, 1, np.where(k < 35, 0.9, 0.8))
    ),
    "plateau, then fall": Truth(lambda k, v: 0.1 + 2 * 0.85 ** np.maximum(v * k - 15, 0)),
    "waves": Truth(lambda k, v: 0.2 + 2 * 0.9 ** (v * k) * (1 + 0.2 * np.cos(k / 2))),
    "a straight line": Truth(lambda k, v: 2 - 1.5 * v * k / 60),
    "constant": Truth(lambda k, v: 1 + 0 * k * v),
    "random walk": Truth(lambda k, v: 1 + 0 * k * v),
}

TRUTHS = LAWS | NO_LAWS


def _ar(rng, shape, phi):
    shocks = rng.normal(size=shape) * math.sqrt(1 - phi**2)
    return lfilter([1], [1, -phi], shocks, axis=1, zi=phi * rng.normal(size=(shape[0], 1)))[0]


NOISES = {
    "independent": lambda rng, shape: _ar(rng, shape, 0.0),
    "AR(1) 0.5": lambda rng, shape: _ar(rng, shape, 0.5),
    "AR(1) 0.7": lambda rng, shape: _ar(rng, shape, 0.7),
    "AR(1) 0.9": lambda rng, shape: _ar(rng, shape, 0.9),
    "AR(1) and white": lambda rng, shape: (
        (_ar(rng, shape, 0.9) + _ar(rng, shape, 0)) / math.sqrt(2)
    ),
    "long tails": lambda rng, shape: rng.standard_t(3, size=shape) / math.sqrt(3),
    "additive": lambda rng, shape: _ar(rng, shape, 0.5),
    "seeds of their own speed": lambda rng, shape: _ar(rng, shape, 0.5),
}


def study(name, noise, *, seeds=8, points=51, rng):
    """The curves of some seeds, each (k, values)."""
    truth, k = TRUTHS[name], np.linspace(0, SPAN, points)
    errors = SIZE * NOISES[noise](rng, (seeds, points))
    if name == "random walk":
        errors = 0.05 * np.cumsum(rng.normal(size=errors.shape), axis=1)
    speeds = np.exp(0.1 * rng.normal(size=seeds) * (noise == "seeds of their own speed"))
    clean = np.array([truth.curve(k, speed) for speed in speeds])
    if noise == "additive":
        return [(k, values) for values in clean + 0.5 * errors]
    return [(k, values) for values in clean * np.exp(errors)]


@dataclass(frozen=True)
class Outcome:
    """Of so many studies."""

    right: float
    wrong: float
    covered: float
    """Share of the studies with a rate whose interval holds the true one."""
    named: Counter[str]


def outcome(name, noise, studies, *, seeds=8, points=51) -> Outcome:
    """Of studies with a generator of their own."""
    truth = TRUTHS[name]
    rng = np.random.default_rng(
        [seeds, points, list(NOISES).index(noise), list(TRUTHS).index(name)]
    )
    found = [
        fit_rates_over_seeds(study(name, noise, seeds=seeds, points=points, rng=rng))
        for _ in range(studies)
    ]
    named = Counter(one.family for one in found)
    right = sum(named[law] for law in truth.laws)
    covered = [
        one.rate_low <= truth.rate <= one.rate_high
        for one in found
        if truth.rate and one.best_family in truth.laws and one.rate_low is not None
    ]
    return Outcome(
        right / studies,
        (studies - right - named["cannot be determined"]) / studies,
        float(np.mean(covered)) if covered else math.nan,
        named,
    )

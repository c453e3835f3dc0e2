"""The test of fit keeps its level, whatever the noise, and finds a misfit that all seeds share."""

from __future__ import annotations

import numpy as np
import pytest

from bench.stats.curve_fits import curve_of, fit_curves
from bench.stats.lack_of_fit import lack_of_fit
from tests.stats.naming import NOISES, TRUTHS, study


def p_values(name, noise, studies, *, seeds, law, rng):
    """Of the test of a law; all studies are fitted at once."""
    curves = [
        curve_of(k, values)
        for _ in range(studies)
        for k, values in study(name, noise, rng, seeds=seeds)
    ]
    fits = [fits[0] for fits in fit_curves(curves, [law])]
    parts = [slice(i, i + seeds) for i in range(0, len(curves), seeds)]
    return np.array([lack_of_fit(curves[p], {law: fits[p]})[law].p_value for p in parts])


@pytest.mark.parametrize("seeds", [3, 8])
@pytest.mark.parametrize("noise", ["independent", "AR(1) 0.9"])
def test_a_true_law_is_seldom_excluded(noise, seeds):
    found = p_values(
        "geometric", noise, 150, seeds=seeds, law="geometric", rng=np.random.default_rng(0)
    )
    assert np.mean(found < 0.01) <= 0.03
    assert np.mean(found < 0.05) <= 0.10


def test_a_wrong_law_is_excluded():
    rng = np.random.default_rng(0)
    assert (p_values("waves", "AR(1) 0.9", 20, seeds=5, law="geometric", rng=rng) < 0.01).all()


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5, 8, 10])
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("name", ["geometric", "power, p = 0.5", "hyperbolic"])
def test_level(name, noise, seeds):
    """1,000 studies: a Monte Carlo error of 0.003 at 0.01."""
    law, rng = TRUTHS[name].law, np.random.default_rng(1)
    found = p_values(name, noise, 1000, seeds=seeds, law=law, rng=rng)
    assert np.mean(found < 0.01) <= 0.02
    assert np.mean(found < 0.05) <= 0.08


def test_needs_three_seeds_and_points_that_all_have():
    k = np.arange(30.0)
    curves = [curve_of(k + shift, 0.2 + 2 * 0.9**k) for shift in (0, 100, 200)]
    fits = {"geometric": [fits[0] for fits in fit_curves(curves, ["geometric"])]}
    assert lack_of_fit(curves, fits) == {}
    assert lack_of_fit(curves[:2], {"geometric": fits["geometric"][:2]}) == {}

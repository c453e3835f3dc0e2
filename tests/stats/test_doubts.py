from __future__ import annotations

import numpy as np
import pytest

from bench.stats import fit_rate, fit_rates_over_seeds
from tests.stats.curves import CURVES, EPOCHS


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (1 + EPOCHS, "does not fall"),
        (np.full(50, 0.3), "does not fall"),
        (np.zeros(50), "too few points"),
        (np.sin(EPOCHS) + 2, "does not fall"),
        (np.where(EPOCHS < 30, 2 * 0.9**EPOCHS, np.nan), "diverged"),
        (np.where(EPOCHS < 30, 2 * 0.9**EPOCHS, np.inf), "diverged"),
        (1 - EPOCHS, "below 0"),
        (2 - EPOCHS / 100, "Less than half"),
        (np.where(EPOCHS < 1, 1e5, 1.0) + EPOCHS % 2 / 99, "edge of what was searched"),
    ],
)
def test_says_why(values, sentence):
    fit = fit_rate(EPOCHS, values)
    assert any(sentence in reason for reason in fit.reasons)
    over = fit_rates_over_seeds([(EPOCHS, values)] * 8)
    assert over.family == "cannot be determined"
    assert any(sentence in reason and "8 of 8 seeds" in reason for reason in over.reasons)
    assert not over.determined


@pytest.mark.parametrize("n", range(1, 10))
def test_few_points(n):
    k = EPOCHS[:n]
    fit = fit_rate(k, 0.5**k)
    assert "too few points" in fit.reasons[0]
    over = fit_rates_over_seeds([(k, 0.5**k)] * 8)
    assert not over.determined
    if n < 4:
        assert (fit.family, fit.floor_kind, fit.parameters) == (None, "none", {})
        assert (fit.rate, fit.floor, fit.aicc) == (None,) * 3
        assert (fit.at_grid_edge, fit.decay_observed, fit.predict(k)) == (None,) * 3
        assert (over.best_family, over.rate, over.floor) == (None, None, None)


def test_below_a_known_floor():
    fit = fit_rate(EPOCHS, CURVES["geometric"][0](EPOCHS), floor=0.5)
    assert fit.below_floor
    assert fit.best is None


def test_two_rates_need_forty_points():
    k = np.linspace(0, 50, 39)
    assert fit_rate(k, CURVES["two-rate"][0](k)).of("two-rate") is None
    k = np.linspace(0, 50, 40)
    assert fit_rate(k, CURVES["two-rate"][0](k)).family == "two-rate"

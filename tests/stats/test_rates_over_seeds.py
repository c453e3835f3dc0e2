from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import StatsError
from bench.stats import compare_rates, fit_rates_over_seeds
from tests.stats.curves import (
    CURVES,
    DECAYING,
    EPOCHS,
    geometric,
    noisy,
    seeds_of,
)


def test_one_diverged_seed_is_not_dropped():
    curves = seeds_of("geometric")
    curves[3][1][-5:] = np.nan
    found = fit_rates_over_seeds(curves)
    assert found.family == "cannot be determined"
    assert found.reasons[0].endswith("1 of 8 seeds.")
    assert found.rates[3] is None


@pytest.mark.parametrize("family", ["geometric", "power", "hyperbolic", "stretched"])
def test_names_the_family_over_seeds(family):
    found = fit_rates_over_seeds(seeds_of(family))
    assert (found.family, found.reasons) == (family, ())
    _, *parameters = (value for value in CURVES[family][1].values())
    true = -math.log(parameters[1]) if family == "geometric" else parameters[1]
    assert found.rate_low < true < found.rate_high
    assert found.rate == pytest.approx(np.exp(np.log(found.rates).mean()))
    assert found.floor == pytest.approx(CURVES[family][1]["a"], rel=0.3)
    assert found.floor_kind == "fitted"
    assert found.wins >= 7
    assert found.lack_of_fit[family].p_value > 0.05
    assert found.lack_of_fit[family].departure < 0.02
    assert found.lack_of_fit["constant"].p_value < 1e-6


@pytest.mark.parametrize("seeds", [1, 2, 3, 4, 5])
def test_seeds_that_agree_to_the_last_digit(seeds):
    curve = CURVES["hyperbolic"][0](EPOCHS)
    found = fit_rates_over_seeds([(EPOCHS, curve)] * seeds)
    assert found.best_family == "hyperbolic"
    assert found.rate == pytest.approx(0.2)
    assert (found.rate_low, found.rate_high) == (None, None)
    if seeds < 5:
        assert len(found.reasons) == 1
        assert "Too few seeds" in found.reasons[0]
    else:
        assert found.family == "hyperbolic"


def test_seeds_that_disagree():
    curves = [*seeds_of("geometric", seeds=4), *seeds_of("power", seeds=4)]
    found = fit_rates_over_seeds(curves)
    assert found.family == "cannot be determined"
    assert "leave open what it is: geometric; power" in found.reasons[-1]


def test_rates_that_have_little_in_common():
    found = fit_rates_over_seeds([(EPOCHS, 2 * rho**EPOCHS) for rho in (0.6, 0.7, 0.9, 0.95, 0.96)])
    assert found.best_family == "geometric"
    assert len(found.reasons) == 1
    assert "wider than a factor of 3" in found.reasons[0]


def test_one_floor_for_all_or_one_for_each():
    floors = [0.5, 1.0, 1.5, 2.0, 2.5]
    curves = [(EPOCHS, floor + 2 * 0.9**EPOCHS) for floor in floors]
    found = fit_rates_over_seeds(curves, floor=floors)
    assert found.rate == pytest.approx(-math.log(0.9))
    assert (found.floor, found.floor_kind) == (1.5, "known")
    shared = fit_rates_over_seeds(curves[:1] * 5, floor=0.5)
    assert shared.rate == pytest.approx(found.rate)


def test_compares_rates_of_one_family():
    rng = np.random.default_rng(5)
    slow, fast = (
        fit_rates_over_seeds([(EPOCHS, noisy(curve, 0.02, rng)) for _ in range(8)])
        for curve in (geometric(0.2, math.exp(-0.1)), geometric(0.2, math.exp(-0.15)))
    )
    found = compare_rates(fast, slow)
    assert (found.family, found.reasons) == ("geometric", ())
    assert found.ci_low < 1.5 < found.ci_high
    assert found.ratio == pytest.approx(fast.rate / slow.rate)
    assert found.p_value == found.comparison.p_value < 1e-6
    assert found.comparison.verdict == "better"


def test_what_cannot_be_compared():
    geometric, power = (fit_rates_over_seeds(seeds_of(name)) for name in ("geometric", "power"))
    found = compare_rates(geometric, power)
    assert found.family == "cannot be compared"
    assert found.reasons == ("The families differ: geometric and power.",)
    assert found.ratio is found.p_value is found.comparison is None
    unknown = fit_rates_over_seeds([(EPOCHS, 1 + EPOCHS)] * 8)
    assert compare_rates(unknown, power).reasons == ("The family of a cannot be determined.",)
    assert len(compare_rates(unknown, unknown).reasons) == 2


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: fit_rates_over_seeds([]), "no curves"),
        (lambda: fit_rates_over_seeds([([0], [1])], floor=[0, 0]), "not as many floors"),
        (lambda: fit_rates_over_seeds([([0], [1])], alpha=0.7), "alpha"),
        (lambda: fit_rates_over_seeds([([0], [1])], tolerance=-0.1), "tolerance"),
        (
            lambda: compare_rates(
                fit_rates_over_seeds([([0], [1])]), fit_rates_over_seeds([([0], [1])] * 2)
            ),
            "not paired",
        ),
    ],
)
def test_one_clear_error(call, problem):
    with pytest.raises(StatsError, match=problem):
        call()


@settings(max_examples=5, deadline=None)
@given(st.sampled_from(DECAYING), st.permutations(range(6)))
def test_the_order_of_the_seeds_does_not_matter(family, order):
    curves = seeds_of(family, seeds=6)
    one, other = (fit_rates_over_seeds([curves[i] for i in o]) for o in (range(6), order))
    assert (one.family, one.wins) == (other.family, other.wins)
    assert one.reasons == other.reasons
    assert (one.rate, one.rate_low) == pytest.approx((other.rate, other.rate_low))

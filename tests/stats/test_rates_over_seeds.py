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
    hyperbolic,
    noisy,
    power,
    seeds_of,
    stretched,
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
    assert "No law of these describes it" in found.reasons[-1]


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
    assert (one.family, one.wins, one.wins_hold_out) == (
        other.family,
        other.wins,
        other.wins_hold_out,
    )
    assert one.reasons == other.reasons
    assert (one.rate, one.rate_low) == pytest.approx((other.rate, other.rate_low))


# --- calibration ---------------------------------------------------------------------------------

STUDIES = 100


USUAL = {  # family, curve, known floor; 2 % noise
    "geometric": ("geometric", geometric(0.2, 0.9), None),
    "geometric, fast": ("geometric", geometric(0.5, 0.75), None),
    "geometric, no floor": ("geometric", geometric(0, 0.93), None),
    "geometric, known floor": ("geometric", geometric(0.3, 0.9), 0.3),
    "power": ("power", power(0.1, 0.5), None),
    "power, steep": ("power", power(0.02, 2), None),
    "power, no floor": ("power", power(0, 1.5), None),
    "power, known floor": ("power", power(0.3, 0.5), 0.3),
    "hyperbolic": ("hyperbolic", hyperbolic(0.1, 0.2), None),
    "hyperbolic, no floor": ("hyperbolic", hyperbolic(0, 0.2), None),
    "hyperbolic, known floor": ("hyperbolic", hyperbolic(0.3, 0.3), 0.3),
    "stretched": ("stretched", stretched(0.1, 0.2, 0.5), None),
    "stretched, beta 2": ("stretched", stretched(0.1, 0.06, 2), None),
    "stretched, known floor": ("stretched", stretched(0.3, 0.15, 0.6), 0.3),
    "two-rate": ("two-rate", lambda k: 0.1 + 0.9**k + 0.4**k, None),
    "two-rate, no floor": ("two-rate", lambda k: 0.97**k + 2 * 0.7**k, None),
}

HARD = {  # family, curve, noise, its AR(1) coefficient
    "constant": ("constant", lambda k: 1 + 0 * k, 0.02, 0.0),
    "constant, autocorrelated": ("constant", lambda k: 1 + 0 * k, 0.05, 0.7),
    "little decay observed": ("geometric", geometric(0.2, 0.99), 0.02, 0.0),
    "little decay, stretched": ("stretched", stretched(0, 0.005, 0.5), 0.02, 0.0),
    "big floor": ("geometric", geometric(20, 0.9), 0.02, 0.0),
    "geometric, 10 % noise": ("geometric", geometric(0.2, 0.9), 0.1, 0.0),
    "power, 10 % noise": ("power", power(0.1, 0.5), 0.1, 0.0),
    "hyperbolic, 10 % noise": ("hyperbolic", hyperbolic(0.1, 0.2), 0.1, 0.0),
    "stretched, 10 % noise": ("stretched", stretched(0.1, 0.2, 0.5), 0.1, 0.0),
    "hyperbolic like a power": ("hyperbolic", hyperbolic(0, 1.05), 0.02, 0.0),
    "power like a hyperbola": ("power", power(0.02, 1.02), 0.02, 0.0),
    "power, p 1.1": ("power", power(0.1, 1.1), 0.02, 0.0),
    "flat power": ("power", power(0.5, 0.2), 0.02, 0.0),
    "stretched like a geometric": ("stretched", stretched(0.1, 0.1, 0.95), 0.02, 0.0),
    "two rates that are close": ("two-rate", CURVES["two-rate"][0], 0.02, 0.0),
    "two-rate, 10 % noise": ("two-rate", lambda k: 0.1 + 0.9**k + 0.4**k, 0.1, 0.0),
    "geometric, autocorrelated": ("geometric", geometric(0.2, 0.9), 0.05, 0.7),
    "power, autocorrelated": ("power", power(0.1, 0.5), 0.05, 0.7),
    "hyperbolic, autocorrelated": ("hyperbolic", hyperbolic(0.1, 0.2), 0.05, 0.7),
    "stretched, autocorrelated": ("stretched", stretched(0.1, 0.2, 0.5), 0.05, 0.7),
}


def named(family, curve, *, noise, floor=None, phi=0.0):
    """How often the true family is named, and how often a wrong one, over eight seeds each."""
    rng = np.random.default_rng(1)
    right = wrong = 0
    for _ in range(STUDIES):
        curves = [(EPOCHS, noisy(curve, noise, rng, floor=floor or 0.0, phi=phi)) for _ in range(8)]
        found = fit_rates_over_seeds(curves, floor=floor)
        right += found.family == family
        wrong += found.family not in (family, "cannot be determined")
    return right / STUDIES, wrong / STUDIES


@pytest.fixture
def measured(request):
    """Note a figure for `--junitxml`, from which docs/statistics.md quotes."""
    return lambda name, value: request.node.user_properties.append((name, f"{value:.4f}"))


@pytest.mark.slow
@pytest.mark.parametrize("setting", USUAL)
def test_names_the_true_family(setting, measured):
    """Each of 100 studies has 8 seeds of 50 epochs; Monte Carlo error 0.03 at 0.9, 0.02 at 0.05."""
    family, curve, floor = USUAL[setting]
    right, wrong = named(family, curve, noise=0.02, floor=floor)
    measured("named", right)
    measured("wrong", wrong)
    assert right >= 0.9
    assert wrong <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize("setting", HARD)
def test_names_no_wrong_family_where_it_is_hard(setting, measured):
    """Each of 100 studies has 8 seeds of 50 epochs; Monte Carlo error 0.02 at 0.05."""
    family, curve, noise, phi = HARD[setting]
    right, wrong = named(family, curve, noise=noise, phi=phi)
    measured("named", right)
    measured("wrong", wrong)
    assert wrong <= 0.05
    if family == "constant":
        assert right == 0  # the null is never a verdict


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "curve", "rate"),
    [
        ("geometric", geometric(0.2, 0.9), -math.log(0.9)),
        ("power", power(0.1, 0.5), 0.5),
        ("hyperbolic", hyperbolic(0.1, 0.2), 0.2),
        ("stretched", stretched(0.1, 0.2, 0.5), 0.2),
    ],
)
def test_interval_covers_under_autocorrelated_noise(family, curve, rate, measured):
    """Noise of 2 %, AR(1) 0.7, 8 seeds, 500 studies: Monte Carlo error 0.01 at 0.95."""
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(500):
        curves = [(EPOCHS, noisy(curve, 0.02, rng, phi=0.7)) for _ in range(8)]
        found = fit_rates_over_seeds(curves, families=[family])
        covered += found.rate_low <= rate <= found.rate_high
    measured("covered", covered / 500)
    assert 0.90 <= covered / 500 <= 0.98

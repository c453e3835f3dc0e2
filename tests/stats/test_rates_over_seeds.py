from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import StatsError
from bench.stats import compare_rates, fit_rates_over_seeds
from tests.stats.curves import CURVES, DECAYING, EPOCHS, geometric, hyperbolic, noisy, seeds_of


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


@pytest.mark.parametrize("floor", [None, 0.0])
@pytest.mark.parametrize("seeds", [1, 2, 3, 6])
@pytest.mark.parametrize(
    "changed",
    [
        lambda y: y * 1e-320,
        lambda y: y * 1e-200,
        lambda y: y * 1e300,
        lambda y: y * 0,
        lambda y: y * 0 + 3,
        lambda y: y * 0 + 1.7e308,
        lambda y: -y,
        lambda y: 1 / y,
        lambda y: np.where(EPOCHS > 20, 0, y),
        lambda y: np.where(EPOCHS > 20, 1e-250, y),
        lambda y: np.where(EPOCHS == 7, 1e300, y),
        lambda y: np.where(EPOCHS == 0, 1e200, y),
        lambda y: np.where(EPOCHS == 7, np.inf, y),
        lambda y: np.round(y / 3) + 1,
        lambda y: np.exp(-10 * EPOCHS),
        lambda y: y.astype(np.float32),
    ],
)
def test_no_values_raise(changed, seeds, floor):
    curves = [(k, changed(y)) for k, y in seeds_of("geometric", seeds=seeds)]
    found = fit_rates_over_seeds(curves, floor=floor)
    assert found.determined == (found.family == found.best_family)
    assert found.determined or found.reasons


@pytest.mark.parametrize("unit", [1e-300, 1e-200, 1e300])
def test_the_unit_of_the_values_does_not_matter(unit):
    curves = seeds_of("power", seeds=6)
    one = fit_rates_over_seeds(curves)
    other = fit_rates_over_seeds([(k, y * unit) for k, y in curves])
    assert one.family == other.family == "power"
    assert other.rate == pytest.approx(one.rate, rel=1e-6)
    assert other.rate_low == pytest.approx(one.rate_low, rel=1e-6)
    p, q = (found.lack_of_fit["power"].p_value for found in (one, other))
    assert p == pytest.approx(q, rel=1e-3)


def test_a_seed_of_another_scale_does_not_matter():
    curves = seeds_of("geometric", seeds=6)
    scaled = [(k, y * 10.0 ** (100 * i - 250)) for i, (k, y) in enumerate(curves)]
    one, other = fit_rates_over_seeds(curves), fit_rates_over_seeds(scaled)
    assert one.family == other.family == "geometric"
    assert other.rate == pytest.approx(one.rate, rel=1e-6)


def test_curves_of_unequal_length_are_compared_where_all_have_points():
    curves = [
        (k[: 30 + 4 * i], y[: 30 + 4 * i])
        for i, (k, y) in enumerate(seeds_of("geometric", seeds=6))
    ]
    assert fit_rates_over_seeds(curves).family == "geometric"
    apart = [(k + i / 10, y) for i, (k, y) in enumerate(seeds_of("geometric", seeds=6))]
    assert fit_rates_over_seeds(apart).reasons == (
        "The seeds' curves have too few points in common.",
    )


def test_says_what_is_left():
    def reasons(curve):
        rng = np.random.default_rng(2)
        k = np.linspace(0, 50, 51)
        found = fit_rates_over_seeds(
            [(k, curve(k) * np.exp(0.02 * rng.normal(size=51))) for _ in range(8)]
        )
        return found.reasons

    (sigmoid,) = reasons(lambda k: 0.1 + 2 / (1 + np.exp((k - 20) / 4)))
    assert sigmoid == "It is none of these laws: a logistic curve describes it."
    (slow,) = reasons(lambda k: 1 / np.log(k + 10))
    assert slow.startswith("The seeds leave open what it is: ")
    assert "hyperbolic" in slow
    assert "logarithmic, which is no law here" in slow
    (drop,) = reasons(lambda k: 0.1 + np.where(k < 25, 0.5 + 2 * 0.9**k, 0.2))
    assert drop.startswith("No law of these describes it: the mean curve departs from the best, ")
    assert drop.endswith("(p < 0.0001).")


def test_two_laws_that_are_one_curve_are_both_left():
    rng = np.random.default_rng(3)
    curves = [(EPOCHS, noisy(hyperbolic(0.1, 1.0), 0.02, rng)) for _ in range(8)]
    found = fit_rates_over_seeds(curves)
    assert found.reasons == ("The seeds leave open what it is: power; hyperbolic.",)


def test_a_tolerance_lets_an_asymptote_pass():
    k = np.arange(60.0)
    seeds = [(k, 2 * 0.8**k + s * 0.3 * 0.6**k) for s in (1.0, 1.1, 0.9, 1.05, 0.95)]
    strict, tolerant = (
        fit_rates_over_seeds(seeds, floor=0.0, families=("geometric", "power"), tolerance=t)
        for t in (0, 0.03)
    )
    assert "departs" in strict.reasons[0]
    assert tolerant.family == "geometric"
    assert tolerant.lack_of_fit["geometric"].of_fall < 0.03


def test_seeds_with_rates_of_their_own_exclude_what_fits_none_of_them():
    rng = np.random.default_rng(4)
    curves = [
        (EPOCHS, noisy(geometric(0.2, rho), 0.02, rng)) for rho in (0.7, 0.8, 0.85, 0.9, 0.92, 0.94)
    ]
    found = fit_rates_over_seeds(curves, families=("geometric", "power", "constant"))
    assert found.lack_of_fit["power"].p_value < 0.01
    assert found.lack_of_fit["constant"].p_value < 0.01
    assert found.lack_of_fit["geometric"].p_value > 0.01


def test_a_floor_at_zero_does_not_make_rates_too_high():
    rng = np.random.default_rng(5)
    curves = [(EPOCHS, noisy(geometric(0.0, 0.95), 0.02, rng, phi=0.7)) for _ in range(60)]
    found = fit_rates_over_seeds(curves, families=["geometric"])
    bounded = [fit.rate for fit in found.fits]
    assert np.mean(np.log(bounded)) > np.log(-math.log(0.95)) + 0.005
    assert found.rate_low < -math.log(0.95) < found.rate_high


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

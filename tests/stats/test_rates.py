from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.signal import lfilter

from bench.errors import StatsError
from bench.stats import compare_rates, fit_rate, fit_rates_over_seeds, rates

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


def noisy(curve, noise, rng, *, floor=0.0, phi=0.0, k=EPOCHS):
    """A curve times 1 + noise, as an AR(1) of coefficient phi; the known floor has none."""
    shocks = rng.normal(size=k.size) * math.sqrt(1 - phi**2)
    relative, _ = lfilter([1], [1, -phi], shocks, zi=[phi * rng.normal()])
    return floor + (curve(k) - floor) * (1 + noise * relative)


def seeds_of(family, *, noise=0.02, seeds=8, seed=0, k=EPOCHS):
    rng = np.random.default_rng(seed)
    return [(k, noisy(CURVES[family][0], noise, rng, k=k)) for _ in range(seeds)]


# --- published fits ------------------------------------------------------------------------------


def solved(family, x, y, *, with_floor):
    """Coefficients, shape and residual sum of squares of an unweighted fit."""
    x, y = np.array(x), np.array(y)
    problem = rates._Problem(family, x, y, np.ones(x.size), with_floor)
    shape = problem.refine(problem.search())
    (coefficients,), (residuals,) = problem.project(shape[None])
    return [*coefficients, *np.exp(shape)], (residuals**2).sum()


def decays(*boxes):
    return rates._Family(bases=rates._decay, box=lambda _k: list(boxes))


def rising(base, box):
    return rates._Family(bases=lambda k, x: 1 - base(k, x[:, :, None]), box=lambda _k: [box])


@pytest.mark.parametrize(
    ("name", "family", "with_floor", "order"),
    [
        ("Misra1a", rising(lambda k, c: np.exp(-c * k), (1e-6, 1, 60)), False, [0, 1]),
        ("Misra1c", rising(lambda k, c: (1 + 2 * c * k) ** -0.5, (1e-6, 1, 60)), False, [0, 1]),
        ("Lanczos3", decays(*[(0.3, 10, 12)] * 3), False, None),
    ],
)
def test_nist(oracle, name, family, with_floor, order):
    case = oracle("nist_strd_nonlinear")["sets"][name]
    found, rss = solved(family, case["x"], case["y"], with_floor=with_floor)
    if order is None:  # the sum of exponentials does not say which comes first
        parts = sorted(zip(found[3:], found[:3], strict=True))
        found = [number for rate, amplitude in parts for number in (amplitude, rate)]
    assert found == pytest.approx(case["certified"], rel=1e-6)
    assert rss == pytest.approx(case["certified_rss"], rel=1e-6)


def test_nist_two_exponentials_of_opposite_signs(oracle):
    # b2 > -b3 > 0: written as (b2 + b3) exp(-x b4) - b3 (exp(-x b4) - exp(-x b5)), nothing is < 0.
    def bases(k, x):
        slow, fast = np.exp(-x[:, :1] * k), np.exp(-x[:, 1:] * k)
        return np.stack([slow, slow - fast], axis=1)

    case = oracle("nist_strd_nonlinear")["sets"]["MGH17"]
    family = rates._Family(bases=bases, box=lambda _k: [(1e-3, 1, 30)] * 2)
    (a, total, b, slow, fast), rss = solved(family, case["x"], case["y"], with_floor=True)
    assert [a, total + b, -b, slow, fast] == pytest.approx(case["certified"], rel=1e-6)
    assert rss == pytest.approx(case["certified_rss"], rel=1e-6)


def test_r_geometric_with_floor(oracle):
    case = oracle("r_nls_selfstart")["sets"]["SSasympOff_CO2Qn1"]
    values = 100 - np.array(case["y"])
    found = fit_rate(case["x"], values, weights="none").of("geometric").parameters
    expected = case["equivalent"]
    assert 100 - found["a"] == pytest.approx(expected["a"], rel=1e-6)
    assert -found["b"] == pytest.approx(expected["b"], rel=1e-6)
    assert found["rho"] == pytest.approx(expected["rho"], rel=1e-6)


def test_r_stretched_with_floor(oracle):
    case = oracle("r_nls_selfstart")["sets"]["SSweibull_Chick6"]
    fit = fit_rate(case["x"], 200 - np.array(case["y"]), weights="none")
    found = fit.of("stretched").parameters
    own = [200 - found["a"], found["b"], found["beta"] * math.log(found["c"]), found["beta"]]
    assert own == pytest.approx(case["refit"], rel=1e-6)
    gaussian = case["ic_recomputed"]  # up to what all families share
    size, n = 200 - min(case["y"]), len(case["x"])
    shared = n * (math.log(2 * math.pi) + 1 + 2 * math.log(size))
    assert fit.of("stretched").aicc + shared == pytest.approx(gaussian["AICc"])


def test_r_two_exponentials(oracle):
    case = oracle("r_nls_selfstart")["sets"]["SSbiexp_Indometh1"]
    found, rss = solved(rates._FAMILIES["two-rate"], case["x"], case["y"], with_floor=False)
    parts = sorted(zip(found[2:], found[:2], strict=True), reverse=True)
    own = [number for rate, amplitude in parts for number in (amplitude, math.log(rate))]
    assert own == pytest.approx(case["refit"], rel=1e-6)
    assert rss == pytest.approx(case["rss"], rel=1e-6)


# --- known curves --------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", ["relative", "none"])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("family", CURVES)
def test_recovers_a_noiseless_curve(family, known, weights):
    curve, parameters = CURVES[family]
    floor = parameters["a"] if known and family != "constant" else None
    fit = fit_rate(EPOCHS, curve(EPOCHS), floor=floor, weights=weights)
    assert fit.family == family
    assert fit.parameters == pytest.approx(parameters, rel=1e-6)
    assert fit.predict(EPOCHS) == pytest.approx(curve(EPOCHS))
    kind = "none" if family == "constant" else "known" if known else "fitted"
    assert fit.floor_kind == kind


@pytest.mark.parametrize("family", ["geometric", "power", "hyperbolic", "stretched"])
def test_a_floor_of_zero_is_no_floor(family):
    curve, parameters = CURVES[family]
    fit = fit_rate(EPOCHS, curve(EPOCHS) - parameters["a"])
    assert (fit.family, fit.floor) == (family, 0)
    assert fit.floor_kind == "indistinguishable from 0"


def test_fractions_of_an_epoch_and_a_late_start():
    k = np.linspace(3.5, 20, 67)
    fit = fit_rate(k, 1 + 5 * 0.8**k)
    assert fit.parameters == pytest.approx({"a": 1, "b": 5, "rho": 0.8}, rel=1e-6)
    fit = fit_rate(k, 5 * (k + 1) ** -1.5)
    assert fit.parameters == pytest.approx({"a": 0, "b": 5, "p": 1.5}, rel=1e-6)


def test_numbers_without_a_family():
    k = np.arange(30.0)
    fit = fit_rate(k, 5 + 8 * 0.5 ** (k / 4), floor=5)
    assert fit.halving_time == pytest.approx(4)
    assert fit_rate(k, 6 * (k + 1) ** -0.75).local_slope == pytest.approx(-0.75)
    known = fit_rate(k, 2 + 6 * (k + 1) ** -0.75, floor=2)
    assert known.local_slope == pytest.approx(-0.75)
    assert fit_rate(k, 1 + k).halving_time == math.inf


@pytest.mark.parametrize(("dtype", "rel"), [(np.float64, 1e-4), (np.float32, 1e-3)])
@pytest.mark.parametrize("floor", [0.0, 3.0])
def test_round_off_does_not_spoil_the_tail(dtype, rel, floor):
    # Full-batch descent arrives: from k = 60 on only rounding is left of 0.55^k.
    k = np.arange(120.0)
    values = (floor + 2 * 0.55**k).astype(dtype)
    values += np.where(k > 60, 3 * np.finfo(dtype).eps, 0).astype(dtype) * (k % 3).astype(dtype)
    fit = fit_rate(k, values, floor=floor)
    assert fit.family == "geometric"
    assert fit.points < 60
    assert fit.rate == pytest.approx(-math.log(0.55), rel=rel)
    assert fit.reasons == ()
    coarse = fit_rate(k, values, floor=floor, resolution=1e-4)
    assert coarse.points < fit.points


def test_segments_count_from_their_breakpoint():
    k = np.arange(80.0)
    values = np.where(k < 40, 0.5 + 2 * 0.9**k, 0.1 + 0.4 * 0.8 ** (k - 40))
    fit = fit_rate(k, values, breakpoints=[40])
    assert fit.parameters == pytest.approx({"a": 0.1, "b": 0.4, "rho": 0.8}, rel=1e-6)
    assert (fit.points, fit.origin) == (40, 40)
    (first,) = fit.earlier
    assert first.parameters == pytest.approx({"a": 0.5, "b": 2, "rho": 0.9}, rel=1e-6)
    assert fit.predict(k[40:]) == pytest.approx(values[40:])
    seeds = fit_rates_over_seeds([(k, values * scale) for scale in range(1, 6)], breakpoints=[40])
    assert (seeds.family, seeds.earlier[0].family) == ("geometric", "geometric")
    assert seeds.rate == pytest.approx(-math.log(0.8))
    assert seeds.earlier[0].rate == pytest.approx(-math.log(0.9))


def test_a_breakpoint_behind_the_end_leaves_nothing():
    fit = fit_rate(EPOCHS, CURVES["power"][0](EPOCHS), breakpoints=[90])
    assert fit.best is None
    assert "too few points" in fit.reasons[0]
    assert fit.earlier[0].family == "power"


# --- curves that settle nothing ------------------------------------------------------------------


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
        assert (fit.rate, fit.floor, fit.aicc, fit.hold_out_error) == (None,) * 4
        assert (fit.at_grid_edge, fit.decay_observed, fit.predict(k)) == (None,) * 3
        assert (over.best_family, over.rate, over.floor) == (None, None, None)


def test_below_a_known_floor():
    fit = fit_rate(EPOCHS, CURVES["geometric"][0](EPOCHS), floor=0.5)
    assert fit.below_floor
    assert fit.best is None


def test_one_diverged_seed_is_not_dropped():
    curves = seeds_of("geometric")
    curves[3][1][-5:] = np.nan
    found = fit_rates_over_seeds(curves)
    assert found.family == "cannot be determined"
    assert found.reasons[0].endswith("1 of 8 seeds.")
    assert found.rates[3] is None


def test_two_rates_need_forty_points():
    k = np.linspace(0, 50, 39)
    assert fit_rate(k, CURVES["two-rate"][0](k)).of("two-rate") is None
    k = np.linspace(0, 50, 40)
    assert fit_rate(k, CURVES["two-rate"][0](k)).family == "two-rate"


# --- seeds ---------------------------------------------------------------------------------------


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
    assert found.wins_hold_out >= 7


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
    assert any("fits best in 4 of 8 seeds" in reason for reason in found.reasons)
    assert any("predicts the last 30 %" in reason for reason in found.reasons)


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


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: fit_rate([], []), "too few k"),
        (lambda: fit_rate([0, 1], [1]), "differ in length"),
        (lambda: fit_rate([0, 1], [[1, 2]]), "differ in length"),
        (lambda: fit_rate([0, 0], [1, 1]), "does not increase"),
        (lambda: fit_rate([-1, 0], [1, 1]), "does not increase"),
        (lambda: fit_rate([0, math.nan], [1, 1]), "NaN"),
        (lambda: fit_rate([0, 1], ["x", "y"]), "not all numbers"),
        (lambda: fit_rate([0, 1], [1, 1], floor=math.nan), "NaN"),
        (lambda: fit_rate([0, 1], [1, 1], families=["geometrc"]), "unknown family"),
        (lambda: fit_rate([0, 1], [1, 1], families=[]), "no families"),
        (lambda: fit_rate([0, 1], [1, 1], weights="some"), "unknown weights"),
        (lambda: fit_rate([0, 1], [1, 1], resolution=2), "resolution"),
        (lambda: fit_rate([0, 1], [1, 1], breakpoints=[math.inf]), "infinite"),
        (lambda: fit_rate([0, 1], [1, 1]).of("linear"), "unknown family"),
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


# --- laws ----------------------------------------------------------------------------------------

FAST = settings(max_examples=25, deadline=None)
DECAYING = ["geometric", "power", "hyperbolic", "stretched"]


@FAST
@given(
    steps=arrays(float, st.integers(1, 40), elements=st.floats(1e-3, 1e3)),
    start=st.floats(0, 1e3),
    floor=st.none() | st.floats(-10, 10),
    data=st.data(),
)
def test_never_raises_on_finite_values(steps, start, floor, data):
    k = start + np.cumsum(steps)
    finite = st.floats(-1e300, 1e300) | st.floats(0, 1) | st.sampled_from([0.0, 1.0, 1e-310])
    values = data.draw(arrays(float, k.size, elements=finite))
    weights = data.draw(st.sampled_from(["relative", "none"]))
    fit = fit_rate(k, values, floor=floor, weights=weights, breakpoints=[k[0] + 5])
    for candidate in fit.candidates:
        assert 0 <= candidate.decay_observed <= 1
        predicted = candidate.predict(k)
        assert np.isfinite(predicted[k >= fit.origin]).all()
        assert np.isnan(predicted[k < fit.origin]).all()
        assert all(b >= 0 for b in candidate.amplitudes)


@FAST
@given(st.sampled_from(DECAYING), st.integers(0, 99), st.floats(1e-6, 1e6))
def test_another_unit_of_the_values_leaves_the_rate(family, seed, unit):
    ((k, values),) = seeds_of(family, seeds=1, seed=seed)
    one, other = (fit_rate(k, values * factor) for factor in (1, unit))
    assert one.family == other.family
    for mine, theirs in zip(one.candidates, other.candidates, strict=True):
        assert theirs.shape == pytest.approx(mine.shape, rel=1e-4)
        assert theirs.amplitudes == pytest.approx(np.array(mine.amplitudes) * unit, rel=1e-4)
        assert theirs.floor == pytest.approx(mine.floor * unit, rel=1e-4, abs=1e-4 * unit)


@FAST
@given(
    st.sampled_from(["geometric", "hyperbolic", "stretched"]),
    st.integers(0, 99),
    st.floats(1e-3, 1e3),
)
def test_another_unit_of_k_scales_the_rate(family, seed, unit):
    ((k, values),) = seeds_of(family, seeds=1, seed=seed)
    one, other = (fit_rate(k * factor, values).of(family) for factor in (1, unit))
    assert other.rate * unit == pytest.approx(one.rate, rel=1e-4)
    assert other.shape[1:] == pytest.approx(one.shape[1:], rel=1e-4)


@FAST
@given(st.integers(0, 99), st.floats(0, 100))
def test_a_later_start_leaves_a_geometric_rate(seed, delay):
    ((k, values),) = seeds_of("geometric", seeds=1, seed=seed)
    one, other = (fit_rate(start + k, values, families=["geometric"]).best for start in (0, delay))
    assert other.rate == pytest.approx(one.rate, rel=1e-4)
    assert other.amplitudes[0] == pytest.approx(
        one.amplitudes[0] * math.exp(delay * one.rate), rel=0.02
    )


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


def power(a, p):
    return lambda k: a + 2 * (k + 1) ** -p


def hyperbolic(a, c):
    return lambda k: a + 2 / (1 + c * k)


def geometric(a, rho):
    return lambda k: a + 2 * rho**k


def stretched(a, c, beta):
    return lambda k: a + 2 * np.exp(-((c * k) ** beta))


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

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench.errors import StatsError
from bench.stats import fit_rate, fit_rates_over_seeds
from tests.stats.curves import CURVES, DECAYING, EPOCHS, seeds_of

# --- published fits ------------------------------------------------------------------------------


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
    ],
)
def test_one_clear_error(call, problem):
    with pytest.raises(StatsError, match=problem):
        call()


# --- laws ----------------------------------------------------------------------------------------

FAST = settings(max_examples=25, deadline=None)


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
@example("geometric", 26, 3.0)
def test_another_unit_of_the_values_leaves_the_rate(family, seed, unit):
    ((k, values),) = seeds_of(family, seeds=1, seed=seed)
    one, other = (fit_rate(k, values * factor) for factor in (1, unit))
    assert one.family == other.family
    for mine, theirs in zip(one.candidates, other.candidates, strict=True):
        assert theirs.predict(k) == pytest.approx(mine.predict(k) * unit, rel=1e-4)
        if mine.family == "two-rate":  # two rates that nearly coincide share their fall anyhow
            continue
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

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from bench.errors import StatsError
from bench.stats import logrank, restricted_mean_difference, survival_curve

runs = st.lists(st.tuples(st.integers(1, 20), st.booleans()), min_size=3, max_size=25)


def groups(case, *names):
    time, event, group = (np.array(case[key]) for key in ("time", "event", "group"))
    return [(time[group == name], event[group == name]) for name in names]


def steps(curve):
    """One row per event, like R's summary: time, at risk, events, survival, standard error."""
    columns = (curve.times, curve.at_risk, curve.events, curve.probability, curve.standard_error)
    return np.column_stack(columns)[curve.events > 0]


def test_aml(oracle):
    case = oracle("survival_time_to_target")["aml"]
    names = ("Maintained", "Nonmaintained")
    maintained, other = groups(case, *names)
    for name, data in zip(names, (maintained, other), strict=True):
        curve = survival_curve(*data)
        assert steps(curve) == pytest.approx(np.array(case["recomputed"][f"km_{name}"]))
        assert curve.median == case["recomputed"][f"median_{name}"]
    found = logrank(*maintained, *other)
    assert found.chi2 == pytest.approx(case["recomputed"]["chisq"])
    assert found.p_value == pytest.approx(case["recomputed"]["p"])
    assert found.chi2 == pytest.approx(case["R_survdiff"]["chisq"], abs=0.05)


def test_ovarian(oracle):
    case = oracle("survival_time_to_target")["ovarian"]
    found = steps(survival_curve(case["time"], case["event"]))
    published = np.array(case["R"]["km_all"])[:, :5]
    assert found[:, :3] == pytest.approx(published[:, :3])
    assert found[:, 3] == pytest.approx(published[:, 3], abs=5e-4)
    assert found[:, 4] == pytest.approx(published[:, 4], abs=5e-5)
    one, two = groups(case, 1, 2)
    assert logrank(*one, *two).chi2 == pytest.approx(case["R"]["logrank_chisq"], abs=5e-4)
    assert logrank(*one, *two).p_value == pytest.approx(case["R"]["p"], abs=5e-4)


def test_lung_restricted_means(oracle):
    case = oracle("survival_time_to_target")["lung_rmst730_by_ecog"]
    for name, (time, event) in zip("012", groups(case, 0, 1, 2), strict=True):
        published = case["R"][name]
        curve = survival_curve(time, event)
        mean, error = curve.area(case["tau"])
        assert mean == pytest.approx(published["rmst"], abs=0.5)
        assert error == pytest.approx(published["se"], abs=0.05)
        assert (mean, error) == pytest.approx(case["recomputed"][name])
        assert curve.median == published["median"]
        assert curve.events.sum() == published["events"]


def test_pbc_restricted_mean_difference(oracle):
    case = oracle("survival_time_to_target")["pbc_survRM2_tau10"]
    time, event, arm = (np.array(case[key]) for key in ("time_years", "event", "arm"))
    one, zero = ((time[arm == k], event[arm == k]) for k in (1, 0))
    expected = case["expected"]
    mean, error = survival_curve(*one).area(case["tau"])
    assert (mean, error) == pytest.approx((expected["rmst1"], expected["se1"]), abs=5e-4)
    found = restricted_mean_difference(*one, *zero, tau=case["tau"])
    assert found.difference == pytest.approx(expected["diff"], abs=5e-4)
    assert (found.ci_low, found.ci_high) == pytest.approx(expected["ci"], abs=5e-4)
    assert found.p_value == pytest.approx(expected["p"], abs=5e-4)
    assert found.standard_error == pytest.approx(case["recomputed"]["se"])


def test_logrank_cases(oracle):
    for case in oracle("survival_time_to_target")["logrank_cases"]:
        x, y = (
            (
                [*case[f"{side}_events"], *case[f"{side}_censored"]],
                [1] * len(case[f"{side}_events"]) + [0] * len(case[f"{side}_censored"]),
            )
            for side in "xy"
        )
        found = logrank(*x, *y)
        assert found.chi2 == pytest.approx(case["chi2"])
        assert found.p_value == pytest.approx(case["p_two_sided"])


def test_freireich(oracle):
    case = oracle("survival_time_to_target")["freireich_6mp"]
    events, censored = case["six_mp_events"], case["six_mp_censored"]
    six_mp = (events + censored, [1] * len(events) + [0] * len(censored))
    placebo = (case["placebo_events"], [1] * len(case["placebo_events"]))
    found = logrank(*six_mp, *placebo)
    assert found.chi2 == pytest.approx(case["expected"]["logrank_chi2"], abs=0.005)
    assert found.p_value == pytest.approx(case["recomputed"]["p"])
    curve = survival_curve(*six_mp)
    assert steps(curve) == pytest.approx(np.array(case["recomputed"]["km"]))
    assert curve.median == case["expected"]["six_mp_median"]
    assert survival_curve(*placebo).median == case["expected"]["placebo_median"]


@given(runs)
@settings(deadline=None)
def test_curve_agrees_with_statsmodels(data):
    times, reached = (np.array(column, dtype=float) for column in zip(*data, strict=True))
    assume(reached.any())
    found = steps(survival_curve(times, reached))
    expected = SurvfuncRight(times, reached)
    assert found[:, 0] == pytest.approx(expected.surv_times)
    assert found[:, 3] == pytest.approx(expected.surv_prob)
    alive = found[:, 3] > 0  # at zero statsmodels divides by zero
    assert found[alive, 4] == pytest.approx(expected.surv_prob_se[alive])


@given(runs, runs)
@settings(deadline=None)
def test_logrank_agrees_with_statsmodels(one, two):
    (ta, ea), (tb, eb) = (
        [np.array(column, dtype=float) for column in zip(*data, strict=True)] for data in (one, two)
    )
    assume(ea.any() or eb.any())
    try:
        found = logrank(ta, ea, tb, eb)
    except StatsError as error:
        assert "first" in str(error)  # noqa: PT017
        return
    group = np.repeat([0, 1], [len(ta), len(tb)])
    chi2, p = survdiff(np.concatenate([ta, tb]), np.concatenate([ea, eb]), group)
    assert found.chi2 == pytest.approx(chi2, abs=1e-9)
    assert found.p_value == pytest.approx(p)
    assert logrank(tb, eb, ta, ea).p_value == pytest.approx(found.p_value)


def test_without_censoring_the_area_is_the_mean_with_its_error():
    times = np.array([3.0, 7.0, 8.0, 12.0, 20.0])
    mean, error = survival_curve(times, [1] * 5).area(25.0)
    assert mean == pytest.approx(times.mean())
    assert error == pytest.approx(times.std() / 5**0.5)


def test_no_run_reaches():
    curve = survival_curve([10.0, 10.0, 12.0], [0, 0, 0])
    assert curve.probability.tolist() == [1, 1]
    assert curve.standard_error.tolist() == [0, 0]
    assert curve.median == math.inf
    assert curve.area(11.0) == (11.0, 0.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: survival_curve([1.0], [1, 0]), "differ in length"),
        (lambda: survival_curve([], []), "too few"),
        (lambda: survival_curve([-1.0], [1]), "negative"),
        (lambda: survival_curve([math.inf], [0]), "infinite"),
        (lambda: survival_curve([1.0, 2.0], [1, 0]).area(3.0), "not known so far out"),
        (lambda: survival_curve([1.0, 2.0], [1, 0]).area(0.0), "tau"),
        (lambda: logrank([1.0], [0], [2.0], [0]), "no run reached"),
        (lambda: logrank([1.0], [1], [1.0], [1]), "first"),
        (
            lambda: restricted_mean_difference([9.0], [0], [9.0], [0], tau=5.0),
            "nothing can be tested",
        ),
        (
            lambda: restricted_mean_difference([1, 2], [1, 1], [1, 3], [1, 1], tau=3, alpha=1),
            "alpha",
        ),
    ],
)
def test_refused(call, message):
    with pytest.raises(StatsError, match=message):
        call()

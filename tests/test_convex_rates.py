"""The suite whose answers theory knows: trained for real, measured, and held against theory."""

from __future__ import annotations

import pytest

from bench import driver
from bench.analysis import analyse
from bench.analysis.theory import agreement
from bench.suite import load_suite

CHOSEN = ("gd", "gd-best-step", "sgd-0.1", "sgd-0.05", "sgd-diminishing", "svrg")


def trained(question, folder):
    suite = load_suite("convex_rates").resized(profile="quick", questions=[question])
    asked = suite.questions[question]
    kept = {name: variant for name, variant in asked.variants.items() if name in CHOSEN}
    fewer = asked.model_copy(update={"variants": kept, "claims": []})
    suite = suite.model_copy(update={"questions": {question: fewer}})
    return analyse(driver.run(suite, folder, workers=0))


@pytest.fixture(
    scope="module",
    params=[
        "squares-10",
        pytest.param("squares-100", marks=pytest.mark.slow),
        pytest.param("squares-1000", marks=pytest.mark.slow),
    ],
)
def found(request, tmp_path_factory):
    return trained(request.param, tmp_path_factory.mktemp("convex"))


@pytest.fixture
def rates(found):
    return {rate.variant: rate for rate in found.questions[0].rates}


@pytest.mark.parametrize("variant", ["gd", "gd-best-step"])
def test_gradient_descent_falls_as_fast_as_theory_says(rates, variant):
    rate = rates[variant]
    assert rate.fitted.family == "geometric"
    assert agreement(rate.predicted, rate.tail[0]) == pytest.approx(1, abs=0.01)


def test_the_floor_of_a_constant_step_is_proportional_to_it(rates):
    def floor(variant):
        curves = rates[variant].curves.values()
        second_half = [c.objective[c.k > c.k[-1] / 2].mean() for c in curves]
        return sum(second_half) / len(second_half)

    assert floor("sgd-0.1") / floor("sgd-0.05") == pytest.approx(2, rel=0.2)


def test_variance_reduction_is_geometric_where_sgd_is_not(rates):
    assert rates["svrg"].fitted.family == "geometric"
    assert rates["sgd-0.1"].fitted.family != "geometric"


def test_a_diminishing_step_is_a_power_near_one_or_cannot_be_determined(rates):
    fitted = rates["sgd-diminishing"].fitted
    assert fitted.family in ("power", "cannot be determined")
    if fitted.family == "power":
        assert fitted.rate == pytest.approx(1, abs=0.5)


def test_theory_stands_in_the_frame(found):
    frame = found.rates.set_index("variant")
    assert frame.predicted_factor["gd"] < 1
    assert "O(1/k)" in frame.theory["sgd-diminishing"]
    assert frame.optimum.nunique() == 1

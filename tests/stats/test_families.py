"""Variable projection against published fits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.stats.families import SHAPES, Family, Problem, _decay


def solved(family, x, y, *, with_floor):
    """Coefficients, shape and residual sum of squares of an unweighted fit."""
    x, y = np.array(x), np.array(y)
    problem = Problem(family, x, y[None], np.ones((1, x.size)), with_floor)
    shape = problem.refine(problem.search())
    coefficients, residuals = (found[0, 0] for found in problem.project(shape[None]))
    return [*coefficients, *np.exp(shape[0])], (residuals**2).sum()


def decays(*boxes):
    return Family(bases=_decay, box=lambda _k: list(boxes))


def rising(base, box):
    return Family(bases=lambda k, x: 1 - base(k, x[..., None]), box=lambda _k: [box])


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
        slow, fast = np.exp(-x[..., :1] * k), np.exp(-x[..., 1:] * k)
        return np.stack([slow, slow - fast], axis=-2)

    case = oracle("nist_strd_nonlinear")["sets"]["MGH17"]
    family = Family(bases=bases, box=lambda _k: [(1e-3, 1, 30)] * 2)
    (a, total, b, slow, fast), rss = solved(family, case["x"], case["y"], with_floor=True)
    assert [a, total + b, -b, slow, fast] == pytest.approx(case["certified"], rel=1e-6)
    assert rss == pytest.approx(case["certified_rss"], rel=1e-6)


def test_r_two_exponentials(oracle):
    case = oracle("r_nls_selfstart")["sets"]["SSbiexp_Indometh1"]
    found, rss = solved(SHAPES["two-rate"], case["x"], case["y"], with_floor=False)
    parts = sorted(zip(found[2:], found[:2], strict=True), reverse=True)
    own = [number for rate, amplitude in parts for number in (amplitude, math.log(rate))]
    assert own == pytest.approx(case["refit"], rel=1e-6)
    assert rss == pytest.approx(case["rss"], rel=1e-6)

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.weightstats import ttost_ind, ttost_paired

from bench.errors import StatsError
from bench.stats import equivalence_test


def test_published(oracle):
    for case in oracle("tost")["cases"]:
        found = equivalence_test(case["x"], case["y"], margin=case["upp"], kind=case["kind"])
        assert found.p_value == pytest.approx(case["R_p_value"], rel=1e-8)
        assert (found.ci_low, found.ci_high) == pytest.approx(case["R_ci90"], rel=1e-8)
        assert found.established == (case["R_result"] == "rejected")


@given(st.integers(0, 2**32 - 1), st.integers(3, 20), st.floats(0.05, 3))
@settings(deadline=None, max_examples=50)
def test_agrees_with_statsmodels(seed, n, margin):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n), rng.normal(0.2, 1.5, size=n)
    for kind, p in (
        ("paired", ttost_paired(a, b, -margin, margin)[0]),
        ("welch", ttost_ind(a, b, -margin, margin, usevar="unequal")[0]),
        ("pooled", ttost_ind(a, b, -margin, margin, usevar="pooled")[0]),
    ):
        assert equivalence_test(a, b, margin=margin, kind=kind).p_value == pytest.approx(p)


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 3), st.sampled_from([0.01, 0.05, 0.2]))
@settings(deadline=None, max_examples=50)
def test_established_is_the_interval_inside_the_margin(seed, margin, alpha):
    rng = np.random.default_rng(seed)
    found = equivalence_test(rng.normal(size=9), rng.normal(size=9), margin=margin, alpha=alpha)
    assert found.established == (-margin <= found.ci_low and found.ci_high <= margin)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"margin": 0.0}, "margin"),
        ({"margin": -1.0}, "margin"),
        ({"margin": math.inf}, "margin"),
        ({"margin": 1.0, "alpha": 0.5}, "alpha"),
        ({"margin": 1.0, "kind": "unpaired"}, "unknown kind"),
    ],
)
def test_refused(options, message):
    with pytest.raises(StatsError, match=message):
        equivalence_test([1.0, 2.0, 4.0], [1.0, 1.0, 1.5], **options)


def test_two_seeds_are_too_few():
    with pytest.raises(StatsError, match="3 or more"):
        equivalence_test([1.0, 2.0], [1.0, 3.0], margin=1.0)

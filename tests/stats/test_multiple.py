from __future__ import annotations

import math
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from bench.errors import StatsError
from bench.stats import adjust
from bench.stats.multiple import Method

METHODS = get_args(Method)
p_values = st.lists(
    st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0, 0.01, 0.05])), max_size=15
)
of_any_size = [m for m in METHODS if m != "shaffer"]

PUBLISHED = {
    "Bonferroni": "bonferroni",
    "Holm": "holm",
    "Hochberg": "hochberg",
    "SidakSS": "sidak",
    "SidakSD": "holm-sidak",
    "BH": "bh",
    "BY": "by",
}
STATSMODELS = {
    "bonferroni": "bonferroni",
    "sidak": "sidak",
    "holm": "holm",
    "holm-sidak": "holm-sidak",
    "hochberg": "simes-hochberg",
    "hommel": "hommel",
    "bh": "fdr_bh",
    "by": "fdr_by",
}


def test_published(oracle):
    for case in oracle("multiple_testing")["cases"]:
        for name, method in PUBLISHED.items():
            expected = case["expected"][name]
            assert adjust(case["raw"], method) == pytest.approx(expected, rel=1e-9)
        assert adjust(case["raw"], "hommel") == pytest.approx(case["hommel_statsmodels"])


@pytest.mark.parametrize("method", STATSMODELS)
@given(raw=p_values.filter(len))
@settings(deadline=None, max_examples=50)
def test_agrees_with_statsmodels(method, raw):
    with np.errstate(divide="ignore"):  # its log(1 - p) at p = 1
        expected = multipletests(raw, method=STATSMODELS[method])[1]
    assert adjust(raw, method) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
@given(data=st.data(), order=st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_laws(method, data, order):
    raw = data.draw(
        p_values if method != "shaffer" else st.lists(st.floats(0, 1), min_size=6, max_size=6)
    )
    adjusted = adjust(raw, method)
    assert all(p <= q <= 1 for p, q in zip(raw, adjusted, strict=True))
    by_raw = [q for _, q in sorted(zip(raw, adjusted, strict=True))]
    assert all(low <= high for low, high in pairwise(by_raw))
    places = list(range(len(raw)))
    order.shuffle(places)
    shuffled = adjust([raw[i] for i in places], method)
    assert shuffled == pytest.approx(tuple(adjusted[i] for i in places))
    if len(raw) == 1:
        assert adjusted == pytest.approx(raw)


@pytest.mark.parametrize("method", of_any_size)
@given(raw=p_values, where=st.integers(0, 15), hole=st.sampled_from([None, math.nan]))
@settings(deadline=None, max_examples=40)
def test_what_was_not_tested_stays_none_and_does_not_count(method, raw, where, hole):
    where = min(where, len(raw))
    adjusted = adjust([*raw[:where], hole, *raw[where:]], method)
    assert adjusted[where] is None
    assert adjusted[:where] + adjusted[where + 1 :] == adjust(raw, method)


@given(st.lists(st.floats(0, 1), min_size=10, max_size=10))
@settings(deadline=None, max_examples=60)
def test_who_is_never_stricter_than_whom(raw):
    found = {method: np.array(adjust(raw, method)) for method in METHODS}
    for strict, lenient in (
        ("bonferroni", "sidak"),
        ("bonferroni", "holm"),
        ("holm", "holm-sidak"),
        ("holm", "shaffer"),
        ("holm", "hochberg"),
        ("hochberg", "hommel"),
        ("hommel", "bh"),
        ("by", "bh"),
    ):
        assert (found[strict] >= found[lenient] - 1e-12).all()


# Shaffer (1986), table 1: how many of the pairs can still be equal after each rejection.
@pytest.mark.parametrize(
    ("k", "still_true"),
    [(3, [3, 1, 1]), (4, [6, 3, 3, 3, 2, 1]), (5, [10, *[6] * 4, 4, 4, 3, 2, 1])],
)
def test_shaffer_counts(k, still_true):
    tiny = np.arange(1, k * (k - 1) // 2 + 1) * 1e-9
    expected = np.maximum.accumulate(np.array(still_true) * tiny)
    assert adjust(tiny, "shaffer") == pytest.approx(tuple(expected))


def test_arrays_and_nothing():
    assert adjust(np.array([0.01, 0.02])) == (0.02, 0.02)
    assert adjust([]) == ()
    assert adjust([None, None]) == (None, None)


def test_demsar_holm(oracle):
    recomputed = oracle("demsar2006")["recomputed"]
    assert adjust(recomputed["holm_p"]) == pytest.approx(recomputed["holm_p_adjusted"])


@pytest.mark.parametrize(
    ("raw", "method", "message"),
    [
        ([0.5, 1.1], "holm", "outside 0 to 1"),
        ([-0.1], "bh", "outside 0 to 1"),
        ([0.5], "holmes", "did you mean 'holm'"),
        ([0.5, 0.5], "shaffer", "all pairs"),
        ([0.5, None, 0.5], "shaffer", "every pair"),
    ],
)
def test_refused(raw, method, message):
    with pytest.raises(StatsError, match=message):
        adjust(raw, method)

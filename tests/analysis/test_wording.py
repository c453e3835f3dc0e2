from __future__ import annotations

import math

import pytest

from bench.analysis import wording
from bench.frames import METRICS, probe_metric


@pytest.mark.parametrize(
    ("half", "places"),
    [(0.3, 2), (0.1, 2), (0.99, 2), (0.996, 1), (3, 1), (9.96, 0), (12, 0), (120, 0), (0.0042, 4)],
)
def test_decimals_follow_the_width_of_the_interval(half, places):
    assert wording.decimals(half) == places


def test_without_an_interval_three_digits_remain():
    assert [wording.decimals(None, v) for v in (0.0123, 1.5, 150.0, 0.0)] == [4, 2, 0, 0]
    assert wording.decimals(0.0, 1.5) == 2


def test_numbers():
    assert wording.number(-1.25, 1) == "−1.2"
    assert wording.number(-0.001, 1) == "0.0", "no negative zero"
    assert wording.number(12345.6, 0) == "12,346"
    assert wording.number(math.inf, 2) == "∞"
    assert wording.number(-1.2345e200, 0) == "−1.23 · 10^200"
    assert wording.number(4.5e-200, 201) == "4.5 · 10^-200".replace("-", "−")
    assert float(wording.number(0.0, 300)) == 0
    assert wording.number(None, 2) == wording.number(math.nan, 2) == "–"


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (None, "–"), (0.00003, "< .0001"), (0.0003, ".0003"), (0.00123, ".001"),
        (0.0323, ".032"), (0.412, ".41"), (0.999, "1"), (1.0, "1"),
    ],
)  # fmt: skip
def test_p_values(p, text):
    assert wording.p_value(p) == text


@pytest.mark.parametrize(
    ("alpha", "text"),
    [(0.05, ".050"), (0.0404, ".040"), (0.0037419, ".0037"), (0.0000413, ".000041")],
)
def test_levels_keep_two_digits(alpha, text):
    assert wording.level(alpha) == text


def test_p_with_its_name():
    assert wording.p_equals(0.032, "adjusted p") == "adjusted p = .032"
    assert wording.p_equals(0.0, "adjusted p") == "adjusted p < .0001"


def test_quantities_have_units():
    accuracy, time = METRICS["test_accuracy"], METRICS["epoch_time_s"]
    assert wording.quantity(0.95612, accuracy) == "95.61 %"
    assert wording.quantity(0.95612, accuracy, half_width=0.04) == "95.6 %"
    assert wording.quantity(0.1543, time) == "0.154 s"
    assert wording.quantity(5.0, METRICS["epochs_to_target"]) == "5 epochs"
    assert wording.quantity(0.011, METRICS["generalisation_gap"]) == "1.10 percentage points"
    assert wording.quantity(None, time) == "–"
    assert wording.quantity(292786.6, probe_metric("sparsity//gzip_bytes")) == "292,787 bytes"


def test_declared_numbers_stay_as_declared():
    assert wording.exact(0.956, METRICS["test_accuracy"]) == "95.6 %"
    assert wording.exact(133, METRICS["train_time_s"]) == "133 s"
    assert wording.exact(None, METRICS["train_time_s"]) == "–"


def test_lists_and_counts():
    assert wording.listed([]) == ""
    assert wording.listed(["a"]) == "a"
    assert wording.listed(["a", "b", "c"]) == "a, b and c"
    assert wording.counted(1, "seed") == "1 seed"
    assert wording.counted_between([5, 5.0], "seed") == "5 seeds"
    assert wording.counted_between([5, 4, 1200], "seed") == "4 to 1,200 seeds"
    assert wording.counted_between([], "seed") == "0 seeds"
    assert wording.seeds([3, 1, 2, 0]) == "0 to 3"
    assert wording.seeds([1, 5]) == "1 and 5"
    assert wording.seeds([]) == "none"

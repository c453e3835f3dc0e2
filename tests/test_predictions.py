"""Predictions come back as they were, and take little room."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bench.predictions import Predictions, pack


@given(st.integers(2, 300), st.integers(1, 200), st.integers(0, 1000))
def test_round_trip(classes, n, seed):
    rng = np.random.default_rng(seed)
    labels, predicted = rng.integers(0, classes, (2, n))
    packed = pack(predicted, labels, classes)
    found = Predictions({"t": ("data", packed.wrong_by)}, {"data": (classes, packed.labels)})
    assert "t" in found
    assert "u" not in found
    np.testing.assert_array_equal(found.labels("t"), labels)
    np.testing.assert_array_equal(found.predicted("t"), predicted)
    np.testing.assert_array_equal(found.correct("t"), predicted == labels)


def test_a_trial_on_mnist_takes_about_a_kilobyte():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 10_000)
    predicted = np.where(rng.random(10_000) < 0.96, labels, rng.integers(0, 10, 10_000))
    assert len(pack(predicted, labels, 10).wrong_by) < 1500

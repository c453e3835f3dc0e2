"""Predictions come back as they were, and take little room."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import predictions
from bench.errors import StoreError
from bench.predictions import Predictions, pack

GOOD = zlib.compress(np.array([0, 1, 2], "<u2").tobytes())


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


@pytest.mark.parametrize(
    ("labels", "wrong_by", "classes", "found"),
    [
        (GOOD, "text", 3, "bytes-like"),
        (GOOD, None, 3, "bytes-like"),
        (GOOD, b"not compressed", 3, "decompressing"),
        (GOOD, zlib.compress(b"odd"), 3, "multiple"),
        (GOOD, zlib.compress(b"\0\0" * 2), 3, "do not fit"),
        (GOOD, GOOD, 2, "do not fit"),
        (GOOD, GOOD, "3", "do not fit"),
        (zlib.compress(bytes(400)), zlib.compress(bytes(400)), 3, "more than 100 images"),
    ],
)
def test_what_no_network_says_of_any_image(labels, wrong_by, classes, found, monkeypatch):
    monkeypatch.setattr(predictions, "MAX_IMAGES", 100)
    kept = Predictions({"t": ("data", wrong_by)}, {"data": (classes, labels)})
    for ask in (kept.labels, kept.predicted, kept.correct):
        with pytest.raises(StoreError, match="cannot be read") as caught:
            ask("t")
        assert caught.value.where == "trial t"
        assert found in caught.value.found


def test_labels_that_are_missing():
    with pytest.raises(StoreError, match="cannot be read"):
        Predictions({"t": ("data", GOOD)}, {}).correct("t")

"""Sparsity: every number by hand."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bench.plugins import Trained
from bench.probes import sparsity

FIRST = np.array([[0.0, -3.0], [5e-8, 1.0]], np.float32)
SECOND = np.array([[0.0], [2.0]], np.float32)
WEIGHTS = [
    ("dense_1/kernel", FIRST),
    ("dense_1/bias", np.zeros(2, np.float32)),
    ("batch_normalization_1/gamma", np.ones(2, np.float32)),
    ("dense_2/kernel", SECOND),
]


def measured(weights):
    class Engine:
        def weights(self):
            return weights

    return sparsity.measure(Trained(Engine(), None, None))


@pytest.fixture
def found():
    return {(m.layer, m.measure): m.value for m in measured(WEIGHTS)}


def test_one_layer(found):
    assert found["dense_1", "weights"] == 4
    assert found["dense_1", "mean_abs"] == pytest.approx((3 + 1 + 5e-8) / 4)
    assert found["dense_1", "exact_zeros"] == 1 / 4
    assert found["dense_1", "below_1e-7"] == 2 / 4
    assert found["dense_1", "bytes"] == 16


def test_the_whole_network(found):
    assert found["", "weights"] == 6
    assert found["", "mean_abs"] == pytest.approx((3 + 1 + 5e-8 + 2) / 6)
    assert found["", "exact_zeros"] == 2 / 6
    assert found["", "below_1e-7"] == 3 / 6


def test_biases_and_norms_do_not_count(found):
    assert {layer for layer, _ in found} == {"dense_1", "dense_2", ""}


def test_gzip_is_of_the_actual_bytes(found):
    """Little-endian float32, as they lie in memory."""
    for layer, parts in (("dense_1", [FIRST]), ("", [FIRST, SECOND])):
        raw = b"".join(a.astype("<f4").tobytes() for a in parts)
        assert found[layer, "gzip_bytes"] == len(gzip.compress(raw, 9, mtime=0))


def test_zeros_pack_better():
    rng = np.random.default_rng(0)
    full = rng.normal(size=(100, 100)).astype(np.float32)
    sparse = np.where(rng.random(full.shape) < 0.9, 0, full).astype(np.float32)
    sizes = [
        next(m.value for m in measured([("a/kernel", w)]) if m.measure == "gzip_bytes")
        for w in (full, sparse)
    ]
    assert sizes[1] < sizes[0] / 4


def test_every_value_is_a_plain_float(found):
    assert all(type(value) is float for value in found.values())


def test_a_network_without_kernels():
    assert measured([("a/bias", np.zeros(3, np.float32))]) == []


PUBLISHED = [  # values, Hoyer (2004), Gini (Hurley and Rickard 2009)
    ([0, 0, 0, 1], 1.0, 0.75),
    ([1, 1, 1, 1], 0.0, 0.0),
    ([0, 1, 3, 5], 0.4787223414886701, 0.4722222222222222),
    (list(range(1, 11)), 0.16612950033136184, 0.3),
    ([0] * 99 + [5], 1.0, 0.99),
]


@pytest.mark.parametrize(("values", "hoyer", "gini"), PUBLISHED)
def test_hoyer_and_gini_from_their_definitions(values, hoyer, gini):
    assert sparsity.hoyer(np.array(values)) == pytest.approx(hoyer, abs=1e-12)
    assert sparsity.gini(np.array(values)) == pytest.approx(gini, abs=1e-12)


weights = arrays.arrays(np.float64, st.integers(2, 40), elements=st.floats(0.01, 100))


@given(weights, st.floats(0.01, 100))
def test_sparseness_knows_no_scale_no_sign_and_gini_no_copies(values, factor):
    for index in (sparsity.hoyer, sparsity.gini):
        assert index(-factor * values) == pytest.approx(index(values), abs=1e-9)
        assert -1e-9 <= index(values) <= 1
    assert sparsity.gini(np.repeat(values, 3)) == pytest.approx(sparsity.gini(values), abs=1e-9)


def test_nothing_is_said_of_zeros():
    assert np.isnan(sparsity.hoyer(np.zeros(3)))
    assert np.isnan(sparsity.gini(np.zeros(3)))
    assert np.isnan(sparsity.hoyer(np.ones(1)))

"""Sparsity: every number by hand."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from bench.probes import sparsity

FIRST = np.array([[0.0, -3.0], [5e-8, 1.0]], np.float32)
SECOND = np.array([[0.0], [2.0]], np.float32)
WEIGHTS = [
    ("dense_1/kernel", FIRST),
    ("dense_1/bias", np.zeros(2, np.float32)),
    ("batch_normalization_1/gamma", np.ones(2, np.float32)),
    ("dense_2/kernel", SECOND),
]


@pytest.fixture
def found():
    return {(m.layer, m.measure): m.value for m in sparsity.measure(WEIGHTS)}


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
    for layer, arrays in (("dense_1", [FIRST]), ("", [FIRST, SECOND])):
        raw = b"".join(a.astype("<f4").tobytes() for a in arrays)
        assert found[layer, "gzip_bytes"] == len(gzip.compress(raw, 9, mtime=0))


def test_zeros_pack_better():
    rng = np.random.default_rng(0)
    full = rng.normal(size=(100, 100)).astype(np.float32)
    sparse = np.where(rng.random(full.shape) < 0.9, 0, full).astype(np.float32)
    sizes = [
        next(m.value for m in sparsity.measure([("a/kernel", w)]) if m.measure == "gzip_bytes")
        for w in (full, sparse)
    ]
    assert sizes[1] < sizes[0] / 4


def test_every_value_is_a_plain_float(found):
    assert all(type(value) is float for value in found.values())


def test_a_network_without_kernels():
    assert sparsity.measure([("a/bias", np.zeros(3, np.float32))]) == []

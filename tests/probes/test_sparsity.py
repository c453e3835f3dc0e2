"""Sparsity: every number by hand."""

from __future__ import annotations

import gzip
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse

from bench import datasets, engines, probes
from bench import weights as packing
from bench.errors import SuiteError
from bench.plugins import Trained
from bench.probes import sparsity
from bench.runner import order
from bench.trial import Training

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


def test_sizes_are_of_the_actual_files(found):
    """Little-endian float32 as they lie in memory; the network's are the sums of its layers'."""
    for layer, array in (("dense_1", FIRST), ("dense_2", SECOND)):
        packed = gzip.compress(array.astype("<f4").tobytes(), 9, mtime=0)
        assert found[layer, "gzip_bytes"] == len(packed)
        file = io.BytesIO()
        sparse.save_npz(file, sparse.csr_array(array), compressed=False)
        assert found[layer, "csr_bytes"] == len(file.getvalue())
        assert found[layer, "bytes"] == 4 * array.size
    for name in ("bytes", "csr_bytes", "gzip_bytes"):
        assert found["", name] == found["dense_1", name] + found["dense_2", name]


def test_near_zero_is_relative_to_the_layer(found):
    assert np.sqrt(np.mean(FIRST**2.0)) == pytest.approx(1.58, abs=0.01)
    assert found["dense_1", "below_1e-8_rms"] == 1 / 4  # the exact zero
    assert found["dense_1", "below_1e-4_rms"] == 2 / 4
    assert found["dense_2", "below_1e-3_rms"] == 1 / 2
    assert found["", "below_1e-4_rms"] == 3 / 6


@given(arrays.arrays(np.float32, (5, 3), elements=st.floats(2**-60, 1000, width=32) | st.just(0.0)))
def test_the_histogram_has_every_weight_that_is_not_zero(array):
    found = {m.measure: m.value for m in measured([("a/kernel", array)]) if m.layer == "a"}
    bins = {n: v for n, v in found.items() if n.startswith("abs_from_")}
    assert sum(bins.values()) == pytest.approx(1 - found["exact_zeros"])
    for name, share in bins.items():
        low = 10 ** float(name.removeprefix("abs_from_1e"))
        inside = (low <= np.abs(array).astype(float)) & (
            np.abs(array).astype(float) < low * 10**0.25
        )
        if low > 1e-12:
            assert share == pytest.approx(inside.mean(), abs=1 / 15 + 1e-9)  # edges round


def test_zeros_pack_better():
    rng = np.random.default_rng(0)
    full = rng.normal(size=(100, 100)).astype(np.float32)
    thin = np.where(rng.random(full.shape) < 0.9, 0, full).astype(np.float32)
    sizes = [
        next(m.value for m in measured([("a/kernel", w)]) if m.measure == "gzip_bytes")
        for w in (full, thin)
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


DIGITS = Training(
    dataset="digits",
    validation=200,
    train_images=None,
    model={"mlp": {"hidden": [32]}},
    optimizer={"SGD": {"learning_rate": 0.1}},
    loss={"SparseCategoricalCrossentropy": {"from_logits": True}},
    batch_size=50,
    engine="compiled",
    epochs=10,
    probes=({"sparsity": {"delta": 0.01}},),
)


@pytest.fixture(scope="module")
def network():
    """A trained engine, its data, and what the probe says of it."""
    data = datasets.load("digits", folder=Path(), validation=200, seed=0)
    engine = engines.prepare(DIGITS, data, 0)
    for epoch in range(1, 11):
        engine.start_epoch(order(data, 0, epoch))
        engine.advance(0, engine.updates_per_epoch)
    return engine, data


def pruned_by(network, delta):
    engine, data = network
    rows = sparsity.measure(Trained(engine, data, DIGITS, arguments={"delta": delta}))
    return {m.measure: m.value for m in rows if m.layer == ""}


def accuracy(engine, images, labels):
    return (engine.network.predict(images) == labels).mean()


def test_pruning_at_no_loss(network):
    """Set the smallest weights to 0 by hand: the network passes, and none with fewer weights tried does."""
    engine, data = network
    before = [(path, array.copy()) for path, array in engine.weights()]
    found = pruned_by(network, 0.03)
    for (_, old), (_, new) in zip(before, engine.weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    kernels = packing.kernels(before)
    variables = {v.path: v for v in engine.network.model.trainable_variables}
    total = sum(k.size for k in kernels.values())
    least = accuracy(engine, data.x_validation, data.y_validation) - 0.03
    keep = int(found["pruned_nonzero"])
    assert 0 < keep < 0.9 * total
    assert found["prunable"] == pytest.approx(1 - keep / total)
    try:
        for level in [level for level in sparsity._levels(total) if level <= keep]:
            size = np.sort(np.abs(np.concatenate([k.ravel() for k in kernels.values()])))[::-1]
            less = {n: np.where(np.abs(k) >= size[level - 1], k, 0) for n, k in kernels.items()}
            for name, kernel in less.items():
                variables[f"{name}/kernel"].assign(kernel)
            passes = accuracy(engine, data.x_validation, data.y_validation) >= least
            assert passes == (level == keep)
        assert found["pruned_accuracy"] == accuracy(engine, data.x_test, data.y_test)
        assert found["pruned_gzip_bytes"] == sum(len(packing.as_gzip(k)) for k in less.values())
        assert found["pruned_csr_bytes"] == sum(len(packing.as_csr(k)) for k in less.values())
    finally:
        for name, kernel in kernels.items():
            variables[f"{name}/kernel"].assign(kernel)


def test_more_may_go_where_more_may_be_lost(network):
    shares = [pruned_by(network, delta)["prunable"] for delta in (0.0, 0.01, 0.1, 0.9)]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1 - sparsity.LEAST_KEPT, abs=0.001)


@pytest.mark.parametrize(
    ("validation", "delta", "match"),
    [(0, 0.01, "images to choose by"), (200, -0.1, "loss of accuracy"), (200, "x", "loss of")],
)
def test_pruning_that_cannot_be_is_refused(validation, delta, match):
    training = replace(DIGITS, validation=validation, probes=({"sparsity": {"delta": delta}},))
    data = datasets.load("digits", folder=Path(), validation=validation)
    with pytest.raises(SuiteError, match=match):
        probes.check(training, data)


@given(st.integers(1, 10**7))
def test_levels_go_up_to_all_weights(total):
    levels = sparsity._levels(total)
    assert levels == sorted(set(levels))
    assert levels[-1] == total
    assert levels[0] == max(round(total * 0.001, 0), 1) or levels[0] <= total * 0.0012 + 1

"""Weights as bytes: packed and unpacked, pruned, and as the files of other programs."""

from __future__ import annotations

import gzip
import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from bench import reading, weights

KERNELS = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 8), st.integers(1, 8)),
    elements=st.sampled_from([0.0, 0.5, -0.5, 1.0, -2.0, 3e-9]),
)


@given(st.dictionaries(st.sampled_from(["a/kernel", "b/bias", "c/d/gamma"]), KERNELS))
def test_packed_weights_are_the_same_again(arrays):
    back = weights.unpack(weights.pack(arrays.items()))
    assert list(back) == list(arrays)
    for path, array in arrays.items():
        np.testing.assert_array_equal(back[path], array)
        assert back[path].dtype == array.dtype


def test_equal_weights_are_equal_bytes():
    arrays = [("a/kernel", np.eye(3, dtype=np.float32))]
    assert weights.pack(arrays) == weights.pack(arrays)


def test_no_pickle_is_read():
    file = io.BytesIO()
    np.savez(file, a=np.array([object()]))
    with pytest.raises(ValueError, match="pickle"):
        weights.unpack(file.getvalue())


@given(KERNELS)
def test_files_of_other_programs(kernel):
    raw = gzip.decompress(weights.as_gzip(kernel))
    np.testing.assert_array_equal(np.frombuffer(raw, "<f4").reshape(kernel.shape), kernel)
    file = io.BytesIO(weights.as_csr(kernel))
    np.testing.assert_array_equal(sparse.load_npz(file).toarray(), kernel)
    assert all(i.compress_type == zipfile.ZIP_STORED for i in zipfile.ZipFile(file).infolist())


def test_a_kernel_of_a_convolution_is_a_matrix():
    kernel = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2)
    matrix = sparse.load_npz(io.BytesIO(weights.as_csr(kernel)))
    np.testing.assert_array_equal(matrix.toarray(), kernel.reshape(12, 2))


@given(KERNELS, KERNELS, st.data())
def test_pruning_keeps_the_largest(first, second, data):
    kernels = {"a": first, "b": second}
    total = first.size + second.size
    keep = data.draw(st.integers(0, total))
    less = weights.pruned(kernels, keep)
    size = np.sort(np.abs(np.concatenate([first.ravel(), second.ravel()])))[::-1]
    least = size[keep - 1] if keep else np.inf
    for layer, kernel in kernels.items():
        np.testing.assert_array_equal(less[layer], np.where(np.abs(kernel) >= least, kernel, 0))
    # What is left is found again from its number alone: so an export prunes as the probe did.
    again = weights.pruned(kernels, weights.nonzero(less))
    for layer, kernel in less.items():
        np.testing.assert_array_equal(again[layer], kernel)


def test_weights_that_would_not_fit_into_the_memory_are_refused(monkeypatch):
    """A few bytes can claim to be many: they are not unpacked to see."""
    bomb = weights.pack([("a/kernel", np.zeros(100_000, np.float32))])
    assert len(bomb) < 2000
    monkeypatch.setattr(reading, "memory_bytes", lambda: 300_000)
    with pytest.raises(reading.BudgetError, match="more than 150,000 bytes of memory"):
        weights.unpack(bomb)


@pytest.mark.parametrize("kept", [b"", b"PK", b"\x93NUMPY", None, "text", 3])
def test_what_are_no_weights(kept):
    with pytest.raises((*reading.UNREADABLE, TypeError)):
        weights.unpack(kept)

"""The one door: what arrays must be, and what they become."""

from __future__ import annotations

import numpy as np
import pytest

from bench.datasets import _arrays
from bench.errors import DatasetError

X = np.arange(6 * 4, dtype=np.uint8).reshape(6, 2, 2)
Y = np.array([0, 1, 2, 0, 1, 2])


def build(x_train=X, y_train=Y, x_test=X, y_test=Y, **more):
    return _arrays.dataset(
        "d", (x_train, y_train), (x_test, y_test), origin="a test", where="a.npz", **more
    )


def test_bytes_that_are_scaled_stay_bytes_and_other_numbers_become_float32():
    """Of all types and contents: test_scaling.py."""
    data = build(X + 200, x_test=X + 200)
    assert (data.x_train.dtype, data.scale, data.classes) == (np.uint8, 1 / 255, 3)
    assert data.y_train.dtype == np.int32
    for dtype in (np.uint8, np.float16, np.float64, np.int64, np.int8, bool):
        data = build(X.astype(dtype), x_test=X.astype(dtype))
        assert (data.x_train.dtype, data.scale) == (np.float32, 1.0)


def test_labels_in_a_column_are_flattened():
    assert build(y_train=Y[:, None].astype(np.uint8)).y_train.tolist() == Y.tolist()


def test_the_callers_arrays_stay_as_they_are():
    x, y = X.copy(), Y.astype(np.int32)
    build(x, y)
    x[0], y[0] = 1, 1


def test_the_checksum_follows_the_content_not_the_layout():
    checksum = build().checksum
    assert checksum == build(np.asfortranarray(X), Y.astype(np.uint8)).checksum
    assert len(checksum) == 64
    others = [
        build(X + 1),
        build(y_train=Y[::-1]),
        build(x_test=X[:4], y_test=Y[:4]),
        build(scale=0.5),
        build(classes=4),
        build(X.reshape(6, 4), x_test=X.reshape(6, 4)),
        build(targets="real"),
    ]
    assert len({checksum, *(other.checksum for other in others)}) == 8


def changed(value, dtype=np.float64):
    x = X.astype(dtype)
    x[2, 1, 0] = value
    return x


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x_train": changed(np.nan)}, ["a.npz, x_train", "nan at index (2, 1, 0)"]),
        ({"x_test": changed(-np.inf)}, ["a.npz, x_test", "-inf at index (2, 1, 0)"]),
        ({"x_train": changed(1e300)}, ["infinite as float32", "index (2, 1, 0)"]),
        ({"x_train": X.astype(str)}, ["not numbers", "dtype <U"]),
        ({"x_train": X.astype(complex)}, ["not numbers", "complex"]),
        ({"x_train": X.astype(object)}, ["not numbers", "object"]),
        ({"x_train": X[:0], "y_train": Y[:0]}, ["no images", "shape (0, 2, 2)"]),
        ({"x_test": X[:0], "y_test": Y[:0]}, ["a.npz, x_test", "no images"]),
        ({"x_train": X[:, :0]}, ["no images", "shape (6, 0, 2)"]),
        ({"x_train": Y}, ["one number is no image", "reshape"]),
        ({"y_train": Y[:5]}, ["differ in length", "6 images", "5 labels"]),
        ({"y_test": Y[:5]}, ["x_test and y_test differ in length"]),
        ({"x_test": X.reshape(6, 4)}, ["differ in shape", "(2, 2)", "(4,)"]),
        ({"x_test": X / 255}, ["scaled in different ways", "0 to 23", "0 to 0.09"]),
        ({"y_train": np.eye(6, 3)}, ["not class numbers", "argmax"]),
        ({"y_train": Y / 2, "targets": "classes"}, ["not class numbers", "0.5 at index 1"]),
        ({"y_train": Y.astype(str)}, ["not class numbers"]),
        ({"y_train": Y - 1}, ["labels are outside the 2 classes", "-1 at index 0"]),
        ({"y_test": Y + 1}, ["a.npz, y_test", "0 to 2", "3 at index 2"]),
        ({"y_train": Y * 1000}, ["more classes than training images", "2000"]),
        ({"y_train": Y * 0, "y_test": Y * 0}, ["only one class"]),
        ({"classes": 2}, ["outside the 2 classes", "2 at index 2"]),
    ],
)
def test_what_cannot_be_used_is_refused_by_place(arrays, words):
    with pytest.raises(DatasetError) as caught:
        build(**arrays)
    for word in (*words, "a.npz", "expected", "found"):
        assert word in str(caught.value)


def test_every_fifth_row_of_each_class():
    labels = np.array([0] * 10 + [1] * 4 + [2] * 5)
    assert np.flatnonzero(_arrays.every_fifth(labels)).tolist() == [4, 9, 18]

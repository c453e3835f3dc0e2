"""The one door through which arrays become a data set: what they must be, and their checksum."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.errors import DatasetError
from bench.plugins import Dataset

if TYPE_CHECKING:
    from collections.abc import Sequence

SPLIT_RULE = "every fifth row of each class is a test row"


def dataset(
    name: str,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    origin: str,
    where: str,
    classes: int | None = None,
    scale: float | None = None,
) -> Dataset:
    """Check arrays and put them in the form engines expect.

    Args:
        name: how reports call it.
        train: images (n_train, ...) of numbers and labels (n_train,) or (n_train, 1) of integers.
        test: the same for the test images.
        origin: where the data came from, for the report.
        where: the file or source that errors point to.
        classes: number of classes; without it, one more than the largest training label.
        scale: factor for the network; without it, 1/255 for uint8 images and 1 for all others.

    Returns:
        uint8 images as they are, any other number as float32; int32 labels; all read-only.

    Raises:
        DatasetError: wrong shape or type, unequal lengths, no images, NaN or infinity, or a label
            that is no class.
    """
    x_train, y_train = (
        _images(train[0], f"{where}, x_train"),
        _labels(train[1], f"{where}, y_train"),
    )
    x_test, y_test = _images(test[0], f"{where}, x_test"), _labels(test[1], f"{where}, y_test")
    _check_fit(x_train, y_train, x_test, y_test, where)
    classes = _count_classes(y_train, classes, where)
    _check_labels(y_train, classes, f"{where}, y_train")
    _check_labels(y_test, classes, f"{where}, y_test")
    if scale is None:
        scale = 1 / 255 if x_train.dtype == np.uint8 else 1.0
    y_train, y_test = y_train.astype(np.int32), y_test.astype(np.int32)
    arrays = (x_train, y_train, x_test, y_test)
    for array in arrays:
        array.flags.writeable = False
    return Dataset(
        name=name,
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        classes=classes,
        scale=scale,
        checksum=checksum(arrays, classes, scale),
        origin=origin,
    )


def regression(
    name: str,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    origin: str,
    where: str,
) -> Dataset:
    """The same for real-valued targets: x (n, ...) and y (n,), kept as float64, used as they are.

    Raises:
        DatasetError: wrong shape or type, unequal lengths, or NaN or infinity.
    """
    arrays = []
    for part, pair in (("train", train), ("test", test)):
        for letter, values in zip("xy", pair, strict=True):
            here = f"{where}, {letter}_{part}"
            column = values[:, None] if values.ndim == 1 else values
            found = _images(column, here, np.float64)
            arrays.append(found[:, 0] if values.ndim == 1 else found)
    x_train, y_train, x_test, y_test = arrays
    _check_fit(x_train, y_train, x_test, y_test, where)
    for array in arrays:
        array.flags.writeable = False
    return Dataset(
        name=name,
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        classes=0,
        scale=1.0,
        checksum=checksum(arrays, 0, 1.0),
        origin=origin,
    )


def checksum(arrays: Sequence[np.ndarray], classes: int, scale: float) -> str:
    """SHA-256 of everything the network can see: shapes, types, values, classes and scale."""
    digest = hashlib.sha256(f"{classes} {scale!r}".encode())
    for array in arrays:
        little_endian = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(f" {array.dtype.name} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(little_endian).data)
    return digest.hexdigest()


def every_fifth(labels: np.ndarray) -> np.ndarray:
    """Which rows of a table without a split are test rows: the 5th, 10th, ... of each class.

    Args:
        labels: (n,) class of each row, in the order of the table.

    Returns:
        (n,) bool. About a fifth of each class, the same on every machine and for every seed.
    """
    test = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        test[np.flatnonzero(labels == label)[4::5]] = True
    return test


def _images(x: np.ndarray, where: str, kind: type[np.floating[Any]] = np.float32) -> np.ndarray:
    if x.dtype.kind not in "buif":
        raise DatasetError(
            "these images are not numbers",
            where=where,
            expected="uint8, or another integer or floating point type",
            found=f"dtype {x.dtype}",
        )
    if x.ndim < 2 or x.size == 0:
        raise DatasetError(
            "there are no images here" if x.size == 0 else "one number is no image",
            where=where,
            expected="shape (images, ...) with at least one image and one number in each",
            found=f"shape {x.shape}",
            hint=None if x.size == 0 else "reshape it to (images, features)",
        )
    if x.dtype != np.uint8 or kind is not np.float32:
        with np.errstate(over="ignore"):  # becomes infinite, which the check below reports
            x = x.astype(kind)
        finite = np.isfinite(x)
        if not finite.all():
            first = np.unravel_index(int(np.argmin(finite)), x.shape)
            raise DatasetError(
                f"{x.size - np.count_nonzero(finite)} values are NaN or infinite as {kind.__name__}",
                where=where,
                expected="finite numbers",
                found=f"{x[first]} at index {tuple(map(int, first))}",
                hint="fill in or drop these images before the benchmark",
            )
    return np.ascontiguousarray(x).view()  # the caller's own array stays writeable


def _labels(y: np.ndarray, where: str) -> np.ndarray:
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or y.dtype.kind not in "bui":
        raise DatasetError(
            "these are not class numbers",
            where=where,
            expected="shape (images,) of an integer type",
            found=f"shape {y.shape} of dtype {y.dtype}",
            hint="one-hot labels: take their argmax over the last axis" if y.ndim == 2 else None,
        )
    return y


def _check_fit(
    x_train: np.ndarray, y_train: np.ndarray, x_test: np.ndarray, y_test: np.ndarray, where: str
) -> None:
    for part, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        if len(x) != len(y):
            raise DatasetError(
                f"x_{part} and y_{part} differ in length",
                where=where,
                expected=f"one label for each of {len(x)} images",
                found=f"{len(y)} labels",
            )
    for what, of_train, of_test in (
        ("shape", x_train.shape[1:], x_test.shape[1:]),
        ("dtype", x_train.dtype, x_test.dtype),
    ):
        if of_train != of_test:
            raise DatasetError(
                f"training and test images differ in {what}",
                where=where,
                expected=f"{of_train} as in x_train",
                found=f"{of_test} in x_test",
            )


def _count_classes(y_train: np.ndarray, classes: int | None, where: str) -> int:
    if classes is None:
        classes = int(y_train.max()) + 1
    if not 2 <= classes <= max(len(y_train), 2):
        raise DatasetError(
            "there is only one class" if classes < 2 else "more classes than training images",
            where=f"{where}, y_train",
            expected="at least two classes, numbered from 0",
            found=f"{len(y_train)} labels, the largest of them {int(y_train.max())}",
            hint="number the classes 0, 1, 2, ...",
        )
    return classes


def _check_labels(y: np.ndarray, classes: int, where: str) -> None:
    wrong = (y < 0) | (y >= classes)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise DatasetError(
            f"{np.count_nonzero(wrong)} labels are outside the {classes} classes",
            where=where,
            expected=f"0 to {classes - 1}",
            found=f"{y[first]} at index {first}",
            hint="classes are numbered from 0, and every class of the test set must be in training",
        )

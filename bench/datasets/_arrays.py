"""The one door through which arrays become a data set: what they must be, and their checksum.

Nothing depends on the type in which numbers are stored: equal numbers are equal data, with one checksum.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench.datasets import _targets
from bench.datasets._options import factor_text
from bench.errors import DatasetError
from bench.plugins import Dataset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.datasets._options import Targets

SPLIT_RULE: Final = "every fifth row of each class is a test row"
BRIGHT: Final = (
    128  # the largest of whole numbers from 0 to 255 from which on they are taken for pixels
)
PIXEL: Final = 1 / 255


def dataset(
    name: str,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    origin: str,
    where: str,
    classes: int | None = None,
    scale: float | None = None,
    usual_scale: float | None = None,
    targets: Targets | None = None,
    precision: type[np.floating[Any]] = np.float32,
) -> Dataset:
    """Check arrays and put them in the form engines expect.

    Args:
        name: how reports call it.
        train: images (n_train, ...) of numbers, and class numbers or real-valued targets, (n_train,) or
            (n_train, 1).
        test: the same for the test images.
        origin: where the data came from, for the report.
        where: the file or source that errors point to.
        classes: number of classes; without it, one more than the largest training label.
        scale: factor for the network that the suite asks for.
        usual_scale: factor of this source if the suite asks for none. Without either: 1/255 if all numbers are
            whole, from 0 to 255, and the largest is 128 or more; else 1.
        targets: what the suite says that they are; without it, ``real`` if some are no whole numbers.
        precision: of all numbers but bytes that are scaled.

    Returns:
        Whole numbers from 0 to 255 as uint8 if the factor is not 1, any other number as ``precision``; int32
        labels, or float64 targets; all read-only.

    Raises:
        DatasetError: wrong shape or type, unequal lengths, no images, NaN or infinity, parts that are scaled
            in different ways, or a label that is no class.
    """
    x_train = _numbers(train[0], precision, f"{where}, x_train")
    x_test = _numbers(test[0], precision, f"{where}, x_test")
    found = _targets.of(train[1], test[1], classes=classes, said=targets, where=where)
    _check_fit((x_train, found.train), (x_test, found.test), where)
    bytes_ = _are_bytes(x_train) and _are_bytes(x_test)
    pixels = bytes_ and int(x_train.max()) >= BRIGHT
    factor = scale or usual_scale or (PIXEL if pixels else 1.0)
    kind = np.uint8 if bytes_ and factor != 1 else precision
    arrays = (_stored(x_train, kind), found.train, _stored(x_test, kind), found.test)
    for array in arrays:
        array.flags.writeable = False
    guessed = pixels and not (scale or usual_scale)
    return Dataset(
        name=name,
        x_train=arrays[0],
        y_train=arrays[1],
        x_test=arrays[2],
        y_test=arrays[3],
        classes=found.classes,
        scale=factor,
        checksum=checksum(arrays, found.classes, factor),
        origin=origin,
        scaling=_scaling(
            factor,
            "as the suite says" if scale else f"as for {name}" if usual_scale else "",
            guessed=guessed,
        ),
        notes=(*([_GUESSED] if guessed else []), *found.notes),
    )


_GUESSED: Final = (
    "whole numbers from 0 to 255 are taken for pixels and multiplied by 1/255; if they are none, say"
    " scale: 1"
)


def _scaling(factor: float, why: str, *, guessed: bool) -> str:
    """What is done with x, and why, for the report."""
    done = "used as they are" if factor == 1 else f"multiplied by {factor_text(factor)}"
    if guessed:
        return (
            f"{done}, since whole numbers from 0 to 255, the largest {BRIGHT} or more, are taken for"
            " pixels"
        )
    return f"{done}, {why}" if why else done


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


def _numbers(x: np.ndarray, precision: type[np.floating[Any]], where: str) -> np.ndarray:
    """Integers as they are, other numbers as ``precision``."""
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
    if x.dtype.kind != "f":
        return x
    with np.errstate(over="ignore"):  # becomes infinite, which is said
        x = x.astype(precision, copy=False)
    finite = np.isfinite(x)
    if not finite.all():
        first = np.unravel_index(int(np.argmin(finite)), x.shape)
        raise DatasetError(
            f"{x.size - np.count_nonzero(finite)} values are NaN or infinite as {precision.__name__}",
            where=where,
            expected="finite numbers",
            found=f"{x[first]} at index {tuple(map(int, first))}",
            hint="fill in or drop these images before the benchmark",
        )
    return x


def _stored(x: np.ndarray, kind: type[np.generic]) -> np.ndarray:
    """The same numbers in another type, contiguous; the caller's own array stays writeable."""
    return np.ascontiguousarray(x.astype(kind, copy=False)).view()


def _are_bytes(x: np.ndarray) -> bool:
    """Whether all are whole numbers from 0 to 255."""
    return bool(x.min() >= 0 and x.max() <= 255 and _are_whole(x))


def _are_whole(x: np.ndarray) -> bool:
    """Whether all are whole numbers, whatever their type."""
    return x.dtype.kind != "f" or bool((np.rint(x) == x).all())


def _check_fit(
    train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], where: str
) -> None:
    for part, (x, y) in (("train", train), ("test", test)):
        if len(x) != len(y):
            raise DatasetError(
                f"x_{part} and y_{part} differ in length",
                where=where,
                expected=f"one label for each of {len(x)} images",
                found=f"{len(y)} labels",
            )
    of_train, of_test = train[0], test[0]
    if of_train.shape[1:] != of_test.shape[1:]:
        raise DatasetError(
            "training and test images differ in shape",
            where=where,
            expected=f"{of_train.shape[1:]} as in x_train",
            found=f"{of_test.shape[1:]} in x_test",
        )
    if _apart(of_train, of_test) or _apart(of_test, of_train):
        ranges = [f"{x.min():g} to {x.max():g}" for x in (of_train, of_test)]
        raise DatasetError(
            "training and test images are scaled in different ways",
            where=where,
            expected="both whole numbers, such as pixels from 0 to 255, or both with fractions",
            found=f"x_train from {ranges[0]}, x_test from {ranges[1]}",
            hint="divide both by the same number, or none",
        )


def _apart(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether ``other``, and not ``one``, looks divided: integers or pixels against fractions or shares."""
    if _are_whole(other) or not _are_whole(one):
        return False
    shares = other.min() >= 0 and other.max() <= 1
    return one.dtype.kind in "ui" or bool(shares and _are_bytes(one) and one.max() >= BRIGHT)

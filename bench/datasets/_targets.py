"""What a network is to say of each image: the number of a class, or a real-valued target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from bench.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.datasets._options import Targets

_LISTED: Final = 10  # classes that a note names
_LARGEST: Final = 2**31 - 1


@dataclass(frozen=True)
class Found:
    """Targets in the form engines expect.

    Attributes:
        train, test: (n,) int32 class numbers; or real-valued targets, float64.
        classes: number of classes; 0 where the targets are real-valued.
        notes: what to know of them.
    """

    train: np.ndarray
    test: np.ndarray
    classes: int
    notes: tuple[str, ...]


def of(
    train: np.ndarray,
    test: np.ndarray,
    *,
    classes: int | None,
    said: Targets | None,
    where: str,
) -> Found:
    """Tell classes from real-valued targets, and check them.

    Args:
        train: (n_train,) or (n_train, 1) of numbers.
        test: likewise.
        classes: how many there are; without it, one more than the largest training label.
        said: what the suite says that they are; without it, real-valued if some are no whole numbers.
        where: the file or source that errors point to.

    Raises:
        DatasetError: no numbers, several targets for an image, NaN or infinity, or a label that is no class.
    """
    train, test = _column(train, f"{where}, y_train"), _column(test, f"{where}, y_test")
    whole = [np.rint(y) == y for y in (train, test)]
    guessed = said is None and not all(part.all() for part in whole)
    if said == "real" or guessed:
        notes = (_GUESSED,) if guessed else ()
        return Found(train.astype(np.float64), test.astype(np.float64), 0, notes)
    for part, y, is_whole in (("train", train, whole[0]), ("test", test, whole[1])):
        if not is_whole.all():
            raise DatasetError(
                "these are not class numbers",
                where=f"{where}, y_{part}",
                expected="whole numbers",
                found=f"{y[int(np.argmin(is_whole))]} at index {int(np.argmin(is_whole))}",
                hint="targets: real, if they are measured",
            )
    classes = _count(train, classes, where)
    _check_labels(train, classes, f"{where}, y_train")
    _check_labels(test, classes, f"{where}, y_test")
    train, test = train.astype(np.int32), test.astype(np.int32)
    return Found(train, test, classes, tuple(_notes(train, test, classes)))


_GUESSED: Final = (
    "the targets are taken for real-valued, since some are no whole numbers; if they name classes, say"
    " targets: classes"
)


def _column(y: np.ndarray, where: str) -> np.ndarray:
    """(n,) finite numbers."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or y.dtype.kind not in "buif":
        raise DatasetError(
            "these are not class numbers, nor one target for each image",
            where=where,
            expected="shape (images,) of numbers",
            found=f"shape {y.shape} of dtype {y.dtype}",
            hint="one-hot labels: take their argmax over the last axis" if y.ndim == 2 else None,
        )
    if not y.size:
        raise DatasetError(
            "there are no labels", where=where, expected="one for each image", found="none"
        )
    finite = np.isfinite(y)
    if not finite.all():
        first = int(np.argmin(finite))
        raise DatasetError(
            f"{y.size - np.count_nonzero(finite)} values are NaN or infinite",
            where=where,
            expected="finite numbers",
            found=f"{y[first]} at index {first}",
            hint="fill in or drop these images before the benchmark",
        )
    return y


def _count(y_train: np.ndarray, classes: int | None, where: str) -> int:
    largest = min(float(y_train.max()), _LARGEST)
    count = int(largest) + 1 if classes is None else classes
    if not 2 <= count <= max(len(y_train), 2):
        raise DatasetError(
            "there is only one class" if count < 2 else "more classes than training images",
            where=f"{where}, y_train",
            expected="at least two classes, numbered from 0",
            found=f"{len(y_train)} labels, the largest of them {y_train.max():.15g}",
            hint="number the classes 0, 1, 2, ...; or say targets: real, if they are measured",
        )
    return count


def _check_labels(y: np.ndarray, classes: int, where: str) -> None:
    wrong = (y < 0) | (y >= classes)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise DatasetError(
            f"{np.count_nonzero(wrong)} labels are outside the {classes} classes",
            where=where,
            expected=f"0 to {classes - 1}",
            found=f"{y[first]:.15g} at index {first}",
            hint="classes are numbered from 0, and every class of the test set must be in training",
        )


def _notes(train: np.ndarray, test: np.ndarray, classes: int) -> Iterable[str]:
    """Of outputs of the network that no training image asks for."""
    counts = np.bincount(train, minlength=classes)
    unused = np.flatnonzero(counts == 0)
    first = int(train.min())
    below, gaps = unused[unused < first], unused[unused > first]
    if len(below):
        one = len(below) == 1
        yield (
            f"labels start at {first}, so that the output{'' if one else 's'} for {_classes(below)}"
            f" {'is' if one else 'are'} never right: number the classes from 0{_tested(below, test)}"
        )
    if len(gaps):
        never = "an output is" if len(gaps) == 1 else "outputs are"
        never = _tested(gaps, test) or f", so that {never} never right"
        yield f"no training image is of {_classes(gaps)}{never}"


def _tested(classes: np.ndarray, test: np.ndarray) -> str:
    count = int(np.isin(test, classes).sum())
    if not count:
        return ""
    return f", but {count} test image{'s are' if count > 1 else ' is'}"


def _classes(numbers: np.ndarray) -> str:
    listed = ", ".join(map(str, numbers[:_LISTED]))
    more = f" and {len(numbers) - _LISTED} more" if len(numbers) > _LISTED else ""
    return f"class{'es' * (len(numbers) > 1)} {listed}{more}"

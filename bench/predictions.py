"""What a trained network says of every test image: packed to about a kilobyte, and unpacked."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from bench import reading
from bench.errors import StoreError, first_line

if TYPE_CHECKING:
    from collections.abc import Mapping


MAX_IMAGES: Final = 20_000_000  # of a test set
_PER_IMAGE: Final = (
    32  # bytes: label, prediction and their sum as 64-bit numbers, and what they are made of
)


@dataclass(frozen=True)
class Packed:
    """Final predictions of one trial.

    Attributes:
        classes: number of classes.
        labels: the true classes of the test images, compressed; the same for all trials on the data.
        wrong_by: (predicted - true) modulo ``classes``, compressed: mostly zeros, so it packs well.
    """

    classes: int
    labels: bytes
    wrong_by: bytes


def pack(predicted: np.ndarray, labels: np.ndarray, classes: int) -> Packed:
    """Pack predicted and true classes, both (n_test,) from 0 to ``classes`` - 1."""
    difference = (predicted.astype(np.int64) - labels) % classes
    return Packed(classes, _compressed(labels), _compressed(difference))


@dataclass(frozen=True)
class Predictions:
    """Final predictions of the trials of a run, unpacked when asked for.

    Attributes:
        by_trial: trial_id -> (checksum of its data, ``Packed.wrong_by``).
        by_data: checksum -> (number of classes, ``Packed.labels``).
    """

    by_trial: Mapping[str, tuple[str, bytes]]
    by_data: Mapping[str, tuple[int, bytes]]

    def __contains__(self, trial_id: object) -> bool:
        return trial_id in self.by_trial

    def labels(self, trial_id: str) -> np.ndarray:
        """(n_test,) true classes of the test images of this trial's data.

        Raises:
            StoreError: what was kept of this trial cannot be read; so do the others.
        """
        return self._unpacked(trial_id)[1]

    def predicted(self, trial_id: str) -> np.ndarray:
        """(n_test,) classes that the trained network gives the test images."""
        classes, labels, wrong_by = self._unpacked(trial_id)
        return np.asarray((labels + wrong_by) % classes)

    def correct(self, trial_id: str) -> np.ndarray:
        """(n_test,) whether each test image is classified rightly."""
        return np.asarray(self._unpacked(trial_id)[2] == 0)

    def _unpacked(self, trial_id: str) -> tuple[int, np.ndarray, np.ndarray]:
        """Number of classes, labels and (predicted - true), as they belong together."""
        checksum, wrong_by = self.by_trial[trial_id]
        classes, labels = self.by_data.get(checksum, (0, b""))
        try:
            unpacked = _decompressed(labels), _decompressed(wrong_by)
            same = isinstance(classes, int) and unpacked[0].shape == unpacked[1].shape
            fits = same and unpacked[0].max(initial=0) < classes
        except (zlib.error, ValueError, TypeError) as error:
            fits, found = False, first_line(error)
        else:
            found = "classes and labels that do not fit them"
        if not fits:
            raise StoreError(
                "the predictions that were kept cannot be read",
                where=f"trial {trial_id}",
                expected="classes of the test images, as Seedwise packed them",
                found=found,
                hint="restore the results file from a copy, or train this trial anew in another folder",
            )
        return classes, *unpacked


def _compressed(classes: np.ndarray) -> bytes:
    return zlib.compress(classes.astype("<u2").tobytes(), level=6)


def _decompressed(data: bytes) -> np.ndarray:
    """At most ``MAX_IMAGES``, whatever a small text claims to unpack to, and what the memory has room for."""
    most = min(MAX_IMAGES, reading.Budget().bytes // _PER_IMAGE)
    try:
        raw = reading.unpacked(data, 2 * most)
    except reading.BudgetError:
        raise ValueError(f"more than {most:,} images") from None
    return np.frombuffer(raw, "<u2").astype(np.int64)

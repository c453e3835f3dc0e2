"""What a trained network says of every test image: packed to about a kilobyte, and unpacked."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping


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
        """(n_test,) true classes of the test images of this trial's data."""
        checksum, _ = self.by_trial[trial_id]
        return _decompressed(self.by_data[checksum][1])

    def predicted(self, trial_id: str) -> np.ndarray:
        """(n_test,) classes that the trained network gives the test images."""
        checksum, wrong_by = self.by_trial[trial_id]
        classes, labels = self.by_data[checksum]
        return np.asarray((_decompressed(labels) + _decompressed(wrong_by)) % classes)

    def correct(self, trial_id: str) -> np.ndarray:
        """(n_test,) whether each test image is classified rightly."""
        return np.asarray(_decompressed(self.by_trial[trial_id][1]) == 0)


def _compressed(classes: np.ndarray) -> bytes:
    return zlib.compress(classes.astype("<u2").tobytes(), level=6)


def _decompressed(data: bytes) -> np.ndarray:
    return np.frombuffer(zlib.decompress(data), "<u2").astype(np.int64)

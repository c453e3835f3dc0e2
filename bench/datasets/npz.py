"""An ``.npz`` file with the arrays x_train, y_train, x_test and y_test."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.datasets import _arrays, _options
from bench.errors import DatasetError, first_line, listed, shown
from bench.weights import UNREADABLE, check_size

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.plugins import Dataset

ARGUMENTS = ("npz",)
OPTIONS = _options.OPTIONS
KEYS = ("x_train", "y_train", "x_test", "y_test")


def load(arguments: Mapping[str, Any], folder: Path) -> Dataset:
    """Read ``{npz: FILE}``, with ``scale`` and ``targets`` if the suite says them.

    Pickled content is refused, so no code in the file is ever run.

    Raises:
        DatasetError: the file is missing, damaged, pickled or lacks an array, or the arrays do
            not fit.
    """
    path = folder / arguments["npz"]
    arrays = _read(path)
    return _arrays.dataset(
        path.stem,
        (arrays["x_train"], arrays["y_train"]),
        (arrays["x_test"], arrays["y_test"]),
        origin=f"NumPy file {arguments['npz']}",
        where=str(path),
        **_options.of(arguments),
    )


def _read(path: Path) -> dict[str, np.ndarray]:
    if not zipfile.is_zipfile(path):  # np.load would take a bare array or a pickle for one too
        raise DatasetError(
            "this is no .npz file" if path.exists() else "there is no such file",
            where=str(path),
            expected="a file written by numpy.savez with the arrays " + ", ".join(KEYS),
            found=_kind(path),
            hint="relative paths start at the suite's folder" if not path.exists() else None,
        )
    try:
        with path.open("rb") as file:
            check_size(file)
            archive = np.load(file, allow_pickle=False)
            for key in KEYS:
                if key not in archive:
                    raise DatasetError(
                        f"array {shown(key)} is missing",
                        where=str(path),
                        expected=", ".join(KEYS),
                        found=listed(archive.files) or "no array",
                        hint="write it with numpy.savez(file, x_train=..., y_train=..., ...)",
                    )
            return {key: np.asarray(archive[key]) for key in KEYS}
    except UNREADABLE as error:
        raise DatasetError(
            "an array of this file cannot be read",
            where=str(path),
            expected="undamaged arrays of numbers, none of them pickled (dtype object)",
            found=first_line(error),
            hint="write it again with numpy.savez",
        ) from error


def _kind(path: Path) -> str:
    if not path.exists():
        return "nothing"
    return "a folder" if path.is_dir() else "a file that is no zip archive"

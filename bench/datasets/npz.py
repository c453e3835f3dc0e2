"""An ``.npz`` file with the arrays x_train, y_train, x_test and y_test."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

from bench import reading
from bench.datasets import _arrays, _options
from bench.errors import DatasetError, first_line, listed, shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

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
    budget = reading.Budget()
    try:
        with reading.opened(path, budget) as file:
            if not zipfile.is_zipfile(file):  # perhaps a bare array, or a pickle
                raise _no_archive(path, "a file that is no zip archive")
            there = reading.names(file, budget)
            for key in KEYS:
                if key not in there:
                    raise DatasetError(
                        f"array {shown(key)} is missing",
                        where=str(path),
                        expected=", ".join(KEYS),
                        found=listed(there) or "no array",
                        hint="write it with numpy.savez(file, x_train=..., y_train=..., ...)",
                    )
            return reading.arrays(file, budget, KEYS)
    except FileNotFoundError:
        raise _no_archive(path, "nothing") from None
    except reading.UNREADABLE as error:
        if not path.is_file():
            raise _no_archive(path, first_line(error)) from error
        raise DatasetError(
            "an array of this file cannot be read",
            where=str(path),
            expected="undamaged arrays of numbers, none of them pickled (dtype object)",
            found=first_line(error),
            hint="write it again with numpy.savez",
        ) from error


def _no_archive(path: Path, found: str) -> DatasetError:
    there = path.exists()
    return DatasetError(
        "this is no .npz file" if there else "there is no such file",
        where=str(path),
        expected="a file written by numpy.savez with the arrays " + ", ".join(KEYS),
        found=found,
        hint=None if there else "relative paths start at the suite's folder",
    )

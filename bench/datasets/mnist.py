"""MNIST as published by Y. LeCun and C. Cortes, which travels with this package."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import reading
from bench.datasets import _arrays, idx
from bench.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from bench.plugins import Dataset

ARGUMENTS = ()
FILES = Path(__file__).parent / "files" / "mnist"
MD5 = {  # of the decompressed files, as published
    "train-images-idx3-ubyte.gz": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte.gz": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte.gz": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte.gz": "27ae3e4e09519cfbb04c329615203637",
}


def load(arguments: Mapping[str, Any], folder: Path) -> Dataset:
    """60 000 training and 10 000 test images, (28, 28) uint8, of ten classes.

    Raises:
        DatasetError: a file is missing or is not the published one.
    """
    del arguments, folder  # there is nothing to choose
    x_train, y_train, x_test, y_test = (_verified(FILES / name, MD5[name]) for name in MD5)
    return _arrays.dataset(
        "mnist",
        (x_train, y_train),
        (x_test, y_test),
        origin="MNIST, Y. LeCun and C. Cortes, CC BY-SA 3.0; the published files, MD5 verified",
        where="mnist",
        classes=10,
        usual_scale=_arrays.PIXEL,
    )


def _verified(path: Path, md5: str) -> np.ndarray:
    raw = idx.read_bytes(path, reading.Budget())
    found = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    if found != md5:
        raise DatasetError(
            "this is not the published MNIST file",
            where=str(path),
            expected=f"MD5 {md5} of its decompressed content",
            found=f"MD5 {found}",
            hint="install Seedwise again",
        )
    return idx.parse(raw, path)

"""The small digits of scikit-learn: real data for a run of seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bench.datasets import _arrays

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.plugins import Dataset

ARGUMENTS = ()


def load(arguments: Mapping[str, Any], folder: Path) -> Dataset:
    """1797 images, (8, 8) uint8 with values 0 to 16, of ten classes.

    The source has no test set: the 5th, 10th, 15th, ... image of each class in the source's order
    is a test image.
    """
    del arguments, folder  # there is nothing to choose
    from sklearn.datasets import load_digits

    source = load_digits()
    images = source.images.astype(np.uint8)
    test = _arrays.every_fifth(source.target)
    return _arrays.dataset(
        "digits",
        (images[~test], source.target[~test]),
        (images[test], source.target[test]),
        origin="Optical Recognition of Handwritten Digits (test part), E. Alpaydin and C. Kaynak, "
        f"UCI, from scikit-learn; {_arrays.SPLIT_RULE}",
        where="digits",
        classes=10,
        usual_scale=1 / 16,
    )

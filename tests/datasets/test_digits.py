"""The digits of scikit-learn and their fixed split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from bench import datasets


def test_arrays():
    data = datasets.load("digits", folder=Path())
    assert data.x_train.shape == (1442, 8, 8)
    assert data.x_test.shape == (355, 8, 8)
    assert (data.x_train.dtype, data.scale, data.classes) == (np.uint8, 1 / 16, 10)
    assert data.x_train.max() == 16


def test_nothing_is_lost_and_each_class_gives_a_fifth():
    data, source = datasets.load("digits", folder=Path()), load_digits()
    both = np.concatenate([data.x_train, data.x_test]).reshape(1797, 64)
    assert sorted(map(bytes, both)) == sorted(map(bytes, source.data.astype(np.uint8)))
    assert np.array_equal(np.bincount(data.y_test), np.bincount(source.target) // 5)
    zeros = source.images[source.target == 0]
    assert np.array_equal(data.x_test[data.y_test == 0], zeros[4::5])
    assert "every fifth" in data.origin

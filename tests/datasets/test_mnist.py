"""The published MNIST, file by file."""

from __future__ import annotations

import gzip
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from bench import datasets
from bench.datasets import mnist
from bench.errors import DatasetError


@pytest.mark.parametrize("name", mnist.MD5)
def test_each_file_is_the_published_one(name):
    raw = gzip.decompress((mnist.FILES / name).read_bytes())
    assert hashlib.md5(raw).hexdigest() == mnist.MD5[name]


def test_the_license_states_the_same_checksums():
    text = (mnist.FILES / "LICENSE-DATA.md").read_text()
    assert "CC BY-SA 3.0" in text
    for name, md5 in mnist.MD5.items():
        assert any(name in line and md5 in line for line in text.splitlines())


def test_arrays():
    data = datasets.load("mnist", folder=Path())
    assert data.x_train.shape == (60_000, 28, 28)
    assert data.x_test.shape == (10_000, 28, 28)
    assert (data.x_train.dtype, data.scale, data.classes) == (np.uint8, 1 / 255, 10)
    # The published number of test images of each digit.
    assert np.bincount(data.y_test).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    assert data.y_train[:5].tolist() == [5, 0, 4, 1, 9]


@pytest.fixture
def copy(tmp_path, monkeypatch):
    shutil.copytree(mnist.FILES, tmp_path / "mnist")
    monkeypatch.setattr(mnist, "FILES", tmp_path / "mnist")
    return tmp_path / "mnist"


def test_one_changed_pixel_is_noticed(copy):
    file = copy / "t10k-images-idx3-ubyte.gz"
    raw = bytearray(gzip.decompress(file.read_bytes()))
    raw[5000] ^= 1
    file.write_bytes(gzip.compress(bytes(raw), compresslevel=1))
    with pytest.raises(DatasetError) as caught:
        mnist.load({}, Path())
    assert caught.value.where == str(file)
    assert mnist.MD5[file.name] in caught.value.expected
    assert hashlib.md5(raw).hexdigest() in caught.value.found
    assert "install" in caught.value.hint


def test_a_truncated_file_is_noticed(copy):
    file = copy / "train-labels-idx1-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DatasetError, match=r"train-labels.*cannot be read"):
        mnist.load({}, Path())


def test_a_missing_file_is_noticed(copy):
    (copy / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DatasetError, match="cannot be read"):
        mnist.load({}, Path())

"""IDX folders as people have them: gzipped, raw, with either spelling, and damaged."""

from __future__ import annotations

import gzip
import shutil

import numpy as np
import pytest

from bench import datasets, reading
from bench.datasets import idx, mnist
from bench.errors import DatasetError

X = np.arange(6 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(6, 28, 28)
Y = np.array([2, 0, 1, 2, 0, 1], dtype=np.uint8)
ARRAYS = {
    "train-images-idx3-ubyte": X,
    "train-labels-idx1-ubyte": Y,
    "t10k-images-idx3-ubyte": X[:3],
    "t10k-labels-idx1-ubyte": Y[:3],
}
CODES = {
    "uint8": 0x08,
    "int8": 0x09,
    "int16": 0x0B,
    "int32": 0x0C,
    "float32": 0x0D,
    "float64": 0x0E,
}


def idx_bytes(array):
    header = bytes([0, 0, CODES[array.dtype.name], array.ndim])
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write(folder, rename=str, arrays=ARRAYS):
    for name, array in arrays.items():
        content = idx_bytes(array)
        path = folder / rename(name)
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return folder


@pytest.mark.parametrize(
    "rename",
    [
        "{}.gz".format,
        "{}".format,
        lambda name: name.replace("-idx", ".idx"),
        lambda name: name.replace("-idx", ".idx") + ".gz",
        lambda name: name.replace("t10k", "test"),
        lambda name: name + ".gz" if "images" in name else name,
    ],
    ids=["gz", "raw", "dot", "dot and gz", "test", "mixed"],
)
def test_the_usual_file_names(tmp_path, rename):
    data = datasets.load({"idx": "."}, folder=write(tmp_path, rename))
    assert np.array_equal(data.x_train, X)
    assert np.array_equal(data.y_train, Y)
    assert np.array_equal(data.x_test, X[:3])
    assert (data.x_train.dtype, data.scale, data.classes) == (np.uint8, 1 / 255, 3)
    assert data.name == tmp_path.name


def test_mnist_itself_as_a_folder(tmp_path):
    for name in mnist.MD5:
        shutil.copy(mnist.FILES / name, tmp_path)
    data = datasets.load({"idx": str(tmp_path)}, folder=tmp_path / "elsewhere")
    assert data.checksum == datasets.load("mnist", folder=tmp_path).checksum


@pytest.mark.parametrize("dtype", CODES)
def test_every_type_of_the_format(tmp_path, dtype):
    array = np.array([[1, 2, 3], [4, 5, 6]], dtype)
    found = idx.parse(idx_bytes(array), tmp_path)
    assert found.dtype == dtype
    assert np.array_equal(found, array)


def refusal(folder, spec="."):
    with pytest.raises(DatasetError) as caught:
        datasets.load({"idx": spec}, folder=folder)
    return caught.value


def test_a_missing_folder(tmp_path):
    error = refusal(tmp_path, "nowhere")
    assert (error.where, error.found) == (str(tmp_path / "nowhere"), "no such folder")
    assert "suite's folder" in error.hint


def test_a_file_instead_of_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    assert refusal(tmp_path, "file").found == "a file, not a folder"


def test_a_missing_file(tmp_path):
    write(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    error = refusal(tmp_path)
    assert "t10k labels" in error.problem
    assert "t10k-labels-idx1-ubyte" in error.expected
    assert "t10k-images-idx3-ubyte" in error.found


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["wrong magic number", "an empty file"]),
        (b"\x00\x00\x07\x01\x00", ["wrong magic number", "0x00000701"]),
        (b"<html>not found</html>", ["wrong magic number"]),
        (gzip.compress(idx_bytes(Y), mtime=0), ["wrong magic number", "ends in .gz"]),
        (idx_bytes(Y)[:-1], ["truncated", "14 bytes for shape (6,)", "13 bytes"]),
        (idx_bytes(Y) + b"\0", ["bytes too many", "15 bytes"]),
        (idx_bytes(Y)[:6], ["truncated", "6 bytes"]),
        (idx_bytes(X), ["not class numbers", "shape (6, 28, 28)"]),
        (idx_bytes(Y[:5]), ["differ in length"]),
        (idx_bytes(Y - np.uint8(1)), ["more classes than training images", "255"]),
    ],
)
def test_damaged_labels(tmp_path, content, words):
    write(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(content)
    message = str(refusal(tmp_path))
    for word in (*words, str(tmp_path), "expected", "found"):
        assert word in message


@pytest.mark.parametrize("damage", ["cut", "flipped", "not gzip"])
def test_damaged_compression(tmp_path, damage):
    write(tmp_path, "{}.gz".format)
    file = tmp_path / "train-images-idx3-ubyte.gz"
    content = bytearray(file.read_bytes())
    if damage == "cut":
        del content[-20:]
    elif damage == "flipped":
        content[-6] ^= 0xFF  # in the checksum
    else:
        content[:2] = b"PK"
    file.write_bytes(content)
    error = refusal(tmp_path)
    assert error.where == str(file)
    assert "whole gzip file" in error.expected


def test_a_file_larger_than_the_memory_is_not_unpacked(tmp_path, monkeypatch):
    write(tmp_path, "{}.gz".format)
    monkeypatch.setattr(reading, "memory_bytes", lambda: 400)
    assert "more than 200 bytes of memory" in refusal(tmp_path).found

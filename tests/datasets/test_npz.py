"""NumPy archives, good and bad."""

from __future__ import annotations

import pickle
import zipfile

import numpy as np
import pytest

from bench import datasets, reading
from bench.errors import DatasetError

X = np.arange(255, 231, -1, dtype=np.uint8).reshape(6, 2, 2)
Y = np.array([0, 1, 2, 0, 1, 2])
ARRAYS = {"x_train": X, "y_train": Y, "x_test": X[:3], "y_test": Y[:3]}


def load(folder):
    return datasets.load({"npz": "a.npz"}, folder=folder)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays(tmp_path, save):
    save(tmp_path / "a.npz", **ARRAYS, something_else=Y)
    data = load(tmp_path)
    assert np.array_equal(data.x_train, X)
    assert np.array_equal(data.y_test, Y[:3])
    assert (data.name, data.classes, data.scale) == ("a", 3, 1 / 255)
    assert data.origin == "NumPy file a.npz"


def test_floats_keep_their_scale(tmp_path):
    np.savez(tmp_path / "a.npz", **{**ARRAYS, "x_train": X / 255, "x_test": X[:3] / 255})
    data = load(tmp_path)
    assert (data.x_train.dtype, data.scale) == (np.float32, 1.0)


class Trap:
    def __reduce__(self):
        return (open, ("trapped", "w"))


def write_pickled_array(path):
    np.savez(path, **{**ARRAYS, "y_train": np.array([Trap()] * 6, dtype=object)})


def write_bare_pickle(path):
    path.write_bytes(pickle.dumps(Trap()))


def write_bare_array(path):
    with path.open("wb") as file:
        np.save(file, X)


def write_missing(path):
    arrays = {"X_train" if name == "x_train" else name: a for name, a in ARRAYS.items()}
    np.savez(path, **arrays)


def write_truncated(path):
    np.savez(path, **ARRAYS)
    path.write_bytes(path.read_bytes()[:-30])


def write_flipped(path):
    np.savez(path, **ARRAYS)
    content = path.read_bytes()
    path.write_bytes(content.replace(X.tobytes()[:8], bytes(8), 1))


def write_other_members(path):
    with zipfile.ZipFile(path, "w") as archive:
        for name in ARRAYS:
            archive.writestr(name, "text")


def write_nan(path):
    x = X.astype(float)
    x[1, 1, 1] = np.nan
    np.savez(path, **{**ARRAYS, "x_train": x, "x_test": x[:3]})


def write_wrong_labels(path):
    np.savez(path, **{**ARRAYS, "y_test": Y[:3] + 1})


def write_no_labels(path):
    np.savez(path, **{**ARRAYS, "y_train": Y[:0]})


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda path: None, ["there is no such file", "suite's folder"]),
        (lambda path: path.mkdir(), ["no .npz file", "a folder"]),
        (write_pickled_array, ["cannot be read", "pickled", "allow_pickle=False"]),
        (write_bare_pickle, ["no .npz file", "no zip archive"]),
        (write_bare_array, ["no .npz file", "no zip archive"]),
        (write_missing, ["array 'x_train' is missing", "found: X_train, y_train"]),
        (write_truncated, ["no .npz file"]),
        (write_flipped, ["cannot be read", "CRC"]),
        (write_other_members, ["x_train", "not numbers"]),
        (write_nan, ["x_train", "nan at index (1, 1, 1)"]),
        (write_no_labels, ["y_train", "no labels"]),
        (write_wrong_labels, ["y_test", "3 at index 2"]),
    ],
)
def test_refusals(tmp_path, monkeypatch, write, words):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.npz")
    with pytest.raises(DatasetError) as caught:
        load(tmp_path)
    for word in (*words, str(tmp_path / "a.npz"), "expected", "found"):
        assert word in str(caught.value)
    assert not (tmp_path / "trapped").exists()  # no code of the file was run


def test_arrays_larger_than_the_memory_are_not_unpacked(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", **ARRAYS)
    monkeypatch.setattr(reading, "memory_bytes", lambda: 100)
    with pytest.raises(DatasetError, match="cannot be read") as caught:
        load(tmp_path)
    assert "more than 50 bytes of memory" in caught.value.found

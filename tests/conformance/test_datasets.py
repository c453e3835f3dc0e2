"""Every data set plug-in keeps the contract, in the form in which a suite names it."""

from __future__ import annotations

import gzip
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import datasets, plugins
from bench.datasets import _arrays, mnist


def sample():
    """A small part of the real MNIST: (500, 28, 28), (500,), (200, 28, 28), (200,)."""
    data = datasets.load("mnist", folder=Path())
    return data.x_train[:500], data.y_train[:500], data.x_test[:200], data.y_test[:200]


def write_idx(folder):
    folder.mkdir(parents=True)
    x_train, y_train, x_test, y_test = sample()
    for name, array in (
        ("train-images-idx3-ubyte.gz", x_train),
        ("train-labels-idx1-ubyte.gz", y_train),
        ("t10k-images-idx3-ubyte.gz", x_test),
        ("t10k-labels-idx1-ubyte.gz", y_test),
    ):
        sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
        content = bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()
        (folder / name).write_bytes(gzip.compress(content))


def idx(folder, monkeypatch):
    write_idx(folder / "small")
    return {"idx": "small"}


def npz(folder, monkeypatch):
    keys = ("x_train", "y_train", "x_test", "y_test")
    np.savez(folder / "small.npz", **dict(zip(keys, sample(), strict=True)))
    return {"npz": "small.npz"}


def csv(folder, monkeypatch):
    x, y, _, _ = sample()
    header = ",".join([f"p{i}" for i in range(784)] + ["digit"])
    table = np.column_stack([x.reshape(500, 784), y])
    np.savetxt(folder / "small.csv", table, "%d", ",", header=header, comments="")
    return {"csv": "small.csv", "label": "digit"}


def keras(folder, monkeypatch):
    # Keras's cache with the files of one of its data sets in it: nothing is downloaded.
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(folder))
    write_idx(folder / "datasets" / "fashion-mnist")
    return "fashion_mnist"


def least_squares(folder, monkeypatch):
    return {"least_squares": {"condition": 10, "n": 300, "d": 4}}


SPECIMENS = {"idx": idx, "npz": npz, "csv": csv, "keras": keras, "least_squares": least_squares}


@pytest.fixture(params=plugins.available("datasets"))
def source(request):
    return request.param


@pytest.fixture
def spec(source, tmp_path, monkeypatch):
    if source in SPECIMENS:
        return SPECIMENS[source](tmp_path, monkeypatch)
    if plugins.load("datasets", source).ARGUMENTS:
        pytest.fail(f"give {source} a specimen: add a function to SPECIMENS")
    return source


def test_shapes_and_dtypes(spec, tmp_path):
    data = datasets.load(spec, folder=tmp_path)
    assert data.x_train.ndim >= 2
    assert data.x_train.shape[1:] == data.x_test.shape[1:]
    assert data.y_train.shape == data.x_train.shape[:1]
    assert data.y_test.shape == data.x_test.shape[:1]
    assert data.x_train.dtype == data.x_test.dtype
    assert data.y_train.dtype == data.y_test.dtype
    if data.classes:
        assert data.x_train.dtype in (np.uint8, np.float32)
        assert data.y_train.dtype == np.int32
        labels = set(np.unique(data.y_train))
        assert set(np.unique(data.y_test)) <= labels <= set(range(data.classes))
    else:
        assert data.x_train.dtype == data.y_train.dtype == np.float64
        assert np.isfinite(data.y_train).all()
    assert data.outputs == max(data.classes, 1)
    assert data.scale > 0
    assert data.name
    assert data.origin
    assert data.x_validation is None


def test_arrays_are_read_only_and_contiguous(spec, tmp_path):
    data = datasets.load(spec, folder=tmp_path)
    for array in (data.x_train, data.y_train, data.x_test, data.y_test):
        assert array.flags.c_contiguous
        assert not array.flags.writeable


def test_the_checksum_is_that_of_the_arrays(spec, tmp_path):
    data = datasets.load(spec, folder=tmp_path)
    arrays = (data.x_train, data.y_train, data.x_test, data.y_test)
    assert data.checksum == _arrays.checksum(arrays, data.classes, data.scale)


def test_reading_again_gives_the_same(source, spec, tmp_path):
    module = plugins.load("datasets", source)
    arguments = {source: spec} if isinstance(spec, str) else spec
    first, second = module.load(arguments, tmp_path), module.load(arguments, tmp_path)
    assert first is not second
    assert first.checksum == second.checksum
    assert (first.name, first.origin) == (second.name, second.origin)


def test_hold_out(spec, tmp_path):
    whole = datasets.load(spec, folder=tmp_path)
    one = datasets.load(spec, folder=tmp_path, validation=40, seed=5)
    two = datasets.load(spec, folder=tmp_path, validation=40, seed=5)
    assert one.x_validation.shape == (40, *whole.x_train.shape[1:])
    assert one.y_validation.dtype == whole.y_train.dtype
    assert len(one.x_train) == len(whole.x_train) - 40
    assert np.array_equal(one.x_validation, two.x_validation)
    assert np.array_equal(one.y_train, two.y_train)


def test_data_survives_the_way_to_a_worker(spec, tmp_path):
    data = datasets.load(spec, folder=tmp_path)
    copy = pickle.loads(pickle.dumps(data))
    assert copy.checksum == data.checksum
    assert np.array_equal(copy.x_test, data.x_test)


@pytest.mark.parametrize(
    ("name", "checksum"),
    [
        ("mnist", "f56a7a0f85f0c65d81334ab50870a9ed37d86339f7d7de7f716536a1352f5df7"),
        ("digits", "a4fc2ca8186b53d1a92e3f1ee3ab6d146c1fd6d44db5e04208afcb38ad4866ec"),
    ],
)
def test_the_checksum_stays_from_release_to_release(name, checksum):
    """Trials are recorded with it: if it must change, old results no longer match new ones."""
    assert datasets.load(name, folder=Path()).checksum == checksum


def test_a_new_process_reads_the_same():
    code = (
        "from pathlib import Path; from bench import datasets;"
        "d = datasets.load('digits', folder=Path(), validation=3, seed=2);"
        "print(d.checksum, d.x_validation.tobytes().hex())"
    )
    here = Path(mnist.__file__).parents[2]
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=here
        ).stdout
        for _ in range(2)
    ]
    data = datasets.load("digits", folder=Path(), validation=3, seed=2)
    assert runs == [f"{data.checksum} {data.x_validation.tobytes().hex()}\n"] * 2

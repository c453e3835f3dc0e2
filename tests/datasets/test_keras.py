"""Keras's own data sets, from its cache, and what is said when there is no network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from bench import datasets
from bench.datasets import keras as source
from bench.errors import DatasetError


def test_every_classification_of_images_has_a_short_name():
    """Fails when Keras gains a data set: add it to NAMES, or here with the reason."""
    offered = {name for name in dir(keras.datasets) if not name.startswith("_")}
    elsewhere = {"mnist"}  # travels with this package
    no_classification_of_arrays = {"boston_housing", "california_housing", "imdb", "reuters"}
    assert offered - elsewhere - no_classification_of_arrays == set(source.NAMES)


def test_offline_there_is_one_clear_error(tmp_path):
    code = (
        "from pathlib import Path\n"
        "from bench import datasets\n"
        "from bench.errors import DatasetError\n"
        "try:\n"
        "    datasets.load('fashion_mnist', folder=Path())\n"
        "except DatasetError as error:\n"
        "    print(error)\n"
    )
    nowhere = "http://127.0.0.1:9"  # the discard port: refused at once, network or not
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={
            **{name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "KERAS_HOME": str(tmp_path),
            "http_proxy": nowhere,
            "https_proxy": nowhere,
        },
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "keras.datasets.fashion_mnist: Keras could not fetch or read this data set"
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["expected", "found", "what to do"]
    assert "network" in lines[3]
    assert "Traceback" not in done.stderr


def offer(monkeypatch, name, load_data):
    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", load_data)


def test_a_failed_download_is_told_and_leaves_stdout_alone(monkeypatch, capsys):
    def load_data():
        sys.stdout.write("Downloading data from ...")
        raise Exception("URL fetch failure on ...: None -- no route\n to host")  # noqa: TRY002 (as Keras does)

    offer(monkeypatch, "cifar100", load_data)
    with pytest.raises(DatasetError) as caught:
        datasets.load("cifar100", folder=Path())
    assert caught.value.found == "URL fetch failure on ...: None -- no route to host"
    assert capsys.readouterr().out == ""


def test_colour_images_with_labels_in_a_column(monkeypatch):
    x = np.zeros((20, 3, 32, 32), np.uint8).transpose(0, 2, 3, 1)
    y = (np.arange(20, dtype=np.uint8) % 10)[:, None]
    offer(monkeypatch, "cifar10", lambda: ((x, y), (x, y)))
    data = datasets.load({"keras": "cifar10"}, folder=Path())
    assert data.x_train.shape == (20, 32, 32, 3)
    assert data.y_train.shape == (20,)
    assert (data.classes, data.scale) == (10, 1 / 255)
    assert data.origin == f"keras.datasets.cifar10 of Keras {keras.__version__}"


def test_text_is_refused(monkeypatch):
    x, y = np.array([[1], [1, 2]], dtype=object), np.array([0, 1])
    offer(monkeypatch, "imdb", lambda: ((x, y), (x, y)))
    with pytest.raises(DatasetError, match="not numbers"):
        source.load({"keras": "imdb"}, Path())


def test_measured_targets(monkeypatch):
    x, y = np.ones((2, 13)), np.array([15.2, 42.3])
    offer(monkeypatch, "boston_housing", lambda: ((x, y), (x, y)))
    data = source.load({"keras": "boston_housing"}, Path())
    assert (data.classes, data.y_train.tolist()) == (0, [15.2, 42.3])


@pytest.mark.parametrize(("said", "factor"), [({}, 1 / 255), ({"scale": 1}, 1.0)])
def test_bytes_are_pixels_unless_the_suite_says_otherwise(monkeypatch, said, factor):
    x, y = np.full((4, 2, 2), 9, np.uint8), np.array([0, 1, 0, 1])
    offer(monkeypatch, "cifar10", lambda: ((x, y), (x, y)))
    assert source.load({"keras": "cifar10", **said}, Path()).scale == factor


def test_an_unknown_name():
    with pytest.raises(DatasetError, match="did you mean 'cifar10'"):
        datasets.load({"keras": "cifar_10"}, folder=Path())

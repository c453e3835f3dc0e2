"""Names, keys and the hold-out: what every source shares."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import datasets
from bench.errors import DatasetError

HERE = Path()


@pytest.mark.parametrize(
    "spec",
    [
        "mnist",
        "digits",
        "fashion_mnist",
        "cifar100",
        {"keras": "a_later_one"},
        {"idx": "folder"},
        {"npz": Path("a.npz")},
        {"csv": "a.csv", "label": "kind"},
        {"label": "kind", "csv": "a.csv"},
    ],
)
def test_check_spec_accepts_what_is_well_formed(spec):
    datasets.check_spec(spec)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("minst", "did you mean 'mnist'"),
        ("fashon_mnist", "did you mean 'fashion_mnist'"),
        ("nothing-like-it", "use one of cifar10, cifar100, csv"),
        ("csv", "key 'csv' is missing"),
        ({"npy": "a.npy"}, "did you mean 'npz'"),
        ({"csv": "a.csv"}, "key 'label' is missing"),
        ({"csv": "a.csv", "lable": "kind"}, "did you mean 'label'"),
        ({"npz": "a.npz", "idx": "b"}, "unknown key"),
        ({"mnist": {}}, "expected: mnist"),
        ({"npz": 3}, "the value of 'npz' is not a text"),
        ({"npz": ""}, "the value of 'npz' is not a text"),
        ({}, "names no data set"),
        (None, "names no data set"),
        (["mnist"], "names no data set"),
    ],
)
def test_check_spec_refuses_and_helps(spec, words):
    with pytest.raises(DatasetError) as caught:
        datasets.check_spec(spec)
    assert words in str(caught.value)
    assert caught.value.where


def test_heavy_libraries_stay_unloaded_until_needed():
    code = (
        "import sys; from pathlib import Path; from bench import datasets;"
        "datasets.check_spec('cifar10'); datasets.load('mnist', folder=Path());"
        "print(sorted({'keras', 'tensorflow', 'pandas', 'sklearn'} & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment()
    )
    assert done.stdout.strip() == "[]"


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


def test_without_validation_nothing_is_held_out():
    data = datasets.load("digits", folder=HERE)
    assert data.x_validation is None
    assert data.y_validation is None


def test_hold_out_is_a_partition_in_order():
    whole = datasets.load("digits", folder=HERE)
    data = datasets.load("digits", folder=HERE, validation=200, seed=7)
    assert len(data.x_validation) == len(data.y_validation) == 200
    assert len(data.x_train) == len(data.y_train) == len(whole.x_train) - 200

    # Walk through the whole set: each image is the next one of exactly one part.
    rest = {"train": 0, "validation": 0}
    parts = {"train": data.x_train, "validation": data.x_validation}
    labels = {"train": data.y_train, "validation": data.y_validation}
    for image, label in zip(whole.x_train, whole.y_train, strict=True):
        part = next(
            p
            for p, at in rest.items()
            if at < len(parts[p]) and labels[p][at] == label and np.array_equal(parts[p][at], image)
        )
        rest[part] += 1
    assert rest == {"train": len(whole.x_train) - 200, "validation": 200}
    assert np.array_equal(data.x_test, whole.x_test)


def test_hold_out_depends_on_the_seed_and_the_data_only():
    def held(seed, spec="digits"):
        return datasets.load(spec, folder=HERE, validation=50, seed=seed).x_validation

    np.random.seed(0)  # noqa: NPY002 (to show that it does not matter)
    first = held(3)
    np.random.seed(1)  # noqa: NPY002
    assert np.array_equal(first, held(3))
    assert not np.array_equal(first, held(4))


def test_the_checksum_is_that_of_the_whole_data_set():
    whole = datasets.load("digits", folder=HERE)
    assert datasets.load("digits", folder=HERE, validation=9, seed=1).checksum == whole.checksum


@pytest.mark.parametrize("validation", [-1, 1442, 10**6])
def test_an_impossible_hold_out_is_refused(validation):
    with pytest.raises(DatasetError, match="0 to 1441"):
        datasets.load("digits", folder=HERE, validation=validation)


def test_arrays_are_read_once_and_cannot_be_changed_by_accident():
    one = datasets.load("mnist", folder=HERE)
    two = datasets.load("mnist", folder=HERE)
    assert one is two
    held = datasets.load("mnist", folder=HERE, validation=10)
    for array in (one.x_train, one.y_test, held.x_train, held.y_validation):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_a_rewritten_file_is_read_again(tmp_path):
    x, y = np.zeros((4, 2), np.uint8), np.array([0, 1, 0, 1])
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    before = datasets.load({"npz": "a.npz"}, folder=tmp_path)
    np.savez(tmp_path / "a.npz", x_train=x + 1, y_train=y, x_test=x, y_test=y)
    after = datasets.load({"npz": "a.npz"}, folder=tmp_path)
    assert before.checksum != after.checksum

"""Class numbers and real-valued targets, as files have them: told apart by one rule, or by the suite."""

from __future__ import annotations

import numpy as np
import pytest

from bench import datasets
from bench.errors import DatasetError

X = np.random.default_rng(0).normal(size=(20, 3))
CLASSES = np.arange(20) % 4
REAL = np.linspace(-1, 3, 20)


def npz(folder, y_train, y_test=None, **options):
    y_test = y_train[:6] if y_test is None else y_test
    np.savez(folder / "a.npz", x_train=X, y_train=y_train, x_test=X[: len(y_test)], y_test=y_test)
    return datasets.load({"npz": "a.npz", **options}, folder=folder)


def csv(folder, labels, **options):
    rows = [f"{i / 7},{i % 3},{label}" for i, label in enumerate(labels)]
    (folder / "a.csv").write_text("\n".join(["a,b,y", *rows]) + "\n")
    return datasets.load({"csv": "a.csv", "label": "y", **options}, folder=folder)


# --- told apart -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int32", "int64", "float16", "float32", "float64"]
)
@pytest.mark.parametrize("shape", [(20,), (20, 1)])
def test_whole_numbers_are_classes_whatever_their_type(tmp_path, dtype, shape):
    data = npz(tmp_path, CLASSES.astype(dtype).reshape(shape), CLASSES[:6].astype(dtype))
    assert (data.classes, data.y_train.dtype) == (4, np.int32)
    assert data.y_train.tolist() == CLASSES.tolist()
    assert data.checksum == npz(tmp_path, CLASSES).checksum


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(20,), (20, 1)])
def test_other_numbers_are_real_valued(tmp_path, dtype, shape):
    data = npz(tmp_path, REAL.astype(dtype).reshape(shape))
    assert (data.classes, data.outputs, data.y_train.dtype) == (0, 1, np.float64)
    assert data.y_train.tolist() == REAL.astype(dtype).tolist()
    assert any("real-valued" in note and "targets: classes" in note for note in data.notes)


def test_one_fraction_anywhere_makes_them_real(tmp_path):
    y = CLASSES.astype(float)
    assert npz(tmp_path, y, np.array([0.0, 1.5])).classes == 0
    assert npz(tmp_path, np.where(np.arange(20) == 7, 0.5, y)).classes == 0


@pytest.mark.parametrize("dtype", ["int64", "uint8", "float64", "bool"])
def test_the_suite_may_say_that_whole_numbers_are_measured(tmp_path, dtype):
    y = CLASSES.astype(dtype)
    data = npz(tmp_path, y, targets="real")
    assert (data.classes, data.y_train.dtype, data.notes) == (0, np.float64, ())
    assert data.y_train.tolist() == y.astype(float).tolist()


def test_the_suite_may_say_that_they_are_classes(tmp_path):
    data = npz(tmp_path, CLASSES.astype(float), targets="classes")
    assert (data.classes, data.notes) == (4, ())
    with pytest.raises(DatasetError, match="not class numbers") as caught:
        npz(tmp_path, REAL, targets="classes")
    assert caught.value.found.startswith("-0.78")  # the first that is not whole
    assert "y_train" in caught.value.where


@pytest.mark.parametrize("wrong", ["reel", "", 3, None, True, ["real"]])
def test_other_words_for_targets_are_refused(wrong):
    with pytest.raises(DatasetError) as caught:
        datasets.check_spec({"npz": "a.npz", "targets": wrong})
    assert caught.value.expected == "real or classes"
    assert caught.value.where == "dataset npz.targets"


@pytest.mark.parametrize(
    ("y", "options", "words"),
    [
        (np.where(np.arange(20) == 3, np.nan, REAL), {}, ["y_train", "nan", "index 3"]),
        (np.where(np.arange(20) == 3, np.inf, REAL), {"targets": "real"}, ["inf", "index 3"]),
        (np.stack([REAL, REAL], 1), {}, ["one target", "(20, 2)"]),
        (np.stack([REAL, REAL], 1), {"targets": "real"}, ["one target", "(20, 2)"]),
        (np.eye(20, 4), {}, ["argmax", "(20, 4)"]),
        (REAL.astype(str), {"targets": "real"}, ["dtype <U"]),
        (REAL.astype(complex), {}, ["complex"]),
        (1000 * np.arange(20), {}, ["more classes than training images", "targets: real"]),
        (1e300 * np.arange(20), {}, ["more classes than training images", "targets: real"]),
    ],
)
def test_targets_that_cannot_be_used(tmp_path, y, options, words):
    with pytest.raises(DatasetError) as caught:
        npz(tmp_path, y, **options)
    for word in (*words, "a.npz", "expected", "found"):
        assert word in str(caught.value)


# --- tables -----------------------------------------------------------------------------------


def test_a_column_of_measurements(tmp_path):
    labels = [f"{i / 3:.6f}" for i in range(20)]
    data = csv(tmp_path, labels)
    test = np.arange(20) % 5 == 4
    assert (data.classes, data.y_train.dtype) == (0, np.float64)
    assert data.y_train.tolist() == [
        float(t) for t, held in zip(labels, test, strict=True) if not held
    ]
    assert data.y_test.tolist() == [float(t) for t, held in zip(labels, test, strict=True) if held]
    assert "every fifth row is a test row" in data.origin
    assert "column 'y'" in data.origin


def test_measurements_that_are_whole_numbers(tmp_path):
    with pytest.raises(DatasetError, match="label of its own") as caught:
        csv(tmp_path, range(100, 120))
    assert "targets: real" in caught.value.hint
    data = csv(tmp_path, range(100, 120), targets="real")
    assert (data.classes, data.y_train[0]) == (0, 100.0)


@pytest.mark.parametrize("written", ["{}", "{}.0", "{}e0"])
def test_classes_that_are_written_as_fractions(tmp_path, written):
    """1.0, 2.0, ... 12.0 are the same classes as 1, 2, ... 12, in the order of the numbers."""
    numbers = [i % 12 + 1 for i in range(60)]
    data, usual = csv(tmp_path, [written.format(n) for n in numbers]), csv(tmp_path, numbers)
    assert data.checksum == usual.checksum
    assert "0 = 1, 1 = 2, 2 = 3" in data.origin


def test_classes_that_are_fractions_if_the_suite_says_so(tmp_path):
    data = csv(tmp_path, ["0.5", "1.5"] * 10, targets="classes")
    assert data.classes == 2
    assert "0 = 0.5, 1 = 1.5" in data.origin
    assert csv(tmp_path, ["0.5", "1.5"] * 10).classes == 0


@pytest.mark.parametrize("other", ["red", "nan", "inf", "1,5"])
def test_text_among_measurements(tmp_path, other):
    quoted = f'"{other}"'
    with pytest.raises(DatasetError) as caught:
        csv(tmp_path, ["0.25", "0.5", quoted, "0.75", *("1.5",) * 6], targets="real")
    for word in (other, "data row 3", "column 'y'"):
        assert word in str(caught.value)


def test_too_few_rows_to_test_with(tmp_path):
    with pytest.raises(DatasetError, match="no row to test with"):
        csv(tmp_path, [0.5, 1.5, 2.5])


# --- classes that are never right -------------------------------------------------------------


def test_labels_that_start_at_1_are_said(tmp_path):
    (note,) = npz(tmp_path, CLASSES + 1).notes
    assert note.startswith("labels start at 1, so that the output for class 0 is never right")
    (note,) = npz(tmp_path, CLASSES + 3).notes
    assert note.startswith(
        "labels start at 3, so that the outputs for classes 0, 1, 2 are never right"
    )


def test_a_class_without_training_images_is_said(tmp_path):
    y = np.where(CLASSES == 2, 3, CLASSES)
    (note,) = npz(tmp_path, y, np.array([0, 2, 2, 3])).notes
    assert note == "no training image is of class 2, but 2 test images are"
    (note,) = npz(tmp_path, y, np.array([0, 1])).notes
    assert note == "no training image is of class 2, so that an output is never right"


def test_many_classes_without_images_are_not_all_spelt_out(tmp_path):
    (note,) = npz(tmp_path, np.where(CLASSES == 3, 19, CLASSES), CLASSES[:3]).notes
    assert note.startswith("no training image is of classes 3, 4, 5")
    assert len(note) < 200


def test_usual_labels_need_no_words(tmp_path):
    assert npz(tmp_path, CLASSES).notes == ()
    assert datasets.load("digits", folder=tmp_path).notes == ()


# --- held out and thinned ---------------------------------------------------------------------


def test_real_targets_are_held_out_and_thinned_like_others(tmp_path):
    whole = npz(tmp_path, REAL)
    spec = {"npz": "a.npz"}
    part = datasets.load(spec, folder=tmp_path, validation=5, train_images=8, seed=1)
    assert (len(part.y_train), len(part.y_validation)) == (8, 5)
    assert {*part.y_train, *part.y_validation} <= {*whole.y_train}
    assert part.checksum == whole.checksum


def test_a_class_that_is_lost_by_drawing_is_said(tmp_path):
    npz(tmp_path, CLASSES)
    part = datasets.load({"npz": "a.npz"}, folder=tmp_path, train_images=2)
    (note,) = part.notes
    assert note == "the training images that were drawn lack a class"
    part = datasets.load({"npz": "a.npz"}, folder=tmp_path, validation=18)
    assert part.notes == (note,)
    assert datasets.load({"npz": "a.npz"}, folder=tmp_path, validation=1).notes == ()

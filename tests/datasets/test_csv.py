"""Labelled tables, with scikit-learn's own copies of real ones."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from sklearn.datasets import load_iris

from bench import datasets
from bench.errors import DatasetError


def load(folder, label="kind", name="a.csv"):
    return datasets.load({"csv": name, "label": label}, folder=folder)


@pytest.fixture
def iris(tmp_path):
    frame = load_iris(as_frame=True).frame
    frame["kind"] = load_iris().target_names[frame.pop("target")]
    frame.to_csv(tmp_path / "a.csv", index=False)
    return tmp_path


def test_iris(iris):
    data = load(iris)
    source = load_iris()
    test = np.arange(150) % 5 == 4  # 50 rows of each class, one class after the other
    assert np.array_equal(data.x_train, source.data[~test].astype(np.float32))
    assert np.array_equal(data.x_test, source.data[test].astype(np.float32))
    assert np.array_equal(data.y_test, source.target[test])
    assert (data.name, data.classes, data.scale) == ("a", 3, 1.0)
    for words in ("0 = setosa, 1 = versicolor, 2 = virginica", "every fifth", "4 features"):
        assert words in data.origin


def test_gzipped(iris):
    (iris / "b.csv.gz").write_bytes(gzip.compress((iris / "a.csv").read_bytes()))
    assert load(iris, name="b.csv.gz").checksum == load(iris).checksum


def table(folder, labels, header="a,b,kind"):
    rows = [f"{i},{i / 2},{label}" for i, label in enumerate(labels)]
    (folder / "a.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("labels", "origin"),
    [
        (["10", "9", "-1"], "0 = -1, 1 = 9, 2 = 10"),  # whole numbers in their own order
        (["b", "a", "10"], "0 = 10, 1 = a, 2 = b"),
        (["NA", "None", "nan"], "0 = NA, 1 = None, 2 = nan"),  # names like any others
        (["æ", "å", "o"], "0 = o, 1 = å, 2 = æ"),
        (["True", "False", "True"], "0 = False, 1 = True"),
    ],
)
def test_labels_become_sorted_classes(tmp_path, labels, origin):
    data = load(table(tmp_path, labels * 5))
    assert f"{origin};" in data.origin
    assert set(data.y_train) == set(range(data.classes))


def test_many_classes_are_not_all_spelt_out(tmp_path):
    assert "19 = 19, ...;" in load(table(tmp_path, [*range(30)] * 5)).origin


def test_the_label_may_stand_anywhere(tmp_path):
    (tmp_path / "a.csv").write_text("\ufeffkind,a\n" + "x,1\ny,2\n" * 5, encoding="utf-8")
    assert load(tmp_path).x_train.shape == (8, 1)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ["there is no such file", "suite's folder"]),
        ("", ["cannot be read"]),
        ("a,kind\n", ["no rows"]),
        ("a,Kind\n1,x\n", ["column 'kind' is missing", "did you mean 'Kind'"]),
        ("1,2,x\n3,4,y\n", ["column 'kind' is missing", "1, 2, x"]),
        ("a,kind\n" + "1,x\n,y\n" * 9, ["column 'a'", "9 cells are empty", "data row 2"]),
        ("a,kind\n" + "1,x\n1,\n" * 9, ["column 'kind'", "9 cells are empty", "data row 2"]),
        ("a,kind\n" + "1,x\n" * 9 + "1\n", ["column 'kind'", "data row 10"]),
        ("a,kind\n" + "1,x\nred,y\n" * 9, ["column 'a'", "not numeric", "'red' in data row 2"]),
        ("a,kind\n" + "1,x\nNA,y\n" * 9, ["column 'a'", "not numeric", "'NA' in data row 2"]),
        ("a,kind\n" + "1,x\n2,y\n" * 9 + "9" * 400 + ",x\n", ["not numeric", "data row 19"]),
        ("a,kind\n" + "1,x\ninf,y\n" * 9, ["NaN or infinite"]),
        ("a,kind\n" + "1,x\n1e99,y\n" * 9, ["NaN or infinite"]),
        ("a,kind\n" + "7,1,x\n" * 9, ["more cells than the header"]),
        ("a,kind\n" + "1,x\n" * 9 + "1,2,3\n", ["cannot be read", "line 11"]),
        ("a,kind\n" + "1,x\n" * 9, ["only one class"]),
        ("a,kind\n" + "1,x\n1,y\n" * 2, ["no class has a row to test with", "every fifth"]),
        ("kind\n" + "x\ny\n" * 9, ["no images"]),
        ("a,kind\n" + "".join(f"1,id{i}\n" for i in range(50)), ["a label of its own"]),
        ("a,kind\n1,\xe6\n".encode("latin-1"), ["cannot be read", "UTF-8"]),
    ],
)
def test_refusals(tmp_path, content, words):
    file = tmp_path / "a.csv"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DatasetError) as caught:
        load(tmp_path)
    for word in (*words, str(file), "expected", "found"):
        assert word in str(caught.value)


def test_a_damaged_gzip_file(iris):
    (iris / "b.csv.gz").write_bytes(gzip.compress((iris / "a.csv").read_bytes())[:-20])
    with pytest.raises(DatasetError, match="cannot be read"):
        load(iris, name="b.csv.gz")

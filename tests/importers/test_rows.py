"""Files as rows: three formats, one reading of each, and what is refused."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest

from bench.errors import DatasetError, UsageError
from bench.importers import _text
from bench.importers._rows import Rows

HEAD = "m,s,acc\n"


def rows(path, kind="csv", columns=("m", "s", "acc")):
    return list(Rows(path, kind, columns))


def test_csv(log):
    path = log("acc,x,m,s\n0.5,?,a,1\n\n0.6,?,b,2\n")
    assert rows(path) == [(2, ["a", "1", "0.5"]), (4, ["b", "2", "0.6"])]


def test_a_quoted_cell_over_two_lines_keeps_the_lines_right(log):
    assert [line for line, _ in rows(log(HEAD + '"a\nb",1,0.5\nc,1,0.5\n'))] == [3, 4]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters(log, delimiter):
    text = (HEAD + "a,1,0.5\n").replace(",", delimiter)
    assert rows(log(text)) == [(2, ["a", "1", "0.5"])]


def test_a_byte_order_mark_and_other_line_ends(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(b"\xef\xbb\xbf" + b"m,s,acc\r\na,1,0.5\r\n")
    assert rows(path) == [(2, ["a", "1", "0.5"])]


def test_json_lines(log):
    path = log('{"m": "a", "s": 1, "acc": NaN, "x": []}\n\n{"m": "b", "s": 2}\n{"acc": 1e999}\n')
    found = rows(path, "jsonl")
    assert [line for line, _ in found] == [1, 3, 4]
    assert math.isnan(found[0][1][2])
    assert found[1][1] == ["b", 2, None]
    assert found[2][1] == [None, None, math.inf]


def test_parquet(tmp_path):
    frame = pd.DataFrame({"x": [0, 0], "acc": [0.5, None], "m": ["a", "b"], "s": [1, 2]})
    frame.to_parquet(tmp_path / "log.parquet")
    found = rows(tmp_path / "log.parquet", "parquet")
    assert found == [(1, ("a", 1, 0.5)), (2, ("b", 2, None))]


@pytest.mark.parametrize(
    ("kind", "content", "where", "problem", "found"),
    [
        ("csv", b"", "", "an empty file", "none"),
        ("csv", b"m,s,acc\na,1\n", ", line 2", "another length", "2"),
        ("csv", b"m,s,acc\na,1,2,3\n", ", line 2", "another length", "4"),
        ("csv", b'm,s,acc\n"a,1,2\nb,1,2\n', ", line 3", "not readable as csv", "unexpected end"),
        ("csv", b"m,s,acc\n\xe9,1,2\n", "", "not text", "other bytes"),
        ("csv", b"m,s,acc,acc\na,1,1,1\n", "", "'acc' stands there twice", "2"),
        ("csv", b"m,s,acc\na,1," + b"x" * 200_000, ", line 2", "not readable", "field larger"),
        ("jsonl", b"", "", "an empty file", "none"),
        ("jsonl", b'{"m": 1}\n{"m":\n', ", line 2", "not readable as jsonl", "Expecting value"),
        ("jsonl", b'[{"m": 1}]\n', ", line 1", "one {...} per line", "[{"),
        ("jsonl", b"[" * 100_000, ", line 1", "not readable", "too deep"),
        ("jsonl", b"9" * 5000, ", line 1", "not readable", "4300 digits"),
        ("jsonl", b"\xff\n", "", "not text", "other bytes"),
        ("parquet", b"", "", "not readable as parquet", "0 bytes"),
        ("parquet", b"PAR1garbagePAR1", "", "not readable as parquet", None),
        ("parquet", b"\x80\x04\x95", "", "not readable as parquet", None),
    ],
)
def test_files_that_are_not_what_they_should_be(tmp_path, kind, content, where, problem, found):
    path = tmp_path / "log"
    path.write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        rows(path, kind)
    assert caught.value.where == f"{path}{where}"
    assert problem in str(caught.value)
    assert caught.value.expected
    assert (found or "") in caught.value.found


def test_no_file(tmp_path):
    with pytest.raises(DatasetError, match="no such file"):
        rows(tmp_path / "log.csv")
    with pytest.raises(DatasetError, match="not a file"):
        rows(tmp_path)


def test_a_pickle_is_never_loaded(tmp_path):
    path = tmp_path / "log.parquet"
    pd.to_pickle(pd.DataFrame({"m": [1]}), path)
    for kind in ("csv", "jsonl", "parquet"):
        with pytest.raises((DatasetError, UsageError)):
            rows(path, kind)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_missing_column(tmp_path, kind):
    path, frame = tmp_path / "log", pd.DataFrame({"m": ["a"], "s": [1], "accuracy": [0.5]})
    if kind == "csv":
        frame.to_csv(path, index=False)
    elif kind == "jsonl":
        path.write_text(json.dumps({"m": "a", "s": 1, "accuracy": 0.5}))
    else:
        frame.to_parquet(path)
    with pytest.raises(UsageError, match="no column 'acuracy'") as caught:
        rows(path, kind, ("m", "s", "acuracy"))
    assert caught.value.expected == "one of m, s, accuracy"
    assert caught.value.hint == "did you mean 'accuracy'?"


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_line_that_does_not_end_is_not_held(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(_text, "MAX_LINE", 1000)
    path = tmp_path / "log"
    path.write_text(HEAD * (kind == "csv") + "1," * 2000)
    with pytest.raises(DatasetError, match="a line that does not end") as caught:
        rows(path, kind)
    assert caught.value.where == f"{path}, line {1 + (kind == 'csv')}"

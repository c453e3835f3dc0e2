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


# --- what is no row ---------------------------------------------------------------------------

ROWS = [["a", "1", "0.5"], ["b", "2", "0.6"]]
PLAIN = "m,s,acc\na,1,0.5\nb,2,0.6\n"


def read(path, kind="csv", **options):
    """The cells, with what was passed over: comments and headers."""
    source = Rows(path, kind, ("m", "s", "acc"), **options)
    return [cells for _, cells in source], source.comments, source.headers


@pytest.mark.parametrize(
    ("text", "comments", "headers"),
    [
        (PLAIN, 0, 0),
        ("# made by x\n" + PLAIN, 1, 0),
        ("#\n# x, y\n\n" + PLAIN, 2, 0),
        ("# m,s,acc\na,1,0.5\nb,2,0.6\n", 0, 0),
        ("#m,s,acc\na,1,0.5\nb,2,0.6\n", 0, 0),
        ("# m,s\n" + PLAIN, 1, 0),
        (PLAIN.replace("b,", "# resumed here\nb,"), 1, 0),
        (PLAIN.replace("b,", '# "resumed\nb,'), 1, 0),
        (PLAIN.replace("b,", "# m,s,acc\nb,"), 1, 0),
        (PLAIN.replace("b,", "m,s,acc\nb,"), 0, 1),
        (PLAIN.replace("b,", " m , s, acc\n\nb,"), 0, 1),
        (PLAIN + "m,s,acc\nm,s,acc\n", 0, 2),
        (PLAIN.replace(",", ";").replace("b;", "# a;b\nb;"), 1, 0),
    ],
)
def test_comments_and_repeated_headers(log, text, comments, headers):
    assert read(log(text)) == (ROWS, comments, headers)


def test_a_variant_may_begin_with_the_mark(log):
    text = "m,s,acc\n#1,1,0.5\n#2,2,0.6\n"
    assert read(log(text))[0] == [["#1", "1", "0.5"], ["#2", "2", "0.6"]]
    assert read(log(text), comment="#") == ([], 2, 0)


def test_a_column_may_begin_with_the_mark(log):
    source = Rows(log("#m,s\na,1\n"), "csv", ("#m", "s"))
    assert [cells for _, cells in source] == [["a", "1"]]


def test_another_mark(log):
    text = "// x\n" + PLAIN.replace("b,", "//b,1,1\nb,")
    assert read(log(text), comment="//") == (ROWS, 2, 0)
    with pytest.raises(DatasetError, match="another length") as caught:
        read(log(PLAIN.replace("b,", "// x\nb,")))
    assert "--comment" in caught.value.hint


def test_a_quoted_cell_is_no_comment(log):
    text = 'm,s,acc\n"a\n# b",1,0.5\n'
    assert read(log(text)) == ([["a\n# b", "1", "0.5"]], 0, 0)


def test_lines_keep_their_numbers(log):
    text = "# x\nm,s,acc\na,1,0.5\n# y\nm,s,acc\nb,2,0.6\nc\n"
    with pytest.raises(DatasetError) as caught:
        read(log(text))
    assert caught.value.where.endswith("line 7")


@pytest.mark.parametrize("header", ["s,m,acc", "m,s,acc,loss", "m,acc,s"])
def test_another_header_is_refused(log, header):
    with pytest.raises(DatasetError, match="another header") as caught:
        read(log(PLAIN.replace("b,", header + "\nb,")))
    assert caught.value.where.endswith("line 3")
    assert caught.value.hint


def test_a_variant_may_be_called_as_its_column(log):
    assert read(log("m,s,acc\nm,1,0.5\n"))[0] == [["m", "1", "0.5"]]


def test_comments_between_json_lines(log):
    text = '# x\n{"m": "a", "s": 1, "acc": 1}\n# y\n'
    assert read(log(text), "jsonl") == ([["a", 1, 1]], 2, 0)


# --- encodings --------------------------------------------------------------------------------

MARKED = ["utf-8-sig", "utf-16", "utf-32"]
JSON = '{"m": "é", "s": 1, "acc": 0.5}\n'


@pytest.mark.parametrize("encoding", [*MARKED, "utf-8"])
@pytest.mark.parametrize(("kind", "text"), [("csv", "m,s,acc\né,1,0.5\n"), ("jsonl", JSON)])
def test_byte_order_marks(tmp_path, encoding, kind, text):
    path = tmp_path / "log"
    path.write_text(text, encoding=encoding)
    assert [cells[0] for cells in read(path, kind)[0]] == ["é"]
    if encoding != "utf-8":
        assert read(path, kind, encoding=encoding)[0] == read(path, kind)[0]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le", "utf-16-be", "UTF_16LE"])
def test_encodings_by_name(tmp_path, encoding):
    path = tmp_path / "log.csv"
    path.write_text("m,s,acc\né,1,0.5\n", encoding=encoding)
    assert read(path, encoding=encoding)[0] == [["é", "1", "0.5"]]
    with pytest.raises(DatasetError, match="not text") as caught:
        read(path)
    assert "--encoding" in caught.value.hint


@pytest.mark.parametrize("name", ["utf-99", "base64", "rot13", "hex", "", " ", "a\0b"])
def test_what_is_no_encoding(log, name):
    with pytest.raises(UsageError) as caught:
        read(log(PLAIN), encoding=name)
    assert caught.value.where == "--encoding"


@pytest.mark.parametrize("options", [{"encoding": "utf-8"}, {"comment": "#"}])
def test_parquet_is_no_text(tmp_path, options):
    pd.DataFrame({"m": ["a"], "s": [1], "acc": [0.5]}).to_parquet(tmp_path / "log.parquet")
    with pytest.raises(UsageError, match="does not fit"):
        read(tmp_path / "log.parquet", "parquet", **options)


def test_no_mark_of_a_comment(log):
    with pytest.raises(UsageError, match="--comment says nothing"):
        read(log(PLAIN), comment="")


def test_no_kind(log):
    with pytest.raises(UsageError, match="no such kind of file") as caught:
        read(log(PLAIN), "xlsx")
    assert caught.value.expected == "one of csv, parquet, jsonl"

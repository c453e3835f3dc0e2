"""Frames as files: what is written reads back equal."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest

from bench import load_results
from bench.errors import UsageError
from bench.export import write_frames

ODD = pd.DataFrame(
    {
        "text": pd.array(["a,b", 'quo"te\nline', None, "ü🐢"], dtype="string"),
        "whole": pd.array([1, None, 2**53 + 1, -4], dtype="Int64"),
        "number": [0.1 + 0.2, math.nan, 5e-324, math.inf],
        "truth": pd.array([True, None, False, True], dtype="boolean"),
    }
)


PARSE = {"string": str, "Int64": int, "float64": float, "boolean": lambda text: text == "True"}


def read(path, kind, like):
    if kind == "parquet":
        return pd.read_parquet(path)
    dtypes = like.dtypes.to_dict()
    if kind == "json":
        rows = json.loads(path.read_text(encoding="utf-8"))
        return pd.DataFrame(rows, columns=list(dtypes), dtype=object).astype(dtypes)
    texts = pd.read_csv(path, dtype=object)
    values = {
        name: [PARSE[str(dtype)](v) if isinstance(v, str) else None for v in texts[name]]
        for name, dtype in dtypes.items()
    }
    return pd.DataFrame(values, dtype=object).astype(dtypes)


def readable(frame, kind):
    """What the format can say: no empty text in CSV, nothing that is not finite in JSON."""
    if kind == "csv":
        return frame.replace("", pd.NA)
    return frame.replace([math.inf, -math.inf], math.nan) if kind == "json" else frame


@pytest.mark.parametrize("kind", ["parquet", "csv", "json"])
def test_a_run_reads_back_equal(tiny_results, tmp_path, kind):
    frames = load_results(tiny_results).frames
    paths = write_frames(frames, tmp_path / "to", kind)
    assert [path.name for path in paths] == [f"{name}.{kind}" for name in frames]
    for path, frame in zip(paths, frames.values(), strict=True):
        back = read(path, kind, frame)
        pd.testing.assert_frame_equal(back, readable(frame, kind), check_exact=True)


@pytest.mark.parametrize("kind", ["parquet", "csv", "json"])
def test_odd_values_read_back_equal(tmp_path, kind):
    (path,) = write_frames({"odd": ODD}, tmp_path, kind)
    pd.testing.assert_frame_equal(read(path, kind, ODD), readable(ODD, kind), check_exact=True)


@pytest.mark.parametrize("kind", ["parquet", "csv", "json"])
def test_an_empty_frame(tmp_path, kind):
    empty = ODD.iloc[:0]
    (path,) = write_frames({"odd": empty}, tmp_path, kind)
    pd.testing.assert_frame_equal(read(path, kind, empty), empty)


def test_json_is_json(tmp_path):
    """Neither NaN nor Infinity, which are not JSON."""
    (path,) = write_frames({"odd": ODD}, tmp_path, "json")
    rows = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert rows[1] == {"text": 'quo"te\nline', "whole": None, "number": None, "truth": None}
    assert rows[2]["whole"] == 2**53 + 1


def test_files_are_replaced(tmp_path):
    for frame in (ODD, ODD.iloc[:1]):
        (path,) = write_frames({"odd": frame}, tmp_path, "csv")
    assert len(pd.read_csv(path)) == 1


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written") as caught:
        write_frames({"odd": ODD}, tmp_path / "file" / "to", "csv")
    assert caught.value.where == str(tmp_path / "file" / "to")
    assert caught.value.found

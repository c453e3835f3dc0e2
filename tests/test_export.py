"""Frames as files: what is written reads back equal."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_benchmark.stats import Stats
from scipy import sparse

from bench import datasets, load_results, load_suite, run
from bench.errors import UsageError
from bench.export import benchmark_stats, write_benchmark, write_frames, write_weights
from bench.store import Store
from bench.suite import parse_suite
from bench.trial import Timing, expand

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


def test_no_text_in_csv_is_a_formula(tmp_path):
    """What a log, a matrix or an exception says would run in a spreadsheet; numbers stay numbers."""
    texts = ["=cmd|' /C calc'!A0", "+1", "-1", "@x", "\tx", "a=1", "", None]
    frame = pd.DataFrame({"=1": pd.array(texts, dtype="string"), "n": [-1.0] * 8, "o": texts})
    (path,) = write_frames({"odd": frame}, tmp_path, "csv")
    back = pd.read_csv(path, keep_default_na=False)
    assert list(back) == ["'=1", "n", "o"]
    expected = ["'=cmd|' /C calc'!A0", "'+1", "'-1", "'@x", "'\tx", "a=1", "", ""]
    assert back["'=1"].tolist() == back.o.tolist() == expected
    assert back.n.tolist() == [-1.0] * 8


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


@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=30))
def test_a_summary_is_that_of_pytest_benchmark(seconds):
    theirs = Stats()
    for value in seconds:
        theirs.update(value)
    ours = benchmark_stats(seconds)
    assert ours.pop("data") == seconds
    assert ours.pop("iterations") == 1
    assert ours.keys() == theirs.as_dict().keys()
    numbers = {
        "min",
        "max",
        "mean",
        "stddev",
        "rounds",
        "median",
        "iqr",
        "q1",
        "q3",
        "ops",
        "total",
    }
    for name in numbers:
        assert ours[name] == pytest.approx(getattr(theirs, name), rel=1e-9, abs=1e-9), name


def test_outliers_are_those_of_pytest_benchmark():
    seconds, theirs = [1.0, 1.1, 1.2, 1.15, 1.05, 9.0, 0.1], Stats()
    for value in seconds:
        theirs.update(value)
    ours = benchmark_stats(seconds)
    for name in ("outliers", "stddev_outliers", "iqr_outliers", "ld15iqr", "hd15iqr"):
        assert ours[name] == getattr(theirs, name), name


def test_timings_are_read_by_the_real_pytest_benchmark(tiny, tmp_path):
    """Written as ``bench time`` writes them, the last measurement, and compared by its command."""
    suite = load_suite(tiny)
    uses = expand(suite)
    with Store(tmp_path / "run") as store:
        store.begin(suite, uses, started_at="2026-01-01", command="bench time tiny")
        for started_at, factor in (("2026-01-01T10:00:00.000", 9), ("2026-01-02T11:22:33.444", 1)):
            for number in (1, 2, 3):
                store.append_timings(
                    [
                        Timing(key, number, factor * (0.1 * number + i), 0.1)
                        for i, key in enumerate(
                            sorted({u.trial.training.of_an_epoch for u in uses})
                        )
                    ],
                    started_at=started_at,
                    machine='{"host": "here"}',
                    versions='{"python": "3.11"}',
                )
    results = load_results(tmp_path / "run")
    path = write_benchmark(results, tmp_path / "run" / "timing")
    assert path.name == "2026-01-02-112233.json"
    found = json.loads(path.read_text())
    assert [b["name"] for b in found["benchmarks"]] == [
        "rates/fast", "rates/slow", "shared/narrow", "shared/wide",
    ]  # fmt: skip
    assert min(b["stats"]["data"][0] for b in found["benchmarks"]) == pytest.approx(0.1)
    done = subprocess.run(
        [sys.executable, "-m", "pytest_benchmark", "compare", path, "--csv", tmp_path / "t.csv"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert "benchmark 'rates': 2 tests" in done.stdout
    assert "shared/wide" in done.stdout
    table = pd.read_csv(tmp_path / "t.csv")
    assert len(table) == 4
    assert set(table["rounds"]) == {3}


def test_where_nothing_was_timed_there_is_nothing_to_write(tiny_results, tmp_path):
    with pytest.raises(UsageError, match="bench time"):
        write_benchmark(load_results(tiny_results), tmp_path)


def test_a_folder_that_is_a_file_is_refused_for_timings(tiny, tmp_path):
    (tmp_path / "file").write_text("")
    suite = load_suite(tiny)
    with Store(tmp_path / "run") as store:
        store.begin(suite, uses := expand(suite), started_at="2026-01-01", command="")
        timing = Timing(uses[0].trial.training.of_an_epoch, 1, 0.1, 0.1)
        store.append_timings(
            [timing], started_at="2026-01-01T00:00:00", machine="{}", versions="{}"
        )
    with pytest.raises(UsageError, match="cannot be written"):
        write_benchmark(load_results(tmp_path / "run"), tmp_path / "file")


PRUNED = """\
suite: pruned
title: Two widths
dataset: digits
seeds: 1
epochs: 2
validation: 200
probes: [{sparsity: {delta: 0.01}}]
base:
  model: {mlp: {hidden: [16]}}
  optimizer: {SGD: {learning_rate: 0.1}}
questions:
  kept:
    ask: What are the weights?
    weights: true
    variants:
      narrow: {}
      wide: {model: {mlp: {hidden: [64]}}}
  forgotten:
    ask: And without?
    variants:
      narrow: {}
"""


@pytest.fixture(scope="module")
def with_weights(tmp_path_factory):
    """A run in which one question keeps its weights, and its exported folder."""
    folder = tmp_path_factory.mktemp("weights")
    results = run(parse_suite(PRUNED), folder / "results", workers=0)
    paths = write_weights(results, folder / "to")
    return results, {path.name: path for path in paths}


def test_the_weights_of_the_questions_that_keep_them(with_weights):
    results, paths = with_weights
    kept = results.trials[results.trials.question == "kept"]
    assert set(paths) == set(kept.trial_id)
    for trial_id, path in paths.items():
        with np.load(path / "weights.npz", allow_pickle=False) as file:
            kept = {name: file[name] for name in file.files}
        assert list(kept) == ["dense_1/kernel", "dense_1/bias", "dense_2/kernel", "dense_2/bias"]
        for name, array in results.weights.of(trial_id).items():
            np.testing.assert_array_equal(kept[name], array)


@pytest.mark.parametrize(
    ("inside", "ending", "measure"),
    [
        ("", "csr.npz", "csr_bytes"),
        ("", "f32.gz", "gzip_bytes"),
        ("pruned", "csr.npz", "pruned_csr_bytes"),
        ("pruned", "f32.gz", "pruned_gzip_bytes"),
    ],
)
def test_the_sizes_that_were_measured_are_those_of_the_files(with_weights, inside, ending, measure):
    results, paths = with_weights
    for trial_id, path in paths.items():
        rows = results.probes[results.probes.trial_id == trial_id]
        said = rows[(rows.layer == "") & (rows.measure == measure)].value.iloc[0]
        files = sorted((path / inside).glob(f"*.{ending}"))
        assert [file.name for file in files] == [f"dense_{i}.{ending}" for i in (1, 2)]
        assert said == sum(file.stat().st_size for file in files)


def test_the_pruned_network_has_the_test_accuracy_that_was_said(with_weights):
    """From the exported files alone, with numpy and scipy."""
    results, paths = with_weights
    digits = datasets.load("digits", folder=Path())
    for trial_id, path in paths.items():
        with np.load(path / "weights.npz") as file:
            biases = [file["dense_1/bias"], file["dense_2/bias"]]
        first, second = (
            sparse.load_npz(path / "pruned" / f"dense_{i}.csr.npz").toarray() for i in (1, 2)
        )
        x = digits.x_test.reshape(len(digits.x_test), -1) * digits.scale
        outputs = np.maximum(x @ first + biases[0], 0) @ second + biases[1]
        rows = results.probes[results.probes.trial_id == trial_id]
        said = rows[rows.measure == "pruned_accuracy"].value.iloc[0]
        assert said == pytest.approx((outputs.argmax(axis=1) == digits.y_test).mean(), abs=0.003)


def test_no_weights_were_kept(tiny_results, tmp_path):
    with pytest.raises(UsageError, match="no weights were kept"):
        write_weights(load_results(tiny_results), tmp_path)


def test_the_command_writes_them_beside_the_frames(bench, with_weights, tmp_path):
    results, paths = with_weights
    done = bench("export", results.folder, "--to", tmp_path, "--weights")
    assert done.returncode == 0, done.stderr
    assert "weights of 2 networks" in done.stdout
    assert {path.name for path in (tmp_path / "weights").iterdir()} == set(paths)
    assert (tmp_path / "probes.parquet").exists()

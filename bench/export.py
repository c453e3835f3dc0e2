"""Files for other tools: one per frame, a folder for each network's weights, timings as pytest-benchmark's."""

from __future__ import annotations

import json
import math
import re
import statistics
from typing import TYPE_CHECKING, Any, Literal

from bench import files, weights
from bench import frames as frames_
from bench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from bench.store import Results


def write_frames(
    frames: Mapping[str, pd.DataFrame], folder: Path, kind: Literal["parquet", "csv", "json"]
) -> list[Path]:
    """Write each frame to ``folder/NAME.KIND`` and return the paths.

    CSV has a header and no index, and no text in it is a formula (``frames.without_formula``); JSON is a
    list of records, in which ``null`` stands for what is missing or not finite. Numbers keep all their digits.

    Raises:
        UsageError: the folder cannot be written.
    """
    for name, frame in frames.items():
        with files.writing(folder, f"{name}.{kind}") as file:
            if kind == "parquet":
                frame.to_parquet(file, index=False)
            elif kind == "csv":
                _plain(frame).to_csv(file, index=False)
            else:
                file.write(_json(frame).encode())
    return [folder / f"{name}.{kind}" for name in frames]


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    text = frame.select_dtypes(["object", "string"])
    plain = {str(name): text[name].map(_cell) for name in text}
    return frame.assign(**plain).rename(columns=frames_.without_formula)


def _cell(value: Any) -> Any:
    return frames_.without_formula(value) if isinstance(value, str) else value


def write_weights(results: Results, folder: Path) -> list[Path]:
    """Write the weights that were kept, a folder ``folder/TRIAL_ID`` for each network; return these.

    ``weights.npz`` holds every trainable array. Each kernel has files ``LAYER.csr.npz`` and ``LAYER.f32.gz``,
    whose sizes are those that the probe ``sparsity`` tells, and in ``pruned`` the same of the pruned network,
    if the probe pruned it.

    Raises:
        UsageError: no weights were kept, or the folder cannot be written.
    """
    if not results.weights.trials:
        raise UsageError(
            "no weights were kept here",
            where=str(results.folder),
            expected="a run of a suite with weights: true, for the whole or for a question",
            found="none",
        )
    rows = results.probes[results.probes.measure == "pruned_nonzero"]
    keep = dict(zip(rows.trial_id, rows.value.astype(int), strict=True))
    trials = sorted(results.weights.trials)
    for trial_id in trials:
        arrays = results.weights.of(trial_id)
        files.write(folder, f"{trial_id}/weights.npz", weights.pack(arrays.items()))
        kernels = weights.kernels(arrays.items())
        _write_kernels(kernels, folder, trial_id)
        if trial_id in keep:
            _write_kernels(weights.pruned(kernels, keep[trial_id]), folder, f"{trial_id}/pruned")
    return [folder / trial_id for trial_id in trials]


def _write_kernels(kernels: weights.Kernels, folder: Path, below: str) -> None:
    for layer, array in kernels.items():
        for ending, content in weights.FILES.items():
            name = f"{layer.replace('/', '.')}.{ending}"  # of a layer inside a layer
            files.write(folder, f"{below}/{name}", content(array))


def write_benchmark(results: Results, folder: Path) -> Path:
    """Write the last measurement by ``bench time`` as JSON that ``pytest-benchmark compare`` reads.

    The file, ``folder/DATE-TIME.json``, has an entry for each variant, grouped by question: its seconds
    (``data``) by round, and pytest-benchmark's summary of them.

    Raises:
        UsageError: nothing was timed, or the folder cannot be written.
    """
    timings = results.timings
    if timings.empty:
        raise UsageError(
            "nothing was timed here",
            where=str(results.folder),
            expected="times of epochs alone",
            found="none",
            hint="bench time SUITE --out FOLDER",
        )
    started_at = timings.started_at.max()
    rows = timings[timings.started_at == started_at].sort_values("round")
    suite = results.suite
    entries = [
        _entry(suite.suite, question, variant, rows.loc[of_variant, "seconds"].tolist())
        for question in suite.questions
        for variant in suite.variants(question)
        if (of_variant := (rows.question == question) & (rows.variant == variant)).any()
    ]
    whole = {
        "machine_info": {
            **json.loads(rows.machine.iloc[0]),
            "versions": json.loads(rows.versions.iloc[0]),
        },
        "commit_info": {},
        "benchmarks": entries,
        "datetime": started_at,
        "version": "5.1",  # of the format: that of pytest-benchmark
    }
    name = re.sub(r"[^0-9-]", "", started_at[:19].replace("T", "-"))
    return files.write(folder, f"{name}.json", json.dumps(whole, indent=1))


def _entry(suite: str, question: str, variant: str, seconds: list[float]) -> dict[str, Any]:
    name = f"{question}/{variant}"
    return {
        "group": question,
        "name": name,
        "fullname": f"{suite}::{name}",
        "params": None,
        "param": None,
        "extra_info": {},
        "options": {"timer": "perf_counter", "rounds": "interleaved", "warmup": True},
        "stats": benchmark_stats(seconds),
    }


def benchmark_stats(seconds: list[float]) -> dict[str, Any]:
    """What pytest-benchmark tells of one or more rounds, in s, and the rounds themselves (``data``)."""
    data, n = sorted(seconds), len(seconds)
    mean, median = statistics.mean(data), statistics.median(data)
    stddev = statistics.stdev(data) if n > 1 else 0.0
    q1, q3 = _quartiles(data)
    inside = [x for x in data if q1 - 1.5 * (q3 - q1) <= x <= q3 + 1.5 * (q3 - q1)]
    far = sum(abs(x - mean) > stddev for x in data)
    return {
        "min": data[0],
        "max": data[-1],
        "mean": mean,
        "stddev": stddev,
        "rounds": n,
        "median": median,
        "iqr": q3 - q1,
        "q1": q1,
        "q3": q3,
        "iqr_outliers": n - len(inside),
        "stddev_outliers": far,
        "outliers": f"{far};{n - len(inside)}",
        "ld15iqr": inside[0],
        "hd15iqr": inside[-1],
        "ops": n / sum(data),
        "total": sum(data),
        "data": seconds,
        "iterations": 1,
    }


def _quartiles(data: list[float]) -> tuple[float, float]:
    """As pytest-benchmark has them: medians of the halves; of an odd number, the middle counts in part."""
    n, odd = divmod(len(data), 2)
    if n == 0:
        return data[0], data[0]
    if not odd:
        return statistics.median(data[:n]), statistics.median(data[n:])
    k, rest = divmod(len(data), 4)
    if rest == 1:
        return (data[k - 1] + 3 * data[k]) / 4, (3 * data[3 * k] + data[3 * k + 1]) / 4
    return (3 * data[k] + data[k + 1]) / 4, (data[3 * k + 1] + 3 * data[3 * k + 2]) / 4


def _json(frame: pd.DataFrame) -> str:
    # Not frame.to_json, which cuts numbers off after 15 digits.
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    finite = [{k: None if v in (math.inf, -math.inf) else v for k, v in r.items()} for r in rows]
    return json.dumps(finite, indent=1, ensure_ascii=False, allow_nan=False)

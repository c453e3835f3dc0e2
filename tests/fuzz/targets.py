"""What is fed broken inputs, and the good ones they are made of. A target takes bytes and a folder to write in.

It returns, or raises a BenchError; anything else is a defect.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import random
import sqlite3
from dataclasses import dataclass
from functools import cache

import mutations
import pandas as pd
from ruamel.yaml import YAML

from bench import importers, resources
from bench.analysis import analyse
from bench.datasets import check_spec
from bench.errors import BenchError
from bench.plugins import Measure
from bench.report.render import render
from bench.store import FILE, Store, load_results
from bench.suite import Question, Settings, Suite, load_suite, parse_suite
from bench.trial import CurvePoint, TrialResult, count, expand

MOST_SHOWN = 4_000  # characters of an error


@dataclass(frozen=True)
class Target:
    """``seeds() -> [bytes]``, ``mutated(seed, rng) -> bytes``, ``read(data, folder)``."""

    seeds: object
    mutated: object
    read: object


def refusal(target, data, folder):
    """The error that the target makes of the data, or None; checks that a person can read it."""
    try:
        target.read(data, folder)
    except BenchError as error:
        refused = error
    else:
        return None
    said = str(refused)
    assert 0 < len(said) <= MOST_SHOWN, said[:MOST_SHOWN]
    assert refused.expected, said
    assert refused.found, said
    return refused


# --- suites -----------------------------------------------------------------------------------


COMPACT = """\
suite: compact
title: Every key of a suite once
source: A document
dataset: {csv: table.csv, label: kind}
validation: 10
seeds: [0, 2, 5]
epochs: 4
evaluate: {per_epoch: 4, first: 2, every: 2}
final: 2
margin: 0.01
target: {test_accuracy: 0.5}
looks: [3, 6]
probes: [sparsity, {curvature: {updates: 3}}]
base: {model: {mlp: {hidden: [4], l2: 0.1}}, optimizer: {SGD: {learning_rate: 0.1}}, batch_size: full}
profiles: {short: {seeds: 2, epochs: 1, questions: {q: {epochs: 2}}}}
metrics: {own: {better: higher, percent: true}}
questions:
  q:
    ask: Which?
    baseline: a
    variants: {a: {}, b: {engine: fit, precision: float64}}
    reported: {a: {test_accuracy: 0.5}}
    claims: [{says: better, test: {metric: own, variant: b, against: a, is: better}}]
  grid:
    ask: Which cell?
    compare: all pairs
    weights: true
    base: {model: {layers: [Flatten, {Dense: {units: 10}}]}}
    matrix: {batch_size: [1, 2], optimizer.SGD.learning_rate: [0.1, {InverseTimeDecay: {decay_rate: 1}}]}
    include: [{batch_size: 3}]
    exclude: [{batch_size: 1}]
"""


@cache
def suites():
    """A compact suite, mostly, and every question of the shipped ones as a suite of its own."""
    found = []
    for path in sorted(resources.folder("suites").glob("*.yaml")):
        whole = YAML(typ="safe", pure=True).load(path)
        for name, question in whole["questions"].items():
            kept = {k: v for k, v in whole.items() if k not in ("about", "profiles")}
            found.append({**kept, "questions": {name: {**question, "about": "words"}}})
    return [YAML(typ="safe", pure=True).load(COMPACT)] * 4 * len(found) + found


@cache
def suite_texts():
    return [as_block(tree) for tree in suites()]


def as_block(tree):
    stream = io.BytesIO()
    YAML(typ="safe", pure=True).dump(tree, stream)
    return stream.getvalue()


KEYS = sorted({*Suite.model_fields, *Question.model_fields, *Settings.model_fields, "a", "b", ""})


def mutated_suite(data, rng):
    if rng.random() < 0.6:
        return mutations.as_yaml(mutations.mutated_tree(rng.choice(suites()), rng, KEYS))
    return mutations.mutated_bytes(data, rng, suite_texts())


def read_suite(data, folder):
    """All that happens to a suite before TensorFlow is asked."""
    path = folder / "suite.yaml"
    path.write_bytes(data)
    suite = load_suite(path)
    for profile in suite.profiles:
        suite.resized(profile=profile)
    suite.model_dump_json(by_alias=True, exclude_defaults=True)
    for question in suite.questions:
        with contextlib.suppress(BenchError):
            check_spec(suite.dataset_of(question))
    if count(suite) <= 1_000:
        for use in expand(suite):
            assert len(use.trial.id) == 16


# --- logs ---------------------------------------------------------------------------------------

LOG = [
    {"method": method, "seed": seed, "step": step, "loss": 1 / (1 + step + seed), "group": group}
    for method in ("sgd", "adam")
    for seed in range(2)
    for step in range(3)
    for group in ("x", "y")
]


def csv_texts():
    text = pd.DataFrame(LOG).to_csv(index=False).encode()
    return [text, text.replace(b",", b";"), text.replace(b",", b"\t"), text.replace(b"\n", b"\r\n")]


def jsonl_texts():
    return ["\n".join(map(json.dumps, LOG)).encode()]


@cache
def parquet_files():
    frame, files = pd.DataFrame(LOG), []
    strange = frame.assign(method=[[1]] * len(frame), loss=[{"a": 1}] * len(frame))
    dated = frame.assign(step=pd.to_datetime(frame.step), seed=frame.seed.astype("category"))
    for one in (frame, frame.astype({"loss": "float32"}), strange, dated, frame.head(0)):
        for compression in (None, "snappy", "gzip"):
            stream = io.BytesIO()
            one.to_parquet(stream, index=False, compression=compression)
            files.append(stream.getvalue())
    return files


def importing(kind):
    def read(data, folder):
        path = folder / f"log.{kind}"
        path.write_bytes(data)
        importers.read(
            path,
            kind,
            folder / "imported",
            variant="method",
            seed="seed",
            step="step",
            group="group",
            metrics=["loss:min"],
        )

    return read


def mutated_log(data, rng):
    if rng.random() < 0.5:
        return mutations.mutated_cells(data, rng, rng.choice((b",", b":", b"\t")))
    return mutations.mutated_bytes(data, rng, (*csv_texts(), *jsonl_texts()))


# --- results ------------------------------------------------------------------------------------

SMALL = """\
suite: small
title: t
dataset: digits
epochs: 2
seeds: 3
base: {model: {mlp: {hidden: [4]}}, optimizer: SGD}
metrics: {own: {better: higher}}
questions:
  q: {ask: a, variants: {a: {}, b: {batch_size: 10}}}
"""


@cache
def results_files():
    """Content of a results file with something in every table."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as name:
        folder, suite = Path(name), parse_suite(SMALL)
        with Store(folder) as store:
            uses = expand(suite)
            store.begin(suite, uses, started_at="2026-01-01T00:00:00", command="c")
            for use in uses:
                store.append(result(use))
        return [(folder / FILE).read_bytes()]


def result(use):
    import numpy as np

    from bench.predictions import pack
    from bench.weights import pack as packed_weights

    trial = use.trial
    curve = tuple(
        CurvePoint(epoch, epoch * 10, 0.1 * epoch, 0.1, 1.0, 1.0, 0.5, 1.0, 0.5 + trial.seed / 10)
        for epoch in (0.0, 1.0, 2.0)
    )
    labels = np.arange(20) % 3
    return TrialResult(
        trial.id,
        trial.seed,
        trial.training.canonical,
        "completed",
        "2026-01-01T00:00:00",
        curve=curve,
        probes=((2.0, "sparsity", Measure("dense_1", "exact_zeros", 0.5)),),
        extras=((20, "own", 0.5),),
        predictions=pack((labels + trial.seed) % 3, labels, 3),
        weights=packed_weights([("dense_1/kernel", np.ones((2, 2), np.float32))]),
        dataset_checksum="c",
    )


def mutated_results(data, rng):
    """Bytes of the file changed, or what it says: any cell of any table."""
    if rng.random() < 0.5:
        return mutations.mutated_bytes(data, rng, results_files())
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        try:
            db.deserialize(data)
            db.execute("PRAGMA foreign_keys = OFF")
            for _ in range(rng.choice((1, 1, 2, 4))):
                _change(db, rng)
            db.commit()
            return db.serialize()
        except sqlite3.Error:  # broken before
            return mutations.mutated_bytes(data, rng, results_files())


def _change(db, rng):
    names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    if not names:  # lost to what was broken before
        return
    table = rng.choice(names)[0]
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    if not columns:
        return
    column = rng.choice(columns)
    where = rng.choice(("1", "1", f"length({column}) % 3 = {rng.randrange(3)}"))
    kind = rng.random()
    with contextlib.suppress(sqlite3.OperationalError, sqlite3.IntegrityError):
        if kind < 0.1:
            db.execute(f"DELETE FROM {table} WHERE {where}")
        elif kind < 0.2:
            db.execute(f"ALTER TABLE {table} RENAME COLUMN {column} TO {rng.choice(KEYS)}")
        else:
            old = db.execute(f"SELECT {column} FROM {table}").fetchone()
            new = _cell(old[0] if old else None, rng)
            db.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE {where}", (new,))


def _cell(old, rng):
    """Something hostile for a column, or what stands there but broken."""
    value = rng.choice(mutations.VALUES) if rng.random() < 0.4 else old
    if value is old and isinstance(old, str) and old.startswith("{") and rng.random() < 0.6:
        with contextlib.suppress(ValueError):
            return json.dumps(mutations.mutated_tree(json.loads(old), rng, KEYS), default=str)
    if isinstance(value, bytes):
        return mutations.mutated_bytes(value, rng)
    if isinstance(value, str):
        text = value.encode("utf-8", "replace")
        return (mutations.mutated_bytes(text, rng) if value is old else text).decode(
            "utf-8", "replace"
        )
    if isinstance(value, dict | list):
        return json.dumps(value)
    return math.inf if isinstance(value, int) and abs(value) >= 2**63 else value


def read_results(data, folder):
    """Read as `bench status` does, and as a driver that continues."""
    out = folder / "results"
    out.mkdir(exist_ok=True)
    for old in out.iterdir():
        old.unlink()
    (out / FILE).write_bytes(data)
    results = load_results(out)
    for trial_id in results.trials.trial_id[:2]:
        if trial_id in results.predictions:
            results.predictions.correct(trial_id)
        if trial_id in results.weights:
            results.weights.of(trial_id)
    with Store(out) as store:
        store.suite()
        store.finished()
        store.kept()


def read_for_report(data, folder):
    """Read as `bench report` does."""
    out = folder / "results"
    out.mkdir(exist_ok=True)
    (out / FILE).write_bytes(data)
    render(analyse(load_results(out)))


TARGETS = {
    "suite": Target(suite_texts, mutated_suite, read_suite),
    "csv": Target(csv_texts, mutated_log, importing("csv")),
    "jsonl": Target(jsonl_texts, mutated_log, importing("jsonl")),
    "parquet": Target(
        parquet_files,
        lambda data, rng: mutations.mutated_bytes(data, rng, parquet_files()),
        importing("parquet"),
    ),
    "results": Target(results_files, mutated_results, read_results),
    "report": Target(results_files, mutated_results, read_for_report),
}


def inputs(name, seed, number):
    """So many broken inputs of a target; the same ones for the same seed."""
    target, rng = TARGETS[name], random.Random(f"{name} {seed}")
    seeds = target.seeds()
    for _ in range(number):
        data = rng.choice(seeds)
        for _ in range(rng.choice((1, 1, 2))):
            data = target.mutated(data, rng)
        yield data

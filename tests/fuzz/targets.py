"""What is fed broken inputs, and the good ones they are made of. A target takes bytes and a folder to write in.

It returns, or raises a BenchError; anything else is a defect.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import math
import random
import shutil
import sqlite3
import struct
import zlib
from dataclasses import dataclass
from functools import cache, partial

import mutations
import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from bench import cluster, importers, resources, verify
from bench.analysis import analyse
from bench.analysis.anonymous import anonymous
from bench.analysis.changes import changes
from bench.datasets import check_spec, csv, idx, npz
from bench.errors import BenchError
from bench.export import write_benchmark, write_frames, write_weights
from bench.plugins import Measure
from bench.predictions import Predictions
from bench.predictions import pack as packed_predictions
from bench.report.contents import contents
from bench.report.own import Own
from bench.report.render import render
from bench.report.templating import environment
from bench.store import FILE, KeptWeights, Store, load_results
from bench.suite import Question, Settings, Suite, load_suite, parse_suite
from bench.trial import CurvePoint, Timing, TrialResult, count, expand
from bench.weights import pack as packed_weights

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
            store.begin(suite, uses, started_at="2026-01-01T00:00:00", command="c", cluster=ON)
            for use in uses:
                store.append(result(use))
            store.describe([ABOUT])
            ways = dict.fromkeys(use.trial.training.of_an_epoch for use in uses)
            timings = [Timing(settings, n, 0.5 + n, 0.5) for settings in ways for n in (1, 2, 3)]
            store.append_timings(
                timings, started_at="2026-01-01T00:00:00.000", machine=MACHINE, versions="{}"
            )
        return [(folder / FILE).read_bytes()]


MACHINE = json.dumps({"host": "h", "cores": 2, "system": "Linux-6", "memory_gib": 1.5})
ON = json.dumps(
    {"cluster": "tcp://h:8786", "workers": 2, "machines": 1, "scheduler": {"dask": "1"}}
)
ABOUT = {
    "checksum": "c",
    "name": "digits",
    "origin": "scikit-learn",
    "train": 1437,
    "test": 360,
    "shape": [8, 8],
    "range": [0.0, 1.0],
    "classes": 10,
    "scale": 0.0625,
    "scaling": "by 16",
    "notes": ["a note"],
}


def result(use):
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
        predictions=packed_predictions((labels + trial.seed) % 3, labels, 3),
        weights=packed_weights([("dense_1/kernel", np.ones((2, 2), np.float32))]),
        dataset_checksum="c",
        machine=MACHINE,
        versions='{"python": "3"}',
        code='{"mine": "0"}',
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
    out = folder_of(data, folder)
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
    render(analyse(load_results(folder_of(data, folder))))


def read_for_comparison(data, folder):
    """Read as `bench compare` does, as the old one and as the new."""
    good = folder / "good"
    if not good.exists():
        good.mkdir()
        (good / FILE).write_bytes(results_files()[0])
    results, known = load_results(folder_of(data, folder)), load_results(good)
    changes(results, known)
    changes(known, results)


def read_for_export(data, folder):
    """Read as `bench export --weights --anonymous` does, and as `bench time` writes."""
    results = load_results(folder_of(data, folder))
    shutil.rmtree(folder / "out", ignore_errors=True)
    (folder / "out").mkdir()
    write_frames(anonymous(results).frames, folder / "out", "csv")
    if not results.timings.empty:
        write_benchmark(results, folder / "out")
    write_weights(results, folder / "out")


def read_to_verify(data, folder):
    """Read as `bench verify --trials 0` does."""
    for check in verify.verify(folder_of(data, folder), trials=0):
        assert check.found


def folder_of(data, folder):
    """A results folder with this file alone in it."""
    out = folder / "results"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    (out / FILE).write_bytes(data)
    return out


# --- what lies in a results file, packed ------------------------------------------------------


def prediction_texts():
    """The first byte says what the rest is: the labels, or what differs from them."""
    labels = np.arange(20) % 3
    packed = packed_predictions((labels + 1) % 3, labels, 3)
    return [b"l" + packed.labels, b"w" + packed.wrong_by]


def read_predictions(data, folder):
    good = {text[:1]: text[1:] for text in prediction_texts()}
    broken = good | {data[:1]: data[1:]}
    kept = Predictions({"t": ("c", broken[b"w"])}, {"c": (3, broken[b"l"])})
    kept.predicted("t")
    kept.correct("t")


def mutated_inside(data, rng, unpack, pack):
    """Its bytes, or those that it packs; the first is left as it is."""
    what, packed = data[:1], data[1:]
    with contextlib.suppress(zlib.error, EOFError, OSError):  # broken before
        if rng.random() < 0.5:
            return what + pack(mutations.mutated_bytes(unpack(packed), rng))
    return what + mutations.mutated_bytes(packed, rng)


def npz_of(arrays):
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


SHAPES = ((), (0,), (3, 0), (1, 1), (4,), (2, 3, 4), (1,) * 33, (10**9, 10**9), (-1,), (2**63,))
DTYPES = (
    "|b1", "|u1", "<i2", ">i4", "<f2", "<f8", "<c8", "|S3", "<U3", "|O", "|V2", "<M8[s]", "(2,)i4", "?,f4",
    "f999", "",
)  # fmt: skip


def mutated_arrays(data, rng, others):
    """Its bytes; or the head of an array, or its numbers, by others: hostile shapes, types and values."""
    if rng.random() < 0.4:
        return mutations.mutated_bytes(data, rng, others)
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except Exception:  # noqa: BLE001 - broken before
        arrays = {}
    if not arrays:
        return mutations.mutated_bytes(data, rng, others)
    name = rng.choice(list(arrays))
    kind = rng.randrange(4)
    if kind == 0:
        return with_head(arrays, name, rng.choice(SHAPES), rng.choice(DTYPES))
    array = arrays.pop(name)
    if kind == 1 and array.size and array.ndim < 33 and array.dtype.kind in "iuf":
        with np.errstate(over="ignore", invalid="ignore"):
            wide = array.astype(float)
            hostile = (math.nan, math.inf, -1, 1e308, 255, 1e5)
            wide.flat[rng.randrange(array.size)] = rng.choice(hostile)
            arrays[name] = wide if rng.random() < 0.5 else wide.astype(array.dtype)
    elif kind == 2:
        with contextlib.suppress(ValueError, TypeError):
            arrays[name] = array[: rng.choice((0, 1, -1))] if rng.random() < 0.5 else array.T
    elif rng.random() < 0.5:
        arrays[rng.choice((*arrays, "", "x" * 300, "../x", "é"))] = array
    return npz_of(arrays)


def with_head(arrays, name, shape, dtype):
    """The arrays, one of which claims another shape and type."""
    import zipfile

    about = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode() + b"\n"
    head = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(about)) + about
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for other, array in arrays.items():
            own = io.BytesIO()
            np.save(own, array)
            text = head + array.tobytes() if other == name else own.getvalue()
            file.writestr(f"{other}.npy", text)
    return stream.getvalue()


@cache
def weight_files():
    kernel, bias = np.ones((4, 3), np.float32), np.zeros(3, np.float64)
    half = np.ones((2, 2), np.float16)
    return [packed_weights([("a/kernel", kernel), ("a/bias", bias), ("b/kernel", half)])]


def read_weights(data, folder):
    """As they are read from the results file, where they are the first trial's."""
    out = folder_of(results_files()[0], folder)
    with contextlib.closing(sqlite3.connect(out / FILE)) as db:
        db.execute("UPDATE weights SET npz = ? WHERE rowid = 1", (data,))
        db.commit()
        (trial,) = db.execute("SELECT trial_id FROM weights WHERE rowid = 1").fetchone()
    KeptWeights(out, frozenset([trial])).of(trial)


# --- data -----------------------------------------------------------------------------------------


def table_texts():
    """Labels that are names, numbers of classes, and measured."""
    of = (lambda i: "ab"[i % 2], lambda i: i % 3, lambda i: i / 3)
    rows = [[f"{i},{i % 7 / 2},{label(i)}" for i in range(24)] for label in of]
    return ["\n".join(["x,y,label", *some]).encode() for some in rows]


def mutated_table(data, rng):
    if rng.random() < 0.6:
        return mutations.mutated_cells(data, rng)
    return mutations.mutated_bytes(data, rng, table_texts())


def read_table(data, folder, name="table.csv"):
    (folder / name).write_bytes(data)
    csv.load({"csv": name, "label": "label"}, folder)


def idx_of(array):
    code = {np.dtype(dtype).newbyteorder("="): code for code, dtype in idx.TYPES.items()}
    big = array.astype(array.dtype.newbyteorder(">"))
    head = struct.pack(f">HBB{array.ndim}I", 0, code[array.dtype], array.ndim, *array.shape)
    return head + big.tobytes()


IDX = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def idx_files():
    """The first byte says which of the four files it is."""
    images, labels = np.arange(10 * 4 * 4, dtype=np.uint8).reshape(10, 4, 4), np.arange(10) % 3
    labels = labels.astype(np.uint8)
    arrays = (images, labels, images, labels)
    return [bytes([number]) + idx_of(array) for number, array in enumerate(arrays)]


def mutated_idx(data, rng):
    what, content = data[:1], bytearray(data[1:])
    if (
        rng.random() < 0.5 and len(content) > 8
    ):  # the type, the number of dimensions, or one of them
        at = rng.choice((2, 3, rng.randrange(4, min(16, len(content)))))
        content[at] = rng.choice((0, 1, 3, 8, 9, 11, 13, 14, 255, rng.randrange(256)))
        return what + bytes(content)
    return what + mutations.mutated_bytes(content, rng, idx_files())


def read_idx(data, folder, ending=""):
    """One file broken, three as they should be."""
    where = folder / f"idx{ending}"
    where.mkdir(exist_ok=True)
    for number, (name, good) in enumerate(zip(IDX, idx_files(), strict=True)):
        content = data[1:] if data[:1] == bytes([number]) else gz(good[1:]) if ending else good[1:]
        (where / (name + ending)).write_bytes(content)
    idx.load({"idx": where.name}, folder)


def gz(data):
    return gzip.compress(data, 1, mtime=0)


@cache
def npz_files():
    images, labels = np.arange(10 * 4, dtype=np.float32).reshape(10, 4), np.arange(10) % 3
    named = zip(npz.KEYS, (images, labels, images, labels), strict=True)
    return [npz_of(dict(named))]


def read_npz(data, folder):
    (folder / "data.npz").write_bytes(data)
    npz.load({"npz": "data.npz"}, folder)


# --- what else is given to a command --------------------------------------------------------------

QUEUED = {
    "slurm": {"queue": "normal", "cores": 16, "memory": "32 GB", "walltime": "04:00:00"},
    "workers": 160,
}


def cluster_texts():
    return [as_block(QUEUED), json.dumps(QUEUED).encode()]


def mutated_cluster(data, rng):
    if rng.random() < 0.5:
        keys = [*cluster.QUEUES, "workers", "cores", "memory", ""]
        return mutations.as_yaml(mutations.mutated_tree(QUEUED, rng, keys))
    return mutations.mutated_bytes(data, rng, cluster_texts())


def read_cluster(data, folder):
    path = folder / "cluster.yaml"
    path.write_bytes(data)
    cluster._description(path)


@cache
def templates():
    """The first line names the file, the rest is what stands in it: those that a Markdown report uses."""
    shipped = resources.folder("report_templates")
    paths = [p for p in sorted((shipped / "markdown").glob("*.md")) if f"{p.stem}.html" in blocks()]
    return [f"{path.relative_to(shipped)}\n".encode() + path.read_bytes() for path in paths]


JINJA = (
    b"{{ block }}", b"{% for x in block.rows %}", b"{% endfor %}", b"{{ show(block) }}", b"{{ nothing }}",
    b"{% include 'seedwise/markdown/table.md' %}", b"{% include '../../x' %}", b"{% extends '", b"'%}",
    b"{{ show_all([block]) }}", b"{{ ().__class__.__mro__ }}", b"{{ block.__init__.__globals__ }}",
    b"{{ 'x' * 10 ** 5 }}", b"{{ range(10 ** 9) }}", b"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    b"{{ '%s' | format(block) }}", b"{{ lipsum() }}", b"{{ 1/0 }}", b"{% raw %}", b"{#", b"{%", b"}}",
)  # fmt: skip


def mutated_template(data, rng):
    name, _, text = data.partition(b"\n")
    if rng.random() < 0.5:
        at = rng.randint(0, len(text))
        text = text[:at] + rng.choice(JINJA) + text[at + rng.choice((0, 0, 5)) :]
    else:
        text = mutations.mutated_bytes(text, rng, templates())
    return name + b"\n" + text


@cache
def blocks():
    """Of a small run's report, the first that each template is for."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as name:
        analysis = analyse(load_results(folder_of(results_files()[0], Path(name))))
    found, waiting = {}, list(contents(analysis, Own()))
    for block in waiting:
        found.setdefault(block.template, block)
        waiting += getattr(block, "blocks", ())
    return found


def read_templates(data, folder):
    """A part of a report by a folder with one broken template."""
    name, _, text = data.partition(b"\n")
    own = folder / "templates"
    shutil.rmtree(own, ignore_errors=True)
    path = own / name.decode()
    path.parent.mkdir(parents=True)
    path.write_bytes(text)
    env = environment("markdown", Own.of(own))
    env.filters |= {"source": str, "fenced": str}
    env.globals["images"] = lambda block: []
    if block := blocks().get(f"{path.stem}.html"):
        env.globals["show"](block)


def mutated_gzip(data, rng, plain, first=0):
    """Broken before it is packed, or after. first: bytes that are not of the file."""
    what, packed = data[:first], data[first:]
    with contextlib.suppress(zlib.error, EOFError, OSError):  # broken before
        if rng.random() < 0.5:
            broken = plain(what + gzip.decompress(packed), rng)
            return broken[:first] + gz(broken[first:])
    return what + mutations.mutated_bytes(packed, rng)


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
    "compare": Target(results_files, mutated_results, read_for_comparison),
    "export": Target(results_files, mutated_results, read_for_export),
    "verify": Target(results_files, mutated_results, read_to_verify),
    "predictions": Target(
        prediction_texts,
        partial(mutated_inside, unpack=zlib.decompress, pack=zlib.compress),
        read_predictions,
    ),
    "weights": Target(
        weight_files, lambda data, rng: mutated_arrays(data, rng, weight_files()), read_weights
    ),
    "table": Target(table_texts, mutated_table, read_table),
    "table.gz": Target(
        lambda: [gz(text) for text in table_texts()],
        partial(mutated_gzip, plain=mutated_table),
        partial(read_table, name="table.csv.gz"),
    ),
    "idx": Target(idx_files, mutated_idx, read_idx),
    "idx.gz": Target(
        lambda: [file[:1] + gz(file[1:]) for file in idx_files()],
        partial(mutated_gzip, plain=mutated_idx, first=1),
        partial(read_idx, ending=".gz"),
    ),
    "npz": Target(npz_files, lambda data, rng: mutated_arrays(data, rng, npz_files()), read_npz),
    "cluster": Target(cluster_texts, mutated_cluster, read_cluster),
    "templates": Target(templates, mutated_template, read_templates),
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

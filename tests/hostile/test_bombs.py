"""Files that are small and claim to be huge: refused in seconds, within the memory that there is."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from bench import predictions, reading, weights, yaml_text
from bench.errors import DatasetError, StoreError, SuiteError, closest
from bench.importers import _rows
from bench.importers._rows import Rows

MEMORY = 128 * 2**20  # bytes that the readers are told there are
MOST = 200  # MiB that they may take: half of that, and what Python needs itself
SECONDS = 30  # of the processor, for each; a busy machine changes nothing
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
ZEROS = gzip.compress(bytes(2**20)) * 300


def idx_head(*shape, code=8):
    return struct.pack(f">HBB{len(shape)}I", 0, code, len(shape), *shape)


def hole(path, head=b"", size=2**40):
    """A file of a terabyte, which takes no disk."""
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size)


def npz(path, head, content=b"", kind=zipfile.ZIP_DEFLATED):
    """Four arrays: a head that claims anything, and behind the first some content."""
    about = repr(head).encode() + b"\n"
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(about)) + about
    with zipfile.ZipFile(path, "w", kind) as file:
        for name in ("x_train", "y_train", "x_test", "y_test"):
            file.writestr(f"{name}.npy", array + content * (name == "x_train"))


def many_parts(path):
    """A list of 400,000 parts, which is the same entry again and again."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("x_train.npy", b"")
    raw = file.getvalue()
    begin, end = raw.index(b"PK\1\2"), raw.index(b"PK\5\6")
    entries = raw[begin:end] * 400_000
    tail = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 65535, 65535, len(entries), begin, 0)
    path.write_bytes(raw[:begin] + entries + tail)


def parquet(path):
    """A hundred thousand rows that name the same text of a million characters, as a dictionary of one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = pa.DictionaryArray.from_arrays(np.zeros(10**5, np.int32), ["x" * 10**6])
    number = pa.array(np.zeros(10**5))
    pq.write_table(pa.table({"v": text, "s": number, "y": number}), path, compression="zstd")


def head(shape, dtype="<f4"):
    return {"descr": dtype, "fortran_order": False, "shape": shape}


BOMBS = {
    "rows.csv.gz": lambda p: p.write_bytes(
        gzip.compress(b"a,kind\n") + gzip.compress(b"1,a\n" * 2**18) * 300
    ),
    "few-rows.csv.gz": lambda p: p.write_bytes(
        gzip.compress(b"a,kind\n") + gzip.compress(b"1,a\n" * 2**18) * 30
    ),  # text that fits, and a table that does not
    "cell.csv.gz": lambda p: p.write_bytes(gzip.compress(b"a,kind\n") + ZEROS),
    "columns.csv": lambda p: p.write_bytes(b"kind" + b"," * 2**20 + b"\n1\n"),
    "wider-row.csv": lambda p: p.write_bytes(b"a,kind\n" + b"1," * 2**20 + b"\n"),
    "hole.csv": partial(hole, head=b"a,kind\n"),
    "hole-idx": lambda p: (p.mkdir(), hole(p / IMAGES, idx_head(2**20, 2**10, 2**10))),
    "zeros-idx": lambda p: (
        p.mkdir(),
        (p / f"{IMAGES}.gz").write_bytes(gzip.compress(idx_head(300, 2**10, 2**10)) + ZEROS),
    ),
    "dimensions-idx": lambda p: (p.mkdir(), (p / IMAGES).write_bytes(idx_head(*[1] * 255) + b"1")),
    "claims.npz": lambda p: npz(p, head((10**12,))),
    "negative.npz": lambda p: npz(p, head((-1, -1))),
    "zeros.npz": lambda p: npz(p, head((2**24,)), bytes(2**26)),
    "bytes.npz": lambda p: npz(
        p, head((2**24,), "|u1"), bytes(2**24)
    ),  # each of which may become 4
    "lzma.npz": lambda p: npz(p, head((2,)), bytes(8), zipfile.ZIP_LZMA),
    "python.npz": lambda p: npz(p, "(" * 500),
    "parts.npz": many_parts,
    "pipe.csv": os.mkfifo,
    "pipe.npz": os.mkfifo,
    "zero.csv": lambda p: p.symlink_to("/dev/zero"),
    "zero.npz": lambda p: p.symlink_to("/dev/zero"),
    "dictionary.parquet": parquet,
    "pipe.parquet": os.mkfifo,
    "lists.jsonl": lambda p: p.write_text('{"v": ' + "[]," * 3_000_000),
    "pipe.yaml": os.mkfifo,
    "zero.yaml": lambda p: p.symlink_to("/dev/zero"),
    "hole.yaml": partial(hole, head=b"suite: a\n"),
    "pipe.cluster": os.mkfifo,
    "zero.cluster": lambda p: p.symlink_to("/dev/zero"),
    "hole.cluster": partial(hole, head=b"workers: 1\n"),
    "aliases.cluster": lambda p: p.write_text(
        "a: &a [1, 1]\n" + "".join(f"{b}: &{b} [{f'*{a}, ' * 99}]\n" for a, b in pairwise("abcdef"))
    ),
}
SAID = {
    "rows.csv.gz": "more than 67,108,864 bytes of memory",
    "few-rows.csv.gz": "memory",
    "cell.csv.gz": "more than 67,108,864 bytes of memory",
    "columns.csv": "found: 1,048,577",
    "wider-row.csv": "found: 1,048,577",
    "hole.csv": "more than 67,108,864 bytes of memory",
    "hole-idx": "more than 67,108,864 bytes of memory",
    "zeros-idx": "more than 67,108,864 bytes of memory",
    "dimensions-idx": "found: 255 dimensions",
    "claims.npz": "too few for shape",
    "negative.npz": "too few for shape",
    "zeros.npz": "more than 67,108,864 bytes of memory",
    "bytes.npz": "more than 67,108,864 bytes of memory",
    "lzma.npz": "a way that NumPy does not use",
    "python.npz": "cannot be read",
    "parts.npz": "list of parts is too long",
    "pipe.csv": "a device or a pipe, not a file",
    "pipe.npz": "a device or a pipe, not a file",
    "zero.csv": "a device or a pipe, not a file",
    "zero.npz": "a device or a pipe, not a file",
    "dictionary.parquet": "more than 67,108,864 bytes of memory",
    "pipe.parquet": "a folder or a device",
    "lists.jsonl": "a line too long for the memory",
    "pipe.yaml": "a device or a pipe, not a file",
    "zero.yaml": "a device or a pipe, not a file",
    "hole.yaml": "the suite is too large",
    "pipe.cluster": "a device or a pipe, not a file",
    "zero.cluster": "a device or a pipe, not a file",
    "hole.cluster": "too large",
    "aliases.cluster": "too large",
}

READ = f"""
import json, os, resource, sys, time
from pathlib import Path
import numpy, pandas, pyarrow.parquet
from bench import cluster, reading, suite
from bench.datasets import csv, idx, npz
from bench.errors import BenchError
from bench.importers._rows import Rows

reading.memory_bytes = lambda: {MEMORY}

def read(name):
    kind = name.rpartition(".")[2]
    if kind in ("parquet", "jsonl"):
        return sum(1 for _ in Rows(Path(name), kind, ["v", "s", "y"]))
    if kind == "yaml":
        return suite.load_suite(name)
    if kind == "cluster":
        return cluster._description(Path(name))
    if name.endswith("-idx"):
        return idx.load({{"idx": name}}, Path())
    if kind == "npz":
        return npz.load({{"npz": name}}, Path())
    return csv.load({{"csv": name, "label": "kind"}}, Path())

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

for name in sys.argv[1:]:
    if (child := os.fork()) == 0:
        before, begun = peak(), time.process_time()
        try:
            said = f"read: {{read(name)}}"
        except BenchError as error:
            said = str(error)
        told = [name, said, peak() - before, time.process_time() - begun]
        print(json.dumps(told), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


def python(code, *arguments, cwd):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Of each bomb: what was said, MiB that it took, and seconds."""
    folder = tmp_path_factory.mktemp("bombs")
    for name, make in BOMBS.items():
        make(folder / name)
    done = python(READ, *BOMBS, cwd=folder)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: rest for name, *rest in rows}


@pytest.mark.parametrize("name", BOMBS)
def test_it_is_refused_in_seconds_and_within_the_memory(told, name):
    said, mebibytes, seconds = told[name]
    assert SAID[name] in said
    assert len(said) < 1_000
    assert mebibytes < MOST
    assert seconds < SECONDS


def test_the_limit_is_that_of_the_process_and_is_taken_back(tmp_path):
    """What the system allows (``ulimit -v``, a container) counts, not what the machine has."""
    hole(tmp_path / "a.csv", b"a,kind\n", size=2**31)
    code = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))
from pathlib import Path
from bench import reading
budget = reading.Budget()
assert budget.bytes == 3 * 2**29, budget.bytes
try:
    reading.contents(Path("a.csv"), budget)
except reading.BudgetError as error:
    print(error)
before = resource.getrlimit(resource.RLIMIT_DATA)
try:
    with reading.Budget(2**20).limited():
        bytearray(2**28)
except reading.BudgetError as error:
    print(error)
assert resource.getrlimit(resource.RLIMIT_DATA) == before
assert len(bytearray(2**28)) == 2**28
"""
    done = python(code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "it takes more than 1,610,612,736 bytes of memory",
        "it takes more than 1,048,576 bytes of memory",
    ]


def test_predictions(monkeypatch):
    monkeypatch.setattr(reading, "memory_bytes", lambda: MEMORY)
    bomb = zlib.compress(bytes(2**24), 1)
    kept = predictions.Predictions({"t": ("data", bomb)}, {"data": (2, bomb)})
    with pytest.raises(StoreError, match="more than 2,097,152 images"):
        kept.correct("t")


def test_weights(monkeypatch):
    monkeypatch.setattr(reading, "memory_bytes", lambda: MEMORY)
    bomb = weights.pack([("a/kernel", np.zeros(2**24, np.float32))])
    assert len(bomb) < 100_000
    with pytest.raises(reading.BudgetError, match="more than 67,108,864 bytes"):
        weights.unpack(bomb)


def test_rows_of_parquet_are_counted_before_they_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(_rows, "MAX_ROWS", 99_999)
    parquet(tmp_path / "a.parquet")
    with pytest.raises(DatasetError, match="too many rows"):
        next(iter(Rows(tmp_path / "a.parquet", "parquet", ["v", "s", "y"])))


def test_columns_of_json_that_nobody_asked_for_are_forgotten(tmp_path, monkeypatch):
    """But one that was asked for is known, however late it comes."""
    monkeypatch.setattr(_rows, "_COLUMNS", 3)
    lines = [json.dumps({f"k{i}": i}) for i in range(10)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    rows = Rows(tmp_path / "a.jsonl", "jsonl", ["k9"])
    assert [cells for _, cells in rows][-2:] == [[None], [9]]


def test_time_is_over():
    budget = reading.Budget(seconds=0.01)
    budget.read()
    while time.thread_time() - budget._begun < 0.02:
        pass
    with pytest.raises(reading.BudgetError, match="more than 0 seconds"):
        budget.read()
    budget.read(reading.BYTES_PER_SECOND)  # who reads so much may take a second more


def test_a_suite_that_takes_too_long(monkeypatch):
    monkeypatch.setattr(yaml_text, "Budget", partial(reading.Budget, seconds=0.01))
    with pytest.raises(SuiteError, match="too large"):
        yaml_text.read("[" + "1," * 20_000 + "]", None)


def test_nothing_long_is_compared_with_something_long():
    begun = time.thread_time()
    names = [f"{i}" + "ab" * 5_000 for i in range(200)]
    assert closest("ba" * 5_000, names) is None
    assert time.thread_time() - begun < 1

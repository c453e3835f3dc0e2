"""Every module that reads what others may have written is fed broken inputs, or said why it is not."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import bench

sys.path.append(str(Path(__file__).parent))
import targets

ANYWHERE = {
    *("open", "opened", "fdopen", "read_text", "read_bytes", "get_data", "of_file"),
    *("loads", "parsed", "unpacked", "model_validate_json", "ParquetFile"),
    *("read_csv", "read_json", "read_parquet", "read_sql", "read_table", "loadtxt", "fromfile", "memmap"),
}  # fmt: skip
OF = {"reading": {"contents", "names", "arrays"}, "np": {"load"}, "json": {"load"}}
READ_BY = {
    "cluster": ("cluster",),
    "consistency": ("results",),
    "datasets.csv": ("table", "table.gz"),
    "datasets.idx": ("idx", "idx.gz"),
    "datasets.npz": ("npz",),
    "importers._csv": ("csv",),
    "importers._rows": ("csv", "jsonl", "parquet"),
    "importers._runs": ("verify",),
    "importers._suite": ("csv",),
    "importers._text": ("csv", "jsonl"),
    "predictions": ("predictions",),
    "pytest_plugin": ("suite",),  # a look at its first characters; the loader of suites reads it
    "report.templating": ("templates",),
    "results_file": ("results",),
    "store": ("results",),
    "suite": ("suite",),
    "verify._again": ("verify",),
    "verify._kept": ("verify",),
    "weights": ("weights",),
    "yaml_text": ("suite", "cluster"),
    # JSON that was checked when the results file was read:
    "analysis.anonymous": ("export",),
    "analysis.conditions": ("report", "compare"),
    "analysis.speed": ("report", "compare"),
    "analysis.workers": ("report",),
    "export": ("export",),
    "trial": ("results", "verify"),
}
NOT_FED = {
    "cli_output": "opens /dev/null",
    "datasets": "reads what it has just written itself",
    "datasets.mnist": "files of the package, known by their MD5",
    "driver": "reads what a worker says, who may run code anyway",
    "engines._messages": "between processes of one trial, over pipes of their own",
    "engines._replica": "the same",
    "engines.multi_worker": "the environment of who gives the command",
    "files": "opens what is to be written",
    "machine": "what Linux says",
    "own_code": "modules that a suite names: their checksum, and what they import; they are not run",
    "reading": "is what the others read by",
    "report.references": "a file of the package",
    "report.render": "the report that this command has written",
    "report.vega": "a script that is used by its SHA-256 alone: tests/hostile/test_cache.py",
    "scratch": "locks, which nobody reads",
    "timing": "the trace that TensorFlow has just written",
}


def reads(tree):
    """What a module calls by which a file, or a text of one, is read."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name, of = getattr(call.func, "id", None), set()
        if isinstance(call.func, ast.Attribute):
            name, of = call.func.attr, OF.get(getattr(call.func.value, "id", None), of)
        if name in ANYWHERE | of:
            yield name


def test_every_reader_is_fed():
    package = Path(bench.__file__).parent
    found = set()
    for path in package.rglob("*.py"):
        if any(reads(ast.parse(path.read_text(encoding="utf-8")))):
            parts = path.relative_to(package).with_suffix("").parts
            found.add(".".join(part for part in parts if part != "__init__"))
    assert found == READ_BY.keys() | NOT_FED.keys()
    assert not READ_BY.keys() & NOT_FED.keys()


def test_every_target_is_a_reader():
    assert {name for names in READ_BY.values() for name in names} == targets.TARGETS.keys()

"""A report for double-blind review tells neither who nor where, whatever a results folder holds of it."""

from __future__ import annotations

import json
import shutil
import sqlite3

import pytest

from bench import importers, load_results, yaml_text
from bench.analysis import analyse
from bench.analysis.anonymous import anonymous
from bench.cli_export import export
from bench.cli_report import report
from bench.store import FILE
from bench.trial import expand

TOLD = ("alicia-w", "gpu-7", "secret lab", "scratch", "10.0.0.7", ":8786", "Reviewer", "1.2.3-acme")
ERROR = """\
Traceback (most recent call last):
  File "/home/alicia-w/secret lab/env/keras/optimizers.py", line 3, in step
OSError: gpu-7 cannot read /scratch/alicia-w/x.csv of alicia-w"""


@pytest.fixture
def told(tiny_results, tmp_path):
    """Results that tell who and where in every place that can."""
    folder = tmp_path / "secret lab" / "results"
    shutil.copytree(tiny_results, folder)
    with sqlite3.connect(folder / FILE) as db:
        about = json.loads(db.execute("SELECT machine FROM trials").fetchone()[0])
        about |= {"host": "gpu-7", "system": "Linux-1.2.3-acme-x86_64"}
        db.execute("UPDATE trials SET machine = ?", (json.dumps(about),))
        db.execute(
            "UPDATE trials SET machine = replace(machine, 'gpu-7', 'gpu-77') WHERE rowid = 2"
        )
        db.execute("UPDATE trials SET status = 'failed', error = ? WHERE rowid = 1", (ERROR,))
        db.execute(
            "UPDATE runs SET path = '/home/alicia-w/secret lab',"
            " text = '# alicia-w for Reviewer 2' || x'0a' || text, command = ?, cluster = ?",
            (
                "bench run '/home/alicia-w/secret lab/tiny.yaml' --out=../scratch/r --cluster tcp://10.0.0.7:8786",
                json.dumps(
                    {"cluster": "tcp://10.0.0.7:8786", "workers": 2, "machines": 1, "scheduler": {}}
                ),
            ),
        )
        settings = expand(load_results(tiny_results).suite)[0].trial.training.of_an_epoch
        timing = (settings, "2026-01-01T00:00:00.000", 1, 0.5, 0.5, json.dumps(about), "{}")
        db.execute("INSERT INTO timings VALUES (?, ?, ?, ?, ?, ?, ?)", timing)
        checksum, data = db.execute("SELECT dataset_checksum, about FROM data").fetchone()
        data = json.dumps(
            {**json.loads(data), "origin": "table /scratch/alicia-w/x.csv, 4 features"}
        )
        db.execute("UPDATE data SET about = ? WHERE dataset_checksum = ?", (data, checksum))
    db.close()
    return folder


def texts(folder):
    return {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_report_of_it_tells_who_and_where_and_says_so(told, tmp_path):
    report([str(told)], output=tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert [word for word in TOLD if word not in page] == []
    assert "bench report --anonymous leaves out" in page


@pytest.mark.parametrize("medium", ["html", "markdown"])
def test_an_anonymous_report_tells_neither(told, tmp_path, medium):
    report([str(told)], output=tmp_path / "a", format_=medium, figures=False, anonymous=True)
    page = (tmp_path / "a").read_text(encoding="utf-8")
    assert [word for word in TOLD if word in page] == []
    for kept in ("tiny.yaml", "optimizers.py", "line 3", "x.csv", "ADDRESS", "machine 2"):
        assert kept in page
    assert "are left out" in page


def test_an_anonymous_index_of_several_runs_tells_neither(told, tmp_path):
    shutil.copytree(told, tmp_path / "other")
    report([str(told), str(tmp_path / "other")], output=told.parent / "index.html", anonymous=True)
    page = (told.parent / "index.html").read_text(encoding="utf-8")
    assert [word for word in TOLD if word in page] == []


def test_anonymous_frames_tell_neither(told, tmp_path):
    export(told, to=tmp_path / "out", format_="csv", anonymous=True)
    for name, content in texts(tmp_path / "out").items():
        assert [word for word in TOLD if word.encode() in content] == [], name
    assert "machine 1" in (tmp_path / "out" / "timings.csv").read_text()


def test_what_was_imported_from_no_known_machine(tmp_path):
    (tmp_path / "log.csv").write_text("v,s,m\na,0,1\na,1,2\nb,0,3\nb,1,2\n")
    importers.read(
        tmp_path / "log.csv", "csv", tmp_path / "r", variant=["v"], seed="s", metrics=["m:max"]
    )
    report([str(tmp_path / "r")], output=tmp_path / "a.html", anonymous=True)
    assert "are left out" in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_what_is_computed_is_the_same(told):
    results = load_results(told)
    here, there = analyse(results), analyse(anonymous(results))
    assert [q.headline for q in here.questions] == [q.headline for q in there.questions]
    for name, frame in here.frames.items():
        assert frame.equals(there.frames[name]), name


def test_the_suite_is_the_same_but_for_comments_and_folders(tiny, tmp_path, told):
    results = load_results(told)
    same = anonymous(results).suite
    assert "#" not in same.text
    read = yaml_text.read(results.suite.text, None)[0]
    assert yaml_text.read(same.text, None)[0] == read
    assert same.model_dump() == results.suite.model_dump()

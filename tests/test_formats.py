"""Results files that versions of before wrote: each is read, reported, verified and continued today.

``tests/formats/N-NAME.sqlite`` has the format's number N and what was new in it. They are real runs of a tiny
suite (and a real import), by the version of their time; the machine's name and the suite's folder are replaced.
A new table, column or number needs a new file: run a tiny suite and copy its results.sqlite.
"""

from __future__ import annotations

import math
import shutil
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from bench import analyse, driver, load_results, write_report
from bench.store import FILE, SCHEMA, Store
from bench.verify import DIFFERS, verify

FORMATS = sorted((Path(__file__).parent / "formats").glob("*.sqlite"))
IMPORTED = "1-import"


@pytest.fixture(params=FORMATS, ids=lambda path: path.stem)
def folder(request, tmp_path):
    """A results folder of before, that may be written to."""
    out = tmp_path / request.param.stem
    out.mkdir()
    shutil.copy(request.param, out / FILE)
    return out


@pytest.fixture
def trained(folder):
    if folder.name == IMPORTED:
        pytest.skip("imported results are not trained")
    return folder


def layout(path):
    """The columns of each table, and the format's number."""
    with sqlite3.connect(path) as db:
        tables = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = {t: [r[1:3] for r in db.execute(f"PRAGMA table_info({t})")] for t in tables}
        (number,) = db.execute("PRAGMA user_version").fetchone()
    db.close()
    return columns, number


def test_there_is_a_file_of_every_format_and_of_what_is_written_today(tmp_path):
    Store(tmp_path).close()
    found = [layout(path) for path in FORMATS]
    assert {number for _, number in found} == set(range(1, SCHEMA + 1))
    assert layout(tmp_path / FILE) in found
    assert all(int(path.stem.split("-")[0]) == layout(path)[1] for path in FORMATS)


def test_it_is_read_and_analysed(folder):
    results = load_results(folder)
    assert analyse(results).frames.keys() >= {"comparisons", "targets"}
    if folder.name == IMPORTED:
        ends = [0.55, 0.51, 0.62, -math.inf, 0.25, 0.21, 0.32, 0.30]
        assert results.trials.reward.tolist() == ends
        diverged = results.trials.status == "diverged"
        assert diverged.tolist() == [math.isinf(end) for end in ends]
    else:
        assert len(results.trials) == 8
        assert results.trials.trial_id.nunique() == results.planned == 6
        right = (results.trials.test_accuracy * 355).round().tolist()
        assert right == [193, 111, 64, 34, 193, 111, 250, 235]
        assert len(results.curves) == 8 * 3
        assert set(results.probes.probe) == {"sparsity"}
        assert all(trial_id in results.predictions for trial_id in results.trials.trial_id)


@pytest.mark.parametrize("name", ["1-first", IMPORTED])
def test_the_oldest_are_reported(name, tmp_path):
    shutil.copy(FORMATS[0].parent / f"{name}.sqlite", tmp_path / FILE)
    page = write_report(analyse(load_results(tmp_path)), tmp_path / "report.html")
    assert page.stat().st_size > 100_000


def test_reading_changes_nothing(folder):
    before = (folder / FILE).read_bytes()
    load_results(folder)
    assert (folder / FILE).read_bytes() == before


def test_nothing_in_it_differs(folder):
    checks = list(verify(folder, trials=0))
    assert [check for check in checks if check.outcome == DIFFERS] == []
    assert {"file", "ids", "frames"} <= {check.what for check in checks}


def test_the_same_command_trains_nothing(trained):
    before = load_results(trained)
    after = driver.run(before.suite, trained, workers=0)
    pd.testing.assert_frame_equal(before.trials, after.trials)
    assert len(after.runs) == len(before.runs) + 1
    assert layout(trained / FILE)[0].keys() >= {"timings", "weights"}


def test_more_seeds_are_added(tmp_path):
    shutil.copy(FORMATS[0].parent / "1-first.sqlite", tmp_path / FILE)
    before = load_results(tmp_path)
    suite = before.suite.resized(seeds=3, questions=["rates"])
    after = driver.run(suite, tmp_path, workers=0)
    assert after.trials.seed.value_counts().to_dict() == {0: 2, 1: 2, 2: 2}
    old = after.trials[after.trials.seed < 2].set_index(["variant", "seed"])
    kept = before.trials[before.trials.question == "rates"].set_index(["variant", "seed"])
    assert (old.started_at == kept.started_at[old.index]).all()

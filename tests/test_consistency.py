"""What a results file may not say: one error, where before something else would have stumbled."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent / "analysis"))
import synthetic

from bench import reading
from bench.errors import StoreError
from bench.store import FILE, Store, load_results
from bench.trial import expand

ABOUT = {
    "checksum": "c", "name": "n", "origin": "o", "train": 2, "test": 1, "shape": [2], "range": [0.0, 1.0],
    "classes": 2, "scale": 1.0, "scaling": "used as they are", "notes": ["a note"],
}  # fmt: skip
CLUSTER = {"cluster": "tcp://h:1", "workers": 2, "machines": 1, "scheduler": {"threads": "1"}}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    synthetic.written(folder, synthetic.usual)
    return (folder / FILE).read_bytes()


@pytest.fixture
def folder(written, tmp_path):
    (tmp_path / FILE).write_bytes(written)
    return tmp_path


def change(folder, statement, *values):
    db = sqlite3.connect(folder / FILE)
    db.execute(statement, values)
    db.commit()
    db.close()


@pytest.mark.parametrize("cluster", [None, json.dumps(CLUSTER)])
def test_what_is_right_is_read(folder, cluster):
    change(folder, "UPDATE runs SET cluster = ?", cluster)
    assert len(load_results(folder).trials) == 20


def test_what_is_right_of_data_and_code_is_read(folder):
    change(folder, "INSERT INTO data VALUES ('c', ?)", json.dumps(ABOUT))
    change(folder, "UPDATE trials SET code = ?", json.dumps({"mine": "abc"}))
    assert load_results(folder).data == {"c": ABOUT}


@pytest.mark.parametrize("key", ABOUT)
@pytest.mark.parametrize("value", [None, {"a": 1}, "text", [None], [1, "a"]])
def test_data_that_is_described_in_no_such_way(folder, key, value):
    if isinstance(value, type(ABOUT[key])) and (key != "checksum" and value != [None]):
        value = 3
    change(folder, "INSERT INTO data VALUES ('c', ?)", json.dumps({**ABOUT, key: value}))
    with pytest.raises(StoreError, match="cannot be read"):
        load_results(folder)


@pytest.mark.parametrize(
    ("statement", "value", "found"),
    [
        ("UPDATE plan SET variant = ? WHERE variant = 'high'", "other", "not in the suite"),
        ("UPDATE plan SET question = ?", "other", "not in the suite"),
        ("UPDATE plan SET seed = ? WHERE position = 0", 0.5, "seed that are no whole numbers"),
        ("UPDATE trials SET trial_id = ? WHERE seed = 0 AND rowid = 1", "../../x", "sixteen"),
        ("UPDATE trials SET status = ?", "fine", "none of completed, diverged, failed"),
        ("UPDATE trials SET status = ?", None, "none of completed, diverged, failed"),
        ("UPDATE trials SET machine = ?", "[1]", "no JSON object"),
        ("UPDATE trials SET versions = ?", "{", "Expecting"),
        ("UPDATE trials SET settings = ?", None, "JSON"),
        ("UPDATE curves SET epoch = ? WHERE updates = 0", 1e999, "no epoch"),
        ("UPDATE curves SET updates = ? WHERE updates = 0", 0.5, "updates that are no whole"),
        ("UPDATE probes SET measure = ? WHERE measure = 'mean_abs'", b"x", "without a name"),
        ("UPDATE probes SET probe = ?", 3, None),  # SQLite makes a text of it
        ("ALTER TABLE runs RENAME COLUMN command TO other -- ?", "", "a time or a command"),
        ("UPDATE trials SET code = ?", "[]", "code that is no JSON object"),
        ("UPDATE trials SET code = ?", '{"mine": 1}', "code that is no JSON object"),
        ("INSERT INTO data VALUES ('c', ?)", "[]", "not described as such"),
        ("INSERT INTO data VALUES ('c', ?)", "{", "Expecting"),
        ("UPDATE trials SET machine = ?", '{"host": 1}', "whose name is no text"),
        ("UPDATE trials SET machine = ?", '{"cores": 1e999}', "cores are no number"),
        ("UPDATE runs SET cluster = ?", "{}", "scheduler"),
        ("UPDATE runs SET cluster = ?", json.dumps({**CLUSTER, "workers": "many"}), "no number"),
        ("UPDATE runs SET cluster = ?", json.dumps({**CLUSTER, "scheduler": []}), "scheduler"),
    ],
)
def test_what_no_run_writes(folder, statement, value, found):
    change(folder, statement, *([value] if statement.count("?") and "--" not in statement else []))
    if found is None:
        load_results(folder)
        return
    with pytest.raises(StoreError, match="cannot be read") as caught:
        load_results(folder)
    assert found in caught.value.found
    assert str(folder) in caught.value.where


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("seconds", 1e999),
        ("seconds", 0),
        ("processor_s", -1),
        ("machine", "[]"),
        ("versions", "[]"),
    ],
)
def test_times_that_nobody_measured(folder, column, value):
    timed = expand(load_results(folder).suite)[0].trial.training.of_an_epoch
    change(folder, "INSERT INTO timings VALUES (?, 'now', 1, 0.5, 0.5, '{}', '{}')", timed)
    assert len(load_results(folder).timings)
    change(folder, f"UPDATE timings SET {column} = ?", value)
    with pytest.raises(StoreError, match="cannot be read"):
        load_results(folder)


@pytest.mark.parametrize(
    "statement",
    [
        *(f"UPDATE trials SET {name} = ?" for name in ("settings", "machine", "versions", "code")),
        "UPDATE runs SET cluster = ?",
        "UPDATE runs SET suite = ?",
        "INSERT INTO data VALUES ('c', ?)",
    ],
)
def test_json_that_takes_more_than_the_memory(folder, monkeypatch, statement):
    """Of a character come up to 32 bytes: [[],[],..."""
    change(folder, statement, "[" + "[]," * 300_000 + "[]]")
    monkeypatch.setattr(reading, "memory_bytes", lambda: 2**24)
    with pytest.raises(StoreError) as caught:
        load_results(folder)
    assert caught.value.found == "it takes more than 8,388,608 bytes of memory"


@pytest.mark.parametrize("column", ["settings", "code"])
def test_a_driver_parses_no_more_either(folder, monkeypatch, column):
    change(folder, f"UPDATE trials SET {column} = ?", "[" + "[]," * 300_000 + "[]]")
    monkeypatch.setattr(reading, "memory_bytes", lambda: 2**24)
    with Store(folder) as store, pytest.raises(StoreError, match="of memory"):
        store.kept()


@pytest.mark.parametrize("seeds", [10**12, "many", [0, "1"], 2.5, list(range(10_001))])
def test_an_earlier_run_of_a_size_that_no_suite_has(folder, seeds):
    """It is read only for its number of seeds: a range of 10^12 of them would fill the memory."""
    ran = json.dumps({"epochs": 3, "seeds": seeds, "questions": {"rates": {}}})
    change(folder, "INSERT INTO runs (rowid, started_at, suite, text, path, command) VALUES"
           " (-1, 'before', ?, '', '', '')", ran)  # fmt: skip
    with pytest.raises(StoreError, match="cannot be read"):
        load_results(folder)

"""How a results file is opened; what is kept out stands in ``hostile/test_folder.py``."""

from __future__ import annotations

import sqlite3

import pytest

from bench.errors import StoreError
from bench.results_file import FILE, TABLES, locked, reading
from bench.store import Store, has_begun


def test_every_table_of_ours_is_known(tmp_path):
    Store(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as db:
        found = {
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE sql NOT NULL")
        }
    db.close()
    assert found == TABLES


def test_a_file_that_a_driver_has_just_made(tmp_path):
    (tmp_path / FILE).touch()
    assert not has_begun(tmp_path)
    with pytest.raises(StoreError, match="no run has begun"), reading(tmp_path):
        pass


def test_only_who_writes_keeps_a_driver_out(tmp_path):
    with locked(tmp_path), pytest.raises(StoreError, match="another run is writing"):
        locked(tmp_path)
    locked(tmp_path).close()


def test_reading_leaves_nothing_behind(tmp_path):
    Store(tmp_path).close()
    before = sorted(tmp_path.iterdir())
    with reading(tmp_path) as db:
        assert db.execute("SELECT count(*) FROM trials").fetchone() == (0,)
        assert sorted(tmp_path.iterdir()) == before
        with pytest.raises(sqlite3.Error):
            db.execute("INSERT INTO labels VALUES ('a', 2, x'00')")
    assert sorted(tmp_path.iterdir()) == before

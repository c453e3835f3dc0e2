"""A results folder that somebody else made: nothing of the reader's is read, changed, deleted or waited for."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import sqlite3
import stat
import struct
import subprocess
import sys
import threading

import numpy as np
import pytest

from bench import datasets, importers, load_results, load_suite
from bench.analysis import analyse
from bench.cli import _data_of
from bench.cli_export import export
from bench.cli_report import report
from bench.errors import BenchError, StoreError, UsageError
from bench.export import write_frames
from bench.pictures import left_out, with_pictures
from bench.report.as_markdown import write_markdown
from bench.report.index import write_index
from bench.report.references import write_references
from bench.results_file import FILE, LOCK, reading
from bench.store import Store, has_begun, integrity

PRECIOUS = "what the reader would not lose\n"
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"


@pytest.fixture
def victim(tmp_path):
    """A file of the reader's, elsewhere."""
    path = tmp_path / "home" / "precious"
    path.parent.mkdir()
    path.write_text(PRECIOUS)
    return path


@pytest.fixture
def folder(tiny_results, tmp_path):
    """A stranger's folder, so far as it should be."""
    out = tmp_path / "theirs"
    shutil.copytree(tiny_results, out)
    return out


def changed(folder, *statements):
    with contextlib.closing(sqlite3.connect(folder / FILE)) as db, db:
        for statement in statements:
            db.execute(statement)


def everything(folder):
    """All that lies in a folder: kind, content and where links lead."""
    return {
        path.relative_to(folder): (
            path.lstat().st_mode,
            path.read_bytes() if path.is_file() and not path.is_symlink() else None,
            path.readlink() if path.is_symlink() else None,
        )
        for path in folder.rglob("*")
    }


def all_refuse(folder, found=".", *, readers=(load_results, integrity, Store)):
    before = everything(folder)
    for attempt in readers:
        with pytest.raises(StoreError, match=found):
            attempt(folder)
    after = everything(folder)
    after.setdefault(next((p for p in before if p.name == LOCK), None), None)
    assert {p: c for p, c in after.items() if p in before} == before


def in_time(attempt, *arguments, seconds=60):
    """What a call raises or returns; fails if it hangs."""
    came = []

    def call():
        try:
            came.append(attempt(*arguments))
        except BenchError as error:
            came.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    assert came, f"{attempt.__name__} hangs"
    return came[0]


# --- journals ---------------------------------------------------------------------------------


def hot_journal(folder, names=None):
    """A rollback journal of the file as it is, which names a file to be deleted in the end, if told."""
    raw = (folder / FILE).read_bytes()
    (size,) = struct.unpack(">H", raw[16:18])
    magic, page = bytes.fromhex("d9d505f920a163d7"), raw[:size]
    head = magic + struct.pack(">IIIII", 1, 0, len(raw) // size, 512, size)
    check = sum(page[i] for i in range(size - 200, 0, -200)) & 0xFFFFFFFF
    journal = head.ljust(512, b"\0") + struct.pack(">I", 1) + page + struct.pack(">I", check)
    if names is not None:
        name = os.fsencode(names)
        journal += struct.pack(">I", 0x40000000 // size + 1) + name
        journal += struct.pack(">II", len(name), sum(name)) + magic
    (folder / f"{FILE}-journal").write_bytes(journal)


def test_sqlite_itself_deletes_what_a_journal_names(folder, victim):
    """What is kept out here is real."""
    hot_journal(folder, victim)
    changed(folder, "SELECT count(*) FROM trials")
    assert not victim.exists()


def test_a_journal_that_names_a_file_is_not_played_back(folder, victim):
    hot_journal(folder, victim)
    all_refuse(folder, "results.sqlite-journal, which names another file")
    assert victim.read_text() == PRECIOUS


def test_nor_where_somebody_pretends_to_be_a_run(folder, victim):
    hot_journal(folder, victim)
    code = (
        "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.flock(f, fcntl.LOCK_EX);"
        "print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder / LOCK)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as pretending:
        assert pretending.stdout.readline() == b"locked\n"
        all_refuse(folder, "try again", readers=[load_results, integrity])
        pretending.stdin.close()
    assert victim.read_text() == PRECIOUS


def test_what_a_killed_run_left_is_undone_in_a_copy(folder):
    """Of a journal that names nothing; reading changes nothing, and a run undoes it in place."""
    hot_journal(folder)
    before = everything(folder)
    assert len(load_results(folder).trials) == 12
    assert everything(folder) == before
    Store(folder).close()
    assert not (folder / f"{FILE}-journal").exists()
    assert len(load_results(folder).trials) == 12


def test_a_write_ahead_log_is_refused(folder):
    (folder / f"{FILE}-wal").write_bytes(b"")
    all_refuse(folder, "results.sqlite-wal")
    (folder / f"{FILE}-wal").unlink()
    changed(folder, "PRAGMA journal_mode = WAL")
    all_refuse(folder, "write-ahead log")
    assert not list(folder.glob(f"{FILE}-*"))


@pytest.mark.parametrize("what", ["-journal", "-wal", "-shm"])
def test_what_lies_beside_the_file_is_no_link(folder, victim, what):
    (folder / f"{FILE}{what}").symlink_to(victim)
    all_refuse(folder)
    assert victim.read_text() == PRECIOUS


# --- not the file of a run --------------------------------------------------------------------

KINDS = {
    "a link": lambda path, victim: path.symlink_to(victim),
    "a link to nothing": lambda path, victim: path.symlink_to(victim.with_name("new")),
    "a link to what never ends": lambda path, _: path.symlink_to("/dev/zero"),
    "a pipe": lambda path, _: os.mkfifo(path),
    "a folder": lambda path, _: path.mkdir(),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [FILE, f"{FILE}-journal", LOCK])
def test_nothing_but_a_file_in_a_files_place(folder, victim, kind, name):
    (folder / name).unlink(missing_ok=True)
    KINDS[kind](folder / name, victim)
    mode = (folder / name).lstat().st_mode
    for attempt in (Store, load_results, integrity, has_begun):
        came = in_time(attempt, folder)
        assert isinstance(came, StoreError) or (name == LOCK and attempt is not Store)
    assert (folder / name).lstat().st_mode == mode
    assert victim.read_text() == PRECIOUS
    assert list(victim.parent.iterdir()) == [victim]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device(folder):
    (folder / FILE).unlink()
    try:
        os.mknod(folder / FILE, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # as /dev/zero
    except OSError as error:
        pytest.skip(f"no devices here: {error.strerror}")
    for attempt in (Store, load_results):
        assert isinstance(in_time(attempt, folder), StoreError)


def test_a_file_with_a_second_name_is_read_and_not_written(folder, tiny_results, tmp_path):
    mine = tmp_path / "mine.sqlite"
    shutil.copy(tiny_results / FILE, mine)
    (folder / FILE).unlink()
    os.link(mine, folder / FILE)
    assert len(load_results(folder).trials) == 12
    before = mine.read_bytes()
    with pytest.raises(StoreError, match="2 hard links"):
        Store(folder)
    assert mine.read_bytes() == before


def test_a_lock_is_never_emptied(folder, victim):
    (folder / LOCK).unlink(missing_ok=True)
    os.link(victim, folder / LOCK)
    Store(folder).close()
    assert victim.read_text() == PRECIOUS


# --- tables that are none ---------------------------------------------------------------------

SCHEMAS = {
    "a view that never yields a row": (
        "DROP TABLE extras",
        f"CREATE VIEW extras AS {ENDLESS} SELECT x AS updates, '' AS metric FROM c WHERE x < 0",
    ),
    "a view that never ends": (
        "DROP TABLE extras",
        f"CREATE VIEW extras AS {ENDLESS} SELECT x AS updates, 'm' AS metric FROM c",
    ),
    "a view that fills the memory": (
        "DROP TABLE predictions",
        f"CREATE VIEW predictions AS {ENDLESS} SELECT '' AS trial_id, zeroblob(500000000) AS wrong_by FROM c",
    ),
    "a view under another name": ("CREATE VIEW later AS SELECT 1",),
    "a table of theirs": ("CREATE TABLE mine (x)",),
    "a trigger": ("CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM trials; END",),
    "a virtual table": ("DROP TABLE extras", "CREATE VIRTUAL TABLE extras USING fts5(trial_id)"),
    "a generated column": ("ALTER TABLE runs ADD COLUMN big AS (zeroblob(500000000))",),
    "an index of an expression": ("CREATE INDEX i ON trials (abs(seed))",),
    "a check": ("ALTER TABLE runs ADD COLUMN x TEXT CHECK (length(zeroblob(500000000)) > 0)",),
    "a default": ("ALTER TABLE runs ADD COLUMN x TEXT DEFAULT 'theirs'",),
    "statistics for the planner": ("ANALYZE",),
}


@pytest.mark.parametrize("what", SCHEMAS)
def test_tables_are_ours_as_we_make_them(folder, what):
    try:
        changed(folder, *SCHEMAS[what])
    except sqlite3.OperationalError as error:
        pytest.skip(f"this SQLite cannot: {error}")
    readers = (load_results, integrity, has_begun, Store)
    before = (folder / FILE).read_bytes()
    for attempt in readers:
        came = in_time(attempt, folder)
        assert isinstance(came, StoreError)
        assert "which Seedwise does not make so" in came.found
    assert (folder / FILE).read_bytes() == before


def test_pages_that_are_named_again_and_again_are_not_counted_out(folder):
    """A tree in which each page leads 300 times to the one below: 300^4 times a table's rows, in 100 KB."""
    with contextlib.closing(sqlite3.connect(folder / FILE)) as db:
        db.execute("DROP TABLE timings")
        db.execute("CREATE TABLE timings (settings TEXT, started_at TEXT, round INTEGER,"
                   " seconds REAL, processor_s REAL, machine TEXT, versions TEXT)")  # fmt: skip
        db.execute("INSERT INTO timings (settings) VALUES ('x')")
        db.commit()
        db.execute("VACUUM")
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'timings'").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    raw = bytearray((folder / FILE).read_bytes())
    pages = len(raw) // size
    leaf = bytes(raw[(root - 1) * size : root * size])

    def inner(child):
        """An interior page of 300 cells, all of which lead to one page."""
        cells, start = 300, size - 300 * 5
        page = struct.pack(">BHHHBI", 5, 0, cells, start, 0, child)
        page += b"".join(struct.pack(">H", start + 5 * i) for i in range(cells))
        return page.ljust(start, b"\0") + struct.pack(">IB", child, 1) * cells

    raw += leaf + inner(pages + 1) + inner(pages + 2) + inner(pages + 3)
    raw[(root - 1) * size : root * size] = inner(pages + 4)
    raw[28:32] = struct.pack(">I", pages + 4)
    (folder / FILE).write_bytes(raw)
    with contextlib.closing(sqlite3.connect(folder / FILE)) as db:
        rows = db.execute("SELECT settings FROM timings LIMIT 1000000").fetchall()
        assert len(rows) == 1_000_000, "SQLite itself reads on and on"
    for attempt in (load_results, Store, has_begun, integrity):
        in_time(attempt, folder)
    all_refuse(folder, readers=[load_results, Store])
    assert integrity(folder)


def test_what_takes_longer_than_the_size_explains_is_ended(folder):
    def run():
        with reading(folder) as db:
            db.execute(f"SELECT count(*) FROM {', '.join(f'curves AS c{i}' for i in range(9))}")

    with pytest.raises(StoreError, match="more to read than a file of this size"):
        run()


@pytest.mark.parametrize(
    "statement",
    [
        "ATTACH '{}' AS other",
        "CREATE TEMP TABLE x (y)",
        "DELETE FROM trials",
        "PRAGMA writable_schema = ON; DELETE FROM sqlite_master",
        "SELECT * FROM pragma_database_list",
        ENDLESS + " SELECT x FROM c",
    ],
)
def test_a_reader_can_run_nothing_else(folder, victim, statement):
    def run():
        with reading(folder) as db:
            for part in statement.format(victim).split("; "):
                db.execute(part).fetchall()

    with pytest.raises(StoreError):
        run()
    assert len(load_results(folder).trials) == 12


# --- a run that goes on -----------------------------------------------------------------------


def test_who_reads_shares_the_lock_and_a_driver_waits_for_them(folder):
    begun = threading.Event()

    def drive():
        begun.set()
        Store(folder).close()
        return "drove"

    with (folder / LOCK).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        waiting = threading.Thread(target=drive, daemon=True)
        waiting.start()
        begun.wait(10)
        waiting.join(0.3)
        assert waiting.is_alive()
        assert len(load_results(folder).trials) == 12
    waiting.join(60)
    assert not waiting.is_alive()
    with Store(folder), reading(folder) as db:
        assert db.execute("SELECT count(*) FROM trials").fetchone() == (9,)


# --- what is written --------------------------------------------------------------------------


def test_no_link_leads_a_report_elsewhere(folder, victim):
    elsewhere = victim.parent / "folder"
    elsewhere.mkdir()
    for name in ("report.html", "index.html", "references.bib"):
        (folder / name).symlink_to(victim)
    (folder / "report-figures").symlink_to(elsewhere)
    analysis = analyse(load_results(folder))
    for attempt in (
        lambda: report([str(folder)]),
        lambda: write_markdown(analysis, folder / "report.md"),  # whose figures come first
        lambda: write_index([], folder / "index.html"),
        lambda: write_references(analysis, folder / "references.bib"),
    ):
        with pytest.raises(UsageError, match="a link in the place of"):
            attempt()
    assert victim.read_text() == PRECIOUS
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize(
    ("linked", "options"),
    [
        ("export", {"format_": "csv"}),
        ("export/figures", {"figures": "svg"}),
        ("export/tables", {"tables": "csv"}),
        ("export/tables/rates", {"tables": "csv"}),
        ("export/weights", {"weights": True}),
    ],
)
def test_no_folder_that_is_a_link_leads_an_export_elsewhere(folder, victim, linked, options):
    elsewhere = victim.parent / "folder"
    elsewhere.mkdir()
    (folder / linked).parent.mkdir(parents=True, exist_ok=True)
    (folder / linked).symlink_to(elsewhere)
    with pytest.raises(UsageError, match="a link in the place of the folder"):
        export(folder, **options)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_no_file_that_is_a_link_is_written_through(folder, victim, kind):
    """Nor one whose name could be guessed, while it is written."""
    frames = {"timings": load_results(folder).timings}
    for number in range(os.getpid() - 50, os.getpid() + 50):
        (folder / f".timings.{kind}.{number}").symlink_to(victim)
    write_frames(frames, folder, kind)
    (folder / f"timings.{kind}").unlink()
    (folder / f"timings.{kind}").symlink_to(victim)
    before = victim.stat().st_mtime_ns
    with pytest.raises(UsageError, match="a link in the place of a file"):
        write_frames(frames, folder, kind)
    assert (victim.read_text(), victim.stat().st_mtime_ns) == (PRECIOUS, before)
    assert not list(folder.glob(".seedwise-*"))


def test_an_import_does_not_go_through_links(tmp_path, victim):
    log, out = tmp_path / "log.csv", tmp_path / "theirs"
    log.write_text("who,seed,score\na,0,1.0\na,1,1.5\nb,0,2.0\nb,1,2.5\n")
    out.mkdir()
    for name in (FILE, LOCK):
        (out / name).unlink(missing_ok=True)
        (out / name).symlink_to(victim.with_name("new"))
        with pytest.raises(StoreError):
            importers.read(log, "csv", out, variant=["who"], seed="seed", metrics=["score:max"])
        (out / name).unlink()
    assert list(victim.parent.iterdir()) == [victim]
    importers.read(log, "csv", out, variant=["who"], seed="seed", metrics=["score:max"])
    assert len(load_results(out).trials) == 4


def test_watching_that_ends_early_leaves_an_old_page_alone(folder, victim, monkeypatch):
    from bench import cli_report

    (folder / "report.html").symlink_to(victim)
    monkeypatch.setattr(cli_report, "_wait_until_begun", _interrupted)
    report([str(folder)], watch=True)
    assert (folder / "report.html").is_symlink()
    assert victim.read_text() == PRECIOUS


def _interrupted(_):
    raise KeyboardInterrupt


# --- pictures ---------------------------------------------------------------------------------


def naming(folder, spec, where="."):
    """The folder of a suite that names other data."""
    with contextlib.closing(sqlite3.connect(folder / FILE)) as db, db:
        (suite,) = db.execute("SELECT suite FROM runs").fetchone()
        text = json.dumps({**json.loads(suite), "dataset": spec})
        db.execute("UPDATE runs SET suite = ?, text = ?, path = ?", (text, text, str(where)))
    return load_results(folder)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_no_file_that_they_name_is_read(folder, tmp_path, make):
    make(tmp_path / "named")
    for spec in ({"npz": ""}, {"csv": "", "label": "y"}, {"idx": ""}):
        named = {key: value or str(tmp_path / "named") for key, value in spec.items()}
        analysis = analyse(naming(folder, named))
        assert in_time(with_pictures, analysis).by_example.images == {}
        assert left_out(analysis) == ["rates", "shared"]


def test_a_report_says_so(folder, tmp_path, capsys):
    os.mkfifo(tmp_path / "named")
    naming(folder, {"npz": str(tmp_path / "named")})
    assert in_time(report, [str(folder)]) is None
    assert "pictures left out of rates, shared" in capsys.readouterr().out


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
@pytest.mark.parametrize("name", ["data.npz", "inner/../data.npz"])
def test_nor_through_what_lies_in_the_folder(folder, make, name):
    (folder / "inner").mkdir()
    make(folder / "data.npz")
    analysis = analyse(naming(folder, {"npz": name}))
    assert in_time(with_pictures, analysis).by_example.images == {}
    assert left_out(analysis) == ["rates", "shared"]


def test_data_in_the_folder_is_shown_and_other_data_if_the_reader_says_so(folder, tmp_path):
    digits = datasets.load("digits", folder=folder)
    arrays = {n: getattr(digits, n) for n in ("x_train", "y_train", "x_test", "y_test")}
    np.savez(folder / "data.npz", **arrays)
    for place, named in ((folder, False), (tmp_path, True)):
        spec = {"npz": "data.npz"}
        checksum = datasets.load(spec, folder=place).checksum
        with contextlib.closing(sqlite3.connect(folder / FILE)) as db, db:
            db.execute("UPDATE trials SET dataset_checksum = ?", (checksum,))
            db.execute("UPDATE labels SET dataset_checksum = ?", (checksum,))
        analysis = analyse(naming(folder, spec, where=tmp_path))
        assert bool(with_pictures(analysis).by_example.images) is not named
        assert set(with_pictures(analysis, named=named).by_example.images) == {"rates", "shared"}
        if not named:
            shutil.move(folder / "data.npz", tmp_path / "data.npz")


def test_times_added_to_their_folder_do_not_make_their_data_ours(folder, tiny, tmp_path):
    theirs = naming(folder, {"npz": str(tmp_path / "x.npz")}).suite
    assert not _data_of(theirs) <= _data_of(load_suite(tiny))
    assert _data_of(load_suite(tiny).resized(questions=["rates"])) <= _data_of(load_suite(tiny))

"""The results file, opened so that it does not matter who wrote it: SQLite reads our tables and nothing else.

What only reads takes no part in writing: SQLite opens the file to read only, and as one that nobody changes
(``immutable``), for which it looks at no other file. That nobody changes it is so because whoever reads shares
the driver's lock. Only while a driver of ours holds that lock, SQLite's own locks keep the two apart; it still
opens the file to read only. What a killed driver left half written is undone in a copy.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import sqlite3
import time
from contextlib import closing, contextmanager
from typing import IO, TYPE_CHECKING, Final

from bench import files, scratch
from bench.errors import BenchError, StoreError, first_line, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FILE: Final = "results.sqlite"
LOCK: Final = "driver.lock"
SCHEMA: Final = 1  # raise it when a version of before would misread the file; see tests/formats
APPLICATION_ID: Final = 0x53454544  # "SEED": says that the file is ours
TABLES: Final = frozenset(
    {
        "runs",
        "plan",
        "trials",
        "curves",
        "probes",
        "predictions",
        "labels",
        "extras",
        "timings",
        "weights",
        "data",
    }
)
_LARGE: Final = "weights"  # is read a row at a time

_COLUMN: Final = (
    r"\w+ (?:TEXT|INTEGER|REAL|BLOB)(?: PRIMARY KEY)?(?: REFERENCES trials ON DELETE CASCADE)?"
)
_TABLE: Final = re.compile(
    rf"CREATE TABLE (?P<name>\w+) \({_COLUMN}(?:, {_COLUMN})*(?:, PRIMARY KEY \(\w+(?:, \w+)*\))?\)"
    r"(?: WITHOUT ROWID)?"
)
_READS: Final = frozenset(
    {
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_PRAGMA,
        sqlite3.SQLITE_TRANSACTION,
    }
)
_WRITES: Final = _READS | {
    sqlite3.SQLITE_INSERT,
    sqlite3.SQLITE_UPDATE,
    sqlite3.SQLITE_DELETE,
    sqlite3.SQLITE_CREATE_TABLE,
    sqlite3.SQLITE_CREATE_INDEX,  # of a primary key
    sqlite3.SQLITE_ALTER_TABLE,
}
_NAMING: Final = frozenset(  # actions whose first argument is a table
    {
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_INSERT,
        sqlite3.SQLITE_UPDATE,
        sqlite3.SQLITE_DELETE,
        sqlite3.SQLITE_CREATE_TABLE,
    }
)
_JOURNAL_MAGIC: Final = bytes.fromhex("d9d505f920a163d7")
_LOG: Final = 2  # in bytes 18 and 19 of the file: it has a write-ahead log
_STEPS: Final = 1_000  # of SQLite's machine between two looks at how many there were
_STEPS_PER_BYTE: Final = 5  # to check a file and to read it takes less than one
_FEW_STEPS: Final = 20_000_000
_LONGEST: Final = 1_000_000  # bytes of a value, unless the file is larger
_LONGEST_EVER: Final = 1_000_000_000  # SQLite's own limit
WAIT_S: Final = 30.0  # a driver for those who read, and they for a transaction of its


@contextmanager
def reading(folder: Path, *, whole: bool = True) -> Iterator[sqlite3.Connection]:
    """One moment of the results file of a folder, which is not changed, also while a run is writing to it.

    Args:
        folder: with the file.
        whole: whether SQLite checks the structure of the tables first, weights aside: a second for 700 MB.

    Raises:
        StoreError: it is not there, not of a version this program reads, or nothing that Seedwise wrote.
    """
    path = folder / FILE
    if not os.path.lexists(path):
        raise StoreError(
            "no results here",
            where=str(folder),
            expected=f"a folder with the file {FILE}",
            found="no such file" if folder.is_dir() else "no such folder",
            hint="give the folder that `bench run` wrote (its --out)",
        )
    with readable(path), _shared(folder) as alone:
        _refuse_beside(path)
        with closing(_to_read(path, alone=alone)) as db:
            db.execute("BEGIN")
            if _tables(db) == 0 and not path.stat().st_size:
                raise no_run(folder)
            longest = min(max(path.stat().st_size, _LONGEST), _LONGEST_EVER)
            db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, longest)
            _refuse_foreign(db, path, whole=whole)
            yield db


def to_write(
    folder: Path,
    make: Callable[[sqlite3.Connection], None],
    renew: Callable[[sqlite3.Connection], None],
) -> sqlite3.Connection:
    """The results file of a folder whose lock is held; it is made if it does not exist.

    Args:
        folder: with the file.
        make: puts the tables into a new one.
        renew: adds what one of before lacks.

    Raises:
        StoreError: it is not of a version this program writes, or nothing that Seedwise wrote.
    """
    path = folder / FILE
    with readable(path), contextlib.ExitStack() as stack:
        if not os.path.lexists(path):
            files.write(folder, FILE, b"")
        _refuse_beside(path)
        _refuse_log(path)
        _refuse_second_name(path)
        if os.path.lexists(journal := _beside(path, "journal")):
            _refuse_second_name(journal)
            _refuse_second_journal(journal, path)
        syncs = _syncs(path)
        db = _connected(path, "mode=rw", _WRITES)
        stack.callback(db.close)
        if not syncs:
            db.execute("PRAGMA synchronous = OFF")  # SQLite would take it for a broken disk
        db.execute("PRAGMA foreign_keys = ON")
        if _tables(db) == 0:
            make(db)
        _refuse_foreign(db, path, whole=True)
        renew(db)
        db.set_progress_handler(None, 0)  # a run may be long
        stack.pop_all()
        return db


def _syncs(path: Path) -> bool:
    with os.fdopen(files.opened(path, os.O_RDWR), "rb") as file:
        return files.synced(file.fileno())


def locked(folder: Path) -> IO[bytes]:
    """The lock of a folder's one driver, which waits for those who read.

    Raises:
        OSError: there can be no file for it.
        StoreError: another driver has it, or the file system has no locks.
    """
    lock = os.fdopen(files.opened(folder / LOCK, os.O_RDWR | os.O_CREAT), "r+b")
    try:
        _wait(lock, folder)
    except OSError as error:
        lock.close()
        raise StoreError(
            "the file system of the results folder has no locks",
            where=str(folder),
            expected="locks, without which two runs could write at the same time",
            found=first_line(error),
            hint="choose a folder on a disk of this machine with --out, and copy it afterwards",
        ) from None
    return lock


def _wait(lock: IO[bytes], folder: Path) -> None:
    # SQLite's own locks are of this kind. On a network drive the two kinds may be one: then a run has it.
    with contextlib.suppress(BlockingIOError, PermissionError):
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(lock, fcntl.LOCK_UN)
    until = time.monotonic() + WAIT_S
    while not _got(lock, fcntl.LOCK_EX):
        if not _got(lock, fcntl.LOCK_SH) or time.monotonic() > until:
            lock.close()
            raise StoreError(
                "another run is writing to this results folder",
                where=str(folder),
                expected="one driver at a time",
                found="a lock held by a running process",
                hint="wait for it, or choose another folder with --out",
            )
        fcntl.flock(lock, fcntl.LOCK_UN)
        time.sleep(0.02)


def _got(lock: IO[bytes], kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _shared(folder: Path) -> Iterator[bool]:
    """Whether no driver writes, and none will before this ends."""
    try:
        lock = os.fdopen(files.opened(folder / LOCK), "rb")
    except PermissionError:  # of somebody else, who may be writing
        yield False
        return
    except OSError:  # none, or nothing that a driver locks
        yield True
        return
    with lock:
        try:
            alone = _got(lock, fcntl.LOCK_SH)
        except OSError:  # a file system without locks, where no driver can have begun
            alone = True
        yield alone


def _to_read(path: Path, *, alone: bool) -> sqlite3.Connection:
    if not alone:
        return _connected(path, "mode=ro", _READS)
    _refuse_log(path)
    journal = _beside(path, "journal")
    if not os.path.lexists(journal) or not journal.stat().st_size:
        return _connected(path, "mode=ro&immutable=1", _READS)
    with scratch.Folder() as folder:
        copy = folder / FILE
        _copy(path, copy)
        _copy(journal, _beside(copy, "journal"))
        _refuse_second_journal(_beside(copy, "journal"), path)
        with closing(_connected(copy, "mode=rw", _READS)) as db:
            _tables(db)  # SQLite undoes first what was begun
        return _connected(copy, "mode=ro&immutable=1", _READS)  # it stays open without its name


def _copy(source: Path, target: Path) -> None:
    with os.fdopen(files.opened(source), "rb") as old, target.open("xb") as new:
        if os.fstat(old.fileno()).st_size > shutil.disk_usage(target.parent).free // 2:
            raise OSError(
                f"a killed run left {source.name}, and there is no room to undo it in a copy"
            )
        shutil.copyfileobj(old, new)


def _connected(path: Path, how: str, allowed: frozenset[int]) -> sqlite3.Connection:
    """A connection for our statements on our tables; it ends what its file's size does not explain."""
    left = _FEW_STEPS + _STEPS_PER_BYTE * path.stat().st_size

    def allow(action: int, name: str | None, _: str | None, __: str | None, by: str | None) -> int:
        known = action not in _NAMING or name in TABLES or str(name).startswith("sqlite_")
        fine = action in allowed and known and by is None  # by: a view or a trigger
        return sqlite3.SQLITE_OK if fine else sqlite3.SQLITE_DENY

    def too_long() -> bool:
        nonlocal left
        left -= _STEPS
        return left < 0

    uri = f"{(path.parent.resolve() / path.name).as_uri()}?{how}"
    db = sqlite3.connect(uri, uri=True, timeout=WAIT_S, isolation_level=None)
    try:
        db.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        db.set_authorizer(allow)
        db.set_progress_handler(too_long, _STEPS)
        for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0"):
            db.execute(f"PRAGMA {pragma}")
    except BaseException:
        db.close()
        raise
    return db


# --- what is not ours -------------------------------------------------------------------------


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f"{path.name}-{what}")


def _refuse_beside(path: Path) -> None:
    """Of what SQLite opens, only the file and a rollback journal may be there, and they must be files."""
    files.refuse_all_but_files(path)
    if os.path.lexists(journal := _beside(path, "journal")):
        files.refuse_all_but_files(journal)
    for what in ("wal", "shm"):
        if os.path.lexists(_beside(path, what)):
            raise _foreign(path, f"{path.name}-{what}, of a write-ahead log")


def _refuse_log(path: Path) -> None:
    with os.fdopen(files.opened(path), "rb") as file:
        if _LOG in file.read(20)[18:]:
            raise _foreign(path, "a file that has a write-ahead log")


def _refuse_second_name(path: Path) -> None:
    """What is written would change under its other names too."""
    if (names := path.lstat().st_nlink) > 1:
        raise StoreError(
            "the results file cannot be written, since other names lead to it too",
            where=str(path),
            expected="one name",
            found=f"{names} hard links",
            hint="put a copy in its place",
        )


def _refuse_second_journal(journal: Path, path: Path) -> None:
    """SQLite deletes what a journal names in the end, the journal of several files: ours are of one."""
    with os.fdopen(files.opened(journal), "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(_JOURNAL_MAGIC)))
        if file.read() == _JOURNAL_MAGIC:
            raise _foreign(path, f"{path.name}-journal, which names another file")


def _refuse_foreign(db: sqlite3.Connection, path: Path, *, whole: bool) -> None:
    (written_by,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if written_by == APPLICATION_ID and version > SCHEMA:
        raise StoreError(
            "results of a newer version of Seedwise",
            where=str(path),
            expected=f"results in version {SCHEMA} of the format, or an older one",
            found=f"version {version}",
            hint="pip install --upgrade seedwise, or choose another folder with --out",
        )
    if written_by != APPLICATION_ID or version != SCHEMA:
        raise StoreError(
            "results of another program or version",
            where=str(path),
            expected=f"results in version {SCHEMA} of the format",
            found=f"version {version}"
            if written_by == APPLICATION_ID
            else "a file that Seedwise did not write",
            hint="use the version of Seedwise that wrote it, or another folder with --out",
        )
    ours = []
    for kind, name, table, sql in db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"):
        if kind == "index" and sql is None and table in TABLES:
            continue  # of a primary key
        found = _TABLE.fullmatch(" ".join(str(sql).split())) if kind == "table" else None
        if found is None or not found["name"] == name == table or name not in TABLES:
            raise _foreign(path, f"the {kind} {shown(name)}, which Seedwise does not make so")
        ours.append(name)
    for name in ours if whole else ():
        if name == _LARGE:
            continue
        problem = db.execute(f"PRAGMA quick_check({name})").fetchone()[0]
        if problem != "ok":
            raise damaged(path, ValueError(problem))


def _tables(db: sqlite3.Connection) -> int:
    (count,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return int(count)


def _foreign(path: Path, found: str) -> StoreError:
    return StoreError(
        "the results file cannot be read",
        where=str(path),
        expected="the tables of Seedwise alone, as it writes them",
        found=found,
        hint="ask who made the folder, or choose another",
    )


# --- errors -----------------------------------------------------------------------------------

BUSY: Final = "SQLITE_BUSY"  # how the codes begin where another process has a lock of SQLite's
KEPT: Final = (
    "another program that has kept it busy for a long time",
    "wait for it, or end it: perhaps a command that was stopped by Ctrl-Z; then give the same command again",
)  # found, and what to do

_STUMBLES: Final = (
    sqlite3.Error,
    OSError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RecursionError,
)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say of broken content that it is, whatever stumbles over it: SQLite checks no more than the structure."""
    try:
        yield
    except BenchError:
        raise
    except _STUMBLES as error:
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> StoreError:
    """What to say where the content makes no sense."""
    code = getattr(error, "sqlite_errorname", "")
    said = {
        "SQLITE_INTERRUPT": "more to read than a file of this size has room for",
        "SQLITE_READONLY_ROLLBACK": "what a run was writing that has just ended; try again",
    }
    found = error.strerror if isinstance(error, OSError) and error.strerror else first_line(error)
    hint = "restore it from a copy, or choose another folder with --out"
    if code.startswith(BUSY):
        found, hint = KEPT
    elif code.startswith("SQLITE_IOERR") or getattr(error, "errno", None) in files.FAILING:
        hint = files.SEE_TO_IT
    return StoreError(
        "the results file cannot be read",
        where=str(path),
        expected="an SQLite file written by Seedwise",
        found=said.get(code, found),
        hint=hint,
    )


def no_run(folder: Path) -> StoreError:
    """What to say where no plan was written yet."""
    return StoreError(
        "no run has begun here", where=str(folder), expected="a run", found="an empty file"
    )

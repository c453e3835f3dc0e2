"""The results folder: one SQLite file, one transaction per trial; frames in and out.

Only the driver writes. A trial is in the file whole or not at all, so a killed run loses the trials
that were being trained and nothing else.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from pydantic import ValidationError

from bench import consistency, files, frames
from bench.errors import StoreError, SuiteError, first_line
from bench.predictions import Predictions
from bench.reading import UNREADABLE, Budget, parsed
from bench.results_file import (
    APPLICATION_ID,
    BUSY,
    FILE,
    KEPT,
    SCHEMA,
    damaged,
    locked,
    no_run,
    readable,
    reading,
    to_write,
)
from bench.suite import Suite, parse_suite
from bench.trial import CurvePoint, Timing, TrialResult, Use, expand
from bench.weights import unpack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    import pandas as pd

FINISHED: Final = ("completed", "diverged")

_LATER_COLUMNS: Final = (("runs", "cluster"), ("trials", "code"))  # likewise
_SQL_TYPES: Final = {"str": "TEXT", "int": "INTEGER", "float": "REAL", "bool": "INTEGER"}
_POINT: Final = tuple(f.name for f in fields(CurvePoint))
_POINT_TYPES: Final = {name: "int64" if name == "updates" else "float64" for name in _POINT}
_RESULT: Final = tuple(
    f
    for f in fields(TrialResult)
    if f.name not in ("curve", "probes", "extras", "predictions", "weights")
)


def _tables() -> str:
    kinds = {c.name: _SQL_TYPES[c.dtype] for frame in frames.FRAMES.values() for c in frame}
    result = ", ".join(f"{f.name} {kinds[f.name]}" for f in _RESULT if f.name != "trial_id")
    points = ", ".join(f"{name} {kinds[name]}" for name in _POINT)
    return f"""
        CREATE TABLE runs (started_at TEXT, suite TEXT, text TEXT, path TEXT, command TEXT, cluster TEXT);
        CREATE TABLE plan (question TEXT, variant TEXT, seed INTEGER, trial_id TEXT, position INTEGER,
                           PRIMARY KEY (question, variant, seed));
        CREATE TABLE trials (trial_id TEXT PRIMARY KEY, {result});
        CREATE TABLE curves (trial_id TEXT REFERENCES trials ON DELETE CASCADE, {points},
                             PRIMARY KEY (trial_id, updates)) WITHOUT ROWID;
        CREATE TABLE probes (trial_id TEXT REFERENCES trials ON DELETE CASCADE, epoch REAL,
                             probe TEXT, layer TEXT, measure TEXT, value REAL,
                             PRIMARY KEY (trial_id, epoch, probe, layer, measure)) WITHOUT ROWID;
        CREATE TABLE predictions (trial_id TEXT PRIMARY KEY REFERENCES trials ON DELETE CASCADE,
                                  wrong_by BLOB);
        CREATE TABLE labels (dataset_checksum TEXT PRIMARY KEY, classes INTEGER, labels BLOB);
        CREATE TABLE extras (trial_id TEXT REFERENCES trials ON DELETE CASCADE, updates INTEGER,
                             metric TEXT, value REAL,
                             PRIMARY KEY (trial_id, updates, metric)) WITHOUT ROWID;
    """


_LATER: Final = (
    """
    CREATE TABLE IF NOT EXISTS timings (settings TEXT, started_at TEXT, round INTEGER, seconds REAL,
                                        processor_s REAL, machine TEXT, versions TEXT,
                                        PRIMARY KEY (settings, started_at, round))
    """,
    """
    CREATE TABLE IF NOT EXISTS weights (trial_id TEXT PRIMARY KEY REFERENCES trials ON DELETE CASCADE,
                                        npz BLOB)
    """,
    """
    CREATE TABLE IF NOT EXISTS data (dataset_checksum TEXT PRIMARY KEY, about TEXT)
    """,
)  # tables that came later than the others: a file of before gets them when it is next written to


@dataclass(frozen=True)
class KeptWeights:
    """The weights of trained networks, read from the file when asked for: they may be large.

    Attributes:
        trials: trial_ids whose weights were kept.
    """

    folder: Path
    trials: frozenset[str]

    def __contains__(self, trial_id: object) -> bool:
        return trial_id in self.trials

    def of(self, trial_id: str) -> dict[str, np.ndarray]:
        """Path and value of every trainable array.

        Raises:
            StoreError: the file can no longer be read, or has none of this trial.
        """
        path = self.folder / FILE
        with reading(self.folder, whole=False) as db:
            query = "SELECT npz FROM weights WHERE trial_id = ?"
            row: tuple[bytes] | None = db.execute(query, (trial_id,)).fetchone()
        if row is None:
            raise StoreError(
                "no weights of this trial were kept",
                where=str(path),
                expected="a trial of a question with weights: true",
                found=trial_id,
            )
        try:
            return unpack(row[0])
        except (*UNREADABLE, TypeError) as error:
            raise damaged(path, error) from None


@dataclass(frozen=True)
class Kept:
    """What the finished trials of a folder were trained on and by.

    Attributes:
        checksums: of the data, by the data set's spec as JSON.
        code: of modules that settings name, by the settings; see ``bench.own_code``. Several, if workers
            imported them by other ways.
        unknown: settings of trials of which nothing is known of the code: those of earlier versions.
    """

    checksums: Mapping[str, str] = field(default_factory=dict)
    code: Mapping[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Results:
    """What a results folder holds, as frames. Columns: ``bench.frames``, ``docs/frames.md``.

    Attributes:
        suite: the suite as it was last run in this folder, in that size.
        trials: one row per trial and question that uses it.
        curves: one row per evaluation, likewise.
        probes: one row per measure of a probe, likewise.
        timings: one row per epoch that was timed alone, and question that uses such training.
        predictions: what each trained network says of each test image, by trial_id.
        weights: the weights of each trained network, where the suite keeps them.
        data: what is known of the data, by its checksum; see ``plugins.Dataset.about``. Empty for data that
            only earlier versions trained on.
        runs: the runs that wrote here, oldest first: started_at, command, the suite as it ran (JSON)
            with its text and its folder, and the cluster (JSON) if it ran on one.
        planned: number of distinct trials of the last run.
        folder: where it was read from.
        anonymous: whether what tells who and where was left out; see ``bench.analysis.anonymous``.
    """

    suite: Suite
    trials: pd.DataFrame
    curves: pd.DataFrame
    probes: pd.DataFrame
    timings: pd.DataFrame
    predictions: Predictions
    weights: KeptWeights
    runs: pd.DataFrame
    planned: int
    folder: Path
    data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    anonymous: bool = False

    def curves_of(self, question: str) -> pd.DataFrame:
        """The evaluations of one question; quick also where there are many questions."""
        return self._curves.get(question, self.curves.head(0))

    @cached_property
    def _curves(self) -> dict[str, pd.DataFrame]:
        return {str(name): rows for name, rows in self.curves.groupby("question", sort=False)}

    @property
    def frames(self) -> dict[str, pd.DataFrame]:
        """The frames by their names, as ``bench export`` writes them."""
        return {name: getattr(self, name) for name in frames.FRAMES}


class Store:
    """An open results folder, for its one driver. Use as a context manager."""

    def __init__(self, folder: Path) -> None:
        """Open or create ``folder``.

        Raises:
            StoreError: the folder cannot be used, is another driver's, or is not ours.
        """
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = locked(folder)
        except OSError as error:
            raise StoreError(
                "the results folder cannot be written",
                where=str(folder),
                expected="a folder, or a path where one can be made",
                found=first_line(error),
                hint="choose another with --out",
            ) from None
        try:
            self._db = to_write(folder, self._make, _add_later)
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and let the next driver in."""
        self._db.close()
        self._lock.close()

    def _make(self, db: sqlite3.Connection) -> None:
        with _transaction(db, self.folder):
            for statement in _tables().split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {SCHEMA}")

    def begin(
        self,
        suite: Suite,
        uses: Sequence[Use],
        *,
        started_at: str,
        command: str,
        cluster: str | None = None,
    ) -> None:
        """Record that a run of ``suite`` begins, what it plans, and on what ``cluster`` (JSON), if on one."""
        plan = [
            (use.question, use.variant, use.trial.seed, use.trial.id, position)
            for position, use in enumerate(uses)
        ]
        with _transaction(self._db, self.folder):
            self._begin(suite, plan, started_at, command, cluster)

    def _begin(
        self,
        suite: Suite,
        plan: Sequence[tuple[str, str, int, str, int]],
        started_at: str,
        command: str,
        cluster: str | None = None,
    ) -> None:
        resolved = suite.model_dump_json(by_alias=True, exclude_defaults=True)
        run = (started_at, resolved, suite.text, str(suite.folder), command, cluster)
        self._db.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)", run)
        self._db.execute("DELETE FROM plan")
        self._db.executemany("INSERT INTO plan VALUES (?, ?, ?, ?, ?)", plan)

    def suite(self) -> Suite | None:
        """The suite as it was last run in this folder; None before the first run.

        Raises:
            StoreError: this version cannot read it.
        """
        with readable(self.folder / FILE):
            run = _last_run(self._db)
            return None if run is None else _suite(self.folder, *run)

    def finished(self) -> set[str]:
        """Ids of the trials that need not be trained again: completed and diverged ones."""
        with readable(self.folder / FILE):
            rows = self._db.execute(
                "SELECT trial_id FROM trials WHERE status IN (?, ?)", FINISHED
            ).fetchall()
            return {row[0] for row in rows}

    def kept(self) -> Kept:
        """What the finished trials were trained on and by."""
        with readable(self.folder / FILE):
            rows = self._db.execute(
                "SELECT DISTINCT settings, dataset_checksum, code FROM trials WHERE status IN (?, ?)",
                FINISHED,
            ).fetchall()
            code: dict[str, list[dict[str, str]]] = {}
            budget = Budget()
            for settings, _, text in rows:
                if text is not None:
                    code.setdefault(settings, []).append(consistency.code(text, budget))
            return Kept(
                {
                    json.dumps(parsed(settings, budget)["dataset"], sort_keys=True): checksum
                    for settings, checksum, _ in rows
                    if checksum is not None
                },
                code,
                frozenset(settings for settings, _, text in rows if text is None),
            )

    def describe(self, data: Iterable[Mapping[str, Any]]) -> None:
        """Keep what there is to say of data, see ``plugins.Dataset.about``."""
        rows = [(about["checksum"], json.dumps(about)) for about in data]
        with _transaction(self._db, self.folder):
            self._db.executemany("INSERT OR REPLACE INTO data VALUES (?, ?)", rows)

    def append(self, *results: TrialResult) -> None:
        """Write trials with all that belongs to them, in one transaction, replacing failed attempts."""
        with _transaction(self._db, self.folder):
            _insert(self._db, results)

    def append_timings(
        self, timings: Sequence[Timing], *, started_at: str, machine: str, versions: str
    ) -> None:
        """Write a round of timings, in one transaction.

        Args:
            timings: one for each way of training.
            started_at: when this measurement began, UTC.
            machine: as JSON, see ``bench.machine``.
            versions: likewise.
        """
        with _transaction(self._db, self.folder):
            self._db.executemany(
                f"INSERT INTO timings VALUES ({_marks(7)})",  # noqa: S608
                (
                    (t.settings, started_at, t.round, t.seconds, t.processor_s, machine, versions)
                    for t in timings
                ),
            )

    def replace(
        self,
        suite: Suite,
        results: Sequence[tuple[str, str, TrialResult]],
        *,
        started_at: str,
        command: str,
    ) -> None:
        """Write an import as a whole, in place of what was imported here before, in one transaction.

        Args:
            suite: made by the importer.
            results: question, variant and what came of the trial, each trial in one question.
            started_at: when it was imported, UTC.
            command: how to repeat it.

        Raises:
            StoreError: the folder holds results that were trained here, or cannot be written.
        """
        with readable(self.folder / FILE):
            before = self._db.execute("SELECT suite FROM runs").fetchall()
            trained = any(parsed(text, Budget()).get("imported") is None for (text,) in before)
        if trained:
            raise StoreError(
                "this folder holds the results of a run",
                where=str(self.folder),
                expected="an empty folder, or one that an import wrote",
                found="results that were trained here",
                hint="choose another with --out",
            )
        plan = [
            (question, variant, result.seed, result.trial_id, position)
            for position, (question, variant, result) in enumerate(results)
        ]
        with _transaction(self._db, self.folder):
            self._db.execute("DELETE FROM trials")
            self._db.execute("DELETE FROM runs")
            self._begin(suite, plan, started_at, command)
            _insert(self._db, [result for _, _, result in results])


def _add_later(db: sqlite3.Connection) -> None:
    """What a file of before lacks."""
    for table in _LATER:
        db.execute(table)
    for table, column in _LATER_COLUMNS:
        if column not in {row[1] for row in db.execute(f"PRAGMA table_info({table})")}:
            db.execute(f"ALTER TABLE {table} ADD COLUMN {column} TEXT")


def _insert(db: sqlite3.Connection, results: Sequence[TrialResult]) -> None:
    """Write trials, in the transaction that is open."""
    names = ", ".join(f.name for f in _RESULT)
    trial, point = attrgetter(*(f.name for f in _RESULT)), attrgetter(*_POINT)
    db.executemany("DELETE FROM trials WHERE trial_id = ?", [(r.trial_id,) for r in results])
    db.executemany(
        f"INSERT INTO trials ({names}) VALUES ({_marks(len(_RESULT))})",  # noqa: S608
        map(trial, results),
    )
    db.executemany(
        f"INSERT INTO curves VALUES ({_marks(len(_POINT) + 1)})",  # noqa: S608
        ((r.trial_id, *point(evaluation)) for r in results for evaluation in r.curve),
    )
    db.executemany(
        f"INSERT INTO probes VALUES ({_marks(6)})",  # noqa: S608
        (
            (r.trial_id, epoch, probe, m.layer, m.measure, m.value)
            for r in results
            for epoch, probe, m in r.probes
        ),
    )
    db.executemany(
        f"INSERT INTO extras VALUES ({_marks(4)})",  # noqa: S608
        ((r.trial_id, *extra) for r in results for extra in r.extras),
    )
    predicted = [(r, r.predictions) for r in results if r.predictions is not None]
    db.executemany(
        "INSERT INTO predictions VALUES (?, ?)", ((r.trial_id, p.wrong_by) for r, p in predicted)
    )
    db.executemany(
        "INSERT INTO weights VALUES (?, ?)",
        ((r.trial_id, r.weights) for r in results if r.weights is not None),
    )
    db.executemany(
        "INSERT OR IGNORE INTO labels VALUES (?, ?, ?)",
        ((r.dataset_checksum, p.classes, p.labels) for r, p in predicted),
    )


def load_results(folder: str | Path) -> Results:
    """Read a results folder into frames, also while a run is writing to it.

    Raises:
        StoreError: there are no results, or not of a version this program reads.
    """
    path = Path(folder)
    with reading(path) as db:
        return _results(db, path)


def integrity(folder: Path) -> list[str]:
    """What SQLite finds wrong with the structure of the file, and rows whose trial is not there.

    Raises:
        StoreError: there are no results, or not of a version this program reads.
    """
    with reading(folder, whole=False) as db:
        found = [str(row[0]) for row in db.execute("PRAGMA integrity_check")]
        tables = Counter(row[0] for row in db.execute("PRAGMA foreign_key_check"))
        lost = [f"rows of {table} without their trial: {n:,}" for table, n in tables.items()]
    return [text for text in found if text != "ok"] + lost


def has_begun(folder: Path) -> bool:
    """Whether a run has written its plan into the results file of a folder, which is there.

    Raises:
        StoreError: the file is not of a version this program reads.
    """
    with readable(folder / FILE):
        files.refuse_all_but_files(folder / FILE)
        if not (folder / FILE).stat().st_size:
            return False  # a driver has just made it
    with reading(folder, whole=False) as db:
        return _last_run(db) is not None


def _results(db: sqlite3.Connection, path: Path) -> Results:
    import pandas as pd

    run = _last_run(db)
    if run is None:
        raise no_run(path)
    suite = _suite(path, *run)
    runs = pd.read_sql("SELECT rowid, * FROM runs ORDER BY rowid", db)
    runs["cluster"] = runs.get("cluster")  # a file of before has none
    data = dict(db.execute("SELECT dataset_checksum, about FROM data")) if _has(db, "data") else {}
    uses = pd.read_sql("SELECT * FROM plan ORDER BY position", db)
    trials = pd.read_sql("SELECT * FROM trials", db)
    curves = pd.read_sql("SELECT * FROM curves ORDER BY trial_id, updates", db)
    extras = pd.read_sql("SELECT * FROM extras", db)
    probes = pd.read_sql("SELECT * FROM probes", db)
    trials["code"] = trials.get("code")  # likewise
    timings = _timings(db, suite)
    consistency.check(
        suite,
        runs=runs,
        plan=uses,
        trials=trials,
        curves=curves,
        extras=extras,
        probes=probes,
        timings=timings,
        data=data,
    )
    predictions = _predictions(db)
    weights = KeptWeights(path, _with_weights(db) & frozenset(trials.trial_id))
    uses = uses.drop(columns="position")
    own = [frames.Column(name, "float", "", "") for name in suite.metrics]
    curves = _with_extras(curves.astype(_POINT_TYPES), extras)
    trials = trials.drop(columns="seed").merge(
        _last_points(curves, sparse=suite.imported is not None), on="trial_id", how="left"
    )
    shared = uses.drop_duplicates(["trial_id", "question"]).groupby("trial_id").question
    trials["questions"] = trials.trial_id.map(shared.agg(" ".join))
    trials["suite"] = suite.suite
    by_use = uses.merge(trials, on="trial_id")
    return Results(
        suite=suite,
        trials=_typed(by_use, (*frames.TRIALS, *own)),
        curves=_typed(
            by_use[[*_KEYS, "status"]].merge(curves, on="trial_id"), (*frames.CURVES, *own)
        ),
        probes=_typed(by_use[_KEYS].merge(probes, on="trial_id"), frames.PROBES),
        timings=timings,
        predictions=predictions,
        weights=weights,
        runs=runs,
        planned=uses.trial_id.nunique(),
        folder=path,
        data={checksum: json.loads(about) for checksum, about in data.items()},
    )


_KEYS: Final = [column.name for column in frames.KEYS]


def _last_run(db: sqlite3.Connection) -> tuple[str, str, str] | None:
    """The last run's suite (JSON), its text and its folder."""
    run: tuple[str, str, str] | None = db.execute(
        "SELECT suite, text, path FROM runs ORDER BY rowid DESC LIMIT 1"
    ).fetchone()
    return run


def _timings(db: sqlite3.Connection, suite: Suite) -> pd.DataFrame:
    """The frame ``timings``: a timed way of training has a row in each question that uses it."""
    import pandas as pd

    if not _has(db, "timings") or suite.imported is not None:
        return frames.typed([], frames.TIMINGS)
    measured = pd.read_sql("SELECT * FROM timings ORDER BY started_at, round, rowid", db)
    uses = [] if measured.empty else expand(suite.resized(seeds=1))
    keys = [(use.question, use.variant, use.trial.training.of_an_epoch) for use in uses]
    by_use = pd.DataFrame(keys, columns=["question", "variant", "settings"], dtype="object")
    return _typed(by_use.merge(measured, on="settings"), frames.TIMINGS)


def _has(db: sqlite3.Connection, table: str) -> bool:
    """Whether the file has a table that came later."""
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return db.execute(query, (table,)).fetchone() is not None


def _with_weights(db: sqlite3.Connection) -> frozenset[str]:
    rows = db.execute("SELECT trial_id FROM weights") if _has(db, "weights") else ()
    return frozenset(trial_id for (trial_id,) in rows)


def _predictions(db: sqlite3.Connection) -> Predictions:
    rows = db.execute(
        "SELECT trial_id, dataset_checksum, wrong_by FROM predictions JOIN trials USING (trial_id)"
    )
    by_trial = {trial_id: (checksum, wrong_by) for trial_id, checksum, wrong_by in rows}
    labels = db.execute("SELECT dataset_checksum, classes, labels FROM labels")
    return Predictions(by_trial, {checksum: (n, packed) for checksum, n, packed in labels})


def _with_extras(curves: pd.DataFrame, extras: pd.DataFrame) -> pd.DataFrame:
    """The evaluations with the suite's own metrics as columns of their own."""
    if extras.empty:
        return curves
    wide = extras.pivot_table(index=["trial_id", "updates"], columns="metric", values="value")
    return curves.merge(wide, left_on=["trial_id", "updates"], right_index=True, how="left")


def _last_points(curves: pd.DataFrame, *, sparse: bool) -> pd.DataFrame:
    """Final values of each trial, and the median time of its epochs, the first left out if it can be.

    sparse: the last value that there is of each metric, since not every evaluation has all.
    """
    by_trial = curves.groupby("trial_id", sort=False)
    last = by_trial.last().reset_index() if sparse else by_trial.tail(1)
    last = last.rename(columns={"epoch": "epochs"})
    last["epochs"] //= 1  # an imported step may be any number
    took = by_trial.train_time_s.diff() / by_trial.epoch.diff()
    warm = (curves.epoch > 1) | (by_trial.epoch.transform("max") <= 1)
    median = took[warm].groupby(curves.trial_id).median().rename("epoch_time_s")
    return last.merge(median, left_on="trial_id", right_index=True, how="left")


def _typed(frame: pd.DataFrame, columns: Sequence[frames.Column]) -> pd.DataFrame:
    kinds = {c.name: frames.DTYPES[c.dtype] for c in columns}
    with np.errstate(invalid="ignore"):  # pandas refuses what does not fit
        return frame.reindex(columns=list(kinds)).astype(kinds)


def _suite(path: Path, resolved: str, text: str, folder: str) -> Suite:
    """The suite as it ran: read anew from its text, in the size that was run."""
    Budget().parse(resolved)
    try:
        ran = Suite.model_validate_json(resolved, strict=False, context={"imported": True})
        suite = parse_suite(text, path=Path(folder) / "suite.yaml") if text else ran
    except (ValidationError, SuiteError) as error:
        raise StoreError(
            "this version of Seedwise cannot read the suite that was run here",
            where=str(path),
            expected="a suite that is valid today",
            found=first_line(error),
            hint="use the version of Seedwise that wrote it, or another folder with --out",
        ) from None
    return suite.as_ran(ran)


def _marks(count: int) -> str:
    return ", ".join("?" * count)


@contextmanager
def _transaction(db: sqlite3.Connection, where: Path) -> Iterator[None]:
    """All or nothing, whatever ends it."""
    try:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("COMMIT")
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_READONLY_DBMOVED":
            raise StoreError(
                "the results file is gone",
                where=str(where),
                expected=f"the file {FILE}, as it was when the run began",
                found="none, or another: something deleted, moved or replaced it",
                hint="put it back if it was moved, then run the same command again",
            ) from None
        found = first_line(error)
        hint = "make room, or see to the disk if it has some; then run the same command again: it continues"
        if getattr(error, "sqlite_errorname", "").startswith(BUSY):
            found, hint = KEPT
        raise StoreError(
            "the results could not be written; what was written before is kept",
            where=str(where),
            expected="a writable disk with space, and nobody else who keeps the file",
            found=found,
            hint=hint,
        ) from None
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")

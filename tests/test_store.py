"""The results folder: whole trials or none, one driver, and one clear error for what is not ours."""

from __future__ import annotations

import dataclasses
import math
import os
import sqlite3
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from bench import frames, load_results
from bench.errors import StoreError
from bench.plugins import Measure
from bench.store import APPLICATION_ID, FILE, SCHEMA, Store
from bench.suite import load_suite, parse_suite
from bench.trial import CurvePoint, TrialResult, expand
from bench.weights import pack


@pytest.fixture
def suite(tiny):
    return load_suite(tiny)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "results"


def point(epoch, **values):
    losses = dict.fromkeys(
        ["train_objective", "train_loss", "train_accuracy", "test_loss", "test_accuracy"], 0.5
    )
    given = {"updates": 10 * epoch, "train_time_s": float(epoch), "learning_rate": 0.1, **losses}
    return CurvePoint(epoch=epoch, **{**given, **values})


def result(trial, **values):
    given = {
        "status": "completed",
        "started_at": "2026-01-01T00:00:00+00:00",
        "curve": (point(0), point(1, test_accuracy=0.75), point(2, train_time_s=4.0)),
        "probes": ((2.0, "sparsity", Measure("dense_1", "mean_abs", 0.25)),),
        "prepare_time_s": 1.5,
        "parameters": 42,
        "dataset_checksum": "abc",
    }
    return TrialResult(trial.id, trial.seed, trial.training.canonical, **{**given, **values})


def begin(store, suite):
    uses = expand(suite)
    store.begin(suite, uses, started_at="2026-01-01T00:00:00+00:00", command="bench run tiny")
    return {(u.question, u.variant, u.trial.seed): u.trial for u in uses}


def written(folder, suite, *results):
    """A results folder with these results; each is made from a trial's key and changes."""
    with Store(folder) as store:
        trials = begin(store, suite)
        for key, changes in results:
            store.append(result(trials[key], **changes))
    return load_results(folder)


FAST = ("rates", "fast", 0)
SLOW = ("rates", "slow", 1)


# --- in and out -------------------------------------------------------------------------------


def test_frames_have_exactly_the_documented_columns_and_types(folder, suite):
    found = written(folder, suite, (FAST, {}), (SLOW, {}))
    for name, columns in frames.FRAMES.items():
        dtypes = found.frames[name].dtypes.astype(str).to_dict()
        assert list(dtypes.items()) == [(c.name, frames.DTYPES[c.dtype]) for c in columns]


@pytest.mark.filterwarnings("error")
def test_a_run_without_a_finished_trial(folder, suite):
    found = written(folder, suite)
    assert found.planned == 9
    for name, columns in frames.FRAMES.items():
        frame = found.frames[name]
        assert len(frame) == 0
        assert frame.dtypes.astype(str).to_dict() == {
            c.name: frames.DTYPES[c.dtype] for c in columns
        }


def test_a_trial_of_two_questions_has_a_row_in_each(folder, suite):
    found = written(folder, suite, (FAST, {}), (SLOW, {}))
    keys = found.trials[["question", "variant", "seed", "questions"]].to_numpy().tolist()
    assert keys == [
        ["rates", "fast", 0, "rates shared"],
        ["rates", "slow", 1, "rates"],
        ["shared", "narrow", 0, "rates shared"],
    ]
    first, _, shared = found.trials.trial_id
    assert first == shared
    assert len(found.curves) == 9
    assert len(found.probes) == 3


def test_values(folder, suite):
    found = written(folder, suite, (FAST, {"concurrent": True, "notes": "slow path"}))
    row = found.trials.iloc[0]
    assert (row.suite, row.status, row.epochs, row.updates) == ("tiny", "completed", 2, 20)
    assert (row.test_accuracy, row.train_time_s, row.epoch_time_s) == (0.5, 4.0, 3.0)
    assert (row.parameters, row.prepare_time_s, row.dataset_checksum) == (42, 1.5, "abc")
    assert (bool(row.concurrent), row.notes) == (True, "slow path")
    assert pd.isna(row.error)
    assert pd.isna(row.diverged_epoch)
    assert pd.isna(row.wall_time_s)
    curve = found.curves[found.curves.question == "rates"]
    assert curve.epoch.tolist() == [0, 1, 2]
    assert curve.test_accuracy.tolist() == [0.5, 0.75, 0.5]
    assert curve.validation_loss.isna().all()
    probe = found.probes.iloc[0]
    assert (probe.epoch, probe.probe, probe.layer, probe.measure, probe.value) == (
        2.0,
        "sparsity",
        "dense_1",
        "mean_abs",
        0.25,
    )


def test_rows_stand_in_the_suites_order(folder, suite):
    backwards = [((q, v, s), {}) for q, v, s in reversed([(u.question, u.variant, u.trial.seed)
                                                          for u in expand(suite)]) if q == "rates"]  # fmt: skip
    found = written(folder, suite, *backwards)
    order = [(u.question, u.variant, u.trial.seed) for u in expand(suite)]
    rows = [tuple(r) for r in found.trials[["question", "variant", "seed"]].to_numpy()]
    assert rows == [key for key in order if key in rows]


def test_numbers_that_are_not_finite(folder, suite):
    last = point(1, train_objective=math.nan, train_loss=math.inf, test_loss=-math.inf)
    bad = {"status": "diverged", "diverged_epoch": 1, "curve": (point(0), last), "probes": ()}
    measured = {
        "probes": ((2.0, "p", Measure("", "x", math.nan)), (2.0, "p", Measure("", "y", math.inf)))
    }
    found = written(folder, suite, (SLOW, bad), (FAST, measured))
    curve = found.curves[found.curves.variant == "slow"]
    assert math.isnan(curve.train_objective.iloc[-1])
    assert curve.train_loss.iloc[-1] == math.inf
    assert curve.test_loss.iloc[-1] == -math.inf
    row = found.trials[found.trials.variant == "slow"].iloc[0]
    assert (row.status, row.diverged_epoch, row.train_loss) == ("diverged", 1, math.inf)
    values = found.probes.set_index("measure").value
    assert values.loc["x"].isna().all()
    assert (values.loc["y"] == math.inf).all()


def test_numbers_keep_every_bit(folder, suite):
    values = (0.1 + 0.2, 1e-308, 5e-324, 1 / 3)
    curve = tuple(point(i, test_loss=v) for i, v in enumerate(values))
    found = written(folder, suite, (SLOW, {"curve": curve}))
    assert tuple(found.curves.test_loss) == values


@pytest.mark.parametrize(
    ("times", "expected"),
    [([0, 5, 6, 8], 1.5), ([0, 5, 6], 1.0), ([0, 5], 5.0), ([0], None), ([], None)],
)
def test_the_first_epoch_is_left_out_if_there_are_others(folder, suite, times, expected):
    """Whatever other trials did: a trial of one epoch has the time of that one."""
    curve = tuple(point(i, train_time_s=float(t)) for i, t in enumerate(times))
    found = written(folder, suite, (SLOW, {"curve": curve}), (FAST, {}))
    time = found.trials.set_index("variant").loc["slow"].epoch_time_s
    assert pd.isna(time) if expected is None else time == expected


def test_any_text_survives(folder, suite):
    text = "Ünïcode, 'quotes', \"more\", \n lines \x00 and 🐢"
    found = written(folder, suite, (SLOW, {"status": "failed", "error": text, "curve": ()}))
    assert found.trials.error.iloc[0] == text


# --- one transaction per trial ----------------------------------------------------------------


def count(folder, table):
    with sqlite3.connect(folder / FILE) as db:
        rows = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    db.close()
    return rows


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        ({"curve": (point(0), point(1), point(1))}, StoreError),  # the key is there already
        ({"probes": ((1.0, "p", Measure("", "x", "y" * 3)), (1.0, "p", None))}, AttributeError),
        ({"parameters": 2**70}, OverflowError),
        ({"notes": "\ud800"}, UnicodeEncodeError),
    ],
)
def test_a_failure_in_the_middle_leaves_nothing_of_the_trial(folder, suite, broken, error):
    with Store(folder) as store:
        trials = begin(store, suite)
        store.append(result(trials[FAST]))
        with pytest.raises(error):
            store.append(result(trials[SLOW], **broken))
        assert store.finished() == {trials[FAST].id}
        store.append(result(trials["rates", "slow", 2]))  # and the store still works
    assert count(folder, "trials") == 2
    assert count(folder, "curves") == 6
    assert count(folder, "probes") == 2


def test_a_broken_second_attempt_leaves_the_first(folder, suite):
    with Store(folder) as store:
        trials = begin(store, suite)
        store.append(result(trials[SLOW], status="failed", error="first", curve=()))
        with pytest.raises(StoreError, match="could not be written"):
            store.append(result(trials[SLOW], curve=(point(0), point(0))))
    assert load_results(folder).trials.error.tolist() == ["first"]


def test_an_interrupt_leaves_nothing_of_the_trial(folder, suite):
    class Stopping:
        layer = measure = ""

        @property
        def value(self):
            raise KeyboardInterrupt

    with Store(folder) as store:
        trials = begin(store, suite)
        with pytest.raises(KeyboardInterrupt):
            store.append(result(trials[SLOW], probes=((1.0, "p", Stopping()),)))
        assert store.finished() == set()
        store.append(result(trials[SLOW]))
    assert len(load_results(folder).trials) == 1


def test_a_killed_driver_leaves_a_readable_file(folder, suite):
    """Killed within a transaction that has begun to write: the reader undoes it."""
    written(folder, suite, (FAST, {}))
    code = (
        "import os, sys, sqlite3; db = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "db.execute('PRAGMA cache_size = 1'); db.execute('PRAGMA cache_spill = 1');"
        "db.execute('BEGIN IMMEDIATE'); db.execute('DELETE FROM trials');"
        "db.executemany('INSERT INTO trials (trial_id, error) VALUES (?, ?)',"
        " [(str(i), 'x' * 5000) for i in range(200)]);"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(folder / FILE)], check=False)
    assert (folder / f"{FILE}-journal").stat().st_size > 0
    assert len(load_results(folder).trials) == 2


# --- resuming ---------------------------------------------------------------------------------


def test_what_need_not_be_trained_again(folder, suite):
    with Store(folder) as store:
        trials = begin(store, suite)
        assert store.finished() == set()
        store.append(result(trials[FAST]))
        store.append(result(trials[SLOW], status="diverged", diverged_epoch=1))
        store.append(result(trials["rates", "slow", 2], status="failed", error="no", curve=()))
    with Store(folder) as store:
        assert store.finished() == {trials[FAST].id, trials[SLOW].id}


def test_a_failed_trial_is_replaced(folder, suite):
    failed = {"status": "failed", "error": "no", "curve": (point(0),)}
    found = written(folder, suite, (SLOW, failed), (SLOW, {}))
    assert found.trials.status.tolist() == ["completed"]
    assert found.curves.epoch.tolist() == [0, 1, 2]


def test_checksums(folder, suite):
    with Store(folder) as store:
        trials = begin(store, suite)
        store.append(result(trials[FAST]))
        store.append(result(trials[SLOW], status="failed", dataset_checksum=None, curve=()))
        assert store.kept().checksums == {'"digits"': "abc"}


def test_only_what_was_planned_last_is_shown(folder, suite):
    written(folder, suite, (FAST, {}), (SLOW, {}))
    found = written(folder, suite.resized(seeds=1, questions=["rates"]))
    assert found.planned == 2
    assert found.trials[["question", "variant", "seed"]].to_numpy().tolist() == [
        ["rates", "fast", 0]
    ]
    assert found.trials.questions.tolist() == ["rates"]
    assert len(found.runs) == 2


# --- the suite as it ran ----------------------------------------------------------------------


def test_the_suite_is_restored_in_the_size_that_was_run(folder, suite):
    sized = suite.resized(profile="short", seeds=[5, 1], questions=["shared"])
    found = written(folder, sized).suite
    assert (found.seed_list, found.epochs, list(found.questions)) == ([5, 1], 1, ["shared"])
    assert found.variants("shared") == sized.variants("shared")
    assert found.model_dump() == sized.model_dump()
    assert found.text == suite.text
    assert found.folder == suite.folder
    assert found.says("questions", "shared", "baseline")


def test_claims_and_reported_survive(folder, suite):
    question = written(folder, suite).suite.questions["rates"]
    assert question.claims == suite.questions["rates"].claims
    assert question.reported == {"fast": {"test_accuracy": 0.9}}


def test_a_suite_made_in_python(folder, suite):
    made = type(suite).model_validate(suite.model_dump(by_alias=True))
    assert made.text == ""
    found = written(folder, made, (FAST, {}))
    assert found.suite == made
    assert len(found.trials) == 2


def test_what_was_run_and_when(folder, suite):
    runs = written(folder, suite).runs
    assert runs.command.tolist() == ["bench run tiny"]
    assert runs.started_at.tolist() == ["2026-01-01T00:00:00+00:00"]


def test_reading_runs_no_code(folder, tmp_path):
    trap = tmp_path / "trap_code.py"
    trap.write_text("raise SystemExit('code ran')\n")
    text = (
        "suite: s\ntitle: t\ndataset: digits\nepochs: 1\nseeds: 1\nquestions:\n  q:\n    ask: a\n"
    )
    text += "    variants: {v: {model: {layers: ['trap_code:Layer']}, optimizer: 'trap_code:Optimizer'}}\n"
    trapped = parse_suite(text, path=tmp_path / "s.yaml")
    written(folder, trapped, (("q", "v", 0), {}))
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import bench;"
    code += f"r = bench.load_results({str(folder)!r}); print(len(r.trials), 'keras' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "1 False\n"


# --- one driver, many readers -----------------------------------------------------------------


def test_a_second_driver_is_refused(folder, suite):
    with Store(folder) as store:
        begin(store, suite)
        with pytest.raises(StoreError, match="another run is writing") as caught:
            Store(folder)
        assert caught.value.where == str(folder)
    Store(folder).close()


def test_reading_while_a_run_writes(folder, suite):
    with Store(folder) as store:
        trials = begin(store, suite)
        store.append(result(trials[FAST]))
        assert len(load_results(folder).trials) == 2
        store.append(result(trials[SLOW]))
        assert len(load_results(folder).trials) == 3


def test_a_reader_sees_one_moment(folder, suite, monkeypatch):
    """What is written between its queries is not half seen."""
    read_sql = pd.read_sql
    with Store(folder) as store:
        trials = begin(store, suite)
        store._db.execute("PRAGMA busy_timeout = 10")

        def slow(query, db):
            found = read_sql(query, db)
            if "FROM trials" in query:
                with pytest.raises(StoreError, match="another program that has kept it busy"):
                    store.append(result(trials[SLOW]))
            return found

        monkeypatch.setattr(pd, "read_sql", slow)
        found = load_results(folder)
        monkeypatch.undo()
        assert len(found.trials) == len(found.curves) == 0
        store.append(result(trials[SLOW]))
        assert len(load_results(folder).curves) == 3


# --- what is not ours -------------------------------------------------------------------------


def both_refuse(folder, problem):
    errors = []
    for open_ in (Store, load_results):
        with pytest.raises(StoreError, match=problem) as caught:
            open_(folder)
        assert str(folder) in caught.value.where
        assert caught.value.expected
        assert caught.value.found
        assert caught.value.hint
        errors.append(caught.value)
    return errors


def test_no_results(folder):
    with pytest.raises(StoreError, match="no results here") as caught:
        load_results(folder)
    assert caught.value.found == "no such folder"
    folder.mkdir()
    with pytest.raises(StoreError, match="no results here") as caught:
        load_results(folder)
    assert caught.value.found == "no such file"


def test_a_run_that_has_not_begun(folder):
    Store(folder).close()
    with pytest.raises(StoreError, match="no run has begun"):
        load_results(folder)


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to look at" * 9, b"\x00" * 5000]
)
def test_a_garbage_file(folder, content):
    folder.mkdir()
    (folder / FILE).write_bytes(content)
    both_refuse(folder, "cannot be read")
    assert (folder / FILE).read_bytes() == content


def test_a_truncated_file(folder, suite):
    written(folder, suite, (FAST, {}))
    whole = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError):
        load_results(folder)


def foreign(folder, *statements):
    folder.mkdir(exist_ok=True)
    db = sqlite3.connect(folder / FILE)
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()


def test_another_programs_file(folder):
    foreign(folder, "CREATE TABLE trials (x)")
    for error in both_refuse(folder, "another program or version"):
        assert error.found == "a file that Seedwise did not write"
    with sqlite3.connect(folder / FILE) as db:
        assert db.execute("SELECT sql FROM sqlite_master").fetchall() == [
            ("CREATE TABLE trials (x)",)
        ]
    db.close()


def test_a_newer_format(folder, suite):
    written(folder, suite)
    foreign(folder, f"PRAGMA user_version = {SCHEMA + 1}")
    before = (folder / FILE).read_bytes()
    for error in both_refuse(folder, "a newer version of Seedwise"):
        assert error.found == f"version {SCHEMA + 1}"
        assert "--upgrade" in error.hint
    assert (folder / FILE).read_bytes() == before


CLUSTER = '{"cluster": "tcp://h:1", "workers": 2, "machines": 1, "scheduler": {}}'


def test_a_file_of_before_clusters_is_read_and_continued(folder, suite):
    written(folder, suite)
    foreign(folder, "ALTER TABLE runs DROP COLUMN cluster")
    assert load_results(folder).runs.cluster.isna().all()
    with Store(folder) as store:
        store.begin(suite, expand(suite), started_at="later", command="", cluster=CLUSTER)
    assert load_results(folder).runs.cluster.fillna("none").tolist() == ["none", CLUSTER]


def test_tables_that_are_not_as_they_should(folder):
    foreign(
        folder,
        "CREATE TABLE runs (x)",
        f"PRAGMA application_id = {APPLICATION_ID}",
        f"PRAGMA user_version = {SCHEMA}",
    )
    with pytest.raises(StoreError, match="cannot be read"):
        load_results(folder)


@pytest.mark.parametrize("column", ["suite", "text"])
def test_a_suite_that_is_no_longer_valid(folder, suite, column):
    written(folder, suite)
    foreign(folder, f"""UPDATE runs SET {column} = '{{"epochs": 0}}'""")
    with pytest.raises(StoreError, match="cannot read the suite"):
        load_results(folder)


def test_a_driver_that_died_before_its_first_table(folder, suite):
    """SQLite makes the file before there is anything in it."""
    folder.mkdir()
    (folder / FILE).touch()
    assert len(written(folder, suite, (FAST, {})).trials) == 2


def test_a_folder_of_the_files_name(folder):
    (folder / FILE).mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be read"):
        Store(folder)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written") as caught:
        Store(tmp_path / "file" / "results")
    assert "--out" in caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder(folder, suite):
    expected = written(folder, suite, (FAST, {}))
    folder.chmod(0o555)
    (folder / FILE).chmod(0o444)
    try:
        pd.testing.assert_frame_equal(load_results(folder).trials, expected.trials)
        with Store(folder) as store, pytest.raises(StoreError, match="could not be written"):
            begin(store, suite)
    finally:
        folder.chmod(0o755)


def test_a_file_that_cannot_be_written(folder, suite):
    with Store(folder) as store:
        trials = begin(store, suite)
        store._db.execute("PRAGMA query_only = ON")
        with pytest.raises(StoreError, match="could not be written") as caught:
            store.append(result(trials[FAST]))
        assert "readonly" in caught.value.found
        with pytest.raises(StoreError, match="could not be written"):
            begin(store, suite)


def test_a_refused_folder_is_not_kept_locked(folder):
    folder.mkdir()
    (folder / FILE).write_bytes(b"garbage" * 100)
    with pytest.raises(StoreError):
        Store(folder)
    (folder / FILE).unlink()
    Store(folder).close()


def test_results_are_not_changed_by_hand(folder, suite):
    with pytest.raises(dataclasses.FrozenInstanceError):
        written(folder, suite).planned = 3


# --- metrics of a suite's own, and whole imports ----------------------------------------------

OWN = "metrics: {reward: {better: higher}, regret: {better: lower}}\n"


@pytest.fixture
def own(tiny):
    return parse_suite(tiny.read_text() + OWN)


def test_metrics_of_a_suites_own_are_further_columns(folder, own):
    extras = ((0, "reward", 1.0), (10, "reward", -2.5), (20, "regret", math.inf))
    results = written(folder, own, (FAST, {"extras": extras}))
    assert list(results.curves.columns) == [*(c.name for c in frames.CURVES), "reward", "regret"]
    assert results.curves.reward.tolist()[:2] == [1.0, -2.5]
    assert math.isnan(results.curves.reward[2])
    assert results.curves.regret[2] == math.inf
    assert set(results.trials.regret) == {math.inf}, "also in the question that shares the trial"


def test_metrics_that_were_never_recorded(folder, own):
    results = written(folder, own, (FAST, {}))
    assert results.curves.reward.isna().all()


def test_extras_are_replaced_with_their_trial(folder, own):
    failed = {"status": "failed", "extras": ((0, "reward", 1.0),)}
    results = written(folder, own, (FAST, failed), (FAST, {"extras": ((0, "reward", 2.0),)}))
    assert results.curves.reward.tolist()[0] == 2.0


def test_many_trials_are_one_transaction(folder, suite):
    with Store(folder) as store:
        trials = begin(store, suite)
        whole, broken = result(trials[FAST]), result(trials[SLOW], curve=(point(1), point(1)))
        with pytest.raises(StoreError):
            store.append(whole, broken)
        assert not store.finished()
        store.append(whole, result(trials[SLOW]))
        assert len(store.finished()) == 2


def test_an_import_does_not_replace_what_was_trained(folder, suite):
    written(folder, suite, (FAST, {}))
    with Store(folder) as store:
        with pytest.raises(StoreError, match="holds the results of a run"):
            store.replace(suite, [], started_at="2026", command="")
        assert len(store.finished()) == 1


def test_the_evaluations_of_a_question(folder, suite):
    results = written(folder, suite, (FAST, {}), (SLOW, {}))
    expected = results.curves[results.curves.question == "rates"]
    pd.testing.assert_frame_equal(results.curves_of("rates"), expected)
    assert results.curves_of("nothing").empty


def test_weights_are_kept_and_read_one_by_one(folder, suite):
    kernel = np.arange(6, dtype=np.float32).reshape(2, 3)
    with Store(folder) as store:
        first, second, *_ = begin(store, suite).values()
        store.append(result(first, weights=pack([("dense_1/kernel", kernel)])), result(second))
    kept = load_results(folder).weights
    assert kept.trials == {first.id}
    assert first.id in kept
    assert second.id not in kept
    (path, back), *_ = kept.of(first.id).items()
    assert path == "dense_1/kernel"
    np.testing.assert_array_equal(back, kernel)
    with pytest.raises(StoreError, match="no weights of this trial"):
        kept.of(second.id)


def test_weights_go_with_their_trial(folder, suite):
    with Store(folder) as store:
        trial = next(iter(begin(store, suite).values()))
        store.append(result(trial, weights=pack([])))
        store.append(result(trial))
    assert not load_results(folder).weights.trials


def test_damaged_weights(folder, suite):
    with Store(folder) as store:
        trial = next(iter(begin(store, suite).values()))
        store.append(result(trial, weights=b"PK no zip"))
    with pytest.raises(StoreError, match="cannot be read"):
        load_results(folder).weights.of(trial.id)


def test_a_file_from_before_weights_were_kept(folder, suite):
    """It is read as it is, and gets the table when it is written to."""
    with Store(folder) as store:
        first, second, *_ = begin(store, suite).values()
        store.append(result(first))
    with sqlite3.connect(folder / FILE) as db:
        db.execute("DROP TABLE weights")
        db.execute("DROP TABLE timings")
    results = load_results(folder)
    assert not results.weights.trials
    assert len(results.trials) > 0
    with Store(folder) as store:
        store.append(result(second, weights=pack([])))
    assert load_results(folder).weights.trials == {second.id}

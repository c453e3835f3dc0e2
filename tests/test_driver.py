"""A run: nothing trained twice, nothing lost, one clear error before the first trial."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from bench import driver, load_results, load_suite
from bench.errors import DatasetError, StoreError, SuiteError, TrustError, UsageError
from bench.store import FILE

TIMES = [
    "train_time_s", "epoch_time_s", "prepare_time_s", "evaluate_time_s", "wall_time_s", "started_at",
    "concurrent",
]  # fmt: skip


class Watched(driver.Silent):
    """Counts what a run trains."""

    def __init__(self):
        self.plan, self.done = None, []

    def planned(self, plan, workers):
        self.plan = plan

    def finished(self, use, result):
        self.done.append(result.trial_id)


def timeless(frame):
    """A frame without the times that a clock measured."""
    kept = frame[frame.measure != "cost_s"] if "measure" in frame else frame
    return kept.drop(columns=TIMES, errors="ignore")


def same_frames(one, other):
    """All frames equal, times aside."""
    for name, frame in one.frames.items():
        left, right = timeless(frame), timeless(other.frames[name])
        keys = [
            c for c in ("question", "variant", "seed", "updates", "layer", "measure") if c in left
        ]
        pd.testing.assert_frame_equal(
            left.sort_values(keys, ignore_index=True), right.sort_values(keys, ignore_index=True)
        )


def test_a_shared_trial_is_trained_once(tiny, tmp_path):
    watched = Watched()
    results = driver.run(load_suite(tiny), tmp_path / "out", workers=0, observer=watched)
    assert len(watched.done) == len(set(watched.done)) == results.planned == 9
    assert len(results.trials) == 12
    shared = results.trials[results.trials.questions == "rates shared"]
    assert set(zip(shared.question, shared.variant, strict=True)) == {
        ("rates", "fast"),
        ("shared", "narrow"),
    }
    assert (results.trials.status == "completed").all()


def test_the_second_run_trains_nothing(tiny, tmp_path):
    first = driver.run(load_suite(tiny), tmp_path / "out", workers=0)
    watched = Watched()
    again = driver.run(load_suite(tiny), tmp_path / "out", workers=0, observer=watched)
    assert watched.done == []
    assert watched.plan.todo == ()
    same_frames(first, again)
    assert len(again.runs) == 2


def test_more_seeds_train_only_the_new_ones(tiny, tmp_path):
    driver.run(load_suite(tiny), tmp_path / "out", workers=0)
    watched = Watched()
    results = driver.run(
        load_suite(tiny).resized(seeds=4), tmp_path / "out", workers=0, observer=watched
    )
    assert len(watched.done) == 3
    assert set(results.trials.seed) == {0, 1, 2, 3}


def test_workers_and_this_process_give_the_same_bits(tiny, tiny_results, tmp_path):
    results = driver.run(load_suite(tiny), tmp_path / "out", workers=2)
    assert results.trials.concurrent.all()
    same_frames(load_results(tiny_results), results)


def test_a_failed_trial_is_tried_again(tiny, tmp_path, monkeypatch):
    from bench import runner

    real = runner._train

    def broken(trial):
        if trial.seed == 1:
            raise RuntimeError("a bad day")
        return real(trial)

    monkeypatch.setattr(runner, "_train", broken)
    results = driver.run(load_suite(tiny), tmp_path / "out", workers=0)
    assert set(results.trials[results.trials.status == "failed"].seed) == {1}
    monkeypatch.setattr(runner, "_train", real)
    watched = Watched()
    results = driver.run(load_suite(tiny), tmp_path / "out", workers=0, observer=watched)
    assert len(watched.done) == 3
    assert (results.trials.status == "completed").all()


# --- refused before the first trial -----------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "error", "said"),
    [
        ("SGD: {learning_rate: 0.01}", "SGD: {learning_rat: 0.01}", SuiteError, "learning_rate"),
        ("SGD: {learning_rate: 0.01}", "Adagrat: {}", SuiteError, "Adagrad"),
        ("SGD: {learning_rate: 0.01}", '"os:system": {}', TrustError, "--trust"),
        ("hidden: [64]", "hiden: [64]", SuiteError, "hidden"),
        ("batch_size: 50", "batch_size: 5000", SuiteError, "at most 14"),
        ("dataset: digits", "dataset: digitz", DatasetError, "digits"),
        ("dataset: digits", "dataset: {npz: nowhere.npz}", DatasetError, "nowhere.npz"),
        ("probes: [sparsity]", "probes: [sparcity]", UsageError, "sparsity"),
    ],
)
def test_bad_names_are_refused_before_any_trial(tiny, tmp_path, old, new, error, said):
    tiny.write_text(tiny.read_text().replace(old, new))
    with pytest.raises(error) as caught:
        driver.run(load_suite(tiny), tmp_path / "out", workers=0)
    assert said in str(caught.value)
    assert caught.value.expected
    assert caught.value.found
    with pytest.raises(StoreError, match="no run has begun"):
        load_results(tmp_path / "out")


def test_the_data_of_a_question_is_refused_where_it_is_named(tiny, tmp_path):
    text = tiny.read_text().replace(
        "    baseline: narrow\n", "    baseline: narrow\n    dataset: digitz\n"
    )
    tiny.write_text(text)
    with pytest.raises(DatasetError, match="digitz") as caught:
        driver.run(load_suite(tiny), tmp_path / "out", workers=0)
    assert caught.value.where.endswith("questions.shared.dataset")


def test_the_error_names_file_line_and_key(tiny, tmp_path):
    text = tiny.read_text()
    tiny.write_text(text.replace("SGD: {learning_rate: 0.01}", "SGD: {learning_rat: 0.01}"))
    line = next(i for i, row in enumerate(tiny.read_text().splitlines(), 1) if "rat: 0.01" in row)
    with pytest.raises(SuiteError) as caught:
        driver.run(load_suite(tiny), tmp_path / "out", workers=2)
    assert f"{tiny}, line {line}" in caught.value.where
    assert "variants.slow.optimizer.SGD.learning_rat" in caught.value.where


@pytest.mark.parametrize("of_question", [False, True])
def test_a_probe_is_refused_where_it_is_named(tiny, tmp_path, of_question):
    wrong, text = "probes: [{sparsity: {evry: 1}}]", tiny.read_text()
    if of_question:
        text = text.replace("    baseline: fast\n", f"    baseline: fast\n    {wrong}\n")
    else:
        text = text.replace("probes: [sparsity]", wrong)
    tiny.write_text(text)
    with pytest.raises(SuiteError, match="evry") as caught:
        driver.run(load_suite(tiny), tmp_path / "out", workers=0)
    place = "questions.rates.probes" if of_question else "probes"
    assert caught.value.where.endswith(f"at {place}.0.sparsity.evry")
    line = next(i for i, row in enumerate(text.splitlines(), 1) if "evry" in row)
    assert f"line {line}" in caught.value.where


def test_data_that_changed_is_refused(tmp_path, tiny):
    rng = np.random.default_rng(0)
    data = tmp_path / "d.npz"

    def write():
        arrays = {"x_train": (40, 4), "x_test": (20, 4)}
        parts = {name: rng.normal(size=shape).astype("f4") for name, shape in arrays.items()}
        np.savez(data, **parts, y_train=np.arange(40) % 10, y_test=np.arange(20) % 10)

    write()
    text = tiny.read_text().replace("dataset: digits", "dataset: {npz: d.npz}")
    tiny.write_text(text.replace("batch_size: 50", "batch_size: 20"))
    driver.run(load_suite(tiny), tmp_path / "out", workers=0)
    write()
    with pytest.raises(StoreError, match="the data has changed"):
        driver.run(load_suite(tiny).resized(seeds=5), tmp_path / "out", workers=0)


def test_trusted_code_beside_the_suite_is_used(tiny, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import keras\n\n\nclass Halved(keras.optimizers.SGD):\n"
        "    def __init__(self, learning_rate=0.1, **options):\n"
        "        super().__init__(learning_rate / 2, **options)\n"
    )
    tiny.write_text(tiny.read_text().replace("SGD: {learning_rate: 0.01}", '"mine:Halved": {}'))
    suite = load_suite(tiny).resized(seeds=1, epochs=1, questions=["rates"])
    results = driver.run(suite, tmp_path / "out", workers=2, trust=True)
    rates = results.curves[results.curves.variant == "slow"].learning_rate
    assert rates.tolist() == pytest.approx([0.05, 0.05])
    assert str(tmp_path) not in sys.path


def test_negative_workers_are_refused(tiny, tmp_path):
    with pytest.raises(UsageError, match="too few workers"):
        driver.run(load_suite(tiny), tmp_path / "out", workers=-1)


# --- killed and stopped -----------------------------------------------------------------------


@pytest.fixture
def started(tmp_path):
    """Starts runs of the command line as processes of their own, with workers."""
    processes = []

    def start(suite, out):
        # Where the tests run in the background of a shell, Ctrl-C is ignored and that is inherited.
        listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        code = f"{listen}from bench.cli import main; main()"
        arguments = ["run", str(suite), "--out", str(out), "--workers", "2", "--seeds", "60"]
        with (tmp_path / "said.txt").open("w") as said:
            process = subprocess.Popen(
                [sys.executable, "-c", code, *arguments],
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process.said = (tmp_path / "said.txt").read_text
        processes.append(process)
        return process

    yield start
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def finished(out):
    """Ids of the trials in the file, read from outside."""
    if not (out / FILE).exists():
        return set()
    db = sqlite3.connect(f"file:{out / FILE}?mode=ro", uri=True, timeout=30)
    try:
        return {row[0] for row in db.execute("SELECT trial_id FROM trials")}
    except sqlite3.OperationalError:  # not made yet
        return set()
    finally:
        db.close()


def wait_for(count, out, process):
    deadline = time.monotonic() + 300
    while len(finished(out)) < count:
        assert time.monotonic() < deadline, "no progress"
        assert process.poll() is None, process.said()
        time.sleep(0.02)


def children(group):
    """Processes of a session that are still alive."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,stat=", "-g", str(group)], capture_output=True, text=True, check=False
    )
    rows = [row.split() for row in listed.stdout.splitlines()]
    return [pid for pid, state in rows if not state.startswith("Z")]


def test_kill_9_and_the_same_command_loses_nothing(tiny, tmp_path, started):
    undisturbed = driver.run(load_suite(tiny).resized(seeds=60), tmp_path / "whole", workers=0)
    out = tmp_path / "out"
    for count in (3, 12):
        process = started(tiny, out)
        wait_for(count, out, process)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    kept = finished(out)
    assert 12 <= len(kept) < 180
    db = sqlite3.connect(out / FILE)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    before = dict(db.execute("SELECT trial_id, started_at || wall_time_s FROM trials"))
    db.close()
    process = started(tiny, out)
    assert process.wait(timeout=240) == 0, process.said()
    assert f"{len(kept)} of them finished before" in process.said()
    db = sqlite3.connect(out / FILE)
    after = dict(db.execute("SELECT trial_id, started_at || wall_time_s FROM trials"))
    db.close()
    assert {key: after[key] for key in before} == before  # none of them was trained again
    same_frames(undisturbed, load_results(out))


def test_ctrl_c_ends_cleanly_and_keeps_everything(tiny, tmp_path, started):
    out = tmp_path / "out"
    process = started(tiny, out)
    wait_for(3, out, process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it: to the whole group
    assert process.wait(timeout=300) == 130, process.said()
    assert "the same command continues" in process.said()
    assert "Traceback" not in process.said()
    assert len(finished(out)) >= 3
    deadline = time.monotonic() + 120
    while children(process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert children(process.pid) == []


def test_a_second_driver_is_refused(tiny, tmp_path, started):
    out = tmp_path / "out"
    process = started(tiny, out)
    wait_for(1, out, process)
    with pytest.raises(StoreError, match="another run is writing"):
        driver.run(load_suite(tiny), out, workers=0)
    load_results(out)  # reading is fine
    assert process.wait(timeout=240) == 0, process.said()


def test_the_settings_of_a_trial_are_kept(tiny_results):
    trials = load_results(tiny_results).trials
    slow = trials[trials.variant == "slow"].iloc[0]
    assert json.loads(slow.settings)["optimizer"] == {"SGD": {"learning_rate": 0.01}}
    assert json.loads(slow.machine)["cores"] >= 1
    assert json.loads(slow.versions)["tensorflow"]

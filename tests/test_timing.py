"""Epochs timed alone: what is inside the clock, how rounds are laid out, and where the times go."""

from __future__ import annotations

import contextlib
import sqlite3
import time

import numpy as np
import pytest

from bench import backend, driver, engines, frames, importers, load_results, timing
from bench.errors import StoreError, SuiteError, UsageError
from bench.store import FILE
from bench.suite import load_suite, parse_suite
from bench.trial import expand


class Slow:
    """An engine that spends its time where it should not be counted, and 10 ms where it should."""

    updates_per_epoch = 7
    log: list = []  # noqa: RUF012 - shared on purpose
    closed: list = []  # noqa: RUF012

    def __init__(self, name):
        self.name = name

    def start_epoch(self, order):
        time.sleep(0.03)
        self.order = order

    def advance(self, start, stop):
        assert (start, stop) == (0, 7)
        time.sleep(0.01)
        self.log.append((self.name, self.order))

    def close(self):
        self.closed.append(self.name)


@pytest.fixture
def slow(monkeypatch):
    def prepare(training, data, seed, *, trusted):
        time.sleep(0.03)
        return Slow(training.optimizer["SGD"]["learning_rate"])

    monkeypatch.setattr(engines, "prepare", prepare)
    monkeypatch.setattr(Slow, "log", [])
    monkeypatch.setattr(Slow, "closed", [])
    return Slow


def trials(tiny, question="rates"):
    uses = driver.ways(expand(load_suite(tiny).resized(questions=[question])))
    return {settings: use.trial for settings, use in uses.items()}


def test_only_training_is_inside_the_clock(tiny, slow):
    found = [t for one in timing.rounds(trials(tiny), 4) for t in one]
    assert np.median([t.seconds for t in found]) == pytest.approx(0.01, rel=0.5)
    assert all(0 <= t.processor_s < t.seconds for t in found)  # it slept


def test_every_round_has_all_in_an_order_of_its_own(tiny, slow):
    rounds = list(timing.rounds(trials(tiny), 8))
    assert [{t.round for t in one} for one in rounds] == [{n} for n in range(1, 9)]
    assert all({t.settings for t in one} == set(trials(tiny)) for one in rounds)
    orders = [tuple(t.settings for t in one) for one in rounds]
    assert len(set(orders)) == 2
    again = [tuple(t.settings for t in one) for one in timing.rounds(trials(tiny), 8)]
    assert orders == again


def test_all_are_warmed_up_before_the_first_round_and_train_on(tiny, slow):
    next(timing.rounds(trials(tiny), 1))
    names = [name for name, _ in slow.log]
    assert sorted(names[:2]) == sorted(names[2:]) == [0.01, 0.1]
    mine = [order for name, order in slow.log if name == 0.1]
    assert sorted(mine[0]) == sorted(mine[1])
    assert not np.array_equal(*mine)  # the second epoch has its own permutation


def test_engines_are_closed_in_the_end(tiny, slow):
    rounds = timing.rounds(trials(tiny), 2)
    next(rounds)
    assert slow.closed == []
    rounds.close()
    assert sorted(slow.closed) == [0.01, 0.1]


def test_engines_of_several_processes_are_not_timed_on_one_thread(tiny, tmp_path):
    text = tiny.read_text().replace("fast: {}", "fast: {engine: {multi_worker: {workers: 2}}}")
    suite = parse_suite(text, path=tiny).resized(questions=["rates"])
    (use,) = driver.ways(expand(suite)).values()
    assert use.variant == "slow"
    only = parse_suite(text.replace("batch_size: 50", "engine: {multi_worker: {workers: 2}}"))
    with pytest.raises(UsageError, match="nothing to time on one thread"):
        driver.time_epochs(only, tmp_path / "results")


def test_engines_of_two_precisions_take_turns(tiny):
    text = tiny.read_text().replace("slow: {optimizer", "slow: {precision: float64, optimizer")
    suite = parse_suite(text, path=tiny).resized(questions=["rates"])
    uses = driver.ways(expand(suite))
    found = [t for one in driver.timed(suite, uses, 2) for t in one]
    assert len(found) == 4
    assert all(t.seconds > 0 for t in found)
    backend.use("float32")


def test_another_number_of_threads_is_refused(tiny, monkeypatch):
    threading = backend.tensorflow().config.threading
    monkeypatch.setattr(threading, "get_intra_op_parallelism_threads", lambda: 0)
    with pytest.raises(UsageError, match="as many as there are cores"):
        next(timing.rounds(trials(tiny), 1))


@pytest.fixture
def timed(tiny, tmp_path, slow, monkeypatch):
    """Function that times the tiny suite by engines that only sleep."""
    monkeypatch.setattr(engines, "check", lambda *_args, **_options: None)

    def call(*, rounds=3, progress=lambda done: None, **size):
        chosen = load_suite(tiny).resized(**size)
        return driver.time_epochs(chosen, tmp_path / "results", rounds=rounds, progress=progress)

    return call


def test_the_frame(timed):
    found = timed().timings
    assert list(found.columns) == [c.name for c in frames.TIMINGS]
    assert len(found) == 4 * 3
    by_use = found.groupby(["question", "variant"]).seconds.apply(list)
    assert by_use["rates", "fast"] == by_use["shared", "narrow"]  # the same training: timed once
    assert found.started_at.nunique() == 1
    assert set(found["round"]) == {1, 2, 3}


def test_a_second_measurement_is_added(timed):
    first = timed().timings
    both = timed(rounds=2, questions=["rates"]).timings
    assert len(both) == len(first) + 3 * 2  # two of rates; one that `shared` uses too
    assert both.started_at.nunique() == 2


def test_times_of_another_length_are_shown(timed):
    timed()
    assert len(timed(rounds=1, profile="short").timings) == 4 * 3 + 4


def test_a_run_keeps_its_plan(timed, tmp_path):
    timed()
    assert load_results(tmp_path / "results").planned == 9
    timed(questions=["rates"])
    assert load_results(tmp_path / "results").planned == 9


def test_a_folder_of_before_gets_the_table_when_it_is_written_to(timed, tmp_path):
    timed()
    with contextlib.closing(sqlite3.connect(tmp_path / "results" / FILE)) as db:
        db.execute("DROP TABLE timings")
    assert load_results(tmp_path / "results").timings.empty
    assert len(timed().timings) == 4 * 3


def test_rounds_that_were_finished_are_kept(timed, tmp_path, slow, monkeypatch):
    def stop(done):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        timed(rounds=5, progress=stop)
    assert set(load_results(tmp_path / "results").timings["round"]) == {1, 2}


def test_imported_results_are_no_run_to_add_to(timed, tmp_path):
    (tmp_path / "log.csv").write_text("v,s,acc\na,0,0.5\nb,0,0.6\n")
    importers.read(
        tmp_path / "log.csv",
        "csv",
        tmp_path / "results",
        variant="v",
        seed="s",
        metrics=["acc:max"],
    )
    assert load_results(tmp_path / "results").timings.empty
    with pytest.raises(SuiteError, match="imported"):
        timed()


def test_another_suite_is_refused(timed, tmp_path, tiny):
    timed()
    text = tiny.read_text().replace("dataset: digits", "dataset: mnist")
    with pytest.raises(StoreError, match="trains none of these variants"):
        driver.time_epochs(parse_suite(text, path=tiny), tmp_path / "results", rounds=1)


def test_bad_input_is_refused_before_anything_is_written(tiny, tmp_path):
    with pytest.raises(UsageError, match="too few rounds"):
        driver.time_epochs(load_suite(tiny), tmp_path / "none", rounds=0)
    tiny.write_text(tiny.read_text().replace("learning_rate: 0.01", "learning_raet: 0.01"))
    with pytest.raises(SuiteError, match=r"line 21.*learning_raet"):
        driver.time_epochs(load_suite(tiny), tmp_path / "none", rounds=1)
    with pytest.raises(StoreError, match="no run has begun"):
        load_results(tmp_path / "none")


def test_a_trace_of_one_variant(tiny, tmp_path):
    path = driver.trace_epoch(load_suite(tiny), "rates/slow", tmp_path / "trace")
    assert path.parts[-4:-2] == ("plugins", "profile")  # where TensorBoard looks
    written = path.read_bytes()
    assert b"train an epoch" in written
    assert b"evaluate" in written
    with pytest.raises(UsageError) as caught:
        driver.trace_epoch(load_suite(tiny), "rates/slwo", tmp_path / "trace")
    assert "rates/slow" in caught.value.hint
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="the trace cannot be written"):
        driver.trace_epoch(load_suite(tiny), "rates/slow", tmp_path / "file")

"""What a person sees while a run goes on."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from bench import progress
from bench.driver import Plan
from bench.progress import Progress, duration
from bench.suite import parse_suite
from bench.trial import CurvePoint, TrialResult, distinct, expand

SUITE = """\
suite: s
title: t
dataset: mnist
seeds: 2
epochs: 4
base: {model: mlp, optimizer: SGD}
questions:
  q:
    ask: a
    variants: {quick: {}, slow: {batch_size: 1}}
"""


class Clock:
    """A clock that goes on by hand."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress.time, "monotonic", clock)
    weight = {100: 1.0, 1: 9.0}
    monkeypatch.setattr(progress.estimate, "seconds", lambda trials, workers: 200.0)
    monkeypatch.setattr(
        progress.estimate, "trial_seconds", lambda training: weight[training.batch_size]
    )
    return clock


@pytest.fixture
def uses():
    return {(u.variant, u.trial.seed): u for u in expand(parse_suite(SUITE))}


def plan(uses, *, finished=0):
    trials = distinct(list(uses.values()))
    return Plan(tuple(uses.values()), tuple(trials), tuple(trials[finished:]))


def result(use, accuracy=0.9, status="completed", epochs=4):
    curve = tuple(CurvePoint(e, e, 1.0, 0.1, 1, 1, 1, 1, accuracy) for e in range(epochs + 1))
    return TrialResult(use.trial.id, use.trial.seed, "{}", status, "", curve=curve)


def test_real_valued_targets_have_no_best_accuracy(clock, uses):
    console, file = plain()
    with Progress(console) as watcher:
        watcher.planned(plan(uses), 2)
        for key in uses:
            watcher.finished(uses[key], result(uses[key], accuracy=float("nan")))
    assert "4 of 4 trials" in file.getvalue()
    assert "best" not in file.getvalue()


def plain(width=200):
    file = io.StringIO()
    return Console(file=file, width=width), file


def test_plain_lines(clock, uses):
    console, file = plain()
    with Progress(console) as watcher:
        watcher.planned(plan(uses), 2)
        clock.now += 4
        watcher.finished(uses["quick", 0], result(uses["quick", 0]))  # too soon for a line
        clock.now += 6
        watcher.finished(uses["slow", 0], result(uses["slow", 0], 0.95))
        clock.now += 1
        watcher.finished(uses["quick", 1], result(uses["quick", 1], 0.99))
        clock.now += 1
        watcher.finished(uses["slow", 1], result(uses["slow", 1]))
    assert file.getvalue().splitlines() == [
        "4 trials; 2 workers, about 3 min 20 s",
        "2 of 4 trials · 0.8 epochs/s · 10 s left · best test accuracy 95.00 % (slow, seed 0)",
        "4 of 4 trials · 1.3 epochs/s · 12 s · best test accuracy 99.00 % (quick, seed 1)",
    ]


def test_trials_weigh_what_they_are_expected_to_take(clock, uses):
    """Two quick trials of 1 s in 2 s leave two slow ones of 9 s: 18 s, not 2 s."""
    console, file = plain()
    watcher = Progress(console)
    watcher.planned(plan(uses), 1)
    clock.now += 20
    watcher.finished(uses["quick", 0], result(uses["quick", 0]))
    assert "3 min 0 s" not in file.getvalue()
    assert "6 min 20 s left" in file.getvalue()  # 20 s for 1 of 20


def test_trials_that_cannot_be_estimated(clock, uses, monkeypatch):
    monkeypatch.setattr(progress.estimate, "seconds", lambda trials, workers: None)
    monkeypatch.setattr(progress.estimate, "trial_seconds", lambda training: None)
    console, file = plain()
    watcher = Progress(console)
    watcher.planned(plan(uses), 1)
    clock.now += 10
    watcher.finished(uses["slow", 0], result(uses["slow", 0]))
    assert file.getvalue().splitlines()[0] == "4 trials; 1 worker"
    assert "30 s left" in file.getvalue()


def test_one_that_cannot_be_estimated_beside_short_ones(clock, uses, monkeypatch):
    """It counted as 10 s beside milliseconds, so that one short trial left days."""
    weight = {100: 0.001, 1: None}
    monkeypatch.setattr(
        progress.estimate, "trial_seconds", lambda training: weight[training.batch_size]
    )
    console, file = plain()
    watcher = Progress(console)
    watcher.planned(plan(uses), 1)
    clock.now += 20
    watcher.finished(uses["quick", 0], result(uses["quick", 0]))
    assert "1 min 0 s left" in file.getvalue()


def test_a_run_that_continues(clock, uses):
    console, file = plain()
    Progress(console).planned(plan(uses, finished=3), 0)
    assert file.getvalue() == "4 trials, 3 of them finished before; no workers, about 3 min 20 s\n"


def test_nothing_left_to_do(clock, uses):
    console, file = plain()
    with Progress(console) as watcher:
        watcher.planned(plan(uses, finished=4), 2)
    assert file.getvalue() == "4 trials, 4 of them finished before\n"


@pytest.mark.parametrize("status", ["diverged", "failed"])
def test_bad_ends_are_named_at_once(clock, uses, status):
    console, file = plain()
    watcher = Progress(console)
    watcher.planned(plan(uses), 2)
    watcher.finished(uses["slow", 1], result(uses["slow", 1], 0.99, status, epochs=0))
    assert f"{status}: q / slow / seed 1\n" in file.getvalue()
    assert "best" not in file.getvalue()


def test_a_trial_without_a_curve(clock, uses):
    console, file = plain()
    watcher = Progress(console)
    watcher.planned(plan(uses, finished=3), 2)
    watcher.finished(uses["slow", 1], TrialResult("x", 1, "{}", "failed", "", error="gone"))
    assert "1 of 1 trials · 0.0 epochs/s" in file.getvalue()


def test_a_live_line_on_a_terminal(clock, uses):
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=200, color_system=None)
    with Progress(console) as watcher:
        watcher.planned(plan(uses), 2)
        clock.now += 1
        watcher.finished(uses["slow", 0], result(uses["slow", 0]))
        (task,) = watcher._bar.tasks
        assert (task.completed, task.total) == (9.0, 20.0)
    text = file.getvalue()
    assert "━" in text
    assert "1 of 4 trials · 4.0 epochs/s" in text
    assert text.endswith("\x1b[?25h")  # the cursor is back


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3599.6, "1 h 0 min"),
        (7500, "2 h 5 min"),
        (100 * 3600, "100 h 0 min"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_a_note_is_said_once(clock, uses):
    """And what it says is no markup."""
    console, file = plain()
    with Progress(console) as watcher:
        watcher.planned(plan(uses), 2)
        for key, use in uses.items():
            note = "the loss [is] odd" if key[0] == "slow" else ""
            watcher.finished(use, replace(result(use), notes=note))
    assert file.getvalue().count("note:") == 1
    assert "note: q / slow: the loss [is] odd" in file.getvalue()

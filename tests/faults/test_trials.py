"""Trials that misbehave: each is one result that says so, and the others are trained."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

from bench import driver, load_results, load_suite
from bench.errors import StoreError, SuiteError, UsageError

MINE = """\
import sys
import time
from pathlib import Path

import keras
import numpy as np

ARMED = Path(__file__).parent / "armed"  # not while a run is checked


class Bad(keras.optimizers.SGD):
    def build(self, variables):
        super().build(variables)
        if ARMED.exists():
            self.go_wrong()


class Greedy(Bad):
    def go_wrong(self):
        np.empty(10**15)


class Raises(Bad):
    def go_wrong(self):
        raise RuntimeError("a bad day")


class Loud(Bad):
    def go_wrong(self):
        for _ in range(50):
            print("x" * 100_000)
            print("y" * 100_000, file=sys.stderr)


class Hangs(Bad):
    def go_wrong(self):
        while True:
            time.sleep(1)
"""


BROKEN = """\
import keras


class Broken(keras.layers.Layer):
    def call(self, inputs):
        raise RuntimeError("a bad day")
"""


class Arms(driver.Silent):
    def __init__(self, folder):
        self.folder = folder

    def planned(self, plan, workers):
        (self.folder / "armed").touch()


def bad(suite, kind):
    """The suite with an optimizer that goes wrong as the variant ``slow``, one seed."""
    (suite.parent / "mine.py").write_text(MINE)
    text = suite.read_text()
    suite.write_text(
        text.replace("SGD: {learning_rate: 0.01}", f'"mine:{kind}": {{learning_rate: 0.01}}')
    )
    return load_suite(suite).resized(seeds=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        ("Greedy", "failed", "Unable to allocate"),
        ("Raises", "failed", "a bad day"),
        ("Loud", "completed", None),
        ("Hangs", "failed", "took too long"),
    ],
)
def test_a_trial_that_goes_wrong_is_one_result(tiny, tmp_path, kind, status, said):
    suite, deadline_s = bad(tiny, kind), None
    if kind == "Hangs":  # the others are done before, so that none of them can be too late
        driver.run(suite.resized(questions=["shared"]), tmp_path / "out", workers=0)
        deadline_s = 30
    results = driver.run(
        suite,
        tmp_path / "out",
        workers=2,
        trust=True,
        deadline_s=deadline_s,
        observer=Arms(tmp_path),
    )
    trials = results.trials.set_index("variant")
    assert trials.status.drop("slow").eq("completed").all()
    assert trials.status["slow"] == status
    if said:
        assert said in trials.error["slow"]
    (tmp_path / "armed").unlink()
    again = driver.run(suite, tmp_path / "out", workers=2, trust=True)
    assert again.trials.status.eq("completed").all()


def test_a_model_whose_call_raises_is_refused_before_any_trial(tiny, tmp_path):
    (tmp_path / "mine.py").write_text(BROKEN)
    text = tiny.read_text().replace(
        "wide: {model: {mlp: {hidden: [64]}}}",
        'wide: {model: {layers: ["mine:Broken", {Dense: {units: 10}}]}}',
    )
    tiny.write_text(text)
    with pytest.raises(SuiteError, match="does not fit where it stands") as caught:
        driver.run(load_suite(tiny), tmp_path / "out", workers=0, trust=True)
    assert "questions.shared.variants.wide" in caught.value.where
    assert caught.value.found == "a bad day"
    with pytest.raises(StoreError, match="no run has begun"):
        load_results(tmp_path / "out")


def test_a_loss_that_is_no_number_from_the_start(tiny, tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"x_train": (40, 4), "x_test": (20, 4)}
    parts = {k: 1e38 * rng.normal(size=shape).astype("f4") for k, shape in arrays.items()}
    np.savez(tmp_path / "d.npz", **parts, y_train=np.arange(40) % 10, y_test=np.arange(20) % 10)
    text = tiny.read_text().replace("dataset: digits", "dataset: {npz: d.npz}")
    tiny.write_text(text.replace("batch_size: 50", "batch_size: 20"))
    results = driver.run(load_suite(tiny).resized(seeds=1), tmp_path / "out", workers=0)
    assert results.trials.status.eq("diverged").all()
    assert results.trials.diverged_epoch.eq(0).all()


def test_a_clock_that_is_set_back_does_not_matter(tiny, tmp_path, monkeypatch):
    falling = itertools.count(2_000_000_000, -3600)
    monkeypatch.setattr(time, "time", lambda: float(next(falling)))
    suite = load_suite(tiny).resized(seeds=1, questions=["rates"])
    results = driver.run(suite, tmp_path / "out", workers=0)
    names = ["train_time_s", "epoch_time_s", "prepare_time_s", "evaluate_time_s", "wall_time_s"]
    assert (results.trials[names] > 0).all(axis=None)
    assert (results.curves.train_time_s >= 0).all()


@pytest.mark.parametrize(("deadline_s", "workers"), [(0, 2), (float("nan"), 2), (5, 0)])
def test_a_deadline_that_cannot_be_kept_is_refused(tiny, tmp_path, deadline_s, workers):
    with pytest.raises(UsageError, match="a deadline that cannot be kept"):
        driver.run(load_suite(tiny), tmp_path / "out", workers=workers, deadline_s=deadline_s)

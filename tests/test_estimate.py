"""Estimates: of the right order where they are made, and never in the way."""

from __future__ import annotations

import math

import pytest

from bench import estimate
from bench.suite import parse_suite
from bench.trial import distinct, expand

SUITE = """\
suite: s
title: t
dataset: mnist
seeds: 2
epochs: 4
base: {model: {mlp: {hidden: [100]}}, optimizer: SGD}
questions: {q: {ask: a, variants: {a: {}}}}
"""


@pytest.fixture(autouse=True)
def speed(monkeypatch):
    """A machine that does 1e10 operations per second."""
    monkeypatch.setattr(estimate, "_products_per_second", lambda: 1e10)


def trials(*changes):
    text = SUITE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return distinct(expand(parse_suite(text)))


def test_by_hand():
    weights = 784 * 100 + 100 * 10
    work = 2 * weights / (estimate.EFFICIENCY * 1e10)  # s, one image forward
    epoch = 2 * work * 60_000 + estimate.UPDATE_S * 600
    expected = 4 * epoch + 5 * work * 70_000
    assert estimate.trial_seconds(trials()[0].training) == pytest.approx(expected)
    total = estimate.START_S + 2 * expected + estimate.COMPILE_S
    assert estimate.seconds(trials(), 1) == pytest.approx(total)


def test_more_work_takes_longer_and_more_workers_less_long():
    def seconds(*changes, workers=1):
        return estimate.seconds(trials(*changes), workers)

    assert seconds(("epochs: 4", "epochs: 8")) > seconds()
    assert seconds(("[100]", "[100, 100]")) > seconds()
    assert seconds(("a: {}", "a: {batch_size: 1}")) > seconds()
    assert seconds(("seeds: 2", "seeds: 2\ntrain_images: 600")) < seconds()
    assert seconds(("seeds: 2", "seeds: 2\nvalidation: 30000")) < seconds()
    assert seconds(("seeds: 2", "seeds: 9"), workers=3) < seconds(("seeds: 2", "seeds: 9"))
    assert seconds(workers=0) == seconds()
    assert seconds(("a: {}", "a: {batch_size: full}")) == seconds(
        ("a: {}", "a: {batch_size: 60000}")
    )


def test_nothing_to_do():
    assert estimate.seconds([], 4) == 0.0


@pytest.mark.parametrize(
    "change",
    [
        ("dataset: mnist", "dataset: cifar10"),
        ("dataset: mnist", "dataset: {npz: a.npz}"),
        ("dataset: mnist", "dataset: {csv: a.csv, label: digit}"),
        ("dataset: mnist", "dataset: {}"),
        ("{mlp: {hidden: [100]}}", "{layers: [Flatten, {Dense: {units: 10}}]}"),
        ("{mlp: {hidden: [100]}}", "resnet"),
        ("[100]", "100"),
        ("[100]", "[many]"),
        ("[100]", "null"),
    ],
)
def test_what_cannot_be_estimated(change):
    """Nor may it stop `bench show`: what is wrong is said when the run starts."""
    assert estimate.trial_seconds(trials(change)[0].training) is None
    assert estimate.seconds(trials(change), 2) is None


def test_processes_take_their_time():
    def seconds(engine):
        return estimate.seconds(trials(("a: {}", f"a: {{engine: {engine}}}")), 1)

    assert seconds("{master_worker: {workers: 6}}") == seconds("compiled")
    six = seconds("{multi_worker: {workers: 6}}")
    assert six > seconds("{multi_worker: {workers: 2}}") > 10 + seconds("compiled")
    assert six > seconds("{parameter_server: {workers: 2}}") > seconds("compiled")
    assert seconds("{multi_worker: {workers: many}}") == seconds("compiled")  # refused at the start


def test_a_network_by_its_name_alone():
    assert estimate.trial_seconds(trials(("{mlp: {hidden: [100]}}", "mlp"))[0].training) > 0


def test_this_machine(monkeypatch):
    monkeypatch.undo()
    speed = estimate._products_per_second()
    assert math.isfinite(speed)
    assert 1e7 < speed < 1e14

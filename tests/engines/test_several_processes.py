"""Engines of several real processes: they train as they should, and always end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from bench import datasets, engines
from bench.engines import _cluster
from bench.errors import BenchError, SuiteError, TrustError, UsageError
from bench.runner import order
from bench.trial import Training

SIX = Training(
    dataset="mnist",
    validation=0,
    train_images=None,
    model={"mlp": {"hidden": [100], "activation": "relu", "l2": 0.01}},
    optimizer={"SGD": {"learning_rate": 0.1}},
    loss={"SparseCategoricalCrossentropy": {"from_logits": True}},
    batch_size=96,
    engine={"multi_worker": {"workers": 6}},
    epochs=1,
)
TWO = replace(
    SIX, dataset="digits", train_images=1440, model={"mlp": {"hidden": [16]}}, batch_size=120
)


@pytest.fixture(scope="module")
def mnist():
    return datasets.load("mnist", folder=Path())


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits", folder=Path(), train_images=1440)


def told(engine):
    return {(m.layer, m.measure): m.value for m in engine.measures()}


def are_gone(numbers, seconds=30.0):
    """Whether the processes end within so many seconds; one that nobody has waited for yet has ended too."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        left = [n for n in numbers if psutil.pid_exists(n)]
        if all(psutil.Process(n).status() == psutil.STATUS_ZOMBIE for n in left):
            return True
        time.sleep(0.1)
    return False


def killed_soon(number):
    timer = threading.Timer(0.3, os.kill, (number, signal.SIGKILL))
    timer.start()
    return timer


def differ_by(engine, other):
    pairs = zip(engine.weights(), other.weights(), strict=True)
    return max(float(np.abs(a - b).max()) for (_, a), (_, b) in pairs)


def test_six_mirrored_workers_equal_six_in_one_process(mnist, capfd):
    """And these equal one worker on the union of their mini-batches: see tests/conformance."""
    real = engines.prepare(SIX, mnist, 3)
    exact = engines.prepare(replace(SIX, engine={"master_worker": {"workers": 6}}), mnist, 3)
    processes = real.processes
    assert list(processes) == [f"worker {n}" for n in range(6)]
    assert differ_by(real, exact) == 0
    assert real.updates_per_epoch == exact.updates_per_epoch == 625
    begin = time.perf_counter()
    for engine in (real, exact):
        engine.start_epoch(order(mnist, 3, 1))
        for start, stop in ((0, 1), (1, 20), (20, 50)):
            engine.advance(start, stop)
    took = time.perf_counter() - begin
    assert 0 < differ_by(real, exact) < 1e-5  # not the same sums, but the same numbers
    assert real.evaluate().test_accuracy == pytest.approx(exact.evaluate().test_accuracy, abs=1e-3)
    assert (real.predict() == exact.predict()).mean() > 0.999

    found = told(real)
    assert found["", "images_in_common"] == found["", "images_left_out"] == 0
    assert [found[f"worker {n}", "images"] for n in range(6)] == [10_000] * 6
    assert found["", "all_reduces_per_update"] == 1
    assert found["", "copies_differ_by"] == 0
    assert found["", "bytes_per_update"] == pytest.approx(2 * 5 / 6 * 4 * real.parameters)
    spent = [found["", f"{what}_s"] for what in ("computing", "communicating", "waiting")]
    assert min(spent) > 0
    assert sum(spent) < took

    real.close()
    assert are_gone(processes.values())
    assert capfd.readouterr() == ("", "")


def test_asynchronous_workers_train_go_on_without_one_and_fail_without_the_server(mnist):
    settings = replace(SIX, batch_size=100, engine={"parameter_server": {"workers": 6}})
    engine = engines.prepare(settings, mnist, 0)
    processes = engine.processes
    assert engine.updates_per_epoch == 600
    before = engine.evaluate().test_accuracy
    engine.start_epoch(order(mnist, 0, 1))
    engine.advance(0, 600)
    assert before < 0.3
    assert engine.evaluate().test_accuracy > 0.85
    found = told(engine)
    late = {
        int(m.rpartition("_")[2]): n for (_, m), n in found.items() if m.startswith("staleness_")
    }
    assert sum(late.values()) == 600
    assert sum(k * n for k, n in late.items()) / 600 == pytest.approx(found["", "mean_staleness"])
    assert max(late) == found["", "largest_staleness"] > 0
    by_worker = [found[f"worker {n}", "updates"] for n in range(6)]
    assert sum(by_worker) == 600
    assert min(by_worker) > 0
    assert engine.notes == ()

    killed = killed_soon(processes["worker 3"])
    engine.start_epoch(order(mnist, 0, 2))
    while not engine.notes:
        engine.advance(0, 600)
    killed.join()
    assert engine.notes == ("worker 3 was lost; the others went on",)
    alone = told(engine)["worker 3", "updates"]
    engine.start_epoch(order(mnist, 0, 3))
    engine.advance(0, 100)
    assert told(engine)["worker 3", "updates"] == alone
    assert engine.evaluate().test_accuracy > 0.85

    killed = killed_soon(processes["the parameter server"])
    begin = time.monotonic()
    with pytest.raises(BenchError, match="the parameter server has ended") as caught:
        engine.advance(0, 60_000)
    killed.join()
    assert time.monotonic() - begin < 60
    assert "by signal 9" in str(caught.value)
    assert "--- log of worker 0" in str(caught.value)
    assert are_gone(processes.values())


@pytest.mark.parametrize("workers", [1, 6, 40])
def test_an_error_tells_the_end_of_every_processs_log(workers):
    logs = {
        f"worker {n}": f"\x1b[31m long \x00 {'.' * 9000}\nended of {n}\n" for n in range(workers)
    }
    said = str(BenchError("it failed", hint="\n".join(_cluster._last_words(logs | {"chief": ""}))))
    for n in range(workers):
        assert f"--- log of worker {n}\n" in said
        assert f"\nended of {n}" in said
    assert "--- log of chief\n(empty)" in said


def test_one_asynchronous_worker_is_the_compiled_engine(digits):
    one = engines.prepare(replace(TWO, engine={"parameter_server": {"workers": 1}}), digits, 0)
    compiled = engines.prepare(replace(TWO, engine="compiled"), digits, 0)
    for epoch in (1, 2):
        for engine in (one, compiled):
            engine.start_epoch(order(digits, 0, epoch))
            engine.advance(0, engine.updates_per_epoch)
    assert differ_by(one, compiled) < 1e-5
    assert told(one)["", "largest_staleness"] == 0
    one.close()


def test_a_lost_mirrored_worker_and_a_deadline_end_the_trial(digits):
    settings = replace(TWO, engine={"multi_worker": {"workers": 2}})
    engine = engines.prepare(settings, digits, 0)
    engine.start_epoch(order(digits, 0, 1))
    engine.advance(0, 3)
    os.kill(engine.processes["worker 1"], signal.SIGKILL)
    with pytest.raises(BenchError, match="worker 1 has ended") as caught:
        engine.advance(3, 12)
    assert "--- log of worker 0" in str(caught.value)
    assert are_gone(engine.processes.values())

    engine = engines.prepare(settings, digits, 0)
    engine.start_epoch(order(digits, 0, 1))
    os.kill(engine.processes["worker 1"], signal.SIGSTOP)  # alive, and does nothing
    engine._cluster._until = time.monotonic() + 2
    with pytest.raises(BenchError, match="worker 0, worker 1 did not answer in time") as caught:
        engine.advance(0, 3)
    assert "deadline_s" in str(caught.value)
    assert are_gone(engine.processes.values())


def test_mirrored_workers_take_scaled_losses_penalties_and_skipped_updates(digits):
    """As in one process, with an optimizer that counts updates otherwise than the engine."""
    layer = {"Dense": {"units": 8, "activity_regularizer": {"L2": {"l2": 0.01}}}}
    inner = {
        "Adam": {
            "learning_rate": {
                "InverseTimeDecay": {
                    "initial_learning_rate": 0.01,
                    "decay_rate": 0.5,
                    "decay_steps": 1,
                }
            },
            "gradient_accumulation_steps": 2,
        }
    }
    settings = replace(
        TWO,
        model={"layers": ["Flatten", layer, {"Dense": {"units": 10}}]},
        # Overflows at first: updates that are skipped do not count.
        optimizer={"LossScaleOptimizer": {"inner_optimizer": inner, "initial_scale": 1e38}},
    )
    ends = []
    for name in ("multi_worker", "master_worker"):
        mine = replace(settings, engine={name: {"workers": 2}})
        engines.check(mine, digits)
        ends.append(engines.prepare(mine, digits, 0))
        ends[-1].start_epoch(order(digits, 0, 1))
        ends[-1].advance(0, 9)
    real, exact = ends
    assert differ_by(real, exact) < 1e-5
    found, expected = real.evaluate(), exact.evaluate()
    assert found.train_objective == pytest.approx(expected.train_objective, rel=1e-5)
    assert found.train_objective > found.train_loss + 1e-3
    assert found.learning_rate == pytest.approx(expected.learning_rate, rel=1e-6)
    assert 0.01 / 5.5 < found.learning_rate < 0.01
    assert told(real)["", "copies_differ_by"] == 0
    real.close()


def test_workers_of_other_hosts_are_reached_by_ssh(digits, tmp_path, monkeypatch):
    """Two addresses of this machine, and a stand-in for ssh that runs here what it is to run there."""
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\necho "$4" >> "$(dirname "$0")/asked"\nshift 4\nexec sh -c "$*"\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    workers = ["127.0.0.2:2222", "127.0.0.3:2222"]
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": {"worker": workers}}))
    engine = engines.prepare(replace(TWO, engine={"multi_worker": {"workers": 2}}), digits, 0)
    exact = engines.prepare(replace(TWO, engine={"master_worker": {"workers": 2}}), digits, 0)
    for each in (engine, exact):
        each.start_epoch(order(digits, 0, 1))
        each.advance(0, 12)
    assert differ_by(engine, exact) < 1e-5
    assert sorted((tmp_path / "asked").read_text().split()) == ["127.0.0.2", "127.0.0.3"]
    engine.close()
    assert are_gone(engine.processes.values())


def test_hosts_of_a_suite_need_trust_and_names(digits, monkeypatch):
    def checked(hosts, *, trusted=False):
        options = {"workers": 2, "hosts": hosts}
        engines.check(replace(TWO, engine={"multi_worker": options}), digits, trusted=trusted)

    with pytest.raises(TrustError) as caught:
        checked(["a.example.org"])
    assert caught.value.where == "engine.multi_worker.hosts"
    checked(["a.example.org"], trusted=True)
    for hosts in ("a", [], [1], ["-oProxyCommand=x"], ["a b"], ["a;b"]):
        with pytest.raises(SuiteError, match="not a list of hosts"):
            checked(hosts, trusted=True)
    for text in ("{", "[]", '{"cluster": {"worker": ["-o:1"]}}', '{"cluster": {"worker": [1]}}'):
        monkeypatch.setenv("TF_CONFIG", text)
        with pytest.raises(UsageError, match="TF_CONFIG"):
            engines.check(replace(TWO, engine={"multi_worker": {"workers": 2}}), digits)


ENDLESS = """\
suite: endless
title: Two workers that would train for hours
dataset: digits
train_images: 1440
seeds: 1
epochs: 100000
base:
  model: {mlp: {hidden: [16]}}
  optimizer: {SGD: {learning_rate: 0.1}}
  batch_size: 120
  engine: {multi_worker: {workers: 2}}
questions:
  end: {ask: Does it end?, variants: {two: {}}}
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_the_driver(how, tmp_path):
    """Killed in the midst of training, or by Ctrl-C: its workers and their workers end too."""
    (tmp_path / "endless.yaml").write_text(ENDLESS)
    # Where the tests run in the background of a shell, Ctrl-C is ignored and that is inherited.
    listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    # A driver that hangs says where, when it is asked.
    listen += "import faulthandler; faulthandler.register(signal.SIGUSR1); "
    with (tmp_path / "log").open("w") as log:
        driver = subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"{listen}from bench.cli import main; main()",
                "run",
                "endless.yaml",
            ],
            cwd=tmp_path,
            env={**os.environ, "TMPDIR": str(tmp_path)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    started = []
    try:
        until = time.monotonic() + 120
        while len(working(started)) < 2 and time.monotonic() < until:
            started = psutil.Process(driver.pid).children(recursive=True)
            time.sleep(0.2)
        assert len(working(started)) == 2, (tmp_path / "log").read_text()
        os.kill(driver.pid, how)
        gone = are_gone([process.pid for process in started], 60)
        if not gone and driver.poll() is None:
            driver.send_signal(signal.SIGUSR1)
            time.sleep(2)
        assert gone, (tmp_path / "log").read_text()
    finally:
        for process in started:
            if process.is_running():
                process.kill()
        driver.kill()
        driver.wait()


def working(processes):
    """Those that an engine started."""
    found = []
    for process in processes:
        try:
            found += [process] * ("bench.engines._replica" in process.cmdline())
        except psutil.NoSuchProcess:
            continue
    return found

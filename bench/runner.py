"""One trial from start to end: the only training loop, and its clock."""

from __future__ import annotations

import datetime as dt
import json
import math
import time
import traceback
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bench import datasets, engines, machine, plugins
from bench.errors import BenchError
from bench.predictions import pack
from bench.trial import CurvePoint, Trial, TrialResult, generator

if TYPE_CHECKING:
    import numpy as np

    from bench.plugins import Dataset, Engine
    from bench.trial import Training


def run_trial(trial: Trial, *, concurrent: bool = False) -> TrialResult:
    """Train one trial. Whatever happens is a result: completed, diverged or failed.

    Args:
        trial: what to train.
        concurrent: whether other trials run on this machine at the same time; recorded with the times.
    """
    result: dict[str, Any] = {
        "trial_id": trial.id,
        "seed": trial.seed,
        "settings": trial.training.canonical,
        "started_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "concurrent": concurrent,
        "machine": json.dumps(machine.machine()),
        "versions": json.dumps(machine.versions()),
    }
    begin = time.perf_counter()
    try:
        result |= _train(trial)
    except BenchError as error:
        result |= {"status": "failed", "error": str(error)}
    except Exception:  # noqa: BLE001 - a failed trial is a result, with its traceback
        result |= {"status": "failed", "error": traceback.format_exc()}
    return TrialResult(**result, wall_time_s=time.perf_counter() - begin)


def check(trial: Trial) -> str:
    """Build everything a trial names, without training; returns the checksum of its data.

    Raises:
        SuiteError, DatasetError: what the trial names does not exist or does not fit.
    """
    data = data_of(trial)
    engines.check(trial.training, data, trusted=trial.trusted)
    for spec in trial.training.probes:
        name, _ = plugins.named(spec)
        probe = plugins.load("probes", name)
        if hasattr(probe, "check"):
            probe.check(trial.training, data)
    return data.checksum


def data_of(trial: Trial) -> Dataset:
    """The data that a trial is trained on.

    Raises:
        SuiteError, DatasetError: there is none as the trial names it.
    """
    training = trial.training
    return datasets.load(
        training.dataset,
        folder=trial.folder,
        validation=training.validation,
        train_images=training.train_images,
        seed=trial.seed,
    )


def _train(trial: Trial) -> dict[str, Any]:
    begin = time.perf_counter()
    data = data_of(trial)
    engine = engines.prepare(trial.training, data, trial.seed, trusted=trial.trusted)
    prepared = time.perf_counter() - begin
    curve, evaluate_time_s = _curve(engine, trial, data)
    last = curve[-1]
    diverged = not math.isfinite(last.train_objective)
    probes: list[tuple[float, str, plugins.Measure]] = []
    if not diverged:
        trained = plugins.Trained(engine, data, trial.training)
        for spec in trial.training.probes:
            name, _ = plugins.named(spec)
            rows = plugins.load("probes", name).measure(trained)
            probes += [(last.epoch, name, row) for row in rows]
    predictions = None
    if trial.training.predictions and data.classes and not diverged:
        predictions = pack(engine.predict(), data.y_test, data.classes)
    return {
        "status": "diverged" if diverged else "completed",
        "diverged_epoch": math.ceil(last.epoch) if diverged else None,
        "curve": tuple(curve),
        "probes": tuple(probes),
        "predictions": predictions,
        "prepare_time_s": prepared,
        "evaluate_time_s": evaluate_time_s,
        "parameters": engine.parameters,
        "dataset_checksum": data.checksum,
        "notes": "; ".join(engine.notes),
    }


def _curve(engine: Engine, trial: Trial, data: Dataset) -> tuple[list[CurvePoint], float]:
    """Train and evaluate in turn until the end or the first objective that is not finite."""
    each, train_time_s, evaluate_time_s = engine.updates_per_epoch, 0.0, 0.0
    curve: list[CurvePoint] = []

    def evaluate(epochs_done: int, stop: int) -> bool:
        nonlocal evaluate_time_s
        begin = time.perf_counter()
        evaluation = engine.evaluate()
        evaluate_time_s += time.perf_counter() - begin
        curve.append(
            CurvePoint(
                epoch=epochs_done + stop / each,
                updates=epochs_done * each + stop,
                train_time_s=train_time_s,
                **asdict(evaluation),
            )
        )
        return math.isfinite(evaluation.train_objective)

    going = evaluate(0, 0)
    for epoch in range(1, trial.training.epochs + 1):
        if not going:
            break
        engine.start_epoch(order(data, trial.seed, epoch))
        start, due = 0, stops(trial.training, epoch, each)
        for stop in due or [each]:
            begin = time.perf_counter()
            engine.advance(start, stop)
            train_time_s += time.perf_counter() - begin
            start = stop
            if due:
                going = evaluate(epoch - 1, stop)
            if not going:
                break
    return curve, evaluate_time_s


def stops(training: Training, epoch: int, updates: int) -> list[int]:
    """After which of an epoch's ``updates`` the curve is measured, ascending; empty if after none.

    The last is the epoch's end, unless the suite says to measure only every so many epochs.
    """
    plan = training.evaluate
    if "per_epoch" in plan and epoch <= plan.get("first", epoch):
        times = min(plan["per_epoch"], updates)
        return [-(-updates * k // times) for k in range(1, times + 1)]
    due = epoch % plan.get("every", 1) == 0 or epoch == training.epochs
    return [updates] if due else []


def order(data: Dataset, seed: int, epoch: int) -> np.ndarray:
    """The epoch's permutation of the training images, (n_train,) int32; the same for every variant."""
    rng = generator(data.checksum, seed, "order", epoch)
    return rng.permutation(len(data.y_train)).astype("int32")

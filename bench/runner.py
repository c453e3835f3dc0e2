"""One trial from start to end: the only training loop, and its clock."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import math
import time
import traceback
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bench import datasets, engines, machine, own_code, plugins, probes, standstill
from bench.errors import BenchError
from bench.predictions import pack
from bench.trial import CurvePoint, Inputs, Trial, TrialResult, generator
from bench.weights import NOT_FINITE, not_finite
from bench.weights import pack as pack_weights

if TYPE_CHECKING:
    import numpy as np

    from bench.plugins import Dataset, Engine
    from bench.probes import Probe
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
    if trial.trusted:
        result["code"] = own_code.as_text(own_code.imported(trial.training, trial.folder))
    try:
        result |= _train(trial)
    except BenchError as error:
        result |= {"status": "failed", "error": str(error)}
    except Exception:  # noqa: BLE001 - a failed trial is a result, with its traceback
        result |= {"status": "failed", "error": traceback.format_exc()}
    return TrialResult(**result, wall_time_s=time.perf_counter() - begin)


def check(trial: Trial) -> Inputs:
    """Build everything a trial names, without training; returns what it would be trained on and by.

    Raises:
        SuiteError, DatasetError: what the trial names does not exist or does not fit.
    """
    data = data_of(trial)
    code = own_code.imported(trial.training, trial.folder) if trial.trusted else {}
    engines.check(trial.training, data, trusted=trial.trusted)
    probes.check(trial.training, data)
    return Inputs({**about(trial), "notes": list(data.notes)}, code)


def about(trial: Trial) -> dict[str, Any]:
    """What there is to say of a trial's data as a whole, which is read and then kept in memory.

    Raises:
        DatasetError: there is none as the trial names it.
    """
    return datasets.load(trial.training.dataset, folder=trial.folder).about


def inputs(trial: Trial) -> Inputs:
    """What a trial would be trained on and by, as it lies here; nothing is imported.

    Raises:
        DatasetError: the data is not as the trial names it.
    """
    return Inputs(about(trial), own_code.on_disk(trial.training, trial.folder))


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
    with contextlib.closing(engine):
        return _trained(trial, data, engine) | {"prepare_time_s": prepared}


def _trained(trial: Trial, data: Dataset, engine: Engine) -> dict[str, Any]:
    with standstill.Watch() as watch:
        course = _Course(engine, trial, data, watch)
        course.run()
    last = course.curve[-1]
    if not course.diverged:
        name, _ = plugins.named(trial.training.engine)
        course.measures += [(last.epoch, name, row) for row in engine.measures()]
    predictions = None
    if trial.training.predictions and data.classes and not course.diverged:
        predictions = pack(engine.predict(), data.y_test, data.classes)
    weights = None
    if trial.training.weights and not course.diverged:
        weights = pack_weights(engine.weights())
    return {
        "status": "diverged" if course.diverged else "completed",
        "diverged_epoch": math.ceil(last.epoch) if course.diverged else None,
        "curve": tuple(course.curve),
        "probes": tuple(course.measures),
        "predictions": predictions,
        "weights": weights,
        "evaluate_time_s": course.evaluate_time_s,
        "parameters": engine.parameters,
        "dataset_checksum": data.checksum,
        "notes": "; ".join(
            (
                *engine.notes,
                *course.notes,
                *(n for n in data.notes if n == datasets.LOST),
            )
        ),
    }


class _Course:
    """The training of an engine from stop to stop: what it took, and what was seen at the stops.

    Attributes:
        curve: the evaluations.
        measures: what the probes measured, with its epoch and the probe's name. Of each call ``cost_s`` too.
        train_time_s, evaluate_time_s: spent in either, so far.
        diverged: whether the objective or a weight was not finite at the last evaluation.
        notes: what the objective does not tell of that, and what the times do not tell of themselves.
    """

    def __init__(
        self, engine: Engine, trial: Trial, data: Dataset, watch: standstill.Watch
    ) -> None:
        self._engine, self._trial, self._data, self._watch = engine, trial, data, watch
        self._probes = probes.planned(trial.training, engine.updates_per_epoch)
        self.curve: list[CurvePoint] = []
        self.measures: list[tuple[float, str, plugins.Measure]] = []
        self.train_time_s = self.evaluate_time_s = 0.0
        self.diverged = False
        self.notes: list[str] = []

    def run(self) -> None:
        """Train, evaluate and probe in turn until the end, or until it has diverged."""
        going = self._look(0, evaluate=True)
        for epoch in range(1, self._trial.training.epochs + 1):
            if not going:
                return
            self._engine.start_epoch(order(self._data, self._trial.seed, epoch))
            going = self._epoch(epoch)

    def _epoch(self, epoch: int) -> bool:
        each = self._engine.updates_per_epoch
        evaluated, before, start = stops(self._trial.training, epoch, each), (epoch - 1) * each, 0
        probed = {update - before for probe in self._probes for update in probe.due}
        for stop in sorted({*evaluated, *(s for s in probed if 0 < s < each), each}):
            still_s, begin = self._watch.still_s(), time.perf_counter()
            self._engine.advance(start, stop)
            self.train_time_s += time.perf_counter() - begin
            if self._watch.still_s() > still_s and standstill.NOTE not in self.notes:
                self.notes.append(standstill.NOTE)
            start = stop
            if not self._look(before + stop, evaluate=stop in evaluated):
                return False
        return True

    def _look(self, updates: int, *, evaluate: bool) -> bool:
        """Evaluate if it is time to, then do what probes are due; False ends the training."""
        if evaluate and not self._evaluate(updates):
            return False
        for probe in self._probes:
            if updates in probe.due:
                self._measure(probe, updates)
        return True

    def _evaluate(self, updates: int) -> bool:
        begin = time.perf_counter()
        evaluation = self._engine.evaluate()
        broken = not_finite(self._engine.weights())  # that the loss need not show: ReLU hides NaN
        self.evaluate_time_s += time.perf_counter() - begin
        self.curve.append(
            CurvePoint(
                epoch=updates / self._engine.updates_per_epoch,
                updates=updates,
                train_time_s=self.train_time_s,
                **asdict(evaluation),
            )
        )
        finite = math.isfinite(evaluation.train_objective)
        if finite and broken:
            self.notes.append(f"{NOT_FINITE}: {', '.join(broken)}")
        self.diverged = not finite or bool(broken)
        return not self.diverged

    def _measure(self, probe: Probe, updates: int) -> None:
        trial, epoch = self._trial, updates / self._engine.updates_per_epoch
        trained = plugins.Trained(
            self._engine, self._data, trial.training, trial.seed, updates, probe.arguments
        )
        begin = time.perf_counter()
        rows = probe.module.measure(trained)
        cost = plugins.Measure("", "cost_s", time.perf_counter() - begin)
        self.measures += [(epoch, probe.name, row) for row in (*rows, cost)]


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

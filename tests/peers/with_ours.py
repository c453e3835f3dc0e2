"""This project's engine, called as ``bench.runner`` calls it: ``advance`` is timed, ``start_epoch`` is not."""

from __future__ import annotations

import dataclasses

import task

from bench import datasets, engines, runner
from bench.suite import load_suite
from bench.trial import expand

QUESTION_1 = ("q1-sgd", "batch-100")
PENALISED = {"kernel_regularizer": {"L2": {"l2": task.L2}}}
BOTH_PENALISED = [
    "Flatten",
    {"Dense": {"units": task.HIDDEN, "activation": "relu", **PENALISED}},
    {"Dense": {"units": task.CLASSES, **PENALISED}},
]


def prepare(
    seed: int,
    *,
    variant: tuple[str, str] = QUESTION_1,
    penalises_both: bool = False,
    evaluates: bool = False,
) -> task.Program:
    """A variant of a question of the six, by the engine that the suite names.

    With ``penalises_both``, the output kernel is penalised too: what scikit-learn must agree with. With
    ``evaluates``, an epoch's time is that of one evaluation of all 70,000 images.
    """
    uses = expand(load_suite("ep3260_ca7"))
    trial = next(u.trial for u in uses if (u.question, u.variant) == tuple(variant))
    training = trial.training
    if penalises_both:
        training = dataclasses.replace(training, model={"layers": BOTH_PENALISED})
    data = datasets.load(training.dataset, folder=trial.folder)
    engine = engines.prepare(training, data, seed)
    if evaluates:
        return _Evaluation(engine)
    ours = _Ours(engine, data, seed, judged=tuple(variant) == QUESTION_1)
    ours.penalises_both = penalises_both
    return ours


class _Ours(task.Program):
    def __init__(self, engine, data, seed, *, judged):
        self._engine, self._data, self._seed, self._epochs = engine, data, seed, 0
        self._judged = judged

    def epoch(self) -> task.Took:
        self._epochs += 1
        self._engine.start_epoch(runner.order(self._data, self._seed, self._epochs))
        begin = task.now()
        self._engine.advance(0, self._engine.updates_per_epoch)
        return task.now() - begin

    def weights(self) -> task.Weights | None:
        return [value for _, value in self._engine.weights()] if self._judged else None


class _Evaluation(task.Program):
    def __init__(self, engine):
        self._engine = engine

    def epoch(self) -> task.Took:
        begin = task.now()
        self._engine.evaluate()
        return task.now() - begin

    def weights(self) -> None:
        return None

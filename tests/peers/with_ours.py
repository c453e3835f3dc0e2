"""This project's engine, called as ``bench.runner`` calls it: ``advance`` is timed, ``start_epoch`` is not."""

from __future__ import annotations

import dataclasses

import task

from bench import datasets, engines, runner
from bench.suite import load_suite
from bench.trial import expand

PENALISED = {"kernel_regularizer": {"L2": {"l2": task.L2}}}
BOTH_PENALISED = [
    "Flatten",
    {"Dense": {"units": task.HIDDEN, "activation": "relu", **PENALISED}},
    {"Dense": {"units": task.CLASSES, **PENALISED}},
]


def prepare(seed: int, *, penalises_both: bool = False) -> task.Program:
    """Question 1's variant with batches of 100, by the engine that the suite names.

    With ``penalises_both``, the output kernel is penalised too: what scikit-learn must agree with.
    """
    uses = expand(load_suite("ep3260_ca7"))
    wanted = ("q1-sgd", "batch-100")
    trial = next(u.trial for u in uses if (u.question, u.variant) == wanted)
    training = trial.training
    if penalises_both:
        training = dataclasses.replace(training, model={"layers": BOTH_PENALISED})
    data = datasets.load(training.dataset, folder=trial.folder)
    ours = _Ours(engines.prepare(training, data, seed), data, seed)
    ours.penalises_both = penalises_both
    return ours


class _Ours(task.Program):
    def __init__(self, engine, data, seed):
        self._engine, self._data, self._seed, self._epochs = engine, data, seed, 0

    def epoch(self) -> task.Took:
        self._epochs += 1
        self._engine.start_epoch(runner.order(self._data, self._seed, self._epochs))
        begin = task.now()
        self._engine.advance(0, self._engine.updates_per_epoch)
        return task.now() - begin

    def weights(self) -> task.Weights:
        return [value for _, value in self._engine.weights()]

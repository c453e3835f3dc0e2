"""``tf.distribute.ParameterServerStrategy`` with real processes: asynchronous, one server, a chief, W workers.

The weights live on the server. The chief hands updates to whichever worker is free; that one reads the
weights, computes the gradient of one mini-batch of its own part of the training images, and subtracts it, times
the learning rate, from what the weights are by then: others may have written in between, which is the update's
staleness. ``batch_size`` counts the images of an update, all of one worker. A worker that is lost is done
without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from bench.engines import _together
from bench.engines._cluster import Member
from bench.engines._network import initial_model
from bench.engines._together import ARGUMENTS, Together
from bench.errors import SuiteError, shown
from bench.plugins import Measure, named

if TYPE_CHECKING:
    from bench.engines._network import Job
    from bench.engines._subsets import Subsets

__all__ = ["ARGUMENTS", "REPEATABLE", "SEVERAL_PROCESSES", "prepare", "updates_per_epoch"]

SEVERAL_PROCESSES: Final = True
REPEATABLE: Final = False  # who is first is not drawn by the seed
CHIEF, FIRST_WORKER = 0, 2  # places among the members; the server is between


def prepare(job: Job) -> ParameterServerEngine:
    """Start the server, the workers and the chief; trace and warm up there."""
    return ParameterServerEngine(job)


def updates_per_epoch(job: Job) -> int:
    """Full mini-batches of all parts; refuses what several processes cannot train so."""
    return _updates(job, _together.check(job))


def _updates(job: Job, parts: Subsets) -> int:
    _check_optimizer(job)
    _check_model(job)
    smallest = int(parts.sizes.min())
    if job.batch_size > smallest:
        raise SuiteError(
            "the batch is larger than a worker's part of the training set",
            where="batch_size",
            expected=f"at most {smallest} images",
            found=str(job.batch_size),
        )
    return int((parts.sizes // job.batch_size).sum())


def _check_optimizer(job: Job) -> None:
    """Plain SGD alone: a step that others' steps can be added to, with nothing to remember between."""
    name, arguments = named(job.training.optimizer)
    plain = {key: value for key, value in arguments.items() if value}
    if name != "SGD" or plain.keys() - {"learning_rate"}:
        raise SuiteError(
            "asynchronous updates are those of plain SGD",
            where="optimizer",
            expected="{SGD: {learning_rate: ...}}, without momentum and other arguments",
            found=shown(job.training.optimizer),
        )


def _check_model(job: Job) -> None:
    """No constraints: the server adds what workers send."""
    bound = [v.path for v in initial_model(job).trainable_variables if v.constraint is not None]
    if bound:
        raise SuiteError(
            "asynchronous updates keep no constraints of weights",
            where="model",
            expected="layers without kernel_constraint and other constraints",
            found=", ".join(bound),
        )


class ParameterServerEngine(Together):
    """See ``bench.plugins.Engine``. Two runs of a trial differ: who is first is not drawn by the seed."""

    def __init__(self, job: Job) -> None:
        parts = _together.check(job)
        members = [
            Member("chief", 0, "chief"),
            Member("ps", 0, "served"),
            *(Member("worker", n, "served", vital=False) for n in range(parts.workers)),
        ]
        self._done: list[np.ndarray] = []  # of each advance, (updates, 6) as the chief tells
        super().__init__(job, members, job.batch_size, _updates(job, parts))

    def start_epoch(self, order: np.ndarray) -> None:
        """Give each worker the order of its own images."""
        self._cluster.ask(
            {
                FIRST_WORKER + worker: {
                    "do": "epoch",
                    "rows": self.subsets.rows(order, worker, self._size),
                }
                for worker in range(self.subsets.workers)
            }
        )
        self._cluster.ask({CHIEF: {"do": "epoch"}})

    def advance(self, start: int, stop: int) -> None:
        """Have ``stop - start`` updates done, by whoever is free."""
        answers = self._cluster.ask({CHIEF: {"do": "advance", "count": stop - start}})
        self._done.append(answers[CHIEF]["updates"])
        self._trained(stop - start)

    def measures(self) -> list[Measure]:
        """Parts, who did how much, staleness, time split, bytes."""
        done = np.concatenate(self._done)
        staleness = done[:, 1].astype(int)
        vector = sum(array.nbytes for _, array in self.weights())
        split = np.array([self._spent(worker) for worker in range(self.subsets.workers)])
        found = [
            *self.subsets.measures(self._job.data),
            # The weights down and the gradient up, between the server and the one worker of an update.
            Measure("", "bytes_per_update", 2 * vector),
            Measure("", "mean_staleness", float(staleness.mean())),
            Measure("", "largest_staleness", int(staleness.max())),
            *(
                Measure("", f"staleness_{late}", int(count))
                for late, count in enumerate(np.bincount(staleness))
                if count
            ),
        ]
        names = ("updates", "computing_s", "communicating_s", "waiting_s")
        found += [
            Measure("", name, value)
            for name, value in zip(names[1:], split.mean(axis=0)[1:].tolist(), strict=True)
        ]
        for worker, own in enumerate(split.tolist()):
            found += [
                Measure(f"worker {worker}", name, value)
                for name, value in zip(names, own, strict=True)
            ]
        return found

    def _spent(self, worker: int) -> tuple[float, float, float, float]:
        """A worker's updates, and its seconds of computing, of reading and writing, and between updates."""
        computing = communicating = waiting = 0.0
        updates = 0
        for done in self._done:
            own = done[done[:, 0] == worker, 2:]
            own = own[np.argsort(own[:, 0])]
            begun, read, computed, written = own.T
            updates += len(own)
            computing += float((computed - read).sum())
            communicating += float((read - begun).sum() + (written - computed).sum())
            waiting += float((begun[1:] - written[:-1]).sum())
        return updates, computing, communicating, waiting

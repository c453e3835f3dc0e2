"""``tf.distribute.MultiWorkerMirroredStrategy`` with real processes: synchronous, one all-reduce per update.

Every worker has a copy of the network and its own part of the training images, and no other image. At every
update each computes the gradient of one mini-batch of its own; a ring all-reduce gives all of them the mean of
these gradients, laid out as one vector; each makes the same step with it, so that the copies stay equal. There
is no master: the mathematics are those of ``master_worker``. ``batch_size`` counts the images of an update over
all workers.

The workers are processes of this machine; or of several in turn, reached by ``ssh``: the ``hosts`` that a
trusted suite names, or those of the workers in the environment's ``TF_CONFIG``.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Final

import numpy as np

from bench.engines import _together
from bench.engines._cluster import HOME, Member
from bench.engines._network import update_of_arrays
from bench.engines._subsets import shared_equally
from bench.engines._together import SPOKESMAN, Together
from bench.errors import SuiteError, TrustError, UsageError, shown
from bench.plugins import Measure, named

if TYPE_CHECKING:
    from bench.engines._network import Job

ARGUMENTS: Final = (*_together.ARGUMENTS, "hosts")
SEVERAL_PROCESSES: Final = True
update: Final = update_of_arrays
_HOST: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def prepare(job: Job) -> MultiWorkerEngine:
    """Start the workers; trace and warm up there."""
    return MultiWorkerEngine(job)


def updates_per_epoch(job: Job) -> int:
    """Full mini-batches in the smallest part; refuses what several processes cannot train."""
    _, updates = shared_equally(job, _together.check(job, _hosts(job)))
    return updates


def _hosts(job: Job) -> list[str]:
    """Where the workers run, in turn.

    Raises:
        SuiteError: no names of hosts.
        TrustError: a suite names hosts, and is not trusted.
        UsageError: a ``TF_CONFIG`` that cannot be read.
    """
    _, options = named(job.training.engine)
    if "hosts" not in options:
        return _of_environment() or [HOME]
    hosts = options["hosts"]
    if not isinstance(hosts, list) or not hosts or not all(map(_is_host, hosts)):
        raise SuiteError(
            "not a list of hosts",
            where="engine.multi_worker.hosts",
            expected="names of machines, [a.example.org, b.example.org]",
            found=shown(hosts),
        )
    if not job.trusted:
        raise TrustError(
            "workers on machines that the suite names",
            where="engine.multi_worker.hosts",
            expected="a suite that you trust, since it starts processes there",
            found=", ".join(hosts),
            hint="bench run --trust, or name them in TF_CONFIG yourself",
        )
    return hosts


def _of_environment() -> list[str]:
    text = os.environ.get("TF_CONFIG", "{}")
    try:
        addresses = json.loads(text).get("cluster", {}).get("worker", [])
        hosts = [address.rpartition(":")[0] for address in addresses]
    except (ValueError, AttributeError, TypeError):
        hosts = [""]
    if not all(map(_is_host, hosts)):
        raise UsageError(
            "the environment's TF_CONFIG cannot be read",
            where="TF_CONFIG",
            expected='{"cluster": {"worker": ["a.example.org:2222", ...]}}, or none',
            found=text,
        )
    return hosts


def _is_host(name: object) -> bool:
    return isinstance(name, str) and _HOST.fullmatch(name) is not None


class MultiWorkerEngine(Together):
    """See ``bench.plugins.Engine``."""

    def __init__(self, job: Job) -> None:
        hosts = _hosts(job)
        parts = _together.check(job, hosts)
        size, updates = shared_equally(job, parts)
        members = [
            Member("worker", index, "mirrored", host=hosts[index % len(hosts)])
            for index in range(parts.workers)
        ]
        # Seconds of all updates so far: of each worker, and of the all-reduce once all had come to it.
        self._computing = np.zeros(parts.workers)
        self._processor = np.zeros(parts.workers)
        self._waiting = np.zeros(parts.workers)
        self._communicating = 0.0
        super().__init__(job, members, size, updates)

    def start_epoch(self, order: np.ndarray) -> None:
        """Give each worker the order of its own images."""
        self._cluster.ask(
            {
                worker: {"do": "epoch", "rows": self.subsets.rows(order, worker, self._size)}
                for worker in range(self.subsets.workers)
            }
        )

    def advance(self, start: int, stop: int) -> None:
        """Have updates ``start`` to ``stop`` done."""
        command = {"do": "advance", "start": start, "stop": stop}
        answers = self._cluster.ask(dict.fromkeys(range(self.subsets.workers), command))
        in_order = [answers[worker] for worker in range(self.subsets.workers)]
        # Who comes last to an all-reduce waits for nobody: its time in it is that of communicating.
        reducing = np.stack([answer["all_reduce"] for answer in in_order])
        shortest = reducing.min(axis=0)
        self._communicating += float(shortest.sum())
        self._waiting += (reducing - shortest).sum(axis=1)
        self._computing += [answer["computing"].sum() for answer in in_order]
        self._processor += [answer["processor"] for answer in in_order]
        self._trained(stop - start)

    def _take_optimizer(self) -> None:
        """Give the copy's optimizer the whole state, which may skip updates and count them otherwise."""
        ((_, values),) = self._cluster.ask({SPOKESMAN: {"do": "optimizer"}}).items()
        self._assign(self._copy.optimizer.variables, values)

    def measures(self) -> list[Measure]:
        """Parts, time split, bytes, and how far the copies have drifted apart."""
        workers = self.subsets.workers
        vector = sum(array.nbytes for _, array in self.weights())
        everywhere = self._cluster.ask({worker: {"do": "weights"} for worker in range(workers)})
        apart = max(
            float(np.abs(values[name] - everywhere[0][name]).max())
            for values in everywhere.values()
            for name in values
        )
        (collectives,) = self._cluster.ask({0: {"do": "collectives"}}).values()
        found = [
            *self.subsets.measures(self._job.data),
            Measure("", "all_reduces_per_update", collectives["count"]),
            # A ring passes every part of the vector on W - 1 times to add and W - 1 times to tell
            # (Patarasuk and Yuan 2009, doi:10.1016/j.jpdc.2008.09.002).
            Measure("", "bytes_per_update", 2 * (workers - 1) * vector / workers),
            Measure("", "copies_differ_by", apart),
            Measure("", "computing_s", float(self._computing.mean())),
            Measure("", "communicating_s", self._communicating),
            Measure("", "waiting_s", float(self._waiting.mean())),
            Measure("", "processor_s", float(self._processor.mean())),
        ]
        for worker in range(workers):
            found += [
                Measure(f"worker {worker}", "computing_s", float(self._computing[worker])),
                Measure(f"worker {worker}", "waiting_s", float(self._waiting[worker])),
            ]
        return found

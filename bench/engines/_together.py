"""What both engines of several processes share: the network is evaluated here, with the weights from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bench import backend
from bench.engines._cluster import HOME, Cluster, Member, refuse_open_ports
from bench.engines._network import Job, Network, chunked, initial_model
from bench.engines._subsets import Subsets, subsets
from bench.errors import SuiteError, shown
from bench.plugins import Engine, named

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from bench.engines._messages import Message
    from bench.plugins import Evaluation

ARGUMENTS: Final = ("workers", "split", "deadline_s")
DEADLINE_S: Final = 1800.0  # as long as the source of question 4 waited for its first update
SPOKESMAN: Final = 0  # the member that is asked for the weights


class Together(Engine):
    """See ``bench.plugins.Engine``. Others derive from this, and say how updates are done.

    Args:
        job: what to train.
        members: the processes.
        size: images of a mini-batch of one worker.
        updates_per_epoch: of all workers together.

    Attributes:
        subsets: which worker owns which images.
    """

    def __init__(
        self, job: Job, members: Sequence[Member], size: int, updates_per_epoch: int
    ) -> None:
        self._job, self._size = job, size
        self.updates_per_epoch = updates_per_epoch
        self.subsets = subsets(job)
        self._cluster = Cluster(members, deadline_s=deadline(job))
        try:
            self._copy = Network.build(job, updates_per_epoch)
            self._sums = backend.tensorflow().function(self._copy.sums_now, reduce_retracing=True)
            self.parameters = self._copy.parameters
            self._cluster.form([self._task(member) for member in members])
        except BaseException:
            self._cluster.close()
            raise
        self.notes = self._copy.notes
        self._updates = 0
        self._current = True  # whether the weights here are those of the workers

    @property
    def processes(self) -> dict[str, int]:
        """Process numbers by the names of who they are."""
        names = [member.name for member in self._cluster.members]
        return dict(zip(names, self._cluster.processes, strict=True))

    @property
    def network(self) -> Network:  # type: ignore[override]
        """A copy with the present weights, and the count of updates, which schedules of the rate go by."""
        if not self._current:
            ((_, values),) = self._cluster.ask({SPOKESMAN: {"do": "weights"}}).items()
            self._assign(self._copy.model.trainable_variables, values)
            self._take_optimizer()
            self._current = True
        return self._copy

    def evaluate(self) -> Evaluation:
        """Objective, loss and accuracy over all images."""
        network = self.network  # the weights first
        return network.evaluation(chunked(self._sums, self._job.data))

    def predict(self) -> np.ndarray:
        """The class of each test image."""
        return self.network.predict(self._job.data.x_test)

    def weights(self) -> list[tuple[str, np.ndarray]]:
        """Path and value of every trainable array."""
        return self.network.weights()

    def close(self) -> None:
        """End the processes."""
        self._cluster.close()

    def _take_optimizer(self) -> None:
        """Give the copy's optimizer the state that its learning rate depends on: the count of updates."""
        self._copy.optimizer.iterations.assign(self._updates)

    def _assign(self, variables: Sequence[Any], values: Message) -> None:
        """Take what ``_replica.by_place`` sent."""
        for place, variable in enumerate(variables):
            variable.assign(values[str(place)])

    def _trained(self, updates: int) -> None:
        """So many updates have been done there."""
        self._updates += updates
        self._current = False
        lost = (f"{name} was lost; the others went on" for name in self._cluster.lost)
        self.notes = (*self._copy.notes, *lost)

    def _task(self, member: Member) -> dict[str, Any]:
        """All that a process has to know; a worker gets its own images, and no others."""
        job, data = self._job, self._job.data
        own = self.subsets.images(member.index) if member.job == "worker" else slice(0)
        return {
            "settings": job.training.canonical,
            "seed": job.seed,
            "trusted": job.trusted,
            "data": data.name,
            "classes": data.classes,
            "scale": data.scale,
            "checksum": data.checksum,
            "x": data.x_train[own],
            "y": data.y_train[own],
            "size": self._size,
            "workers": self.subsets.workers,
            "updates_per_epoch": self.updates_per_epoch,
        }


def check(job: Job, hosts: Sequence[str] = (HOME,)) -> Subsets:
    """Refuse what cannot be trained by several processes; the parts of the training set.

    Args:
        job: what to train.
        hosts: where the processes run.

    Raises:
        SuiteError: options, or a network, that these engines do not take.
        TrustError: others would reach the processes.
    """
    engine, _ = named(job.training.engine)
    refuse_open_ports(engine, hosts)
    parts = subsets(job)
    deadline(job)
    model = initial_model(job)
    if len(model.trainable_variables) < len(model.variables):
        raise SuiteError(
            f"{engine} takes no network that keeps more than its weights",
            where="model",
            expected="no batch normalisation, whose averages would differ between workers, and no dropout",
            found=", ".join(v.path for v in model.non_trainable_variables),
        )
    types = {v.dtype for v in model.variables}
    if types - {job.training.precision}:
        raise SuiteError(
            f"{engine} takes no network with weights of several types",
            where="model",
            expected=f"weights in {job.training.precision}, which the processes exchange as one vector",
            found=", ".join(sorted(types)),
        )
    return parts


def deadline(job: Job) -> float:
    """After so many seconds a trial is given up.

    Raises:
        SuiteError: not a time.
    """
    engine, options = named(job.training.engine)
    seconds = options.get("deadline_s", DEADLINE_S)
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < 1e7:
        raise SuiteError(
            "not a time",
            where=f"engine.{engine}.deadline_s",
            expected="seconds, above 0",
            found=shown(seconds),
        )
    return float(seconds)

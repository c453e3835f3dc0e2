"""The default engine: a whole epoch is one compiled call over arrays that stay in memory.

The loop over mini-batches runs inside the graph on one thread: gather by the epoch's permutation, scale,
forward, backward, update. Nothing of Python happens per step.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any, Final

from bench import backend
from bench.engines._network import CHUNK, Job, Network, batches, initial_model
from bench.errors import first_line

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from bench.plugins import Dataset, Evaluation

    Gradients = Callable[[Network, Any, Any], list[Any]]

ARGUMENTS: Final = ()
KEPT_PROGRAMS: Final = 32  # compiled programs kept in a process, about 10 MB each


def prepare(job: Job) -> CompiledEngine:
    """Build, compile and initialise; a program compiled for another seed is used again."""
    return CompiledEngine(job, Network.gradients, batches(job))


def updates_per_epoch(job: Job) -> int:
    """Updates per epoch; refuses impossible batches."""
    return batches(job)


class CompiledEngine:
    """See ``bench.plugins.Engine``.

    Args:
        job: what to train.
        gradients: (network, images, labels) -> gradients of one update.
        updates: updates per epoch.
        arrange: makes of an epoch's permutation the rows of images, one row per update; by default
            consecutive rows of ``batch_size``, the last one perhaps shorter.
    """

    def __init__(
        self,
        job: Job,
        gradients: Gradients,
        updates: int,
        arrange: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        self._job = job
        self._arrange = arrange
        self._program = _program(_Kind.of(job, gradients, updates))
        self._program.network.restart(initial_model(job))
        self._data = _tensors(job.data)
        self.parameters = self._program.network.parameters
        self.updates_per_epoch = updates
        self.notes = (self._program.note,) if self._program.note else ()

    def start_epoch(self, order: np.ndarray) -> None:
        """Lay the permutation out, one row of images per update."""
        tf = backend.tensorflow()
        if self._arrange is not None:
            self._rows, self._rest = tf.constant(self._arrange(order)), None
            return
        size = self._job.training.batch_size
        full = len(order) // size
        self._rows = tf.constant(order[: full * size].reshape(full, size))
        self._rest = tf.constant(order[None, full * size :]) if len(order) % size else None

    def advance(self, start: int, stop: int) -> None:
        """Do updates ``start`` to ``stop``."""
        x, y = self._data["train"]
        full = len(self._rows)
        done = self._program.train(x, y, self._rows, start, min(stop, full))
        if self._rest is not None and stop > full:
            done = self._program.train(x, y, self._rest, 0, 1)
        done.numpy()  # wait until it has happened

    def evaluate(self) -> Evaluation:
        """Objective, loss and accuracy over all images."""
        kinds = iter(("train", "test", "validation"))
        return self._program.network.evaluation(
            lambda _x, _y: self._program.sums(*self._data[next(kinds)]), self._job.data
        )

    def predict(self) -> np.ndarray:
        """The class of each test image."""
        return self._program.network.predict(self._job.data.x_test)

    def weights(self) -> list[tuple[str, np.ndarray]]:
        """Path and value of every trainable array."""
        return self._program.network.weights()


@dataclasses.dataclass(frozen=True)
class _Program:
    """Compiled once per kind of training in a process. ``train`` and ``sums`` are compiled calls."""

    network: Network
    train: Callable[..., Any]
    sums: Callable[..., Any]
    note: str


@dataclasses.dataclass(frozen=True)
class _Kind:
    """What a program depends on: all of a job but its seed, its epochs and what is measured beside."""

    settings: str
    checksum: str
    shape: tuple[int, ...]
    trusted: bool
    updates: int
    job: Job = dataclasses.field(compare=False)
    gradients: Gradients = dataclasses.field(compare=False)

    @classmethod
    def of(cls, job: Job, gradients: Gradients, updates: int) -> _Kind:
        same = dataclasses.replace(job.training, epochs=0, probes=())
        data = job.data
        return cls(
            same.canonical, data.checksum, data.x_train.shape, job.trusted, updates, job, gradients
        )


@functools.lru_cache(maxsize=1)
def _tensors(data: Dataset) -> dict[str, tuple[Any, Any]]:
    tf = backend.tensorflow()
    pairs = {
        "train": (data.x_train, data.y_train),
        "test": (data.x_test, data.y_test),
        "validation": (data.x_validation, data.y_validation),
    }
    return {
        name: (tf.constant(x), tf.constant(y)) for name, (x, y) in pairs.items() if x is not None
    }


@functools.lru_cache(maxsize=KEPT_PROGRAMS)
def _program(kind: _Kind) -> _Program:
    """Build and compile, by XLA if it can; a call with no updates compiles and changes nothing."""
    tf = backend.tensorflow()
    network = Network.build(kind.job, kind.updates)
    if network.is_random:
        # XLA computes the random numbers of a dropout layer an order of magnitude more slowly.
        jit, note = False, "compiled as a TensorFlow graph, not by XLA: it has random layers"
    else:
        jit, note = True, ""
    program = _compiled(network, kind, jit=jit, note=note)
    try:
        _warm_up(program, kind.job)
    except (tf.errors.OpError, NotImplementedError) as error:
        if not jit:
            raise
        reason = first_line(error)[:200]
        note = f"compiled as a TensorFlow graph, since XLA refused: {reason}"
        program = _compiled(network, kind, jit=False, note=note)
        _warm_up(program, kind.job)
    return program


def _compiled(network: Network, kind: _Kind, *, jit: bool, note: str) -> _Program:
    tf = backend.tensorflow()

    @tf.function(jit_compile=jit, autograph=False)  # type: ignore[untyped-decorator]
    def train(x: Any, y: Any, rows: Any, start: Any, stop: Any) -> Any:
        def update(i: Any) -> tuple[Any]:
            row = rows[i]
            gradients = kind.gradients(network, tf.gather(x, row), tf.gather(y, row))
            network.apply(gradients)
            return (i + 1,)

        (done,) = tf.while_loop(lambda i: i < stop, update, (tf.convert_to_tensor(start),))
        return done

    @tf.function(jit_compile=jit, autograph=False)  # type: ignore[untyped-decorator]
    def sums(x: Any, y: Any) -> Any:
        full, rest = divmod(x.shape[0], CHUNK)

        def chunk(i: Any, total: Any) -> tuple[Any, Any]:
            part = [
                tf.slice(a, [i * CHUNK, *[0] * (a.ndim - 1)], [CHUNK, *a.shape[1:]]) for a in (x, y)
            ]
            return i + 1, total + network.sums(*part)

        total = tf.zeros(3, tf.float64)
        if full:
            _, total = tf.while_loop(lambda i, _: i < full, chunk, (tf.constant(0), total))
        return total + network.sums(x[full * CHUNK :], y[full * CHUNK :]) if rest else total

    def call(x: Any, y: Any, rows: Any, start: int, stop: int) -> Any:
        return train(x, y, rows, tf.constant(start), tf.constant(stop))

    return _Program(network, call, sums, note)


def _warm_up(program: _Program, job: Job) -> None:
    tf = backend.tensorflow()
    data = _tensors(job.data)
    size = job.training.batch_size
    for width in {size, job.n_train % size} - {0}:
        rows = tf.zeros((job.n_train // width if width == size else 1, width), tf.int32)
        program.train(*data["train"], rows, 0, 0)
    for x, y in data.values():
        program.sums(x, y)

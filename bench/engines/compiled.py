"""The default engine: a whole epoch is one compiled call over arrays that stay in memory.

The loop over mini-batches runs inside the graph on one thread: gather by the epoch's permutation, scale,
forward, backward, update. Nothing of Python happens per step.

An epoch goes through the images once, in the epoch's order. With ``{compiled: {replacement: true}}`` the images
of every update are drawn with replacement instead, as the theory of stochastic gradients has it: shuffled
passes have less noise than that.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench import backend
from bench.engines._network import Job, Network, batches, initial_model, over_chunks
from bench.errors import SuiteError, first_line
from bench.plugins import named
from bench.trial import generator

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.plugins import Dataset, Evaluation

ARGUMENTS: Final = ("replacement",)
KEPT_PROGRAMS: Final = 64  # compiled programs kept in a process, about 10 MB each


def prepare(job: Job) -> CompiledEngine:
    """Build, compile and initialise; a program compiled for another seed is used again."""
    updates, size = updates_per_epoch(job), job.batch_size
    if not _replacement(job):
        return CompiledEngine(job, Rule)

    def arrange(order: np.ndarray) -> list[np.ndarray]:
        return [drawn(order, len(order), (updates, size))]

    return CompiledEngine(job, Rule, arrange)


def updates_per_epoch(job: Job) -> int:
    """Updates per epoch; refuses impossible batches."""
    _replacement(job)
    return batches(job)


def drawn(order: np.ndarray, below: int, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers from 0, int32, drawn with replacement by a generator that knows the epoch by its order."""
    rng = generator("with replacement", hashlib.sha256(order.tobytes()).hexdigest())
    return rng.integers(below, size=shape, dtype=np.int32)


def _replacement(job: Job) -> bool:
    _, options = named(job.training.engine)
    value = options.get("replacement", False)
    if not isinstance(value, bool):
        raise SuiteError(
            "neither with nor without replacement",
            where="engine.compiled.replacement",
            expected="true or false",
            found=repr(value),
        )
    return value


class Rule:
    """How the gradient of an update is made: here, it is that of its mini-batch. Others derive from this.

    Its methods are traced into the compiled program, which trains one seed after another.

    Attributes:
        network: the network that is trained.
        state: TensorFlow variables that the rule keeps between updates; all 0 before training.
        begins: whether ``begin`` has anything to do.
    """

    begins = False

    def __init__(self, network: Network, job: Job) -> None:
        del job
        self.network = network
        self.state: list[Any] = []

    def reset(self) -> None:
        """Forget all training."""
        for variable in self.state:
            variable.assign(0 * variable)

    def begin(self, x: Any, y: Any) -> None:
        """Do what comes before the first update of an epoch, with all training images; it is timed."""

    def gradients(self, images: Any, labels: Any, row: Any) -> list[Any]:
        """Gradients of one update, from its images; ``row`` are their places in the training set."""
        del row
        return self.network.gradients(images, labels)


class CompiledEngine:
    """See ``bench.plugins.Engine``.

    Args:
        job: what to train.
        rule: makes of a network and a job the rule of its gradients.
        arrange: makes of an epoch's permutation, (n_train,) int32, the images of its updates: arrays
            (updates, images per update), one after the other. By default consecutive rows of
            ``batch_size``, the last one perhaps shorter.
    """

    def __init__(
        self,
        job: Job,
        rule: Callable[[Network, Job], Rule],
        arrange: Callable[[np.ndarray], list[np.ndarray]] | None = None,
    ) -> None:
        self._job = job
        self._arrange = arrange or functools.partial(_consecutive, job.batch_size)
        shapes = [part.shape for part in self._arrange(np.arange(job.n_train, dtype=np.int32))]
        self._program = _program(_Kind.of(job, rule, tuple(shapes)))
        self._program.network.restart(initial_model(job))
        self._program.rule.reset()
        self._data = _tensors(job.data)
        self.network = self._program.network
        self.parameters = self._program.network.parameters
        self.updates_per_epoch = sum(updates for updates, _ in shapes)
        self.notes = (self._program.note,) if self._program.note else ()

    def start_epoch(self, order: np.ndarray) -> None:
        """Lay the permutation out, one row of images per update."""
        tf = backend.tensorflow()
        self._parts = [tf.constant(part) for part in self._arrange(order)]

    def advance(self, start: int, stop: int) -> None:
        """Do updates ``start`` to ``stop``."""
        x, y = self._data["train"]
        if start == 0 and self._program.rule.begins:
            self._program.begin(x, y)
        before = 0
        for rows in self._parts:
            first, last = max(start - before, 0), min(stop - before, len(rows))
            if first < last:
                self._program.train(x, y, rows, first, last).numpy()  # wait until it has happened
            before += len(rows)

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


def _consecutive(size: int, order: np.ndarray) -> list[np.ndarray]:
    full = len(order) // size * size
    rest = [order[None, full:]] if full < len(order) else []
    return [order[:full].reshape(-1, size), *rest]


@dataclasses.dataclass(frozen=True)
class _Program:
    """Compiled once per kind of training in a process; ``begin``, ``train`` and ``sums`` are compiled calls."""

    network: Network
    rule: Rule
    begin: Callable[..., Any]
    train: Callable[..., Any]
    sums: Callable[..., Any]
    note: str


@dataclasses.dataclass(frozen=True)
class _Kind:
    """What a program depends on: all of a job but its seed, its epochs and what is measured when."""

    settings: str
    checksum: str
    shape: tuple[int, ...]
    trusted: bool
    rows: tuple[tuple[int, ...], ...]
    job: Job = dataclasses.field(compare=False)
    rule: Callable[[Network, Job], Rule] = dataclasses.field(compare=False)

    @classmethod
    def of(cls, job: Job, rule: Callable[[Network, Job], Rule], rows: Any) -> _Kind:
        same = dataclasses.replace(job.training, epochs=0, probes=(), evaluate={})
        data = job.data
        return cls(same.canonical, data.checksum, data.x_train.shape, job.trusted, rows, job, rule)


@functools.lru_cache(maxsize=2)  # trials of several data sets take turns
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
    network = Network.build(kind.job, sum(updates for updates, _ in kind.rows))
    rule = kind.rule(network, kind.job)
    if network.is_random:
        # XLA computes the random numbers of a dropout layer an order of magnitude more slowly.
        jit, note = False, "compiled as a TensorFlow graph, not by XLA: it has random layers"
    else:
        jit, note = True, ""
    program = _compiled(network, rule, jit=jit, note=note)
    try:
        _warm_up(program, kind)
    except (tf.errors.OpError, NotImplementedError) as error:
        if not jit:
            raise
        reason = first_line(error)[:200]
        note = f"compiled as a TensorFlow graph, since XLA refused: {reason}"
        program = _compiled(network, rule, jit=False, note=note)
        _warm_up(program, kind)
    return program


def _compiled(network: Network, rule: Rule, *, jit: bool, note: str) -> _Program:
    tf = backend.tensorflow()

    @tf.function(jit_compile=jit, autograph=False)  # type: ignore[untyped-decorator]
    def begin(x: Any, y: Any) -> None:
        rule.begin(x, y)

    @tf.function(jit_compile=jit, autograph=False)  # type: ignore[untyped-decorator]
    def train(x: Any, y: Any, rows: Any, start: Any, stop: Any) -> Any:
        def update(i: Any) -> tuple[Any]:
            row = rows[i]
            network.apply(rule.gradients(tf.gather(x, row), tf.gather(y, row), row))
            return (i + 1,)

        (done,) = tf.while_loop(lambda i: i < stop, update, (tf.convert_to_tensor(start),))
        return done

    @tf.function(jit_compile=jit, autograph=False)  # type: ignore[untyped-decorator]
    def sums(x: Any, y: Any) -> Any:
        (total,) = over_chunks(lambda *part: [network.sums(*part)], [tf.zeros(3, tf.float64)], x, y)
        return total

    def call(x: Any, y: Any, rows: Any, start: int, stop: int) -> Any:
        return train(x, y, rows, tf.constant(start), tf.constant(stop))

    return _Program(network, rule, begin, call, sums, note)


def _warm_up(program: _Program, kind: _Kind) -> None:
    tf = backend.tensorflow()
    data = _tensors(kind.job.data)
    if program.rule.begins:
        program.begin(*data["train"])
    for shape in kind.rows:
        program.train(*data["train"], tf.zeros(shape, tf.int32), 0, 0)
    for x, y in data.values():
        program.sums(x, y)

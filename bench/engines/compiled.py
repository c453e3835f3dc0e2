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
import json
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from bench import backend
from bench.engines._network import Job, Network, batches, chunks, over_chunks
from bench.errors import SuiteError, first_line, shown
from bench.plugins import Engine, named
from bench.trial import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.plugins import Dataset, Evaluation, Measure

Compiled = TypeVar("Compiled", "_Program", "_Judge")

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
            found=shown(value),
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


class CompiledEngine(Engine):
    """See ``bench.plugins.Engine``.

    Args:
        job: what to train.
        rule: makes of a network and a job the rule of its gradients.
        arrange: makes of an epoch's permutation, (n_train,) int32, the images of its updates: arrays
            (updates, images per update), one after the other. By default consecutive rows of
            ``batch_size``, the last one perhaps shorter.
        evidence: what the report should know beside the curve.
    """

    def __init__(
        self,
        job: Job,
        rule: Callable[[Network, Job], Rule],
        arrange: Callable[[np.ndarray], list[np.ndarray]] | None = None,
        evidence: Sequence[Measure] = (),
    ) -> None:
        self._job, self._evidence = job, list(evidence)
        self._arrange = arrange or functools.partial(_consecutive, job.batch_size)
        shapes = [part.shape for part in self._arrange(np.arange(job.n_train, dtype=np.int32))]
        self._program = _program(job, rule, tuple(shapes))
        self._judge = _judge(job, self._program.network)
        self.network = self._program.network
        self.network.restart(job)
        self._program.rule.reset()
        self._images = _images(job.data)
        self.parameters = self.network.parameters
        self.updates_per_epoch = sum(updates for updates, _ in shapes)
        fallbacks = filter(None, (self._program.note, self._judge.note))
        self.notes = tuple(dict.fromkeys([*self.network.notes, *fallbacks]))

    def start_epoch(self, order: np.ndarray) -> None:
        """Lay the permutation out, one row of images per update."""
        tf = backend.tensorflow()
        self._parts = [tf.constant(part) for part in self._arrange(order)]

    def advance(self, start: int, stop: int) -> None:
        """Do updates ``start`` to ``stop``."""
        x, y = self._images.x, self._images.y
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
        return self.network.evaluation(self._judge.sums(self.network, self._images))

    def predict(self) -> np.ndarray:
        """The class of each test image."""
        compiled = functools.partial(self._judge.classes, self.network)
        images = self._job.data.x_test
        return self.network.predict(images, compiled if self.network.is_mixed else None)

    def weights(self) -> list[tuple[str, np.ndarray]]:
        """Path and value of every trainable array."""
        return self.network.weights()

    def measures(self) -> list[Measure]:
        """What it was given as evidence."""
        return self._evidence


def _consecutive(size: int, order: np.ndarray) -> list[np.ndarray]:
    full = len(order) // size * size
    rest = [order[None, full:]] if full < len(order) else []
    return [order[:full].reshape(-1, size), *rest]


@dataclasses.dataclass(frozen=True)
class _Images:
    """All images of a data set in one tensor, so that one program evaluates any part; training images first.

    Attributes:
        parts: of train, test and perhaps validation, the first image and how many there are.
    """

    x: Any
    y: Any
    parts: dict[str, tuple[int, int]]


@functools.lru_cache(maxsize=1)  # those that differ in what is held out are as large as all of it
def _images(data: Dataset) -> _Images:
    tf = backend.tensorflow()
    counts = [len(y) for _, y in data.parts.values()]
    first = np.cumsum([0, *counts[:-1]])
    x, y = (np.concatenate(arrays) for arrays in zip(*data.parts.values(), strict=True))
    parts = {name: (int(f), n) for name, f, n in zip(data.parts, first, counts, strict=True)}
    return _Images(tf.constant(x), tf.constant(y), parts)


@dataclasses.dataclass(frozen=True)
class _Program:
    """Compiled once per kind of training in a process; ``begin`` and ``train`` are compiled calls."""

    network: Network
    rule: Rule
    begin: Callable[..., Any]
    train: Callable[..., Any]
    note: str


@dataclasses.dataclass(frozen=True)
class _Judge:
    """Evaluates any network of one kind; ``call`` is compiled, for chunks of each size by itself.

    ``classes_at`` is what the network says of images, compiled likewise when it is first asked.
    """

    call: Callable[..., Any]
    classes_at: Callable[..., Any]
    note: str

    def classes(self, network: Network, images: np.ndarray) -> Any:
        """``Network.classes_now``, compiled."""
        return self.classes_at([v.value for v in network.variables], images)

    def sums(self, network: Network, images: _Images) -> dict[str, np.ndarray]:
        """What ``Network.evaluation`` takes."""
        values = [v.value for v in network.variables]
        return {
            part: np.append(self._over(values, images, chunks(first, count)), count)
            for part, (first, count) in images.parts.items()
        }

    def _over(self, values: list[Any], images: _Images, parts: list[tuple[int, int, int]]) -> Any:
        tf = backend.tensorflow()
        total = np.zeros(3)
        for start, size, count in parts:
            part = (tf.constant(start), size, tf.constant(count))
            total += self.call(values, (images.x, images.y), part).numpy()
        return total


class _Kept(dict[tuple[Any, ...], Compiled]):
    """Programs by what they depend on, the one used last at the end; beyond ``KEPT_PROGRAMS`` the first goes.

    Not ``functools.lru_cache``, which would keep the job that a program was first compiled for, with its data.
    """

    def get_or_make(self, key: tuple[Any, ...], make: Callable[[], Compiled]) -> Compiled:
        """The program of this key."""
        self[key] = self.pop(key) if key in self else make()
        if len(self) > KEPT_PROGRAMS:
            del self[next(iter(self))]
        return self[key]


_PROGRAMS: Final[_Kept[_Program]] = _Kept()
_JUDGES: Final[_Kept[_Judge]] = _Kept()


def _program(
    job: Job, rule: Callable[[Network, Job], Rule], rows: tuple[tuple[int, ...], ...]
) -> _Program:
    """Of all of a job but its seed, its epochs and what is measured when.

    Variants that differ in a constant learning rate, or in how strong l1 or l2 is, share a program: these
    numbers are kept in variables.
    """
    data = job.data
    key = (job.training.program, data.checksum, data.x_train.shape, job.trusted, rows)
    return _PROGRAMS.get_or_make(key, lambda: _trained_by(job, rule, rows))


def _trained_by(
    job: Job, kind: Callable[[Network, Job], Rule], rows: tuple[tuple[int, ...], ...]
) -> _Program:
    network = Network.build(job, sum(updates for updates, _ in rows))
    compiled = functools.partial(_trainer, network, kind(network, job), job, rows)
    if network.is_random:
        # XLA computes the random numbers of a dropout layer an order of magnitude more slowly.
        note = "compiled as a TensorFlow graph, not by XLA: it has random layers"
        return compiled(jit=False, note=note)
    return _by_xla(compiled)


def _trainer(
    network: Network,
    rule: Rule,
    job: Job,
    rows: tuple[tuple[int, ...], ...],
    *,
    jit: bool,
    note: str,
) -> _Program:
    """Compile; a call with no updates does it and changes nothing."""
    tf = backend.tensorflow()
    n_train = job.n_train

    @tf.function(jit_compile=jit, autograph=False)  # type: ignore[untyped-decorator]
    def begin(x: Any, y: Any) -> None:
        rule.begin(x[:n_train], y[:n_train])

    @tf.function(jit_compile=jit, autograph=False)  # type: ignore[untyped-decorator]
    def train(x: Any, y: Any, rows: Any, start: Any, stop: Any) -> Any:
        def update(i: Any) -> tuple[Any]:
            row = rows[i]
            network.apply(rule.gradients(tf.gather(x, row), tf.gather(y, row), row))
            return (i + 1,)

        (done,) = tf.while_loop(lambda i: i < stop, update, (tf.convert_to_tensor(start),))
        return done

    def concrete(shape: tuple[int, ...]) -> Any:
        return train.get_concrete_function(
            images.x, images.y, tf.zeros(shape, tf.int32), zero, zero
        )

    def call(x: Any, y: Any, rows: Any, start: int, stop: int) -> Any:
        return by_shape[tuple(rows.shape)](x, y, rows, tf.constant(start), tf.constant(stop))

    images, zero = _images(job.data), tf.constant(0)
    by_shape = {
        shape: concrete(shape) for shape in rows
    }  # calls that cost a third of `train`'s own
    if rule.begins:
        begin(images.x, images.y)
    for shape in rows:
        call(images.x, images.y, tf.zeros(shape, tf.int32), 0, 0)
    return _Program(network, rule, begin, call, note)


def _judge(job: Job, network: Network) -> _Judge:
    """Of the network and its loss, however it is trained."""
    training, data = job.training, job.data
    settings = json.dumps([training.model, training.loss, training.precision], sort_keys=True)
    key = (settings, data.scale, data.classes, data.x_train.shape[1:], job.trusted)
    images = _images(data)
    return _JUDGES.get_or_make(key, lambda: _by_xla(functools.partial(_evaluator, network, images)))


def _evaluator(network: Network, images: _Images, *, jit: bool, note: str) -> _Judge:
    """Compile; a call with no chunks does it."""
    tf = backend.tensorflow()
    values = [v.value for v in network.variables]

    @tf.function(jit_compile=jit, autograph=False)  # type: ignore[untyped-decorator]
    def call(values: list[Any], arrays: tuple[Any, Any], part: tuple[Any, int, Any]) -> Any:
        def one(*chunk: Any) -> list[Any]:
            return [network.sums_at(values, *chunk)]

        (total,) = over_chunks(one, [tf.zeros(3, tf.float64)], arrays, part)
        return total

    sizes = {size for first, n in images.parts.values() for _, size, _ in chunks(first, n)}
    for size in sizes:
        call(values, (images.x, images.y), (tf.constant(0), size, tf.constant(0)))
    classes_at = tf.function(network.classes_at, jit_compile=jit, autograph=False)
    return _Judge(call, classes_at, note)


def _by_xla(compiled: Callable[..., Compiled]) -> Compiled:
    """Compile by XLA, or as a TensorFlow graph with a note if XLA refuses."""
    tf = backend.tensorflow()
    try:
        return compiled(jit=True, note="")
    except (tf.errors.OpError, NotImplementedError) as error:
        reason = first_line(error)[:200]
    return compiled(jit=False, note=f"compiled as a TensorFlow graph, since XLA refused: {reason}")

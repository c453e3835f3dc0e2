"""A process of a cluster: ``python -m bench.engines._replica``, started and told what to do by ``_cluster``.

Commands come on standard input, answers go to standard output; what TensorFlow prints goes to standard error,
which is the process's log. The end of the input is the end of the process, whatever it is doing: so none
outlives the process that started it, however that ends.
"""

from __future__ import annotations

import itertools
import json
import os
import queue
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench import backend, scratch
from bench.engines import _messages
from bench.engines._network import Job, Network
from bench.plugins import Dataset
from bench.trial import Training

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bench.engines._messages import Message

SERVING_THREADS: Final = 8
"""Threads on which a server answers. With one, as elsewhere here, an answer waits for itself, for ever."""


def main() -> None:
    """Say which port is free, wait for the addresses of all, then do as told."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whoever prints writes into the log
    folder = scratch.Folder()
    os.chdir(folder.path)
    inbox: queue.Queue[Message] = queue.Queue()

    def heard(message: Message | None) -> None:
        if message is None:
            folder.remove()
            os._exit(0)
        inbox.put(message)

    _messages.listen(sys.stdin.buffer, heard)
    try:
        with _reserved() as port:
            _messages.write(answers, {"port": port.getsockname()[1]})
            task = inbox.get()
            os.environ["TF_CONFIG"] = json.dumps(
                {"cluster": task["cluster"], "task": {"type": task["job"], "index": task["index"]}}
            )
            role = ROLES[task["role"]](task)
        _messages.write(answers, {"ready": True})
        while True:
            command = inbox.get()
            _messages.write(answers, getattr(role, command.pop("do"))(**command) or {})
    except Exception:  # noqa: BLE001 - whoever waits for the answer tells the user
        _messages.write(answers, {"error": traceback.format_exc()})
        inbox.get()  # nothing but the end will come


def _reserved() -> socket.socket:
    """A free port, kept from others until TensorFlow listens there, which it may as nobody does."""
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("", 0))
    return reserved


def _job(task: Mapping[str, Any]) -> Job:
    """The whole job as far as a network depends on it; its data are this process's own part."""
    x, y = task["x"], task["y"]
    data = Dataset(
        name=task["data"],
        x_train=x,
        y_train=y,
        x_test=x[:0],
        y_test=y[:0],
        classes=task["classes"],
        scale=task["scale"],
        checksum=task["checksum"],
        origin="",
    )
    return Job(Training.from_canonical(task["settings"]), data, task["seed"], task["trusted"])


class _Mirrored:
    """One worker of MultiWorkerMirroredStrategy: a copy of the network, kept equal by equal updates.

    Of the strategy it takes the all-reduce. Gradient and step are those of every other engine: inside the
    strategy Keras would divide the loss by the number of workers and reduce the gradients a second time.
    """

    def __init__(self, task: Mapping[str, Any]) -> None:
        tf = backend.tensorflow()
        options = tf.distribute.experimental.CommunicationOptions(
            implementation=tf.distribute.experimental.CommunicationImplementation.RING
        )
        self._strategy = tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
        self._device = f"/job:worker/replica:0/task:{task['index']}/device:CPU:0"
        self._network = Network.build(_job(task), task["updates_per_epoch"])
        self._x, self._y = tf.constant(task["x"]), tf.constant(task["y"])
        self._shapes = [tuple(v.shape) for v in self._network.model.trainable_variables]
        self._sizes = [int(np.prod(shape)) for shape in self._shapes]
        steps = (self._gradient, self._all_reduce, self._apply)
        self._steps = tuple(tf.function(step, autograph=False) for step in steps)
        self.epoch(np.zeros((1, task["size"]), np.int32))
        variables = [*self._network.model.trainable_variables, *self._network.optimizer.variables]
        before = [variable.numpy() for variable in variables]
        self.advance(0, 1)  # trace, then forget
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)

    def _gradient(self, row: Any) -> Any:
        """Of one mini-batch of this worker, laid out as one vector."""
        tf = backend.tensorflow()
        parts = self._network.gradients(tf.gather(self._x, row), tf.gather(self._y, row))
        self._missing = [part is None for part in parts]  # alike in all workers
        return tf.concat([tf.reshape(part, [-1]) for part in parts if part is not None], 0)

    def _all_reduce(self, own: Any) -> Any:
        """The mean of all workers' vectors."""
        tf = backend.tensorflow()

        def reduced(flat: Any) -> Any:
            with tf.device(self._device):
                flat = tf.identity(flat)
            return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, flat)

        return self._strategy.run(reduced, (own,))

    def _apply(self, mean: Any) -> None:
        """One step of the optimizer."""
        tf = backend.tensorflow()
        there = [not missing for missing in self._missing]
        parts = iter(tf.split(mean, list(itertools.compress(self._sizes, there))))
        whole = zip(there, self._shapes, strict=True)
        self._network.apply(
            [tf.reshape(next(parts), shape) if is_there else None for is_there, shape in whole]
        )

    def epoch(self, rows: np.ndarray) -> None:
        """Take the epoch's mini-batches, (updates, size) places in this worker's own part."""
        self._rows = [backend.tensorflow().constant(row) for row in rows]

    def advance(self, start: int, stop: int) -> Message:
        """Do updates; answers what each took in s: until the all-reduce and after it, and in it."""
        gradient, all_reduce, apply = self._steps
        marks, processor = np.empty((stop - start, 4)), time.process_time()
        for mark, row in zip(marks, self._rows[start:stop], strict=True):
            mark[0] = time.perf_counter()
            own = gradient(row)
            mark[1] = time.perf_counter()
            mean = all_reduce(own)
            mark[2] = time.perf_counter()
            apply(mean)
            mark[3] = time.perf_counter()
        spent = np.diff(marks, axis=1)
        return {
            "computing": spent[:, 0] + spent[:, 2],
            "all_reduce": spent[:, 1],
            "processor": time.process_time() - processor,
        }

    def weights(self) -> Message:
        """The trainable arrays."""
        return _by_place(self._network.model.trainable_variables)

    def optimizer(self) -> Message:
        """The optimizer's state."""
        return _by_place(self._network.optimizer.variables)

    def collectives(self) -> Message:
        """How many operations of an update speak with the other workers, as its graphs have it."""
        flat = self._steps[0](self._rows[0])
        count = 0
        for step, given in zip(self._steps, (self._rows[0], flat, flat), strict=True):
            graph = step.get_concrete_function(given).graph.as_graph_def()
            nodes = [graph.node, *(function.node_def for function in graph.library.function)]
            count += sum(node.op.startswith("Collective") for part in nodes for node in part)
        return {"count": count}


class _Served:
    """A worker or the server of ParameterServerStrategy: does what the chief schedules.

    A worker's images lie as files in its own folder, where the functions that the chief sends find them.
    """

    def __init__(self, task: Mapping[str, Any]) -> None:
        if task["job"] == "worker":
            Path("x").write_bytes(task["x"].tobytes())
            Path("y").write_bytes(task["y"].tobytes())
            Path("worker").write_bytes(np.int64(task["index"]).tobytes())
            self.epoch(np.zeros((1, task["size"]), np.int32))
        tf = _serving()
        self._server = tf.distribute.Server(
            tf.train.ClusterSpec(task["cluster"]), job_name=task["job"], task_index=task["index"]
        )

    def epoch(self, rows: np.ndarray) -> None:
        """Take the epoch's mini-batches, (updates, size) places in this worker's own part."""
        Path("rows").write_bytes(rows.tobytes())


class _Chief:
    """The coordinator of ParameterServerStrategy: hands updates to whichever worker is free.

    An update reads the weights from the server, computes the gradient of a mini-batch of the worker's own, and
    subtracts it, times the learning rate, from what the weights are by then.
    """

    def __init__(self, task: Mapping[str, Any]) -> None:
        tf = _serving()
        resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
        strategy = tf.distribute.ParameterServerStrategy(resolver)
        self._coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
        self._network = Network.build(_job(task), task["updates_per_epoch"])
        first = [variable.numpy() for variable in self._network.model.trainable_variables]
        with strategy.scope():
            self._weights = [tf.Variable(value) for value in first]
            self._updates = tf.Variable(0, dtype=tf.int64)
        self._rate = _rate(self._network.optimizer)
        self._datasets = self._coordinator.create_per_worker_dataset(_own_images(task))
        self._update = tf.function(self._one_update, autograph=False)
        self.epoch()
        self.advance(2 * task["workers"])  # trace, then forget
        for variable, value in zip(self._weights, first, strict=True):
            variable.assign(value)
        self._updates.assign(0)

    def _one_update(self, images: Any) -> Any:
        """(6,) float64: who did it, its staleness, and when it began, had read, computed and written, in s."""
        tf = backend.tensorflow()
        x, y, worker = next(images)
        with tf.control_dependencies([x, y]):
            begun = tf.timestamp()
        with tf.control_dependencies([begun]):
            at = [weight.read_value() for weight in self._weights]
            seen = self._updates.read_value()
        with tf.control_dependencies([*at, seen]):
            read = tf.timestamp()
        with tf.control_dependencies([read]):
            found = self._network.gradients_at([tf.identity(weight) for weight in at], x, y)
            pairs = zip(self._weights, found, strict=True)
            changes = [(w, tf.convert_to_tensor(g)) for w, g in pairs if g is not None]
        with tf.control_dependencies([gradient for _, gradient in changes]):
            computed = tf.timestamp()
        rate = tf.cast(self._rate(seen), self._network.precision)
        with tf.control_dependencies([computed]):
            writes = [weight.assign_sub(rate * gradient) for weight, gradient in changes]
        with tf.control_dependencies(writes):
            count = tf.identity(self._updates.assign_add(1))
        with tf.control_dependencies([count]):
            written = tf.timestamp()
        who = [tf.cast(number, tf.float64) for number in (worker, count - 1 - seen)]
        return tf.stack([*who, begun, read, computed, written])

    def epoch(self) -> None:
        """Let every worker begin the mini-batches that lie in its folder."""
        self._images = iter(self._datasets)

    def advance(self, count: int) -> Message:
        """Have so many updates done; answers (updates, 6) as ``_one_update``, of those that can be told."""
        done = [
            self._coordinator.schedule(self._update, args=(self._images,)) for _ in range(count)
        ]
        self._coordinator.join()
        return {"updates": np.array(self._coordinator.fetch(done)).reshape(-1, 6)}

    def weights(self) -> Message:
        """The weights on the server."""
        return _by_place(self._weights)


def _by_place(variables: Sequence[Any]) -> Message:
    """Values under their places, as messages name arrays."""
    return {str(place): np.asarray(v.numpy()) for place, v in enumerate(variables)}


def _rate(optimizer: Any) -> Callable[[Any], Any]:
    """The learning rate by the number of updates before."""
    import keras

    rate = optimizer._learning_rate  # noqa: SLF001 - the schedule itself
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        return rate  # type: ignore[no-any-return]
    constant = float(optimizer.learning_rate)
    return lambda _: constant


def _own_images(task: Mapping[str, Any]) -> Callable[[], Any]:
    """A data set of a worker's mini-batches, and of its number; made on each worker, from its own files."""
    tf = backend.tensorflow()
    x, y = task["x"], task["y"]

    def array(name: str, like: np.dtype[Any], *shape: int) -> Any:
        return tf.reshape(tf.io.decode_raw(tf.io.read_file(name), tf.as_dtype(like)), shape)

    def dataset() -> Any:
        images, labels = array("x", x.dtype, -1, *x.shape[1:]), array("y", y.dtype, -1)
        worker = array("worker", np.dtype(np.int64))

        def rows(_: Any) -> Any:  # read when an iterator begins, which is at every epoch
            places = array("rows", np.dtype(np.int32), -1, task["size"])
            return tf.data.Dataset.from_tensor_slices(places)

        batches = tf.data.Dataset.range(1).flat_map(rows).repeat()
        return batches.map(lambda row: (tf.gather(images, row), tf.gather(labels, row), worker))

    return dataset


def _serving() -> Any:
    os.environ["TF_NUM_INTEROP_THREADS"] = str(
        SERVING_THREADS
    )  # for servers, which ask no one else
    tf = backend.tensorflow()
    tf.config.threading.set_inter_op_parallelism_threads(SERVING_THREADS)
    return tf


ROLES: Final[Mapping[str, type]] = {
    "mirrored": _Mirrored,
    "served": _Served,
    "chief": _Chief,
}

if __name__ == "__main__":
    main()

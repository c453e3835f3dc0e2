"""What all engines share: the network with its loss and optimizer, and how it is evaluated."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench import backend, keras_objects, models
from bench.engines._flat import FlatObjective
from bench.errors import SuiteError
from bench.plugins import Dataset, Evaluation
from bench.weights import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.trial import Training

CHUNK: Final = 2000  # images per evaluation step: large products that stay in the cache


@dataclass(frozen=True)
class Job:
    """What an engine is asked to train."""

    training: Training
    data: Dataset
    seed: int
    trusted: bool

    @property
    def n_train(self) -> int:
        """Number of training images."""
        return len(self.data.y_train)

    @property
    def batch_size(self) -> int:
        """Training images per update, over all workers."""
        size = self.training.batch_size
        return self.n_train if size == "full" else size


@dataclass(frozen=True)
class Network:
    """A Keras model with what it is trained by. ``resting`` is the optimizer's state before training."""

    model: Any
    optimizer: Any
    loss: Any
    scale: float
    classes: int
    precision: str
    resting: tuple[np.ndarray, ...]

    @classmethod
    def build(cls, job: Job, updates_per_epoch: int = 1) -> Network:
        """Build and initialise what ``job`` names.

        Raises:
            SuiteError: settings that Keras refuses; ``where`` is the key path in the settings.
        """
        from bench.engines import _penalty  # it imports TensorFlow

        training = job.training
        model = initial_model(job)
        build = functools.partial(
            keras_objects.build, updates_per_epoch=updates_per_epoch, trusted=job.trusted
        )
        optimizer = build("optimizer", training.optimizer, path=("optimizer",))
        if getattr(optimizer, "use_ema", False):
            raise SuiteError(
                "weights averaged by the optimizer are not supported",
                where="optimizer",
                expected="an optimizer without use_ema",
                found="use_ema: true",
            )
        loss = build("loss", training.loss, path=("loss",))
        optimizer.build(model.trainable_variables)
        for variable in model.trainable_variables:
            variable.regularizer = _penalty.in_variables(variable)
        resting = tuple(v.numpy() for v in optimizer.variables)
        scale, classes = job.data.scale, job.data.classes
        return cls(model, optimizer, loss, scale, classes, training.precision, resting)

    def restart(self, job: Job) -> None:
        """Forget all training; take the initial weights, penalty and learning rate of ``job``, of one kind."""
        from bench.engines import _penalty

        model = initial_model(job)
        for variable, fresh in zip(self.model.variables, model.variables, strict=True):
            variable.assign(fresh)
        for variable, fresh in zip(
            self.model.trainable_variables, model.trainable_variables, strict=True
        ):
            _penalty.take_strengths(variable, fresh)
        for variable, value in zip(self.optimizer.variables, self.resting, strict=True):
            variable.assign(value)
        if job.training.rate is not None:
            self.optimizer.learning_rate = job.training.rate

    @property
    def parameters(self) -> int:
        """Number of trainable weights."""
        return int(sum(np.prod(v.shape) for v in self.model.trainable_variables))

    @property
    def variables(self) -> list[Any]:
        """What the outputs and the objective depend on: the model's variables and its penalty's strengths."""
        from bench.engines import _penalty

        return [*self.model.variables, *_penalty.strengths(self.model)]

    @property
    def sparse(self) -> bool:
        """Whether the loss takes class numbers; all others get one-hot labels."""
        import keras

        return isinstance(self.loss, keras.losses.SparseCategoricalCrossentropy)

    @property
    def is_random(self) -> bool:
        """Whether some layer draws random numbers while training."""
        return any(len(layer._seed_generators) for layer in self.model._flatten_layers())  # noqa: SLF001

    def objective(self, images: Any, labels: Any, *, training: bool) -> tuple[Any, Any, Any]:
        """Mean loss with regularisation, mean loss without, and outputs, of one batch."""
        tf = backend.tensorflow()
        inputs = tf.cast(images, self.precision) * self.scale
        outputs = self.model(inputs, training=training)
        loss = self.loss(self.targets(labels), outputs)
        return tf.add_n([loss, *self.model.losses]), loss, outputs

    @property
    def penalty(self) -> float:
        """What the optimizer adds to the objective by itself, without a gradient: a proximal step's."""
        return float(self.optimizer.penalty()) if hasattr(self.optimizer, "penalty") else 0.0

    def targets(self, labels: Any) -> Any:
        """What the loss takes for ``y_train`` or a part of it."""
        tf = backend.tensorflow()
        if not self.classes:
            return tf.cast(labels, self.precision)[:, None]
        return labels if self.sparse else tf.one_hot(labels, self.classes, dtype=self.precision)

    def gradients(self, images: Any, labels: Any) -> list[Any]:
        """Gradients of the objective of one batch, as ``model.fit`` would take them."""
        tf = backend.tensorflow()
        variables = [v.value for v in self.model.trainable_variables]
        with tf.GradientTape() as tape:
            total, _, _ = self.objective(images, labels, training=True)
        return list(tape.gradient(total, variables))

    def gradients_at(self, weights: list[Any], images: Any, labels: Any) -> list[Any]:
        """The same at other weights than the model's; nothing of the model changes."""
        tf = backend.tensorflow()
        points = [tf.convert_to_tensor(w) for w in weights]
        with tf.GradientTape() as tape:
            for point in points:
                tape.watch(point)
            total = self.objective_at(points, images, labels)
        return list(tape.gradient(total, points))

    def objective_at(self, weights: list[Any], images: Any, labels: Any) -> Any:
        """The objective of one batch, as in training, at these weights; nothing of the model changes."""
        import keras

        mapping = zip(self.model.trainable_variables, weights, strict=True)
        with keras.StatelessScope(state_mapping=mapping):
            total, _, _ = self.objective(images, labels, training=True)
        return total

    @functools.cached_property
    def flat(self) -> FlatObjective:
        """The objective as a function of all weights in one vector, compiled when it is first asked."""
        return FlatObjective(self)

    def apply(self, gradients: list[Any]) -> None:
        """One step of the optimizer."""
        self.optimizer.apply(gradients, self.model.trainable_variables)

    def sums(self, images: Any, labels: Any) -> Any:
        """(3,) float64: objective and loss times the number of images, and how many are right (or NaN)."""
        tf = backend.tensorflow()
        total, loss, outputs = self.objective(images, labels, training=False)
        count = tf.cast(tf.shape(labels)[0], tf.float64)
        means = [tf.cast(total, tf.float64) * count, tf.cast(loss, tf.float64) * count]
        if not self.classes:
            return tf.stack([*means, tf.constant(np.nan, tf.float64)])
        right = tf.argmax(outputs, axis=1, output_type=labels.dtype) == labels
        return tf.stack([*means, tf.reduce_sum(tf.cast(right, tf.float64))])

    def sums_at(self, values: list[Any], images: Any, labels: Any) -> Any:
        """The same with other values of ``variables``; nothing of the model changes."""
        import keras

        mapping = zip(self.variables, values, strict=True)
        with keras.StatelessScope(state_mapping=mapping, collect_losses=True):
            return self.sums(images, labels)

    def sums_now(self, images: Any, labels: Any) -> Any:
        """The same with their present values; nothing changes, no state of a layer either."""
        return self.sums_at([v.value for v in self.variables], images, labels)

    def evaluation(self, sums: Mapping[str, np.ndarray]) -> Evaluation:
        """Means from the ``sums`` over the images of each part: train, test, and validation if there are any.

        Values: (4,) what ``sums`` says, added up, and the number of images.
        """
        means = {part: values[:3] / values[3] for part, values in sums.items()}
        held = means.get("validation")
        return Evaluation(
            train_objective=float(means["train"][0]) + self.penalty,
            train_loss=float(means["train"][1]),
            train_accuracy=float(means["train"][2]),
            test_loss=float(means["test"][1]),
            test_accuracy=float(means["test"][2]),
            learning_rate=float(self.optimizer.learning_rate),
            validation_loss=None if held is None else float(held[1]),
            validation_accuracy=None if held is None else float(held[2]),
        )

    @property
    def is_mixed(self) -> bool:
        """Whether some layer computes in another type than the network's, such as bfloat16."""
        types = {layer.compute_dtype for layer in self.model._flatten_layers()}  # noqa: SLF001
        return types != {self.precision}

    def classes_at(self, values: list[Any], images: Any) -> Any:
        """(n,) the class that the network gives each image at these ``variables``; nothing of it changes."""
        import keras

        tf = backend.tensorflow()
        mapping = zip(self.variables, values, strict=True)
        with keras.StatelessScope(state_mapping=mapping):
            outputs = self.model(tf.cast(images, self.precision) * self.scale, training=False)
        return tf.argmax(outputs, axis=1)

    def classes_now(self, images: Any) -> Any:
        """The same with their present values."""
        return self.classes_at([v.value for v in self.variables], images)

    def predict(
        self, images: np.ndarray, classes: Callable[[Any], Any] | None = None
    ) -> np.ndarray:
        """(n,) the class that the network gives each image, and nothing of it changes.

        ``classes`` is ``classes_now``, or the same compiled: 16 bits are rounded otherwise when it is.
        """
        of = classes or self.classes_now
        parts = (images[i : i + CHUNK] for i in range(0, len(images), CHUNK))
        return np.concatenate([of(part).numpy() for part in parts])

    def weights(self) -> list[tuple[str, np.ndarray]]:
        """Path and value of every trainable array."""
        return [(v.path, plain(v.numpy())) for v in self.model.trainable_variables]

    def try_update(self, data: Dataset) -> None:
        """One update on two images.

        Raises:
            SuiteError: Keras refuses it.
        """
        tf = backend.tensorflow()
        try:
            labels = tf.constant(data.y_train[:2])
            self.apply(self.gradients(tf.constant(data.x_train[:2]), labels))
            _ = float(self.optimizer.learning_rate)
        except Exception as error:  # Keras and code of others raise what they like
            raise SuiteError(
                "these settings do not train",
                where="model, loss and optimizer together",
                expected="settings with which Keras can make one update",
                found=keras_objects.reason(error),
            ) from error


def initial_model(job: Job) -> Any:
    """The job's network with the initial weights of its seed."""
    return models.build(
        job.training.model,
        input_shape=job.data.x_train.shape[1:],
        outputs=job.data.outputs,
        seed=(job.data.checksum, job.seed),
        precision=job.training.precision,
        trusted=job.trusted,
    )


def batches(job: Job) -> int:
    """Updates per epoch when every batch is full but perhaps the last, as ``model.fit`` counts.

    Raises:
        SuiteError: a batch larger than the data.
    """
    if job.batch_size > job.n_train:
        raise SuiteError(
            "the batch is larger than the training set",
            where="batch_size",
            expected=f"at most {job.n_train}",
            found=str(job.batch_size),
        )
    return -(-job.n_train // job.batch_size)


def chunks(first: int, count: int) -> list[tuple[int, int, int]]:
    """How ``over_chunks`` goes through ``count`` images from ``first``: start, size and number of chunks."""
    full, rest = divmod(count, CHUNK)
    parts = [(first, CHUNK, full), (first + full * CHUNK, rest, 1)]
    return [part for part in parts if part[1] and part[2]]


def chunked(sums: Callable[[Any, Any], Any], data: Dataset) -> dict[str, np.ndarray]:
    """What ``evaluation`` takes, of all parts of the data; ``sums`` are asked for chunk by chunk, from here."""

    def over_all(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        parts = [
            slice(start + i * size, start + (i + 1) * size)
            for start, size, count in chunks(0, len(y))
            for i in range(count)
        ]
        found = np.sum([sums(x[part], y[part]).numpy() for part in parts], axis=0)
        return np.append(found, len(y))

    return {part: over_all(x, y) for part, (x, y) in data.parts.items()}


def over_chunks(
    function: Callable[[Any, Any], list[Any]],
    zeros: list[Any],
    arrays: tuple[Any, Any],
    part: tuple[Any, int, Any],
) -> list[Any]:
    """Sums of what ``function(images, labels)`` says of some chunks of the images, inside a graph.

    ``zeros`` are of the shapes and types of its answers; ``part`` is one of ``chunks``.
    """
    tf = backend.tensorflow()
    start, size, count = part

    def chunk(i: Any, *sums: Any) -> list[Any]:
        parts = [
            tf.slice(a, [start + i * size, *[0] * (a.ndim - 1)], [size, *a.shape[1:]])
            for a in arrays
        ]
        return [i + 1, *(a + b for a, b in zip(sums, function(*parts), strict=True))]

    return list(tf.while_loop(lambda i, *_: i < count, chunk, [tf.constant(0), *zeros])[1:])

"""What all engines share: the network with its loss and optimizer, and how it is evaluated."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench import backend, keras_objects, models
from bench.engines._flat import FlatObjective
from bench.errors import SuiteError
from bench.plugins import Evaluation
from bench.weights import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.plugins import Dataset
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
    """A Keras model with what it is trained by; its update is that of Keras's ``train_step``.

    ``updates_per_epoch`` is what schedules were made for; ``notes`` are cautions about the settings.
    """

    model: Any
    optimizer: Any
    loss: Any
    scale: float
    classes: int
    precision: str
    updates_per_epoch: int
    notes: tuple[str, ...]

    @classmethod
    def build(cls, job: Job, updates_per_epoch: int = 1) -> Network:
        """Build and initialise what ``job`` names.

        Raises:
            SuiteError: settings that Keras refuses; ``where`` is the key path in the settings.
        """
        from bench.engines import _checks, _penalty  # they import TensorFlow

        training = job.training
        model = initial_model(job)
        _checks.check_model(model)
        optimizer = _optimizer(job, model, updates_per_epoch)
        _checks.check_optimizer(optimizer)
        loss = keras_objects.build("loss", training.loss, trusted=job.trusted, path=("loss",))
        for variable in model.trainable_variables:
            variable.regularizer = _penalty.in_variables(variable)
        return cls(
            model,
            optimizer,
            loss,
            job.data.scale,
            job.data.classes,
            training.precision,
            updates_per_epoch,
            _checks.cautions(model, loss),
        )

    def restart(self, job: Job) -> None:
        """Forget all training; start with the weights, optimizer and penalty of ``job``, of one kind."""
        from bench.engines import _penalty

        model = initial_model(job)
        optimizer = _optimizer(job, model, self.updates_per_epoch)
        now = [*self.model.variables, *self.optimizer.variables]
        for variable, fresh in zip(now, [*model.variables, *optimizer.variables], strict=True):
            variable.assign(fresh)
        for variable, fresh in zip(
            self.model.trainable_variables, model.trainable_variables, strict=True
        ):
            _penalty.take_strengths(variable, fresh)

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

        losses = keras.losses
        return isinstance(
            self.loss,
            losses.SparseCategoricalCrossentropy | losses.CategoricalGeneralizedCrossEntropy,
        )

    @property
    def is_random(self) -> bool:
        """Whether some layer draws random numbers while training."""
        return any(len(layer._seed_generators) for layer in self.model._flatten_layers())  # noqa: SLF001

    def outputs(self, images: Any, *, training: bool) -> Any:
        """What the network makes of images as they lie in a ``Dataset``."""
        tf = backend.tensorflow()
        return self.model(tf.cast(images, self.precision) * self.scale, training=training)

    def objective(self, images: Any, labels: Any, *, training: bool) -> tuple[Any, Any, Any]:
        """Mean loss with all that layers add to it, mean loss without, and outputs, of one batch."""
        tf = backend.tensorflow()
        outputs = self.outputs(images, training=training)
        loss = tf.cast(self.loss(self.targets(labels), outputs), self.precision)
        # As `Trainer.compute_loss` adds them up: penalties of weights and activities, `add_loss`.
        added = [
            tf.cast(tf.reduce_sum(a) if a.shape.rank else a, loss.dtype) for a in self.model.losses
        ]
        return tf.add_n([loss, *added]), loss, outputs

    @property
    def penalty(self) -> float:
        """What optimizers add to the objective by themselves, without a gradient: a proximal step's."""
        from bench import optimizers

        each = [one for one in optimizers.within(self.optimizer) if hasattr(one, "penalty")]
        return float(sum(one.penalty() for one in each))

    def targets(self, labels: Any) -> Any:
        """What the loss takes for ``y_train`` or a part of it."""
        tf = backend.tensorflow()
        if not self.classes:
            return tf.cast(labels, self.precision)[:, None]
        return labels if self.sparse else tf.one_hot(labels, self.classes, dtype=self.precision)

    def gradients(self, images: Any, labels: Any) -> list[Any]:
        """Gradients of one batch as ``model.fit`` takes them: of the objective times the loss's scale.

        None where the objective does not depend on an array; ``IndexedSlices`` of rows that were looked up.
        """
        tf = backend.tensorflow()
        variables = [v.value for v in self.model.trainable_variables]
        with tf.GradientTape() as tape:
            total, _, _ = self.objective(images, labels, training=True)
            total = self.optimizer.scale_loss(total)
        return list(tape.gradient(total, variables))

    def gradients_at(
        self, weights: list[Any], images: Any, labels: Any, *, scaled: bool = False
    ) -> list[Any]:
        """The same at other weights than the model's, by default of the objective itself; nothing changes."""
        tf = backend.tensorflow()
        points = [tf.convert_to_tensor(w) for w in weights]
        with tf.GradientTape() as tape:
            for point in points:
                tape.watch(point)
            total = self.objective_at(points, images, labels)
            if scaled:
                total = self.optimizer.scale_loss(total)
        return list(tape.gradient(total, points))

    @property
    def loss_scale(self) -> Any:
        """What the optimizer multiplies a loss by, and divides gradients by; None: it leaves them alone.

        A scale that is not constant belongs to the next update.
        """
        one = backend.tensorflow().ones((), self.precision)
        scale = self.optimizer.scale_loss(one)
        return None if scale is one else scale

    def objective_at(self, weights: list[Any], images: Any, labels: Any) -> Any:
        """The objective of one batch, as in training, at these weights; nothing of the model changes."""
        import keras

        mapping = zip(self.model.trainable_variables, weights, strict=True)
        with keras.StatelessScope(state_mapping=mapping, collect_losses=True):
            total, _, _ = self.objective(images, labels, training=True)
        return total

    @functools.cached_property
    def flat(self) -> FlatObjective:
        """The objective as a function of all weights in one vector, compiled when it is first asked."""
        return FlatObjective(self)

    def apply(self, gradients: list[Any]) -> None:
        """One step of the optimizer."""
        self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables, strict=True))

    def update(self, images: Any, labels: Any) -> None:
        """One update, as the default engine makes it."""
        self.apply(self.gradients(images, labels))

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


def _optimizer(job: Job, model: Any, updates_per_epoch: int) -> Any:
    """The job's optimizer before the first update of ``model``."""
    optimizer = keras_objects.build(
        "optimizer",
        job.training.optimizer,
        updates_per_epoch=updates_per_epoch,
        trusted=job.trusted,
        path=("optimizer",),
    )
    optimizer.build(model.trainable_variables)
    return optimizer


def by_array(function: Callable[..., Any], *gradients: list[Any]) -> list[Any]:
    """Gradients made of others, array by array; where the first are None, so is what is made of them."""
    tf = backend.tensorflow()
    return [
        None if same[0] is None else function(*(tf.convert_to_tensor(part) for part in same))
        for same in zip(*gradients, strict=True)
    ]


def update_of_arrays(network: Network, images: Any, labels: Any) -> None:
    """One update as engines make it that turn gradients of looked up rows into arrays.

    Keras hands such rows to the optimizer one by one, also where they are the same row: their squares add up to
    another number than the square of their sum.

    Raises:
        SuiteError: the optimizer would make another update of an array.
    """
    gradients = network.gradients(images, labels)
    variables = network.model.trainable_variables
    rows = [
        variable.path
        for variable, gradient in zip(variables, gradients, strict=True)
        if isinstance(gradient, backend.tensorflow().IndexedSlices)
    ]
    if rows and not _is_linear(network.optimizer):
        raise SuiteError(
            "the optimizer treats looked up rows otherwise than whole arrays",
            where="model and optimizer together",
            expected="SGD without clipping, or the engine compiled, fit or master_worker",
            found=", ".join(rows),
        )
    network.apply(by_array(lambda gradient: gradient, gradients))


def _is_linear(optimizer: Any) -> bool:
    """Whether a step is a sum over the parts of a gradient."""
    import keras

    from bench import optimizers

    kinds = (keras.optimizers.SGD, keras.optimizers.LossScaleOptimizer)
    return all(
        type(one) in kinds and not (one.clipnorm or one.clipvalue or one.global_clipnorm)
        for one in optimizers.within(optimizer)
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

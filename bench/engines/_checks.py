"""What is refused, since it cannot be trained as Keras does or evaluated over all images, and what is doubtful.

The engines make the update of ``keras.Model``'s own ``train_step`` and evaluate images in parts. So the
weights have to be the optimizer's at any time, and a loss the mean of its images' losses.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from bench import backend, keras_objects, optimizers
from bench.errors import BenchError, SuiteError

backend.tensorflow()
import keras  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.engines._network import Network
    from bench.plugins import Dataset

    Update = Callable[[Network, Any, Any], None]

TRAINING: Final = ("train_step", "compute_loss", "make_train_function", "compile", "fit")
MEANS: Final = ("sum_over_batch_size", "mean", "mean_with_sample_weight")
TRIED: Final = 2  # images of an update that is tried; twice as many are evaluated
TOLERANCE: Final = 1e-3  # relative; layers that compute in 16 bits round by up to 0.4 % each
COARSE: Final = {"float16": 0.02, "bfloat16": 0.1}
PROBABILITIES: Final = ("softmax", "sigmoid", "hard_sigmoid", "sparsemax", "sparse_sigmoid")
_SHAPING: Final = (
    *(keras.layers.Flatten, keras.layers.Reshape, keras.layers.Permute, keras.layers.Identity),
    *(keras.layers.Dropout, keras.layers.ActivityRegularization),
    *(keras.layers.GlobalAveragePooling1D, keras.layers.GlobalAveragePooling2D),
    *(keras.layers.GlobalMaxPooling1D, keras.layers.GlobalMaxPooling2D),
)  # they leave probabilities what they are
_ACTIVATIONS: Final = (
    *(keras.layers.Softmax, keras.layers.ReLU, keras.layers.LeakyReLU),
    *(keras.layers.PReLU, keras.layers.ELU),
)


def check_model(model: Any) -> None:
    """Refuse a network without weights to train, and one that means to be trained in its own way.

    Raises:
        SuiteError: says which.
    """
    if not model.trainable_variables:
        raise SuiteError(
            "the network has nothing to train",
            where="model",
            expected="a layer with weights that is not frozen by trainable: false",
            found=", ".join(layer.name for layer in model.layers),
        )
    for layer in model._flatten_layers():  # noqa: SLF001 - with those inside wrappers
        own = [name for name in TRAINING if isinstance(layer, keras.Model) and _is_own(layer, name)]
        if own:
            raise SuiteError(
                "a model class that trains in its own way",
                where="model",
                expected=f"layers, or a model without its own {', '.join(TRAINING)}: engines make the"
                " update of keras.Model",
                found=f"{type(layer).__name__} with {', '.join(own)}",
                hint="put what it adds to the loss into add_loss, and its update into an optimizer",
            )


def check_optimizer(optimizer: Any) -> None:
    """Refuse optimizers whose weights are other than those that they leave after an update.

    Raises:
        SuiteError: says which.
    """
    for one in optimizers.within(optimizer):
        if getattr(one, "use_ema", False):
            found = f"use_ema: true in {type(one).__name__}"
        elif _is_own(one, "finalize_variable_values"):
            found = f"{type(one).__name__} with finalize_variable_values"
        else:
            continue
        raise SuiteError(
            "weights averaged by the optimizer are not supported",
            where="optimizer",
            expected="an optimizer without use_ema, whose weights are final after each update",
            found=found,
        )


def _is_own(thing: Any, method: str) -> bool:
    """Whether a method is none of Keras's or of this package."""
    by = next((c for c in type(thing).__mro__ if method in vars(c)), object)
    return by.__module__.split(".")[0] not in ("keras", "bench", "builtins")


def try_out(network: Network, data: Dataset, update: Update) -> None:
    """Evaluate a few images and make one update.

    Raises:
        SuiteError: Keras refuses it, or the loss is no mean over images.
    """
    tf = backend.tensorflow()
    x, y = (tf.constant(part[: 2 * TRIED]) for part in (data.x_train, data.y_train))
    _check_reduction(network.loss)
    with _explained("these settings cannot be evaluated", "one evaluation"):
        outputs = network.outputs(x, training=False)
        loss = network.loss(network.targets(y), outputs)
        _check_all_count(network, y, outputs, loss)
        _check_mean(network, x, y)
    with _explained("these settings do not train", "one update"):
        update(network, x[:TRIED], y[:TRIED])
        _ = float(network.optimizer.learning_rate)


@contextlib.contextmanager
def _explained(problem: str, what: str) -> Iterator[None]:
    try:
        yield
    except BenchError:
        raise
    except Exception as error:  # Keras and code of others raise what they like
        raise SuiteError(
            problem,
            where="model, loss and optimizer together",
            expected=f"settings with which Keras can make {what}",
            found=keras_objects.reason(error),
        ) from error


def _check_reduction(loss: Any) -> None:
    reduction = getattr(loss, "reduction", MEANS[0])
    if reduction not in MEANS:
        raise SuiteError(
            "the loss is no mean over images",
            where=f"loss.{type(loss).__name__}.reduction",
            expected=f"reduction: {MEANS[0]}, {MEANS[1]} or {MEANS[2]}",
            found=f"reduction: {'none' if reduction is None else reduction}",
            hint="a sum over B images trains as their mean does with B times the learning rate and penalties"
            " divided by B",
        )


def _check_all_count(network: Network, labels: Any, outputs: Any, loss: Any) -> None:
    """Refuse a loss of several numbers, and one that leaves images out."""
    if loss.shape.rank:
        raise SuiteError(
            "the loss is no mean over images",
            where="loss",
            expected="one number for the images of an update",
            found=f"an array of shape {tuple(loss.shape)}",
        )
    each = outputs
    if hasattr(network.loss, "call"):
        each = network.loss.call(
            backend.tensorflow().cast(network.targets(labels), outputs.dtype), outputs
        )
    if any(getattr(part, "_keras_mask", None) is not None for part in (outputs, each)):
        raise SuiteError(
            "a mask leaves images out of the loss",
            where="model and loss together",
            expected="a loss of every image: no ignore_class, and layers that use a mask up before the output",
            found="a mask, by which Keras divides the loss by another number of images in every update",
        )


def _check_mean(network: Network, images: Any, labels: Any) -> None:
    """Refuse what is not the mean over its images: then it would depend on how many are evaluated at once."""
    half = len(labels) // 2
    if not half:
        return
    parts = [slice(half), slice(half, 2 * half)]
    whole, *halves = (
        network.sums(images[part], labels[part]).numpy()[:2] for part in (slice(2 * half), *parts)
    )
    allowed = TOLERANCE
    for layer in network.model._flatten_layers():  # noqa: SLF001
        allowed = max(allowed, COARSE.get(layer.compute_dtype, 0))
    scale = max(abs(whole).max(), sum(abs(part) for part in halves).max())
    off = abs(whole - sum(halves)) > allowed * scale  # never for what is not finite
    if off.any():
        several, single = float(whole[0]) / (2 * half), float(sum(halves)[0]) / (2 * half)
        raise SuiteError(
            "the loss of several images is not the mean of theirs",
            where="loss" if off[1] else "model",
            expected="a mean over images; what layers add by add_loss divided by their number",
            found=f"{several:.6g} for {2 * half} images, {single:.6g} for the mean of {half} and {half}",
        )


def cautions(model: Any, loss: Any) -> tuple[str, ...]:
    """What should be said of a network that can be trained: a loss that reads the outputs otherwise."""
    logits, last = getattr(loss, "from_logits", None), _last_activation(model)
    if logits is None or last is None or logits != (last in PROBABILITIES):
        return ()
    taken = f"{type(loss).__name__} takes the outputs for"
    if logits:
        return (f"{taken} logits (from_logits: true), but {last} makes probabilities of them",)
    return (f"{taken} probabilities (from_logits: false), but the last activation is {last}",)


def _last_activation(model: Any) -> str | None:
    """The name of what makes the outputs of a chain of layers; None where that is not known."""
    layer = next((one for one in reversed(model.layers) if not isinstance(one, _SHAPING)), None)
    if isinstance(layer, keras.Sequential):
        return _last_activation(layer)
    if isinstance(layer, _ACTIVATIONS):
        return str(type(layer).__name__).lower()
    inner = getattr(layer, "layer", layer)  # TimeDistributed and other wrappers
    name = getattr(getattr(inner, "activation", None), "__name__", None)
    return name if isinstance(name, str) else None

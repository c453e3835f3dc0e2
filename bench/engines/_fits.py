"""Whether a network and its loss take what the data gives: what Keras would round or cut off, silently."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench import backend
from bench.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.engines._network import Network
    from bench.plugins import Dataset

EVENLY: Final = 16  # images that are tried beside those with the most telling numbers
_SIZES: Final = {"Embedding": "input_dim", "CategoryEncoding": "num_tokens"}
_WHOLE: Final = (*_SIZES, "Hashing", "HashedCrossing", "IntegerLookup")
_OF_CLASSES: Final = (
    "SparseCategoricalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
)


def check(network: Network, data: Dataset) -> None:
    """Refuse a network or a loss that would make something else of the data than was meant.

    Layers that take whole numbers are found wherever they are tracked, in nested models and layers of one's
    own too; what other code rounds by itself is not known.

    Raises:
        SuiteError: fractions, or numbers beyond its size, reach a layer that takes whole numbers; or a loss
            for classes is given real-valued targets.
    """
    _check_loss(network, data)
    for place, layer in _takers(network.model):
        for wrong in _given(network, layer, data):
            size = getattr(layer, _SIZES.get(_kind(layer), ""), None)
            raise SuiteError(
                f"{type(layer).__name__} takes whole numbers"
                + ("" if size is None else f" from 0 to {size - 1}"),
                where=f"model.{place}",
                expected="data of such numbers, such as tokens",
                found=f"{wrong:.6g}, as the numbers of {data.name} are {data.scaling}",
                hint=_hint(wrong, data.scale),
            )


def _hint(wrong: float, scale: float) -> str:
    if scale != 1:
        return "write scale: 1 beside the data's file, if its numbers are meant as they are"
    if wrong != round(wrong):
        return "give it the columns of whole numbers alone"
    return "make the layer as large as the largest number, and one more"


def _takers(model: Any) -> Iterator[tuple[str, Any]]:
    """The layers that take whole numbers, each with the place of the layer of the suite that it is (in)."""
    for index, top in enumerate(model.layers[1:]):  # the first is the input
        for layer in top._flatten_layers():  # noqa: SLF001
            if _kind(layer):
                yield f"layers.{index}", layer


def _kind(layer: Any) -> str:
    """Which layer of Keras that takes whole numbers it is; empty if none."""
    import keras

    known = ((name, getattr(keras.layers, name)) for name in _WHOLE)
    return next((name for name, cls in known if isinstance(layer, cls)), "")


def _given(network: Network, layer: Any, data: Dataset) -> Iterator[float]:
    """The numbers that reach ``layer`` and that it does not take."""
    tf = backend.tensorflow()
    size = getattr(layer, _SIZES.get(_kind(layer), ""), None)
    found: list[float] = []

    def look(inputs: Any, *rest: Any, **options: Any) -> None:
        if options.get("reverse") or (
            rest and rest[0] is True
        ):  # an embedding backwards: no numbers of it
            return
        for values in tf.nest.flatten(inputs):
            if hasattr(values, "numpy") and values.dtype.is_floating | values.dtype.is_integer:
                numbers = np.asarray(tf.cast(values, tf.float64))
                wrong = numbers != np.rint(numbers)
                if size is not None:
                    wrong |= (numbers < 0) | (numbers >= size)
                found.extend(numbers[wrong][:1].tolist())

    images = tf.constant(_telling(data))
    # Numbers beyond an embedding end the call; other errors are said by the trial update.
    with _watched(layer, look), contextlib.suppress(Exception):
        network.model(tf.cast(images, network.precision) * network.scale, training=False)
    yield from found


@contextlib.contextmanager
def _watched(layer: Any, look: Callable[..., None]) -> Iterator[None]:
    """Show ``look`` what a layer is called with."""
    call = layer.call

    def watched(*inputs: Any, **options: Any) -> Any:
        look(*inputs, **options)
        return call(*inputs, **options)

    layer.call = watched
    try:
        yield
    finally:
        del layer.call


def _telling(data: Dataset) -> np.ndarray:
    """Some images of each part: those with the largest, the smallest, a fractional number, and evenly."""
    images = []
    for x, _ in data.parts.values():
        flat = x.reshape(len(x), -1)
        seen = flat * np.float32(data.scale)
        rows = {int(flat.max(1).argmax()), int(flat.min(1).argmin())}
        rows.add(int((seen != np.rint(seen)).any(1).argmax()))
        rows.update(np.linspace(0, len(x) - 1, EVENLY).astype(int).tolist())
        images.append(x[sorted(rows)])
    return np.concatenate(images)


def _check_loss(network: Network, data: Dataset) -> None:
    """Refuse a loss for classes where the targets are real-valued: it is a number, and means nothing."""
    import keras

    if data.classes:
        return
    for_classes = tuple(getattr(keras.losses, name) for name in _OF_CLASSES)
    for_shares = (keras.losses.BinaryCrossentropy, keras.losses.BinaryFocalCrossentropy)
    low, high = float(data.y_train.min()), float(data.y_train.max())
    shares = low >= 0 and high <= 1
    if isinstance(network.loss, for_classes) or (
        isinstance(network.loss, for_shares) and not shares
    ):
        raise SuiteError(
            "a loss for classes, and targets that are real-valued",
            where="loss",
            expected="a loss for numbers, such as MeanSquaredError",
            found=f"{type(network.loss).__name__}, and targets of {data.name} from {low:g} to {high:g}",
            hint="write targets: classes beside the data's file, if they name classes",
        )

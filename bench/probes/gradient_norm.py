"""How steep the training objective is: the norm of its gradient on a fixed set of training images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench.plugins import Measure
from bench.probes import _images

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.plugins import Dataset, Trained
    from bench.trial import Training

ARGUMENTS: Final = ("images",)


def measure(trained: Trained) -> list[Measure]:
    """Per layer and for the whole network (layer ""): ``norm``, the 2-norm, penalties and biases included."""
    flat = trained.engine.network.flat
    images, labels = _images.fixed(trained.data, trained.arguments.get("images", _images.IMAGES))
    _, gradient = flat.gradient(flat.point(), images, labels)
    squares: dict[str, float] = {}
    for layer, part in _by_layer(trained, gradient):
        squares[layer] = squares.get(layer, 0.0) + float(part @ part)
    squares[""] = sum(squares.values())
    return [Measure(layer, "norm", float(np.sqrt(square))) for layer, square in squares.items()]


def check(training: Training, data: Dataset, arguments: Mapping[str, Any]) -> None:
    """Refuse a number of images that is none.

    Raises:
        SuiteError: says what was expected.
    """
    del training, data
    _images.check_count(arguments, "images", 1)


def _by_layer(trained: Trained, gradient: np.ndarray) -> list[tuple[str, np.ndarray]]:
    weights = trained.engine.weights()
    ends = np.cumsum([array.size for _, array in weights])
    parts = np.split(gradient.astype(np.float64), ends[:-1])
    layers = [path.rpartition("/")[0] for path, _ in weights]
    return list(zip(layers, parts, strict=True))

"""How large a network is: its weights, and the multiply-adds that it takes for an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bench.plugins import Measure

if TYPE_CHECKING:
    from bench.plugins import Trained


def measure(trained: Trained) -> list[Measure]:
    """Per layer with weights and for the whole network (layer "").

    Measures: ``parameters`` (trainable ones), ``multiply_adds`` of its kernels per image, forward: a training
    step takes about three times as many. Biases, activations and normalisations are not counted. Left out,
    for the network too, where a layer is neither dense nor a convolution.
    """
    rows: list[Measure] = []
    operations: float | None = 0.0
    for layer in trained.engine.network.model.layers:
        parameters = sum(int(np.prod(v.shape)) for v in layer.trainable_variables)
        if not parameters:
            continue
        rows.append(Measure(layer.name, "parameters", float(parameters)))
        own = _multiply_adds(layer)
        if own is not None:
            rows.append(Measure(layer.name, "multiply_adds", own))
        operations = None if own is None or operations is None else operations + own
    rows.append(Measure("", "parameters", float(trained.engine.parameters)))
    return rows if operations is None else [*rows, Measure("", "multiply_adds", operations)]


def _multiply_adds(layer: Any) -> float | None:
    """Each weight of a kernel meets each position of the output once; None for layers not known here."""
    import keras

    known = (keras.layers.Dense, keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
    if not any(len(v.shape) >= 2 for v in layer.trainable_variables):
        return 0.0
    if not isinstance(layer, known) or getattr(layer, "data_format", None) == "channels_first":
        return None
    positions = np.prod([n for n in layer.output.shape[1:-1] if n is not None])
    return float(np.prod(layer.kernel.shape) * positions)

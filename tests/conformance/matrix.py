"""What the conformance of training is tried on: every optimizer and layer of Keras, found in Keras itself.

What a later Keras adds is tried without a change here, as long as its arguments can be guessed.
"""

from __future__ import annotations

import inspect

from bench import backend, models
from bench.errors import SuiteError

backend.tensorflow()
import keras  # noqa: E402

RATE = 0.02
ADAM = {"Adam": {"learning_rate": RATE, "loss_scale_factor": 8.0}}
# Values that show in a few updates, where half or twice the default would not.
OPTIMIZER_ARGUMENTS = {
    "learning_rate": RATE / 2,
    "weight_decay": 0.1,
    "clipnorm": 0.05,
    "clipvalue": 0.01,
    "global_clipnorm": 0.05,
    "ema_overwrite_frequency": 2,
    "loss_scale_factor": 1000.0,
    "gradient_accumulation_steps": 2,
    "epsilon": 0.01,
    "dynamic_growth_steps": 2,
    "name": "another",
    "exclude_layers": ["dense_1"],
    "muon_b": -4.7,
    "inner_optimizer": ADAM,
}
NEEDED = {
    **dict.fromkeys(["units", "kernel_size", "pool_size", "output_size", "n"], 2),
    **dict.fromkeys(["filters", "output_dim", "key_dim", "head_dim", "num_heads"], 3),
    **dict.fromkeys(["factor", "height_factor", "width_factor", "stddev", "rate"], 0.1),
    "scale": 0.5,
    "activation": "tanh",
    "height": 6,
    "width": 6,
    "input_dim": 20,
}
OF_LAYER = {
    "ActivityRegularization": {"l1": 0.02, "l2": 0.02},
    "Reshape": {"target_shape": [4, 16]},
    "Permute": {"dims": [2, 1]},
    "EinsumDense": {"equation": "ab,bc->ac", "output_shape": 3, "bias_axes": "c"},
    "Bidirectional": {"layer": {"SimpleRNN": {"units": 2}}},
    "TimeDistributed": {"layer": {"Dense": {"units": 3}}},
    "SpectralNormalization": {"layer": {"Dense": {"units": 3}}},
    "RandomPosterization": {"factor": 4},
    "Discretization": {"bin_boundaries": [0.2, 0.5]},
}
# What stands before a layer, so that it gets so many dimensions.
BEFORE = {
    1: [{"Reshape": {"target_shape": [64]}}],
    2: [{"Reshape": {"target_shape": [8, 8]}}],
    3: [{"Reshape": {"target_shape": [8, 8, 1]}}, {"Conv2D": {"filters": 3, "kernel_size": 1}}],
    4: [{"Reshape": {"target_shape": [4, 4, 4, 1]}}],
    5: [{"Reshape": {"target_shape": [4, 2, 2, 4, 1]}}],
}
AFTER = ["Flatten", {"Dense": {"units": 10}}]
MASKS = {"Masking": ["GlobalAveragePooling1D"]}  # which uses the mask up
# Layers that no chain of layers can hold, or no evaluation: they are refused.
UNUSED = {
    *("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"),
    *("AdditiveAttention", "Attention", "GroupQueryAttention", "MultiHeadAttention"),
    *("GRUCell", "LSTMCell", "RNN", "SimpleRNNCell", "StackedRNNCells"),
    *("CategoryEncoding", "HashedCrossing", "Hashing", "MelSpectrogram", "STFTSpectrogram"),
    *("FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper"),
    *("IntegerLookup", "StringLookup", "TextVectorization"),
    *(
        "AugMix",
        "Equalization",
        "InputLayer",
        "MaxNumBoundingBoxes",
        "Pipeline",
        "RandomCrop",
        "Wrapper",
    ),
}


def classes(kind):
    """Those of Keras by their first name: Convolution2D is Conv2D."""
    module = {"optimizer": keras.optimizers, "layer": keras.layers, "loss": keras.losses}[kind]
    base = {"optimizer": keras.Optimizer, "layer": keras.layers.Layer, "loss": keras.Loss}[kind]
    found = {}
    for name, cls in inspect.getmembers(module, inspect.isclass):
        if issubclass(cls, base) and cls is not base:
            found.setdefault(cls, name)
    return {name: cls for cls, name in found.items()}


def optimizers():
    """Each as it is, and with each of its arguments otherwise: {(name, argument): spec}."""
    found = {}
    for name, cls in classes("optimizer").items():
        if name == "MultiOptimizer":  # takes a map of optimizers, which a suite cannot write
            continue
        wraps = name == "LossScaleOptimizer"
        base = {"inner_optimizer": {"SGD": {"momentum": 0.5}}} if wraps else {"learning_rate": RATE}
        found[name, ""] = {name: base}
        for argument, default in signature(cls).items():
            value = _other(argument, default)
            found[name, argument] = {name: {**base, argument: value}}
    return found


def signature(cls):
    """Arguments of a constructor with their defaults."""
    known = inspect.signature(cls.__init__).parameters.values()
    return {p.name: p.default for p in known if p.kind in (1, 3) and p.name != "self"}


def _other(name, default):
    """A value that is not the default."""
    if name in OPTIMIZER_ARGUMENTS:
        return OPTIMIZER_ARGUMENTS[name]
    if isinstance(default, bool):
        return not default
    if isinstance(default, int):
        return default + 1
    return default / 2 if default else 0.1


def regularizers(name):
    """Arguments of a layer that take a regularizer, those of its base classes included."""
    cls = classes("layer")[name]
    known = [*signature(cls)]
    if name not in ("ActivityRegularization", "RandomPosterization") and takes_any(cls):
        known.append("activity_regularizer")
    return [argument for argument in dict.fromkeys(known) if argument.endswith("_regularizer")]


def takes_any(cls):
    """Whether a constructor passes on what it does not know."""
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(cls.__init__).parameters.values())


def model(name, dimensions, **arguments):
    """A network with this layer, for images of 8 x 8 and ten classes."""
    known = signature(classes("layer")[name])
    needed = {
        k: NEEDED[k] for k, v in known.items() if v is inspect.Parameter.empty and k in NEEDED
    }
    layer = {name: {**needed, **OF_LAYER.get(name, {}), **arguments}}
    return {"layers": [*BEFORE[dimensions], layer, *MASKS.get(name, []), *AFTER]}


def dimensions(name):
    """How many dimensions a layer can take, at least; None if it fits nowhere."""
    first = {"1D": 2, "2D": 3, "3D": 4}.get(name[-2:], 1)
    if "preprocessing.image" in classes("layer")[name].__module__:
        first = 3
    for count in sorted(BEFORE, key=lambda d: (d < first, d)):
        try:
            models.build(model(name, count), input_shape=(8, 8), outputs=10, seed=(0,))
        except SuiteError:
            continue
        return count
    return None

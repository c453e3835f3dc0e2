"""Networks by name. A network is a list of Keras layers; ``mlp`` is a short way to write a common one."""

from __future__ import annotations

import contextlib
import functools
import inspect
import itertools
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from bench import backend, keras_objects
from bench.errors import SuiteError, did_you_mean, first_line, shown
from bench.plugins import named
from bench.trial import generator

Spec = str | Mapping[str, Any]

_ROLES: Final = {
    "StandardizedDense": "Dense"
}  # stands where a Dense layer would, and starts as one


def build(
    spec: Spec,
    *,
    input_shape: tuple[int, ...],
    outputs: int,
    seed: Sequence[object],
    precision: str = "float32",
    trusted: bool = False,
) -> Any:
    """A Keras model with outputs (batch, outputs), initialised by ``seed``; all of it in ``precision``.

    The initial weights of a layer depend on ``seed``, the layer's class, its place among the layers of this
    class, and its shape: networks that differ elsewhere start alike, which is what pairs variants.

    Layers are named by class and place, what is inside them as Keras does in a new process: names depend on the
    network alone. The path of every variable begins with the name of its layer, and is its own.

    Raises:
        SuiteError: a network that does not exist or does not fit the data.
    """
    backend.use(precision)
    with backend.fresh_names():
        model = _built(spec, input_shape, outputs, seed, trusted=trusted)
    _tell_apart(model)
    return model


def _built(
    spec: Spec,
    input_shape: tuple[int, ...],
    outputs: int,
    seed: Sequence[object],
    *,
    trusted: bool,
) -> Any:
    import keras

    inputs = flow = keras.Input(input_shape)
    counts: dict[str, int] = {}
    for path, layer in _layers(spec, outputs):
        kind, _ = named(layer, where=".".join(path))
        role = _ROLES.get(kind, kind)
        label = _snake(role)
        counts[label] = counts.get(label, 0) + 1
        with _default_seeds(*seed, "layer", role, counts[label]):
            made = keras_objects.build(
                "layer", layer, trusted=trusted, path=path, name=f"{label}_{counts[label]}"
            )
            flow = _applied(made, flow, ".".join((*path, kind)))
    if tuple(flow.shape) != (None, outputs):
        raise SuiteError(
            "the network's output does not fit the data",
            where="model",
            expected=f"shape (batch, {outputs}), a number per class or for the target",
            found=str(tuple(flow.shape)),
            hint=f"end with {{Dense: {{units: {outputs}}}}}",
        )
    try:
        return keras.Model(inputs, flow)
    except ValueError as error:
        raise SuiteError(
            "these layers are not one network",
            where="model",
            expected="layers with different names",
            found=first_line(error),
        ) from error


def _tell_apart(model: Any) -> None:
    """Give variables that a layer makes outside of itself, or several by one name, a path of their own."""
    taken: set[str] = set()
    for layer in model.layers:
        for variable in {id(v): v for v in layer.variables}.values():
            path = variable.path
            if not path.startswith(f"{layer.name}/"):
                path = f"{layer.name}/{path}"
            others = (f"{path}_{n}" for n in itertools.count(1))
            path = next(p for p in itertools.chain([path], others) if p not in taken)
            variable._path = path  # noqa: SLF001 - Keras takes a path for its name alone
            taken.add(path)


def _layers(spec: Spec, outputs: int) -> list[tuple[tuple[str, ...], Spec]]:
    """The layers of a network, each with the keys that lead to it."""
    if isinstance(spec, Mapping) and isinstance(spec.get("layers"), list):
        listed = enumerate(spec["layers"])
        return [(("model", "layers", str(index)), layer) for index, layer in listed]
    name, _ = named(spec, where="model")
    if name not in NETWORKS:
        raise SuiteError(
            f"no network {shown(name)}",
            where=f"model.{name}",
            expected="layers: [...], or one of " + ", ".join(NETWORKS),
            found=shown(name),
            hint=did_you_mean(name, [*NETWORKS, "layers"]),
        )
    return [(("model", name), layer) for layer in _network(spec, outputs)]


def _applied(layer: Any, inputs: Any, where: str) -> Any:
    """What the layer makes of ``inputs``: one array per image, never several."""
    try:
        outputs = layer(inputs)
        _ = tuple(outputs.shape)
    except Exception as error:  # Keras raises what it likes
        raise SuiteError(
            "the layer does not fit where it stands",
            where=where,
            expected=f"a layer with one output, for inputs of shape {tuple(inputs.shape)}",
            found=keras_objects.reason(error),
        ) from error
    return outputs


def mlp(
    outputs: int,
    *,
    hidden: Sequence[int] = (100,),
    activation: str = "relu",
    initializer: Spec | None = None,
    l1: float | None = 0,
    l2: float | None = 0,
    dropout: float | None = 0,
    normalization: str | None = None,
    blur: float | None = 0,
) -> list[Spec]:
    """Layers of a multi-layer perceptron with logits as outputs.

    Args:
        outputs: number of outputs.
        hidden: neurons per hidden layer.
        activation: of the hidden layers, by its Keras name.
        initializer: of the hidden layers' weights, by its Keras name; default Glorot's uniform one.
        l1: strength of the penalty sum |w| on the hidden layers' weights (not on the output layer's).
        l2: the same with sum w².
        dropout: share of hidden neurons left out per image and update.
        normalization: ``batch`` or ``layer``, behind each hidden layer's activation; or ``weight``, of each
            hidden layer's weights (``StandardizedDense``).
        blur: standard deviation in pixels of a Gaussian blur of the input.
    """
    layers: list[Spec] = [{"GaussianBlur": {"sigma": blur}}] if blur else []
    layers.append("Flatten")
    options: dict[str, Any] = {"activation": activation}
    if initializer is not None:
        options["kernel_initializer"] = initializer
    if l1 or l2:
        options["kernel_regularizer"] = {"L1L2": {"l1": l1 or 0.0, "l2": l2 or 0.0}}
    kind = "StandardizedDense" if normalization == "weight" else "Dense"
    for units in hidden:
        layers.append({kind: {"units": units, **options}})
        if normalization in _BEHIND:
            layers.append(_BEHIND[normalization])
        if dropout:
            layers.append({"Dropout": {"rate": dropout}})
    return [*layers, {"Dense": {"units": outputs}}]


_BEHIND = {"batch": "BatchNormalization", "layer": "LayerNormalization"}
NETWORKS = {"mlp": mlp}


def _network(spec: Spec, outputs: int) -> list[Spec]:
    name, arguments = named(spec)
    function = NETWORKS[name]
    known = [n for n in inspect.signature(function).parameters if n != "outputs"]
    for argument in arguments:
        if argument not in known:
            raise SuiteError(
                f"{name} takes no argument {shown(argument)}",
                where=f"model.{name}.{argument}",
                expected="one of " + ", ".join(known),
                found=shown(argument),
                hint=did_you_mean(argument, known),
            )
    _check_mlp(arguments)
    return function(outputs, **arguments)


def _check_mlp(arguments: Mapping[str, Any]) -> None:
    hidden = arguments.get("hidden", [])
    rules: list[tuple[str, bool, str]] = [
        (
            "hidden",
            isinstance(hidden, list) and all(type(n) is int and n > 0 for n in hidden),
            "a list of layer sizes, each at least 1",
        ),
        (
            "initializer",
            isinstance(arguments.get("initializer"), str | Mapping | None),
            "a Keras initializer by its name, such as he_normal",
        ),
        (
            "normalization",
            arguments.get("normalization") in (None, "weight", *_BEHIND),
            "batch, layer or weight",
        ),
    ]
    for key, top in (("l1", None), ("l2", None), ("blur", None), ("dropout", 1)):
        value = arguments.get(key)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        fits = value is None or (number and value >= 0 and (top is None or value < top))
        rules.append((key, fits, "a number from 0" + (f" to below {top}" if top else "")))
    for key, fits, expected in rules:
        if not fits:
            raise SuiteError(
                "not a valid value",
                where=f"model.mlp.{key}",
                expected=expected,
                found=shown(arguments[key]),
            )


def _snake(name: str) -> str:
    """A class's name as Keras turns it into a layer's: batch_normalization, conv2d."""
    last = name.rsplit(":", 1)[-1]
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", last).lower()


@contextlib.contextmanager
def _default_seeds(*role: object) -> Iterator[None]:
    """Make the random numbers that Keras draws without a seed depend on ``role``.

    Keras draws the default seed of every initializer and random layer from Python's global generator, and
    what a layer draws without any from a generator of the process; it has no argument for them. To set them
    would not do: other threads draw from Python's too (a Dask worker's own, for one). So Keras is lent others.
    """
    from keras.src.random import seed_generator

    theirs = seed_generator.python_random, seed_generator.global_seed_generator
    seed_generator.python_random = random.Random(int(generator(*role).integers(2**63)))
    seed_generator.global_seed_generator = _without_seed(*role)
    try:
        yield
    finally:
        seed_generator.python_random, seed_generator.global_seed_generator = theirs


def _without_seed(*role: object) -> Callable[[], Any]:
    """What stands for Keras's global generator while a layer is made; in a layer's call there is none."""

    @functools.cache
    def made() -> Any:
        import keras

        seed = int(generator(*role, "without seed").integers(2**31))
        return keras.random.SeedGenerator(seed, name="without_seed")

    def lent() -> Any:
        from keras.src.backend.common.symbolic_scope import in_symbolic_scope

        if in_symbolic_scope():
            raise ValueError(
                "its call draws random numbers without a seed, which no trial can repeat: make a"
                " keras.random.SeedGenerator in __init__ and draw with seed=it"
            )
        return made()

    return lent

"""Any Keras object by its own name: ``{Adagrad: {learning_rate: 0.01}}`` becomes the optimizer.

Names are looked up in Keras, then among this package's own layers and optimizers; ``package.module:Class`` is
imported only for a trusted suite.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping
from typing import Any, Final

from bench import backend
from bench.errors import SuiteError, TrustError, did_you_mean, first_line, shown
from bench.plugins import named

_MODULES: Final = {
    "optimizer": ("keras.optimizers", "bench.optimizers"),
    "schedule": ("keras.optimizers.schedules",),
    "loss": ("keras.losses",),
    "layer": ("keras.layers", "bench.layers"),
    "regularizer": ("keras.regularizers",),
    "initializer": ("keras.initializers",),
    "constraint": ("keras.constraints",),
}
_BASES: Final = {
    "optimizer": "keras.optimizers.Optimizer",
    "schedule": "keras.optimizers.schedules.LearningRateSchedule",
    "loss": "keras.losses.Loss",
    "layer": "keras.layers.Layer",
    "regularizer": "keras.regularizers.Regularizer",
    "initializer": "keras.initializers.Initializer",
    "constraint": "keras.constraints.Constraint",
}
# Layers whose arguments are code or files: a suite is data.
_REFUSED: Final = {
    "Lambda",
    "TFSMLayer",
    "JaxLayer",
    "FlaxLayer",
    "TorchModuleWrapper",
    "IntegerLookup",
    "StringLookup",
    "TextVectorization",
}
# Layers that draw from Python's global generator while they are traced: no trial could be repeated.
_UNREPEATABLE: Final = {"AugMix"}
_WRAPPED: Final = "a class with call(self, y_true, y_pred) that returns what the function does"


def reason(error: Exception) -> str:
    """The first line of what an error says, without what Keras wraps around the error of a layer's call."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    text = re.sub(r"^Exception encountered when calling [^\n]*\n+", "", text)
    return first_line(Exception(text.rpartition("Error encountered:\n\n")[2]))


def build(
    kind: str,
    spec: str | Mapping[str, Any],
    *,
    updates_per_epoch: int = 1,
    trusted: bool = False,
    path: tuple[str, ...] = (),
    **extra: Any,
) -> Any:
    """Make the object that ``spec`` names.

    Args:
        kind: optimizer, schedule, loss, layer, regularizer, initializer or constraint.
        spec: ``Name`` or ``{Name: {argument: value}}``; values may be specs themselves, and a count of
            updates in a schedule may be written ``{epochs: 3}``.
        updates_per_epoch: what ``{epochs: 1}`` stands for.
        trusted: whether ``package.module:Class`` may be imported.
        path: keys that led here, for messages.
        extra: arguments that the caller adds if the suite does not give them.

    Raises:
        SuiteError: no such class, or arguments that it does not take; ``where`` is the key path.
        TrustError: Python code named in a suite that is not trusted.
    """
    name, arguments = named(spec, where=".".join(path))
    here = (*path, name)
    cls = _find(kind, name, trusted, path)
    known = _arguments(cls)
    for argument in arguments:
        if argument not in known:
            raise SuiteError(
                f"{name} takes no argument {shown(argument)}",
                where=".".join((*here, argument)),
                expected="one of " + ", ".join(known),
                found=shown(argument),
                hint=did_you_mean(argument, known),
            )
    given = {
        key: _value(key, value, updates_per_epoch, trusted, (*here, key))
        for key, value in arguments.items()
    }
    given |= {k: v for k, v in extra.items() if k in known and k not in given}
    try:
        return cls(**given)
    except Exception as error:  # Keras and code of others raise what they like
        raise SuiteError(
            f"{name} refuses its arguments",
            where=".".join(here),
            expected=f"arguments of {cls.__module__.split('.')[0]}'s {name}",
            found=first_line(error),
        ) from error


def _find(kind: str, name: str, trusted: bool, path: tuple[str, ...]) -> type:
    backend.tensorflow()
    where = ".".join((*path, name))
    base = _resolve(_BASES[kind])
    if ":" in name:
        return _import(name, base, trusted=trusted, where=where)
    classes: dict[str, type] = {}
    for module in reversed(_MODULES[kind]):
        members = inspect.getmembers(importlib.import_module(module), inspect.isclass)
        classes |= {n: c for n, c in members if issubclass(c, base) and c is not base}
    for refused in _REFUSED:
        classes.pop(refused, None)
    if name in _UNREPEATABLE:
        raise SuiteError(
            f"{name} cannot be repeated",
            where=where,
            expected=f"a {kind} whose random numbers follow from the trial's seed",
            found=f"{name}, which draws from Python's global generator",
        )
    if name not in classes:
        raise SuiteError(
            f"Keras has no {kind} {shown(name)} that a suite may name",
            where=where,
            expected=f"a class of {' or '.join(_MODULES[kind])}, by its own name",
            found=shown(name),
            hint=did_you_mean(name, classes),
        )
    return classes[name]


def _import(name: str, base: type, *, trusted: bool, where: str) -> type:
    if not trusted:
        raise TrustError(
            "the suite names Python code",
            where=where,
            expected="names of Keras, or your word that the code may run",
            found=name,
            hint="read the code, then run again with --trust",
        )
    module, _, attribute = name.partition(":")
    try:
        cls = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # whatever the module raises while it is imported
        raise SuiteError(
            "the code that the suite names cannot be imported",
            where=where,
            expected="package.module:Class on the Python path",
            found=first_line(error),
        ) from error
    if not (inspect.isclass(cls) and issubclass(cls, base)):
        what = "class" if inspect.isclass(cls) else type(cls).__name__
        raise SuiteError(
            "not the right kind of class",
            where=where,
            expected=f"a subclass of {base.__name__}",
            found=f"the {what} {getattr(cls, '__name__', cls)}",
            hint=_WRAPPED if base.__name__ == "Loss" and inspect.isfunction(cls) else "",
        )
    return cls


def _resolve(dotted: str) -> type:
    module, _, attribute = dotted.rpartition(".")
    found = getattr(importlib.import_module(module), attribute)
    assert inspect.isclass(found)  # noqa: S101 - a constant of this file
    return found


def _arguments(cls: type) -> list[str]:
    """Names that the constructor takes, those passed on to base classes included."""
    import keras

    names: dict[str, None] = {}
    for part in cls.__mro__[:-1]:
        if part in (keras.Model, keras.src.models.Functional):
            # Keras puts the one in place of the other when a class makes its first graph of layers.
            return [*(name for name in names if name not in ("self", "name")), "name"]
        parameters = inspect.signature(part.__init__).parameters.values()  # type: ignore[misc]
        names |= dict.fromkeys(
            p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        )
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return [name for name in names if name != "self"]


def _value(
    key: str,
    value: Any,
    updates_per_epoch: int,
    trusted: bool,
    path: tuple[str, ...],
) -> Any:
    """An argument as Keras takes it: specs inside become objects, ``{epochs: n}`` a count of updates."""
    if isinstance(value, list):
        return [_value(key, item, updates_per_epoch, trusted, path) for item in value]
    if not isinstance(value, Mapping):
        return float(value) if key == "learning_rate" and type(value) is int else value
    if set(value) == {"epochs"} and type(value["epochs"]) in (int, float) and value["epochs"] > 0:
        return max(round(value["epochs"] * updates_per_epoch), 1)
    kind = "schedule" if key == "learning_rate" else key.rsplit("_", 1)[-1]
    if kind not in _MODULES or len(value) != 1:
        raise SuiteError(
            "not an argument for Keras",
            where=".".join(path),
            expected="a number, text, a list, {epochs: N} or {Name: {argument: value}}; Name of "
            + ", ".join(_MODULES),
            found=shown(dict(value)),
        )
    return build(kind, value, updates_per_epoch=updates_per_epoch, trusted=trusted, path=path)

"""Variants that differ in the learning rate alone are one method at several rates; what it is called.

It is called by its optimizer, and by what else tells it from the question's other methods: "SGD, momentum 0.9".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bench.analysis.variants import flat
from bench.plugins import named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bench.suite import Settings

_FEWEST: Final = 2  # rates of a method, below which nothing is said
_INNER: Final = ("optimizer", "inner_optimizer")  # arguments of optimizers that change another one
_LONG: Final = 40  # characters of a value that has no place in a name


@dataclass(frozen=True)
class Grid:
    """A method and the rates that it was trained with.

    Attributes:
        name: what readers call it.
        optimizer: its class, as the suite names it; of one inside another both.
        by_rate: the variant at each rate, ascending.
    """

    name: str
    optimizer: str
    by_rate: Mapping[float, str]

    @property
    def kind(self) -> tuple[str, tuple[float, ...]]:
        """What methods have in common that can be compared: the optimizer and the rates.

        A factor of ten in one optimizer's rate is not one in another's, and who is trained with wilder rates
        loses more by them.
        """
        return self.optimizer, tuple(self.by_rate)


def grids(variants: Mapping[str, Settings], baseline: str) -> list[Grid]:
    """The methods that several rates were tried of, the baseline's first; of twins the first variant."""
    found: dict[str, dict[float, str]] = {}
    written: dict[str, tuple[str, dict[str, str]]] = {}
    for variant, settings in variants.items():
        rate, optimizer, rest = _without_rate(settings)
        if rate is not None:
            method = json.dumps([optimizer, rest], sort_keys=True)
            written[method] = optimizer, rest
            found.setdefault(method, {}).setdefault(rate, variant)
    several = [method for method, by_rate in found.items() if len(by_rate) >= _FEWEST]
    several.sort(key=lambda method: baseline not in found[method].values())
    firsts = [next(iter(found[method].values())) for method in several]
    names = _names([written[method] for method in several], firsts)
    return [
        Grid(name, written[method][0], dict(sorted(found[method].items())))
        for name, method in zip(names, several, strict=True)
    ]


def _without_rate(settings: Settings) -> tuple[float | None, str, dict[str, str]]:
    """The constant learning rate, if the settings name one; the optimizer's class; all the rest by path."""
    given = settings.model_dump(exclude_none=True, exclude={"about"})
    rate, classes, arguments = _of_optimizer(given.pop("optimizer", ""))
    return rate, " of ".join(classes), {**flat(arguments, "optimizer"), **flat(given)}


def _of_optimizer(spec: Any) -> tuple[float | None, list[str], dict[str, Any]]:
    name, arguments = named(spec) if spec else ("", {})
    for key in _INNER:
        if isinstance(arguments.get(key), dict):
            rate, classes, inner = _of_optimizer(arguments.pop(key))
            return rate, [name, *classes], {**inner, **arguments}
    rate = arguments.pop("learning_rate", None)
    if not isinstance(rate, int | float) or isinstance(rate, bool):
        return None, [name], arguments
    return float(rate), [name], arguments


def _names(methods: Sequence[tuple[str, dict[str, str]]], firsts: Sequence[str]) -> list[str]:
    """Names that differ: as short as they can be, with whole paths where they must."""
    for short in (True, False):
        names = [
            ", ".join(
                [_class(optimizer, short=short), *_differing(rest, methods, first, short=short)]
            )
            for (optimizer, rest), first in zip(methods, firsts, strict=True)
        ]
        if len(set(names)) == len(names):
            break
    return names


def _class(optimizer: str, *, short: bool) -> str:
    """``SGD``; of ``my_optimizers:SignDescent`` the class."""
    if not short:
        return optimizer
    return " of ".join(
        name.replace(":", ".").rpartition(".")[2] for name in optimizer.split(" of ")
    )


def _differing(
    rest: Mapping[str, str],
    methods: Sequence[tuple[str, dict[str, str]]],
    first: str,
    *,
    short: bool,
) -> Iterator[str]:
    """What a method has otherwise than some other: ``momentum 0.9``."""
    for path, value in rest.items():
        if any(other.get(path) != value for _, other in methods):
            label = _label(path) if short else path
            yield f"{label} {value}" if len(value) <= _LONG else f"{label} of {first}"


def _label(path: str) -> str:
    """``momentum`` of ``optimizer.momentum``, ``echoing times`` of ``engine.echoing.times``."""
    start, *inner = path.split(".")
    words = inner[-1:] if start in ("optimizer", "model") else inner
    return " ".join(words or [start]).replace("_", " ")

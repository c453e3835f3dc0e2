"""Probes: what is measured beside the curve. One file per probe, found by the name a suite gives.

A module offers ``measure(trained) -> list[Measure]``, called outside every clock, which changes nothing of
the training. It may offer ``ARGUMENTS``, the names of the arguments it takes, and ``check(training, data,
arguments)``, which raises a SuiteError where the probe cannot measure what is trained; ``where`` is a key
path in the settings, or the name of an argument.

When a probe is due is for the suite to say, in the same way for all: ``every`` (before training, after every
so many epochs and the last) or ``updates`` (a list, or how many, spread evenly over the logarithm from the
first update to the last); without either, at the end of training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bench import plugins
from bench.errors import SuiteError, did_you_mean, shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from bench.plugins import Dataset
    from bench.trial import Training

__all__ = ["Probe", "check", "due", "planned"]

WHEN: Final = ("every", "updates")


@dataclass(frozen=True)
class Probe:
    """A probe as a suite names it; ``due`` are the counts of updates after which it measures."""

    name: str
    module: ModuleType
    arguments: Mapping[str, Any]
    due: frozenset[int]


def planned(training: Training, updates_per_epoch: int) -> list[Probe]:
    """The probes of a training, in the suite's order."""
    found = []
    for spec in training.probes:
        name, arguments = plugins.named(spec)
        at = due(arguments, training.epochs, updates_per_epoch)
        own = {key: value for key, value in arguments.items() if key not in WHEN}
        found.append(Probe(name, plugins.load("probes", name), own, at))
    return found


def due(when: Mapping[str, Any], epochs: int, updates_per_epoch: int) -> frozenset[int]:
    """After how many updates a probe measures; those that a list names beyond the last are left out."""
    total = epochs * updates_per_epoch
    if "every" in when:
        return frozenset(range(0, total, when["every"] * updates_per_epoch)) | {total}
    updates = when.get("updates", [total])
    if isinstance(updates, list):
        return frozenset(update for update in updates if update <= total)
    steps = max(updates - 1, 1)
    return frozenset(round(total ** (1 - k / steps)) for k in range(updates))


def check(training: Training, data: Dataset) -> None:
    """Refuse probes whose arguments are wrong, or that cannot measure what is trained.

    Raises:
        UsageError: there is no such probe.
        SuiteError: says what was expected; ``where`` is the key path in the suite.
    """
    for position, spec in enumerate(training.probes):
        name, arguments = plugins.named(spec)
        where = f"probes.{position}.{name}"
        probe = plugins.load("probes", name)
        known = (*getattr(probe, "ARGUMENTS", ()), *WHEN)
        for argument in arguments:
            if argument not in known:
                raise SuiteError(
                    f"the probe {name} takes no argument {shown(argument)}",
                    where=f"{where}.{argument}",
                    expected="one of " + ", ".join(known),
                    found=shown(argument),
                    hint=did_you_mean(argument, known),
                )
        _check_when(arguments, where)
        if hasattr(probe, "check"):
            own = {key: value for key, value in arguments.items() if key not in WHEN}
            try:
                probe.check(training, data, own)
            except SuiteError as error:
                if error.where in own:
                    error.where = f"{where}.{error.where}"
                raise


def _check_when(arguments: Mapping[str, Any], where: str) -> None:
    every, updates = (arguments.get(key, 1) for key in WHEN)
    listed = updates if isinstance(updates, list) else [updates]
    if not _is_count(every, 1):
        problem, expected, found = "every", "a number of epochs, 1 or more", every
    elif not listed or not all(_is_count(u, 0 if listed is updates else 1) for u in listed):
        expected = "how many, 1 or more, or a list of counts of updates, [1, 10, 100]"
        problem, found = "updates", updates
    elif len(arguments.keys() & set(WHEN)) > 1:
        problem, expected, found = "updates", "either every or updates", "both"
    else:
        return
    raise SuiteError(
        "not a time to measure at",
        where=f"{where}.{problem}",
        expected=expected,
        found=shown(found),
    )


def _is_count(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least

"""What each variant is: what it changes of the baseline, its size, its seeds, its own evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.analysis import sizes
from bench.analysis.contrast import Mean, mean_over_seeds
from bench.analysis.whole_curves import BEST

if TYPE_CHECKING:
    from bench.analysis.metrics import Measurements, Values
    from bench.store import Results


@dataclass(frozen=True)
class Change:
    """One setting that a variant has otherwise than the baseline, as dotted path; None: not set."""

    setting: str
    baseline: str | None
    variant: str | None


@dataclass(frozen=True)
class ProbeValue:
    """One measure of a probe, ``probe/layer/measure``: its mean over seeds."""

    name: str
    mean: Mean


@dataclass(frozen=True)
class VariantSummary:
    """One variant of a question.

    Attributes:
        about: the suite's own words, if any.
        changes: settings that differ from the baseline's; empty for the baseline.
        parameters: trainable parameters of its network, if known.
        seeds: seeds with a value of the primary metric.
        primary: that metric by seed.
        best: mean of each seed's best epoch; optimistic, so it is shown and never tested.
        probes: what the probes measured.
        notes: what the engine had to say.
    """

    name: str
    about: str | None
    changes: tuple[Change, ...]
    parameters: int | None
    primary: Values
    best: Mean
    probes: tuple[ProbeValue, ...]
    notes: tuple[str, ...]

    @property
    def seeds(self) -> int:
        """How many seeds have a value of the primary metric."""
        return len(self.primary.by_seed)


def summaries(
    results: Results, measured: Measurements, question: str, primary: str
) -> list[VariantSummary]:
    """The variants of a question, in the order of the suite."""
    suite = results.suite
    asked, settings = suite.questions[question], suite.variants(question)
    written = {name: flat(given.model_dump(exclude_none=True)) for name, given in settings.items()}
    base = written[suite.baseline(question)]
    names = _evidence(measured, question)
    rows = results.trials[results.trials.question == question]
    found = []
    for name in settings:
        own = rows[rows.variant == name]
        parameters, notes = own.parameters.dropna(), own.notes.dropna()
        found.append(
            VariantSummary(
                name=name,
                about=asked.variants[name].about if name in asked.variants else None,
                changes=_changes(base, written[name]),
                parameters=int(parameters.iloc[0]) if len(parameters) else None,
                primary=measured.of(question, name, primary),
                best=mean_over_seeds(measured.of(question, name, BEST)),
                probes=tuple(
                    ProbeValue(probe, mean_over_seeds(measured.of(question, name, probe)))
                    for probe in names
                ),
                notes=tuple(dict.fromkeys(str(note) for note in notes if note)),
            )
        )
    return found


def _evidence(measured: Measurements, question: str) -> list[str]:
    """Measures that a question's claims and reported numbers name, then those of the whole network.

    Not those of sparsity, where it has a part of the report to itself.
    """
    asked = measured.suite.questions[question]
    named = [claim.test.metric for claim in asked.claims if "/" in claim.test.metric]
    named += [name for printed in asked.reported.values() for name in printed if "/" in name]
    whole = [
        name
        for probe in dict.fromkeys(name.split("/")[0] for name in named)
        if probe != sizes.PROBE or not sizes.has_part(measured, question)
        for name in measured.probe_measures(question, probe)
        if name.split("/")[1] == "" and not name.endswith("/cost_s")
    ]
    return list(dict.fromkeys([*named, *whole]))


def _changes(base: Mapping[str, str], own: Mapping[str, str]) -> tuple[Change, ...]:
    paths = dict.fromkeys([*base, *own])
    return tuple(
        Change(path, base.get(path), own.get(path))
        for path in paths
        if base.get(path) != own.get(path)
    )


def flat(settings: Mapping[str, Any], path: str = "") -> dict[str, str]:
    """Nested settings as dotted paths; an empty mapping is a name without arguments."""
    found: dict[str, str] = {}
    for key, value in settings.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, Mapping) and value:
            found |= flat(value, here)
        elif isinstance(value, str):
            found[here] = value
        else:
            found[here] = json.dumps(value, ensure_ascii=False)
    return found

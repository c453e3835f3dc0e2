"""Where imported results come from, and the suite that they answer: a question per group."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any, Final

from bench import reading
from bench.errors import DatasetError, UsageError, closest, listed, shown
from bench.importers import _claims, _units
from bench.suite import LARGEST, Imported, Suite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench.importers._asked import Asked
    from bench.importers._seeds import Seeds
    from bench.importers._table import Table

MAX_VARIANTS: Final = 1_000  # and as many groups: more is a column mistaken for another


def source_of(path: Path, table: Table, asked: Asked, seeds: Seeds, notes: list[str]) -> Imported:
    """Where the results come from."""
    columns = asked.columns.items()
    return Imported(
        file=path.name,
        sha256=_digest(path),
        rows=table.rows,
        columns={role: names[0] if len(names) == 1 else [*names] for role, names in columns},
        metrics=list(asked.metrics),
        percent=_units.in_percent(table),
        notes=notes,
        mixed=_units.mixed(table, [asked.metric(name) for name in asked.metrics], seeds.number),
    )


def suite_of(where: str, source: Imported, table: Table, asked: Asked, seeds: Seeds) -> Suite:
    """The suite of an import; where: for messages.

    Raises:
        UsageError: a baseline or a claim about what the file does not hold.
        DatasetError: too many variants or groups.
    """
    groups = _groups(where, table)
    first = _baseline(where, groups, asked)
    primary = asked.metric(asked.metrics[0])
    label = primary.label
    heading = label if label == primary.name else label[:1].upper() + label[1:]
    best = f"the {'highest' if primary.higher_is_better else 'lowest'} {primary.label}"
    which = " and ".join(asked.columns["variant"])
    claims = _claims.claims(asked.claims, _known(groups, asked))
    questions = {
        group or "imported": {
            "title": group or heading,
            "ask": f"Which {which} ends with {best}{f' on {group}' * bool(group)}?",
            "baseline": first,
            "variants": {name: {} for name in variants},
            "claims": claims[group],
        }
        for group, variants in groups.items()
    }
    suite: dict[str, Any] = {
        "suite": "imported",
        "title": source.file if source.file.isprintable() else "Imported results",
        "dataset": "imported",
        "seeds": sorted(set(seeds.number.values())),
        "epochs": min(math.ceil(table.step.max(initial=1)), LARGEST),
        "primary": asked.metrics[0],
        "margin": asked.margin,
        "paired": "seed" if asked.paired else "no",
        "target": dict([asked.target]) if asked.target else None,
        "metrics": dict(asked.own),
        "imported": source,
        "questions": questions,
    }
    return Suite.model_validate(suite, context={"imported": True})


def _known(groups: Mapping[str, Sequence[str]], asked: Asked) -> _claims.Known:
    derived = ["area_under_curve", *["epochs_to_target"] * (asked.target is not None)]
    return _claims.Known(groups, [*asked.metrics, *derived], margin=asked.margin is not None)


def _groups(where: str, table: Table) -> dict[str, list[str]]:
    """The variants of each group, both in the order of the file."""
    groups: dict[str, dict[str, None]] = {}
    for group, variant, _ in table.runs:
        groups.setdefault(group, {})[variant] = None
    order = {name: None for _, name, _ in table.runs}
    for what, count in (("variants", len(order)), ("groups", len(groups))):
        if count > MAX_VARIANTS:
            raise DatasetError(
                f"too many {what}",
                where=where,
                expected=f"at most {MAX_VARIANTS:,}",
                found=f"{count:,}",
                hint=f"is --{what[:-1]} the right column?",
            )
    return {group: [name for name in order if name in found] for group, found in groups.items()}


def _baseline(where: str, groups: Mapping[str, Sequence[str]], asked: Asked) -> str:
    """The variant that was asked for, or the first one; it must be in every group."""
    wanted = asked.baseline
    everywhere = [n for n in next(iter(groups.values())) if all(n in g for g in groups.values())]
    if wanted is None and everywhere:
        return everywhere[0]
    if wanted in everywhere:
        return wanted
    known = list(dict.fromkeys(name for group in groups.values() for name in group))
    lacking = next((group for group, found in groups.items() if wanted not in found), "")
    if wanted is None:
        problem = "no variant is in every group, so none can be the baseline"
    elif wanted in known:
        problem = f"the baseline {shown(wanted)} is not in the group {shown(lacking)}"
    else:
        problem = f"no variant is called {shown(wanted)}"
    raise UsageError(
        problem,
        where=f"{where}, column {' and '.join(map(shown, asked.columns['variant']))}",
        expected=f"one of {listed(everywhere or known)}",
        found=shown(wanted) if wanted else "none",
        hint=closest(wanted, known) if wanted and wanted not in known else None,
    )


def _digest(path: Path) -> str:
    with reading.opened(path, reading.Budget()) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

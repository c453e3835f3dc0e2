"""What came of each run of a file, as the store keeps it."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.importers._table import joined
from bench.trial import CurvePoint, TrialResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from bench.importers._table import Table
    from bench.suite import Imported, Suite


def results(
    table: Table, suite: Suite, source: Imported, seeds: Mapping[str, int], now: str
) -> Iterator[tuple[str, str, TrialResult]]:
    """Question, variant and result of every run, in the order of the file."""
    ends = np.searchsorted(table.run, np.arange(len(table.runs) + 1))
    updates = _updates(table.step)
    recorded = _recorded(table, suite.primary)
    for index, (group, variant, seed) in enumerate(table.runs):
        part = slice(ends[index], ends[index + 1])
        step = table.step[part].tolist()
        values = {name: column[part] for name, column in table.values.items()}
        status, since = _status(step, values[suite.primary])
        if status == "failed" and (group, variant) not in recorded:
            status = "completed"  # nothing broke: the variant never recorded the metric
        yield (
            group or "imported",
            variant,
            TrialResult(
                trial_id=_trial_id(source.sha256, group, variant, seed),
                seed=seeds[seed],
                settings=_settings(table, source, (group, variant, seed)),
                status=status,
                started_at=now,
                curve=_curve(step, updates[part], values),
                extras=_extras(updates[part], {n: values[n] for n in suite.metrics}),
                diverged_epoch=since,
                error=f"no value of {suite.primary} in the file" if status == "failed" else None,
            ),
        )


def trial_id(source: Imported, settings: str) -> str | None:
    """The id that a run of an imported file has, by the settings that are kept of it; None if by none."""
    try:
        kept = json.loads(settings)
        columns = source.columns_of("variant")
        variant = joined(columns, [kept.get(name, "") for name in columns])
        (seed,) = (kept[name] for name in source.columns_of("seed"))
        group = next((kept[name] for name in source.columns_of("group")), "")
        return _trial_id(source.sha256, group, variant, seed)
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _settings(table: Table, source: Imported, run: tuple[str, str, str]) -> str:
    """What the file says of a run, by column."""
    group, variant, seed = run
    columns = source.columns_of("variant")
    kept: dict[str, Any] = {
        name: cell
        for name, cell in zip(columns, table.cells.get(variant, (variant,)), strict=True)
        if cell
    }
    kept |= dict.fromkeys(source.columns_of("seed"), seed)
    kept |= dict.fromkeys(source.columns_of("group"), group)
    return json.dumps(kept, ensure_ascii=False)


def _trial_id(sha256: str, group: str, variant: str, seed: str) -> str:
    """Sixteen hex digits of what says which run of which file it is."""
    identity = json.dumps([sha256, group, variant, seed])
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def _recorded(table: Table, metric: str) -> set[tuple[str, str]]:
    """Group and variant of all that have some value of a metric."""
    runs = np.unique(table.run[~np.isnan(table.values[metric])])
    return {table.runs[run][:2] for run in runs}


def _updates(step: NDArray[np.float64]) -> list[int]:
    """Whole steps as they are; others by their rank among all steps of the file."""
    if np.all(step == np.floor(step)):
        return [int(number) for number in step]
    ranks: list[int] = np.unique(step, return_inverse=True)[1].tolist()
    return ranks


def _status(step: list[float], primary: NDArray[np.float64]) -> tuple[str, int | None]:
    """What came of a run, and the step since which its primary metric was not finite."""
    there = np.flatnonzero(~np.isnan(primary))
    if not there.size:
        return "failed", None
    finite = there[np.isfinite(primary[there])]
    if finite.size and finite[-1] == there[-1]:
        return "completed", None
    first = there[there > finite[-1]][0] if finite.size else there[0]
    return "diverged", math.floor(step[first])


def _curve(
    step: list[float], updates: list[int], values: Mapping[str, NDArray[np.float64]]
) -> tuple[CurvePoint, ...]:
    nothing = [math.nan] * len(step)
    columns: dict[str, list[float]] = {"epoch": step, "updates": updates}  # type: ignore[dict-item]
    for point in fields(CurvePoint):
        if point.name in values:
            columns[point.name] = values[point.name].tolist()
    rows_ = zip(*(columns.get(f.name, nothing) for f in fields(CurvePoint)), strict=True)
    return tuple(CurvePoint(*row) for row in rows_)


def _extras(
    updates: list[int], values: Mapping[str, NDArray[np.float64]]
) -> tuple[tuple[int, str, float], ...]:
    return tuple(
        (update, name, value)
        for name, column in values.items()
        for update, value in zip(updates, column.tolist(), strict=True)
        if not math.isnan(value)
    )

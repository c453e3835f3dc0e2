"""What the reader of a report should know of the file it is about, and how it was taken, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.errors import listed
from bench.importers import _units

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.importers._asked import Asked, Policies
    from bench.importers._empty import Settled
    from bench.importers._rows import Rows
    from bench.importers._seeds import Seeds
    from bench.importers._table import Table


def notes_on(
    asked: Asked, rows: Rows, settled: Settled, seeds: Seeds, *, infinite: int
) -> list[str]:
    """The notes on an import; infinite: how many values the file says are not finite."""
    return [
        *_text(rows, asked.policies),
        *([seeds.note] if seeds.note else []),
        *_rows(asked, settled.table),
        *_values(asked, settled, infinite),
        *_unrecorded(asked, settled.table),
        *([] if asked.paired else ["Runs of the same seed share only a number (--unpaired)."]),
    ]


def _text(rows: Rows, policies: Policies) -> Iterator[str]:
    encoding = rows.encoding or ""
    if policies.encoding is not None:
        yield f"The text is read as {encoding} (--encoding)."
    elif encoding.startswith(("utf-16", "utf-32")):
        yield f"The text is {encoding.upper()}, as its first bytes say."
    if rows.comments:
        mark = policies.comment or "#"
        named = " (--comment)" if policies.comment else ""
        yield f"{_counted(rows.comments, 'line')} beginning with {mark} passed over, as comments{named}."
    if rows.headers:
        yield f"{_counted(rows.headers, 'row')} that repeated the header passed over."


def _rows(asked: Asked, table: Table) -> Iterator[str]:
    if "step" not in asked.columns:
        yield "Every row is a whole run: no column of steps was named."
    if table.repeated:
        repeats = (
            f"{_counted(table.repeated, 'cell')} {'repeats' if table.repeated == 1 else 'repeat'}"
        )
        yield f"{repeats} what another row says: the same run, step and value count once."
    repeated = asked.policies.repeated
    if repeated != "refuse":
        counts = "their mean counts" if repeated == "mean" else f"the {repeated} one counts"
        yield (
            f"Of several values for the same run and step, {counts} (--repeated {repeated}):"
            f" {table.settled or 'none'} {'was' if table.settled == 1 else 'were'} settled so."
        )


def _unrecorded(asked: Asked, table: Table) -> Iterator[str]:
    """Which variants have no value of a metric that others of their group have."""
    variants = dict.fromkeys(run[:2] for run in table.runs)
    for metric in asked.metrics:
        there = np.unique(table.run[~np.isnan(table.values[metric])])
        recorded = {table.runs[run][:2] for run in there}
        groups = {group for group, _ in recorded}
        lacking = [key for key in variants if key[0] in groups and key not in recorded]
        names = [f"{variant}{f' on {group}' * bool(group)}" for group, variant in lacking]
        if names:
            yield f"{metric} was never recorded for {listed(names)}."


def _values(asked: Asked, settled: Settled, infinite: int) -> Iterator[str]:
    if infinite:
        were = f"{_counted(infinite, 'value')} {'was' if infinite == 1 else 'were'}"
        yield f"{were} NaN or infinite: each counts as the worst result."
    policy = asked.policies.empty
    if policy == "missing":
        yield "Empty cells are values that were not recorded (--empty missing)."
    for metric, runs in settled.diverged.items():
        why = "where one was due (--empty missing to count them otherwise)"
        why = "(--empty diverged)" if policy else why
        ends = (
            f"{_counted(runs, 'run')} {'ends' if runs == 1 else 'end'} without a value of {metric}"
        )
        yield f"{ends} {why}: diverged, since NaN is often written as an empty cell."
    if policy == "diverged" and not settled.diverged:
        yield "No run ends in empty cells, which would count as diverged (--empty diverged)."
    for metric in _units.in_percent(settled.table):
        yield f"{metric} is in percent in the file, since some values are above 1, and shown so."
    for metric, step in settled.recorded_until.items():
        yield (
            f"No run has a value of {metric} after {step:g}, though rows follow: it was recorded until"
            " then, and nothing diverged (--empty diverged to count it otherwise)."
        )


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"

"""One page over several runs that answers first: of each its questions' answers, linked to its own report."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from bench.analysis import wording
from bench.report import naming, tables
from bench.report.blocks import Cell, Column, Section, Table
from bench.report.own import Own
from bench.report.render import page, write_whole
from bench.report.sections import summary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.analysis import Analysis
    from bench.report.blocks import Block


@dataclass(frozen=True)
class Entry:
    """What the index says of a run; not the run itself, of which there may be many."""

    row: tuple[Cell, ...]
    section: Section


def entry(analysis: Analysis, report: Path, index: Path) -> Entry:
    """What an index at ``index`` says of a run whose report is at ``report``."""
    address = quote(os.path.relpath(report.resolve(), index.resolve().parent))
    suite, how = analysis.suite, analysis.conditions
    folder = str(analysis.results.folder)
    verdicts = Counter(claim.verdict for q in analysis.questions for claim in q.claims)
    seeds, done = len(how.seeds_ran), f"{how.trials} of {how.trials_planned}"
    row = (
        Cell(suite.title, href=address),
        Cell(folder),
        tables.number(str(len(analysis.questions))),
        tables.number(str(seeds)),
        tables.number(done),
        *(tables.number(str(verdicts[verdict])) for verdict in summary.VERDICTS),
    )
    anchor = tables.anchor("run", folder)
    lead = f"{folder}: {wording.counted(seeds, 'seed')}, {done} trials have a result."
    cards = tuple(summary.card(question, address) for question in analysis.questions)
    return Entry(row, Section(anchor, suite.title, cards, lead=lead))


def write_index(
    entries: Sequence[Entry],
    path: Path,
    *,
    own: Own = Own(),  # noqa: B008
    watching: bool = False,
) -> Path:
    """Write the page and return its path.

    Raises:
        UsageError: it cannot be written, or a user's template is wrong.
    """
    runs = Table(
        name=f"{naming.WHOLE}/runs",
        caption="Each run leads to its report",
        columns=(
            Column("run"),
            Column("folder"),
            Column("questions", kind="number"),
            Column("seeds", "that have a result", "number"),
            Column("trials", "that have a result, of those planned", "number"),
            *(Column(name, "conclusions of the source", "number") for name in summary.VERDICTS),
        ),
        rows=tuple(entry.row for entry in entries),
    )
    blocks: list[Block] = [
        Section("runs", "Conclusions, run by run", (runs,)),
        *(entry.section for entry in entries),
    ]
    title = wording.counted(len(entries), "run")
    return write_whole(path, page(title, blocks, own=own, watching=watching))

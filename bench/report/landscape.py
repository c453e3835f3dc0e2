"""How smooth the landscape is; nothing where no probe measured it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis import answers, wording
from bench.report import figures, naming, palette, tables
from bench.report.blocks import Block, Cell, Column, Figure, Fold, Prose, Section, Table

if TYPE_CHECKING:
    from bench.analysis import QuestionAnalysis
    from bench.analysis.comparisons import Compared
    from bench.analysis.landscape import Landscape


def blocks(question: QuestionAnalysis, label: str) -> list[Block]:
    """The answer, the figure and the table; label: what p-values are labelled with."""
    found = question.landscape
    if found is None:
        return []
    first, *each = found.answer
    single = Prose(tuple(each))
    few = len(question.variants) <= len(palette.LIGHT)
    inside: list[Block] = [Prose((first,), kind="answer")]
    if each:
        inside.append(
            single if few else Fold(f"Variant by variant: {len(each)} sentences", (single,))
        )
    if few and found.course.updates.nunique() > 1:
        inside.append(_figure(question, found))
    inside.append(_table(question, found, label))
    anchor = tables.anchor(question.name, "landscape")
    return [Section(anchor, "How smooth the landscape is", tuple(inside), level=3)]


def _figure(question: QuestionAnalysis, found: Landscape) -> Figure:
    seeds = wording.counted_between(found.course.n, "seed")
    return Figure(
        anchor=tables.anchor(question.name, "course"),
        caption=(
            "The landscape along the training (both axes logarithmic). Along the gradient, at steps of half to"
            " four times the learning rate: between which values the loss ranges, and how far the gradient"
            f" changes (bands: geometric means over {seeds} of both ends). Lines: geometric means over seeds"
            " with their 95 % t interval. Narrower and lower is smoother."
        ),
        panels=tuple(figures.landscape(question)),
        legend=figures.keys([v.name for v in question.variants]),
    )


def _table(question: QuestionAnalysis, found: Landscape, label: str) -> Table:
    by_metric: dict[str, dict[str, Compared]] = {}
    for c in found.compared:
        by_metric.setdefault(c.metric.name, {})[c.variant] = c
    rows = []
    for v in question.variants:
        cells = [tables.variant(question, v.name)]
        for own in by_metric.values():
            if v.name == question.baseline:
                one = next(iter(own.values()))
                cells.append(tables.number(answers.mean_text(one.mean_baseline, one.metric)))
            else:
                cells.append(_ratio(own[v.name]))
        rows.append(tuple(cells))
    measures = [question.metric(name) for name in by_metric]
    return Table(
        name=naming.path(question.name, "landscape"),
        caption=(
            f"Smoothness: of {question.baseline} the measures themselves, of the others the ratio to it;"
            " below 1 is smoother"
        ),
        columns=(Column("variant"), *(Column(m.label, m.meaning, "number") for m in measures)),
        rows=tuple(rows),
        notes=tables.labelled(
            label,
            (
                (
                    "Of each seed the median over the training of the logarithm; then the paired t test, each"
                    " measure an exploratory family. Intervals and p stand below, among the secondary metrics."
                ),
                "Raw measures depend on how a network is scaled; those over the loss or the gradient do not.",
            ),
        ),
    )


def _ratio(c: Compared) -> Cell:
    text = tables.signed(c.found.difference, c.metric, c.found.half_width)
    return Cell(text, "number", mark=c.verdict or "")

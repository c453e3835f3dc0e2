"""What the learning rate matters to each method; nothing where variants do not differ in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis import answers, wording
from bench.report import figures, naming, tables
from bench.report.blocks import Block, Cell, Column, Figure, Section, Table

if TYPE_CHECKING:
    from bench.analysis import QuestionAnalysis
    from bench.analysis.sensitivity import Method


def blocks(question: QuestionAnalysis, label: str) -> list[Block]:
    """A figure and a table; label: what p-values are labelled with."""
    if not any(method.best is not None for method in question.methods):
        return []
    inside = (_figure(question), _table(question, label))
    anchor = tables.anchor(question.name, "sensitivity")
    return [Section(anchor, "What the learning rate matters", inside, level=3)]


def _figure(question: QuestionAnalysis) -> Figure:
    most = max(len(values.by_seed) for m in question.methods for values in m.finals.values())
    seeds = f"Dots: each of {most} seeds"
    if figures.are_quantiles(question):
        seeds = f"Bars: nine tenths of {most} seeds"
    return Figure(
        anchor=tables.anchor(question.name, "rates-scanned"),
        caption=(
            f"Final {question.primary.label} against the learning rate. {seeds}; lines: means over"
            " seeds. A flat line tolerates many rates. A seed that diverged counts as the worst there is."
        ),
        panels=(figures.sensitivity(question),),
        legend=figures.keys([m.name for m in question.methods], figures.places(question)),
    )


def _table(question: QuestionAnalysis, label: str) -> Table:
    rates = sorted({rate for method in question.methods for rate in method.by_rate})
    compared = [method.against for method in question.methods if method.against]
    against = (
        Column(
            "difference", f"of what is lost, minus that of {question.methods[0].name}", "number"
        ),
        tables.DIFFERENCE[1],
        tables.DIFFERENCE[3],
        Column("verdict", "better: loses less by the rate"),
    )
    return Table(
        name=naming.path(question.name, "learning-rates"),
        caption=(
            f"Final {question.primary.label} by learning rate; differences in"
            f" {wording.unit_of_difference(question.primary)}"
        ),
        columns=(
            Column("method", "variants that differ in the learning rate alone"),
            *(Column(f"{rate:g}", "mean over seeds at this rate", "number") for rate in rates),
            Column("best rate", "by the mean: optimistic, not tested", "number"),
            Column("lost", "best minus worst over the common rates, mean of seeds", "number"),
            *(against if compared else ()),
        ),
        rows=tuple(
            _row(question, method, rates)[: None if compared else -4] for method in question.methods
        ),
        notes=tables.labelled(
            label if compared else "", (*_diverged(question), *tables.cautions(compared))
        ),
    )


def _row(question: QuestionAnalysis, method: Method, rates: list[float]) -> tuple[Cell, ...]:
    against = method.against
    compared = (*tables.difference(against.found),) if against else ()
    return (
        Cell(
            method.name, "variant", colour=figures.places(question)[question.methods.index(method)]
        ),
        *(
            tables.mean_of(method.means[rate], question.primary)
            if rate in method.means
            else tables.number("–")
            for rate in rates
        ),
        tables.number("–" if method.best is None else f"{method.best:g}"),
        _lost(method),
        *((compared[0], compared[1], compared[3]) if compared else [tables.number("–")] * 3),
        tables.verdict(against.verdict) if against else Cell("baseline"),
    )


def _lost(method: Method) -> Cell:
    mean, metric = method.mean_lost, method.lost.metric
    if mean.value is None:
        return tables.number("–")
    return tables.number(wording.in_short(answers.amount_of(mean.value, metric, mean.half_width)))


def _diverged(question: QuestionAnalysis) -> list[str]:
    return [
        f"{method.name} at {rate:g}: {len(values.diverged)} of {len(values.by_seed)} seeds diverged."
        for method in question.methods
        for rate, values in method.finals.items()
        if values.diverged
    ]

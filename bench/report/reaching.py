"""Time to target: who reaches it, when, and how that compares."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bench.analysis import wording
from bench.analysis.crossings import SPENT
from bench.report import figures, naming, tables
from bench.report.blocks import Block, Cell, Column, Figure, Table

if TYPE_CHECKING:
    from bench.analysis import QuestionAnalysis
    from bench.analysis.targets import Reaching
    from bench.frames import Metric


def blocks(question: QuestionAnalysis, label: str) -> list[Block]:
    """A table and a figure; nothing where the question has no target, or nothing has run.

    label: what p-values are labelled with.
    """
    if not any(row.n for row in question.reaching):
        return []
    return [_table(question, label), _figure(question)]


def _clocks(question: QuestionAnalysis) -> list[str]:
    """What the way to the target was measured in."""
    return [n for n in SPENT if any(r.means[n].value is not None for r in question.reaching)]


def _table(question: QuestionAnalysis, label: str) -> Table:
    suite = question.suite
    return Table(
        name=naming.path(question.name, "time-to-target"),
        caption=f"Time to target: {_target(question)}, within {_budget(question)}",
        columns=(
            Column("variant"),
            Column("verdict", f"on the {suite.steps}"),
            Column("reached", "seeds that met the target; one that diverged never does", "number"),
            *(
                Column(
                    _heading(question.metric(name)),
                    "mean of the seeds' crossings; a seed that missed counts its budget",
                    "number",
                )
                for name in _clocks(question)
            ),
            Column(
                f"ERT ({suite.steps})",
                "expected running time: all spent / seeds that reached",
                "number",
            ),
            Column(
                "mean curve", f"{suite.step} where the mean of the seeds' curves crosses", "number"
            ),
            Column("difference", f"of the mean {suite.steps}, variant minus baseline", "number"),
            tables.DIFFERENCE[1],
            tables.DIFFERENCE[3],
            Column(
                "McNemar p",
                "exact test of the shares that reached, adjusted for its family",
                "number",
            ),
        ),
        rows=tuple(_row(question, row) for row in question.reaching),
        notes=tables.labelled(label, _notes(question)),
    )


def _row(question: QuestionAnalysis, row: Reaching) -> tuple[Cell, ...]:
    against = row.against
    cells = tables.difference(against.found) if against else (tables.number("–"),) * 4
    difference, interval, _, adjusted = cells
    verdict = tables.verdict(against.verdict) if against else Cell("baseline")
    return (
        tables.variant(question, row.variant),
        verdict,
        tables.number(f"{row.reached} of {row.n}"),
        *(tables.number(_spent(question, row, name)) for name in _clocks(question)),
        tables.number(_running(row)),
        tables.number(_crossing(question, row)),
        difference,
        interval,
        adjusted,
        tables.number(wording.p_value(row.family.adjusted(row.p_value))),
    )


def _spent(question: QuestionAnalysis, row: Reaching, name: str) -> str:
    """A restricted mean; never the bare budget of a variant that did not reach the target."""
    if not row.n:
        return "–"
    if not row.reached:
        return "never"
    mean = row.means[name]
    text = wording.quantity(
        mean.value, question.metric(name), half_width=mean.half_width, units=False
    )
    return f"≥ {text}" if row.missed else text


def _running(row: Reaching) -> str:
    time = row.running_times["epochs_to_target"]
    if math.isnan(time):
        return "–"
    return "never" if math.isinf(time) else wording.number(time, 1)


def _crossing(question: QuestionAnalysis, row: Reaching) -> str:
    if not row.n:
        return "–"
    return "never" if row.mean_curve is None else f"{question.suite.step} {row.mean_curve:g}"


def _notes(question: QuestionAnalysis) -> list[str]:
    clocks = [_heading(question.metric(name)) for name in _clocks(question)]
    notes = [
        f"By {wording.listed(clocks)}: means over the seeds' own crossings, unlike that of the mean curve."
    ]
    missed = [
        f"{row.variant} ({len(row.missed)} of {row.n})" for row in question.reaching if row.missed
    ]
    if missed:
        notes.append(
            f"Seeds that missed the target: {wording.listed(missed)}. They count the whole budget and"
            " are never left out, so the true mean is at least (≥) the one shown."
        )
    compared = [row.against for row in question.reaching if row.against]
    return notes + [
        f"{c.variant} is not compared: {c.found.contrast.problem}."
        for c in compared
        if c.found.contrast.problem
    ]


def _figure(question: QuestionAnalysis) -> Figure:
    seeds = wording.counted_between((row.n for row in question.reaching), "seed")
    return Figure(
        anchor=tables.anchor(question.name, "target"),
        caption=(
            f"Share of the {seeds} that had reached a {_target(question)} by then, as"
            " the evaluations saw it. A line that ends below 100 % has seeds that never did."
        ),
        panels=(figures.reached(question),),
        switches=figures.clocks_to_target(question),
        legend=figures.keys([v.name for v in question.variants]),
    )


def _heading(measure: Metric) -> str:
    name = measure.label.removesuffix(" to target")
    return name if name == measure.unit else f"{name} ({measure.unit})"


def _target(question: QuestionAnalysis) -> str:
    name, value = question.target or ("", math.nan)
    metric = question.metric(name)
    direction = "at least" if metric.higher_is_better else "at most"
    return f"{metric.label} of {direction} {wording.exact(value, metric)}"


def _budget(question: QuestionAnalysis) -> str:
    budget, suite = question.reaching[0].budget, question.suite
    shortest = ", the length of the shortest run" if budget < suite.epochs_of(question.name) else ""
    return wording.with_unit(f"{budget:g}", suite.steps) + shortest * bool(suite.imported)

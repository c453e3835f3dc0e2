"""What opens on demand below a question: all pairs, the secondary numbers, times of single epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis import wording
from bench.report import naming, tables
from bench.report.blocks import Block, Cell, Column, Fold, Table

if TYPE_CHECKING:
    from bench.analysis import QuestionAnalysis
    from bench.analysis.comparisons import Compared
    from bench.analysis.timing import EpochTimes


def folds(question: QuestionAnalysis, label: str) -> list[Block]:
    """The folds that the question has something for; label: what p-values are labelled with."""
    found: list[Block] = []
    if question.other_pairs:
        found.append(_pairs(question, label))
    if question.secondary:
        found.append(_secondary(question, label))
    if any(times.lowest is not None for times in question.times):
        found.append(_times(question))
    return found


def _pairs(question: QuestionAnalysis, label: str) -> Fold:
    are_open = any(c.open for c in question.other_pairs)
    rows = [
        (
            tables.variant(question, c.variant),
            tables.variant(question, c.baseline),
            *tables.difference(c.found),
            tables.number(tables.wins(c.found)),
            tables.verdict(c.verdict),
            *(tables.open_of(c.open) if are_open else ()),
        )
        for c in question.other_pairs
    ]
    table = Table(
        name=naming.path(question.name, "all-pairs"),
        caption=(
            f"The other pairs: {question.primary.label}, differences in"
            f" {wording.unit_of_difference(question.primary)}"
        ),
        columns=(
            Column("variant"),
            Column("against"),
            Column("difference", "the first minus the second; times: their ratio", "number"),
            *tables.DIFFERENCE[1:],
            Column("wins", "seeds in which the first is better", "number"),
            Column("verdict", "on the first"),
            *(tables.OPEN if are_open else ()),
        ),
        rows=tuple(rows),
        notes=tables.labelled(label, tables.cautions(question.other_pairs)),
    )
    return Fold(f"All pairs: {len(rows)} more comparisons", (table,))


def _secondary(question: QuestionAnalysis, label: str) -> Fold:
    """The comparisons on the secondary metrics with all their numbers."""
    are_open = any(c.open for c in question.secondary)
    rows = [
        (
            Cell(c.metric.label),
            tables.variant(question, c.variant),
            _mean(c),
            *tables.difference(c.found),
            tables.verdict(c.verdict),
            *(tables.open_of(c.open) if are_open else ()),
        )
        for c in question.secondary
    ]
    table = Table(
        name=naming.path(question.name, "secondary-comparisons"),
        caption=f"Secondary metrics against {question.baseline}: exploratory, a family of each metric",
        columns=(
            Column("metric"),
            Column("variant"),
            Column("mean", kind="number"),
            *tables.DIFFERENCE,
            Column("verdict", "none where neither direction is good in itself"),
            *(tables.OPEN if are_open else ()),
        ),
        rows=tuple(rows),
        notes=tables.labelled(label, tables.cautions(question.secondary)),
    )
    return Fold("Differences, intervals and p-values of the secondary metrics", (table,))


def _mean(c: Compared) -> Cell:
    """The variant's mean; of times to a target that some seeds missed, that it is a lower bound."""
    cell, between = tables.mean_of(c.mean, c.metric), c.found.contrast
    if not between.missed_a and not between.late_a:
        return cell
    missed = between.missed_a == between.a.size
    return tables.number("not reached" if missed else f"≥ {cell.text}")


def _times(question: QuestionAnalysis) -> Fold:
    trained_here = question.suite.imported is None
    table = Table(
        name=naming.path(question.name, "epoch-times"),
        caption="Time per epoch, as the runs trained",
        columns=(
            Column("variant"),
            Column("runs", "each gives one number, the median of its epochs", "number"),
            Column("mean", "geometric, over the runs' medians", "number"),
            Column("shortest", "of all epochs of all runs", "number"),
            Column("95th percentile", "of all epochs of all runs", "number"),
            Column("timed"),
        ),
        rows=tuple(_times_row(question, times) for times in question.times),
        notes=(
            "The first epoch of a run is left out. Epochs are no replicates: the runs' medians are compared.",
            *(
                ["`bench time` measures each variant alone."]
                * (trained_here and not question.speeds)
            ),
        ),
    )
    return Fold("Times of single epochs", (table,))


def _times_row(question: QuestionAnalysis, times: EpochTimes) -> tuple[Cell, ...]:
    measure = question.metric("epoch_time_s")
    company = {0: "alone", times.runs: "while other trials ran"}
    mixed = f"{times.concurrent} of {times.runs} while other trials ran"
    return (
        tables.variant(question, times.variant),
        tables.number(str(times.runs)),
        tables.mean_of(times.mean, measure),
        tables.number(wording.quantity(times.lowest, measure)),
        tables.number(wording.quantity(times.p95, measure)),
        Cell(company.get(times.concurrent, mixed) if times.runs else "–"),
    )

"""How large each network is, and what it costs to train; nothing where nobody counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis import wording
from bench.report import naming, tables
from bench.report.blocks import Block, Cell, Column, Table

if TYPE_CHECKING:
    from bench.analysis import QuestionAnalysis
    from bench.analysis.capacity import Capacity


def blocks(question: QuestionAnalysis) -> list[Block]:
    """A table; nothing where the probe ``capacity`` did not count."""
    return [_table(question)] if question.capacity else []


def _table(question: QuestionAnalysis) -> Table:
    base = next(row for row in question.capacity if row.variant == question.baseline)
    return Table(
        name=naming.path(question.name, "capacity"),
        caption=f"Capacity: what each network has, and takes; in % of {question.baseline}",
        columns=(
            Column("variant"),
            Column("parameters", "trainable weights and biases", "number"),
            Column("%", kind="number"),
            Column("multiply-adds", "of the kernels per image, forward", "number"),
            Column("%", kind="number"),
            Column("time per epoch", "as the runs trained; geometric mean", "number"),
            Column("training accuracy", "at the end, mean over seeds", "number"),
            Column("test accuracy", "at the end, mean over seeds", "number"),
        ),
        rows=tuple(_row(question, row, base) for row in question.capacity),
        notes=("A training step takes about three times the multiply-adds of the forward pass.",),
    )


def _row(question: QuestionAnalysis, row: Capacity, base: Capacity) -> tuple[Cell, ...]:
    return (
        tables.variant(question, row.variant),
        *_count(row.parameters, base.parameters),
        *_count(row.multiply_adds, base.multiply_adds),
        tables.mean_of(row.epoch_time, question.metric("epoch_time_s")),
        tables.mean_of(row.train_accuracy, question.metric("train_accuracy")),
        tables.mean_of(row.test_accuracy, question.metric("test_accuracy")),
    )


def _count(value: float | None, base: float | None) -> tuple[Cell, Cell]:
    share = None if value is None or not base else 100 * value / base
    return tables.number(wording.number(value, 0)), tables.number(wording.number(share, 0))

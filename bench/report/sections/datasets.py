"""Several imported data sets: the variants on each, and over all of them if there are enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis import answers, wording
from bench.report import naming, tables
from bench.report.blocks import Block, Cell, Column, Prose, Section, Table

if TYPE_CHECKING:
    from bench.analysis import Analysis
    from bench.analysis.datasets import Datasets, OverDatasets


def build(analysis: Analysis) -> tuple[Block, ...] | None:
    """The section; None unless a file of several data sets was imported."""
    found = analysis.datasets
    if found is None:
        return None
    blocks: list[Block] = [Prose((found.says,)), _means(found)]
    if any(pair.test for pair in found.pairs):
        blocks.append(_pairs(found, analysis.conditions.seed_label))
    return (Section("data-sets", "Over all data sets", tuple(blocks)),)


def _means(found: Datasets) -> Table:
    return Table(
        name=naming.path(naming.WHOLE, "data-sets"),
        caption=f"{found.metric.label}: mean over seeds on each data set",
        columns=(Column("data set"), *(Column(name, kind="number") for name in found.variants)),
        rows=tuple(
            (
                Cell(name, href=f"#{tables.anchor(name)}"),
                *(tables.mean_of(found.means[name, v], found.metric) for v in found.variants),
            )
            for name in found.names
        ),
    )


def _pairs(found: Datasets, label: str) -> Table:
    fewer = [
        f"{pair.variant} against {pair.baseline}: {pair.n} of {len(found.names)} data sets have both."
        for pair in found.pairs
        if pair.n < len(found.names)
    ]
    return Table(
        name=naming.path(naming.WHOLE, "data-set-pairs"),
        caption="Pairs of variants over the data sets, each with one number per variant",
        columns=(
            Column("variant"),
            Column("against"),
            Column("verdict"),
            Column("better", "data sets on which the mean over seeds is better", "number"),
            Column("worse", "data sets on which it is worse", "number"),
            Column("median difference", "over data sets", "number"),
            Column("test"),
            Column("p", kind="number"),
            tables.ADJUSTED,
        ),
        rows=tuple(_row(found, pair) for pair in found.pairs),
        notes=tables.labelled(label, fewer),
    )


def _row(found: Datasets, pair: OverDatasets) -> tuple[Cell, ...]:
    difference = pair.median_difference
    size = "–"
    if difference is not None:
        sign = "−" if difference < 0 else "+"
        size = f"{sign}{answers.amount_of(abs(difference), found.metric, None)}"
    return (
        Cell(pair.variant),
        Cell(pair.baseline),
        tables.verdict(pair.verdict),
        tables.number(f"{pair.better} of {pair.n}"),
        tables.number(str(pair.worse)),
        tables.number(size),
        Cell(pair.test or "–"),
        tables.number(wording.p_value(pair.p_value)),
        tables.number(wording.p_value(pair.p_adjusted)),
    )

"""The settings of a matrix one by one: what each adds, what two add together, and how it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis import factors, wording
from bench.report import figures, naming, tables
from bench.report.blocks import (
    Block,
    Cell,
    Column,
    Figure,
    Finding,
    Findings,
    Prose,
    Section,
    Table,
)

if TYPE_CHECKING:
    from bench.analysis import QuestionAnalysis
    from bench.analysis.factors import Effect, Factorial


def blocks(question: QuestionAnalysis, label: str) -> list[Block]:
    """A part of the question's section; nothing where its variants are no grid of factors."""
    one = question.factors
    if one is None:
        return []
    names = wording.listed([factor.name for factor in one.factors])
    whole = factors.split(one)
    inside: list[Block] = [Prose((whole,))] if whole else []
    mains = [Finding(e.verdict or "", factors.sentence(one, e)) for e in one.effects if e.is_main]
    inside += [Findings(tuple(mains)), Prose((_together(one),)), _table(one, label), _figure(one)]
    title = f"What {names} add, each by itself"
    return [Section(tables.anchor(one.question, "factors"), title, tuple(inside), level=3)]


def _together(one: Factorial) -> str:
    """The interactions that are shown; that the others are not is said, and not that there are none."""
    both = [effect for effect in one.effects if not effect.is_main]
    shown = [e for e in both if factors.is_shown(e)]
    said = " ".join(factors.sentence(one, effect) for effect in shown)
    if len(shown) == len(both):
        return said
    some = {e.name for e in shown}
    rest = [e.name for e in both if not factors.is_shown(e)]
    others = wording.listed(
        list(dict.fromkeys(f"other steps of {name}" if name in some else name for name in rest))
    )
    return (
        f"{said} That the steps depend on each other is not shown for {others}; it is not excluded either."
    ).strip()


def _table(one: Factorial, label: str) -> Table:
    are_open = any(effect.open for effect in one.effects)
    notes = [
        (
            "A main effect compares two levels of a setting, averaged over all levels of the others; an"
            " interaction is how much one step changes with the other. Both are computed seed by seed."
        )
    ]
    if len(one.factors) > 2:
        notes.append("Interactions of three settings are not tested.")
    if one.left_out:
        seeds = wording.seeds(list(one.left_out))
        notes.append(f"Left out, for want of a result in every variant: seeds {seeds}.")
    return Table(
        name=naming.path(one.question, "factors"),
        caption=(
            f"Effects on {one.metric.label}, in {wording.unit_of_difference(one.metric)};"
            " main effects among the page's primary tests"
        ),
        columns=(
            Column("effect"),
            Column("change", "levels that are compared"),
            Column("verdict", "on the second level"),
            Column("seeds", kind="number"),
            Column("difference", "mean over seeds; times: ratio", "number"),
            *tables.DIFFERENCE[1:3],
            tables.ADJUSTED,
            Column("sign-flip p", "exact permutation test of the signs, by itself", "number"),
            *(tables.OPEN if are_open else ()),
        ),
        rows=tuple(_row(one, effect, are_open=are_open) for effect in one.effects),
        notes=tables.labelled(label, notes),
    )


def _row(one: Factorial, effect: Effect, *, are_open: bool) -> tuple[Cell, ...]:
    test = effect.found.test
    return (
        Cell(effect.name),
        Cell(effect.change),
        tables.verdict(effect.verdict),
        tables.number(str(len(one.seeds))),
        *tables.difference(effect.found),
        tables.number(wording.p_value(test.p_sign_flip if test else None)),
        *(tables.open_of(effect.open) if are_open else ()),
    )


def _figure(one: Factorial) -> Figure:
    return Figure(
        anchor=tables.anchor(one.question, "factors", "figure"),
        caption=(
            f"Lines: means over {wording.counted(len(one.seeds), 'seed')} and over the other settings; dots:"
            " every seed. Parallel lines mean that the two settings do not depend on each other."
        ),
        panels=tuple(figures.interactions(one)),
    )

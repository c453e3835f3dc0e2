"""Time to target: who reaches it, when, and how that compares."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bench.analysis import arrivals, wording
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
    suite, cut = question.suite, _cut(question)
    up_to = "up to when all runs of the variant and the baseline were watched, or met the target"
    looked = "exact log-rank test of all that was seen until runs ended, by itself"
    return Table(
        name=naming.path(question.name, "time-to-target"),
        caption=f"Time to target: {_target(question)}, within {_budget(question)}",
        columns=(
            Column("variant"),
            Column("verdict", f"on the {suite.steps}"),
            Column("reached", "seeds that met the target, whatever became of them then", "number"),
            *[Column("share", "that meets the target (Kaplan and Meier)", "number")] * cut,
            *[Column("up to", up_to, "number")] * cut,
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
                "expected running time: all spent until the target or the end / seeds that reached",
                "number",
            ),
            Column(
                "mean curve", f"{suite.step} where the mean of the seeds' curves crosses", "number"
            ),
            Column("difference", f"of the mean {suite.steps}, variant minus baseline", "number"),
            tables.DIFFERENCE[1],
            tables.DIFFERENCE[3],
            Column(
                _tested(question),
                "exact test of the shares that reached, adjusted for its family",
                "number",
            ),
            *[Column("log-rank p", looked, "number")] * cut,
        ),
        rows=tuple(_row(question, row) for row in question.reaching),
        notes=tables.labelled(label, _notes(question)),
    )


def _cut(question: QuestionAnalysis) -> bool:
    """Whether some run was stopped before it had met the target, and before others were."""
    return any(row.stopped for row in question.reaching)


def _tested(question: QuestionAnalysis) -> str:
    """Heading of the p of the shares: by pairs, by groups, or some so and some so."""
    tests = {row.shares.test for row in question.reaching if row.shares}
    return f"{tests.pop()} p" if len(tests) == 1 else "shares p" if tests else "McNemar p"


def _row(question: QuestionAnalysis, row: Reaching) -> tuple[Cell, ...]:
    against = row.against
    cells = tables.difference(against.found) if against else (tables.number("–"),) * 4
    difference, interval, _, adjusted = cells
    verdict = tables.verdict(against.verdict) if against else Cell("baseline")
    return (
        tables.variant(question, row.variant),
        verdict,
        tables.number(f"{row.reached} of {row.n}"),
        *[tables.number(_share(row)), tables.number(f"{row.budget:g}")] * _cut(question),
        *(tables.number(_spent(question, row, name)) for name in _clocks(question)),
        tables.number(_running(row)),
        tables.number(_crossing(question, row)),
        difference,
        interval,
        adjusted,
        tables.number(wording.p_value(row.p_shares_adjusted)),
        *[tables.number(wording.p_value(row.logrank.p_exact if row.logrank else None))]
        * _cut(question),
    )


def _share(row: Reaching) -> str:
    return "–" if row.share is None else f"{100 * row.share:.0f} %"


def _spent(question: QuestionAnalysis, row: Reaching, name: str) -> str:
    """A restricted mean; never the bare budget of a variant that did not reach the target."""
    if not row.n:
        return "–"
    if not row.reached:
        return _never(row)
    mean = row.means[name]
    text = wording.quantity(
        mean.value, question.metric(name), half_width=mean.half_width, units=False
    )
    return f"≥ {text}" if row.restricted else text


def _never(row: Reaching) -> str:
    """Of a variant that was not seen to reach the target: of runs that were stopped nobody knows."""
    return f"not by {max(row.ends.values()):g}" if row.stopped else "never"


def _running(row: Reaching) -> str:
    time = row.running_times["epochs_to_target"]
    if math.isnan(time):
        return "–"
    return _never(row) if math.isinf(time) else wording.number(time, 1)


def _crossing(question: QuestionAnalysis, row: Reaching) -> str:
    if not row.n:
        return "–"
    if row.mean_curve is None:
        return f"not by {min(row.ends.values()):g}" if row.short else "never"
    return f"{question.suite.step} {row.mean_curve:g}"


def _notes(question: QuestionAnalysis) -> list[str]:
    clocks = [_heading(question.metric(name)) for name in _clocks(question)]
    notes = [
        f"By {wording.listed(clocks)}: means over the seeds' own crossings, unlike that of the mean curve."
    ]
    missed = [
        f"{row.variant} ({len(row.missed)} of {row.n})" for row in question.reaching if row.missed
    ]
    if missed:
        what = (
            "what all runs of a row and of the baseline were watched for"
            if _cut(question)
            else "the whole budget"
        )
        notes.append(
            f"Seeds that missed the target: {wording.listed(missed)}. They count {what} and"
            " are never left out, so the true mean is at least (≥) the one shown."
        )
    short = {row.variant: row.short for row in question.reaching if row.short}
    if short:
        runs = {row.variant: row.n for row in question.reaching}
        end, steps = question.reaching[0].longest, question.suite.steps
        notes.append(
            f"{arrivals.short_in_words(short, runs, end, steps)} A run that met the target has its time,"
            " whenever it ended."
        )
    return [*notes, *(said for row in question.reaching for said in _compared(row))]


def _compared(row: Reaching) -> list[str]:
    """What a row's comparison is of, where it is not of two means."""
    if row.against is None:
        return []
    between = row.against.found.contrast
    if between.problem:
        return [f"{row.variant} is not compared: {between.problem}."]
    if between.decision is None:
        return []
    if between.decision.test == "log-rank":
        why = f"nobody met the target before {row.budget:g}, so that means say nothing"
        return [f"{row.variant}: {why}; the exact log-rank test decides."]
    why = "one side never meets the target, so that there are no times to compare"
    test = f"{between.decision.test}'s exact test of the shares"
    return [f"{row.variant}: {why}; {test} decides."]


def _figure(question: QuestionAnalysis) -> Figure:
    seeds = wording.counted_between((row.n for row in question.reaching), "seed")
    return Figure(
        anchor=tables.anchor(question.name, "target"),
        caption=(
            f"Share of the {seeds} that had reached a {_target(question)} by then, as"
            f" the evaluations saw it. {_below(question)}"
        ),
        panels=(figures.reached(question),),
        switches=figures.clocks_to_target(question),
        legend=figures.keys([v.name for v in question.variants]),
    )


def _below(question: QuestionAnalysis) -> str:
    """What a line below 100 % means."""
    if not _cut(question):
        return "A line that ends below 100 % has seeds that never did."
    return (
        "A vertical mark is a run that ended without: from there on the share is that of the others (Kaplan and"
        " Meier 1958)."
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
    suite, rows = question.suite, question.reaching
    uneven = ", the length of the longest run" if any(row.short for row in rows) else ""
    return wording.with_unit(f"{rows[0].longest:g}", suite.steps) + uneven

"""Convergence rates: which law, how fast, beside what theory says; and the fits over the curves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bench.analysis import theory, wording
from bench.report import figures, naming, tables
from bench.report.blocks import Block, Cell, Column, Figure, Prose, Table
from bench.stats.doubts import FEWEST_POINTS

if TYPE_CHECKING:
    from bench.analysis import QuestionAnalysis
    from bench.analysis.rates import Rate


def blocks(question: QuestionAnalysis, label: str) -> list[Block]:
    """A table and a figure, or a sentence on curves too short; nothing where none could have a rate.

    label: what p-values are labelled with.
    """
    if not any(rate.fitted.best_family for rate in question.rates):
        return []
    most = max(curve.k.size for rate in question.rates for curve in rate.curves.values())
    if most < FEWEST_POINTS:
        text = (
            f"Convergence rate: cannot be determined. A curve has {most} evaluations here, and"
            f" {FEWEST_POINTS} are the least; train longer, or evaluate more often."
        )
        return [Prose((text,))]
    beside = [_beside_theory(question)] if any(rate.predicted for rate in question.rates) else []
    return [_table(question, label), *beside, _figure(question)]


def _table(question: QuestionAnalysis, label: str) -> Table:
    step, steps = question.suite.step, question.suite.steps
    trained = question.suite.imported is None
    return Table(
        name=naming.path(question.name, "rates"),
        caption=f"Convergence rate of the {_objective(question)}",
        columns=(
            Column("variant"),
            Column("law", "the family of curves that the seeds bear out"),
            Column(
                f"rate per {step}",
                "the share of the excess that goes; of a power k^-p: p, which has no unit",
                "number",
            ),
            Column("95 % CI", "t interval over seeds, of the logarithm", "number"),
            *([Column("per update", "the same rate by update", "number")] * trained),
            Column(
                "halves in",
                f"{steps} until half of the excess is gone, from where the fit begins",
                "number",
            ),
            Column("falls to", "the floor of the fitted curve"),
            *([Column("theory", "the law that is proved for this rule")] * trained),
            Column(f"against {question.baseline}", "ratio of the rates, its interval", "number"),
            tables.ADJUSTED,
        ),
        rows=tuple(_row(question, rate, trained=trained) for rate in question.rates),
        notes=tables.labelled(label, _notes(question)),
    )


def _row(question: QuestionAnalysis, rate: Rate, *, trained: bool) -> tuple[Cell, ...]:
    named = rate.fitted.determined
    return (
        tables.variant(question, rate.variant),
        Cell(rate.fitted.family),
        tables.number(_speed(rate) if named else "–"),
        tables.number(_interval(rate) if named else "–"),
        *([tables.number(_per_update(rate) if named else "–")] * trained),
        tables.number(_halving(question, rate)),
        Cell(_floor(rate) if named else "–"),
        *([Cell(rate.predicted.family if rate.predicted else "none")] * trained),
        *_against(rate),
    )


def _speed(rate: Rate) -> str:
    return _shown(rate, rate.fitted.rate)


def _interval(rate: Rate) -> str:
    low, high = rate.fitted.rate_low, rate.fitted.rate_high
    return "–" if low is None or high is None else f"{_shown(rate, low)} to {_shown(rate, high)}"


def _shown(rate: Rate, value: float | None) -> str:
    """Rounded by the interval; a rate of 0.31 of a geometric curve reads ``−27 %``."""
    low, high = rate.fitted.rate_low, rate.fitted.rate_high
    if value is None or rate.fitted.family != "geometric":
        return _rounded(value, low, high)
    gone, least, most = (None if x is None else 100 * -math.expm1(-x) for x in (value, low, high))
    return f"−{_rounded(gone, least, most)} %"


def _per_update(rate: Rate) -> str:
    share = rate.fitted.family == "geometric" and rate.per_update is not None
    if share:
        return f"−{100 * -math.expm1(-(rate.per_update or 0.0)):.3g} %"
    return _significant(rate.per_update)


def _rounded(value: float | None, low: float | None, high: float | None) -> str:
    """A number as its interval allows; very large and very small ones, and those without, by three digits."""
    if value is None or low is None or high is None or not 1e-4 < value < 1e5:
        return _significant(value)
    return wording.number(value, wording.decimals((high - low) / 2, value))


def _significant(value: float | None) -> str:
    if value is None:
        return "–"
    return (
        wording.number(value, wording.decimals(None, value))
        if 1e-4 < value < 1e5
        else f"{value:.2e}"
    )


def _halving(question: QuestionAnalysis, rate: Rate) -> str:
    time = rate.fitted.halving_time
    if math.isinf(time):
        return "never"
    return f"{_significant(time)} {question.suite.steps}"


def _floor(rate: Rate) -> str:
    fitted = rate.fitted
    above = "f*" if rate.optimum is not None else "0"
    if fitted.floor_kind == "known":
        return "f* (known)"
    if fitted.floor_kind == "fitted":
        start = "f* + " if rate.optimum is not None else ""
        return f"{start}{_significant(fitted.floor)} (fitted)"
    return f"not distinguishable from {above}" if fitted.floor_kind != "none" else "–"


def _tail(rate: Rate) -> str:
    factor, low, high = rate.tail
    if factor is None:
        return "–"
    spread = None if low is None or high is None else (high - low) / 2
    return f"× {wording.number(factor, min(max(wording.decimals(spread), 4), 8))}"


def _beside_theory(question: QuestionAnalysis) -> Table:
    return Table(
        name=naming.path(question.name, "beside-theory"),
        caption="Beside theory: f − f*, the training objective above its known minimum",
        columns=(
            Column("variant"),
            Column("theory", "in the long run, k counting updates"),
            Column("proved by"),
            Column("tail", "what an update leaves of f − f*, over the last third", "number"),
            Column("measured / predicted speed", "of the logarithms of the two factors", "number"),
        ),
        rows=tuple(
            (
                tables.variant(question, rate.variant),
                Cell(rate.predicted.words if rate.predicted else "none"),
                Cell(rate.predicted.source if rate.predicted else "–"),
                tables.number(_tail(rate)),
                tables.number(_agreement(rate)),
            )
            for rate in question.rates
        ),
        notes=("O(…) is an upper bound: faster is no contradiction.",),
    )


def _agreement(rate: Rate) -> str:
    factor = rate.tail[0]
    if rate.predicted is None or factor is None or rate.predicted.factor is None:
        return "–"
    bound = "" if rate.predicted.exact else " of that bound"
    return f"{100 * theory.agreement(rate.predicted, factor):.1f} %{bound}"


def _against(rate: Rate) -> tuple[Cell, Cell]:
    against = rate.against
    if against is None or against.ratio is None:
        return tables.number("baseline" if rate.variant == rate.baseline else "–"), tables.number(
            "–"
        )
    ratio, low, high = (
        _rounded(value, against.ci_low, against.ci_high)
        for value in (against.ratio, against.ci_low, against.ci_high)
    )
    text = f"× {ratio}" if low == "–" else f"× {ratio} ({low} to {high})"
    return tables.number(text), tables.number(wording.p_value(rate.family.adjusted(rate.p_value)))


def _notes(question: QuestionAnalysis) -> list[str]:
    notes = []
    if not any(rate.predicted for rate in question.rates) and question.suite.imported is None:
        notes.append("Theory: none, since no rate is proved for the loss of a network.")
    if any(r.fitted.determined and r.fitted.floor_kind == "fitted" for r in question.rates):
        notes.append(
            "A fitted floor is where the curve levels off (the noise of a constant step, the model's"
            " limit), not the optimum."
        )
    doubts: dict[str, list[str]] = {}
    for rate in question.rates:
        if rate.fitted.reasons:
            doubts.setdefault(" ".join(rate.fitted.reasons), []).append(rate.variant)
    notes += [
        f"{wording.listed(names)}: cannot be determined. {why}" for why, names in doubts.items()
    ]
    left_out = max(rate.left_out for rate in question.rates)
    if left_out:
        notes.append(
            f"Of each variant, the curves of {left_out} seeds or fewer were not fitted: too many."
        )
    notes.append(
        "A better rate is not always a faster run: the time to target stands above."
        if question.reaching
        else "A better rate is not always a faster run."
    )
    return notes


def _figure(question: QuestionAnalysis) -> Figure:
    seeds = wording.counted_between((len(rate.curves) for rate in question.rates), "seed")
    above = (
        " above its known minimum f*" if any(r.optimum is not None for r in question.rates) else ""
    )
    part = " over the part that was fitted" if above else ""
    return Figure(
        anchor=tables.anchor(question.name, "rates"),
        caption=(
            f"Dots: the {_objective(question)}{above}, mean over {seeds}. Lines: the mean of the"
            f" seeds' fits{part}, dashed where the law cannot be determined. A fit is as good as its line is"
            " close to the dots. A geometric law is straight where y alone is logarithmic, a power where both"
            " axes are."
        ),
        panels=(figures.rates(question),),
        legend=figures.keys([v.name for v in question.variants], lines=False),
    )


def _objective(question: QuestionAnalysis) -> str:
    return question.metric(question.rates[0].metric).label

"""The first screen: what a busy reader takes away. Answers, then the claims with their verdicts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from bench.analysis import answers, wording
from bench.analysis.conditions import shortened
from bench.analysis.families import totals
from bench.report import naming, tables
from bench.report.blocks import (
    AnswerCard,
    Block,
    Cell,
    Column,
    Prose,
    Section,
    Table,
    Tally,
)
from bench.report.tables import anchor, labelled, number, signed, span, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.analysis import Analysis, QuestionAnalysis
    from bench.analysis.claims import JudgedClaim, Judgement

VERDICTS: Final[tuple[Judgement, ...]] = ("holds", "does not hold", "cannot tell")
_MEASURED: Final = (
    "mean over seeds: of the difference that the conclusion is about, or of the number it names"
)
_SIGNS: Final = (
    "With a sign: a difference between two variants. With ×: how many times as large or as long. Without:"
    " one variant's own number."
)


def build(analysis: Analysis) -> tuple[Block, ...] | None:
    """Notes on the whole run, a card per question, and the scoreboard."""
    notes = tuple(_notes(analysis))
    cards = tuple(card(question) for question in analysis.questions)
    count = wording.counted(len(analysis.conditions.seeds_ran), "seed")
    lead = f"What {count} {'say' if count[:2] != '1 ' else 'says'}, question by question."
    blocks: list[Block] = [Prose(notes, kind="note")] if notes else []
    judged = [claim for question in analysis.questions for claim in question.claims]
    tally = [Tally(*_conclusions(judged), "#scoreboard")] if judged else []
    said = totals(analysis.families)
    counted = [Prose((" ".join(said),), kind="note")] if said else []
    blocks.append(Section("answers", "Answers", (*tally, *cards, *counted), lead=lead))
    if judged:
        blocks.append(_scoreboard(analysis, judged))
    return tuple(blocks)


def _notes(analysis: Analysis) -> list[str]:
    how = analysis.conditions
    notes = [shortened(analysis.suite, how)]
    if how.seed_label:
        notes.append(f"p-values of this report: {how.seed_label}.")
    if how.trials < how.trials_planned:
        notes.append(
            f"The run is not complete: {how.trials} of {how.trials_planned} trials have a result."
        )
    notes += [f"{trouble}." for trouble in analysis.troubles.found]
    broken = Counter(trial.status for trial in how.broken)
    for status, count in broken.items():
        notes.append(f"{wording.counted(count, 'trial')} {status}: see how it was run.")
    if len(how.seeds_ran) < 3:
        notes.append(
            f"{wording.counted(len(how.seeds_ran), 'seed')}: too few for an interval or a test, so"
            " nothing is said about another seed."
        )
    return [note for note in (*notes, *how.cautions) if note]


def card(question: QuestionAnalysis, report: str = "") -> AnswerCard:
    """The answer to a question, with a link to it in its report: in the page itself, or at an address."""
    return AnswerCard(
        title=question.title,
        href=f"{report}#{anchor(question.name)}",
        headline=question.headline,
        tally=_tally(question.claims),
    )


def _tally(judged: Sequence[JudgedClaim]) -> tuple[tuple[str, int], ...]:
    counts = Counter(claim.verdict for claim in judged)
    return tuple((name, counts[name]) for name in VERDICTS if counts[name])


def _scoreboard(analysis: Analysis, judged: list[JudgedClaim]) -> Section:
    printed = any(claim.reported is not None for claim in judged)
    are_open = any(claim.open for claim in judged)
    rows: list[tuple[Cell, ...]] = []
    for question in analysis.questions:
        if question.claims:
            rows.append((Cell(question.title, href=f"#{anchor(question.name)}"),))
        rows += [_row(claim, printed=printed, are_open=are_open) for claim in question.claims]
    table = Table(
        name=naming.path(naming.WHOLE, "scoreboard"),
        caption="Each conclusion leads to its evidence",
        columns=(
            Column("conclusion"),
            Column("verdict"),
            *([Column("reported", "by the source, which trained once", "number")] * printed),
            Column("measured", _MEASURED, "number"),
            tables.DIFFERENCE[1],
            tables.ADJUSTED,
            *(tables.OPEN if are_open else ()),
        ),
        rows=tuple(rows),
        notes=labelled(analysis.conditions.seed_label, (_SIGNS,)),
        stacked=True,
    )
    what, counts = _conclusions(judged)
    said = wording.listed([f"{count} {_plural(name, count)}" for name, count in counts])
    source = analysis.suite.source or "the suite"
    lead = f"{what} of {source}, each tested over seeds: {said}."
    return Section("scoreboard", "Which conclusions survive", (table,), lead=lead)


def _conclusions(judged: Sequence[JudgedClaim]) -> tuple[str, tuple[tuple[str, int], ...]]:
    return wording.counted(len(judged), "conclusion"), _tally(judged)


def _plural(name: str, count: int) -> str:
    if count == 1:
        return name
    return {"holds": "hold", "does not hold": "do not hold"}.get(name, name)


def _row(claim: JudgedClaim, *, printed: bool, are_open: bool) -> tuple[Cell, ...]:
    return (
        Cell(claim.claim.says, href=f"#{anchor(claim.question, claim.position)}"),
        verdict(claim.verdict),
        *([number(_reported(claim))] * printed),
        *map(number, _measured(claim)),
        number(wording.p_value(claim.p_deciding)),
        *(tables.open_of(claim.open) if are_open else ()),
    )


def _reported(claim: JudgedClaim) -> str:
    if claim.reported is None:
        return "–"
    if claim.claim.test.against is None:
        return wording.in_short(wording.exact(claim.reported, claim.metric))
    if claim.metric.ratio:
        places = wording.decimals(None, claim.reported)
        return f"× {wording.number(claim.reported, places)}"
    sign = "+" if claim.reported > 0 else ""
    amount = f"{claim.reported * wording.percent_scale(claim.metric):.10g}".replace("-", "−")
    return f"{sign}{_with_unit(amount, claim)}"


def _measured(claim: JudgedClaim) -> tuple[str, str]:
    """The difference of the two variants, or the one's mean, and its interval."""
    found, metric = claim.found, claim.metric
    if claim.claim.test.against is None:
        interval = answers.mean_interval_text(claim.own, metric, level="")
        return wording.in_short(answers.mean_text(claim.mean, metric)), interval or "–"
    text = signed(found.difference, metric, found.half_width)
    return (text if text == "–" or metric.ratio else _with_unit(text, claim)), span(found)


def _with_unit(amount: str, claim: JudgedClaim) -> str:
    return wording.in_short(wording.with_unit(amount, wording.unit_of_difference(claim.metric)))

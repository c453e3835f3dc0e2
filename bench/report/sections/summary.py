"""The first screen: what a busy reader takes away. Answers, then the claims with their verdicts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from bench.analysis import wording
from bench.analysis.conditions import shortened
from bench.report.blocks import AnswerCard, Block, Cell, Column, Prose, Section, Table
from bench.report.tables import anchor, labelled, number, verdict

if TYPE_CHECKING:
    from bench.analysis import Analysis, QuestionAnalysis
    from bench.analysis.claims import JudgedClaim, Judgement

VERDICTS: Final[tuple[Judgement, ...]] = ("holds", "does not hold", "cannot tell")


def build(analysis: Analysis) -> tuple[Block, ...] | None:
    """Notes on the whole run, a card per question, and the scoreboard."""
    notes = tuple(_notes(analysis))
    cards = tuple(_card(question) for question in analysis.questions)
    count = wording.counted(len(analysis.conditions.seeds_ran), "seed")
    lead = f"What {count} {'say' if count[:2] != '1 ' else 'says'}, question by question."
    blocks: list[Block] = [Prose(notes, kind="note")] if notes else []
    blocks.append(Section("answers", "Answers", cards, lead=lead))
    judged = [claim for question in analysis.questions for claim in question.claims]
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
    broken = Counter(trial.status for trial in how.broken)
    for status, count in broken.items():
        notes.append(f"{wording.counted(count, 'trial')} {status}: see how it was run.")
    if len(how.seeds_ran) < 3:
        notes.append(
            f"{wording.counted(len(how.seeds_ran), 'seed')}: too few for an interval or a test, so"
            " nothing is said about another seed."
        )
    return [note for note in notes if note]


def _card(question: QuestionAnalysis) -> AnswerCard:
    tally = Counter(claim.verdict for claim in question.claims)
    return AnswerCard(
        title=question.title,
        href=f"#{anchor(question.name)}",
        headline=question.headline,
        tally=tuple((name, tally[name]) for name in VERDICTS if tally[name]),
    )


def _scoreboard(analysis: Analysis, judged: list[JudgedClaim]) -> Section:
    counts = Counter(claim.verdict for claim in judged)
    said = wording.listed([f"{counts[name]} {_plural(name, counts[name])}" for name in VERDICTS])
    source = analysis.suite.source or "the suite"
    rows: list[tuple[Cell, ...]] = []
    for question in analysis.questions:
        if question.claims:
            rows.append((Cell(question.title, href=f"#{anchor(question.name)}"),))
        rows += [
            (
                Cell(claim.claim.says, href=f"#{anchor(question.name, claim.position)}"),
                verdict(claim.verdict),
                number(wording.p_value(claim.p_deciding)),
            )
            for claim in question.claims
        ]
    table = Table(
        caption="Each conclusion leads to its evidence",
        columns=(
            Column("conclusion"),
            Column("verdict"),
            Column("Holm p", "of the deciding test, adjusted for all conclusions", "number"),
        ),
        rows=tuple(rows),
        notes=labelled(analysis.conditions.seed_label, ()),
    )
    lead = f"{len(judged)} conclusions of {source}, each tested over seeds: {said}."
    return Section("scoreboard", "Which conclusions survive", (table,), lead=lead)


def _plural(name: str, count: int) -> str:
    if count == 1:
        return name
    return {"holds": "hold", "does not hold": "do not hold"}.get(name, name)

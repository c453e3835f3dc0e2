"""How fast each variant is, alone on the machine; nothing where nobody measured that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bench.analysis import answers, wording
from bench.report import figures, naming, tables
from bench.report.blocks import Block, Cell, Column, Figure, Table

if TYPE_CHECKING:
    from bench.analysis import QuestionAnalysis
    from bench.analysis.speed import Speed

SHARED: Final = 0.9  # of a core, below which something else was computing

_TO_TARGET: Final = (
    Column("time to target", "mean epochs to target by time per epoch", "number"),
    Column("95 % CI", "of both: epochs over seeds, time over rounds", "number"),
)


def blocks(question: QuestionAnalysis) -> list[Block]:
    """A table and a figure; nothing where the question was not timed alone."""
    return [_table(question), _figure(question)] if question.speeds else []


def _figure(question: QuestionAnalysis) -> Figure:
    panels = (figures.epochs_alone(question), figures.speed_ratios(question))
    rounds = wording.counted(question.speeds[0].seconds.size, "round")
    return Figure(
        anchor=tables.anchor(question.name, "speed"),
        caption=(
            f"Every dot is an epoch alone on the machine, {rounds} of each variant; thin lines join the same"
            " round, in which whatever else the machine did hit all alike. Ratios are those of the geometric"
            " means with their 95 % t interval, paired by round; at 1 an epoch takes as long as that of"
            f" {question.baseline}."
        ),
        panels=tuple(panel for panel in panels if panel),
    )


def _table(question: QuestionAnalysis) -> Table:
    reached = any(row.to_target for row in question.speeds)
    return Table(
        name=naming.path(question.name, "speed"),
        caption="Time per epoch, alone on the machine",
        columns=(
            Column("variant"),
            Column("verdict", "better: faster, on this machine"),
            Column("mean", "geometric, over the rounds", "number"),
            Column("ratio", f"of the geometric means, to {question.baseline}", "number"),
            Column("95 % CI", "t interval of the ratio, paired by round", "number"),
            tables.ADJUSTED,
            Column("shortest", "of the rounds", "number"),
            Column("95th percentile", "of the rounds", "number"),
            *(_TO_TARGET if reached else ()),
        ),
        rows=tuple(_row(question, row, reached=reached) for row in question.speeds),
        notes=tuple(_notes(question)),
    )


def _row(question: QuestionAnalysis, row: Speed, *, reached: bool) -> tuple[Cell, ...]:
    measure = question.metric("epoch_time_s")
    verdict = tables.verdict(row.verdict) if row.verdict else Cell("–")
    return (
        tables.variant(question, row.variant),
        Cell("baseline") if row.variant == row.baseline else verdict,
        tables.mean_of(row.mean, measure),
        *_ratio(row),
        tables.number(wording.p_value(row.family.adjusted(row.p_value))),
        tables.number(wording.quantity(row.lowest, measure)),
        tables.number(wording.quantity(row.p95, measure)),
        *(_to_target(question, row) if reached else ()),
    )


def _ratio(row: Speed) -> tuple[Cell, Cell]:
    against = row.judged
    if against is None:
        return tables.number("–"), tables.number("–")
    low, high = against.ci_low, against.ci_high
    if low is None or high is None:
        return tables.number(f"× {wording.number(against.ratio, 2)}"), tables.number("–")
    places = answers.ratio_places((high - low) / 2)
    ratio, *ends = (wording.number(value, places) for value in (against.ratio, low, high))
    return tables.number(f"× {ratio}"), tables.number(" to ".join(ends))


def _to_target(question: QuestionAnalysis, row: Speed) -> tuple[Cell, Cell]:
    """Never the bare budget of a variant that did not reach the target."""
    found = row.to_target
    if found is None:
        reaching = next((r for r in question.reaching if r.variant == row.variant), None)
        return tables.number("never" if reaching and reaching.n else "–"), tables.number("–")
    low, high = found.ci_low, found.ci_high
    half = None if low is None or high is None else (high - low) / 2
    places = wording.decimals(half, found.value)
    text = f"{wording.number(found.value, places)} s"
    ends = (
        "–"
        if half is None
        else f"{wording.number(low, places)} to {wording.number(high, places)} s"
    )
    missed = any(r.restricted for r in question.reaching if r.variant == row.variant)
    return tables.number(f"≥ {text}" if missed else text), tables.number(ends)


def _notes(question: QuestionAnalysis) -> list[str]:
    first = question.speeds[0]
    rounds = wording.counted(first.seconds.size, "round")
    notes = [
        f"Measured by `bench time` on {first.started_at[:10]}, {first.processor}.",
        (
            f"{rounds}, each an epoch of every variant in random order, on one thread, compiled and warmed"
            " up before. The replicate is the round: intervals and p are about this machine."
        ),
    ]
    shared = [
        f"{row.variant} {100 * row.busy:.0f} %" for row in question.speeds if row.busy < SHARED
    ]
    if shared:
        notes.append(
            f"The machine was not idle. Share of a core that was got: {wording.listed(shared)}."
            " Measure again when nothing else runs."
        )
    if any(row.to_target for row in question.speeds):
        notes.append(
            "Time to target: mean epochs to target, in which a seed that missed it counts its budget, by"
            " time per epoch."
        )
    return notes

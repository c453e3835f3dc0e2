"""One section per question: the answer, what was compared, the figures, the numbers, the claims."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bench.analysis import answers, wording
from bench.analysis.crossings import SPENT
from bench.analysis.whole_curves import BEST
from bench.frames import SMOOTHNESS
from bench.report import (
    by_example,
    capacity,
    details,
    factors,
    figures,
    landscape,
    naming,
    rates,
    reaching,
    sensitivity,
    sizes,
    speed,
    tables,
    workers,
)
from bench.report.alone import standing_alone
from bench.report.blocks import (
    Block,
    Cell,
    Column,
    Figure,
    Finding,
    Findings,
    Fold,
    Markdown,
    Prose,
    Section,
    Table,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bench.analysis import Analysis, QuestionAnalysis
    from bench.analysis.claims import JudgedClaim
    from bench.analysis.comparisons import Compared
    from bench.analysis.reported import ReportedNumber
    from bench.analysis.variants import Change, VariantSummary


_IN_SIGHT: Final = 6  # sentences; more would hide what follows
_ANYTIME: Final = Column(
    "anytime e",
    "sign test that holds however often one looked at the seeds: 20 or more counts",
    "number",
)


def build(analysis: Analysis) -> tuple[Block, ...] | None:
    """A section for each question, in the suite's order."""
    return tuple(
        block
        for question in analysis.questions
        for block in standing_alone(
            analysis,
            f"question {question.name}",
            lambda q=question: (_question(analysis, q),),  # type: ignore[misc]
        )
    )


def _question(analysis: Analysis, question: QuestionAnalysis) -> Section:
    blocks: list[Block] = [
        Prose((question.asked.ask,), kind="ask"),
        Prose((question.headline,), kind="answer"),
        _findings(question),
    ]
    if question.asked.about:
        blocks.append(Markdown(question.asked.about))
    missing = analysis.troubles.of(question.name)
    blocks += [Prose((f"{trouble}.",), kind="note") for trouble in missing]
    for what, make in _parts(analysis, question).items():
        blocks += standing_alone(analysis, f"{question.name}: {what}", make)
    return Section(tables.anchor(question.name), question.title, tuple(blocks))


def _parts(
    analysis: Analysis, question: QuestionAnalysis
) -> dict[str, Callable[[], Iterable[Block]]]:
    """What follows the answer, in order, by what it is called where it cannot be made."""
    label = analysis.conditions.seed_label
    return {
        "the table of variants": lambda: [_variants(question)],
        "the figures": lambda: _figures(question),
        "the comparisons": lambda: [_comparison(question, label=label)],
        "the settings one by one": lambda: factors.blocks(question, label),
        "sizes": lambda: sizes.blocks(question),
        "capacity": lambda: capacity.blocks(question),
        "time to the target": lambda: reaching.blocks(question, label),
        "times alone": lambda: speed.blocks(question),
        "workers": lambda: workers.blocks(question),
        "convergence rates": lambda: rates.blocks(question, label),
        "what the learning rate matters": lambda: sensitivity.blocks(question, label),
        "the landscape": lambda: landscape.blocks(question, label),
        "secondary metrics": lambda: filter(None, [_matrix(question)]),
        "evidence": lambda: filter(None, [_evidence(question)]),
        "details": lambda: details.folds(question, label),
        "test images": lambda: by_example.folds(analysis, question),
        "reported numbers": lambda: [_reported(question)] if question.reported else [],
        "conclusions": lambda: [_claims(question)] if question.claims else [],
    }


def _figures(question: QuestionAnalysis) -> list[Block]:
    if not len(question.curves):
        return []
    convergence = [_convergence(question)] if question.curves.epoch.nunique() > 1 else []
    return [*convergence, _finals(question)]


def _findings(question: QuestionAnalysis) -> Block:
    """Each variant against the baseline in a sentence; of many variants on demand."""
    found = Findings(
        tuple(
            Finding(c.verdict or "", sentence, notes=tuple(map(str, c.cautions)))
            for c, sentence in zip(question.decisive, question.sentences, strict=True)
        )
    )
    if len(found.items) <= _IN_SIGHT:
        return found
    return Fold(f"Each variant against {question.baseline}: {len(found.items)} sentences", (found,))


def _variants(question: QuestionAnalysis) -> Table:
    trained = question.suite.imported is None  # else nobody knows how
    in_words = any(v.about for v in question.variants)
    rows = [
        (
            tables.variant(question, v.name),
            *([Cell(_change_of(question, v))] if trained else []),
            *([Cell(v.about or "")] if in_words else []),
            *([tables.number("–" if v.parameters is None else f"{v.parameters:,}")] * trained),
            tables.number(str(v.seeds)),
        )
        for v in question.variants
    ]
    return Table(
        name=naming.path(question.name, "variants"),
        caption="What was compared",
        columns=(
            Column("variant"),
            *([Column(f"changes against {question.baseline}")] * trained),
            *([Column("in words")] if in_words else []),
            *([Column("parameters", "trainable weights of the network", "number")] * trained),
            Column("seeds", "seeds with a result", "number"),
        ),
        rows=tuple(rows),
        notes=tuple(f"{v.name}: {note}." for v in question.variants for note in v.notes),
    )


def _change_of(question: QuestionAnalysis, variant: VariantSummary) -> str:
    if variant.name == question.baseline:
        return "the baseline"
    return "; ".join(_change(change) for change in variant.changes) or "nothing"


def _change(change: Change) -> str:
    name = change.setting.removeprefix("model.").removeprefix("optimizer.")
    if change.variant is None:
        return f"without {name}"
    if change.baseline is None:
        return f"{name} {change.variant}"
    return f"{name} {change.baseline} → {change.variant}"


def _convergence(question: QuestionAnalysis) -> Figure:
    shown = figures.convergence(question)
    count = wording.counted_between(question.curves.n, "seed")
    caption = (
        f"Convergence. Lines: mean over {count}; bands: 95 % t interval of that mean at each"
        f" {question.suite.step}."
    )
    if question.suite.imported is None:
        caption += (
            " A linear axis begins after the first epoch; before training, accuracy is that of guessing."
            " Seconds: those of training, as the runs went, evaluations not counted; means over the seeds."
        )
    if shown.thinned:
        caption += " Not every evaluation is shown: there are too many for one page."
    if 0 < shown.seeds < question.curves.n.max():
        caption += f" Single seeds: the first {shown.seeds}, for want of room."
    if shown.seeds_thinned:
        caption += " Single seeds are drawn through some of their evaluations, the last among them."
    if shown.outside:
        names = wording.listed(list(shown.outside))
        caption += f" So far off that an axis leaves it out until it is shown alone: {names}."
    return Figure(
        anchor=tables.anchor(question.name, "convergence"),
        caption=caption,
        panels=shown.panels,
        legend=figures.keys([v.name for v in question.variants]),
        switches=shown.switches,
    )


def _finals(question: QuestionAnalysis) -> Figure:
    panels = [figures.seeds(question), figures.forest(question)]
    count = wording.counted_between((v.seeds for v in question.variants), "seed")
    dots = (
        f"A dot for each of {count}; thin lines join the same seed,"
        " so parallel lines mean that two variants differ alike in all."
    )
    if figures.are_quantiles(question):
        dots = f"Dots: median over {count}; thick lines: half of them; thin lines: nine tenths."
    caption = (
        f"{dots} Differences are means over seeds with the intervals that verdicts are read from, which hold at"
        " once with 95 %; one that crosses the line is compatible with no difference."
    )
    if question.margin is not None:
        margin = answers.margin_text(question.margin, question.primary)
        caption += f" Shaded: {margin}, differences that do not matter."
    return Figure(
        anchor=tables.anchor(question.name, "seeds"),
        caption=caption,
        panels=tuple(panel for panel in panels if panel),
    )


def _comparison(question: QuestionAnalysis, *, label: str) -> Table:
    unit = wording.unit_of_difference(question.primary)
    columns = (
        Column("variant"),
        Column("verdict"),
        Column("n", "seeds with a result", "number"),
        Column("mean", f"{question.primary.label}, over seeds", "number"),
        *tables.DIFFERENCE,
        Column("d_z", "mean over standard deviation of the paired differences", "number"),
        Column("sign-flip p", "exact permutation test of the signs, by itself", "number"),
        Column("wins", "seeds in which the variant is better", "number"),
        *([_ANYTIME] if label else []),
        *(tables.OPEN if any(c.open for c in question.decisive) else ()),
    )
    base = next(v for v in question.variants if v.name == question.baseline)
    first = (
        tables.variant(question, base.name),
        Cell("baseline"),
        tables.number(str(base.seeds)),
        _baseline_mean(question),
        *(tables.number("–") for _ in columns[4:]),
    )
    are_open = any(c.open for c in question.decisive)
    rows = [
        (*_comparison_row(question, c, label), *(tables.open_of(c.open) if are_open else ()))
        for c in question.decisive
    ]
    notes = tables.labelled(
        label,
        (
            *tables.cautions(question.decisive),
            *([question.pairing.says] if question.pairing else []),
            *question.failures,
        ),
    )
    return Table(
        name=naming.path(question.name, "comparisons"),
        caption=f"Against {question.baseline}: {question.primary.label}, differences in {unit}",
        columns=columns,
        rows=(first, *rows),
        notes=notes,
    )


def _baseline_mean(question: QuestionAnalysis) -> Cell:
    first = next(iter(question.decisive), None)
    return tables.mean_of(first.mean_baseline, first.metric) if first else Cell("–", "number")


def _comparison_row(question: QuestionAnalysis, c: Compared, label: str) -> tuple[Cell, ...]:
    test = c.found.test
    effect = test.effect_size if test else None
    return (
        tables.variant(question, c.variant),
        tables.verdict(c.verdict),
        tables.number(str(c.found.contrast.a.size)),
        tables.mean_of(c.mean, c.metric),
        *tables.difference(c.found),
        tables.number(wording.number(effect, 1)),
        tables.number(wording.p_value(test.p_sign_flip if test else None)),
        tables.number(tables.wins(c.found)),
        *([tables.number(wording.number(c.found.anytime_e, 1))] if label else []),
    )


def _matrix(question: QuestionAnalysis) -> Table | None:
    """Means of the secondary metrics, each with the sign of its verdict against the baseline."""
    by_metric: dict[str, dict[str, Compared]] = {}
    elsewhere = (*SPENT, *SMOOTHNESS, *(["epoch_time_s"] if question.speeds else []))
    for c in question.secondary:
        # Others have a table of their own.
        if c.metric.name not in elsewhere and "/" not in c.metric.name:
            by_metric.setdefault(c.metric.name, {})[c.variant] = c
    if not by_metric:
        return None
    best = question.metric(BEST)
    rows = []
    for v in question.variants:
        cells = [tables.variant(question, v.name)]
        for found in by_metric.values():
            if v.name == question.baseline:
                one = next(iter(found.values()))
                cells.append(tables.mean_of(one.mean_baseline, one.metric))
            else:
                c = found[v.name]
                cells.append(replace(tables.mean_of(c.mean, c.metric), mark=c.verdict or ""))
        cells.append(tables.mean_of(v.best, best))
        rows.append(tuple(cells))
    measures = [question.metric(name) for name in by_metric]
    shown = [c for found in by_metric.values() for c in found.values()]
    columns = [Column(measure.label, measure.meaning, "number") for measure in measures]
    return Table(
        name=naming.path(question.name, "secondary"),
        caption="Also measured (secondary: they do not decide the question)",
        columns=(Column("variant"), *columns, Column(best.label, best.meaning, "number")),
        rows=tuple(rows),
        notes=(
            f"{best.label[:1].upper()}{best.label[1:]}: optimistic, not tested.",
            *tables.cautions(shown, of_tests=False),
        ),
    )


def _evidence(question: QuestionAnalysis) -> Table | None:
    """What the probes measured that the question speaks of; what does not vary goes below."""
    measured = {
        probe.name: [v.probes[position].mean for v in question.variants]
        for position, probe in enumerate(question.variants[0].probes)
        if any(v.probes[position].mean.value is not None for v in question.variants)
    }
    if not measured:
        return None
    same = [name for name, means in measured.items() if len({mean.value for mean in means}) == 1]
    shown = [name for name in measured if name not in same]
    rows = [
        (
            tables.variant(question, v.name),
            *(tables.mean_of(measured[name][row], question.metric(name)) for name in shown),
        )
        for row, v in enumerate(question.variants)
    ]
    alike = [
        f"{measure.label} {answers.mean_text(measured[measure.name][0], measure)}"
        for measure in map(question.metric, same)
    ]
    return Table(
        name=naming.path(question.name, "probes"),
        caption="Measured on the trained weights (means over seeds; biases not counted)",
        columns=(
            Column("variant"),
            *(Column(m.label, m.meaning, "number") for m in map(question.metric, shown)),
        ),
        rows=tuple(rows),
        notes=(f"The same for all: {wording.listed(alike)}.",) if alike else (),
    )


def _reported(question: QuestionAnalysis) -> Table:
    return Table(
        name=naming.path(question.name, "reported"),
        caption="Reported by the source, beside what the seeds measured",
        columns=(
            Column("variant"),
            Column("metric"),
            Column("reported", kind="number"),
            Column("measured", "mean over seeds; times: geometric", "number"),
            Column("95 % CI", "t interval of that mean", "number"),
            Column("range of the seeds", kind="number"),
            Column("reported within it"),
        ),
        rows=tuple(_reported_row(question, printed) for printed in question.reported),
        notes=("Times depend on the machine.",)
        if any(printed.metric.ratio for printed in question.reported)
        else (),
    )


def _reported_row(question: QuestionAnalysis, printed: ReportedNumber) -> tuple[Cell, ...]:
    measure, seeds = printed.metric, "–"
    if printed.lowest is not None:
        lowest = wording.quantity(printed.lowest, measure, units=False)
        seeds = f"{lowest} to {wording.quantity(printed.highest, measure)}"
    return (
        tables.variant(question, printed.variant),
        Cell(measure.label),
        tables.number(wording.exact(printed.reported, measure)),
        tables.mean_of(printed.mean, measure),
        tables.number(answers.mean_interval_text(printed.mean, measure, level="") or "–"),
        tables.number(seeds),
        Cell({True: "yes", False: "no", None: "not measured"}[printed.inside]),
    )


def _claims(question: QuestionAnalysis) -> Section:
    items = tuple(_claim(claim) for claim in question.claims)
    return Section(
        tables.anchor(question.name, "claims"),
        "What the source concluded",
        (Findings(items),),
        level=3,
    )


def _claim(claim: JudgedClaim) -> Finding:
    return Finding(
        verdict=claim.verdict,
        says=claim.claim.says,
        sentence=answers.evidence(claim),
        anchor=tables.anchor(claim.question, claim.position),
        notes=tuple(map(str, claim.cautions)),
    )

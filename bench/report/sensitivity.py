"""What the learning rate matters to each method; nothing where variants do not differ in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bench.analysis import answers, wording
from bench.report import figures, naming, tables
from bench.report.blocks import (
    Block,
    Cell,
    Column,
    Figure,
    Finding,
    Findings,
    Fold,
    Prose,
    Section,
    Table,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.analysis import QuestionAnalysis
    from bench.analysis.contrast import Mean
    from bench.analysis.sensitivity import Against, Method, Tolerance

_RULE: Final = (
    "Each method is described over its own rates. A factor of ten in one optimizer's rate is not one in"
    " another's, so only methods of one optimizer with the same rates are tested against each other."
)
_LOST: Final = (
    "What a method loses by its rate: the best rate's mean minus the worst one's. For each seed both are chosen"
    " on the other seeds, so that noise alone loses nothing on average; by chance it is then below 0."
)
_EXPLORATORY: Final = (
    "The tests are exploratory: p is adjusted so that of what they find at most 5 % is false on"
    " average."
)
_NEAR: Final = {
    "within": "yes",
    "beyond": "no",
    "cannot tell": "cannot tell",
}


def blocks(question: QuestionAnalysis, label: str) -> list[Block]:
    """Sentences, a figure and tables; label: what p-values are labelled with."""
    if not any(method.seeds(rate) for method in question.methods for rate in method.by_rate):
        return []
    compared = [method for method in question.methods if method.against]
    inside: list[Block] = [Prose(tuple(map(sentence, question.methods)))]
    if compared:
        inside.append(Findings(tuple(_finding(m, m.against) for m in compared if m.against)))
    if any(mean.value is not None for method in question.methods for mean in method.means.values()):
        inside.append(_figure(question))
    inside += [_table(question, label), _each(question)]
    anchor = tables.anchor(question.name, "sensitivity")
    return [Section(anchor, "What the learning rate matters", tuple(inside), level=3)]


def sentence(method: Method) -> str:
    """What the rate costs a method, where it diverges, and how far from its best rate one may go."""
    rates, cost = list(method.by_rate), _cost(method)
    said = cost or "too few results to say what the rate costs"
    if method.diverged:
        often = f"{len(method.diverged)} of {len(rates)} rates"
        said = f"diverges at {often} ({_diverged(method)}), and so loses everything by its rate"
        if cost:
            said += f"; over the other {_rates(method.lost.rates)}, {cost}"
    return f"{method.name} ({_rates(rates)}): {said}.{_tolerated(method)}{_end(method)}"


def _rates(rates: Sequence[float]) -> str:
    """``5 rates from 0.001 to 1``."""
    return f"{wording.counted(len(rates), 'rate')} from {min(rates):g} to {max(rates):g}"


def _cost(method: Method) -> str:
    """``the rate costs 64.3 percentage points (95 % CI 63.1 to 65.5)``."""
    mean = method.lost.mean
    if mean.value is None:
        return ""
    amount = answers.amount_of(mean.value, method.difference, mean.half_width)
    interval = _interval(mean, method)
    if not interval or mean.low is None:
        seeds = wording.counted(len(method.lost.seeds), "seed")
        return f"the rate costs {amount} ({seeds} with no interval)"
    shown = "" if mean.low > 0 else ", so that it matters at all is not shown"
    return f"the rate costs {amount} (95 % CI {interval}){shown}"


def _interval(mean: Mean, method: Method) -> str:
    """An interval of what is lost, without its unit."""
    if mean.low is None or mean.high is None:
        return ""
    scale = wording.percent_scale(method.metric)
    places = wording.decimals((mean.half_width or 0.0) * scale)
    return (
        f"{wording.number(mean.low * scale, places)} to {wording.number(mean.high * scale, places)}"
    )


def _diverged(method: Method) -> str:
    """``0.3: 2 of 5 seeds; 1: 5 of 5``."""
    return "; ".join(
        f"{rate:g}: {len(seeds)} of {wording.counted(len(method.seeds(rate)), 'seed')}"
        for rate, seeds in method.diverged.items()
    )


def _tolerated(method: Method) -> str:
    """How far from its best rate one may go: by the means, and as far as the seeds show it."""
    near = method.tolerance
    if near is None:
        return ""
    known = [
        f"{word} at {wording.listed([f'{rate:g}' for rate in rates])}"
        for word, found in (("it is", "within"), ("it is not", "beyond"))
        if (rates := [rate for rate, said in near.shown.items() if said == found])
    ]
    shown = (
        f"The seeds show that {' and that '.join(known)}"
        if known
        else "The seeds show it of no rate"
    )
    return f" Within {_margin(method, near)} of its best, by the means: {_span(method, near)}. {shown}."


def _span(method: Method, near: Tolerance) -> str:
    """``0.01 to 0.3, at least a factor of 30``: at least, where the rates that were tried end there."""
    if near.low == near.high:
        return f"{near.low:g} alone"
    ends = {min(method.by_rate), max(method.by_rate)}
    least = "at least " if ends & {near.low, near.high} else ""
    factor = f", {least}a factor of {near.factor:.3g}" if near.factor else ""
    return f"{near.low:g} to {near.high:g}{factor}"


def _end(method: Method) -> str:
    """What the rates that were tried cannot say."""
    ends = {min(method.by_rate): "lowest", max(method.by_rate): "highest"}
    if method.best not in ends:
        return ""
    return (
        f" Its best rate is the {ends[method.best]} that was tried, so a better one may lie beyond."
    )


def _margin(method: Method, near: Tolerance) -> str:
    return answers.margin_text(near.margin, method.difference).lstrip("±")


def _finding(method: Method, against: Against) -> Finding:
    return Finding(against.verdict, f"{method.name} {_compared(method, against)}.")


def _compared(method: Method, against: Against) -> str:
    n = len(against.seeds)
    if against.p_value is None:
        why = f"{wording.counted(n, 'seed')} with a result at every rate allow no test"
        if n > 2:
            why = "fewer than two rates without divergence, or no differences between seeds"
        return f"cannot be compared with {against.baseline}: {why}"
    p = wording.p_equals(against.p_adjusted, "adjusted p")
    if against.by == "divergence":
        return (
            f"diverges at fewer rates than {against.baseline} in {against.fewer} of"
            f" {wording.counted(n, 'seed')}, and at more in {against.more} ({p}; signed ranks)"
        )
    mean = against.mean
    size = answers.amount_of(abs(mean.value or 0.0), method.difference, mean.half_width)
    more = "more" if (mean.value or 0.0) > 0 else "less"
    interval = _interval(mean, method)
    facts = [f"95 % CI {interval}" if interval else "", p, wording.counted(n, "seed")]
    return f"loses {size} {more} by its rate than {against.baseline} ({'; '.join(filter(None, facts))})"


def _figure(question: QuestionAnalysis) -> Figure:
    most = max(len(values.by_seed) for m in question.methods for values in m.finals.values())
    seeds = f"Dots: each of {most} seeds"
    if figures.are_quantiles(question):
        seeds = f"Bars: nine tenths of {most} seeds"
    return Figure(
        anchor=tables.anchor(question.name, "rates-scanned"),
        caption=(
            f"Final {question.primary.label} against the learning rate. {seeds}; lines: means over"
            " seeds. A flat line tolerates many rates. Where a seed diverged there is no mean. Rates of"
            " different optimizers do not mean the same."
        ),
        panels=(figures.sensitivity(question),),
        legend=figures.keys([m.name for m in question.methods], figures.places(question)),
    )


def _table(question: QuestionAnalysis, label: str) -> Table:
    compared = any(method.against for method in question.methods)
    margins = {_margin(m, m.tolerance) for m in question.methods if m.tolerance}
    near = f"within {margins.pop()} of its best" if len(margins) == 1 else "near its best"
    against = (
        Column("against"),
        Column("difference", "of what is lost, minus that of the other", "number"),
        Column("its 95 % CI", "as wide as the tests that are judged together ask for", "number"),
        Column(
            "adjusted p", "of the methods compared together, by a false discovery rate", "number"
        ),
        Column("verdict", "better: loses less by the rate"),
    )
    unit = wording.unit_of_difference(question.methods[0].difference)
    return Table(
        name=naming.path(question.name, "learning-rates"),
        caption=f"What each method loses by its learning rate{f', in {unit}' if unit else ''}",
        columns=(
            Column("method", "variants that differ in the learning rate alone"),
            Column("rates", "those it was trained with", "number"),
            Column(
                "diverges at", "rates at which a seed diverged: there it loses everything", "number"
            ),
            Column(
                "lost", "best rate minus worst, over the rates without a diverged seed", "number"
            ),
            Column("95 % CI", "of what is lost, over seeds", "number"),
            Column("best rate", "by the mean: optimistic, not tested", "number"),
            Column(near, "lowest to highest of the rates around the best, by the means", "number"),
            *(against if compared else ()),
        ),
        rows=tuple(
            (*_row(method, colour), *(_against_cells(method) if compared else ()))
            for method, colour in zip(question.methods, figures.places(question), strict=True)
        ),
        notes=tables.labelled(label if compared else "", _notes(question, compared=compared)),
    )


def _row(method: Method, colour: int) -> tuple[Cell, ...]:
    rates, mean, near = list(method.by_rate), method.lost.mean, method.tolerance
    return (
        Cell(method.name, "variant", colour=colour),
        tables.number(f"{len(rates)}: {rates[0]:g} to {rates[-1]:g}"),
        tables.number(wording.listed([f"{rate:g}" for rate in method.diverged]) or "none"),
        tables.number(tables.signed(mean.value, method.difference, mean.half_width).lstrip("+")),
        tables.number(_interval(mean, method) or "–"),
        tables.number("–" if method.best is None else f"{method.best:g}"),
        tables.number("–" if near is None else _span(method, near)),
    )


def _against_cells(method: Method) -> tuple[Cell, ...]:
    against = method.against
    if against is None:
        return (*[tables.number("–")] * 4, Cell("–"))
    mean = against.mean
    return (
        Cell(against.baseline),
        tables.number(tables.signed(mean.value, method.difference, mean.half_width)),
        tables.number(_interval(mean, method) or "–"),
        tables.number(wording.p_value(against.p_adjusted)),
        tables.verdict(against.verdict),
    )


def _notes(question: QuestionAnalysis, *, compared: bool) -> list[str]:
    notes = [_RULE, _LOST, *([_EXPLORATORY] * compared)]
    if question.margin is None:
        known = any(method.tolerance for method in question.methods)
        instead = "; one percentage point" if known else ", so nothing"
        instead += " stands in for it" if known else " is said of rates near the best"
        notes.append(f"No margin is declared (margin in the suite){instead}.")
    return notes + [note for method in question.methods for note in _missing(method)]


def _missing(method: Method) -> list[str]:
    """Which results there are not, and what counts therefore."""
    everyone = set.union(*(method.seeds(rate) for rate in method.by_rate))
    gaps = {rate: sorted(everyone - method.seeds(rate)) for rate in method.by_rate}
    said = [
        f"{method.name} at {rate:g}: no result of {wording.counted(len(gap), 'seed')}"
        f" ({wording.seeds(gap)}){'' if rate in method.counted else ', so this rate does not count'}."
        for rate, gap in gaps.items()
        if gap
    ]
    counted = method.lost.seeds
    if said and len(counted) < len(everyone):
        said.append(
            f"What {method.name} loses counts the {wording.counted(len(counted), 'seed')} with a result"
            " at every rate that counts."
        )
    return said


def _each(question: QuestionAnalysis) -> Fold:
    """Every rate of every method."""
    rows = [
        (
            Cell(method.name, "variant", colour=figures.places(question)[place]),
            tables.number(f"{rate:g}"),
            tables.number(str(len(method.seeds(rate)))),
            tables.mean_of(method.means[rate], question.primary),
            tables.number(
                answers.mean_interval_text(method.means[rate], question.primary, "") or "–"
            ),
            Cell(_standing(method, rate)),
        )
        for place, method in enumerate(question.methods)
        for rate in method.by_rate
    ]
    table = Table(
        name=naming.path(question.name, "each-learning-rate"),
        caption=f"Final {question.primary.label} at each rate",
        columns=(
            Column("method"),
            Column("rate", kind="number"),
            Column("seeds", "with a result, diverged ones included", "number"),
            Column("mean", "over seeds; none where one diverged", "number"),
            Column("95 % CI", "t interval of that mean", "number"),
            Column(
                "near its best", "shown to be within the margin of the method's best rate, or not"
            ),
        ),
        rows=tuple(rows),
        notes=("Whether rates are near the best: all statements of a method at once with 95 %.",),
    )
    return Fold(f"Each rate of each method: {len(rows)} rows", (table,))


def _standing(method: Method, rate: float) -> str:
    if rate in method.diverged:
        return f"diverged: {len(method.diverged[rate])} of {wording.counted(len(method.seeds(rate)), 'seed')}"
    found = method.tolerance.shown.get(rate) if method.tolerance else None
    return "–" if found is None else _NEAR[found]

"""What the learning rate matters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import altair as alt
import numpy as np

from bench.analysis import wording
from bench.report import palette
from bench.report.figures import drawing, spoken
from bench.report.figures.finals import are_quantiles

if TYPE_CHECKING:
    from bench.analysis import QuestionAnalysis
    from bench.analysis.sensitivity import Method
    from bench.report.blocks import Panel
    from bench.report.figures.drawing import Rows

_FEW_RATES: Final = 12  # fewer are ticks of the axis


def places(question: QuestionAnalysis) -> tuple[int, ...]:
    """Of each method the place of one of its variants in the question, whose looks it has.

    It is the first whose colour no method before has.
    """
    names, found = [v.name for v in question.variants], list[int]()
    for method in question.methods:
        taken = set(map(palette.colour, found))
        own = sorted(map(names.index, method.by_rate.values()))
        found.append(next((place for place in own if palette.colour(place) not in taken), own[0]))
    return tuple(found)


def sensitivity(question: QuestionAnalysis) -> Panel:
    """The primary metric at the end against the learning rate: a line per method, and its seeds."""
    names, at = [method.name for method in question.methods], places(question)
    title = drawing.title(question.primary.label, wording.unit(question.primary))
    many = are_quantiles(question)
    seeds = _spread(question) if many else _dots(question)
    means: Rows = [
        {"variant": m.name, "rate": rate, "mean": mean.value * _scale(question)}
        for m in question.methods
        for rate, mean in m.means.items()
        if mean.value is not None
    ]
    rates = sorted({row["rate"] for row in seeds})
    axis = alt.Axis(grid=False, values=rates if len(rates) <= _FEW_RATES else alt.Undefined)
    x = alt.X("rate:Q").title("learning rate").axis(axis)
    x = x.scale(alt.Scale(type="log", nice=False, padding=12))
    y = {
        key: alt.Y(f"{key}:Q").axis(title=title).scale(alt.Scale(zero=False))
        for key in ("mean", "value", "low")
    }
    colours = drawing.colours(names, at)
    line = alt.Chart(drawing.data(means)).encode(x=x, color=colours)
    each = alt.Chart(drawing.data(seeds)).encode(x=x, color=colours)
    named = {"rate": "learning rate"}
    if many:
        tips = drawing.tooltip("variant", **named, low="from", high="to")
        drawn = each.mark_rule(strokeWidth=2, opacity=0.4).encode(
            y=y["low"], y2="high:Q", tooltip=tips
        )
    else:
        tips = drawing.tooltip("variant", "seed", **named, value=title)
        dot = each.mark_point(filled=True, size=36, opacity=0.7)
        drawn = dot.encode(y=y["value"], shape=drawing.shapes(names, at), tooltip=tips)
    layers = [
        line.mark_line(strokeWidth=2).encode(y=y["mean"], strokeDash=drawing.dashes(names, at)),
        drawn,
    ]
    alt_text = (
        f"{drawing.capital(question.primary)} against the learning rate, on a logarithmic axis:"
        f" {spoken.some([_said(question, method) for method in question.methods], '; ')}."
    )
    heading = f"{drawing.capital(question.primary)} by learning rate"
    return drawing.panel((question.name, "sensitivity"), heading, layers, 280, alt_text)


def _said(question: QuestionAnalysis, method: Method) -> str:
    """``SGD best at 0.1 (95.01 %), worst at 0.001 (29.84 %), diverged at 1``."""
    unit, sign = wording.unit(question.primary), 1 if question.primary.higher_is_better else -1
    means = {rate: m.value for rate, m in method.means.items() if m.value is not None}
    ordered = sorted(means, key=lambda rate: sign * means[rate])
    said = [
        f"{word} at {rate:g} ({spoken.number(means[rate] * _scale(question), unit)})"
        for word, rate in zip(("best", "worst"), (ordered[-1:] + ordered[:1]), strict=False)
    ]
    if method.diverged:
        said.append(f"diverged at {wording.listed([f'{rate:g}' for rate in method.diverged])}")
    return f"{method.name} {', '.join(said) or 'without a result'}"


def _dots(question: QuestionAnalysis) -> Rows:
    return [
        {"variant": m.name, "rate": rate, "seed": seed, "value": value * _scale(question)}
        for m in question.methods
        for rate, values in m.finals.items()
        for seed, value in sorted(values.by_seed.items())
        if seed not in m.diverged.get(rate, ())
    ]


def _spread(question: QuestionAnalysis) -> Rows:
    """Nine tenths of the seeds, where there are too many for a dot each."""
    rows: Rows = []
    for m in question.methods:
        for rate, found in m.finals.items():
            kept = (v for s, v in found.by_seed.items() if s not in m.diverged.get(rate, ()))
            values = [v * _scale(question) for v in kept]
            if values:
                low, high = np.quantile(values, (0.05, 0.95)).tolist()
                rows.append({"variant": m.name, "rate": rate, "low": low, "high": high})
    return rows


def _scale(question: QuestionAnalysis) -> float:
    return wording.percent_scale(question.primary)

"""What the learning rate matters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import altair as alt

from bench.analysis import wording
from bench.report.figures import drawing

if TYPE_CHECKING:
    from bench.analysis import QuestionAnalysis
    from bench.report.blocks import Panel
    from bench.report.figures.drawing import Rows

_FEW_POINTS: Final = 12  # shorter curves show their evaluations as dots


def places(question: QuestionAnalysis) -> tuple[int, ...]:
    """Of each method, the place of its first variant in the question: it has that one's looks."""
    names = [v.name for v in question.variants]
    return tuple(min(map(names.index, m.by_rate.values())) for m in question.methods)


def sensitivity(question: QuestionAnalysis) -> Panel:
    """The primary metric at the end against the learning rate, a line per method, every seed a dot."""
    names, at = [method.name for method in question.methods], places(question)
    scale = wording.percent_scale(question.primary)
    dots: Rows = [
        {"variant": method.name, "rate": rate, "seed": seed, "value": value * scale}
        for method in question.methods
        for rate, values in method.finals.items()
        for seed, value in sorted(values.by_seed.items())
        if math.isfinite(value)
    ]
    means: Rows = [
        {"variant": method.name, "rate": rate, "mean": mean.value * scale}
        for method in question.methods
        for rate, mean in method.means.items()
        if mean.value is not None
    ]
    title = drawing.title(question.primary.label, wording.unit(question.primary))
    rates = sorted({r["rate"] for r in dots})
    axis = alt.Axis(grid=False, values=rates if len(rates) <= _FEW_POINTS else alt.Undefined)
    x = (
        alt.X("rate:Q")
        .title("learning rate")
        .axis(axis)
        .scale(alt.Scale(type="log", nice=False, padding=12))
    )
    free = alt.Scale(zero=False)
    line = alt.Chart(drawing.data(means)).encode(x=x, color=drawing.colours(names, at))
    layers = [
        line.mark_line(strokeWidth=2).encode(
            y=alt.Y("mean:Q").axis(title=title).scale(free), strokeDash=drawing.dashes(names, at)
        ),
        alt.Chart(drawing.data(dots))
        .mark_point(filled=True, size=36, opacity=0.7)
        .encode(
            x=x,
            y=alt.Y("value:Q").axis(title=title).scale(free),
            color=drawing.colours(names, at),
            shape=drawing.shapes(names, at),
            tooltip=drawing.tooltip("variant", "seed", rate="learning rate", value=title),
        ),
    ]
    said = [f"{r['variant']} at {r['rate']:g}: {r['mean']:.4g}" for r in means]
    alt_text = f"{title} against the learning rate. Means: {'; '.join(said)}."
    heading = f"{drawing.capital(question.primary)} by learning rate"
    return drawing.panel((question.name, "sensitivity"), heading, layers, 280, alt_text)

"""Two settings of a matrix against each other."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import altair as alt
import numpy as np

from bench.analysis import wording
from bench.report import palette
from bench.report.figures import drawing

if TYPE_CHECKING:
    from bench.analysis.factors import Factorial
    from bench.report.blocks import Panel
    from bench.report.figures.drawing import Rows


def interactions(one: Factorial) -> list[Panel]:
    """For every two factors: the metric over the levels of one, a line for each level of the other."""
    pairs = itertools.combinations(range(len(one.factors)), 2)
    return [_interaction(one, i, j) for i, j in pairs]


def _interaction(one: Factorial, i: int, j: int) -> Panel:
    """The factor with more levels along the axis."""
    if len(one.factors[i].levels) > len(one.factors[j].levels):
        i, j = j, i
    lines, along = one.factors[i], one.factors[j]
    cells = np.moveaxis(one.values, (i + 1, j + 1), (1, 2))
    cells = cells.mean(axis=tuple(range(3, cells.ndim))) * wording.percent_scale(one.metric)
    title = drawing.title(one.metric.label, wording.unit(one.metric))
    rows: Rows = [
        {"line": line, "level": level, "seed": seed, "value": float(cells[s, a, b])}
        for s, seed in enumerate(one.seeds)
        for a, line in enumerate(lines.levels)
        for b, level in enumerate(along.levels)
    ]
    colours = [palette.colour(position) for position in range(len(lines.levels))]
    colour = alt.Color("line:N", sort=None).scale(domain=list(lines.levels), range=colours)
    legend = alt.Legend(
        title=lines.name,
        orient="top",
        labelColor="var(--text)",
        titleColor="var(--muted)",
        labelFontSize=12,
        titleFontSize=12,
        titleFontWeight="normal",
    )
    x = alt.X("level:O").sort(None).title(along.name).axis(labelAngle=0)
    y = alt.Y("value:Q").scale(zero=False).axis(title=title, tickCount=5)
    base = alt.Chart(drawing.data(rows)).encode(x=x, color=colour.legend(legend))
    layers = [
        base.mark_line(strokeWidth=2).encode(
            y=alt.Y("mean(value):Q").scale(zero=False).title(title)
        ),
        base.mark_circle(size=36, opacity=0.6).encode(
            y=y, tooltip=drawing.tooltip("seed", value=title)
        ),
    ]
    means = cells.mean(axis=0)
    said = "; ".join(
        f"{lines.name} {line}, {along.name} {level}: {means[a, b]:.4g}"
        for a, line in enumerate(lines.levels)
        for b, level in enumerate(along.levels)
    )
    name = (one.question, "factors", lines.name, along.name)
    alt_text = f"Means of {title}. {said}."
    return drawing.panel(name, f"{lines.name} and {along.name}", layers, 260, alt_text)

"""Two settings of a matrix against each other."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import altair as alt
import numpy as np

from bench.analysis import wording
from bench.report import palette
from bench.report.blocks import Key
from bench.report.figures import drawing, spoken

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
        {"variant": line, "level": level, "seed": seed, "value": float(cells[s, a, b])}
        for s, seed in enumerate(one.seeds)
        for a, line in enumerate(lines.levels)
        for b, level in enumerate(along.levels)
    ]
    names = list(lines.levels)
    keys = tuple(_key(name, i) for i, name in enumerate(names))
    colour = alt.Color("variant:N").scale(domain=names, range=[key.colour for key in keys])
    dash = alt.StrokeDash("variant:N").scale(domain=names, range=[list(key.dash) for key in keys])
    shape = alt.Shape("variant:N").scale(domain=names, range=[key.shape for key in keys])
    x = alt.X("level:O").sort(None).title(along.name).axis(labelAngle=0)
    y = alt.Y("value:Q").scale(zero=False).axis(title=title, tickCount=5)
    mean = alt.Y("mean(value):Q").scale(zero=False).title(title)
    tips = [alt.Tooltip("variant:N").title(lines.name), alt.Tooltip("level:N").title(along.name)]
    base = alt.Chart(drawing.data(rows)).encode(x=x, color=colour.legend(None))
    layers = [
        base.mark_line(strokeWidth=2).encode(y=mean, strokeDash=dash.legend(None)),
        base.mark_point(filled=True, size=40, opacity=0.6).encode(
            y=y, shape=shape.legend(None), tooltip=[*tips, *drawing.tooltip("seed", value=title)]
        ),
    ]
    means = cells.mean(axis=0)
    said = {
        f"{lines.name} {line} with {along.name} {level}": float(means[a, b])
        for a, line in enumerate(lines.levels)
        for b, level in enumerate(along.levels)
    }
    name = (one.question, "factors", lines.name, along.name)
    alt_text = (
        f"{drawing.capital(one.metric)} over {along.name}, a line for each {lines.name}, means over"
        f" {wording.counted(len(one.seeds), 'seed')}: {spoken.each(said, wording.unit(one.metric))}."
    )
    made = drawing.panel(name, f"{lines.name} and {along.name}", layers, 260, alt_text)
    return replace(made, legend=keys, term=lines.name)


def _key(level: str, position: int) -> Key:
    """Colours are those of variants, so a level has none: dashes and shapes tell levels apart."""
    dash = palette.DASHES[position % len(palette.DASHES)]
    return Key(level, palette.level(position), palette.SHAPES[position % len(palette.SHAPES)], dash)

"""Fitted laws of convergence over what they were fitted to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import altair as alt
import numpy as np

from bench.report.figures import drawing

if TYPE_CHECKING:
    from bench.analysis import QuestionAnalysis
    from bench.analysis.rates import Rate
    from bench.report.blocks import Panel
    from bench.report.figures.drawing import Rows

_ROUNDING: Final = 1e-13  # of the largest excess over a known minimum
_MOST_FITTED: Final = 60  # dots of a curve, or points of a fitted line


def rates(question: QuestionAnalysis) -> Panel:
    """The objective as dots, the mean of the seeds' fits as lines; dashed where no law was named."""
    names = [v.name for v in question.variants]
    measure, step = question.metric(question.rates[0].metric), question.suite.step
    known = any(rate.optimum is not None for rate in question.rates)
    title = f"{measure.label} − f*" if known else drawing.title(measure.label, measure.unit)
    dots = [row for rate in question.rates for row in _dots_of(rate)]
    if known:  # what lies below is rounding
        least = _ROUNDING * max((r["value"] for r in dots), default=0.0)
        dots = [r for r in dots if r["value"] > least]
    lines = [row for rate in question.rates for row in _fit_of(rate)]
    values = [r["value"] for r in dots]
    log = bool(values) and min(values) > 0
    scale = alt.Scale(type="log", nice=False) if log else alt.Scale(zero=False)
    ticks = drawing.log_ticks(values) if log else alt.Undefined
    axis = alt.Axis(title=f"{title}, log scale" if log else title, tickCount=5, values=ticks)
    x = alt.X("epoch:Q").title(step).axis(grid=False).scale(nice=False)
    y = alt.Y("value:Q").axis(axis).scale(scale)
    line = alt.Chart(drawing.data([r for r in lines if r["value"] > 0 or not log]))
    named = alt.StrokeDash("law:N").scale(domain=["named", "not named"], range=[[1, 0], [5, 4]])
    layers = [
        line.mark_line(strokeWidth=1.5, clip=True).encode(
            x=x, y=y, color=drawing.colours(names), strokeDash=named.legend(None)
        ),
        alt.Chart(drawing.data(dots))
        .mark_circle(size=26, opacity=0.8)
        .encode(
            x=x,
            y=y,
            color=drawing.colours(names),
            tooltip=drawing.tooltip("variant", epoch=step, value=title),
        ),
    ]
    said = "; ".join(f"{rate.variant} {rate.fitted.family}" for rate in question.rates)
    alt_text = f"Dots of {title} over {step}s with fitted curves. Families: {said}."
    heading = f"Fits of the {measure.label}"
    return drawing.panel((question.name, "rates"), heading, layers, 300, alt_text)


def _dots_of(rate: Rate) -> Rows:
    """The mean over seeds at the steps that all of them have, few enough to be seen apart."""
    found: dict[float, list[float]] = {}
    for curve in rate.curves.values():
        for k, value in zip(curve.k.tolist(), curve.objective.tolist(), strict=True):
            found.setdefault(k, []).append(value)
    common = sorted(k for k, values in found.items() if len(values) == len(rate.curves))
    few = [common[i] for i in _evenly(len(common), _MOST_FITTED)]
    means = [(k, float(np.mean(found[k]))) for k in few]
    return [
        {"variant": rate.variant, "epoch": k, "value": mean}
        for k, mean in means
        if math.isfinite(mean)
    ]


def _fit_of(rate: Rate) -> Rows:
    """The mean of the seeds' fits under the family that most of them have, segment by segment."""
    law = "named" if rate.fitted.determined else "not named"
    first, last = rate.span
    segments = (*rate.fitted.earlier, rate.fitted)
    starts = [segment.fits[0].origin for segment in segments[1:]]
    rows: Rows = []
    for segment, begin, end in zip(segments, [first, *starts], [*starts, last], strict=True):
        fits = [fit.of(segment.best_family or "constant") or fit.best for fit in segment.fits]
        lines = [fit for fit in fits if fit]
        if not lines or begin >= end:
            continue
        k = np.union1d(np.linspace(begin, end, _MOST_FITTED), begin + np.linspace(0, 2, 9))
        k = k[k <= end]
        mean = np.mean([fit.predict(k) for fit in lines], axis=0)
        rows += [
            {"variant": rate.variant, "law": law, "epoch": float(x), "value": float(v)}
            for x, v in zip(k, mean, strict=True)
        ]
    return rows


def _evenly(count: int, most: int) -> list[int]:
    """Positions of at most so many of count things, the first and the last among them."""
    positions = np.linspace(0, count - 1, min(count, most)).round()
    return [int(i) for i in np.unique(positions)]

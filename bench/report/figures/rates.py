"""Fitted laws of convergence over what they were fitted to."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import altair as alt
import numpy as np

from bench.report.blocks import Switch
from bench.report.figures import axes, drawing, spoken

if TYPE_CHECKING:
    from bench.analysis import QuestionAnalysis
    from bench.analysis.rates import Rate
    from bench.report.blocks import Panel
    from bench.report.figures.drawing import Rows

_ROUNDING: Final = 1e-13  # of the largest excess over a known minimum
_MOST_FITTED: Final = 60  # dots of a curve, or points of a fitted line
_FEWEST_FITTED: Final = 12
_MOST_ON_PAGE: Final = 20_000  # dots, and points


def rates(question: QuestionAnalysis) -> Panel:
    """The objective as dots, the mean of the seeds' fits as lines; dashed where no law was named."""
    names = [v.name for v in question.variants]
    measure, step = question.metric(question.rates[0].metric), question.suite.step
    known = any(rate.optimum is not None for rate in question.rates)
    title = f"{measure.label} − f*" if known else drawing.title(measure.label, measure.unit)
    share = _MOST_ON_PAGE // (len(question.suite.questions) * max(len(question.rates), 1))
    most = min(max(share, _FEWEST_FITTED), _MOST_FITTED)
    dots = [row for rate in question.rates for row in _dots_of(rate, most)]
    if known:  # what lies below is rounding
        least = _ROUNDING * max((r["value"] for r in dots), default=0.0)
        dots = [r for r in dots if r["value"] > least]
    lines = [row for rate in question.rates for row in _fit_of(rate, most)]
    values = [r["value"] for r in dots]
    log = bool(values) and min(values) > 0
    words = {"along": step, "upwards": title}
    x_axis, x_scale = axes.switched(
        "log_x",
        "x_domain",
        grid=False,
        title=_title("along", "log_x"),
        values="log_x ? ticks_x : null",
    )
    y_axis, y_scale = axes.switched(
        "log",
        "y_domain",
        grid=True,
        title=_title("upwards", "log"),
        values="log ? ticks_y : null",
        tickCount=5,
    )
    x = alt.X("epoch:Q").axis(x_axis).scale(x_scale)
    y = alt.Y("value:Q").axis(y_axis).scale(y_scale)
    named = alt.StrokeDash("law:N").scale(domain=["named", "not named"], range=[[1, 0], [5, 4]])
    line = alt.Chart(drawing.data(lines)).encode(x=x, y=y, color=drawing.colours(names))
    dot = alt.Chart(drawing.data(dots)).encode(x=x, y=y, color=drawing.colours(names))
    layers = [
        line.mark_line(strokeWidth=1.5, clip=True).encode(strokeDash=named.legend(None)),
        dot.mark_point(filled=True, size=30, opacity=0.8, clip=True).encode(
            shape=drawing.shapes(names), tooltip=drawing.tooltip("variant", epoch=step, value=title)
        ),
    ]
    params = [
        axes.shown(names),
        *(alt.param(name=key, value=text) for key, text in words.items()),
        *_axis_of("x", "log_x", dots, "epoch", names, log=False),
        *_axis_of("y", "log", dots, "value", names, log=log),
    ]
    ends = {r["variant"]: r["value"] for r in dots}  # the last of each
    laws = spoken.some([f"{rate.variant} {rate.fitted.family}" for rate in question.rates])
    alt_text = (
        f"{title[:1].upper()}{title[1:]} over {step}s as dots, with fitted curves: in the end"
        f" {spoken.each(ends)}. Laws of convergence: {laws}."
    )
    heading = f"Fits of the {measure.label}"
    name = (question.name, "rates")
    made = drawing.panel(name, heading, layers, 300, alt_text, params=params)
    boxes = (Switch("log_x", "log x", value=False), *((Switch("log", "log y", value=True),) * log))
    return replace(made, switches=boxes)


def _title(words: str, log: str) -> str:
    return f"{words} + ({log} ? ', log scale' : '')"


def _axis_of(
    axis: str, switch: str, rows: Rows, field: str, names: list[str], *, log: bool
) -> list[alt.Parameter]:
    """The parameters of an axis that shows a field of the rows."""
    seen: dict[str, list[float]] = {name: [] for name in names}
    for row in rows:
        seen[row["variant"]].append(row[field])
    ticks = axes.log_ticks([r[field] for r in rows if r[field] > 0])
    return [
        alt.param(name=switch, value=log),
        alt.param(name=f"ticks_{axis}", value=ticks),
        alt.param(name=f"reach_{axis}", value=axes.reach(seen, names, zoom=False)),
        *axes.follow(axis, f"reach_{axis}[{switch} ? 1 : 0]", names, switch, room=0.03, zoom=False),
    ]


def _dots_of(rate: Rate, most: int) -> Rows:
    """The mean over seeds at the steps that all of them have, few enough to be seen apart."""
    found: dict[float, list[float]] = {}
    for curve in rate.curves.values():
        for k, value in zip(curve.k.tolist(), curve.objective.tolist(), strict=True):
            found.setdefault(k, []).append(value)
    common = sorted(k for k, values in found.items() if len(values) == len(rate.curves))
    few = [common[i] for i in _evenly(len(common), most)]
    means = [(k, float(np.mean(found[k]))) for k in few]
    return [
        {"variant": rate.variant, "epoch": k, "value": mean}
        for k, mean in means
        if math.isfinite(mean)
    ]


def _fit_of(rate: Rate, most: int) -> Rows:
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
        k = np.union1d(np.linspace(begin, end, most), begin + np.linspace(0, 2, 9))
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

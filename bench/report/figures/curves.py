"""Mean curves over the training with their intervals over seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import altair as alt
import numpy as np

from bench.analysis import wording
from bench.report.figures import drawing
from bench.report.frame import Frame, frame

if TYPE_CHECKING:
    from bench.analysis import QuestionAnalysis
    from bench.frames import Metric
    from bench.report.blocks import Panel
    from bench.report.figures.drawing import Rows

_FEW_POINTS: Final = 12  # shorter curves show their evaluations as dots
_MOST_POINTS: Final = 16_000  # of curves, on a page; above, steps are left out
_FEWEST_STEPS: Final = 6


def convergence(question: QuestionAnalysis) -> list[Panel]:
    """Mean curves over epochs with their intervals over seeds, one panel per metric."""
    return [_curve(question, question.metric(name)) for name in question.curves.metric.unique()]


def outside_of_curves(question: QuestionAnalysis) -> tuple[str, ...]:
    """Variants outside of the zoomed axes of the curves."""
    outside: dict[str, None] = {}
    for name in question.curves.metric.unique():
        rows = _curve_rows(question, question.metric(name))
        if rows and not _is_log(question.metric(name), rows):
            outside |= dict.fromkeys(_curve_frame(question, rows).outside)
    return tuple(outside)


def are_thinned(question: QuestionAnalysis) -> bool:
    """Whether the curves leave steps out, because the page would be too large with all."""
    steps = question.curves.groupby("metric").epoch.nunique()
    return bool(steps.max() > _most_steps(question))


def _curve(question: QuestionAnalysis, measure: Metric) -> Panel:
    names = [v.name for v in question.variants]
    rows = _curve_rows(question, measure)
    first, last = _span(question, rows)
    title, step = drawing.title(measure.label, wording.unit(measure)), question.suite.step
    if _is_log(measure, rows):
        words, scale = f"{title}, log scale", alt.Scale(type="log", nice=False)
        ticks = drawing.log_ticks([r["mean"] for r in rows])
    else:
        words, ticks = title, alt.Undefined
        scale = alt.Scale(domain=_curve_frame(question, rows).ends, nice=False, zero=False)
        rows = rows if question.suite.imported else _trained(question, rows)
    axis = alt.Axis(title=words, tickCount=5, values=ticks)
    x = alt.X("epoch:Q").title(step).axis(tickMinStep=drawing.tick_of_steps(question), grid=False)
    x = x.scale(domain=[first, last], nice=False)
    y = alt.Y("mean:Q").axis(axis).scale(scale)
    base = alt.Chart(drawing.data(rows)).encode(x=x, color=drawing.colours(names))
    layers = [
        base.mark_area(opacity=0.15, clip=True).encode(
            y=alt.Y("low:Q").axis(axis).scale(scale), y2="high:Q"
        ),
        base.mark_line(strokeWidth=2, clip=True).encode(y=y, strokeDash=drawing.dashes(names)),
        base.mark_circle(clip=True, size=40).encode(
            y=y,
            opacity=alt.value(1 if _is_short(rows) else 0),  # unseen dots carry the tooltips
            tooltip=drawing.tooltip(
                "variant", epoch=step, mean=title, low="from", high="to", n="seeds"
            ),
        ),
    ]
    finals = [f"{r['variant']} {r['mean']:.4g}" for r in rows if r["epoch"] == last]
    alt_text = f"Curves of {title} over {step}s. At {step} {last:g}: {'; '.join(finals)}."
    name = (question.name, "convergence", measure.name)
    return drawing.panel(name, drawing.capital(measure), layers, 280, alt_text)


def _curve_rows(question: QuestionAnalysis, measure: Metric) -> Rows:
    scale = wording.percent_scale(measure)
    curves = question.curves[question.curves.metric == measure.name]
    shown = np.sort(curves.epoch.unique())
    if len(shown) > _most_steps(question):
        chosen = np.linspace(0, len(shown) - 1, _most_steps(question)).round().astype(int)
        curves = curves[curves.epoch.isin(shown[chosen])]
    log = measure.higher_is_better is False and bool((curves["mean"] > 0).all())
    rows: Rows = []
    for record in curves.to_dict("records"):
        low, mean, high = (drawing.finite(record[key], scale) for key in ("low", "mean", "high"))
        low = mean if low is None else low
        high = mean if high is None else high
        if log and low is not None and mean is not None and low <= 0 < mean:
            low = mean / 10  # an interval through zero has no place on a logarithmic axis
        rows.append(
            {
                "variant": record["variant"],
                "epoch": record["epoch"],
                "mean": mean,
                "low": low,
                "high": high,
                "n": record["n"],
            }
        )
    return rows


def _most_steps(question: QuestionAnalysis) -> int:
    """How many steps a curve can show, so that all curves of the page stay within a bound."""
    metrics = max(question.curves.metric.nunique(), 1)
    curves = len(question.suite.questions) * metrics * max(len(question.variants), 1)
    return max(_MOST_POINTS // curves, _FEWEST_STEPS)


def _is_log(measure: Metric, rows: Rows) -> bool:
    """Whether a curve has a logarithmic axis: losses and the like, which are above zero."""
    return measure.higher_is_better is False and all(r["mean"] > 0 for r in rows)


def _is_short(rows: Rows) -> bool:
    return len({r["epoch"] for r in rows}) <= _FEW_POINTS


def _span(question: QuestionAnalysis, rows: Rows) -> tuple[float, float]:
    steps = [r["epoch"] for r in rows]
    first = min(steps, default=0) if question.suite.imported else 0
    return first, max(steps, default=0)


def _curve_frame(question: QuestionAnalysis, rows: Rows) -> Frame:
    """An axis over the trained network; the value before training lies far below it."""
    seen: dict[str, list[float]] = {}
    for r in _trained(question, rows):
        seen.setdefault(r["variant"], []).append(r["mean"])
    return frame(seen, {name: values[-1] for name, values in seen.items()})


def _trained(question: QuestionAnalysis, rows: Rows) -> Rows:
    """Rows from the first epoch on; of an imported file, those behind the first tenth of its steps."""
    first, last = _span(question, rows)
    start = first + 0.1 * (last - first) if question.suite.imported else 1
    return [r for r in rows if r["epoch"] >= start] or rows

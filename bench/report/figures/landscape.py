"""How smooth the landscape is over the training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import altair as alt

from bench.report.figures import axes, drawing, spoken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.analysis import QuestionAnalysis
    from bench.report.blocks import Panel
    from bench.report.figures.drawing import Rows


def landscape(question: QuestionAnalysis) -> list[Panel]:
    """The measures of the landscape over the updates: two bands along the gradient, and lines."""
    measures = {
        "loss": ("Loss along the gradient", "training objective"),
        "change": ("Change of the gradient along it", "‖change of the gradient‖"),
        "landscape/effective_beta": ("Effective β", "effective β"),
        "curvature/lambda_max": ("Largest eigenvalue of the Hessian", "λ max"),
    }
    found = question.landscape.course if question.landscape else None
    return [
        _course(question, heading, title, found[found.measure == measure].to_dict("records"))
        for measure, (heading, title) in measures.items()
        if found is not None and (found.measure == measure).any()
    ]


def _course(
    question: QuestionAnalysis, heading: str, title: str, records: Sequence[Mapping[Any, Any]]
) -> Panel:
    names = [v.name for v in question.variants]
    band = records[0]["measure"] in ("loss", "change")
    rows: Rows = [
        {
            "variant": r["variant"],
            "updates": int(r["updates"]),
            "n": int(r["n"]),
            **{end: r["mean"] if math.isnan(r[end]) else r[end] for end in ("low", "mean", "high")},
        }
        for r in records
    ]
    values = [r[end] for r in rows for end in ("low", "high")]
    log = alt.Scale(type="log", nice=False)
    axis = alt.Axis(title=title, tickCount=5, values=axes.log_ticks(values))
    updates = alt.Axis(grid=False, values=axes.log_ticks([float(r["updates"]) for r in rows]))
    x = alt.X("updates:Q").title("updates").axis(updates).scale(log)
    y = {end: alt.Y(f"{end}:Q").axis(axis).scale(log) for end in ("low", "mean", "high")}
    base = alt.Chart(drawing.data(rows)).encode(x=x, color=drawing.colours(names))
    tips = drawing.tooltip("variant", updates="updates", low="from", high="to", n="seeds")
    layers = [base.mark_area(opacity=0.16).encode(y=y["low"], y2="high:Q")]
    for end in ("low", "high") if band else ("mean",):
        line = base.mark_line(strokeWidth=1.25 if band else 2)
        layers.append(line.encode(y=y[end], strokeDash=drawing.dashes(names)))
    layers.append(base.mark_circle(opacity=0, size=40).encode(y=y["mean"], tooltip=tips))
    last = max(r["updates"] for r in rows)
    ends = {r["variant"]: r["mean"] for r in rows if r["updates"] == last}
    alt_text = f"{heading} over updates, logarithmic axes: at update {last} {spoken.each(ends)}."
    name = (question.name, "landscape", records[0]["measure"])
    return drawing.panel(name, heading, layers, 260, alt_text)

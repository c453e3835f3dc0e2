"""Who reaches the target, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt

from bench.report.figures import drawing

if TYPE_CHECKING:
    from bench.analysis import QuestionAnalysis
    from bench.analysis.targets import Reaching
    from bench.report.blocks import Panel
    from bench.report.figures.drawing import Rows


def reached(question: QuestionAnalysis) -> Panel:
    """The share of seeds that have reached the target by each epoch, as steps."""
    names = [v.name for v in question.variants]
    rows = [row for variant in question.reaching for row in _steps(variant)]
    title = "seeds that reached (%)"
    step = question.suite.step
    x = alt.X("epoch:Q").title(step).axis(tickMinStep=drawing.tick_of_steps(question), grid=False)
    y = alt.Y("share:Q").axis(alt.Axis(title=title, tickCount=5)).scale(domain=[0, 100])
    base = alt.Chart(drawing.data(rows)).encode(x=x, y=y, color=drawing.colours(names))
    layers = [
        base.mark_line(interpolate="step-after", strokeWidth=2).encode(
            strokeDash=drawing.dashes(names)
        ),
        base.mark_circle(size=40).encode(
            tooltip=drawing.tooltip("variant", epoch=step, share=title)
        ),
    ]
    ends = [f"{v.variant} {v.reached} of {v.n}" for v in question.reaching]
    alt_text = (
        f"Steps of the share of seeds that reached the target. In the end: {'; '.join(ends)}."
    )
    heading = "Seeds that have reached the target"
    return drawing.panel((question.name, "target"), heading, layers, 240, alt_text)


def _steps(variant: Reaching) -> Rows:
    """Where the share of a variant's seeds rises, with both ends of the line."""
    if not variant.n:
        return []
    times = sorted(time for seed, time in variant.spent.items() if seed not in variant.missed)
    shares = {0.0: 0.0} | {time: 100 * n / variant.n for n, time in enumerate(times, start=1)}
    shares.setdefault(variant.budget, 100 * len(times) / variant.n)
    return [{"variant": variant.variant, "epoch": e, "share": s} for e, s in shares.items()]

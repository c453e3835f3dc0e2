"""Who reaches the target, and when."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import altair as alt

from bench.analysis.crossings import SPENT
from bench.report.blocks import Option, Switch
from bench.report.figures import axes, drawing

if TYPE_CHECKING:
    from bench.analysis import QuestionAnalysis
    from bench.analysis.targets import Reaching
    from bench.report.blocks import Panel
    from bench.report.figures.drawing import Rows

_TITLES: Final = {"updates_to_target": "updates", "seconds_to_target": "seconds of training"}


def reached(question: QuestionAnalysis) -> Panel:
    """The share of seeds that have reached the target by then, as steps."""
    names = [v.name for v in question.variants]
    step = question.suite.step
    titles = {"epochs_to_target": step, **_TITLES}
    rows = [
        row
        for clock in clocks(question)
        for variant in question.reaching
        for row in _steps(question, variant, clock)
    ]
    title = "seeds that reached (%)"
    least = (
        "0" if question.suite.imported else "x == 'seconds_to_target' ? 0 : 1"
    )  # epochs are whole
    y = alt.Y("share:Q").axis(alt.Axis(title=title, tickCount=5)).scale(domain=[0, 100])
    x = (
        alt.X("at:Q")
        .axis(axes.written(title="titles[x]", tickMinStep=least, grid=False))
        .scale(nice=False)
    )
    chart = alt.Chart(drawing.data(rows)).transform_filter("datum.clock == x")
    base = chart.encode(x=x, y=y, color=drawing.colours(names))
    layers = [
        base.mark_line(interpolate="step-after", strokeWidth=2).encode(
            strokeDash=drawing.dashes(names)
        ),
        base.mark_point(filled=True, size=45, opacity=1).encode(
            shape=drawing.shapes(names),
            tooltip=[
                *drawing.tooltip("variant", share=title, at="by then"),
                alt.Tooltip("seeds:N"),
            ],
        ),
    ]
    ends = [f"{v.variant} {v.reached} of {v.n}" for v in question.reaching]
    alt_text = (
        f"Steps of the share of seeds that reached the target. In the end: {'; '.join(ends)}."
    )
    heading = "Seeds that have reached the target"
    params = [alt.param(name="x", value="epochs_to_target"), alt.param(name="titles", value=titles)]
    name = (question.name, "target")
    return drawing.panel(name, heading, layers, 240, alt_text, params=params)


def clocks_to_target(question: QuestionAnalysis) -> tuple[Switch, ...]:
    """What the way to the target can be measured in, if there is a choice."""
    texts = ("epochs", "updates", "seconds")
    options = [
        Option(n, text) for n, text in zip(SPENT, texts, strict=True) if n in clocks(question)
    ]
    if len(options) < 2:
        return ()
    return (Switch("x", "x axis", "epochs_to_target", tuple(options)),)


def clocks(question: QuestionAnalysis) -> tuple[str, ...]:
    """Epochs, and what else of ``SPENT`` was measured; nobody counted an imported file's updates."""
    left_out = "updates_to_target" if question.suite.imported else ""
    return tuple(
        name
        for name in SPENT
        if name != left_out
        and (
            name == "epochs_to_target"
            or any(
                math.isfinite(t) and t > 0
                for row in question.reaching
                for t in row.by_clock[name].values()
            )
        )
    )


def _steps(question: QuestionAnalysis, variant: Reaching, clock: str) -> Rows:
    """Where the share of a variant's seeds rises, with both ends of the line."""
    if not variant.n:
        return []
    spent = variant.by_clock[clock]
    times = sorted(
        time for seed, time in spent.items() if seed not in variant.missed and math.isfinite(time)
    )
    counts = {0.0: 0} | {time: n for n, time in enumerate(times, start=1)}
    counts.setdefault(_end(question, variant, clock), len(times))
    return [
        {
            "variant": variant.variant,
            "clock": clock,
            "at": time,
            "share": 100 * count / variant.n,
            "seeds": f"{count} of {variant.n}",
        }
        for time, count in counts.items()
    ]


def _end(question: QuestionAnalysis, variant: Reaching, clock: str) -> float:
    """When the budget was spent: by another clock than epochs, by the run that took longest."""
    if clock == "epochs_to_target":
        return variant.budget
    runs = question.runs
    within = runs[(runs.variant == variant.variant) & (runs.epoch <= variant.budget)]
    longest = float(within[SPENT[clock]].max())
    return max([longest, *variant.by_clock[clock].values()])

"""Who reaches the target, and when: Kaplan-Meier curves, which without censoring are plain shares."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import altair as alt

from bench.analysis.arrivals import CLOCK
from bench.analysis.crossings import SPENT
from bench.report.blocks import Option, Switch
from bench.report.figures import axes, drawing
from bench.stats import survival_curve

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
    ends = [row for variant in question.reaching for row in _stops(variant)]
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
    chart = alt.Chart(drawing.data([*rows, *ends])).transform_filter("datum.clock == x")
    base = chart.encode(x=x, y=y, color=drawing.colours(names))
    line = base.transform_filter("!datum.stopped")
    layers = [
        line.mark_line(interpolate="step-after", strokeWidth=2).encode(
            strokeDash=drawing.dashes(names)
        ),
        line.mark_point(filled=True, size=45, opacity=1).encode(
            shape=drawing.shapes(names),
            tooltip=[
                *drawing.tooltip("variant", share=title, at="by then"),
                alt.Tooltip("seeds:N"),
            ],
        ),
    ]
    if ends:
        layers.append(
            base.transform_filter("datum.stopped")
            .mark_tick(orient="vertical", size=14, thickness=2, opacity=1)
            .encode(tooltip=[*drawing.tooltip("variant", at="ended"), alt.Tooltip("seeds:N")])
        )
    alt_text = (
        "Steps of the share of seeds that reached the target. In the end:"
        f" {'; '.join(_in_the_end(v) for v in question.reaching)}."
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


def _in_the_end(variant: Reaching) -> str:
    stopped = f" ({len(variant.stopped)} ended early)" if variant.stopped else ""
    return f"{variant.variant} {variant.reached} of {variant.n}{stopped}"


def _steps(question: QuestionAnalysis, variant: Reaching, clock: str) -> Rows:
    """Where the share of a variant's seeds rises, with both ends of the line."""
    if not variant.n:
        return []
    spent = variant.arrivals if clock == CLOCK else variant.by_clock[clock]
    seeds = [seed for seed in variant.arrivals if math.isfinite(spent.get(seed, math.inf))]
    if not seeds:
        return []
    reached = [seed not in variant.missed for seed in seeds]
    curve = survival_curve([spent[seed] for seed in seeds], reached)
    shares, counts = {0.0: 0.0}, {0.0: 0}
    for time, events, still in zip(
        curve.times.tolist(), curve.events.tolist(), curve.probability.tolist(), strict=True
    ):
        if events:
            counts[time] = max(counts.values()) + events
            shares[time] = 100 * (1 - still)
    end = _end(question, variant, clock)
    counts.setdefault(end, max(counts.values()))
    shares.setdefault(end, max(shares.values()))
    return [
        {
            "variant": variant.variant,
            "clock": clock,
            "at": time,
            "share": share,
            "seeds": f"{counts[time]} of {variant.n}",
            "stopped": False,
        }
        for time, share in shares.items()
    ]


def _stops(variant: Reaching) -> Rows:
    """Where runs ended that had not met the target, on the line of their variant."""
    if variant.curve is None:
        return []
    share = dict(zip(variant.curve.times.tolist(), variant.curve.probability.tolist(), strict=True))
    return [
        {
            "variant": variant.variant,
            "clock": CLOCK,
            "at": end,
            "share": 100 * (1 - share[end]),
            "seeds": f"seed {seed}",
            "stopped": True,
        }
        for seed, end in variant.stopped.items()
    ]


def _end(question: QuestionAnalysis, variant: Reaching, clock: str) -> float:
    """When the line ends: with the longest run, where all are known; by another clock, with its own."""
    if clock == CLOCK:
        return max(variant.arrivals.values()) if variant.stopped else variant.longest
    runs = question.runs
    longest = float(runs[runs.variant == variant.variant][SPENT[clock]].max())
    return max([longest, *variant.by_clock[clock].values()])

"""What the primary metric is in the end: every seed, and the differences to the baseline."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import altair as alt
import numpy as np

from bench.analysis import wording
from bench.report.figures import drawing
from bench.report.frame import frame

if TYPE_CHECKING:
    from bench.analysis import QuestionAnalysis
    from bench.analysis.comparisons import Compared
    from bench.report.blocks import Panel
    from bench.report.figures.drawing import Rows

_MOST_DOTS: Final = 3_000  # of seeds, on a page; above, quantiles take their place
_QUANTILES: Final = ("q05", "q25", "median", "q75", "q95")


def are_quantiles(question: QuestionAnalysis) -> bool:
    """Whether seeds are shown as quantiles, because there are too many for a dot each."""
    dots = sum(v.seeds for v in question.variants)
    return dots > max(_MOST_DOTS // len(question.suite.questions), 50)


def seeds(question: QuestionAnalysis) -> Panel:
    """The primary metric of every seed; thin lines join the same seed. Of very many, quantiles."""
    if are_quantiles(question):
        return _quantiles(question)
    measure, names = question.primary, [v.name for v in question.variants]
    scale = wording.percent_scale(measure)
    rows: Rows = [
        {"variant": v.name, "row": row, "seed": seed, "value": value * scale}
        for row, v in enumerate(question.variants)
        for seed, value in sorted(v.primary.by_seed.items())
        if math.isfinite(value)
    ]
    found = {name: [r["value"] for r in rows if r["variant"] == name] for name in names}
    centres = {name: sum(v) / len(v) for name, v in found.items() if v}
    axis = frame(found, centres)
    title = drawing.title(measure.label, wording.unit(measure))
    rows = [r for r in rows if r["variant"] not in axis.outside]
    base = alt.Chart(drawing.data(rows)).encode(
        x=drawing.along("value", title, axis), y=drawing.rows(names)
    )
    lines = base.mark_line(color="var(--muted)", opacity=0.3, strokeWidth=1, clip=True)
    dots = base.mark_circle(size=64, opacity=0.85, clip=True)
    layers = [
        lines.encode(detail="seed:N", order="row:Q"),
        dots.encode(
            color=drawing.colours(names), tooltip=drawing.tooltip("variant", "seed", value=title)
        ),
        *drawing.off_axis(axis, centres, names, wording.unit(measure)),
    ]
    ranges = [f"{name} {min(v):.4g} to {max(v):.4g}" for name, v in found.items() if v]
    alt_text = f"Dots: {title} of every seed. {'; '.join(ranges)}."
    heading = f"{drawing.capital(measure)} at the end, every seed"
    return drawing.panel((question.name, "seeds"), heading, layers, drawing.height(names), alt_text)


def _quantiles(question: QuestionAnalysis) -> Panel:
    """The primary metric over the seeds: median, the middle half and the middle nine tenths."""
    measure, names = question.primary, [v.name for v in question.variants]
    scale, rows = wording.percent_scale(measure), []
    for v in question.variants:
        values = [x * scale for x in v.primary.by_seed.values() if math.isfinite(x)]
        if values:
            five = np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95)).tolist()
            rows.append({"variant": v.name, **dict(zip(_QUANTILES, five, strict=True))})
    centres = {r["variant"]: r["median"] for r in rows}
    axis = frame({r["variant"]: [r[q] for q in _QUANTILES] for r in rows}, centres)
    title = drawing.title(measure.label, wording.unit(measure))
    kept = [r for r in rows if r["variant"] not in axis.outside]
    base = alt.Chart(drawing.data(kept)).encode(
        y=drawing.rows(names),
        color=drawing.colours(names),
        tooltip=drawing.tooltip("variant", **{q: q for q in _QUANTILES}),
    )
    layers = [
        base.mark_rule(strokeWidth=1.5, clip=True).encode(
            x=drawing.along("q05", title, axis), x2="q95:Q"
        ),
        base.mark_rule(strokeWidth=7, opacity=0.5, clip=True).encode(
            x=drawing.along("q25", title, axis), x2="q75:Q"
        ),
        base.mark_circle(size=64, opacity=1, clip=True).encode(
            x=drawing.along("median", title, axis)
        ),
        *drawing.off_axis(axis, centres, names, wording.unit(measure)),
    ]
    said = [f"{name} {median:.4g}" for name, median in centres.items()]
    alt_text = f"Quantiles of {title} over seeds. Medians: {'; '.join(said)}."
    heading = f"{drawing.capital(measure)} at the end, quantiles over seeds"
    return drawing.panel((question.name, "seeds"), heading, layers, drawing.height(names), alt_text)


def forest(question: QuestionAnalysis) -> Panel | None:
    """Differences to the baseline with their intervals, and the margin; None if there are none."""
    shown = [c for c in question.decisive if c.found.difference is not None]
    if not shown:
        return None
    measure, names = question.primary, [c.variant for c in shown]
    scale = 1.0 if measure.ratio else wording.percent_scale(measure)
    rows = [_forest_row(c, scale) for c in shown]
    nothing = 1.0 if measure.ratio else 0.0
    band = _margin_band(question, scale)
    centres = {r["variant"]: r["difference"] for r in rows}
    ends = {
        r["variant"]: [v for v in (r["low"], r["difference"], r["high"]) if v is not None]
        for r in rows
    }
    axis = frame(ends, centres, (nothing, *band))
    unit = wording.unit_of_difference(measure)
    title = drawing.title("difference", unit)
    rows = [r for r in rows if r["variant"] not in axis.outside]
    colours = drawing.colours([v.name for v in question.variants])
    tooltip = drawing.tooltip("variant", "verdict", difference=title, low="from", high="to")
    base = alt.Chart(drawing.data(rows)).encode(
        y=drawing.rows(names), color=colours, tooltip=tooltip
    )
    layers = [
        *_reference(nothing, band),
        base.mark_rule(strokeWidth=3, clip=True).encode(
            x=drawing.along("low", title, axis), x2="high:Q"
        ),
        base.mark_circle(size=90, opacity=1, clip=True).encode(
            x=drawing.along("difference", title, axis)
        ),
        *drawing.off_axis(axis, centres, names, "points" if unit == wording.POINTS else unit),
    ]
    said = "; ".join(f"{name} {difference:+.3g}" for name, difference in centres.items())
    heading = f"{drawing.capital(measure)}: difference to {question.baseline}"
    alt_text = f"{heading}, {unit}: {said}."
    return drawing.panel(
        (question.name, "differences"), heading, layers, drawing.height(names), alt_text
    )


def _forest_row(c: Compared, scale: float) -> dict[str, Any]:
    difference = drawing.finite(c.found.difference, scale)
    low, high = drawing.finite(c.found.ci_low, scale), drawing.finite(c.found.ci_high, scale)
    return {
        "variant": c.variant,
        "difference": difference,
        "low": difference if low is None else low,
        "high": difference if high is None else high,
        "verdict": c.verdict,
    }


def _margin_band(question: QuestionAnalysis, scale: float) -> tuple[float, ...]:
    margin = question.margin
    if margin is None:
        return ()
    if question.primary.ratio:
        return 1 / margin, margin
    return -margin * scale, margin * scale


def _reference(nothing: float, band: tuple[float, ...]) -> list[alt.Chart]:
    """The line of no difference, and the band of differences that do not matter."""
    line = alt.Chart(drawing.data([{"at": nothing}])).mark_rule(
        color="var(--rule)", strokeWidth=1.5
    )
    layers = [line.encode(x="at:Q")]
    if band:
        area = alt.Chart(drawing.data([{"low": band[0], "high": band[1]}]))
        area = area.mark_rect(color="var(--muted)", opacity=0.16)
        layers.insert(0, area.encode(x="low:Q", x2="high:Q"))
    return layers

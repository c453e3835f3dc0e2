"""What the primary metric is in the end: every seed, and the differences to the baseline."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import altair as alt
import numpy as np

from bench.analysis import wording
from bench.report.figures import drawing, spoken
from bench.report.frame import frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.analysis import QuestionAnalysis
    from bench.frames import Metric
    from bench.report.blocks import Panel
    from bench.report.figures.drawing import Rows

_MOST_DOTS: Final = 3_000  # of seeds, on a page; above, quantiles take their place
_LINE: Final = 9  # px that a second line adds to the title of an axis
_QUANTILES: Final = ("q05", "q25", "median", "q75", "q95")


def are_quantiles(question: QuestionAnalysis) -> bool:
    """Whether seeds are shown as quantiles, because there are too many for a dot each."""
    dots = sum(v.seeds for v in question.variants)
    return dots > max(_MOST_DOTS // len(question.suite.questions), 50)


def seeds(question: QuestionAnalysis) -> Panel:
    """The primary metric of every seed; thin lines join the same seed. Of very many, quantiles."""
    if are_quantiles(question):
        return _quantiles(question)
    measure = question.primary
    scale = wording.percent_scale(measure)
    values = {
        v.name: {s: x * scale for s, x in sorted(v.primary.by_seed.items()) if math.isfinite(x)}
        for v in question.variants
    }
    heading = f"{drawing.capital(measure)} at the end, every seed"
    title = drawing.title(measure.label, wording.unit(measure))
    made = strip((question.name, "seeds"), heading, values, title, wording.unit(measure))
    return replace(made, alt=made.alt + spoken.diverged(question))


def strip(
    name: tuple[str, ...],
    heading: str,
    values: Mapping[str, Mapping[int, float]],
    title: str,
    unit: str,
    *,
    replicate: str = "seed",
) -> Panel:
    """A dot for every value of each variant by replicate, in rows; lines join the same replicate."""
    names = list(values)
    found = {name: list(by.values()) for name, by in values.items()}
    centres = {name: sum(v) / len(v) for name, v in found.items() if v}
    axis = frame(found, centres)
    rows: Rows = [
        {"variant": variant, "row": row, replicate: number, "value": value}
        for row, (variant, by) in enumerate(values.items())
        for number, value in by.items()
        if variant not in axis.outside
    ]
    pointed = alt.selection_point(
        name="pointed", on="pointerover", clear="pointerout", fields=[replicate], empty=False
    )
    base = alt.Chart(drawing.data(rows)).encode(
        x=drawing.along("value", title, axis), y=drawing.rows(names)
    )
    lines = base.mark_line(color="var(--muted)", clip=True).encode(
        detail=f"{replicate}:N",
        order="row:Q",
        opacity=alt.when(pointed).then(alt.value(1)).otherwise(alt.value(0.3)),
        strokeWidth=alt.when(pointed).then(alt.value(2)).otherwise(alt.value(1)),
    )
    tips = [alt.Tooltip(f"{replicate}:Q"), *drawing.tooltip(value=title)]
    dots = base.mark_point(filled=True, clip=True).encode(
        color=drawing.colours(names),
        shape=drawing.shapes(names),
        opacity=alt.when(pointed).then(alt.value(1)).otherwise(alt.value(0.85)),
        size=alt.when(pointed).then(alt.value(140)).otherwise(alt.value(64)),
        tooltip=[*drawing.tooltip("variant"), *tips],
    )
    layers = [
        lines,
        dots.add_params(pointed),
        *drawing.off_axis(axis, centres, names, unit),
    ]
    ranges = [
        f"{variant} from {min(v):.4g} to {spoken.number(max(v), unit)} (mean {centres[variant]:.4g})"
        for variant, v in found.items()
        if v
    ]
    count = wording.counted_between((len(v) for v in found.values()), replicate)
    alt_text = f"{heading} ({count}): {spoken.some(ranges)}."
    return drawing.panel(name, heading, layers, drawing.height(names), alt_text)


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
    heading = f"{drawing.capital(measure)} at the end, quantiles over seeds"
    alt_text = f"{heading}: medians {spoken.each(centres, wording.unit(measure))}."
    return drawing.panel((question.name, "seeds"), heading, layers, drawing.height(names), alt_text)


def forest(question: QuestionAnalysis) -> Panel | None:
    """Differences to the baseline with their intervals, and the margin; None if there are none."""
    measure = question.primary
    scale = 1.0 if measure.ratio else wording.percent_scale(measure)
    rows: Rows = [
        {
            "variant": c.variant,
            **_interval(c.found.difference, c.found.ci_low, c.found.ci_high, scale),
            "verdict": c.verdict,
        }
        for c in question.decisive
        if c.found.difference is not None
    ]
    if not rows:
        return None
    unit = wording.unit_of_difference(measure)
    return intervals(
        (question.name, "differences"),
        f"{drawing.capital(measure)}: difference to {question.baseline}",
        rows,
        [v.name for v in question.variants],
        question.baseline,
        title=drawing.title("difference", unit),
        better=_better(measure),
        unit="points" if unit == wording.POINTS else unit,
        nothing=1.0 if measure.ratio else 0.0,
        band=_margin_band(question, scale),
    )


def intervals(
    name: tuple[str, ...],
    heading: str,
    rows: Rows,
    names: list[str],
    baseline: str,
    *,
    title: str,
    better: str,
    unit: str,
    nothing: float,
    band: tuple[float, ...] = (),
) -> Panel:
    """A row for each variant with its difference to the baseline, and that difference's interval.

    Args:
        name: its question, and what it shows of it.
        heading: its title.
        rows: variant, difference, low, high and verdict of each.
        names: all variants of the question.
        baseline: the one whose row says that the others are compared with it.
        title: of the axis.
        better: which side of it is, in words.
        unit: of the differences.
        nothing: where there is no difference.
        band: the ends of the differences that do not matter.
    """
    centres = {r["variant"]: r["difference"] for r in rows}
    ends = {r["variant"]: [r["low"], r["difference"], r["high"]] for r in rows}
    axis = frame(ends, centres, (nothing, *band))
    kept = [r for r in rows if r["variant"] not in axis.outside]
    shown = [n for n in names if n in centres or n == baseline]
    tips = drawing.tooltip("variant", "verdict", difference=title, low="from", high="to")
    base = alt.Chart(drawing.data(kept)).encode(
        y=drawing.rows(shown), color=drawing.colours(names), tooltip=tips
    )
    middle = base.mark_point(filled=True, size=90, opacity=1, clip=True)
    titles = [title, *([better] if better else [])]
    said = alt.Chart(drawing.data([{"variant": baseline, "at": nothing, "text": "baseline"}]))
    left = nothing > (axis.low + axis.high) / 2
    said = said.mark_text(
        align="right" if left else "left", dx=-6 if left else 6, fontSize=12, color="var(--muted)"
    )
    layers = [
        *_reference(nothing, band),
        said.encode(x="at:Q", y=drawing.rows(shown), text="text:N"),
        base.mark_rule(strokeWidth=3, clip=True).encode(
            x=drawing.along("low", titles, axis), x2="high:Q"
        ),
        middle.encode(x=drawing.along("difference", titles, axis), shape=drawing.shapes(names)),
        *drawing.off_axis(axis, centres, shown, unit),
    ]
    alt_text = (
        f"{heading}{f', in {unit}' if unit else ''}: {spoken.some([_said(r) for r in rows])}."
    )
    made = drawing.panel(name, heading, layers, drawing.height(shown), alt_text)
    return replace(made, height=made.height + _LINE * (len(titles) - 1))


def _said(row: dict[str, Any]) -> str:
    """``high +2 (interval 1.9 to 2.1, better)``."""
    low, high, verdict = (row[key] for key in ("low", "high", "verdict"))
    interval = f"interval {low:.3g} to {high:.3g}" if low != high else ""
    facts = ", ".join(filter(None, [interval, verdict]))
    return f"{row['variant']} {row['difference']:+.3g} ({facts})".replace("-", "−")


def _interval(
    value: float | None, low: float | None, high: float | None, scale: float = 1.0
) -> dict[str, Any]:
    """A difference; one without an interval is a point."""
    difference = drawing.finite(value, scale)
    ends = (drawing.finite(low, scale), drawing.finite(high, scale))
    low, high = (difference if end is None else end for end in ends)
    return {"difference": difference, "low": low, "high": high}


def _better(measure: Metric) -> str:
    """Which side of an axis of differences is the better one."""
    if measure.higher_is_better is None:
        return ""
    return "better to the right" if measure.higher_is_better else "better to the left"


def epochs_alone(question: QuestionAnalysis) -> Panel:
    """The time of an epoch in every round of ``bench time``; thin lines join the same round."""
    values = {
        row.variant: {i: float(s) for i, s in enumerate(row.seconds, start=1)}
        for row in question.speeds
    }
    title = drawing.title("time of an epoch", "s")
    heading = "Time of an epoch, every round"
    return strip((question.name, "speed"), heading, values, title, "s", replicate="round")


def speed_ratios(question: QuestionAnalysis) -> Panel | None:
    """How many times as long an epoch takes as the baseline's; None if nothing was compared."""
    rows: Rows = [
        {
            "variant": row.variant,
            **_interval(row.against.ratio, row.against.ci_low, row.against.ci_high),
            "verdict": row.verdict,
        }
        for row in question.speeds
        if row.against is not None
    ]
    if not rows:
        return None
    return intervals(
        (question.name, "speed-ratios"),
        f"Time of an epoch: ratio to {question.baseline}",
        rows,
        [v.name for v in question.variants],
        question.baseline,
        title="ratio of the times",
        better=_better(question.metric("epoch_time_s")),
        unit="times",
        nothing=1.0,
    )


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

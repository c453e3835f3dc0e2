"""Charts as Vega-Lite specifications, drawn with Altair: one function per chart, one question each.

Charts are as wide as their place on the page. Shares are scaled to percent here, once.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import zlib
from typing import TYPE_CHECKING, Any, Final

import altair as alt
import numpy as np
from altair.utils.schemapi import debug_mode

from bench.analysis import wording
from bench.report import palette
from bench.report.blocks import Panel
from bench.report.frame import Frame, frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.analysis import QuestionAnalysis
    from bench.analysis.comparisons import Compared
    from bench.analysis.factors import Factorial
    from bench.analysis.rates import Rate
    from bench.analysis.sizes import By, Sizes
    from bench.analysis.targets import Reaching
    from bench.frames import Metric

ROW: Final = 34  # px per variant in charts with a row for each
_LONG_NAME: Final = 24  # characters beside a row
_LINE: Final = 11  # px, where a name takes several lines
_FEW_POINTS: Final = 12  # shorter curves show their evaluations as dots
_NUMBER: Final = ".4~r"
_MOST_DOTS: Final = 3_000  # of seeds, on a page; above, quantiles take their place
_MOST_POINTS: Final = 16_000  # of curves, on a page; above, steps are left out
_FEWEST_STEPS: Final = 6
_ROUNDING: Final = 1e-13  # of the largest excess over a known minimum
_MOST_WHOLE: Final = (
    2**53
)  # larger numbers stay floats: not every reader of JSON takes them as whole
_MOST_FITTED: Final = 60  # dots of a curve, or points of a fitted line

LATEST: Final = 10  # updates late; more are drawn there too

_QUANTILES: Final = ("q05", "q25", "median", "q75", "q95")

_BIN: Final = 0.25  # of the probe's histogram, in powers of ten
_FEW: Final = 0.0005  # share of the weights that cannot be seen in it

Rows = list[dict[str, Any]]


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
    title = _title(measure.label, wording.unit(measure))
    rows = [r for r in rows if r["variant"] not in axis.outside]
    base = alt.Chart(_data(rows)).encode(x=_x("value", title, axis), y=_rows(names))
    lines = base.mark_line(color="var(--muted)", opacity=0.3, strokeWidth=1, clip=True)
    dots = base.mark_circle(size=64, opacity=0.85, clip=True)
    layers = [
        lines.encode(detail="seed:N", order="row:Q"),
        dots.encode(color=_colours(names), tooltip=_tooltip("variant", "seed", value=title)),
        *_off_axis(axis, centres, names, wording.unit(measure)),
    ]
    ranges = [f"{name} {min(v):.4g} to {max(v):.4g}" for name, v in found.items() if v]
    alt_text = f"Dots: {title} of every seed. {'; '.join(ranges)}."
    heading = f"{_capital(measure)} at the end, every seed"
    return _panel((question.name, "seeds"), heading, layers, _height(names), alt_text)


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
    title = _title(measure.label, wording.unit(measure))
    kept = [r for r in rows if r["variant"] not in axis.outside]
    base = alt.Chart(_data(kept)).encode(
        y=_rows(names),
        color=_colours(names),
        tooltip=_tooltip("variant", **{q: q for q in _QUANTILES}),
    )
    layers = [
        base.mark_rule(strokeWidth=1.5, clip=True).encode(x=_x("q05", title, axis), x2="q95:Q"),
        base.mark_rule(strokeWidth=7, opacity=0.5, clip=True).encode(
            x=_x("q25", title, axis), x2="q75:Q"
        ),
        base.mark_circle(size=64, opacity=1, clip=True).encode(x=_x("median", title, axis)),
        *_off_axis(axis, centres, names, wording.unit(measure)),
    ]
    said = [f"{name} {median:.4g}" for name, median in centres.items()]
    alt_text = f"Quantiles of {title} over seeds. Medians: {'; '.join(said)}."
    heading = f"{_capital(measure)} at the end, quantiles over seeds"
    return _panel((question.name, "seeds"), heading, layers, _height(names), alt_text)


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
    title = _title("difference", unit)
    rows = [r for r in rows if r["variant"] not in axis.outside]
    colours = _colours([v.name for v in question.variants])
    tooltip = _tooltip("variant", "verdict", difference=title, low="from", high="to")
    base = alt.Chart(_data(rows)).encode(y=_rows(names), color=colours, tooltip=tooltip)
    layers = [
        *_reference(nothing, band),
        base.mark_rule(strokeWidth=3, clip=True).encode(x=_x("low", title, axis), x2="high:Q"),
        base.mark_circle(size=90, opacity=1, clip=True).encode(x=_x("difference", title, axis)),
        *_off_axis(axis, centres, names, "points" if unit == wording.POINTS else unit),
    ]
    said = "; ".join(f"{name} {difference:+.3g}" for name, difference in centres.items())
    heading = f"{_capital(measure)}: difference to {question.baseline}"
    alt_text = f"{heading}, {unit}: {said}."
    return _panel((question.name, "differences"), heading, layers, _height(names), alt_text)


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
    title = _title(one.metric.label, wording.unit(one.metric))
    rows: Rows = [
        {"line": line, "level": level, "seed": seed, "value": float(cells[s, a, b])}
        for s, seed in enumerate(one.seeds)
        for a, line in enumerate(lines.levels)
        for b, level in enumerate(along.levels)
    ]
    colours = [palette.colour(position) for position in range(len(lines.levels))]
    colour = alt.Color("line:N", sort=None).scale(domain=list(lines.levels), range=colours)
    legend = alt.Legend(
        title=lines.name,
        orient="top",
        labelColor="var(--text)",
        titleColor="var(--muted)",
        labelFontSize=12,
        titleFontSize=12,
        titleFontWeight="normal",
    )
    x = alt.X("level:O").sort(None).title(along.name).axis(labelAngle=0)
    y = alt.Y("value:Q").scale(zero=False).axis(title=title, tickCount=5)
    base = alt.Chart(_data(rows)).encode(x=x, color=colour.legend(legend))
    layers = [
        base.mark_line(strokeWidth=2).encode(
            y=alt.Y("mean(value):Q").scale(zero=False).title(title)
        ),
        base.mark_circle(size=36, opacity=0.6).encode(y=y, tooltip=_tooltip("seed", value=title)),
    ]
    means = cells.mean(axis=0)
    said = "; ".join(
        f"{lines.name} {line}, {along.name} {level}: {means[a, b]:.4g}"
        for a, line in enumerate(lines.levels)
        for b, level in enumerate(along.levels)
    )
    name = (one.question, "factors", lines.name, along.name)
    alt_text = f"Means of {title}. {said}."
    return _panel(name, f"{lines.name} and {along.name}", layers, 260, alt_text)


def pareto(question: QuestionAnalysis, found: Sizes) -> list[Panel]:
    """Test accuracy against each size in which networks differ: every one, and the frontier of the means."""
    words: dict[By, str] = {"gzip_bytes": "bytes, gzipped", "nonzero": "weights that are not 0"}
    panels = [
        _pareto(question, found, by, said)
        for by, said in words.items()
        if len({getattr(network, by) for network in found.networks}) > 1
    ]
    return [panel for panel in panels if panel]


def outside_of_pareto(found: Sizes) -> tuple[str, ...]:
    """Variants outside of its zoomed axis."""
    return _accuracies(found).outside


def _accuracies(found: Sizes) -> Frame:
    by_name: dict[str, list[float]] = {}
    for network in found.networks:
        by_name.setdefault(network.variant, []).append(100 * network.accuracy)
    return frame(by_name, {name: sum(v) / len(v) for name, v in by_name.items()})


def _pareto(question: QuestionAnalysis, found: Sizes, by: By, words: str) -> Panel | None:
    names = [v.name for v in question.variants]
    axis = _accuracies(found)
    rows: Rows = [
        {
            "variant": n.variant,
            "seed": n.seed,
            "kind": "pruned" if n.pruned else "trained",
            "size": getattr(n, by),
            "accuracy": 100 * n.accuracy,
        }
        for n in found.networks
        if n.variant not in axis.outside and getattr(n, by) > 0
    ]
    if not rows:
        return None
    ends = [p for p in found.frontier(by) if p.variant not in axis.outside and p.size > 0]
    line: Rows = [{"size": p.size, "accuracy": 100 * p.accuracy} for p in ends]
    least, most = min(r["size"] for r in rows), max(r["size"] for r in rows)
    ticks = [t for t in _log_ticks([least, most]) if least <= t <= most]
    x = alt.X("size:Q").title(f"{words}, log scale").scale(type="log", nice=False, padding=12)
    values = ticks if len(ticks) > 1 else alt.Undefined
    x = x.axis(grid=False, values=values, tickCount=4, format="~s")
    y = alt.Y("accuracy:Q").title("test accuracy (%)").axis(tickCount=5)
    y = y.scale(domain=axis.ends, nice=False, zero=False)
    tips = [
        *_tooltip("variant", "seed", size=words, accuracy="test accuracy (%)"),
        alt.Tooltip("kind:N"),
    ]
    marks = {
        kind: alt.Chart(_data(some))
        .mark_point(size=56, filled=kind == "trained", opacity=0.85, clip=True)
        .encode(x=x, y=y, color=_colours(names), shape=_shapes(names), tooltip=tips)
        for kind in ("trained", "pruned")
        if (some := [r for r in rows if r["kind"] == kind])
    }
    frontier = alt.Chart(_data(line)).encode(x=x, y=y)
    frontier = frontier.mark_line(
        interpolate="step-after", color="var(--muted)", strokeWidth=1.5, clip=True
    )
    layers = [*([frontier] if line else []), *marks.values()]
    said = "; ".join(f"{p.name} {p.size:,.0f} at {100 * p.accuracy:.2f} %" for p in ends)
    alt_text = f"Dots: test accuracy against {words}, on a logarithmic scale. Frontier: {said}."
    name = (question.name, "accuracy", by)
    return _panel(name, f"Accuracy against {words}", layers, 320, alt_text)


def magnitudes(question: QuestionAnalysis, found: Sizes) -> Panel | None:
    """A histogram of |w| for each variant, one above the other, on one logarithmic axis.

    None where every weight is 0.
    """
    names = [v.name for v in question.variants if any(found.histograms[v.name].values())]
    if not names:
        return None
    most = max(max(found.histograms[name].values()) for name in names)
    histograms = [found.histograms[name] for name in names]
    seen = [k for shares in histograms for k, share in shares.items() if share >= _FEW]
    first, last = min(seen), max(seen) + _BIN
    bars: Rows = [
        {
            "variant": name,
            "from": 10**k,
            "to": 10 ** (k + _BIN),
            "share": 100 * share,
            "foot": row + 1,
            "top": row + 1 - 0.85 * share / most,
        }
        for row, name in enumerate(names)
        for k, share in found.histograms[name].items()
        if share >= _FEW
    ]
    zeros: Rows = [
        {"at": 10**first, "row": row + 0.62, "text": f"{wording.number(100 * zero, 1)} % are 0"}
        for row, name in enumerate(names)
        if (zero := found.means[name]["exact_zeros"].value or 0.0) > 0
    ]
    scale = alt.Scale(type="log", domain=[10**first, 10**last], nice=False)
    lines = [_lines_of(name) for name in names]
    axis = alt.Axis(
        values=[row + 0.7 for row in range(len(names))],
        grid=False,
        labelOverlap=False,
        labelExpr=f"{json.dumps(lines)}[floor(datum.value)]",
        **_row_labels(names),
    )
    y = alt.Y("top:Q").axis(axis).scale(domain=[0, len(names)], reverse=True, nice=False)
    x = alt.X("from:Q").title("|w|, log scale").scale(scale).axis(format="~e", tickCount=6)
    colours = _colours([v.name for v in question.variants])
    tips = [*_tooltip("variant", share="share (%)"), alt.Tooltip("from:Q").format(".2~e")]
    layers = [
        alt.Chart(_data(bars))
        .mark_rect(clip=True)
        .encode(
            x=x,
            x2="to:Q",
            y=y,
            y2="foot:Q",
            color=colours,
            tooltip=tips,
        ),
        alt.Chart(_data(zeros))
        .mark_text(align="left", dx=4, fontSize=12, color="var(--muted)")
        .encode(x="at:Q", y=alt.Y("row:Q").axis(axis), text="text:N"),
    ]
    said = "; ".join(f"{name} {_mode(found.histograms[name])}" for name in names)
    heading = "How large the weights are"
    alt_text = f"Histograms of |w|. Most weights near: {said}."
    return _panel((question.name, "magnitudes"), heading, layers, _height(names), alt_text)


def _mode(histogram: Mapping[float, float]) -> str:
    """The middle of the fullest bin."""
    return f"{10 ** (max(histogram, key=lambda k: histogram[k]) + _BIN / 2):.1e}"


def reached(question: QuestionAnalysis) -> Panel:
    """The share of seeds that have reached the target by each epoch, as steps."""
    names = [v.name for v in question.variants]
    rows = [row for variant in question.reaching for row in _steps(variant)]
    title = "seeds that reached (%)"
    step = question.suite.step
    x = alt.X("epoch:Q").title(step).axis(tickMinStep=_tick(question), grid=False)
    y = alt.Y("share:Q").axis(alt.Axis(title=title, tickCount=5)).scale(domain=[0, 100])
    base = alt.Chart(_data(rows)).encode(x=x, y=y, color=_colours(names))
    layers = [
        base.mark_line(interpolate="step-after", strokeWidth=2).encode(strokeDash=_dashes(names)),
        base.mark_circle(size=40).encode(tooltip=_tooltip("variant", epoch=step, share=title)),
    ]
    ends = [f"{v.variant} {v.reached} of {v.n}" for v in question.reaching]
    alt_text = (
        f"Steps of the share of seeds that reached the target. In the end: {'; '.join(ends)}."
    )
    heading = "Seeds that have reached the target"
    return _panel((question.name, "target"), heading, layers, 240, alt_text)


def rates(question: QuestionAnalysis) -> Panel:
    """The objective as dots, the mean of the seeds' fits as lines; dashed where no law was named."""
    names = [v.name for v in question.variants]
    measure, step = question.metric(question.rates[0].metric), question.suite.step
    known = any(rate.optimum is not None for rate in question.rates)
    title = f"{measure.label} − f*" if known else _title(measure.label, measure.unit)
    dots = [row for rate in question.rates for row in _dots_of(rate)]
    if known:  # what lies below is rounding
        least = _ROUNDING * max((r["value"] for r in dots), default=0.0)
        dots = [r for r in dots if r["value"] > least]
    lines = [row for rate in question.rates for row in _fit_of(rate)]
    values = [r["value"] for r in dots]
    log = bool(values) and min(values) > 0
    scale = alt.Scale(type="log", nice=False) if log else alt.Scale(zero=False)
    ticks = _log_ticks(values) if log else alt.Undefined
    axis = alt.Axis(title=f"{title}, log scale" if log else title, tickCount=5, values=ticks)
    x = alt.X("epoch:Q").title(step).axis(grid=False).scale(nice=False)
    y = alt.Y("value:Q").axis(axis).scale(scale)
    line = alt.Chart(_data([r for r in lines if r["value"] > 0 or not log]))
    named = alt.StrokeDash("law:N").scale(domain=["named", "not named"], range=[[1, 0], [5, 4]])
    layers = [
        line.mark_line(strokeWidth=1.5, clip=True).encode(
            x=x, y=y, color=_colours(names), strokeDash=named.legend(None)
        ),
        alt.Chart(_data(dots))
        .mark_circle(size=26, opacity=0.8)
        .encode(
            x=x, y=y, color=_colours(names), tooltip=_tooltip("variant", epoch=step, value=title)
        ),
    ]
    said = "; ".join(f"{rate.variant} {rate.fitted.family}" for rate in question.rates)
    alt_text = f"Dots of {title} over {step}s with fitted curves. Families: {said}."
    heading = f"Fits of the {measure.label}"
    return _panel((question.name, "rates"), heading, layers, 300, alt_text)


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
    axis = alt.Axis(title=title, tickCount=5, values=_log_ticks(values))
    updates = alt.Axis(grid=False, values=_log_ticks([float(r["updates"]) for r in rows]))
    x = alt.X("updates:Q").title("updates").axis(updates).scale(log)
    y = {end: alt.Y(f"{end}:Q").axis(axis).scale(log) for end in ("low", "mean", "high")}
    base = alt.Chart(_data(rows)).encode(x=x, color=_colours(names))
    tips = _tooltip("variant", updates="updates", low="from", high="to", n="seeds")
    layers = [base.mark_area(opacity=0.16).encode(y=y["low"], y2="high:Q")]
    for end in ("low", "high") if band else ("mean",):
        line = base.mark_line(strokeWidth=1.25 if band else 2)
        layers.append(line.encode(y=y[end], strokeDash=_dashes(names)))
    layers.append(base.mark_circle(opacity=0, size=40).encode(y=y["mean"], tooltip=tips))
    last = max(r["updates"] for r in rows)
    ends = [f"{r['variant']} {r['mean']:.3g}" for r in rows if r["updates"] == last]
    alt_text = f"{heading} over updates, logarithmic axes. At update {last}: {'; '.join(ends)}."
    name = (question.name, "landscape", records[0]["measure"])
    return _panel(name, heading, layers, 260, alt_text)


def sensitivity(question: QuestionAnalysis) -> Panel:
    """The primary metric at the end against the learning rate, a line per method, every seed a dot."""
    names = [method.name for method in question.methods]
    scale = wording.percent_scale(question.primary)
    dots: Rows = [
        {"variant": method.name, "rate": rate, "seed": seed, "value": value * scale}
        for method in question.methods
        for rate, values in method.finals.items()
        for seed, value in sorted(values.by_seed.items())
        if math.isfinite(value)
    ]
    means: Rows = [
        {"variant": method.name, "rate": rate, "mean": mean.value * scale}
        for method in question.methods
        for rate, mean in method.means.items()
        if mean.value is not None
    ]
    title = _title(question.primary.label, wording.unit(question.primary))
    rates = sorted({r["rate"] for r in dots})
    axis = alt.Axis(grid=False, values=rates if len(rates) <= _FEW_POINTS else alt.Undefined)
    x = (
        alt.X("rate:Q")
        .title("learning rate")
        .axis(axis)
        .scale(alt.Scale(type="log", nice=False, padding=12))
    )
    free = alt.Scale(zero=False)
    line = alt.Chart(_data(means)).encode(x=x, color=_colours(names))
    layers = [
        line.mark_line(strokeWidth=2).encode(
            y=alt.Y("mean:Q").axis(title=title).scale(free), strokeDash=_dashes(names)
        ),
        alt.Chart(_data(dots))
        .mark_circle(size=36, opacity=0.7)
        .encode(
            x=x,
            y=alt.Y("value:Q").axis(title=title).scale(free),
            color=_colours(names),
            tooltip=_tooltip("variant", "seed", rate="learning rate", value=title),
        ),
    ]
    said = [f"{r['variant']} at {r['rate']:g}: {r['mean']:.4g}" for r in means]
    alt_text = f"{title} against the learning rate. Means: {'; '.join(said)}."
    heading = f"{_capital(question.primary)} by learning rate"
    return _panel((question.name, "sensitivity"), heading, layers, 280, alt_text)


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


def _steps(variant: Reaching) -> Rows:
    """Where the share of a variant's seeds rises, with both ends of the line."""
    if not variant.n:
        return []
    times = sorted(time for seed, time in variant.spent.items() if seed not in variant.missed)
    shares = {0.0: 0.0} | {time: 100 * n / variant.n for n, time in enumerate(times, start=1)}
    shares.setdefault(variant.budget, 100 * len(times) / variant.n)
    return [{"variant": variant.variant, "epoch": e, "share": s} for e, s in shares.items()]


def _curve(question: QuestionAnalysis, measure: Metric) -> Panel:
    names = [v.name for v in question.variants]
    rows = _curve_rows(question, measure)
    first, last = _span(question, rows)
    title, step = _title(measure.label, wording.unit(measure)), question.suite.step
    if _is_log(measure, rows):
        words, scale = f"{title}, log scale", alt.Scale(type="log", nice=False)
        ticks = _log_ticks([r["mean"] for r in rows])
    else:
        words, ticks = title, alt.Undefined
        scale = alt.Scale(domain=_curve_frame(question, rows).ends, nice=False, zero=False)
        rows = rows if question.suite.imported else _trained(question, rows)
    axis = alt.Axis(title=words, tickCount=5, values=ticks)
    x = alt.X("epoch:Q").title(step).axis(tickMinStep=_tick(question), grid=False)
    x = x.scale(domain=[first, last], nice=False)
    y = alt.Y("mean:Q").axis(axis).scale(scale)
    base = alt.Chart(_data(rows)).encode(x=x, color=_colours(names))
    layers = [
        base.mark_area(opacity=0.15, clip=True).encode(
            y=alt.Y("low:Q").axis(axis).scale(scale), y2="high:Q"
        ),
        base.mark_line(strokeWidth=2, clip=True).encode(y=y, strokeDash=_dashes(names)),
        base.mark_circle(clip=True, size=40).encode(
            y=y,
            opacity=alt.value(1 if _is_short(rows) else 0),  # unseen dots carry the tooltips
            tooltip=_tooltip("variant", epoch=step, mean=title, low="from", high="to", n="seeds"),
        ),
    ]
    finals = [f"{r['variant']} {r['mean']:.4g}" for r in rows if r["epoch"] == last]
    alt_text = f"Curves of {title} over {step}s. At {step} {last:g}: {'; '.join(finals)}."
    name = (question.name, "convergence", measure.name)
    return _panel(name, _capital(measure), layers, 280, alt_text)


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
        low, mean, high = (_finite(record[key], scale) for key in ("low", "mean", "high"))
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


def _span(question: QuestionAnalysis, rows: Rows) -> tuple[float, float]:
    steps = [r["epoch"] for r in rows]
    first = min(steps, default=0) if question.suite.imported else 0
    return first, max(steps, default=0)


def _tick(question: QuestionAnalysis) -> Any:
    """Epochs are whole; what an imported file counts may be anything."""
    return alt.Undefined if question.suite.imported else 1


def _curve_frame(question: QuestionAnalysis, rows: Rows) -> Frame:
    """An axis over the trained network; the value before training lies far below it."""
    seen: dict[str, list[float]] = {}
    for r in _trained(question, rows):
        seen.setdefault(r["variant"], []).append(r["mean"])
    return frame(seen, {name: values[-1] for name, values in seen.items()})


def _log_ticks(values: list[float]) -> list[float]:
    """1, 2 and 5 of every power of ten that the values span; only 1 where they span many."""
    if not values:
        return []
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    steps = (1, 2, 5) if high - low <= 2 else (1,)
    return [step * 10.0**power for power in range(low, high + 1) for step in steps]


def _trained(question: QuestionAnalysis, rows: Rows) -> Rows:
    """Rows from the first epoch on; of an imported file, those behind the first tenth of its steps."""
    first, last = _span(question, rows)
    start = first + 0.1 * (last - first) if question.suite.imported else 1
    return [r for r in rows if r["epoch"] >= start] or rows


def staleness(question: QuestionAnalysis) -> Panel:
    """Shares of the updates by how many others came between reading and writing; a line per variant."""
    names = [v.name for v in question.variants]
    rows: Rows = []
    for team in question.teams:
        updates = sum(team.staleness.values())
        for late in range(LATEST + 1) if updates else ():
            last = late == LATEST
            count = sum(n for k, n in team.staleness.items() if k == late or (last and k > late))
            rows.append({"variant": team.variant, "late": late, "share": 100 * count / updates})
    axis = alt.Axis(values=list(range(LATEST + 1)), format="d", grid=False)
    chart = alt.Chart(_data(rows)).encode(
        x=alt.X("late:Q").title("updates late").axis(axis),
        y=alt.Y("share:Q").title("share of the updates (%)"),
        color=_colours(names),
        tooltip=_tooltip("variant", late="updates late", share="share (%)"),
    )
    lines = chart.mark_line(strokeWidth=2).encode(strokeDash=_dashes(names))
    alt_text = "Share of the updates by how many updates late they were."
    layers = [lines, chart.mark_circle(size=50)]
    return _panel((question.name, "staleness"), "Updates late", layers, 240, alt_text)


def _is_short(rows: Rows) -> bool:
    return len({r["epoch"] for r in rows}) <= _FEW_POINTS


def _forest_row(c: Compared, scale: float) -> dict[str, Any]:
    difference = _finite(c.found.difference, scale)
    low, high = _finite(c.found.ci_low, scale), _finite(c.found.ci_high, scale)
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
    line = alt.Chart(_data([{"at": nothing}])).mark_rule(color="var(--rule)", strokeWidth=1.5)
    layers = [line.encode(x="at:Q")]
    if band:
        area = alt.Chart(_data([{"low": band[0], "high": band[1]}]))
        area = area.mark_rect(color="var(--muted)", opacity=0.16)
        layers.insert(0, area.encode(x="low:Q", x2="high:Q"))
    return layers


def _off_axis(
    axis: Frame, centres: dict[str, float], names: list[str], unit: str
) -> list[alt.Chart]:
    """An arrow with the number, at the edge, for each variant outside of the axis."""
    layers = []
    for name in axis.outside:
        left = centres[name] < axis.low
        number = wording.with_unit(wording.number(centres[name], 1), unit)
        text = f"◂ {number}" if left else f"{number} ▸"
        place = [{"variant": name, "at": axis.low if left else axis.high, "text": text}]
        mark = alt.Chart(_data(place)).mark_text(
            align="left" if left else "right",
            dx=4 if left else -4,
            color="var(--muted)",
            fontSize=12,
        )
        layers.append(mark.encode(x="at:Q", y=_rows(names), text="text:N"))
    return layers


def _panel(
    name: tuple[str, ...], title: str, layers: Sequence[alt.Chart], height: int, alt_text: str
) -> Panel:
    chart = alt.layer(*layers).properties(width="container", height=height)
    spec = chart.to_dict(validate=False)
    spec.pop("$schema", None)  # a page that is read offline names no address
    spec["config"] = palette.CONFIG
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    return Panel(name=_name(*name), title=title, spec=spec, height=height + 50, alt=alt_text)


def _name(question: str, *parts: str) -> str:
    """What a chart is called in exports: its question, and what it shows of it."""
    return f"{_plain(question)}/{_plain('-'.join(parts))}"


def _plain(text: str) -> str:
    """Fit for the name of a file; what is lost tells itself by a checksum."""
    plain = re.sub(r"[^A-Za-z0-9._=+-]+", "-", text)
    return plain if plain == text else f"{plain}-{zlib.crc32(text.encode()):08x}"


def _x(name: str, title: str, axis: Frame) -> alt.X:
    scale = alt.Scale(domain=axis.ends, nice=False, zero=False)
    return alt.X(f"{name}:Q").title(title).scale(scale).axis(tickCount=6)


def _rows(names: list[str]) -> alt.Y:
    lines = json.dumps({name: _lines_of(name) for name in names})
    axis = alt.Axis(labelExpr=f"{lines}[datum.value]", **_row_labels(names))
    return alt.Y("variant:N").sort(names).axis(axis).scale(domain=names)


def _row_labels(names: list[str]) -> dict[str, Any]:
    """How the names of rows are set: smaller where one takes several lines, and in the middle of its row."""
    lines = _most_lines(names)
    options: dict[str, Any] = {"title": None, "labelColor": "var(--text)", "labelLimit": 150}
    if lines > 1:
        offset = -(lines - 1) * _LINE / 2
        return options | {"labelFontSize": 10, "labelLineHeight": _LINE, "labelOffset": offset}
    return options | {"labelFontSize": 13}


def _height(names: list[str]) -> int:
    """Height in px of a chart with a row for each name."""
    return len(names) * max(ROW, _most_lines(names) * _LINE + 10)


def _most_lines(names: list[str]) -> int:
    found = map(_lines_of, names)
    return max((len(lines) for lines in found if isinstance(lines, list)), default=1)


def _lines_of(name: str) -> str | list[str]:
    """A name too long for the side of a chart, word by word: those of a matrix have a word for each setting."""
    return name.split(" ") if len(name) > _LONG_NAME and " " in name else name


def _colours(names: list[str]) -> alt.Color:
    palette_ = [palette.colour(position) for position in range(len(names))]
    return alt.Color("variant:N").scale(domain=names, range=palette_).legend(None)


def _shapes(names: list[str]) -> alt.Shape:
    """Circles, then squares for those whose colours come again."""
    shapes = [palette.shape(position) for position in range(len(names))]
    return alt.Shape("variant:N").scale(domain=names, range=shapes).legend(None)


def _dashes(names: list[str]) -> alt.StrokeDash:
    dashes = [list(palette.dash(position)) for position in range(len(names))]
    return alt.StrokeDash("variant:N").scale(domain=names, range=dashes).legend(None)


def _tooltip(*plain: str, **titled: str) -> list[alt.Tooltip]:
    kinds = {"variant": "N", "verdict": "N", "seed": "Q", "epoch": "Q"}
    tips = [alt.Tooltip(f"{name}:{kinds[name]}") for name in plain]
    return tips + [
        alt.Tooltip(f"{name}:Q").title(title).format(_NUMBER) for name, title in titled.items()
    ]


def _title(label: str, unit: str) -> str:
    return f"{label} ({unit})" if unit else label


def _capital(measure: Metric) -> str:
    """The label as a heading; a column of somebody's file is called as it is there."""
    label = measure.label
    return label if label == measure.name else label[:1].upper() + label[1:]


def _data(rows: Rows) -> alt.InlineData:
    """Rows with numbers as exact as a screen can show: all digits would double the page."""
    short = [{k: _short(v) if isinstance(v, float) else v for k, v in r.items()} for r in rows]
    with debug_mode(False):  # Altair would check every row
        return alt.InlineData(values=short)


def _short(value: float) -> float:
    rounded = float(f"{value:.6g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < _MOST_WHOLE else rounded


def _finite(value: float | None, scale: float) -> float | None:
    """JSON has no NaN: a number that is none is left out."""
    return None if value is None or not math.isfinite(value) else value * scale

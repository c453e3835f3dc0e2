"""How small networks are: accuracy against size, and how large the weights are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import altair as alt

from bench.analysis import wording
from bench.report.figures import axes, drawing, spoken
from bench.report.frame import Frame, frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.analysis import QuestionAnalysis
    from bench.analysis.sizes import By, Sizes
    from bench.report.blocks import Panel
    from bench.report.figures.drawing import Rows

_BIN: Final = 0.25  # of the probe's histogram, in powers of ten
_TICKS: Final = 4  # of a size
_FEW: Final = 0.0005  # share of the weights that cannot be seen in it


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
    ticks = [t for t in axes.log_ticks([least, most]) if least <= t <= most]
    x = alt.X("size:Q").title(f"{words}, log scale").scale(type="log", nice=False, padding=12)
    if (
        most - least < _TICKS
    ):  # else parts of a weight would be marked, with the numbers of whole ones
        ticks = list(range(math.ceil(least), math.floor(most) + 1))
    values = ticks if len(ticks) > 1 else alt.Undefined
    label = "~s" if most > 1.1 * least else ",d"  # far apart, or every digit counts
    x = x.axis(
        grid=False, values=values, tickCount=_TICKS, labelExpr=f"format(datum.value, '{label}')"
    )
    y = alt.Y("accuracy:Q").title("test accuracy (%)").axis(tickCount=5)
    y = y.scale(domain=axis.ends, nice=False, zero=False)
    tips = [
        *drawing.tooltip("variant", "seed", size=words, accuracy="test accuracy (%)"),
        alt.Tooltip("kind:N"),
    ]
    marks = {
        kind: alt.Chart(drawing.data(some))
        .mark_point(size=56, filled=kind == "trained", opacity=0.85, clip=True)
        .encode(x=x, y=y, color=drawing.colours(names), shape=drawing.shapes(names), tooltip=tips)
        for kind in ("trained", "pruned")
        if (some := [r for r in rows if r["kind"] == kind])
    }
    frontier = alt.Chart(drawing.data(line)).encode(x=x, y=y)
    frontier = frontier.mark_line(
        interpolate="step-after", color="var(--muted)", strokeWidth=1.5, clip=True
    )
    layers = [*([frontier] if line else []), *marks.values()]
    said = [f"{p.name} with {p.size:,.0f} at {100 * p.accuracy:.2f} %" for p in ends]
    trained = {
        name: [100 * n.accuracy for n in found.networks if n.variant == name and not n.pruned]
        for name in names
    }
    means = {name: sum(values) / len(values) for name, values in trained.items() if values}
    alt_text = (
        f"Test accuracy against {words}, a dot for each network: means {spoken.each(means, '%')}."
        f" Frontier: {spoken.some(said) or 'none'}."
    )
    name = (question.name, "accuracy", by)
    return drawing.panel(name, f"Accuracy against {words}", layers, 320, alt_text)


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
    listed = ", ".join(map(axes.quoted, names))
    axis = alt.Axis(
        values=[row + 0.7 for row in range(len(names))],
        grid=False,
        labelOverlap=False,
        labelExpr=drawing.in_lines(f"[{listed}][floor(datum.value)]"),
        **drawing.row_labels(names),
    )
    y = alt.Y("top:Q").axis(axis).scale(domain=[0, len(names)], reverse=True, nice=False)
    x = alt.X("from:Q").title("|w|, log scale").scale(scale).axis(format="~e", tickCount=6)
    colours = drawing.colours([v.name for v in question.variants])
    tips = [*drawing.tooltip("variant", share="share (%)"), alt.Tooltip("from:Q").format(".2~e")]
    layers = [
        alt.Chart(drawing.data(bars))
        .mark_rect(clip=True)
        .encode(
            x=x,
            x2="to:Q",
            y=y,
            y2="foot:Q",
            color=colours,
            tooltip=tips,
        ),
        alt.Chart(drawing.data(zeros))
        .mark_text(align="left", dx=4, fontSize=12, color="var(--muted)")
        .encode(x="at:Q", y=alt.Y("row:Q").axis(axis), text="text:N"),
    ]
    heading = "How large the weights are"
    said = [f"{name} near {_mode(found.histograms[name])}{_zeros(found, name)}" for name in names]
    alt_text = f"Histograms of |w|, most weights of: {spoken.some(said)}."
    return drawing.panel(
        (question.name, "magnitudes"), heading, layers, drawing.height(names), alt_text
    )


def _zeros(found: Sizes, name: str) -> str:
    zero = found.means[name]["exact_zeros"].value
    return f" ({100 * zero:.1f} % are 0)" if zero else ""


def _mode(histogram: Mapping[float, float]) -> str:
    """The middle of the fullest bin."""
    return f"{10 ** (max(histogram, key=lambda k: histogram[k]) + _BIN / 2):.1e}"

"""What charts have in common: data, axes, colours, names and tooltips."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import altair as alt
from altair.utils.schemapi import debug_mode

from bench.analysis import wording
from bench.report import naming, palette
from bench.report.blocks import Key, Panel
from bench.report.figures import spoken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from bench.frames import Metric
    from bench.report.frame import Frame

ROW: Final = 34  # px per variant in charts with a row for each
_LONG_NAME: Final = 24  # characters beside a row
_LINE: Final = 11  # px, where a name takes several lines
_NUMBER: Final = ".4~r"
_IS_SHOWN: Final = "indexof(hidden, datum.variant) < 0"
_MOST_WHOLE: Final = 2**53  # not every reader of JSON takes larger ones as whole: they stay floats

Rows = list[dict[str, Any]]


def panel(
    name: tuple[str, ...],
    title: str,
    layers: Sequence[alt.Chart],
    height: int,
    alt_text: str,
    *,
    params: Sequence[alt.Parameter] = (),
    datasets: Mapping[str, Rows] | None = None,
) -> Panel:
    """Layers as one chart, of which variants can be hidden.

    name: its question, and what it shows of it. alt_text: what it says of it. datasets: those that layers
    call by name, since Altair would copy them again and again.
    """
    hidden = alt.param(name="hidden", value=[])
    chart = alt.layer(*layers).properties(width="container", height=height)
    with debug_mode(False):  # titles that follow a switch are valid, but not to Altair
        spec = chart.add_params(hidden, *params).to_dict(validate=False)
    spec.pop("$schema", None)  # a page that is read offline names no address
    for layer in spec["layer"]:
        if layer.get("encoding", {}).get("color", {}).get("field") == "variant":
            layer["transform"] = [{"filter": _IS_SHOWN}, *layer.get("transform", ())]
    if datasets:
        spec.setdefault("datasets", {}).update(datasets)
    spec["config"] = palette.CONFIG
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    said = spoken.of_question(name[0], alt_text)
    return Panel(name=naming.path(*name), title=title, spec=spec, height=height + 50, alt=said)


def along(name: str, title: str | list[str], axis: Frame) -> alt.X:
    """A number on a horizontal axis."""
    scale = alt.Scale(domain=axis.ends, nice=False, zero=False)
    return alt.X(f"{name}:Q").title(title).scale(scale).axis(tickCount=6)


def rows(names: list[str]) -> alt.Y:
    """A row for each variant, from above."""
    axis = alt.Axis(labelExpr=in_lines("datum.value"), **row_labels(names))
    return alt.Y("variant:N").sort(None).axis(axis).scale(domain=names)


def row_labels(names: list[str]) -> dict[str, Any]:
    """How the names of rows are set: smaller where one takes several lines, and in the middle of its row."""
    lines = _most_lines(names)
    options: dict[str, Any] = {"title": None, "labelColor": "var(--text)", "labelLimit": 150}
    if lines > 1:
        offset = -(lines - 1) * _LINE / 2
        return options | {"labelFontSize": 10, "labelLineHeight": _LINE, "labelOffset": offset}
    return options | {"labelFontSize": 13}


def height(names: list[str]) -> int:
    """Height in px of a chart with a row for each name."""
    return len(names) * max(ROW, _most_lines(names) * _LINE + 10)


def _most_lines(names: list[str]) -> int:
    found = map(lines_of, names)
    return max((len(lines) for lines in found if isinstance(lines, list)), default=1)


def lines_of(name: str) -> str | list[str]:
    """A name too long for the side of a chart, word by word: those of a matrix have a word for each setting."""
    return name.split(" ") if len(name) > _LONG_NAME and " " in name else name


def in_lines(name: str) -> str:
    """An expression for ``lines_of`` of a name, which is an expression itself."""
    return (
        f"length({name}) > {_LONG_NAME} && indexof({name}, ' ') >= 0 ? split({name}, ' ') : {name}"
    )


def keys(names: Sequence[str], at: Sequence[int] = (), *, lines: bool = True) -> tuple[Key, ...]:
    """A legend of variants; at: their places in the question, which make their looks."""
    return tuple(
        Key(name, palette.colour(i), palette.shape(i), palette.dash(i) if lines else ())
        for name, i in zip(names, at or range(len(names)), strict=True)
    )


def colours(names: Sequence[str], at: Sequence[int] = ()) -> alt.Color:
    """The colour of each variant, the same on the whole page; the legend is the figure's."""
    looks = [key.colour for key in keys(names, at)]
    return alt.Color("variant:N").scale(domain=list(names), range=looks).legend(None)


def shapes(names: Sequence[str], at: Sequence[int] = ()) -> alt.Shape:
    """Circles, then squares for those whose colours come again."""
    looks = [key.shape for key in keys(names, at)]
    return alt.Shape("variant:N").scale(domain=list(names), range=looks).legend(None)


def dashes(names: Sequence[str], at: Sequence[int] = ()) -> alt.StrokeDash:
    """The dashes of each variant's line."""
    looks = [list(key.dash) for key in keys(names, at)]
    return alt.StrokeDash("variant:N").scale(domain=list(names), range=looks).legend(None)


def tooltip(*plain: str, **titled: str) -> list[alt.Tooltip]:
    """What is said on pointing: plain fields, and numbers with their titles."""
    kinds = {"variant": "N", "verdict": "N", "seed": "Q", "epoch": "Q"}
    tips = [alt.Tooltip(f"{name}:{kinds[name]}") for name in plain]
    return tips + [
        alt.Tooltip(f"{name}:Q").title(title).format(_NUMBER) for name, title in titled.items()
    ]


def title(label: str, unit: str) -> str:
    """The title of an axis."""
    return f"{label} ({unit})" if unit else label


def capital(measure: Metric) -> str:
    """The label as a heading; a column of somebody's file is called as it is there."""
    label = measure.label
    return label if label == measure.name else label[:1].upper() + label[1:]


def off_axis(
    axis: Frame, centres: dict[str, float], names: list[str], unit: str
) -> list[alt.Chart]:
    """An arrow with the number, at the edge, for each variant outside of the axis."""
    layers = []
    for name in axis.outside:
        left = centres[name] < axis.low
        number = wording.with_unit(wording.number(centres[name], 1), unit)
        text = f"◂ {number}" if left else f"{number} ▸"
        place = [{"variant": name, "at": axis.low if left else axis.high, "text": text}]
        mark = alt.Chart(data(place)).mark_text(
            align="left" if left else "right",
            dx=4 if left else -4,
            color="var(--muted)",
            fontSize=12,
        )
        layers.append(mark.encode(x="at:Q", y=rows(names), text="text:N"))
    return layers


def data(rows: Rows) -> alt.InlineData:
    """Rows with numbers as exact as a screen can show: all digits would double the page."""
    short = [{k: _short(v) if isinstance(v, float) else v for k, v in r.items()} for r in rows]
    with debug_mode(False):  # Altair would check every row
        return alt.InlineData(values=short)


def numbers(values: pd.Series[float], digits: int = 6) -> list[float | None]:
    """So many digits of each; None for what is no number."""
    return [_short(v, digits) if math.isfinite(v) else None for v in values.tolist()]


def _short(value: float, digits: int = 6) -> float:
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < _MOST_WHOLE else rounded


def finite(value: float | None, scale: float) -> float | None:
    """JSON has no NaN: a number that is none is left out."""
    return None if value is None or not math.isfinite(value) else value * scale

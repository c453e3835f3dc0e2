"""What the images of each class are taken for, of one variant at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import altair as alt

from bench.report import naming
from bench.report.blocks import Option, Switch
from bench.report.figures import drawing, spoken

if TYPE_CHECKING:
    import pandas as pd

    from bench.analysis import QuestionAnalysis
    from bench.report.blocks import Panel
    from bench.report.figures.drawing import Rows

_SIDE: Final = 30  # px of a row
_SEEN: Final = 0.05  # %, below which a cell is left empty
_LISTED: Final = 3  # confusions that the words name


def confusions(question: QuestionAnalysis, found: pd.DataFrame) -> list[Panel]:
    """Two variants beside each other, the baseline first; each can be exchanged for any other.

    found: the rows of the frame ``confusions`` of this question.
    """
    rows: Rows = []
    for name, one in found.groupby("variant", sort=False):
        columns = {"class": "label", "predicted": "predicted"}
        row = {key: one[column].astype(int).tolist() for column, key in columns.items()}
        rows.append({"variant": name, **row, "share": drawing.numbers(100 * one.share, 4)})
    position = {v.name: i for i, v in enumerate(question.variants)}
    options = tuple(
        Option(str(position[row["variant"]]), row["variant"], _alt_text(row)) for row in rows
    )
    rows = [{**row, "variant": str(position[row["variant"]])} for row in rows]
    return [_panel(question, rows, options, at) for at in range(min(2, len(rows)))]


def _panel(question: QuestionAnalysis, rows: Rows, options: tuple[Option, ...], at: int) -> Panel:
    """The matrix of a variant at first; the colour is that of errors, on one scale for all variants."""
    worst = max((s for row in rows for s in _wrong(row)), default=0.0) or 1.0
    classes = sorted({*rows[0]["label"], *rows[0]["predicted"]})
    axis = {"grid": False, "ticks": False, "domain": False, "labelPadding": 6}
    x = (
        alt.X("predicted:O")
        .sort(classes)
        .title("taken for")
        .axis(labelAngle=0, orient="top", **axis)
    )
    y = alt.Y("label:O").sort(classes).title("class").axis(**axis)
    chart = (
        alt.Chart(drawing.data(rows))
        .transform_filter("datum.variant == y")
        .transform_flatten(["label", "predicted", "share"])
        .encode(x=x, y=y)
    )
    tips = [
        alt.Tooltip("label:O").title("class"),
        alt.Tooltip("predicted:O").title("taken for"),
        *drawing.tooltip(share="images of the class (%)"),
    ]
    strength = alt.Opacity("share:Q").scale(
        type="sqrt", domain=[0, worst], range=[0, 0.75], clamp=True
    )
    wrong = "datum.label != datum.predicted"
    cells = chart.transform_filter(wrong).mark_rect(color="var(--bad)", cornerRadius=2)
    right = chart.transform_filter("datum.label == datum.predicted")
    seen = chart.transform_filter(f"{wrong} && datum.share >= {_SEEN}")
    text = alt.Text("share:Q").format(".1f")
    layers = [
        cells.encode(opacity=strength.legend(None), tooltip=tips),
        right.mark_rect(color="var(--grid)", cornerRadius=2).encode(tooltip=tips),
        right.mark_text(fontSize=11, fontWeight="bold", color="var(--text)").encode(text=text),
        seen.mark_text(fontSize=11, color="var(--text)").encode(text=text),
    ]
    shown = options[at]
    name = (question.name, "confusions", shown.text)
    params = [alt.param(name="y", value=shown.value)]
    height = _SIDE * len(classes)
    made = drawing.panel(name, shown.text, layers, height, shown.alt, params=params)
    rest = options[2:] if at == 0 else ()
    return replace(
        made,
        choice=Switch("y", "Variant", shown.value, spoken.options(question.name, options))
        if len(options) > 1
        else None,
        more=tuple(
            (naming.path(question.name, "confusions", option.text), {"y": option.value})
            for option in rest
        ),
    )


def _wrong(row: dict[str, list[float]]) -> list[float]:
    cells = zip(row["label"], row["predicted"], row["share"], strict=True)
    return [share for label, predicted, share in cells if label != predicted]


def _alt_text(row: dict[str, list[float]]) -> str:
    cells = zip(row["share"], row["label"], row["predicted"], strict=True)
    worst = sorted((cell for cell in cells if cell[1] != cell[2] and cell[0]), reverse=True)
    said = [
        f"{share:.1f} % of class {label} for {predicted}"
        for share, label, predicted in worst[:_LISTED]
    ]
    right = [
        s for s, a, b in zip(row["share"], row["label"], row["predicted"], strict=True) if a == b
    ]
    return (
        f"what {row['variant']} takes the test images of each class for: right for"
        f" {sum(right) / max(len(right), 1):.1f} % on average over classes; most often wrong:"
        f" {'; '.join(said) or 'none'}."
    )

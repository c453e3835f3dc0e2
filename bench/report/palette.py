"""Colours, in one place: charts name them as CSS variables, so that a page changes theme at once.

Variants: in the order of a question, the baseline first. Chosen from Okabe and Ito (2008), darkened
or lightened until each has a contrast of 3:1 with the page; lines also differ in their dashes.
"""

from __future__ import annotations

from typing import Any, Final

LIGHT: Final = (
    "#0072b2", "#d55e00", "#00805f", "#a8479a", "#8a6d00", "#5d6b7a", "#b3002d", "#3d7edb",
)  # fmt: skip
DARK: Final = (
    "#56b4e9", "#ff9350", "#2fc79a", "#e592d6", "#e0c04a", "#aab6c4", "#ff7a8f", "#8fb4ff",
)  # fmt: skip
DASHES: Final = ((1, 0), (6, 2), (2, 2), (8, 2, 2, 2), (4, 4), (10, 3), (1, 3), (6, 2, 1, 2))

SHAPES: Final = ("circle", "square", "diamond")

_TEXT = {"labelColor": "var(--muted)", "titleColor": "var(--muted)"}
CONFIG: Final[dict[str, Any]] = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "view": {"stroke": "transparent"},
    "axis": {
        **_TEXT,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": "var(--grid)",
        "domainColor": "var(--rule)",
        "tickColor": "var(--rule)",
    },
    "axisY": {"domain": False, "ticks": False, "labelPadding": 6},
}


def colour(position: int) -> str:
    """The colour of a question's variant, as CSS."""
    return f"var(--c{position % len(LIGHT)})"


def dash(position: int) -> tuple[int, ...]:
    """The dashes of its line: others than those of the line whose colour it shares."""
    return DASHES[(position + position // len(LIGHT)) % len(DASHES)]


def shape(position: int) -> str:
    """The shape of its dots, where colours alone would not do."""
    return SHAPES[position // len(LIGHT) % len(SHAPES)]


def level(position: int) -> str:
    """The colour of a setting's level: no variant's."""
    return ("var(--text)", "var(--muted)")[position % 2]

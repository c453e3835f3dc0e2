"""Figures as files for papers and wikis: one SVG each, from which PDF and PNG are made, by vl-convert."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

from bench.report import templating, vega
from bench.report.blocks import Figure, Pictures, Topologies, parts
from bench.report.own import Own
from bench.report.render import environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bench.report.blocks import Block, Key

Kind = Literal["pdf", "svg", "png"]
Shown = Figure | Pictures | Topologies

COLUMN: Final = 240  # pt: the column of a paper of two (85 mm)
_DRAWN: Final = 360  # px that a chart is drawn in, so that its 12 px become 8 pt there
_SCALE: Final = COLUMN / _DRAWN
_DPI: Final = 300
_FONT: Final = "Helvetica, Arial, 'Liberation Sans', sans-serif"
_LETTER: Final = 6.5  # px, on average
_SYMBOL: Final = 40  # px of a legend's symbol and the room around it
_LEFT: Final = (r"\u25c2", r"\u2190")  # arrows that the font of vl-convert has, as JSON writes them
_RIGHT: Final = (r"\u25b8", r"\u2192")
_SIZE: Final = re.compile(r'<svg([^>]*?) width="([\d.]+)"([^>]*?) height="([\d.]+)"')


@dataclass(frozen=True)
class Drawing:
    """A figure by itself: its stable name, what it shows in words, and an SVG as wide as 360 px."""

    name: str
    alt: str
    svg: str


def figures_in(blocks: Iterable[Block]) -> list[Shown]:
    """Every figure in these blocks, those inside folds too."""
    whole = tuple(blocks)
    return [*parts(whole, Figure), *parts(whole, Pictures), *parts(whole, Topologies)]


def drawings_of(block: Shown) -> Iterator[Drawing]:
    """What a block shows, one by one."""
    if isinstance(block, Figure):
        for panel in block.panels:
            for name, spec in panel.stills().items():
                yield Drawing(name, panel.texts()[name], _chart(spec, panel.legend or block.legend))
        return
    template = "pictures.svg" if isinstance(block, Pictures) else "topology.svg"
    for item in block.items:
        values = {"item": item, "colours": _colours(), "width": _DRAWN}
        svg = templating.render(environment(), f"paper/{template}", Own(), **values)
        yield Drawing(item.name, item.alt, svg)


def converted(svg: str, kind: Kind) -> bytes:
    """A drawing as the content of a file, as wide as a column: 240 pt; PNG with 300 dots per inch."""
    import vl_convert

    if kind == "png":
        png: bytes = vl_convert.svg_to_png(svg, scale=_SCALE, ppi=_DPI)
        return png
    if kind == "pdf":
        pdf: bytes = vl_convert.svg_to_pdf(_resized(svg, ""))  # its px are the PDF's pt
        return pdf
    return _resized(svg, "pt").encode()


def _chart(spec: dict[str, Any], legend: tuple[Key, ...]) -> str:
    spec["width"] = _DRAWN
    spec["config"] = {**spec["config"], "font": _FONT, "background": "white"}
    spec["padding"] = {"left": 2, "top": 6, "right": 12, "bottom": 4}
    if legend:
        _add_legend(spec, legend)
    text = re.sub(r"var\(--([\w-]+)\)", lambda found: _colours()[found[1]], json.dumps(spec))
    text = text.replace(*_LEFT).replace(*_RIGHT)
    return vega.svg(text)


def _add_legend(spec: dict[str, Any], keys: tuple[Key, ...]) -> None:
    """On the page the legend stands beside the chart; in a file it is below it."""
    names = [key.name for key in keys]
    lines = any(key.dash for key in keys)
    legend = {
        "orient": "bottom",
        "offset": 4,
        "title": None,
        "columns": max(1, int(_DRAWN // (_LETTER * max(map(len, names)) + _SYMBOL))),
        "labelLimit": _DRAWN - _SYMBOL,
        "labelFontSize": 12,
        "symbolOpacity": 1,
        "values": names,
        **({"symbolType": "stroke", "symbolSize": 300, "symbolStrokeWidth": 2} if lines else {}),
    }
    if lines:  # their dots would have the legend show dots
        spec["resolve"] = {"legend": {"shape": "independent"}}
    for layer in spec["layer"]:
        for channel in ("color", "strokeDash" if lines else "shape"):
            encoded: Mapping[str, Any] = layer.get("encoding", {}).get(channel, {})
            if set(names) <= set(encoded.get("scale", {}).get("domain", ())):
                layer["encoding"][channel] = {**encoded, "legend": legend}


@cache
def _colours() -> dict[str, str]:
    """Those of a light page, by name, from its style."""
    from bench.report import palette

    style = templating.render(
        environment(), "style.css", Own(), light=palette.LIGHT, dark=palette.DARK
    )
    light = style[style.index(":root") :].partition("}")[0]
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-fA-F]+)", light))


def _resized(svg: str, unit: str) -> str:
    """As wide as a column; what was drawn is scaled by its view box."""

    def sized(found: re.Match[str]) -> str:
        before, width, between, height = found.groups()
        sizes = [f'"{_SCALE * float(size):.4g}{unit}"' for size in (width, height)]
        return f"<svg{before} width={sizes[0]}{between} height={sizes[1]}"

    return _SIZE.sub(sized, svg, count=1)

"""What a page is made of. Sections arrange these; a template of the same name formats each.

A block holds text and numbers that are already rounded, never markup: templates escape everything.
"""

from __future__ import annotations

import base64
import copy
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Block:
    """Something on the page; ``template`` names its file in ``report_templates/blocks``, and without its
    ending that for other formats.
    """

    template: ClassVar[str]


@dataclass(frozen=True)
class Section(Block):
    """A part of the page with a heading. Those on the page itself make the table of contents."""

    template: ClassVar[str] = "section.html"
    anchor: str
    title: str
    blocks: tuple[Block, ...]
    lead: str = ""
    level: int = 2


@dataclass(frozen=True)
class Prose(Block):
    """Paragraphs of plain text."""

    template: ClassVar[str] = "prose.html"
    paragraphs: tuple[str, ...]
    kind: str = "text"
    """``text``, ``ask`` (a question as it was put), ``answer`` (its headline) or ``note``."""


@dataclass(frozen=True)
class Markdown(Block):
    """Free text of a suite: Markdown with formulas, see ``bench.report.markdown``."""

    template: ClassVar[str] = "markdown.html"
    text: str


@dataclass(frozen=True)
class Finding(Block):
    """A sentence with a verdict in front; ``says`` is the claim it is about, if any."""

    template: ClassVar[str] = "finding.html"
    verdict: str
    sentence: str
    says: str = ""
    anchor: str = ""
    href: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Findings(Block):
    """A list of findings."""

    template: ClassVar[str] = "findings.html"
    items: tuple[Finding, ...]


@dataclass(frozen=True)
class AnswerCard(Block):
    """A question with its answer in one sentence, as the first screen shows it."""

    template: ClassVar[str] = "answer_card.html"
    title: str
    href: str
    headline: str
    tally: tuple[tuple[str, int], ...]
    """Verdicts of the question's claims with how many there are of each."""


@dataclass(frozen=True)
class Tally(Block):
    """Verdicts with how many there are of each, to be seen at a glance."""

    template: ClassVar[str] = "tally.html"
    what: str
    """``38 conclusions``."""
    counts: tuple[tuple[str, int], ...]
    href: str


@dataclass(frozen=True)
class Cell:
    """One cell: text, and how to show it."""

    text: str
    kind: str = "text"
    """``text``, ``number``, ``verdict`` or ``variant``."""
    colour: int | None = None
    """Number of the variant's colour."""
    mark: str = ""
    """A verdict, shown as its sign beside the text."""
    href: str = ""


@dataclass(frozen=True)
class Column:
    """A heading with, where it is a term, its meaning."""

    title: str
    meaning: str = ""
    kind: str = "text"


@dataclass(frozen=True)
class Table(Block):
    """Rows under headings; the first cell of a row names it, and a lone cell heads a group.

    stacked: on a phone, the cells of a row stand below what names it, each with its heading.
    """

    template: ClassVar[str] = "table.html"
    name: str
    """What exports call it, such as ``learning-rates/comparisons``; a report has each once."""
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    stacked: bool = False

    @property
    def grouped(self) -> bool:
        """Whether some rows are headings of groups."""
        return any(len(row) == 1 for row in self.rows)

    @property
    def marked(self) -> frozenset[int]:
        """Columns in which verdicts stand beside the text."""
        return frozenset(place for row in self.rows for place, cell in enumerate(row) if cell.mark)


@dataclass(frozen=True)
class Option:
    """One setting of a switch.

    alt: what the chart says with it, in words; log: whether its axis is then logarithmic at first.
    """

    value: str
    text: str
    alt: str = ""
    log: bool | None = None


@dataclass(frozen=True)
class Switch:
    """A control that sets a signal of the charts that it stands above; without options, a box to tick.

    signal: a parameter of the specifications that gives the setting at first, by its value there.
    """

    signal: str
    label: str
    value: str | bool
    options: tuple[Option, ...] = ()


@dataclass(frozen=True)
class Key:
    """An entry of a legend, which hides and shows what it names: the look of its line and dots.

    colour: as CSS; dash: of its line, in px; none if there are only dots.
    """

    name: str
    colour: str
    shape: str
    dash: tuple[int, ...] = ()


@dataclass(frozen=True)
class Panel:
    """One chart: a Vega-Lite specification of flexible width, and its height in px.

    name: what exports call it, such as ``learning-rates/seeds``; a report has each once.
    legend: if it has one of its own; term: what that lists.
    choice: what takes the place of the title, if there is more than one thing to be shown.
    more: names of what else it shows, with the settings that show it.
    """

    name: str
    title: str
    spec: dict[str, Any] = field(repr=False)
    height: int
    alt: str
    legend: tuple[Key, ...] = ()
    term: str = ""
    choice: Switch | None = None
    switches: tuple[Switch, ...] = ()
    more: tuple[tuple[str, dict[str, Any]], ...] = ()

    @property
    def datasets(self) -> dict[str, Any]:
        """The data of the specification by name; panels of a figure can share them."""
        return self.spec.get("datasets") or {}

    def stills(self) -> dict[str, dict[str, Any]]:
        """What it shows as specifications for print, by name: what can be seen, and nothing on demand."""
        shown = ((self.name, {}), *self.more)
        return {name: self._still(settings) for name, settings in shown}

    def texts(self) -> dict[str, str]:
        """What each of them says, by name."""
        shown = {self.name: self.alt}
        for name, settings in self.more:
            chosen = self.choice and settings.get(self.choice.signal)
            alts = [o.alt for o in self.choice.options if o.value == chosen] if self.choice else []
            shown[name] = alts[0] if alts else self.alt
        return shown

    def _still(self, settings: dict[str, Any]) -> dict[str, Any]:
        seen = [layer for layer in self.spec["layer"] if not _is_unseen(layer)]
        params = [
            {**p, "value": settings[p["name"]]} if p["name"] in settings else p
            for p in self.spec.get("params", ())
        ]
        still = {**self.spec, "layer": seen, **({"params": params} if params else {})}
        used = {part.get("data", {}).get("name") for part in (self.spec, *seen)}
        if self.datasets:
            still["datasets"] = {k: rows for k, rows in self.datasets.items() if k in used}
        return copy.deepcopy(still)


ON_DEMAND: Final = "on-demand"
"""How the name of a layer begins that is only drawn on request."""


def _is_unseen(layer: dict[str, Any]) -> bool:
    """Whether a layer is there for its tooltips alone, or on request."""
    opacity: object = layer.get("encoding", {}).get("opacity", {}).get("value")
    return opacity == 0 or layer.get("name", "").startswith(ON_DEMAND)


@dataclass(frozen=True)
class Figure(Block):
    """Charts side by side with one legend and one caption.

    legend: of all its charts.
    switches: of all its charts at once.
    """

    template: ClassVar[str] = "figure.html"
    anchor: str
    caption: str
    panels: tuple[Panel, ...]
    legend: tuple[Key, ...] = ()
    switches: tuple[Switch, ...] = ()

    @property
    def datasets(self) -> dict[str, Any]:
        """The data of all its panels, each once."""
        return {name: rows for panel in self.panels for name, rows in panel.datasets.items()}


@dataclass(frozen=True)
class Picture:
    """A small picture, enlarged on the page without smoothing; ``name`` as a chart's."""

    name: str
    title: str
    png: bytes = field(repr=False)
    alt: str

    @property
    def source(self) -> str:
        """Its content as an address."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


@dataclass(frozen=True)
class Pictures(Block):
    """Pictures side by side with one caption."""

    template: ClassVar[str] = "pictures.html"
    anchor: str
    caption: str
    items: tuple[Picture, ...]


@dataclass(frozen=True)
class Node:
    """A process in the picture of a network; ``hub``: the one that all others speak with."""

    x: float
    y: float
    label: str
    hub: bool


@dataclass(frozen=True)
class Edge:
    """A connection, with what goes over it; ``both``: in both directions."""

    x1: float
    y1: float
    x2: float
    y2: float
    label: str
    both: bool


@dataclass(frozen=True)
class Topology:
    """Who speaks with whom, as a drawing around the origin, 340 wide and 270 high; ``name`` as a chart's."""

    name: str
    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    alt: str


@dataclass(frozen=True)
class Topologies(Block):
    """Such drawings side by side with one caption."""

    template: ClassVar[str] = "topologies.html"
    anchor: str
    caption: str
    items: tuple[Topology, ...]


@dataclass(frozen=True)
class Facts(Block):
    """Terms with what there is to say of each."""

    template: ClassVar[str] = "facts.html"
    items: tuple[tuple[str, str], ...]
    anchors: tuple[str, ...] = ()
    """What each is called in an address; empty where none needs one."""


@dataclass(frozen=True)
class Fold(Block):
    """Something that opens on demand."""

    template: ClassVar[str] = "fold.html"
    summary: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Code(Block):
    """Text shown as it is, in a fixed-width font."""

    template: ClassVar[str] = "code.html"
    text: str
    label: str


def parts(of: object, kind: type[Kind]) -> Iterator[Kind]:
    """All parts of a block that are of a kind: its texts, or its columns; not what is shown as code."""
    if isinstance(of, kind):
        yield of
    elif isinstance(of, tuple):
        for inner in of:
            yield from parts(inner, kind)
    elif is_dataclass(of) and not isinstance(of, Code):
        for one in fields(of):
            yield from parts(getattr(of, one.name), kind)

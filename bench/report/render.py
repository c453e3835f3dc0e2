"""Blocks to one HTML file: templates, style, charts and their library inside, nothing to fetch."""

from __future__ import annotations

import base64
import gzip
import hashlib
import itertools
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from bench import files
from bench.report import glossary, markdown, palette, templating, vega
from bench.report.blocks import Block, Figure, Panel, Section, parts
from bench.report.contents import contents
from bench.report.own import Own

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment

    from bench.analysis import Analysis
    from bench.report.glossary import Term

_TIES: Final = re.compile(
    r"(?<=\d) (?=%|s\b|epochs?\b|seeds?\b|points?\b|percentage\b|nats\b)"
    r"|(?<=%) (?=CI\b)|(?<=\bp) (?=[=<])|(?<=[=<]) (?=\.)"
)
_WATCHING: Final = "watching"  # what the script is called that loads the page anew
_STATIC_WIDTH: Final = 480  # px of a chart where no script runs
_STATIC_PANELS: Final = 40  # more pictures, or of more rows, would make the page too large
_STATIC_ROWS: Final = 5_000
_NO_PICTURE: Final = Markup("<p>This chart needs JavaScript.</p>")


def write_report(
    analysis: Analysis,
    path: str | Path,
    *,
    own: Own = Own(),  # noqa: B008  # it is frozen
    watching: bool = False,
) -> Path:
    """Write the report as one HTML file and return its path.

    Args:
        analysis: of a run, perhaps one that goes on.
        path: of the file, which is there whole or not at all.
        own: a user's templates and sections.
        watching: the page loads itself anew every few seconds, because it will be written again.

    Raises:
        UsageError: the file cannot be written, or what the user adds to the report is wrong.
    """
    return write_whole(Path(path), render(analysis, own=own, watching=watching))


def render(analysis: Analysis, *, own: Own = Own(), watching: bool = False) -> str:  # noqa: B008
    """The report as HTML text."""
    suite = analysis.suite
    blocks = contents(analysis, own)
    return page(suite.title, blocks, source=suite.source, own=own, watching=watching)


def page(
    title: str,
    blocks: list[Block],
    *,
    source: str | None = None,
    own: Own = Own(),  # noqa: B008
    watching: bool = False,
) -> str:
    """Blocks as HTML text, with their glossary; the library for charts is in it if there are charts."""
    terms = glossary.of(blocks)
    blocks = [*blocks, glossary.section(terms, blocks)]
    env = environment(own, terms)
    scripts = {"page": templating.render(env, "page.js", own)}
    if any(parts(tuple(blocks), Figure)):
        scripts = {"charts": vega.script(), **scripts}
    if watching:
        scripts[_WATCHING] = templating.render(env, "watch.js", own)
    return templating.render(
        env,
        "page.html",
        own,
        title=title,
        source=source,
        blocks=blocks,
        contents=[block for block in blocks if isinstance(block, Section)],
        light=palette.LIGHT,
        dark=palette.DARK,
        scripts={name: Markup(text) for name, text in scripts.items()},  # noqa: S704  # no data
        allowed=Markup(" ".join(map(_hash, scripts.values()))),  # noqa: S704
    )


def write_whole(path: Path, text: str) -> Path:
    """Write a text file that is there whole or not at all, and return its path.

    Raises:
        UsageError: it cannot be written.
    """
    return files.write(path.parent, path.name, text, what="report")


def stop_watching(path: Path) -> None:
    """Take out of a page what loads it anew, since it will not be written again."""
    script = rf'<script id="script-{_WATCHING}">.*?</script>\n?'
    with os.fdopen(files.opened(path), encoding="utf-8") as file:
        text = file.read()
    write_whole(path, re.sub(script, "", text, flags=re.DOTALL))


def _hash(script: str) -> str:
    """What a content security policy calls a script that may run."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def environment(own: Own = Own(), terms: Sequence[Term] = ()) -> Environment:  # noqa: B008
    """The templates of the page.

    terms: those of the glossary, which the headings of tables lead to.
    """
    env = templating.environment("html", own)
    env.filters |= {
        "tied": _tied,
        "markdown": markdown.to_html,
        "beyond": _beyond,
        "script": _script,
    }
    env.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "sort_keys": True}
    pictures = itertools.count(1)

    def static_svg(panel: Panel) -> Markup:
        return _static_svg(panel) if next(pictures) <= _STATIC_PANELS else _NO_PICTURE

    meanings = {heading: term.anchor for term in terms for heading in term.headings}
    env.globals.update(static_svg=static_svg, meanings=meanings)
    return env


def _tied(text: str) -> str:
    """The same text with numbers and their units, and p and its value, kept on one line."""
    return _TIES.sub("\N{NO-BREAK SPACE}", text)


def _script(content: dict[str, Any], name: str) -> Markup:
    """Content as JSON in a script element that no browser runs; packed where that is shorter."""
    text = htmlsafe_json_dumps(content, separators=(",", ":"), sort_keys=True)
    packed = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
    kind, inside = ("gzip", packed) if len(packed) < len(text) else ("json", text)
    element = f'<script type="application/{kind}" class="{name}">{inside}</script>'
    return Markup(element)  # noqa: S704  # base64, or JSON fit for HTML


def _beyond(spec: dict[str, Any], first: dict[str, Any] | None) -> dict[str, Any]:
    """A specification without its data, which stands beside it; after a first one, without what is the same.

    Of one that differs from the first in the values of parameters alone, these parameters are left.
    """
    own = {key: part for key, part in spec.items() if key != "datasets"}
    if first is None:
        return own
    known = {p["name"]: p for p in first["params"]}
    alike = all(first.get(key) == part for key, part in own.items() if key != "params")
    if not alike or known.keys() != {p["name"] for p in own["params"]}:
        return own
    return {"params": [p for p in own["params"] if p != known[p["name"]]]}


def _static_svg(panel: Panel) -> Markup:
    """The chart as a picture, for readers without JavaScript."""
    if not isinstance(panel, Panel):  # a template calls this, with what it likes
        raise TypeError("static_svg draws a panel of a figure, nothing else")
    spec = panel.stills()[panel.name]
    if sum(map(_size, spec.get("datasets", {}).values())) > _STATIC_ROWS:
        return _NO_PICTURE
    spec["width"] = _STATIC_WIDTH
    spec["config"]["aria"] = False  # the place of the chart says what it shows
    return Markup(vega.svg(spec))  # noqa: S704


def _size(rows: list[dict[str, Any]]) -> int:
    """How many rows there are to be drawn, of which some lie as lists in one."""
    return sum(
        max((len(v) for v in row.values() if isinstance(v, list)), default=1) for row in rows
    )

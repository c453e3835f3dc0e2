"""Blocks to one HTML file: templates, style, charts and their library inside, nothing to fetch."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import itertools
import os
import re
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench import resources
from bench.errors import UsageError
from bench.report import markdown, palette
from bench.report.blocks import Block, Section
from bench.report.sections import conditions, datasets, methods, questions, summary

if TYPE_CHECKING:
    from bench.analysis import Analysis
    from bench.report.blocks import Panel

SECTIONS: Final = (summary, datasets, questions, conditions, methods)
_TIES: Final = re.compile(
    r"(?<=\d) (?=%|s\b|epochs?\b)|(?<=%) (?=CI\b)|(?<=\bp) (?=[=<])|(?<=[=<]) (?=\.)"
)
_STATIC_WIDTH: Final = 480  # px of a chart where no script runs
_STATIC_PANELS: Final = 40  # more pictures, or of more rows, would make the page too large
_STATIC_ROWS: Final = 5_000
_NO_PICTURE: Final = Markup("<p>This chart needs JavaScript.</p>")


def write_report(analysis: Analysis, path: str | Path) -> Path:
    """Write the report as one HTML file and return its path.

    Raises:
        UsageError: the file cannot be written.
    """
    path, html = Path(path), render(analysis)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            "the report cannot be written",
            where=str(path),
            expected="a file that can be written",
            found=error.strerror or str(error),
            hint="choose another with -o",
        ) from None
    return path


def render(analysis: Analysis) -> str:
    """The report as HTML text."""
    blocks = [block for section in SECTIONS for block in section.build(analysis) or ()]
    env = environment()
    scripts = [Markup(_charts_library()), Markup(env.get_template("page.js").render())]  # noqa: S704
    return env.get_template("page.html").render(
        suite=analysis.suite,
        blocks=blocks,
        contents=[block for block in blocks if isinstance(block, Section)],
        light=palette.LIGHT,
        dark=palette.DARK,
        scripts=scripts,  # vl-convert's text, and ours
        allowed=Markup(" ".join(map(_hash, scripts))),  # noqa: S704
    )


def _hash(script: str) -> str:
    """What a content security policy calls a script that may run."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def environment() -> Environment:
    """The templates: everything escaped, and a name that is missing is an error."""
    env = Environment(
        loader=FileSystemLoader(resources.folder("report_templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def show(block: Block) -> Markup:
        html = env.get_template(f"blocks/{block.template}").render(block=block)
        return Markup(html)  # noqa: S704  # rendered with everything escaped

    env.filters |= {
        "tied": _tied,
        "markdown": markdown.to_html,
        "without_data": _without_data,
    }
    env.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "sort_keys": True}
    pictures = itertools.count(1)

    def static_svg(panel: Panel) -> Markup:
        return _static_svg(panel) if next(pictures) <= _STATIC_PANELS else _NO_PICTURE

    env.globals.update(show=show, static_svg=static_svg)
    return env


def _tied(text: str) -> str:
    """The same text with numbers and their units, and p and its value, kept on one line."""
    return _TIES.sub("\N{NO-BREAK SPACE}", text)


def _without_data(spec: dict[str, Any]) -> dict[str, Any]:
    """A specification whose data stands beside it, once for all that share it."""
    return {key: part for key, part in spec.items() if key != "datasets"}


def _static_svg(panel: Panel) -> Markup:
    """The chart as a picture, for readers without JavaScript. Vega escapes the text in it."""
    import vl_convert

    spec = panel.stills()[panel.name]
    if sum(map(_size, spec.get("datasets", {}).values())) > _STATIC_ROWS:
        return _NO_PICTURE
    spec["width"] = _STATIC_WIDTH
    spec["config"]["aria"] = False  # the place of the chart says what it shows
    return Markup(vl_convert.vegalite_to_svg(spec))  # noqa: S704


def _size(rows: list[dict[str, Any]]) -> int:
    """How many rows there are to be drawn, of which some lie as lists in one."""
    return sum(
        max((len(v) for v in row.values() if isinstance(v, list)), default=1) for row in rows
    )


@lru_cache(maxsize=1)
def _charts_library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, safe inside a script element.

    To bundle them takes a second, so the script is kept in the user's cache folder, if there can be one.
    """
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    kept = Path(home, "seedwise", f"charts-{version('vl-convert-python')}.js").expanduser()
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return kept.read_text(encoding="utf-8")
    import vl_convert

    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    script = script.replace("</script", "<\\/script").replace("<!--", "<\\!--")
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        begun = kept.with_suffix(f".{os.getpid()}")
        begun.write_text(script, encoding="utf-8")
        begun.replace(kept)  # whole or not at all
    return script

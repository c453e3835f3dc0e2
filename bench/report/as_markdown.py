"""The report as Markdown, for pull requests and wikis: the same blocks by other templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from markupsafe import Markup

from bench import files
from bench.report import escaping, glossary, stills, templating
from bench.report.blocks import Section
from bench.report.contents import contents
from bench.report.own import Own
from bench.report.render import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from bench.analysis import Analysis
    from bench.report.blocks import Block

FIGURES: Final = "-figures"  # the folder beside the report: its name, and this


def write_markdown(
    analysis: Analysis,
    path: Path,
    *,
    own: Own = Own(),  # noqa: B008
    figures: bool = True,
) -> Path:
    """Write the report as a Markdown file, and its figures as SVG into ``NAME-figures`` beside it.

    Args:
        analysis: of a run, perhaps one that goes on.
        path: of the file; what is returned.
        own: a user's templates and sections.
        figures: without, a note stands in the place of each.

    Raises:
        UsageError: the files cannot be written, or what the user adds to the report is wrong.
    """
    blocks = contents(analysis, own)
    blocks.append(glossary.section(glossary.of(blocks), blocks))
    addresses: dict[int, list[tuple[Markup, Markup]]] = {}  # by block
    for block in stills.figures_in(blocks) if figures else ():
        drawn = stills.drawings_of(block)
        addresses[id(block)] = [(_alt(drawing), _written(drawing, path)) for drawing in drawn]

    def images(block: Block) -> list[tuple[Markup, Markup]]:
        return addresses.get(id(block), [])

    env = templating.environment("markdown", own)
    env.filters |= {"source": _source, "fenced": _fenced}
    env.globals["images"] = images
    text = templating.render(
        env,
        "markdown/page.md",
        own,
        title=analysis.suite.title,
        source=analysis.suite.source,
        blocks=blocks,
        contents=[block for block in blocks if isinstance(block, Section)],
    )
    return write_whole(path, f"{text.strip()}\n")


def _written(drawing: stills.Drawing, report: Path) -> Markup:
    """Write a figure beside the report, and say where it is from there."""
    name = f"{report.stem}{FIGURES}/{drawing.name}.svg"
    files.write(report.parent, name, drawing.svg)
    return Markup(quote(name))  # noqa: S704


def _alt(drawing: stills.Drawing) -> Markup:
    return Markup(escaping.markdown_alt(drawing.alt))  # noqa: S704


def _source(text: str) -> Markup:
    return Markup(escaping.markdown_source(text))  # noqa: S704


def _fenced(text: str) -> Markup:
    fence = escaping.fence(text)
    return Markup(f"{fence}\n{text}\n{fence}")  # noqa: S704

"""``bench export``: what a run measured and what its report shows, as files for other tools and for papers."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  # typer reads annotations
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bench.cli_common import (
    Anonymous,
    Folder,
    Templates,
    TrustSections,
    own_of,
    say,
    warn_of_troubles,
)

if TYPE_CHECKING:
    from bench.analysis import Analysis
    from bench.report.own import Own

Frames = Literal["parquet", "csv", "json"]
Figures = Literal["pdf", "svg", "png"]
Tables = Literal["latex", "markdown", "csv"]


def export(
    folder: Folder,
    *,
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder to write into; default: FOLDER/export.")
    ] = None,
    format_: Annotated[
        Frames | None,
        typer.Option(
            "--format", "-f", help="The frames, a file each; parquet if nothing else is asked for."
        ),
    ] = None,
    weights: Annotated[
        bool, typer.Option("--weights", help="The weights that were kept, a folder per trial.")
    ] = False,
    figures: Annotated[
        Figures | None, typer.Option("--figures", help="The report's, each fit for a column.")
    ] = None,
    tables: Annotated[
        Tables | None, typer.Option("--tables", help="The report's, a file each.")
    ] = None,
    bibtex: Annotated[
        bool, typer.Option("--bibtex", help="What to cite for the statistics used.")
    ] = False,
    anonymous: Anonymous = False,
    templates: Templates = None,
    trust: TrustSections = False,
) -> None:
    """Write the frames for other tools, or the report's figures, tables and references for papers."""
    from bench import files
    from bench.analysis import analyse
    from bench.analysis.anonymous import anonymous as without_who_and_where
    from bench.export import write_frames, write_weights
    from bench.store import load_results

    own = own_of(templates, trust=trust)
    results = load_results(folder)
    if anonymous:
        results = without_who_and_where(results)
    analysis = analyse(results)
    to = to or files.subfolder(folder, "export")
    for_papers = figures or tables or bibtex
    if format_ or not for_papers:
        for path in write_frames({**results.frames, **analysis.frames}, to, format_ or "parquet"):
            say(f"wrote    {path}")
    if weights:
        kept = write_weights(results, files.subfolder(to, "weights"))
        say(f"wrote    {to / 'weights'}, weights of {len(kept)} networks")
    if for_papers:
        _for_papers(analysis, to, figures, tables, own, bibtex=bibtex)
    if warn_of_troubles(analysis):
        raise typer.Exit(1)


def _for_papers(
    analysis: Analysis,
    to: Path,
    figures: Figures | None,
    tables: Tables | None,
    own: Own,
    *,
    bibtex: bool,
) -> None:
    from bench import files
    from bench.report.contents import contents
    from bench.report.paper import write_figures, write_tables
    from bench.report.references import write_references

    blocks = contents(analysis, own) if figures or tables else []
    if figures:
        paths = write_figures(blocks, files.subfolder(to, "figures"), figures)
        say(f"wrote    {to / 'figures'}, {len(paths)} figures")
    if tables:
        paths = write_tables(blocks, files.subfolder(to, "tables"), tables, own)
        say(f"wrote    {to / 'tables'}, {len(paths)} tables")
    if bibtex:
        say(f"wrote    {write_references(analysis, to / 'references.bib')}")

"""What commands of the command line share: options, and where they print."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from rich.console import Console

WIDE: Final = 160  # columns of tables that are written to a file

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="A results folder.")]
Workers = Annotated[
    int | None,
    typer.Option(min=0, help="Worker processes of one thread; default one per core; 0: none."),
]
Trust = Annotated[bool, typer.Option("--trust", help="Let the suite import Python code it names.")]


def console() -> Console:
    """Standard output, for sentences and tables."""
    from rich.console import Console

    if sys.stdout.isatty():
        return Console()
    return Console(soft_wrap=True, width=WIDE)  # a file has no edge to break lines at


def complain(text: str) -> None:
    """Say on standard error what went wrong."""
    typer.secho(text, err=True, fg=typer.colors.RED if sys.stderr.isatty() else None)

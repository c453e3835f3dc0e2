"""What commands of the command line share: options, and where they print."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

WIDE: Final = 160  # columns of tables that are written to a file
# Control characters but tab and newline; signs that turn the direction or end a line; halves of characters.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="A results folder.")]
Workers = Annotated[
    int | None,
    typer.Option(min=0, help="Worker processes of one thread; default one per core; 0: none."),
]
Trust = Annotated[bool, typer.Option("--trust", help="Let the suite import Python code it names.")]


def printable(text: str) -> str:
    r"""The same text with what cannot be seen written as ``\x1b``: it could move or hide what is said."""
    return _UNSEEN.sub(lambda found: ascii(found[0])[1:-1], text)


def console() -> Console:
    """Standard output, for sentences and tables: no text is markup, an emoji's name or a control character."""
    from rich.console import Console

    class Plain(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(printable(text), **options)

    plain: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False}
    if sys.stdout.isatty():
        return Plain(**plain)
    return Plain(soft_wrap=True, width=WIDE, **plain)  # a file has no edge to break lines at


def complain(text: str) -> None:
    """Say on standard error what went wrong."""
    colour = typer.colors.RED if sys.stderr.isatty() else None
    typer.secho(printable(text), err=True, fg=colour)

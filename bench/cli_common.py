"""What commands of the command line share: options, where they print, and how they find a run."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bench.errors import UsageError, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from bench.analysis import Analysis
    from bench.report.own import Own
    from bench.store import Results

WIDE: Final = 160  # columns of tables that are written to a file

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="A results folder.")]
Workers = Annotated[
    int | None,
    typer.Option(min=0, help="Worker processes of one thread; default one per core; 0: none."),
]
Templates = Annotated[
    Path | None,
    typer.Option("--templates", metavar="FOLDER", help="Templates and sections of your own."),
]
TrustSections = Annotated[
    bool, typer.Option("--trust", help="Let sections of --templates run, which are Python code.")
]
Anonymous = Annotated[
    bool,
    typer.Option("--anonymous", help="Leave out who and where: hosts, users, folders, comments."),
]
Trust = Annotated[bool, typer.Option("--trust", help="Let the suite import Python code it names.")]

OpenPorts = Annotated[
    bool,
    typer.Option(
        "--open-ports",
        help="Let TensorFlow's servers listen to everybody where they cannot be kept apart.",
    ),
]


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


def say(text: str) -> None:
    """Print a line as it is."""
    console().print(text, soft_wrap=True)


def complain(text: str) -> None:
    """Say on standard error what went wrong."""
    said = printable(text)
    sys.stderr.write(typer.style(said, fg="red") if sys.stderr.isatty() else said)
    sys.stderr.write("\n")


def command_line() -> str:
    """The command as it was given, for a report that says how to repeat it."""
    return printable(shlex.join(["bench", *sys.argv[1:]]))


def check_arguments() -> None:
    """Refuse what no report could name.

    Raises:
        UsageError: an argument, such as a file's name, is not text in the system's encoding.
    """
    for word in sys.argv[1:]:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise UsageError(
                "an argument that is not text",
                where="bench",
                expected="words and names of files in the encoding of this system",
                found=printable(word),
                hint="rename the file; or set LC_ALL=C.UTF-8, if its name is UTF-8",
            ) from None


def own_of(templates: Path | None, *, trust: bool) -> Own:
    """A user's folder of templates and sections, or none."""
    from bench.report.own import Own

    return Own() if templates is None else Own.of(templates, trust=trust)


def run_of(target: str, *, need: str) -> Path:
    """The results folder itself, or the one that ``bench run`` of this suite wrote last.

    need: what for, in words of an error.

    Raises:
        UsageError: the suite was not run yet.
        SuiteError: neither a folder nor a suite.
    """
    from bench.results_file import FILE
    from bench.suite import load_suite

    if Path(target).is_dir():
        return Path(target)
    name = load_suite(target).suite
    runs = [path for path in Path("bench-results").glob(f"{name}*") if (path / FILE).exists()]
    if not runs:
        raise UsageError(
            f"no run of {name} {need}",
            where=str(Path("bench-results") / name),
            expected="a finished or pilot run",
            found="none",
            hint=f"bench run {target} --seeds 5, or give a results folder",
        )
    return max(runs, key=lambda path: (path / FILE).stat().st_mtime)


def warn_of_troubles(analysis: Analysis) -> int:
    """Say what could not be computed; the exit code of a command that wrote a report: 1 if anything, else 0."""
    troubles = analysis.troubles.found
    for trouble in troubles:
        complain(f"{trouble}")
    return 1 if troubles else 0


def analysed(results: Results, *, pictures: bool) -> Analysis:
    """What a report is written of: the findings, and the test images that it shows.

    pictures: also those of files that the suite names, which is not for a suite of somebody else.
    """
    from bench.analysis import analyse
    from bench.pictures import with_pictures

    return with_pictures(analyse(results), named=pictures)

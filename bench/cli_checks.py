"""The commands that check: ``bench verify``, a results folder; ``bench doctor``, this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli_common import Folder, OpenPorts, Trust, Workers, complain, console

if TYPE_CHECKING:
    from collections.abc import Iterable


def verify(
    folder: Folder,
    *,
    trials: Annotated[
        int, typer.Option(min=0, help="Finished trials to train again; 0: check what is kept.")
    ] = 5,
    workers: Workers = None,
    trust: Trust = False,
    open_ports: OpenPorts = False,
) -> None:
    """Check a results folder, and train some of its trials again; exit code 1 if anything differs."""
    from bench import progress
    from bench.verify import DIFFERS, NOT_CHECKED
    from bench.verify import verify as checks_of

    out = console()
    try:
        with progress.Progress(out) as observer:
            checks = list(
                checks_of(
                    folder,
                    trials=trials,
                    workers=workers,
                    trust=trust,
                    open_ports=open_ports,
                    observer=observer,
                )
            )
    except KeyboardInterrupt:
        complain("stopped; nothing was changed")
        raise typer.Exit(130) from None
    _table(("what", "outcome", "found"), ((c.what, c.outcome, c.found) for c in checks))
    differ = sum(check.outcome == DIFFERS for check in checks)
    skipped = sum(check.outcome == NOT_CHECKED for check in checks)
    said = f"{differ} of {len(checks)} checks differ" if differ else "nothing differs"
    said += f"; {skipped} could not be made" if skipped else ""
    out.print(said)
    if differ:
        raise typer.Exit(1)


def doctor() -> None:
    """Check this machine: versions, processor, memory, disk, speed; exit code 1 if something is broken."""
    from bench.doctor import examine

    out = console()
    out.print("looking at the machine, about half a minute")
    try:
        found = examine()
    except KeyboardInterrupt:
        complain("stopped; nothing was changed")
        raise typer.Exit(130) from None
    _table(("what", "found"), found.facts)
    if found.messages:
        out.print("\nWhat TensorFlow prints here when it is imported, and what it means:")
        _table(("message", "meaning"), found.messages)
    for problem in found.problems:
        kind = "broken" if problem.broken else "to do"
        out.print(f"\n{kind}: {problem.what}\n  {problem.advice}")
    if not found.problems:
        out.print("\nnothing to do")
    if any(problem.broken for problem in found.problems):
        raise typer.Exit(1)


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    from rich.table import Table

    table = Table(*columns, box=None)
    for column in table.columns:
        column.overflow = "fold"
    for row in rows:
        table.add_row(*row)
    console().print(table)

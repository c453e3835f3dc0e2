"""Whether a results folder is what it says: its file, ids, frames and data, and trials trained once more.

What is kept is checked against itself (``_kept``); some finished trials are trained again and compared with
what is kept of them (``_again``).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.driver import Silent
from bench.errors import StoreError
from bench.store import integrity, load_results
from bench.verify import _again, _kept
from bench.verify._check import DIFFERS, NOT_CHECKED, Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.driver import Observer

__all__ = ["DIFFERS", "NOT_CHECKED", "TRIALS", "Check", "verify"]

TRIALS: Final = 5  # that are trained again unless told


def verify(
    folder: str | Path,
    *,
    trials: int = TRIALS,
    workers: int | None = None,
    trust: bool = False,
    open_ports: bool = False,
    observer: Observer | None = None,
) -> Iterator[Check]:
    """Check a results folder; yields what was found, one check after the other. Nothing in it is changed.

    Args:
        folder: that ``bench run`` or ``bench import`` wrote; a run may be writing to it.
        trials: how many finished trials to train again, drawn at random but always the same, across variants.
        workers: processes that train them; default one per core; 0 trains in this process.
        trust: whether Python code that the suite names may be imported.
        open_ports: see ``bench.run``.
        observer: told of every trial that is trained again.

    Raises:
        StoreError: there are no results, or not of a version this program reads.
    """
    path = Path(folder)
    problems = integrity(path)
    yield Check.of(
        "file", problems, "SQLite finds its structure whole, and no row without its trial"
    )
    if problems:
        return
    try:
        results = load_results(path)
    except StoreError as error:
        yield Check.of("frames", [str(error)], "")
        return
    yield from _kept.checks(results)
    if results.suite.imported is not None:
        yield Check("training", NOT_CHECKED, "imported results cannot be trained here")
    elif trials:
        yield from _again.checks(
            results,
            trials,
            workers=workers,
            trust=trust,
            open_ports=open_ports,
            observer=observer or Silent(),
        )

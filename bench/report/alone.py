"""A part of a report that cannot be made leaves a sentence in its place, and all others as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.blocks import Block, Prose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bench.analysis import Analysis


def standing_alone(
    analysis: Analysis, where: str, make: Callable[[], Iterable[Block]]
) -> tuple[Block, ...]:
    """What ``make`` makes; if it raises, a note that says so, which the analysis keeps among its troubles.

    where: what it is, in the words of the page.
    """
    made = analysis.troubles.attempt(where, lambda: tuple(make()), None)
    if made is not None:
        return made
    (trouble,) = (t for t in analysis.troubles.found if t.where == where)
    return (Prose((f"{trouble}.",), kind="note"),)

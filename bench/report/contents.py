"""What a report says, in order: the same blocks for every format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bench.report.own import Own
from bench.report.sections import conditions, datasets, methods, questions, summary

if TYPE_CHECKING:
    from bench.analysis import Analysis
    from bench.report.blocks import Block

ANSWERS: Final = (summary, datasets, questions)
BACKGROUND: Final = (conditions, methods)


def contents(analysis: Analysis, own: Own = Own()) -> list[Block]:  # noqa: B008  # it is frozen
    """The blocks of all sections; those of a user stand between the questions and how it was run.

    Raises:
        UsageError: a section of the user's cannot be built.
    """
    ours = [
        [block for s in part for block in s.build(analysis) or ()] for part in (ANSWERS, BACKGROUND)
    ]
    return [*ours[0], *own.blocks(analysis), *ours[1]]

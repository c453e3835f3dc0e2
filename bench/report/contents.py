"""What a report says, in order: the same blocks for every format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bench.report.alone import standing_alone
from bench.report.own import Own
from bench.report.sections import conditions, datasets, methods, questions, summary

if TYPE_CHECKING:
    from types import ModuleType

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
        [
            block
            for section in part
            for block in standing_alone(
                analysis,
                _name(section),
                lambda s=section: s.build(analysis) or (),  # type: ignore[misc]
            )
        ]
        for part in (ANSWERS, BACKGROUND)
    ]
    return [*ours[0], *own.blocks(analysis), *ours[1]]


def _name(section: ModuleType) -> str:
    return f"the part on {section.__name__.rpartition('.')[2]}"

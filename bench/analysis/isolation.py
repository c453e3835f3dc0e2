"""What cannot be computed costs its own place on a page, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from bench.errors import first_line

if TYPE_CHECKING:
    from collections.abc import Callable

Made = TypeVar("Made")

CAUGHT: tuple[type[Exception], ...] = (Exception,)  # tests of anything else catch nothing


@dataclass(frozen=True)
class Trouble:
    """Something that could not be computed.

    Attributes:
        where: what, in the words of the page.
        reason: what was raised, in a line.
    """

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where} could not be computed: {self.reason}"


@dataclass
class Troubles:
    """What could not be computed so far: by the analysis, then by what shows it."""

    found: list[Trouble] = field(default_factory=list)

    def of(self, question: str) -> list[Trouble]:
        """Those of a question."""
        return [trouble for trouble in self.found if trouble.where.startswith(f"{question}: ")]

    def attempt(self, where: str, make: Callable[[], Made], otherwise: Made) -> Made:
        """What ``make`` returns; ``otherwise`` if it raises, which is noted."""
        try:
            return make()
        except CAUGHT as error:
            trouble = Trouble(where, reason_of(error))
            if trouble not in self.found:
                self.found.append(trouble)
            return otherwise


def reason_of(error: Exception) -> str:
    """What was raised, in a line."""
    return first_line(error) or type(error).__name__

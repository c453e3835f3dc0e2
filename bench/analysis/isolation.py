"""What cannot be computed costs its own place on a page, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from bench.errors import first_line

if TYPE_CHECKING:
    from collections.abc import Callable

Made = TypeVar("Made")

CAUGHT: Final[tuple[type[Exception], ...]] = (Exception,)  # tests of anything else catch nothing


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
    """What could not be computed so far."""

    found: list[Trouble] = field(default_factory=list)

    def attempt(self, where: str, make: Callable[[], Made], otherwise: Made) -> Made:
        """What ``make`` returns; ``otherwise`` if it raises, which is noted."""
        try:
            return make()
        except CAUGHT as error:
            self.found.append(Trouble(where, reason_of(error)))
            return otherwise


def reason_of(error: Exception) -> str:
    """What was raised, in a line."""
    return first_line(error) or type(error).__name__

"""One line of what a verification found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

AGREES: Final = "agrees"
DIFFERS: Final = "DIFFERS"
NOT_CHECKED: Final = "not checked"
SAID: Final = 5  # problems of one check that are spelt out
LONGEST: Final = 1000  # characters of one: broken bytes may make any text


@dataclass(frozen=True)
class Check:
    """What was looked at, what came of it (agrees, DIFFERS or not checked), and a sentence about it."""

    what: str
    outcome: str
    found: str

    @classmethod
    def of(cls, what: str, problems: Sequence[str], fine: str) -> Self:
        """The check that found ``problems``; ``fine`` is said if there are none."""
        if not problems:
            return cls(what, AGREES, fine)
        more = len(problems) - SAID
        said = [p if len(p) <= LONGEST else f"{p[:LONGEST]} ..." for p in problems[:SAID]]
        said += [f"and {more:,} more"] if more > 0 else []
        return cls(what, DIFFERS, "\n".join(said))

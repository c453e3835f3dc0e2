"""What an examination says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """Something that is not well, and what to do; ``broken`` if nothing can be trained before that is done."""

    what: str
    advice: str
    broken: bool = False


@dataclass(frozen=True)
class Found:
    """Facts by name, messages of TensorFlow with their meaning, and problems."""

    facts: tuple[tuple[str, str], ...] = ()
    messages: tuple[tuple[str, str], ...] = ()
    problems: tuple[Problem, ...] = ()

    def __add__(self, other: Found) -> Found:
        """Both, one after the other."""
        return Found(
            self.facts + other.facts,
            self.messages + other.messages,
            self.problems + other.problems,
        )

    @property
    def is_broken(self) -> bool:
        """Whether nothing can be trained."""
        return any(problem.broken for problem in self.problems)

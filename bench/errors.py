"""Every error Seedwise raises on purpose, as one tree.

    BenchError
    ├── SuiteError        a suite says something that cannot be run
    │   └── TrustError    it names Python code, and --trust was not given
    ├── DatasetError      data that is missing, damaged or not what it claims to be
    ├── StatsError        numbers no statistic is defined for (also a ValueError)
    ├── StoreError        a results folder that cannot be read or written
    ├── ClusterError      a Dask cluster that cannot be reached, or that would not give the same results
    └── UsageError        a command or call that cannot be carried out as given

Anything else that escapes is a defect of Seedwise.
"""

from __future__ import annotations

import difflib
import itertools
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable


_LISTED: Final = 30  # names in a message
_LONGEST: Final = 80  # characters of what was found
_LONGEST_LINE: Final = 500  # characters of what another error says


class BenchError(Exception):
    """An error that a person can act on: where, what was expected, what was found, what to do."""

    def __init__(
        self,
        problem: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        found: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.where = where
        self.expected = expected
        self.found = found
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive the default pickling, and errors cross processes.
        given = ("problem", "where", "expected", "found", "hint")
        return (_rebuild, (type(self), {name: getattr(self, name) for name in given}))

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.problem}" if self.where else self.problem]
        for label, text in (
            ("expected", self.expected),
            ("found", self.found),
            ("what to do", self.hint),
        ):
            if text:
                lines.append(f"  {label}: {text}")
        return "\n".join(lines)


def _rebuild(cls: type[BenchError], given: dict[str, str]) -> BenchError:
    return cls(**given)


class SuiteError(BenchError):
    """A suite says something that cannot be run."""


class TrustError(SuiteError):
    """A suite names Python code outside Keras and this package without the user's --trust."""


class DatasetError(BenchError):
    """Data that is missing, damaged or not what it claims to be."""


class StatsError(BenchError, ValueError):
    """Numbers for which the statistic asked for is not defined; ``where`` is the function that was called."""

    def __init__(self, problem: str, *, where: str | None = None, **rest: str | None) -> None:
        super().__init__(problem, where=where or _called(), **rest)


def _called() -> str | None:
    """The outermost public function of ``bench.stats`` that is running."""
    found, frame = None, sys._getframe(2)  # noqa: SLF001
    while frame is not None:
        module, name = str(frame.f_globals.get("__name__")), frame.f_code.co_name
        if module.startswith("bench.stats") and name[0] not in "_<":
            found = f"bench.stats.{name}"
        frame = frame.f_back  # type: ignore[assignment]
    return found


class StoreError(BenchError):
    """A results folder that cannot be read or written."""


class ClusterError(BenchError):
    """A Dask cluster that cannot be reached, or that would not give the same results."""


class UsageError(BenchError):
    """A command or call that cannot be carried out as given."""


def closest(found: str, known: Iterable[str]) -> str | None:
    """A hint naming the closest known spelling, if one is close; nobody mistypes what is very long."""
    if len(found) > _LONGEST:
        return None
    folded = {_folded(name): name for name in sorted(known) if len(name) <= _LONGEST}
    hits = difflib.get_close_matches(_folded(found), folded, n=1, cutoff=0.6)
    return f"did you mean {folded[hits[0]]!r}?" if hits else None


def _folded(name: str) -> str:
    """Without what is easily mistaken: case, and underscores, since Keras mixes camel and snake."""
    return name.casefold().replace("_", "")


def did_you_mean(found: str, known: Iterable[str]) -> str | None:
    """A hint naming the closest known spelling, or the known names if none is close."""
    names = sorted(known)
    listed = "use one of " + ", ".join(names) if 0 < len(names) <= 30 else None
    return closest(found, names) or listed


def listed(names: Iterable[str]) -> str:
    """Names in a row; of many, the first."""
    first = list(itertools.islice(names, _LISTED + 1))
    return ", ".join(map(_cut, first[:_LISTED])) + (", ..." if len(first) > _LISTED else "")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def shown(value: object) -> str:
    """What was found, as a person wrote it, cut off where it is long."""
    if value is None:
        return "nothing"
    return _cut(repr(value))


def first_line(error: BaseException) -> str:
    """The first line of what an error says, cut off where it is long; its type if it says nothing."""
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 3] + "..."

"""Every error Seedwise raises on purpose, as one tree.

    BenchError
    ├── SuiteError        a suite says something that cannot be run
    │   └── TrustError    it needs your word, --trust or --open-ports, which was not given
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
import re
import sys
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable


_LISTED: Final = 30  # names in a message
_LONGEST: Final = 80  # characters of a value or a name
_LONGEST_LINE: Final = 500  # characters of what another error says
_LONGEST_PART: Final = 900  # characters of a part of a message
_LONGEST_HINT: Final = 4_000  # it may hold what another process printed last
# Controls, changes of direction, halves of characters, ends of lines.
_UNSEEN: Final = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Letters, marks and signs that nothing is drawn for.
_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# Python's own words for things: kinds, functions, objects and numbers of errors.
_NAME: Final = r"((?:[\w.]|<\w+>)+)"
_PYTHONS: Final = re.compile(
    rf"<(?:class|function|method-wrapper|b[a-z-]+ (?:method|function)) '?{_NAME}(?:[^<>]|<[^<>]*>)*>"
    rf"|<{_NAME} object at 0x[0-9a-f]+>"
    r"|\[Errno -?\d+\] "
)


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
        self.problem = plain(problem)
        super().__init__(self.problem)
        self.where = None if where is None else plain(where)
        self.expected = None if expected is None else plain(expected)
        self.found = None if found is None else plain(found)
        self.hint = None if hint is None else _cut(printable(hint), _LONGEST_HINT)

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
    """A suite needs the user's word, which was not given: --trust for Python code, --open-ports for servers."""


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
    return f"did you mean {shown(folded[hits[0]])}?" if hits else None


def _folded(name: str) -> str:
    """Without what is easily mistaken: case, and underscores, since Keras mixes camel and snake."""
    return name.casefold().replace("_", "")


def did_you_mean(found: str, known: Iterable[str]) -> str | None:
    """A hint naming the closest known spelling, or the known names if none is close."""
    names = sorted(known)
    all_of_them = f"use one of {listed(names)}" if 0 < len(names) <= _LISTED else None
    return closest(found, names) or all_of_them


def listed(names: Iterable[str]) -> str:
    """Names in a row; of many, the first."""
    first = list(itertools.islice(names, _LISTED + 1))
    return ", ".join(_cut(name) for name in first[:_LISTED]) + (
        ", ..." if len(first) > _LISTED else ""
    )


def header(names: Iterable[str]) -> str:
    """The columns that a table's first line names; not that of another file, which may hold a secret."""
    columns = list(names)
    if len(columns) < 2 or any(len(c) > _LONGEST or printable(c) != c for c in columns):
        return "a first line that names no columns"
    return listed(columns)


def printable(text: str) -> str:
    r"""The same text with what cannot be seen written as ``\x1b``: it could move or hide what is said.

    Tabs and ends of lines stay.
    """
    if text.isprintable() and text.isascii():
        return text
    return "".join(
        ascii(sign)[1:-1]
        if (unicodedata.category(sign) in _UNSEEN and sign not in "\t\n") or _BLANK.match(sign)
        else sign
        for sign in text
    )


def plain(text: str) -> str:
    """Text of any origin as a message shows it: one line, not long, nothing unseen, no words of Python's."""
    line = printable(re.sub(r"[\t\n]+ *", " ", _cut(text, 4 * _LONGEST_PART)))
    line = _PYTHONS.sub(lambda words: words[1] or words[2] or "", line)
    return "nothing" if line.strip() in ("", "None") else _cut(line, _LONGEST_PART)


def shown(value: object) -> str:
    """What was found, as a person wrote it, cut off where it is long."""
    if value is None:
        return "nothing"
    if hasattr(value, "tolist"):  # numpy's, whose own words are not a person's
        value = value.tolist()
    return _cut(plain(repr(value)), _LONGEST)


def first_line(error: BaseException) -> str:
    """The first line of what an error says, cut off where it is long; its type if it says nothing."""
    said = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
    return _cut(plain(str(said).splitlines()[0]), _LONGEST_LINE)


def _cut(text: str, longest: int = _LONGEST) -> str:
    """Text whose middle is left out where it is long: a path or a place tells most by its end."""
    if len(text) <= longest:
        return text
    end = (longest - 5) // 3
    return f"{text[: longest - 5 - end]} ... {text[-end:]}"

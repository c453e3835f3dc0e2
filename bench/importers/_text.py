"""What readers of text share: encodings, lines that end, and what is said of a file that is none."""

from __future__ import annotations

import codecs
import io
from typing import TYPE_CHECKING, Final, TextIO

from bench import reading
from bench.errors import DatasetError, UsageError, closest, header, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

COMMENT: Final = "#"  # how comments begin, unless said otherwise
MAX_LINE: Final = 10_000_000  # characters
MAX_ROWS: Final = 200_000_000
_MARKS: Final = {  # byte order marks; that of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def encoding_of(path: Path, named: str | None) -> str:
    """The encoding that was named, or the one that the file's byte order mark says; else UTF-8.

    Raises:
        UsageError: no encoding of text has that name.
    """
    if named is None:
        with reading.opened(path, reading.Budget()) as file:
            start = file.read(4)
        return next((name for mark, name in _MARKS.items() if start.startswith(mark)), "utf-8-sig")
    try:
        "".encode(named)  # codecs of bytes have names too, and cannot do this
        return codecs.lookup(named).name
    except (LookupError, ValueError):
        raise UsageError(
            "no such encoding",
            where="--encoding",
            expected="an encoding of text that Python knows, such as utf-8, utf-16, latin-1, cp1252",
            found=shown(named),
        ) from None


def opened(path: Path, encoding: str | None, newline: str | None = None) -> TextIO:
    """A plain file as text."""
    return io.TextIOWrapper(
        reading.opened(path, reading.Budget()), encoding=encoding, newline=newline
    )


def lines(path: Path, file: TextIO) -> Iterator[str]:
    """The lines of a file, none of which is held if it never ends; a byte order mark is none of its text."""
    for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), ""), start=1):
        if len(line) == MAX_LINE:
            raise DatasetError(
                "a line that does not end",
                where=f"{path}, line {number}",
                expected=f"lines of less than {MAX_LINE:,} characters",
                found="more",
                hint="one evaluation per line",
            )
        if number > 1:
            yield line
        elif "\0" in line:
            raise DatasetError(
                "not text",
                where=f"{path}, line 1",
                expected="text",
                found="zeros between its bytes",
                hint="it may be UTF-16 without its mark: --encoding utf-16-le or utf-16-be",
            )
        else:
            yield line.removeprefix("\ufeff")


def unreadable(path: Path, kind: str, found: str, line: int | None = None) -> DatasetError:
    """The error about a file that is not what it is said to be."""
    where = str(path) if line is None else f"{path}, line {line}"
    return DatasetError(f"not readable as {kind}", where=where, expected=f"{kind}", found=found)


def too_many_rows(where: str, most: int) -> DatasetError:
    """The error about a file with more rows than are read, or than the memory has room for."""
    return DatasetError(
        "too many rows",
        where=where,
        expected=f"at most {most:,}",
        found="more",
        hint="leave steps out, or split the file",
    )


def check_columns(path: Path, columns: Iterable[str], known: Sequence[str]) -> None:
    """Refuse a file that lacks one of ``columns``.

    Raises:
        UsageError: names the columns that there are, and the closest.
        DatasetError: there are none at all.
    """
    if not known:
        raise DatasetError("an empty file", where=str(path), expected="rows", found="none")
    for name in columns:
        if name not in known:
            raise UsageError(
                f"no column {shown(name)}",
                where=str(path),
                expected=f"one of {header(known)}",
                found=shown(name),
                hint=closest(name, known),
            )

"""Rows of a tidy file, one after the other, as (number, cells): no file is held as a whole.

The number is that of the line (CSV: of the line on which the row ends) or, in Parquet, of the row;
both from 1. Cells are those of the columns asked for, in that order; None is a missing one.
"""

from __future__ import annotations

import csv
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO

from bench.errors import DatasetError, UsageError, closest, first_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    Row = tuple[int, Sequence[Any]]

MAX_LINE: Final = 10_000_000  # characters
_DELIMITERS: Final = ",;\t"


def rows(path: Path, kind: str, columns: Sequence[str]) -> Iterator[Row]:
    """The rows of a ``csv``, ``parquet`` or ``jsonl`` file.

    Raises:
        DatasetError: the file cannot be read as what it is said to be.
        UsageError: it lacks a column.
    """
    if not path.is_file():
        raise DatasetError(
            "no such file" if not path.exists() else "not a file",
            where=str(path),
            expected=f"a {kind} file",
            found="nothing" if not path.exists() else "a folder or a device",
        )
    reader = {"csv": _csv, "parquet": _parquet, "jsonl": _jsonl}[kind]
    with _readable(path, kind):
        yield from reader(path, columns)


@contextmanager
def _readable(path: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise DatasetError(
            "not text", where=str(path), expected=f"{kind} in UTF-8", found="other bytes"
        ) from None
    except OSError as error:
        raise _unreadable(path, kind, error.strerror or first_line(error)) from None


def _unreadable(path: Path, kind: str, found: str, line: int | None = None) -> DatasetError:
    where = str(path) if line is None else f"{path}, line {line}"
    return DatasetError(f"not readable as {kind}", where=where, expected=f"{kind}", found=found)


def _csv(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        delimiter = _delimiter(file.readline(MAX_LINE), columns)
        file.seek(0)
        reader = csv.reader(_lines(path, file), delimiter=delimiter, strict=True)
        try:
            header = [cell.strip() for cell in next(reader, [])]
            places = _places(path, columns, header)
            for cells in reader:
                if len(cells) == len(header):
                    yield reader.line_num, [cells[place] for place in places]
                elif cells:  # an empty line is no row
                    raise DatasetError(
                        "a row of another length than the header",
                        where=f"{path}, line {reader.line_num}",
                        expected=f"{len(header)} cells",
                        found=str(len(cells)),
                    )
        except csv.Error as error:
            raise _unreadable(path, "csv", str(error), reader.line_num) from None


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    """The lines of a file, none of which is held if it never ends."""
    for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), ""), start=1):
        if len(line) == MAX_LINE:
            raise DatasetError(
                "a line that does not end",
                where=f"{path}, line {number}",
                expected=f"lines of less than {MAX_LINE:,} characters",
                found="more",
                hint="one evaluation per line",
            )
        yield line


def _delimiter(head: str, columns: Sequence[str]) -> str:
    """The delimiter that shows all columns; else the comma."""
    for delimiter in _DELIMITERS:
        try:
            names = next(csv.reader([head], delimiter=delimiter), [])
        except csv.Error:
            continue
        if {name.strip() for name in names} >= set(columns):
            return delimiter
    return ","


def _places(path: Path, columns: Sequence[str], header: list[str]) -> list[int]:
    check_columns(path, columns, header)
    for name in columns:
        if header.count(name) > 1:
            raise DatasetError(
                f"the column {name!r} stands there twice",
                where=str(path),
                expected="each column once",
                found=str(header.count(name)),
            )
    return [header.index(name) for name in columns]


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
            shown = ", ".join(known[:30]) + (", ..." if len(known) > 30 else "")
            raise UsageError(
                f"no column {name!r}",
                where=str(path),
                expected=f"one of {shown[:1000]}",
                found=repr(name),
                hint=closest(name, known),
            )


def _parquet(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            check_columns(path, columns, file.schema_arrow.names)
            number = 0
            for batch in file.iter_batches(columns=list(dict.fromkeys(columns))):
                found = {name: batch.column(name).to_pylist() for name in columns}
                for cells in zip(*(found[name] for name in columns), strict=True):
                    number += 1
                    yield number, cells
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise _unreadable(path, "parquet", first_line(error)) from None


def _jsonl(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    seen: dict[str, None] = {}
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(_lines(path, file), start=1):
            if line.isspace():
                continue
            try:
                record = json.loads(line)
            except RecursionError:
                raise _unreadable(path, "jsonl", "values too deep", number) from None
            except ValueError as error:
                raise _unreadable(path, "jsonl", first_line(error), number) from None
            if not isinstance(record, dict):
                raise _unreadable(path, "jsonl, one {...} per line", f"{line[:40].strip()}", number)
            seen.update(dict.fromkeys(record))
            yield number, [record.get(name) for name in columns]
    check_columns(path, columns, list(seen))

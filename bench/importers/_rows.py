"""Rows of a tidy file, one after the other, as (number, cells): no file is held as a whole.

The number is that of the line (CSV: of the line on which the row ends) or, in Parquet, of the row;
both from 1. Cells are those of the columns asked for, in that order; None is a missing one.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bench import reading
from bench.errors import DatasetError, UsageError, first_line, shown
from bench.importers import _csv
from bench.importers._text import (
    COMMENT,
    MAX_ROWS,
    check_columns,
    encoding_of,
    lines,
    opened,
    too_many_rows,
    unreadable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    Row = tuple[int, Sequence[Any]]

KINDS: Final = ("csv", "parquet", "jsonl")
_BATCH: Final = 65_536  # rows of Parquet
_COLUMNS: Final = 1_000  # that a message may name


@dataclass
class Rows:
    """The rows of a ``csv``, ``parquet`` or ``jsonl`` file, and what was passed over to read them.

    Args:
        path: the file.
        kind: what it is.
        columns: the columns that are wanted.
        encoding: of text; None: what its first bytes say, else UTF-8.
        comment: lines that begin so are no rows; None: those with ``#`` that cannot be rows.

    Iterating raises:
        DatasetError: the file cannot be read as what it is said to be.
        UsageError: it lacks a column, or options do not fit it.
    """

    path: Path
    kind: str
    columns: Sequence[str]
    encoding: str | None = None
    comment: str | None = None
    comments: int = 0
    headers: int = 0

    def __iter__(self) -> Iterator[Row]:
        self._check_options()
        if not self.path.is_file():
            raise DatasetError(
                "no such file" if not self.path.exists() else "not a file",
                where=str(self.path),
                expected=f"a {self.kind} file",
                found="nothing" if not self.path.exists() else "a folder or a device",
            )
        self.comments = self.headers = 0
        with self._readable():
            if self.kind == "parquet":
                yield from _parquet(self.path, self.columns)
                return
            self.encoding = encoding_of(self.path, self.encoding)
            yield from _csv.rows(self) if self.kind == "csv" else _jsonl(self)

    def _check_options(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(
                "no such kind of file",
                where=str(self.path),
                expected=f"one of {', '.join(KINDS)}",
                found=shown(self.kind),
            )
        given = {"--encoding": self.encoding, "--comment": self.comment}
        for option, text in given.items():
            if text is not None and (self.kind == "parquet" or not text.strip()):
                raise UsageError(
                    f"{option} does not fit" if text.strip() else f"{option} says nothing",
                    where=option,
                    expected=f"no {option}, since Parquet is not text"
                    if self.kind == "parquet"
                    else "text",
                    found=shown(text),
                )

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except UnicodeError:
            raise DatasetError(
                "not text",
                where=str(self.path),
                expected=f"{self.kind} in {(self.encoding or 'UTF-8').upper()}",
                found="other bytes",
                hint="name its encoding, such as --encoding latin-1 or --encoding utf-16",
            ) from None
        except OSError as error:
            found = first_line(error)
            raise unreadable(self.path, self.kind, found) from None


def _parquet(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """In pieces, of which each can unpack to anything, so that the memory is limited for every one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    budget = reading.Budget()
    try:
        with reading.opened(path, budget) as raw:
            with budget.limited():
                file = pq.ParquetFile(raw, pre_buffer=False)
            check_columns(path, columns, file.schema_arrow.names)
            if file.metadata.num_rows > MAX_ROWS:
                raise too_many_rows(str(path), MAX_ROWS)
            wanted = list(dict.fromkeys(columns))
            batches = file.iter_batches(_BATCH, columns=wanted, use_threads=False)
            number = 0
            while True:
                with budget.limited():
                    if (batch := next(batches, None)) is None:
                        return
                    found = {name: batch.column(name).to_pylist() for name in wanted}
                budget.read(batch.nbytes)
                for cells in zip(*(found[name] for name in columns), strict=True):
                    number += 1
                    yield number, cells
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise unreadable(path, "parquet", first_line(error)) from None


def _jsonl(asked: Rows) -> Iterator[Row]:
    seen: dict[str, None] = {}
    path, mark = asked.path, asked.comment or COMMENT
    longest = reading.Budget().bytes // reading.PARSED
    with opened(path, asked.encoding) as file:
        for number, line in enumerate(lines(path, file), start=1):
            if line.isspace():
                continue
            if line.startswith(mark):
                asked.comments += 1
                continue
            if len(line) > longest:
                raise unreadable(path, "jsonl", "a line too long for the memory", number)
            try:
                record = json.loads(line)
            except RecursionError:
                raise unreadable(path, "jsonl", "values too deep", number) from None
            except ValueError as error:
                raise unreadable(path, "jsonl", first_line(error), number) from None
            if not isinstance(record, dict):
                raise unreadable(path, "jsonl, one {...} per line", f"{line[:40].strip()}", number)
            if len(seen) < _COLUMNS:
                seen.update(dict.fromkeys(record))
            else:
                seen.update((name, None) for name in asked.columns if name in record)
            yield number, [record.get(name) for name in asked.columns]
    check_columns(path, asked.columns, list(seen))

"""Rows of a CSV file: its header, wherever comments leave it, and what is no row below it."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final

from bench.errors import DatasetError, listed, shown
from bench.importers._text import COMMENT, check_columns, lines, opened, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bench.importers._rows import Row, Rows

_DELIMITERS: Final = ",;\t"


def rows(asked: Rows) -> Iterator[Row]:
    """The rows, each with the line on which it ends; counts comments and headers that are repeated.

    Raises:
        DatasetError: a row of another length, another header, or what is no CSV.
        UsageError: the file lacks a column.
    """
    with opened(asked.path, asked.encoding, newline="") as file:
        body = _Body(asked, lines(asked.path, file))
        try:
            yield from _rows(asked, body)
        except csv.Error as error:
            raise unreadable(asked.path, "csv", str(error), body.line) from None


def _rows(asked: Rows, body: _Body) -> Iterator[Row]:
    columns = asked.columns
    reader = csv.reader(body, delimiter=body.find_header(), strict=True)
    header = body.header = [cell.strip() for cell in next(reader, [])]
    places = _places(asked.path, columns, header)
    at, name = places[0], columns[0]
    body.between_rows = True
    for cells in reader:
        body.between_rows = True
        if not cells:  # an empty line
            continue
        # What may be a header is looked at closely; other rows are many.
        if len(cells) != len(header) or name in cells or cells[at].strip() == name:
            found = [cell.strip() for cell in cells]
            if found == header:
                asked.headers += 1
                continue
            _refuse(asked.path, columns, body, found)
        yield body.line, [cells[place] for place in places]


def _refuse(path: Path, columns: Sequence[str], body: _Body, found: list[str]) -> None:
    """Refuse another header, and a row of another length."""
    where = f"{path}, line {body.line}"
    if set(columns) <= set(found):
        raise DatasetError(
            "another header",
            where=where,
            expected="rows, or the header of the first line once more",
            found=listed(found),
            hint="the columns change there: write all rows under one header",
        )
    if len(found) != len(body.header):
        raise DatasetError(
            "a row of another length than the header",
            where=where,
            expected=f"{len(body.header)} cells",
            found=str(len(found)),
            hint="if it is a comment, say how comments begin: --comment TEXT"
            if len(found) == 1
            else None,
        )


class _Body:
    """The lines that are no comments, from the header on.

    Attributes:
        line: number of the last line that was read.
        between_rows: whether the next line begins a row; False within a quoted cell.
        header: its cells, once they are known.
    """

    def __init__(self, asked: Rows, source: Iterator[str]) -> None:
        self._asked, self._source = asked, source
        self._mark = asked.comment or COMMENT
        self._first, self._delimiter = "", ","
        self.line = 0
        self.between_rows = False
        self.header: list[str] = []

    def find_header(self) -> str:
        """Read up to the header; its delimiter: the one that shows all columns, else the comma."""
        for text in self._source:
            self.line += 1
            line, delimiter = text, self._delimiter_of(text)
            if line.startswith(self._mark) and delimiter is None:
                line = line.removeprefix(self._mark).lstrip()  # numpy writes headers as comments
                delimiter = None if self._asked.comment else self._delimiter_of(line)
                if delimiter is None:
                    self._asked.comments += 1
                    continue
            if line.strip():
                self._first, self._delimiter = line, delimiter or ","
                break
        return self._delimiter

    def __iter__(self) -> Iterator[str]:
        if self._first:
            yield self._first
        for text in self._source:
            self.line += 1
            if self.between_rows and text.startswith(self._mark) and self._is_comment(text):
                self._asked.comments += 1
                continue
            self.between_rows = False
            yield text

    def _is_comment(self, text: str) -> bool:
        """Whether a line with the mark is no row; unless it was named, a row may begin so by chance."""
        if self._asked.comment:
            return True
        bare = [cell.strip() for cell in _cells(text.removeprefix(self._mark), self._delimiter)]
        return len(bare) != len(self.header) or bare == self.header

    def _delimiter_of(self, text: str) -> str | None:
        wanted = set(self._asked.columns)
        return next(
            (d for d in _DELIMITERS if wanted <= {c.strip() for c in _cells(text, d)}), None
        )


def _cells(text: str, delimiter: str) -> list[str]:
    """The cells of a line; none if it is no whole row."""
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return []


def _places(path: Path, columns: Sequence[str], header: list[str]) -> list[int]:
    check_columns(path, columns, header)
    for name in columns:
        if header.count(name) > 1:
            raise DatasetError(
                f"the column {shown(name)} stands there twice",
                where=str(path),
                expected="each column once",
                found=str(header.count(name)),
            )
    return [header.index(name) for name in columns]

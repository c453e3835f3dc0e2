"""The rows of a tidy file as arrays, checked cell by cell; an error names the line."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from bench.errors import DatasetError, shown
from bench.importers._text import MAX_ROWS, too_many_rows
from bench.reading import Budget
from bench.suite import MAX_NAME, is_printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from bench.frames import Metric

Run = tuple[str, str, str]  # group, variant, seed, as the file writes them
Columns = Mapping[str, Sequence[str]]  # by role: several make a variant, one each of the others
Repeated = Literal["refuse", "last", "first", "mean"]

LARGEST_STEP: Final = 2**53  # above, not every whole number is a float
_ROW: Final = 64  # bytes of memory, as read and once more as sorted
_VALUE: Final = 16  # likewise
MAX_RUNS: Final = 1_000_000
_MISSING: Final = frozenset({"", "na", "n/a", "null", "none"})


@dataclass(frozen=True, eq=False)
class Table:
    """The evaluations of a file, sorted by run and step; a step of a run has one.

    Attributes:
        runs: every run, in the order of the file, also one without a single value.
        run: (n,) which of them an evaluation belongs to.
        step: (n,) when it was made.
        values: per metric, (n,): NaN is missing; what was not finite is infinite on the bad side.
        cells: of each variant, those of its columns; empty ones are no part of its name.
        rows: of the file.
        repeated: cells that say again what another row of the same run and step says.
        settled: cells on which rows of the same run and step differ, as ``Repeated`` settled them.
    """

    runs: list[Run]
    run: NDArray[np.int64]
    step: NDArray[np.float64]
    values: dict[str, NDArray[np.float64]]
    cells: dict[str, tuple[str, ...]]
    rows: int
    repeated: int = 0
    settled: int = 0


def collect(
    where: str,
    rows: Iterable[tuple[int, Sequence[Any]]],
    columns: Columns,
    metrics: Sequence[Metric],
    *,
    unit: str = "line",
    repeated: Repeated = "refuse",
) -> Table:
    """Read all rows, whose cells are those of ``columns`` (by role), then metrics.

    unit: what the rows' numbers count, ``line`` or ``row``. repeated: what counts where rows of the
    same run and step differ. An evaluation may have no value at all: the file has a row of it.

    Raises:
        DatasetError: a cell that is not what its column should hold, or rows that contradict.
    """
    reader = _Cells(f"{where}, {unit}")
    roles, width = _places(columns)
    runs: dict[Run, int] = {}
    run, step, line = array("q"), array("d"), array("q")
    values = [array("d") for _ in metrics]
    read, most = 0, min(MAX_ROWS, Budget().bytes // (_ROW + _VALUE * len(metrics)))
    for number, cells in rows:
        read += 1
        group, variant, seed = (reader.name(number, roles[role], cells) for role in _NAMING)
        code = runs.setdefault((group, variant, seed), len(runs))
        if read > most:
            raise too_many_rows(where, most)
        if len(runs) > MAX_RUNS:
            raise _too_many_runs(where)
        found = list(map(partial(reader.value, number), metrics, cells[width:]))
        nothing = all(map(math.isnan, found))
        when = reader.step(number, roles["step"], cells, needed=not nothing)
        if when is None:
            continue  # a row about something else
        run.append(code)
        line.append(number)
        step.append(when)
        for column, value in zip(values, found, strict=True):
            column.append(value)
    if not read:
        raise DatasetError("no rows", where=where, expected="a row per evaluation", found="none")
    table = Table(
        runs=list(runs),
        run=np.array(run),
        step=np.array(step),
        values={m.name: np.array(v) for m, v in zip(metrics, values, strict=True)},
        cells=reader.variants,
        rows=read,
    )
    return _merged(f"{where}, {unit}s", table, np.array(line), repeated)


def joined(columns: Sequence[str], cells: Sequence[str]) -> str:
    """A variant's name: its cell, or of several columns ``optimizer=sgd lr=0.01`` without the empty ones."""
    if len(columns) == 1:
        return cells[0]
    return " ".join(f"{column}={cell}" for column, cell in zip(columns, cells, strict=True) if cell)


_Role = Sequence[tuple[str, int]]  # its columns, each with its place in a row
_NAMING: Final = ("group", "variant", "seed")


def _places(columns: Columns) -> tuple[dict[str, _Role], int]:
    """The columns of each role with their places, and how many come before the metrics."""
    roles: dict[str, _Role] = dict.fromkeys((*_NAMING, "step"), ())
    place = 0
    for role, names in columns.items():
        roles[role] = [(name, place + i) for i, name in enumerate(names)]
        place += len(names)
    return roles, place


def _too_many_runs(where: str) -> DatasetError:
    return DatasetError(
        "too many runs",
        where=where,
        expected=f"at most {MAX_RUNS:,}",
        found="more",
        hint="a run is a variant, seed and group: are --variant, --seed and --group the right columns?",
    )


class _Cells:
    """Cells as what they should be. Names are checked when they are first seen."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._names: dict[str, str] = {}
        self.variants: dict[str, tuple[str, ...]] = {}

    def name(self, line: int, role: _Role, cells: Sequence[Any]) -> str:
        """What a row belongs to; empty if no column says it."""
        if not role:
            return ""
        if len(role) == 1:
            ((column, place),) = role
            return self._name(line, column, cells[place])
        columns = [column for column, _ in role]
        parts = tuple(
            "" if _is_missing(cells[place]) else self._name(line, column, cells[place])
            for column, place in role
        )
        name = joined(columns, parts)
        if not is_printable(name) or self.variants.setdefault(name, parts) != parts:
            expected = f"values that make a name of at most {MAX_NAME} characters, each its own"
            raise self._error(line, " and ".join(columns), expected, name)
        return name

    def _name(self, line: int, column: str, cell: Any) -> str:
        known = self._names.get(cell) if isinstance(cell, str) else None
        if known is not None:
            return known
        if not isinstance(cell, str | int | float) or cell != cell:  # noqa: PLR0124
            raise self._error(line, column, "a name", cell)
        whole = isinstance(cell, float) and cell.is_integer()
        text = str(int(cell) if whole else cell).strip()
        if not text:
            raise self._error(line, column, "a name", cell)
        if not is_printable(text):
            expected = f"printable text of at most {MAX_NAME} characters"
            raise self._error(line, column, expected, cell)
        return self._names.setdefault(text, text) if cell == text else text

    def step(self, line: int, role: _Role, cells: Sequence[Any], *, needed: bool) -> float | None:
        """When a row was measured; None if it says nothing, and need not."""
        if not role:
            return 1.0
        ((column, place),) = role
        number = _number(cells[place])
        if number is not None and abs(number) <= LARGEST_STEP:
            return number
        if needed:
            raise self._error(line, column, "a number", cells[place])
        return None

    def value(self, line: int, metric: Metric, cell: Any) -> float:
        """NaN if missing; if not finite, infinite on the bad side."""
        if _is_missing(cell):
            return math.nan
        number = _number(cell)
        if number is None:
            expected = "a number, or nothing; NaN and Infinity for a run that diverged"
            comma = isinstance(cell, str) and _number(cell.replace(",", ".")) is not None
            hint = "write decimals with a point" if comma else None
            raise self._error(line, metric.name, expected, cell, hint)
        if not math.isfinite(number):
            return math.inf if metric.higher_is_better is False else -math.inf
        if metric.percent and not 0 <= number <= 100:
            raise self._error(
                line,
                metric.name,
                f"a share, 0 to 1, or percent, 0 to 100, since it is a {metric.label}",
                cell,
                hint="give the column another name if it is none",
            )
        return number

    def _error(
        self, line: int, column: str, expected: str, cell: Any, hint: str | None = None
    ) -> DatasetError:
        found = "nothing" if cell is None or cell == "" else repr(cell)
        found = found if len(found) <= 80 else found[:77] + "..."
        return DatasetError(
            f"not a value for the column {shown(column)}",
            where=f"{self._where} {line}",
            expected=expected,
            found=found,
            hint=hint,
        )


def _is_missing(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and cell.strip().casefold() in _MISSING)


def _number(cell: Any) -> float | None:
    """A number as written: no thousands separators, no decimal comma, no truth values."""
    if isinstance(cell, bool) or (isinstance(cell, str) and "_" in cell):
        return None
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None
    except OverflowError:
        return math.inf


def _merged(where: str, table: Table, line: NDArray[np.int64], repeated: Repeated) -> Table:
    """Sorted by run and step; rows of the same run and step are one: they complete each other."""
    order = np.lexsort((line, table.step, table.run))
    run, step, line = table.run[order], table.step[order], line[order]
    new = np.ones(run.size, dtype=bool)
    new[1:] = (run[1:] != run[:-1]) | (step[1:] != step[:-1])
    first = np.flatnonzero(new)
    again = settled = 0
    merged = {name: column[order] for name, column in table.values.items()}
    for name, found in merged.items() if first.size < run.size else ():
        high, low = np.fmax.reduceat(found, first), np.fmin.reduceat(found, first)
        differ = np.flatnonzero(high > low)
        if differ.size and repeated == "refuse":
            start = first[differ[0]]
            named = " / ".join(part for part in table.runs[run[start]] if part)
            what = f"{shown(name)} for {named} at step {step[start]:g}"
            raise _contradiction(where, what, line[start:], found[start:])
        there = np.add.reduceat(~np.isnan(found), first, dtype=np.int64)
        again += int((there[high == low] - 1).sum())
        settled += differ.size
        if differ.size:
            high[differ] = _settled(found, first, repeated)[differ]
        merged[name] = high
    return replace(
        table,
        run=run[first],
        step=step[first],
        values=merged,
        repeated=again,
        settled=settled,
    )


def _settled(
    found: NDArray[np.float64], first: NDArray[np.int64], repeated: Repeated
) -> NDArray[np.float64]:
    """The value that counts, of those from each of ``first`` on to the next; where there is none, any."""
    missing, at = np.isnan(found), np.arange(found.size)
    if repeated == "mean":
        sums = np.add.reduceat(np.where(missing, 0.0, found), first)
        return sums / np.maximum(np.add.reduceat(~missing, first, dtype=np.int64), 1)
    if repeated == "last":
        return found[np.maximum.reduceat(np.where(missing, 0, at), first)]
    return found[np.minimum.reduceat(np.where(missing, found.size - 1, at), first)]


def _contradiction(
    where: str, what: str, line: NDArray[np.int64], found: NDArray[np.float64]
) -> DatasetError:
    """About the first two values that differ, of those from the start of ``found`` on."""
    said = np.flatnonzero(~np.isnan(found))
    one = said[0]
    other = next(i for i in said if found[i] != found[one])
    return DatasetError(
        f"two values of {what}",
        where=f"{where} {line[one]} and {line[other]}",
        expected="one row for each variant, seed, step and group",
        found=f"{found[one]:g} and {found[other]:g}",
        hint="if a run was resumed, --repeated last lets the later row count; if they are of different"
        " runs, give the column that tells them apart as --seed or --group",
    )

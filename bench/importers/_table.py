"""The rows of a tidy file as arrays, checked cell by cell; an error names the line."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench.errors import DatasetError
from bench.suite import MAX_NAME, is_printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from bench.frames import Metric

Run = tuple[str, str, str]  # group, variant, seed, as the file writes them

LARGEST_STEP: Final = 2**53  # above, not every whole number is a float
MAX_ROWS: Final = 200_000_000  # 32 bytes of memory each, and 8 for every metric
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
        rows: of the file.
        repeated: cells that say again what another row of the same run and step says.
    """

    runs: list[Run]
    run: NDArray[np.int64]
    step: NDArray[np.float64]
    values: dict[str, NDArray[np.float64]]
    rows: int
    repeated: int


def collect(
    where: str,
    rows: Iterable[tuple[int, Sequence[Any]]],
    columns: Mapping[str, str],
    metrics: Sequence[Metric],
    *,
    unit: str = "line",
) -> Table:
    """Read all rows, whose cells are those of ``columns`` (variant, seed, step, group), then metrics.

    unit: what the rows' numbers count, ``line`` or ``row``.

    Raises:
        DatasetError: a cell that is not what its column should hold, or rows that contradict.
    """
    reader = _Cells(f"{where}, {unit}")
    place = {role: index for index, role in enumerate(columns)}
    naming = [(place.get(role), columns.get(role, "")) for role in ("group", "variant", "seed")]
    runs: dict[Run, int] = {}
    run, step, line = array("q"), array("d"), array("q")
    values = [array("d") for _ in metrics]
    read = 0
    for number, cells in rows:
        read += 1
        group, variant, seed = (
            "" if at is None else reader.name(number, name, cells[at]) for at, name in naming
        )
        code = runs.setdefault((group, variant, seed), len(runs))
        if read > MAX_ROWS or len(runs) > MAX_RUNS:
            raise _too_many(where, "rows" if read > MAX_ROWS else "runs")
        found = list(map(partial(reader.value, number), metrics, cells[len(columns) :]))
        if all(map(math.isnan, found)):
            continue
        run.append(code)
        line.append(number)
        at = cells[place["step"]] if "step" in place else 1
        step.append(reader.step(number, columns.get("step", ""), at))
        for column, value in zip(values, found, strict=True):
            column.append(value)
    if not read:
        raise DatasetError("no rows", where=where, expected="a row per evaluation", found="none")
    return _merged(
        f"{where}, {unit}s",
        list(runs),
        read,
        (run, step, line),
        dict(zip([m.name for m in metrics], values, strict=True)),
    )


def _too_many(where: str, what: str) -> DatasetError:
    most = MAX_ROWS if what == "rows" else MAX_RUNS
    return DatasetError(
        f"too many {what}",
        where=where,
        expected=f"at most {most:,}",
        found="more",
        hint="leave steps out, or split the file"
        if what == "rows"
        else "a run is a variant, seed and group: are --variant, --seed and --group the right columns?",
    )


class _Cells:
    """Cells as what they should be. Names are checked when they are first seen."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._names: dict[str, str] = {}

    def name(self, line: int, column: str, cell: Any) -> str:
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
        return self._names.setdefault(cell, text) if isinstance(cell, str) else text

    def step(self, line: int, column: str, cell: Any) -> float:
        number = _number(cell)
        if number is None or not abs(number) <= LARGEST_STEP:
            raise self._error(line, column, "a number", cell)
        return number

    def value(self, line: int, metric: Metric, cell: Any) -> float:
        """NaN if missing; if not finite, infinite on the bad side."""
        if cell is None or (isinstance(cell, str) and cell.strip().casefold() in _MISSING):
            return math.nan
        number = _number(cell)
        if number is None:
            expected = "a number, or nothing; NaN and Infinity for a run that diverged"
            comma = isinstance(cell, str) and _number(cell.replace(",", ".")) is not None
            hint = "write decimals with a point" if comma else None
            raise self._error(line, metric.name, expected, cell, hint)
        if not math.isfinite(number):
            return math.inf if metric.higher_is_better is False else -math.inf
        if metric.percent and not 0 <= number <= 1:
            raise self._error(
                line,
                metric.name,
                f"a share, 0 to 1, since {metric.name} is a metric of Seedwise",
                cell,
                hint="divide by 100, or give the column another name",
            )
        return number

    def _error(
        self, line: int, column: str, expected: str, cell: Any, hint: str | None = None
    ) -> DatasetError:
        found = "nothing" if cell is None or cell == "" else repr(cell)
        found = found if len(found) <= 80 else found[:77] + "..."
        return DatasetError(
            f"not a value for the column {column!r}",
            where=f"{self._where} {line}",
            expected=expected,
            found=found,
            hint=hint,
        )


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


def _merged(
    where: str,
    runs: list[Run],
    rows: int,
    keys: tuple[array[int], array[float], array[int]],
    values: dict[str, array[float]],
) -> Table:
    """Sorted by run and step; rows of the same run and step are one, if they do not contradict."""
    run, step, line = (np.array(key) for key in keys)
    order = np.lexsort((line, step, run))
    run, step, line = run[order], step[order], line[order]
    new = np.ones(run.size, dtype=bool)
    new[1:] = (run[1:] != run[:-1]) | (step[1:] != step[:-1])
    first = np.flatnonzero(new)
    repeated, merged = 0, {}
    for name, column in values.items():
        found = np.array(column)[order]
        if first.size < found.size:
            high, low = np.fmax.reduceat(found, first), np.fmin.reduceat(found, first)
            if (contradictory := np.flatnonzero(high > low)).size:
                start = first[contradictory[0]]
                named = " / ".join(part for part in runs[run[start]] if part)
                what = f"{name!r} for {named} at step {step[start]:g}"
                raise _contradiction(where, what, line[start:], found[start:])
            there = np.add.reduceat(~np.isnan(found), first, dtype=np.int64)
            repeated += int(np.maximum(there - 1, 0).sum())
            found = high
        merged[name] = found
    return Table(runs, run[first], step[first], merged, rows, repeated)


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
        hint="if they are of different runs, give the column that tells them apart as --seed or --group",
    )

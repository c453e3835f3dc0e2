"""A table with a header, numeric features and one column of labels."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench import reading
from bench.datasets import _arrays, _options
from bench.errors import DatasetError, closest, first_line, header, shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from bench.plugins import Dataset

ARGUMENTS = ("csv", "label")
OPTIONS = _options.OPTIONS
MAX_COLUMNS: Final = 100_000
MAX_HEAD: Final = 10_000_000  # bytes in which they are counted


def load(arguments: Mapping[str, Any], folder: Path) -> Dataset:
    """Read ``{csv: FILE, label: COLUMN}``: comma-separated, UTF-8, the first line a header.

    Every other column is a feature, in the table's order. If all labels are numbers and some are not whole,
    or if the suite says ``targets: real``, they are real-valued targets, and every fifth row is a test row.
    Else the distinct labels, sorted (as numbers if all are whole numbers, else as text), are the classes
    0, 1, ..., and the 5th, 10th, 15th, ... row of each class is a test row.

    Raises:
        DatasetError: the file or column is missing, a cell is empty, or a feature is no number.
    """
    path, label, said = folder / arguments["csv"], arguments["label"], _options.of(arguments)
    table = _read(path, label)
    labels = table.pop(label)
    _refuse_empty(labels, path)
    if said["targets"] == "real" or (said["targets"] is None and _are_measured(labels)):
        y, classes = _measured(labels, path), None
        test, rule = _arrays.every_fifth(np.zeros(len(y))), "every fifth row is a test row"
        told = f"targets from column {label!r}"
    else:
        names, y = _classes(labels, path)
        classes, test, rule = len(names), _arrays.every_fifth(y), _arrays.SPLIT_RULE
        numbered = ", ".join(f"{number} = {name}" for number, name in enumerate(names[:20]))
        told = f"classes from column {label!r}: {numbered}{', ...' if classes > 20 else ''}"
    x = _features(table, path)
    if not test.any():
        raise DatasetError(
            "no row to test with" if classes is None else "no class has a row to test with",
            where=str(path),
            expected=f"five rows or more{' of a class' if classes else ''}, because {rule}",
            found=f"{len(y)} rows" + (f" of {classes} classes" if classes else ""),
        )
    return _arrays.dataset(
        path.stem,
        (x[~test], y[~test]),
        (x[test], y[test]),
        origin=f"table {arguments['csv']}, {x.shape[1]} features; {told}; {rule}",
        where=str(path),
        classes=classes,
        **said,
    )


def _read(path: Path, label: str) -> pd.DataFrame:
    """The table, with its labels as text; nothing but an empty cell counts as missing."""
    import pandas as pd

    budget, gzipped = reading.Budget(), path.suffix == ".gz"
    try:
        with reading.opened(path, budget, gzipped=gzipped, held=True) as file:
            _check_head(file.read(MAX_HEAD), path)
            file.seek(0)
            with budget.limited():
                table = pd.read_csv(
                    file,
                    dtype={label: str},
                    encoding="utf-8-sig",
                    keep_default_na=False,
                    na_values=[""],
                    low_memory=False,
                )
    except reading.UNREADABLE as error:
        raise DatasetError(
            "this table cannot be read" if path.exists() else "there is no such file",
            where=str(path),
            expected="comma-separated text in UTF-8 whose first line names the columns",
            found=first_line(error),
            hint=None if path.exists() else "relative paths start at the suite's folder",
        ) from error
    _check_columns(table, label, path)
    return table


def _check_head(start: bytes, path: Path) -> None:
    """Refuse more columns than pandas reads in seconds, in the header or, beyond it, in the first row."""
    text = io.StringIO(start.decode("utf-8-sig", "replace"), newline="")
    with contextlib.suppress(csv.Error):  # pandas will say what is wrong
        widths = map(len, filter(None, csv.reader(text)))
        widest = max(itertools.islice(widths, 2), default=0)
        if widest > MAX_COLUMNS:
            raise DatasetError(
                "too many columns",
                where=str(path),
                expected=f"at most {MAX_COLUMNS:,}",
                found=f"{widest:,}",
                hint="keep wide data as .npz",
            )


def _check_columns(table: pd.DataFrame, label: str, path: Path) -> None:
    import pandas as pd

    columns = list(table.columns)
    if label not in columns:
        raise DatasetError(
            f"column {shown(label)} is missing",
            where=str(path),
            expected=f"a header with {shown(label)} in it",
            found=header(columns),
            hint=closest(label, columns),
        )
    if len(table) == 0:
        raise DatasetError(
            "this table has no rows",
            where=str(path),
            expected="rows below the header",
            found=f"a header of {len(columns)} columns only",
        )
    if not isinstance(table.index, pd.RangeIndex):
        raise DatasetError(
            "the rows have more cells than the header",
            where=str(path),
            expected=f"{len(columns)} cells in each row",
            found=f"{len(columns) + table.index.nlevels} cells",
            hint="give every column a name",
        )


def _are_measured(labels: pd.Series[str]) -> bool:
    """Whether all labels are finite numbers, and some of them not whole."""
    values = _values(labels)
    return bool(np.isfinite(values).all() and (np.rint(values) != values).any())


def _values(labels: pd.Series[str]) -> np.ndarray:
    """(rows,) float64; NaN where a label is no number."""
    import pandas as pd

    return pd.to_numeric(labels, errors="coerce").to_numpy(float)


def _measured(labels: pd.Series[str], path: Path) -> np.ndarray:
    """Real-valued targets, (rows,) float64."""
    values = _values(labels)
    finite = np.isfinite(values)
    if not finite.all():
        row = int(finite.argmin())
        raise DatasetError(
            "this target is no number",
            where=f"{path}, column {shown(labels.name)}",
            expected="finite numbers, as the targets are real-valued",
            found=f"{shown(labels.iloc[row])} in data row {row + 1}",
            hint="leave out targets: real, if the column names classes",
        )
    return values


def _classes(labels: pd.Series[str], path: Path) -> tuple[list[str], np.ndarray]:
    """The sorted names of the classes and the class number of each row, (n,) int32."""
    labels = _without_fractions(labels)
    names = sorted(set(labels))
    with contextlib.suppress(ValueError):  # text stays in alphabetic order
        names = sorted(names, key=int)
    if 2 * len(names) > max(len(labels), 4):
        raise DatasetError(
            "nearly every row has a label of its own",
            where=f"{path}, column {shown(labels.name)}",
            expected="classes of at least two rows on average",
            found=f"{len(names)} different labels in {len(labels)} rows",
            hint="name a column of classes as label; or say targets: real, if these are measured",
        )
    numbers = {name: number for number, name in enumerate(names)}
    return names, np.array([numbers[label] for label in labels], dtype=np.int32)


def _without_fractions(labels: pd.Series[str]) -> pd.Series[str]:
    """Labels as whole numbers if all are, in whatever way they are written: 1.0 is 1."""
    values = _values(labels)
    whole = np.isfinite(values) & (np.rint(values) == values)
    try:
        _ = labels.map(int)
    except ValueError:
        return labels.map(lambda text: str(int(float(text)))) if whole.all() else labels
    return labels


def _features(table: pd.DataFrame, path: Path) -> np.ndarray:
    """(rows, features) float32."""
    import pandas as pd

    for name in table:
        column = table[name]
        _refuse_empty(column, path)
        if not pd.api.types.is_numeric_dtype(column):
            values = pd.to_numeric(column.astype(str), errors="coerce")  # as text: of any length
            row = int((~np.isfinite(values.to_numpy(float))).argmax())
            raise DatasetError(
                "this feature is not numeric",
                where=f"{path}, column {shown(name)}",
                expected="numbers",
                found=f"{shown(column.iloc[row])} in data row {row + 1}",
                hint="encode it as numbers or remove the column",
            )
    with np.errstate(over="ignore"):  # becomes infinite, which is refused later
        return table.to_numpy(dtype=np.float32)


def _refuse_empty(column: pd.Series[Any], path: Path) -> None:
    empty = column.isna().to_numpy()
    if empty.any():
        raise DatasetError(
            f"{np.count_nonzero(empty)} cells are empty",
            where=f"{path}, column {shown(column.name)}",
            expected="a value in every row",
            found=f"nothing in data row {int(empty.argmax()) + 1}",
            hint="fill in or drop these rows",
        )

"""A report's figures and tables as files for papers, each by its stable name, and the references to cite."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final, Literal

from markupsafe import Markup

from bench import files
from bench.report import escaping, stills, templating
from bench.report.blocks import Table, parts
from bench.report.own import Own

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from bench.report.blocks import Block, Cell

Tables = Literal["latex", "markdown", "csv"]

_LONG: Final = 36  # characters of a cell that is set in several lines
_LINES: Final = 0.5  # share of the width that such columns have together
ENDINGS: Final[dict[Tables, str]] = {"latex": "tex", "markdown": "md", "csv": "csv"}


def write_figures(blocks: Iterable[Block], folder: Path, kind: stills.Kind) -> list[Path]:
    """Write each figure to ``folder/QUESTION/NAME.KIND``, as wide as a paper's column; return the paths.

    Raises:
        UsageError: the folder cannot be written.
    """
    return [
        files.write(folder, f"{drawing.name}.{kind}", stills.converted(drawing.svg, kind))
        for block in stills.figures_in(blocks)
        for drawing in stills.drawings_of(block)
    ]


def write_tables(
    blocks: Iterable[Block],
    folder: Path,
    kind: Tables,
    own: Own = Own(),  # noqa: B008
) -> list[Path]:
    """Write each table to ``folder/QUESTION/NAME.ENDING``; return the paths.

    LaTeX needs the packages array, booktabs and graphicx. CSV has a row of headings; its numbers are rounded
    as in the report (frames have all digits).

    Raises:
        UsageError: the folder cannot be written.
    """
    text = _csv if kind == "csv" else _template(kind, own)
    tables = parts(tuple(blocks), Table)
    return [files.write(folder, f"{t.name}.{ENDINGS[kind]}", text(t)) for t in tables]


def _template(kind: Literal["latex", "markdown"], own: Own) -> Callable[[Table], str]:
    env = templating.environment(kind, own)
    env.globals["column_types"] = _column_types
    show: Any = env.globals["show"]
    return lambda table: f"{show(table)}\n"


def _column_types(table: Table) -> Markup:
    """LaTeX's: numbers to the right, texts to the left, long ones in lines."""
    long = [
        any(len(row[place].text) > _LONG for row in table.rows if len(row) > 1)
        for place in range(len(table.columns))
    ]
    width = rf">{{\raggedright\arraybackslash}}p{{{_LINES / max(sum(long), 1):.2g}\linewidth}}"
    types = [
        width if is_long else "r" if column.kind == "number" else "l"
        for column, is_long in zip(table.columns, long, strict=True)
    ]
    return Markup("".join(types))  # noqa: S704  # LaTeX of ours


def _csv(table: Table) -> str:
    """Headings of groups become a column, and so do the verdicts that stand beside numbers."""
    heads: list[str] = ["group"] if table.grouped else []
    for place, column in enumerate(table.columns):
        heads += [column.title, *([f"{column.title}: verdict"] * (place in table.marked))]
    file, group = io.StringIO(), ""
    write = csv.writer(file, lineterminator="\n").writerow
    write(map(escaping.csv, heads))
    for row in table.rows:
        if len(row) == 1:
            group = row[0].text
            continue
        cells = [escaping.csv(group)] if table.grouped else []
        for place, cell in enumerate(row):
            cells += [_plain(cell), *([cell.mark] * (place in table.marked))]
        write(cells)
    return file.getvalue()


def _plain(cell: Cell) -> str:
    return escaping.csv(cell.text, number=cell.kind == "number")

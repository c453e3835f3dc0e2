"""A tidy file, one row per evaluation, as a results folder: CSV, Parquet or JSON lines.

What a row is: a variant, a seed, a step, perhaps a group (a data set), and one or more metrics.
Groups become questions. A cell may be empty: the metric was not recorded there, unless it was due
(``_empty``). NaN and infinities are results, the worst there are: a run whose primary metric ends so
has diverged.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.importers._asked import Asked, Policies, named, own_metrics
from bench.importers._empty import settle
from bench.importers._notes import notes_on
from bench.importers._rows import Rows
from bench.importers._runs import results
from bench.importers._seeds import seeds_of
from bench.importers._suite import source_of, suite_of
from bench.importers._table import collect
from bench.store import Results, Store, load_results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.importers._empty import Empty
    from bench.importers._table import Repeated


def read(
    path: str | Path,
    kind: str,
    out: str | Path,
    *,
    variant: str | Sequence[str],
    seed: str,
    metrics: Sequence[str],
    step: str | None = None,
    group: str | None = None,
    baseline: str | None = None,
    target: tuple[str, float] | None = None,
    margin: float | None = None,
    paired: bool = True,
    claims: Sequence[str] = (),
    repeated: Repeated = "refuse",
    empty: Empty | None = None,
    encoding: str | None = None,
    comment: str | None = None,
    command: str = "",
) -> Results:
    """Read a tidy file, write it as a results folder, and return the frames.

    Args:
        path: the file, one row per evaluation.
        kind: ``csv``, ``parquet`` or ``jsonl`` (one JSON object per line).
        out: results folder; what an import wrote there before is replaced.
        variant: the column that says what was trained; several make one name together.
        seed: the column that says which repetition of it.
        step: the column of steps or epochs; without one, a row is a whole run.
        group: the column of data sets, each of them a question; without one, there is one question.
        metrics: columns, each with ``:min`` or ``:max`` (which is better) unless Seedwise knows it;
            the first one decides.
        baseline: the variant that the others are compared with; default the first one in the file.
        target: a metric's column and the value to reach.
        margin: differences of the first metric below this do not matter.
        paired: whether runs of the same seed are pairs; False if they share only a number.
        claims: such as ``adam val_acc better than 0.93`` or ``adam not worse than sgd``.
        repeated: what counts where rows of the same run and step differ: ``last``, ``first``, ``mean``.
        empty: empty cells at the end of a run: ``diverged`` or ``missing``; default: as ``_empty`` tells.
        encoding: of the file; default: what its first bytes say, else UTF-8.
        comment: how lines begin that are no rows; default ``#``, where a line cannot be a row.
        command: how to repeat the import, for the report.

    Raises:
        UsageError: columns, metrics, names or claims that do not fit the file.
        DatasetError: a file that cannot be read; names the line.
        StoreError: a folder that cannot be written.
    """
    columns = {"group": group, "variant": variant, "seed": seed, "step": step}
    asked = Asked(
        columns={
            role: (names,) if isinstance(names, str) else tuple(names)
            for role, names in columns.items()
            if names is not None
        },
        metrics=named(metrics),
        own=own_metrics(metrics),
        baseline=baseline,
        target=target,
        margin=margin,
        paired=paired,
        claims=claims,
        policies=Policies(repeated, empty, encoding, comment),
    )
    asked.check()
    path = Path(path)
    rows = Rows(path, kind, asked.cells, encoding=encoding, comment=comment)
    measured = [asked.metric(name) for name in asked.metrics]
    unit = "row" if kind == "parquet" else "line"
    table = collect(str(path), rows, asked.columns, measured, unit=unit, repeated=repeated)
    infinite = sum(int(np.isinf(column).sum()) for column in table.values.values())
    settled = settle(table, measured, empty)
    seeds = seeds_of(path, table.runs)
    notes = notes_on(asked, rows, settled, seeds, infinite=infinite)
    source = source_of(path, settled.table, asked, seeds, notes)
    suite = suite_of(str(path), source, settled.table, asked, seeds)
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    runs = list(results(settled.table, suite, source, seeds.number, now))
    with Store(Path(out)) as store:
        store.replace(suite, runs, started_at=now, command=command or f"import of {path.name}")
    return load_results(out)

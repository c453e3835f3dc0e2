"""Shares and percentages: which of the two a file has, and where it seems to mix them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from bench.frames import METRICS
from bench.suite import MixedUnits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from bench.frames import Metric
    from bench.importers._table import Table

_ONE: Final = 1 + 1e-6  # a share as float32 has it
_LEAST: Final = 20.0  # times that percentages are larger than the shares of other runs
_MOST: Final = 500.0


def in_percent(table: Table) -> list[str]:
    """The accuracies with a name of ours that the file has in percent: some value is above 1."""
    known = [name for name in table.values if name in METRICS and METRICS[name].percent]
    return [name for name in known if np.fmax.reduce(table.values[name], initial=0.0) > _ONE]


def mixed(table: Table, metrics: Sequence[Metric], seeds: Mapping[str, int]) -> list[MixedUnits]:
    """Where some runs of a group look like percentages and others like shares of the same metric.

    All finite values lie in 0 to 100. Percentages: half of a run's are above 1; shares: all are in 0 to 1;
    the medians differ 20- to 500-fold. Of what is better lower, only whole variants count: a loss may well be a
    hundred times larger where a run failed.
    """
    return [found for metric in metrics for found in _mixed(table, metric, seeds)]


def _mixed(table: Table, metric: Metric, seeds: Mapping[str, int]) -> Iterator[MixedUnits]:
    run, low, middle, high = _spread(table, table.values[metric.name])
    share, percent = high <= _ONE, middle > _ONE
    groups: dict[str, list[int]] = {}
    for at, code in enumerate(run.tolist()):
        groups.setdefault(table.runs[code][0], []).append(at)
    for group, here in groups.items():
        if (low[here] < 0).any() or (high[here] > 100).any():
            continue  # neither of the two
        if metric.higher_is_better is False:
            both = {table.runs[run[at]][1] for at in here if share[at]}
            both &= {table.runs[run[at]][1] for at in here if not share[at]}
            here = [at for at in here if table.runs[run[at]][1] not in both]  # noqa: PLW2901
        larger, smaller = [at for at in here if percent[at]], [at for at in here if share[at]]
        if larger and smaller and _are_apart(middle[larger], middle[smaller]):
            yield MixedUnits(
                question=group or "imported",
                metric=metric.name,
                percent=_by_variant(table, run[larger], seeds),
                shares=_by_variant(table, run[smaller], seeds),
            )


def _are_apart(larger: NDArray[np.float64], smaller: NDArray[np.float64]) -> bool:
    high, low = float(np.median(larger)), float(np.median(smaller))
    return _LEAST * low <= high <= _MOST * low


def _by_variant(
    table: Table, runs: NDArray[np.int64], seeds: Mapping[str, int]
) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for code in runs.tolist():
        _, variant, seed = table.runs[code]
        found.setdefault(variant, []).append(seeds[seed])
    return {variant: sorted(numbers) for variant, numbers in found.items()}


def _spread(
    table: Table, column: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Of each run with a finite value: its code, the smallest, the median (the upper one) and the largest."""
    finite = np.isfinite(column)
    run, values = table.run[finite], column[finite]
    order = np.lexsort((values, run))
    run, values = run[order], values[order]
    code, first, count = np.unique(run, return_index=True, return_counts=True)
    return code, values[first], values[first + count // 2], values[first + count - 1]

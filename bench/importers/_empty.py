"""What empty cells at the end of a run mean: that it diverged, since pandas writes NaN so, or nothing.

A metric that is recorded only now and then is no run that diverged; nor is one that a run never
recorded, or that no run records to its end. So a value must have been due, and not before the time
between the last two values has passed once more. It was due

* where runs that have their last two values at the same steps have the next one, those of the same
  variant before others; if there are none,
* in the next row, if every row before had one; at the next step, if all lie in equal distances; the
  first one may stand apart; or else
* after twice the longest distance between two of them, or what growing distances lead to.

The policy ``diverged`` takes every empty end of a run for a divergence, ``missing`` takes none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bench.frames import Metric
    from bench.importers._table import Table

Empty = Literal["diverged", "missing"]
_Place = tuple[str, str, float, float]  # a group, one of its variants or any, and two steps
_SLACK = 1e-9  # of a distance of steps: .3 - .2 is less than .1


@dataclass
class Settled:
    """A table in which runs that diverged say so, and how empty ends were taken.

    Attributes:
        diverged: by metric, how many runs end in empty cells where a value was due.
        recorded_until: by metric, the last step with a value in all runs of a group that go on.
    """

    table: Table
    diverged: dict[str, int] = field(default_factory=dict)
    recorded_until: dict[str, float] = field(default_factory=dict)


def settle(table: Table, metrics: Sequence[Metric], policy: Empty | None) -> Settled:
    """Give the empty ends of runs that diverged the worst value; rows without any value are left out."""
    settled = Settled(table)
    values = dict(table.values)
    for metric in metrics if policy != "missing" and table.run.size else ():
        ends = _Ends.of(table, values[metric.name])
        due = ends.every() if policy == "diverged" else ends.due()
        if ends.recorded_until is not None:
            settled.recorded_until[metric.name] = ends.recorded_until
        if due:
            settled.diverged[metric.name] = len(due)
            values[metric.name] = ends.broken(due, worse=_worst(metric))
    there = np.zeros(table.run.size, dtype=bool)
    for column in values.values():
        there |= ~np.isnan(column)
    values = {name: column[there] for name, column in values.items()}
    settled.table = replace(table, run=table.run[there], step=table.step[there], values=values)
    return settled


def _worst(metric: Metric) -> float:
    return math.inf if metric.higher_is_better is False else -math.inf


@dataclass
class _Ends:
    """Where the values of one metric end, of each run that has rows: those from first up to past.

    Attributes:
        last: the row of a run's last value; -1 if it has none.
        recorded_until: set by ``due`` where all runs that go on end with the same step.
    """

    step: NDArray[np.float64]
    found: NDArray[np.float64]
    first: NDArray[np.int64]
    past: NDArray[np.int64]
    last: NDArray[np.int64]
    group: Sequence[str]
    variant: Sequence[str]
    recorded_until: float | None = None

    @classmethod
    def of(cls, table: Table, found: NDArray[np.float64]) -> Self:
        code, first = np.unique(table.run, return_index=True)
        there = np.where(np.isnan(found), -1, np.arange(found.size))
        runs = [table.runs[run] for run in code]
        return cls(
            table.step,
            found,
            first,
            np.append(first[1:], found.size),
            np.maximum.reduceat(there, first),
            [group for group, _, _ in runs],
            [variant for _, variant, _ in runs],
        )

    def every(self) -> dict[int, int]:
        """The first row of each run's empty end, also of a run without a value whose variant has some."""
        recorded = {
            (self.group[run], self.variant[run]) for run in np.flatnonzero(self.last >= 0).tolist()
        }
        due = {run: int(self.last[run]) + 1 for run in self._open()}
        for run in np.flatnonzero(self.last < 0).tolist():
            if (self.group[run], self.variant[run]) in recorded:
                due[run] = int(self.first[run])
        return due

    def due(self) -> dict[int, int]:
        """The row of each run that diverged where a value was due, and from which there are none."""
        waiting = [run for run in self._open() if not self._too_early(run)]
        following = self._following(waiting)
        known = {run: step for run in waiting if (step := self._known(run, following)) is not None}
        alone = [run for run in waiting if run not in known]
        alike = set(self._alike(alone))
        rows = {run: self._row_at(run, step) for run, step in known.items()}
        rows |= {run: self._by_itself(run) for run in alone if run not in alike}
        return {run: row for run, row in rows.items() if row is not None}

    def broken(self, due: Mapping[int, int], *, worse: float) -> NDArray[np.float64]:
        """The values with ``worse`` in the empty cells of each run from its row in ``due`` on."""
        found = self.found.copy()
        for run, row in due.items():
            found[row : self.past[run]] = worse
        return found

    def _open(self) -> list[int]:
        """Runs that go on after their last value, and that do not end in NaN or infinity."""
        after = (self.last >= 0) & (self.last < self.past - 1)
        after[after] &= np.isfinite(self.found[self.last[after]])
        return [int(run) for run in np.flatnonzero(after)]

    def _values(self, run: int) -> NDArray[np.int64]:
        """The rows of a run's values."""
        start = int(self.first[run])
        return start + np.flatnonzero(~np.isnan(self.found[start : self.past[run]]))

    def _pair(self, run: int) -> tuple[float, float]:
        """The steps of a run's last two values; a first one comes after -infinity."""
        steps = self.step[self._values(run)[-2:]].tolist()
        return (steps[0] if len(steps) > 1 else -math.inf, steps[-1])

    def _known(self, run: int, following: Mapping[_Place, float]) -> float | None:
        """When a run's next value was due, as other runs of its variant say, or else of its group."""
        group, pair = self.group[run], self._pair(run)
        return following.get((group, self.variant[run], *pair), following.get((group, "", *pair)))

    def _too_early(self, run: int) -> bool:
        """Whether less time has passed since the last value than between the last two."""
        before, last = self._pair(run)
        waited = self.step[self.past[run] - 1] - last
        return math.isfinite(before) and bool(waited < (last - before) * (1 - _SLACK))

    def _row_at(self, run: int, step: float) -> int | None:
        """A run's first row from a step on, after its last value."""
        here = slice(self.last[run] + 1, self.past[run])
        row = int(self.last[run] + 1 + np.searchsorted(self.step[here], step))
        return row if row < self.past[run] else None

    def _following(self, waiting: Sequence[int]) -> dict[_Place, float]:
        """After the last two steps of runs that wait, the step of the earliest next value in others."""
        lasts = {self._pair(run)[1] for run in waiting}
        if not lasts:
            return {}
        rows = np.flatnonzero(~np.isnan(self.found))
        of_run = np.searchsorted(self.first, rows, side="right") - 1
        step = self.step[rows]
        goes_on = np.append(of_run[1:] == of_run[:-1], False)
        before = np.full(rows.size, -math.inf)
        before[1:][goes_on[:-1]] = step[:-1][goes_on[:-1]]
        after = np.append(step[1:], math.inf)
        following: dict[_Place, float] = {}
        for at in np.flatnonzero(goes_on & np.isin(step, list(lasts))).tolist():
            run, pair = of_run[at], (float(before[at]), float(step[at]))
            for variant in (self.variant[run], ""):
                key = (self.group[run], variant, *pair)
                following[key] = min(following.get(key, math.inf), float(after[at]))
        return following

    def _alike(self, alone: Sequence[int]) -> list[int]:
        """Runs, at least two, that all end with the last step at which any run of their group has a value."""
        alike: list[int] = []
        ends: dict[str, dict[int, float]] = {}
        for run in np.flatnonzero(self.last >= 0).tolist() if alone else ():
            ends.setdefault(self.group[run], {})[run] = float(self.step[self.last[run]])
        for group, steps in ends.items():
            latest = max(steps.values())
            here = [run for run in alone if self.group[run] == group]
            if len(here) > 1 and {run for run in steps if steps[run] == latest} == set(here):
                alike += here
                self.recorded_until = latest
        return alike

    def _by_itself(self, run: int) -> int | None:
        """The row at which a value was due by the run's own rhythm."""
        values = self._values(run)
        if values.size < 2:
            return None
        rows, times = np.diff(values), np.diff(self.step[values])
        if times.size > 2:  # the first value may stand apart, as one before training
            rows, times = rows[1:], times[1:]
        if np.all(rows == 1):
            return int(values[-1]) + 1
        if times.size < 2:
            return None
        wait = float(times[-1]) * (1 - _SLACK)
        if not np.allclose(times, times[-1], rtol=_SLACK, atol=0):
            wait = max(2 * float(times.max()), float(times[-1] ** 2 / times[-2]))
        return self._row_at(run, float(self.step[values[-1]]) + wait)

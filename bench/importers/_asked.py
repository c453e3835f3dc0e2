"""What to read from a file, as it was asked for, checked before the file is opened."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, get_args

from bench.errors import UsageError, closest, listed, shown
from bench.frames import CURVE_METRICS, METRICS, TAKEN
from bench.importers import _claims
from bench.importers._empty import Empty
from bench.importers._table import Repeated
from bench.suite import OwnMetric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.frames import Metric

_STANDARD: Final = (*CURVE_METRICS, "train_time_s")


@dataclass(frozen=True)
class Policies:
    """What counts where a file can be taken in several ways; None: as the file itself suggests.

    Attributes:
        repeated: of rows of the same run and step that differ.
        empty: empty cells at the end of a run.
        encoding: of the file's text.
        comment: how lines begin that are no rows.
    """

    repeated: Repeated = "refuse"
    empty: Empty | None = None
    encoding: str | None = None
    comment: str | None = None


@dataclass(frozen=True)
class Asked:
    """What to read from a file: columns by their role, metrics with the primary first.

    Raises (``check``):
        UsageError: what cannot be read from any file.
    """

    columns: Mapping[str, Sequence[str]]
    metrics: tuple[str, ...]
    own: Mapping[str, OwnMetric]
    baseline: str | None
    target: tuple[str, float] | None
    margin: float | None
    paired: bool
    claims: Sequence[str]
    policies: Policies

    def metric(self, name: str) -> Metric:
        """What is known of a column that is read as a metric."""
        return self.own[name].metric(name) if name in self.own else METRICS[name]

    @property
    def cells(self) -> list[str]:
        """The columns that are read, in the order of ``columns`` and ``metrics``."""
        return [*(name for names in self.columns.values() for name in names), *self.metrics]

    def check(self) -> None:
        """Refuse what contradicts itself."""
        self._check_columns()
        for option, kinds in (("repeated", Repeated), ("empty", Empty)):
            given = getattr(self.policies, option)
            if given is not None and given not in get_args(kinds):
                raise UsageError(
                    "no such policy",
                    where=f"--{option}",
                    expected=f"one of {', '.join(get_args(kinds))}",
                    found=shown(given),
                )
        _claims.check(self.claims)
        target, margin = self.target, self.margin
        if target is not None and (target[0] not in self.metrics or not math.isfinite(target[1])):
            raise UsageError(
                "no such target",
                where="--target",
                expected=f"METRIC=NUMBER, the metric one of {listed(self.metrics)}",
                found=f"{target[0]}={target[1]:g}",
                hint=closest(target[0], self.metrics),
            )
        if margin is not None and not 0 < margin < math.inf:
            raise UsageError(
                "not a margin", where="--margin", expected="a number above 0", found=f"{margin:g}"
            )

    def _check_columns(self) -> None:
        for option, named in (("variant", self.columns["variant"]), ("metric", self.metrics)):
            if not named:
                raise UsageError(
                    f"no {option}",
                    where=f"--{option}",
                    expected=f"--{option} COLUMN{':max or COLUMN:min' * (option == 'metric')}",
                    found="none",
                )
        twice = next((name for name in self.cells if self.cells.count(name) > 1), None)
        if twice is not None:
            raise UsageError(
                f"the column {shown(twice)} is named twice",
                where="--variant, --seed, --step, --group, --metric",
                expected="a column for each of variant, seed, step, group and metric",
                found=listed(self.cells),
            )


def named(metrics: Sequence[str]) -> tuple[str, ...]:
    """The columns of ``COLUMN:max``, ``COLUMN:min`` and ``COLUMN``."""
    return tuple(_split(text)[0] for text in metrics)


def own_metrics(metrics: Sequence[str]) -> dict[str, OwnMetric]:
    """The metrics that Seedwise does not know, with the direction that each was given.

    Raises:
        UsageError: no direction, or one that a known metric does not have.
    """
    return {name: own for name, own in map(_own, metrics) if own is not None}


def _split(text: str) -> tuple[str, str | None]:
    """``COLUMN:min`` as column and direction; a column may have colons of its own."""
    name, colon, direction = text.rpartition(":")
    return (name, direction) if colon and name and direction in ("min", "max") else (text, None)


def _own(text: str) -> tuple[str, OwnMetric | None]:
    name, direction = _split(text)
    if name in _STANDARD:
        better = "max" if METRICS[name].higher_is_better else "min"
        if direction not in (None, better):
            raise UsageError(
                f"the direction of {name} is known",
                where="--metric",
                expected=f"{name} or {name}:{better}",
                found=text,
                hint=f"give the column another name if it is not the {METRICS[name].label}",
            )
        return name, None
    if name in TAKEN:
        raise UsageError(
            f"{shown(name)} is a column that Seedwise computes",
            where="--metric",
            expected="another name",
            found=text,
            hint="rename the column in the file",
        )
    if direction is None:
        raise UsageError(
            f"which values of {shown(name)} are better is not known",
            where="--metric",
            expected=f"--metric '{name}:max' if higher is better, --metric '{name}:min' if lower",
            found=text,
            hint=closest(name, _STANDARD),
        )
    return name, OwnMetric(better="higher" if direction == "max" else "lower")

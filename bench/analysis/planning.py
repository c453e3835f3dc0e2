"""How many seeds would be needed, from the spread of a pilot or finished run."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import special

from bench import stats
from bench.analysis.analysis import analyse
from bench.analysis.contrast import contrast
from bench.analysis.looks import ALPHA
from bench.analysis.metrics import measure, primary_of
from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.frames import Metric
    from bench.store import Results

CONFIDENCE: Final = 0.8  # of the limit of the spread, which is known from few seeds only


@dataclass(frozen=True)
class SeedsNeeded:
    """Seeds that a variant needs to tell a difference from its baseline, on the primary metric.

    Attributes:
        pilot: seeds that the spread was estimated from.
        spread: standard deviation of the paired differences, in the metric's unit (times: of logs).
        seeds: the answer: with so many, the difference is found as often as was asked, as one of all that is
        primary
            on the page, though the pilot's spread is a guess: its upper 80 % confidence limit is taken for it.
        as_seen: seeds if the spread were exactly the pilot's: whoever plans with it is disappointed in a
        third of
            cases.
        alone: the same for this comparison by itself.
        problem: why there is no answer, as the end of a sentence; None if there is.
    """

    question: str
    variant: str
    baseline: str
    metric: Metric
    pilot: int
    spread: float | None = None
    seeds: int | None = None
    as_seen: int | None = None
    alone: int | None = None
    problem: str | None = None


def seeds_to_detect(results: Results, detect: float, *, power: float = 0.8) -> list[SeedsNeeded]:
    """Seeds needed for every variant of a run to detect a difference of ``detect`` with ``power``.

    Args:
        results: at least three seeds of each variant.
        detect: a difference in the primary metric's unit; for times a ratio above 1.
        power: chance of finding a difference that is as large.

    Raises:
        UsageError: numbers that cannot be a difference or a power.
    """
    if not 0.05 < power < 1:
        raise UsageError(
            "not a power", where="--power", expected="between 0.05 and 1", found=f"{power:g}"
        )
    measured, suite = measure(results), results.suite
    tests = max(analyse(results).families[0].size, 1)
    rows = []
    for question in suite.questions:
        metric = suite.metric(primary_of(suite, question))
        least = 1.0 if metric.ratio else 0.0
        if not (math.isfinite(detect) and detect > least):
            raise UsageError(
                "not a difference to detect",
                where="--detect",
                expected=f"a number above {least:g} for {metric.label}",
                found=f"{detect:g}",
            )
        base = measured.of(question, suite.baseline(question), metric.name)
        others = [v for v in suite.variants(question) if v != base.variant]
        for variant in others:
            between = contrast(measured.of(question, variant, metric.name), base)
            row = SeedsNeeded(
                question, variant, base.variant, metric, min(between.a.size, between.b.size)
            )
            differences = between.a - between.b if between.paired and not between.problem else None
            rows.append(_planned(row, differences, between.scaled(detect), power, tests))
    return rows


def _planned(
    row: SeedsNeeded,
    differences: np.ndarray | None,
    effect: float,
    power: float,
    tests: int,
) -> SeedsNeeded:
    if differences is None or not np.isfinite(differences).all():
        return replace(row, problem="the pilot has no complete pairs of finite values")
    if differences.size < 3:
        return replace(row, problem="a spread needs three seeds or more")
    n = differences.size
    spread = float(differences.std(ddof=1))
    upper = spread * math.sqrt((n - 1) / special.chdtri(n - 1, CONFIDENCE))
    return replace(
        row,
        spread=spread,
        seeds=_seeds(effect, upper, power, ALPHA / tests),
        as_seen=_seeds(effect, spread, power, ALPHA / tests),
        alone=_seeds(effect, spread, power, ALPHA),
    )


def _seeds(effect: float, spread: float, power: float, alpha: float) -> int:
    if spread == 0:
        return 3
    return max(3, math.ceil(stats.seeds_needed(effect / spread, power=power, alpha=alpha)))

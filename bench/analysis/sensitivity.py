"""How much the learning rate matters to each method: questions whose variants differ in it.

What a method loses by its rate is its best rate's mean final value minus its worst one's, over the rates that
it was itself trained with. Both are chosen on the other seeds (``bench.stats.cross_fitted_range``), since the
best and the worst of several noisy means are further apart than the truth. A rate at which a seed diverged has
no mean: such a method loses everything there, and what it loses over its other rates stands beside that.

Methods are described, each over its own rates. Only those of one optimizer with the same rates are tested
against each other (``methods.Grid.kind``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import rankdata

from bench import frames, stats
from bench.analysis.comparisons import margin_of
from bench.analysis.contrast import Mean, mean_over_seeds
from bench.analysis.crossings import SPENT
from bench.analysis.families import Family
from bench.analysis.methods import Grid, grids
from bench.analysis.metrics import primary_of
from bench.analysis.whole_curves import metric_of
from bench.stats._inputs import FEWEST_FOR_INFERENCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from bench.analysis.metrics import Measurements, Values
    from bench.frames import Metric
    from bench.stats.cross_fitting import NearBest

_POINT: Final = 0.01  # the margin of shares where none was declared
_DEFINED: Final = ("epoch_time_s", *SPENT)  # metrics that a diverged run has a number of


@dataclass(frozen=True)
class Lost:
    """What a method loses by its rate, over the rates without a diverged seed, in the metric's unit.

    Attributes:
        rates: those that count, ascending.
        seeds: those with a result at each of them.
        table: their final values, shape (seeds, rates).
        found: best minus worst; None below two seeds or rates.
    """

    rates: tuple[float, ...]
    seeds: tuple[int, ...]
    table: NDArray[np.float64]
    found: stats.LevelRange | None

    @property
    def means(self) -> dict[float, float]:
        """Of each rate over these seeds, which are the same for all."""
        if not self.seeds:
            return {}
        return dict(zip(self.rates, self.table.mean(axis=0).tolist(), strict=True))

    @property
    def mean(self) -> Mean:
        """Over seeds, with its 95 % interval; about 0 where the rate does not matter, so below it by chance."""
        if self.found is None:
            return Mean(None, None, None)
        low, high = _finite(self.found.interval())
        return Mean(self.found.estimate, low, high)


@dataclass(frozen=True)
class Tolerance:
    """Rates whose means are within a margin of the best one's.

    Attributes:
        margin: in the metric's unit.
        declared: by the suite; else a percentage point.
        low, high: ends of the rates around the best whose means are within it.
        shown: of each rate that counts, what is shown of it; all statements at once with 95 %.
    """

    margin: float
    declared: bool
    low: float
    high: float
    shown: Mapping[float, NearBest]

    @property
    def factor(self) -> float | None:
        """How many times the lowest of these rates the highest is; None for a rate of 0."""
        return self.high / self.low if self.low > 0 else None


@dataclass(frozen=True)
class Against:
    """A method against another one of the same kind: which loses more by its rate.

    Attributes:
        baseline: name of the other.
        seeds: those that both have a result of at every rate.
        by: ``range``, what is lost; ``divergence``, at how many rates a seed diverges.
        found: the difference of what is lost; None by divergence, and where none is possible.
        direction: 1 where the method loses less, -1 where it loses more.
        fewer, more: by divergence, seeds that diverge at fewer or at more rates than with the other.
        p_value: two-sided; None where there is no test.
        family: what it is judged with.
    """

    baseline: str
    seeds: tuple[int, ...]
    by: str
    found: stats.RangeDifference | None
    direction: int
    p_value: float | None
    fewer: int = 0
    more: int = 0
    family: Family = Family()  # noqa: RUF009  # it is frozen

    @property
    def p_adjusted(self) -> float | None:
        """Its p as one of its family."""
        return self.family.adjusted(self.p_value)

    @property
    def mean(self) -> Mean:
        """What is lost minus what the other loses, with the interval that its family asks for.

        It leaves 0 out exactly where the verdict is better or worse.
        """
        if self.found is None:
            return Mean(None, None, None)
        return Mean(self.found.difference, *_finite(self.found.interval(1 - self.family.level)))

    @property
    def verdict(self) -> stats.Verdict:
        """Better is to lose less."""
        p = self.p_adjusted
        if p is None or p > self.family.alpha or self.direction == 0:
            return "cannot tell"
        return "better" if self.direction > 0 else "worse"


@dataclass(frozen=True)
class Method:
    """Variants that differ in the learning rate alone.

    Attributes:
        grid: its name, optimizer and rates.
        metric: the question's primary one.
        finals: its values at each rate, by seed; means: over seeds, none where one diverged.
        diverged: seeds that did, by rate; those without any left out.
        best: the rate with the best mean of the seeds that count; optimistic, so it is shown and never tested.
            None without a result.
        lost: best minus worst over the rates without a diverged seed.
        tolerance: None where no rate is the best, and where no margin is known.
        against: None for the first of its kind, and where nobody else is of it.
    """

    question: str
    grid: Grid
    metric: Metric
    finals: Mapping[float, Values]
    means: Mapping[float, Mean]
    diverged: Mapping[float, frozenset[int]]
    best: float | None
    lost: Lost
    tolerance: Tolerance | None
    against: Against | None = None

    def in_family(self, family: Family) -> Method:
        """The same, with its comparison judged in a family."""
        return replace(self, against=self.against and replace(self.against, family=family))

    @property
    def name(self) -> str:
        """What readers call it."""
        return self.grid.name

    @property
    def by_rate(self) -> Mapping[float, str]:
        """The variant at each rate, ascending."""
        return self.grid.by_rate

    @property
    def counted(self) -> tuple[float, ...]:
        """The rates with enough results: those in what is lost, and those at which a seed diverged."""
        return tuple(r for r in self.by_rate if r in self.lost.rates or r in self.diverged)

    def seeds(self, rate: float) -> set[int]:
        """Those with a result at a rate, one that diverged being one."""
        return {*self.finals[rate].by_seed, *self.diverged.get(rate, ())}

    @property
    def difference(self) -> Metric:
        """The metric of what is lost: less is better, and never a ratio."""
        return replace(self.metric, higher_is_better=False, ratio=False)

    @property
    def p_value(self) -> float | None:
        """Of its comparison, if there is one."""
        return self.against.p_value if self.against else None


def sensitivities(measured: Measurements, question: str) -> tuple[Method, ...]:
    """The methods of a question that were trained at several rates, the baseline's first; or none."""
    suite = measured.suite
    name = primary_of(suite, question)
    metric, margin = metric_of(suite, question, name), margin_of(suite, question, name)
    if metric.higher_is_better is None:
        return ()  # no rate is the best
    methods = [
        _method(measured, question, grid, metric, margin)
        for grid in grids(suite.variants(question), suite.baseline(question))
    ]
    firsts: dict[object, Method] = {}
    compared = [
        method if (first := firsts.setdefault(method.grid.kind, method)) is method
        else replace(method, against=_against(method, first))
        for method in methods
    ]  # fmt: skip
    return tuple(compared)


def _method(
    measured: Measurements, question: str, grid: Grid, metric: Metric, margin: float | None
) -> Method:
    finals = {r: measured.of(question, v, metric.name) for r, v in grid.by_rate.items()}
    diverged = {rate: seeds for rate, values in finals.items() if (seeds := _diverged(values))}
    means = {
        rate: Mean(None, None, None) if rate in diverged else mean_over_seeds(values)
        for rate, values in finals.items()
    }
    lost = _lost(finals, diverged)
    known = lost.means
    sign = 1 if metric.higher_is_better else -1
    best = max(known, key=lambda rate: sign * known[rate]) if known else None
    return Method(
        question=question,
        grid=grid,
        metric=metric,
        finals=finals,
        means=means,
        diverged=diverged,
        best=best,
        lost=lost,
        tolerance=_tolerance(metric, margin, known, best, lost),
    )


def _diverged(values: Values) -> frozenset[int]:
    """Seeds without a finite number, where one that diverged has none."""
    infinite = {seed for seed, value in values.by_seed.items() if not math.isfinite(value)}
    return frozenset(infinite | (set() if values.metric.name in _DEFINED else values.diverged))


def _lost(finals: Mapping[float, Values], diverged: Mapping[float, frozenset[int]]) -> Lost:
    """Over the rates without a diverged seed that half of the seeds or more have a result of."""
    known = {rate: v.by_seed for rate, v in finals.items() if rate not in diverged and v.by_seed}
    most = max((len(by_seed) for by_seed in known.values()), default=0)
    counted = {rate: by_seed for rate, by_seed in known.items() if 2 * len(by_seed) >= most}
    return _of_table(counted)


def _of_table(counted: Mapping[float, Mapping[int, float]]) -> Lost:
    seeds = sorted(set.intersection(*map(set, counted.values()))) if counted else []
    table = np.array([[by_seed[seed] for by_seed in counted.values()] for seed in seeds])
    enough = len(seeds) > 1 and len(counted) > 1
    found = stats.cross_fitted_range(table) if enough else None
    return Lost(tuple(counted), tuple(seeds), table, found)


def _tolerance(
    metric: Metric,
    margin: float | None,
    means: Mapping[float, float],
    best: float | None,
    lost: Lost,
) -> Tolerance | None:
    within = margin if margin is not None else _POINT if metric.percent else None
    if within is None or best is None or metric.ratio:
        return None
    rates = sorted(means)
    near = [abs(means[rate] - means[best]) <= within for rate in rates]
    first = last = rates.index(best)
    while first > 0 and near[first - 1]:
        first -= 1
    while last < len(rates) - 1 and near[last + 1]:
        last += 1
    shown: dict[float, NearBest] = dict.fromkeys(lost.rates, "cannot tell")
    if lost.found is not None:
        upwards = metric.higher_is_better is not False
        said = stats.near_best(lost.table, margin=within, higher_is_better=upwards)
        shown = dict(zip(lost.rates, said, strict=True))
    return Tolerance(within, margin is not None, rates[first], rates[last], shown)


def _against(method: Method, other: Method) -> Against:
    """By what is lost; where they diverge at different numbers of rates, by that."""
    sides = [method, other]
    rates = [rate for rate in method.by_rate if all(rate in side.counted for side in sides)]
    everyone = [side.seeds(rate) for side in sides for rate in rates]
    seeds = tuple(sorted(set.intersection(*everyone))) if everyone else ()
    enough = len(seeds) >= FEWEST_FOR_INFERENCE
    often = [[sum(seed in m.diverged.get(r, ()) for r in rates) for seed in seeds] for m in sides]
    more = np.array(often[0], dtype=float) - np.array(often[1], dtype=float)
    if more.any():
        p = stats.signed_rank_test(more) if enough else None
        direction = -int(np.sign((np.sign(more) * rankdata(np.abs(more))).sum()))
        counts = int((more < 0).sum()), int((more > 0).sum())
        return Against(other.name, seeds, "divergence", None, direction, p, *counts)
    left = [rate for rate in rates if not any(rate in side.diverged for side in sides)]
    if not enough or len(left) < 2:
        return Against(other.name, seeds, "range", None, 0, None)
    tables = [[[side.finals[r].by_seed[seed] for r in left] for seed in seeds] for side in sides]
    found = stats.compare_ranges(*tables)
    direction = -int(np.sign(found.difference))
    return Against(other.name, seeds, "range", found, direction, found.p_value)


def _finite(ends: tuple[float, float] | None) -> tuple[float | None, float | None]:
    """Both ends, or none: an interval with an open end says nothing to a reader."""
    return (None, None) if ends is None or not all(map(math.isfinite, ends)) else ends


def frame(methods: Sequence[Method]) -> pd.DataFrame:
    """The frame ``sensitivities``: one row per question, method and rate."""
    rows = [_row(method, rate) for method in methods for rate in method.by_rate]
    return frames.typed(rows, frames.SENSITIVITIES)


def _row(method: Method, rate: float) -> dict[str, object]:
    mean, against, near, lost = (
        method.means[rate], method.against, method.tolerance, method.lost.mean,
    )  # fmt: skip
    difference = against.mean if against else Mean(None, None, None)
    return {
        "question": method.question,
        "method": method.name,
        "optimizer": method.grid.optimizer,
        "rate": rate,
        "variant": method.by_rate[rate],
        "n": len(method.finals[rate].by_seed),
        "diverged": len(method.diverged.get(rate, ())),
        "mean": mean.value,
        "low": mean.low,
        "high": mean.high,
        "best": rate == method.best,
        "near_best": near.shown.get(rate) if near else None,
        "margin": near.margin if near else None,
        "tolerated_low": near.low if near else None,
        "tolerated_high": near.high if near else None,
        "counts": rate in method.lost.rates,
        "seeds": len(method.lost.seeds),
        "lost": math.inf if method.diverged else lost.value,
        "lost_elsewhere": lost.value,
        "lost_low": lost.low,
        "lost_high": lost.high,
        "baseline": against.baseline if against else None,
        "difference": difference.value,
        "ci_low": difference.low,
        "ci_high": difference.high,
        "p_value": method.p_value,
        "p_adjusted": against.p_adjusted if against else None,
        "verdict": against.verdict if against else None,
    }

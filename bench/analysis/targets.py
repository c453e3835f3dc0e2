"""Time to target, variant by variant: how many seeds reach it, how long it takes, against the baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bench import frames, stats
from bench.analysis.arrivals import CLOCK, arrivals, known_until, together
from bench.analysis.contrast import mean_over_seeds
from bench.analysis.crossings import SPENT, longest, meets, target, watched
from bench.analysis.families import Family
from bench.errors import StatsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from bench.analysis.comparisons import Compared
    from bench.analysis.contrast import Mean
    from bench.analysis.metrics import Measurements, Values
    from bench.store import Results


@dataclass(frozen=True)
class Reaching:
    """How a variant reaches its question's target. Times are keyed by the metrics of ``SPENT``.

    Attributes:
        budget: up to when means go: the shortest end of a run that missed the target, the variant's or the
            baseline's; if none missed, the end of the question's longest run, which restricts nothing.
        longest: when the question's longest run ended.
        n: seeds with a result, diverged ones included; ``reached`` of them met the target, however late.
        arrivals: by seed, the epoch at which it met the target, or up to which it was watched without.
        ends: by seed, when its run ended, whatever it did.
        by_clock: what counts in the means, by seed: what it took until the target was met, at most the budget.
        missed: seeds that never met it. late: those that met it after the budget.
        broken: seeds that diverged, after having met it or without.
        means: restricted means, min(time, budget) over the seeds; a lower bound where ``restricted``.
        running_times: expected running times, what each seed spent until it met the target or ended / seeds
            that met it; infinite if none.
        curve: Kaplan-Meier curve of not having reached the target; None without a seed.
        mean_curve: the epoch at which the mean curve of the seeds meets the target; None if not while all ran.
        against: restricted mean of epochs against the baseline's, or the shares where these decide; None for
            the baseline itself.
        shares: exact test of the shares that reached while both were watched: McNemar's over shared seeds, else
            Fisher's.
        logrank: log-rank test against the baseline; None where nobody was stopped before the longest run's end.
        family: what the test of the shares is judged with, unless it decides the comparison itself.
    """

    question: str
    variant: str
    metric: str
    value: float
    budget: float
    longest: float
    arrivals: Mapping[int, float]
    ends: Mapping[int, float]
    by_clock: Mapping[str, Mapping[int, float]]
    missed: frozenset[int]
    late: frozenset[int]
    broken: frozenset[int]
    means: Mapping[str, Mean]
    running_times: Mapping[str, float]
    curve: stats.SurvivalCurve | None
    mean_curve: float | None
    against: Compared | None
    shares: stats.Shares | None = None
    logrank: stats.LogRank | None = None
    family: Family = Family()  # noqa: RUF009  # it is frozen

    def in_family(self, family: Family) -> Reaching:
        """The same, judged in a family."""
        return replace(self, family=family)

    @property
    def by_shares(self) -> bool:
        """Whether the shares decide the comparison itself, since one side never arrives."""
        decision = self.against.found.contrast.decision if self.against else None
        return decision is not None and decision.test != "log-rank"

    @property
    def p_value(self) -> float | None:
        """Of the test of the shares, by itself; None where it is that of the comparison, and judged with it."""
        return self.shares.p_value if self.shares and not self.by_shares else None

    @property
    def p_shares_adjusted(self) -> float | None:
        """The p of the shares for its family, or for that of the comparison that it decides."""
        if self.against is None or not self.by_shares:
            return self.family.adjusted(self.p_value)
        test = self.against.found.test
        return test.p_adjusted if test else None

    @property
    def n(self) -> int:
        """Seeds with a result, diverged ones included."""
        return len(self.arrivals)

    @property
    def reached(self) -> int:
        """Of them met the target."""
        return len(self.arrivals.keys() - self.missed)

    @property
    def diverged(self) -> int:
        """Seeds whose loss stopped being finite."""
        return len(self.broken)

    @property
    def spent(self) -> Mapping[int, float]:
        """Epochs by seed until the target was met, at most the budget."""
        return self.by_clock[CLOCK]

    @property
    def restricted(self) -> frozenset[int]:
        """Seeds that count the budget in the means, since they had not met the target by then."""
        return self.missed | self.late

    @property
    def short(self) -> Mapping[int, float]:
        """By seed, the ends of the runs that ended before the longest one, other than by diverging."""
        return {
            seed: end
            for seed, end in self.ends.items()
            if end < self.longest and seed not in self.broken
        }

    @property
    def stopped(self) -> Mapping[int, float]:
        """Of them those that had not met the target: what they would have done is not known."""
        return {seed: end for seed, end in self.short.items() if seed in self.missed}

    @property
    def share(self) -> float | None:
        """Share of the seeds that meets the target while watched (Kaplan and Meier); None without a seed."""
        if self.curve is None:
            return None
        return 1 - float(self.curve.probability[-1]) if self.stopped else self.reached / self.n

    @property
    def median(self) -> float:
        """Epochs by which half of the seeds have met the target (Kaplan and Meier); infinite if not seen."""
        return self.curve.median if self.curve is not None else math.nan


def reachings(
    results: Results, measured: Measurements, question: str, compared: Sequence[Compared]
) -> list[Reaching]:
    """The variants of a question in the suite's order; none if it has no target.

    compared: the question's comparisons, among them those of the epochs to target.
    """
    suite = results.suite
    goal = target(suite, question)
    if goal is None:
        return []
    baseline = suite.baseline(question)
    found = {c.variant: c for c in compared if c.metric.name == CLOCK and c.baseline == baseline}
    base, paired = measured.of(question, baseline, CLOCK), measured.paired(question)
    crossed, ends = _mean_curves(results, question), watched(results, question)
    last = longest(results, question)
    end = last if math.isfinite(last) else float(suite.epochs_of(question))
    return [
        _reaching(
            [measured.of(question, variant, name) for name in SPENT],
            base,
            Reaching(
                question,
                variant,
                *goal,
                budget=end,
                longest=end,
                arrivals={},
                ends=ends.get(variant, {}),
                by_clock={},
                missed=frozenset(),
                late=frozenset(),
                broken=frozenset(),
                means={},
                running_times={},
                curve=None,
                mean_curve=crossed.get(variant),
                against=found.get(variant),
            ),
            paired=paired,
        )
        for variant in suite.variants(question)
    ]


def _reaching(clocks: Sequence[Values], base: Values, bare: Reaching, *, paired: bool) -> Reaching:
    """The row with what its times by each clock, and those of the baseline, say."""
    epochs = clocks[0]
    known, missed = arrivals(epochs), epochs.not_reached & epochs.by_seed.keys()
    both = (epochs, base) if bare.against else (epochs,)
    restricted = [together(*both)[0], *clocks[1:]]
    row = replace(
        bare,
        budget=min(known_until(*both), bare.longest),
        arrivals=known,
        by_clock={values.metric.name: values.by_seed for values in restricted},
        missed=missed,
        late=restricted[0].late,
        broken=epochs.diverged & epochs.by_seed.keys(),
        ends={seed: bare.ends.get(seed, 0.0) for seed in known},
        means={values.metric.name: mean_over_seeds(values) for values in restricted},
        running_times={values.metric.name: _running_time(values) for values in clocks},
        curve=stats.survival_curve(*_runs(epochs, sorted(known))) if known else None,
    )
    if not bare.against or not known or not base.by_seed:
        return row
    shared = sorted(known.keys() & base.by_seed.keys())
    paired = paired and bool(shared)
    a, b = (shared, shared) if paired else (sorted(known), sorted(base.by_seed))
    runs = (*_runs(epochs, a), *_runs(base, b))
    return replace(
        row,
        shares=stats.compare_shares(*runs, paired=paired),
        logrank=_logrank(*runs, paired=paired, longest=bare.longest),
    )


def _runs(values: Values, seeds: Sequence[int]) -> tuple[list[float], list[bool]]:
    known = arrivals(values)
    return [known[seed] for seed in seeds], [seed not in values.not_reached for seed in seeds]


def _logrank(
    times_a: list[float],
    reached_a: list[bool],
    times_b: list[float],
    reached_b: list[bool],
    *,
    paired: bool,
    longest: float,
) -> stats.LogRank | None:
    runs = zip([*times_a, *times_b], [*reached_a, *reached_b], strict=True)
    if not any(time < longest and not reached for time, reached in runs):
        return None
    try:
        return stats.logrank(times_a, reached_a, times_b, reached_b, paired=paired)
    except StatsError:  # nobody reached, or all at one time
        return None


def _running_time(values: Values) -> float:
    known = arrivals(values)
    if not known:
        return math.nan
    times, reached = _runs(values, sorted(known))
    own = np.maximum(times, np.finfo(np.float64).tiny)  # a run may end before it begins
    return stats.expected_running_time(times, reached, own)


def _mean_curves(results: Results, question: str) -> dict[str, float]:
    """Epoch at which each variant's mean curve first meets the target, while all that do not diverge ran."""
    name, _ = target(results.suite, question) or ("", math.nan)
    curves = results.curves_of(question)
    curves = curves[curves[name].notna()]
    going = (
        curves[curves.status == "completed"].groupby(["variant", "seed"], sort=False).epoch.max()
    )
    until = curves.variant.map(going.groupby("variant").min()).astype(float)
    curves = curves[~(curves.epoch > until)]
    mean = curves.groupby(["variant", "epoch"], sort=True)[name].mean()
    met = mean[meets(results, question, mean)].reset_index()
    return {str(v): float(e) for v, e in met.groupby("variant").epoch.min().items()}


def frame(rows: Sequence[Reaching]) -> pd.DataFrame:
    """The frame ``targets``: one row per question with a target and variant."""
    return frames.typed([_row(row) for row in rows], frames.TARGETS)


def _row(row: Reaching) -> dict[str, object]:
    times: dict[str, object] = {}
    for name in SPENT:
        unit, mean = name.removesuffix("_to_target"), row.means[name]
        times |= {unit: mean.value, f"{unit}_low": mean.low, f"{unit}_high": mean.high}
        times[f"running_{unit}"] = row.running_times[name]
    found, test = (row.against.found, row.against.found.test) if row.against else (None, None)
    ends = row.ends.values()
    return {
        "question": row.question,
        "variant": row.variant,
        "metric": row.metric,
        "value": row.value,
        "budget": row.budget,
        "first_end": min(ends, default=None),
        "last_end": max(ends, default=None),
        "n": row.n,
        "reached": row.reached,
        "diverged": row.diverged,
        "stopped": len(row.stopped),
        "share_reached": row.share,
        **times,
        "median_epochs": row.median,
        "mean_curve_epochs": row.mean_curve,
        "baseline": row.against.baseline if row.against else None,
        "difference": found.difference if found else None,
        "ci_low": found.ci_low if found else None,
        "ci_high": found.ci_high if found else None,
        "test": test.test if test else None,
        "p_value": test.p_value if test else None,
        "p_adjusted": test.p_adjusted if test else None,
        "only_variant": row.shares.only_a if row.shares else None,
        "only_baseline": row.shares.only_b if row.shares else None,
        "share_test": row.shares.test if row.shares else None,
        "p_share": row.shares.p_value if row.shares else None,
        "p_share_adjusted": row.p_shares_adjusted,
        "p_logrank": row.logrank.p_exact if row.logrank else None,
        "verdict": row.against.verdict if row.against else None,
    }

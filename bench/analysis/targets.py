"""Time to target, variant by variant: how many seeds reach it, how long it takes, against the baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bench import frames, stats
from bench.analysis.contrast import mean_over_seeds
from bench.analysis.crossings import SPENT, budget, meets, target
from bench.analysis.families import Family

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
        n: seeds with a result, diverged ones included; ``reached`` of them met the target.
        by_clock: what it took until the target was met, by seed; of a seed that missed it, the budget.
        means: restricted means, which count the budget for every seed that missed the target.
        running_times: expected running times, total spent / seeds that reached; infinite if none.
        mean_curve: the epoch at which the mean curve of the seeds meets the target; None if never.
        against: restricted mean of epochs against the baseline's; None for the baseline itself.
        shares: exact McNemar test of the shares that reached; None if not paired seed by seed.
        family: what the test of the shares is judged with.
    """

    question: str
    variant: str
    metric: str
    value: float
    budget: float
    n: int
    reached: int
    diverged: int
    by_clock: Mapping[str, Mapping[int, float]]
    missed: frozenset[int]
    means: Mapping[str, Mean]
    running_times: Mapping[str, float]
    mean_curve: float | None
    against: Compared | None
    shares: stats.McNemar | None = None
    family: Family = Family()  # noqa: RUF009  # it is frozen

    def in_family(self, family: Family) -> Reaching:
        """The same, judged in a family."""
        return replace(self, family=family)

    @property
    def p_value(self) -> float | None:
        """Of the test of the shares, by itself."""
        return self.shares.p_value if self.shares else None

    @property
    def spent(self) -> Mapping[int, float]:
        """Epochs by seed until the target was met; of a seed that missed it, the budget."""
        return self.by_clock["epochs_to_target"]


def reachings(
    results: Results, measured: Measurements, question: str, compared: Sequence[Compared]
) -> list[Reaching]:
    """The variants of a question in the suite's order; none if it has no target.

    compared: the question's comparisons, among them those of the epochs to target.
    """
    suite = results.suite
    if target(suite, question) is None:
        return []
    baseline = suite.baseline(question)
    found = {
        c.variant: c
        for c in compared
        if c.metric.name == "epochs_to_target" and c.baseline == baseline
    }
    base, limit = measured.of(question, baseline, "epochs_to_target"), budget(results, question)
    crossed = _mean_curves(results, question)
    return [
        _reaching(
            measured,
            (question, variant),
            limit,
            base,
            mean_curve=crossed.get(variant),
            against=found.get(variant),
        )
        for variant in suite.variants(question)
    ]


def _reaching(
    measured: Measurements,
    key: tuple[str, str],
    limit: float,
    base: Values,
    *,
    mean_curve: float | None,
    against: Compared | None,
) -> Reaching:
    epochs, *others = (measured.of(*key, name) for name in SPENT)
    metric, value = target(measured.suite, key[0]) or ("", math.nan)
    missed = epochs.not_reached
    return Reaching(
        *key,
        metric=metric,
        value=value,
        budget=limit,
        n=len(epochs.by_seed),
        reached=len(epochs.by_seed.keys() - missed),
        diverged=len(epochs.diverged),
        by_clock={v.metric.name: v.by_seed for v in (epochs, *others)},
        missed=missed,
        means={v.metric.name: mean_over_seeds(v) for v in (epochs, *others)},
        running_times={v.metric.name: _running_time(v) for v in (epochs, *others)},
        mean_curve=mean_curve,
        against=against,
        shares=_shares(epochs, base) if against else None,
    )


def _running_time(values: Values) -> float:
    reached = len(values.by_seed.keys() - values.not_reached)
    if not values.by_seed:
        return math.nan
    return math.fsum(values.by_seed.values()) / reached if reached else math.inf


def _shares(values: Values, base: Values) -> stats.McNemar | None:
    seeds = sorted(values.by_seed)
    if seeds != sorted(base.by_seed) or not seeds:
        return None
    reached = ([seed not in side.not_reached for seed in seeds] for side in (values, base))
    return stats.mcnemar_exact(*(np.array(flags) for flags in reached))


def _mean_curves(results: Results, question: str) -> dict[str, float]:
    """Epoch at which each variant's mean curve first meets the target, where it does."""
    name, _ = target(results.suite, question) or ("", math.nan)
    curves = results.curves_of(question)
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
    return {
        "question": row.question,
        "variant": row.variant,
        "metric": row.metric,
        "value": row.value,
        "budget": row.budget,
        "n": row.n,
        "reached": row.reached,
        "diverged": row.diverged,
        "share_reached": row.reached / row.n if row.n else None,
        **times,
        "mean_curve_epochs": row.mean_curve,
        "baseline": row.against.baseline if row.against else None,
        "difference": found.difference if found else None,
        "ci_low": found.ci_low if found else None,
        "ci_high": found.ci_high if found else None,
        "p_value": test.p_value if test else None,
        "p_adjusted": test.p_adjusted if test else None,
        "only_variant": row.shares.only_a if row.shares else None,
        "only_baseline": row.shares.only_b if row.shares else None,
        "p_share": row.p_value,
        "p_share_adjusted": row.family.adjusted(row.p_value),
        "verdict": row.against.verdict if row.against else None,
    }

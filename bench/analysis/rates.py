"""Convergence rates: how fast each variant's training objective falls, by which law, against theory."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from bench import frames, stats
from bench.analysis import theory
from bench.analysis.families import Family
from bench.errors import StatsError
from bench.stats.families import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from bench.analysis.theory import Constants, Prediction
    from bench.store import Results
    from bench.suite import Suite

MOST_CURVES: Final = 400  # fitted in a whole report; then only so many seeds of each variant
MOST_POINTS: Final = 120  # of a curve: more do not tell more, and take longer
LONG_RUN: Final = ("geometric", "power", "constant")
"""What theory tells apart where f* is approached: linear or sublinear. The beginning may be anything."""
ASYMPTOTE: Final = 0.03
"""How far, as a share of the fall, a curve without noise may lie from what it comes near to in the long run."""
_MOST_CHANGES: Final = 5  # a learning rate that changes more often has no breakpoints: it decays


@dataclass(frozen=True)
class Curve:
    """One seed's training objective: k in epochs (or an imported file's steps), both shape (n,)."""

    k: np.ndarray
    objective: np.ndarray


@dataclass(frozen=True)
class Rate:
    """How fast a variant's training objective falls.

    Attributes:
        curves: by seed, above f* if it is known.
        span: the k between which all seeds' curves were fitted: of a known optimum, the long run.
        left_out: seeds that were not fitted, because there are too many curves.
        fitted: over those seeds, rates per epoch.
        optimum: f*, known from the probe ``optimum``; else None.
        updates_per_epoch: None if unknown.
        predicted: by theory; None where it says nothing.
        against: the rate compared with the baseline's; None for the baseline, and without a fit.
        family: what ``against`` is judged with.
    """

    question: str
    variant: str
    metric: str
    curves: dict[int, Curve]
    span: tuple[float, float]
    left_out: int
    fitted: stats.RatesOverSeeds
    optimum: float | None
    updates_per_epoch: float | None
    predicted: Prediction | None
    baseline: str
    against: stats.RateComparison | None = None
    family: Family = Family()  # noqa: RUF009  # it is frozen

    def in_family(self, family: Family) -> Rate:
        """The same, judged in a family, whose intervals hold at once."""
        against = self.against
        if against is None or against.comparison is None or against.family == "cannot be compared":
            return replace(self, family=family)
        judged = stats.RateComparison.of(against.family, family.judge(against.comparison))
        return replace(self, family=family, against=judged)

    @property
    def p_value(self) -> float | None:
        """Of the comparison with the baseline, by itself."""
        return self.against.p_value if self.against else None

    @property
    def per_update(self) -> float | None:
        """The named rate per update; an exponent has no unit and stays."""
        rate = self.fitted.rate
        if rate is None or self.updates_per_epoch is None or self.fitted.family == "power":
            return None
        return rate / self.updates_per_epoch

    @property
    def tail(self) -> tuple[float | None, float | None, float | None]:
        """What an update leaves of f - f* over the last third, and the ends of its interval."""
        fitted = self.fitted
        slopes = (fitted.tail_rate, fitted.tail_high, fitted.tail_low)  # steeper: less is left
        factor, low, high = (
            None
            if x is None or not self.updates_per_epoch
            else math.exp(-x / self.updates_per_epoch)
            for x in slopes
        )
        return factor, low, high


def objective_of(suite: Suite) -> str | None:
    """The metric whose convergence is measured: the training objective, or an imported file's first loss."""
    if suite.imported is None:
        return "train_objective"
    losses = (n for n in suite.imported.metrics if suite.metric(n).higher_is_better is False)
    return next(losses, None)


def convergence_rates(results: Results, question: str) -> list[Rate]:
    """One per variant with a result, in the suite's order; empty where nothing could be a rate."""
    suite = results.suite
    metric = objective_of(suite)
    curves = results.curves_of(question)
    if metric is None or metric not in curves or curves[metric].isna().all():
        return []
    if suite.imported is not None:  # what diverged is infinite, the rest was not recorded
        curves = curves[curves[metric].notna()]
    most = max(MOST_CURVES // sum(len(suite.variants(q)) for q in suite.questions), 5)
    baseline = suite.baseline(question)
    found = [
        _rate(results, curves[curves.variant == variant], (question, variant), metric, most)
        for variant in suite.variants(question)
        if (curves.variant == variant).any()
    ]
    base = next((rate for rate in found if rate.variant == baseline), None)
    return [
        rate if base is None or rate is base else replace(rate, against=_against(rate, base))
        for rate in found
    ]


def _rate(
    results: Results, rows: pd.DataFrame, key: tuple[str, str], metric: str, most: int
) -> Rate:
    suite, (question, variant) = results.suite, key
    settings = suite.variants(question)[variant]
    constants = _constants(results, key)
    chosen = sorted(rows.seed.unique())[:most]
    excess = constants.optimum if constants else 0.0
    curves = {int(seed): _curve(rows[rows.seed == seed], metric, excess) for seed in chosen}
    known = constants is not None and theory.is_deterministic(settings)
    trained = suite.imported is None
    resolution = _resolution(settings.precision, constants, curves) if trained else None
    parts = [_long_run(c, resolution) if known else (c.k, c.objective) for c in curves.values()]
    fitted = stats.fit_rates_over_seeds(
        parts,
        floor=0.0 if known else None,
        families=LONG_RUN if known else FAMILIES,
        breakpoints=_breakpoints(rows[rows.seed == chosen[0]]),
        resolution=resolution,
        tolerance=ASYMPTOTE if known else 0.0,
    )
    return Rate(
        *key,
        metric=metric,
        curves=curves,
        span=(max(float(k[0]) for k, _ in parts), min(float(k[-1]) for k, _ in parts)),
        left_out=rows.seed.nunique() - len(chosen),
        fitted=fitted,
        optimum=constants.optimum if constants else None,
        updates_per_epoch=_updates_per_epoch(rows) if trained else None,
        predicted=theory.predict(settings, constants) if trained else None,
        baseline=suite.baseline(question),
    )


def _curve(rows: pd.DataFrame, metric: str, excess: float) -> Curve:
    """At most MOST_POINTS, evenly, the first and the last among them; a gap in the middle is left out."""
    k, values = rows.epoch.to_numpy(float), rows[metric].to_numpy(float) - excess
    present = np.flatnonzero(~np.isnan(values) | (np.arange(values.size) == values.size - 1))
    positions = np.linspace(0, present.size - 1, min(present.size, MOST_POINTS)).round().astype(int)
    kept = present[np.unique(positions)]
    return Curve(k[kept], values[kept])


def _long_run(curve: Curve, resolution: float | None) -> tuple[np.ndarray, np.ndarray]:
    """What rounding leaves of the curve, without its first half: theory speaks of the long run."""
    lost = curve.objective <= (resolution or 0.0) * np.abs(curve.objective).max()
    end = int(np.argmax(lost)) if lost.any() else lost.size
    begin = min(end // 2, curve.k.size - 1)
    return curve.k[begin : max(end, begin + 1)], curve.objective[begin : max(end, begin + 1)]


def _resolution(
    precision: str | None, constants: Constants | None, curves: dict[int, Curve]
) -> float:
    """What is lost in rounding f, and f*, relative to the largest value above f*: f itself was rounded."""
    largest = max(float(np.nanmax(np.abs(curve.objective))) for curve in curves.values())
    whole = largest + (abs(constants.optimum) if constants else 0.0)
    unit = (1e-12 if constants else 1e-14) if precision == "float64" else 1e-6
    return min(unit * whole / largest, 0.5) if 0 < largest < math.inf else unit


def _constants(results: Results, key: tuple[str, str]) -> Constants | None:
    """The probe ``optimum`` of a variant's trials: medians over seeds, equal unless each has its own data."""
    question, variant = key
    rows = results.probes
    rows = rows[(rows.probe == "optimum") & (rows.question == question) & (rows.variant == variant)]
    if rows.empty:
        return None
    found = rows.groupby("measure").value.median()
    return theory.Constants(
        float(found["value"]), float(found["smoothness"]), float(found["strong_convexity"])
    )


def _breakpoints(curve: pd.DataFrame) -> list[float]:
    """Epochs at which a stepwise learning rate has changed; none of one that decays all the time."""
    if "learning_rate" not in curve or curve.learning_rate.isna().any():
        return []
    rates, epochs = curve.learning_rate.to_numpy(), curve.epoch.to_numpy()
    changed = np.flatnonzero(rates[1:] != rates[:-1]) + 1
    return epochs[changed].tolist() if changed.size <= _MOST_CHANGES else []


def _updates_per_epoch(rows: pd.DataFrame) -> float | None:
    done = rows[(rows.epoch > 0) & rows.updates.notna()]
    return None if done.empty else float((done.updates / done.epoch).median())


def _against(rate: Rate, base: Rate) -> stats.RateComparison | None:
    if list(rate.curves) != list(base.curves):
        return None
    try:
        return stats.compare_rates(rate.fitted, base.fitted)
    except StatsError:  # fewer than two seeds: nothing to compare
        return None


def frame(rates: Sequence[Rate]) -> pd.DataFrame:
    """The frame ``rates``: one row per question and variant."""
    return frames.typed([_row(rate) for rate in rates], frames.RATES)


def _row(rate: Rate) -> dict[str, object]:
    tail, tail_low, tail_high = rate.tail
    fitted, theirs, against = rate.fitted, rate.predicted, rate.against
    tested = fitted.lack_of_fit.get(fitted.best_family or "constant")
    return {
        "question": rate.question,
        "variant": rate.variant,
        "metric": rate.metric,
        "n": len(rate.curves),
        "family": fitted.family,
        "best_family": fitted.best_family,
        "wins": fitted.wins,
        "fit_p": tested.p_value if tested else None,
        "departure": tested.departure if tested else None,
        "rate": fitted.rate,
        "rate_low": fitted.rate_low,
        "rate_high": fitted.rate_high,
        "rate_per_update": rate.per_update,
        "optimum": rate.optimum,
        "floor": fitted.floor,
        "floor_kind": fitted.floor_kind,
        "halving_epochs": fitted.halving_time,
        "local_slope": fitted.local_slope,
        "tail_factor": tail,
        "tail_low": tail_low,
        "tail_high": tail_high,
        "theory": theirs.words if theirs else "none",
        "theory_source": theirs.source if theirs else None,
        "predicted_factor": theirs.factor if theirs else None,
        "predicted_exponent": theirs.exponent if theirs else None,
        "baseline": rate.baseline if rate.variant != rate.baseline else None,
        "ratio": against.ratio if against else None,
        "ci_low": against.ci_low if against else None,
        "ci_high": against.ci_high if against else None,
        "p_value": against.p_value if against else None,
        "p_adjusted": rate.family.adjusted(rate.p_value),
        "reasons": " ".join(fitted.reasons),
    }

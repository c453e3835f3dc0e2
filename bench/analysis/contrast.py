"""Two variants, or a variant and a number, brought together for a test.

This is the one place that decides what is paired with what: and drops no seed unsaid.
Times are compared as logarithms, so that their difference is a ratio.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from bench import stats
from bench.analysis.arrivals import budget_spent, decide, known_until, together
from bench.analysis.crossings import SPENT
from bench.analysis.looks import ALPHA
from bench.errors import StatsError
from bench.stats.estimates import estimate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from bench.analysis.arrivals import Decision
    from bench.analysis.metrics import Values
    from bench.frames import Metric


_SO_MANY_SEEDS: Final = 1e9  # no need to tell more than that apart

_TOGETHER: Final = (
    "Times were taken while other trials ran on the same machine, and the variants did not take turns: what the"
    " machine did besides is in them. bench time measures without that."
)


@dataclass(frozen=True)
class Contrast:
    """A variant ``a`` against ``b``: another variant, or a number.

    Attributes:
        a, b: values per seed, shapes (n_a,) and (n_b,), in the metric's unit; times as logarithms.
        paired: whether the i-th values of both belong to the same seed.
        missed_a, missed_b: how many of them never met the target and count the budget.
        late_a, late_b: how many met it later than all runs were watched for, and count that.
        decision: of times to a target, what decides where their means cannot; None where they can.
        cautions: what was left out or broken, in sentences.
        problem: why nothing can be compared, as the end of a sentence; None if it can.
    """

    metric: Metric
    a: NDArray[np.float64]
    b: NDArray[np.float64]
    paired: bool = True
    missed_a: int = 0
    missed_b: int = 0
    late_a: int = 0
    late_b: int = 0
    decision: Decision | None = None
    cautions: tuple[str, ...] = ()
    problem: str | None = None

    def test(self, *, margin: float | None = None, shift: float = 0.0) -> stats.Comparison:
        """The comparison of a with b + shift; margin and shift on the scale of the values.

        Raises:
            StatsError: there is nothing to compare (``problem`` says why).
        """
        if self.decision is not None:
            return self.decision.comparison(told=shift == 0)
        compare = stats.compare_paired if self.paired else stats.compare_unpaired
        return compare(
            self.a,
            self.b + shift,
            margin=margin,
            higher_is_better=self.metric.higher_is_better is not False,
        )

    def scaled(self, value: float) -> float:
        """A margin or a number in the metric's unit, on the scale of the values."""
        return math.log(value) if self.metric.ratio else value


@dataclass(frozen=True)
class Finding:
    """What a test says of a contrast, in the metric's unit (for times as ratios).

    ``test`` is None where none was possible: ``contrast.problem`` says why. ``family``: how many tests
    are judged together with it, itself included; it counts in what could be detected.
    """

    contrast: Contrast
    test: stats.Comparison | None
    family: int = 1

    @property
    def metric(self) -> Metric:
        """The metric that was compared."""
        return self.contrast.metric

    @property
    def difference(self) -> float | None:
        """Mean difference; for times the ratio of geometric means. None if a run diverged."""
        return self._shown(self.test.mean_difference) if self.test else None

    @property
    def ci_low(self) -> float | None:
        """Lower end of the 95 % t interval of the difference."""
        return self._shown(self.test.ci_low) if self.test else None

    @property
    def ci_high(self) -> float | None:
        """Upper end of the 95 % t interval of the difference."""
        return self._shown(self.test.ci_high) if self.test else None

    @property
    def half_width(self) -> float | None:
        """Half the width of that interval, which says how many digits mean something."""
        if self.ci_low is None or self.ci_high is None:
            return None
        return (self.ci_high - self.ci_low) / 2

    @property
    def detectable(self) -> float | None:
        """The smallest difference that these seeds detect with 80 % power, as one of its family."""
        test = self.test
        if test is None or test.minimal_detectable_difference is None:
            return None
        alone, strict = (
            stats.minimal_detectable_effect(test.n, alpha=alpha, paired=test.paired)
            for alpha in (ALPHA, test.alpha / self.family)
        )
        return self._shown(test.minimal_detectable_difference * strict / alone)

    @property
    def seeds_needed(self) -> int | None:
        """Seeds that detect a difference as seen with 80 % power, as one of its family."""
        test = self.test
        if test is None or not test.effect_size:
            return None
        alpha = test.alpha / self.family
        needed = stats.seeds_needed(test.effect_size, alpha=alpha, paired=test.paired)
        return math.ceil(min(needed, _SO_MANY_SEEDS))

    @property
    def anytime_e(self) -> float | None:
        """Evidence of the anytime sign test, valid however often one looked; None if not paired."""
        if self.test is None or self.test.wins is None or self.test.losses is None:
            return None
        return stats.anytime_sign_test(self.test.wins, self.test.losses).e_value

    @property
    def columns(self) -> dict[str, object]:
        """What frames say of it; names as in ``bench.frames``, None where there is no test."""
        test = self.test
        return {
            "difference": self.difference,
            "ci_low": self.ci_low,
            "ci_high": self.ci_high,
            "test": test.test if test else None,
            "p_value": test.p_value if test else None,
            "p_holm": test.p_adjusted if test else None,
            "p_sign_flip": test.p_sign_flip if test else None,
            "effect_size": test.effect_size if test else None,
        }

    @property
    def counts(self) -> dict[str, object]:
        """What frames say of its seeds, and of what they could have told."""
        test = self.test
        return {
            "wins": test.wins if test else None,
            "losses": test.losses if test else None,
            "missed": self.contrast.missed_a,
            "missed_other": self.contrast.missed_b,
            "detectable": self.detectable,
            "seeds_needed": self.seeds_needed,
            "family": self.family,
            "alpha": test.alpha if test else None,
        }

    def in_family(self, size: int, alpha: float) -> Finding:
        """The same finding as one of so many tests, each Holm p being held against alpha."""
        test = None if self.test is None else replace(self.test, alpha=alpha)
        return replace(self, test=test, family=max(size, 1))

    def _shown(self, value: float | None) -> float | None:
        return math.exp(value) if value is not None and self.metric.ratio else value


@dataclass(frozen=True)
class Mean:
    """A mean over seeds with its 95 % t interval, in the metric's unit; geometric for times.

    None: no seed has a value, or one is infinite; for the ends also fewer than three seeds.
    """

    value: float | None
    low: float | None
    high: float | None

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval, which says how many digits mean something."""
        if self.low is None or self.high is None:
            return None
        return (self.high - self.low) / 2


def contrast(a: Values, b: Values | float) -> Contrast:
    """Bring the values of a variant together with those of another one, or with a number."""
    if isinstance(b, float):
        return _against_number(a, b)
    a, b = together(a, b)
    notes = [*_missing(a), *_missing(b)]
    seeds_a, seeds_b = set(a.by_seed), set(b.by_seed)
    if a.metric.timed:
        apart = (a.concurrent ^ b.concurrent) & seeds_a & seeds_b
        seeds_a, seeds_b = seeds_a - apart, seeds_b - apart
        if apart:
            notes.append(
                f"Left out {_seeds(apart)}: one of the two times was taken while other trials ran,"
                " the other was not."
            )
        if (a.concurrent & seeds_a) or (b.concurrent & seeds_b):
            notes.append(_TOGETHER)
    paired = seeds_a == seeds_b
    if not paired:
        notes.append(
            f"Pairing is broken: {a.variant} has {len(seeds_a)} seeds, {b.variant} {len(seeds_b)},"
            f" {len(seeds_a & seeds_b)} in common. Welch's test compares them as two groups."
        )
    decision = decide(a, b, paired=paired) if a.metric.name in SPENT else None
    problems = filter(None, (_problem(a, seeds_a), _problem(b, seeds_b), _nobody_reached(a, b)))
    return Contrast(
        metric=a.metric,
        a=_array(a, seeds_a),
        b=_array(b, seeds_b),
        paired=paired,
        missed_a=len(a.not_reached),
        missed_b=len(b.not_reached),
        late_a=len(a.late),
        late_b=len(b.late),
        decision=decision,
        cautions=(*notes, *_uneven(a), *_budget(a, b, decided=decision is not None)),
        problem="; ".join(problems) or None,
    )


def _against_number(a: Values, number: float) -> Contrast:
    problem = _problem(a, set(a.by_seed))
    if a.metric.ratio and number <= 0:
        problem, number = "a time is always above 0 s", 1.0
    if a.not_reached and number >= known_until(a):
        problem = (
            f"seeds of {a.variant} missed the target, and were watched for {known_until(a):g} only"
        )
    constant = math.log(number) if a.metric.ratio else number
    notes = [*_missing(a), *_budget(a)]
    if a.metric.timed and a.concurrent:
        notes.append(_TOGETHER)
    values = _array(a, set(a.by_seed))
    return Contrast(
        a.metric,
        values,
        np.full(values.size, constant),
        missed_a=len(a.not_reached),
        cautions=tuple(notes),
        problem=problem,
    )


def mean_over_seeds(values: Values) -> Mean:
    """The mean of a variant's seeds with its interval."""
    sample = _array(values, set(values.by_seed))
    if sample.size == 0 or not np.isfinite(sample).all():
        return Mean(None, None, None)
    shown = math.exp if values.metric.ratio else float
    try:
        low, high = estimate(sample, np.zeros(sample.size), "paired").interval(0.95)
    except StatsError:  # too few seeds, or all alike
        return Mean(shown(sample.mean()), None, None)
    return Mean(shown(sample.mean()), shown(low), shown(high))


def as_family(
    tests: Iterable[stats.Comparison | None], *, alpha: float = ALPHA
) -> list[stats.Comparison | None]:
    """The tests judged as one family: their p, and their p of equivalence, adjusted by Holm.

    A None is a comparison that could not be made; it does not count. alpha: what an adjusted p is
    held against (at a declared look less than 0.05); intervals stay those of 95 %.
    """
    family = list(tests)
    p = stats.adjust([t.p_value if t else None for t in family])
    q = stats.adjust([t.equivalence.p_value if t and t.equivalence else None for t in family])
    judged: list[stats.Comparison | None] = []
    for test, p_holm, q_holm in zip(family, p, q, strict=True):
        if test is None:
            judged.append(None)
            continue
        equivalence = test.equivalence
        if equivalence is not None and q_holm is not None:
            equivalence = replace(equivalence, p_value=q_holm, alpha=alpha)
        adjusted = test.with_adjusted_p(p_holm)
        judged.append(replace(adjusted, alpha=alpha, equivalence=equivalence))
    return judged


def _array(values: Values, seeds: set[int]) -> NDArray[np.float64]:
    array = np.array([values.by_seed[seed] for seed in sorted(seeds)], dtype=np.float64)
    return np.log(array) if values.metric.ratio else array


def _problem(values: Values, seeds: set[int]) -> str | None:
    if not values.by_seed:
        return values.why_empty
    if not seeds:
        return f"no time of {values.variant} was taken under the same conditions"
    if values.undefined:
        return f"{_seeds(values.undefined)} of {values.variant} diverged, with no value to compare"
    return None


def _nobody_reached(a: Values, b: Values) -> str | None:
    """Two budgets spent in vain are no evidence that two times are alike."""
    if a.by_seed and a.not_reached == a.by_seed.keys() and b.not_reached == b.by_seed.keys():
        return "no seed of either reaches the target within the budget"
    return None


def _missing(values: Values) -> list[str]:
    said = []
    if values.failed:
        said.append(f"{values.variant}: {_seeds(values.failed)} failed, so there is no result.")
    if values.missing and values.by_seed:
        have = "has" if len(values.missing) == 1 else "have"
        said.append(
            f"{values.variant}: {_seeds(values.missing)} {have} no {values.metric.label} on record."
        )
    return said


def _uneven(values: Values) -> list[str]:
    if values.uneven is None:
        return []
    first, last = values.uneven
    counted = f"only what lies up to {first:g}, which all of them reached, is counted."
    final = "the final value of a run is its own last one."
    if values.metric.name in SPENT:
        counted = "a run that met the target before its end has its time all the same."
    along = values.metric.name in (*SPENT, "area_under_curve")
    return [
        f"The runs end at different steps, {first:g} to {last:g}: {counted if along else final}"
    ]


def _budget(*sides: Values, decided: bool = False) -> list[str]:
    return [f"{variant}: {text}" for variant, text in budget_spent(*sides, decided=decided)]


def _seeds(seeds: Iterable[int]) -> str:
    numbers = sorted(seeds)
    return f"seed{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"

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
from bench.analysis import arrivals
from bench.analysis.crossings import SPENT
from bench.analysis.families import Family
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
_LOOKS: Final = {"percent": "percent", "shares": "shares (0 to 1)"}
_LARGEST_LOG: Final = 709.0  # of a number that a float holds

TOGETHER: Final = (
    "Times were taken while other trials ran on the same machine, and the variants did not take turns: what the"
    " machine did besides is in them. bench time measures without that."
)


@dataclass(frozen=True)
class Caution:
    """What to keep in mind of a comparison.

    Attributes:
        text: a sentence, or the end of one about ``about``.
        about: the variant that it is about; empty where it is about the comparison.
    """

    text: str
    about: str = ""

    def __str__(self) -> str:
        return f"{self.about}: {self.text}" if self.about else self.text


@dataclass(frozen=True)
class Contrast:
    """A variant ``a`` against ``b``: another variant, or a number.

    Attributes:
        a, b: values per seed, shapes (n_a,) and (n_b,), in the metric's unit; times as logarithms.
        paired: whether the i-th values of both belong to the same seed.
        missed_a, missed_b: how many of them never met the target and count the budget.
        late_a, late_b: how many met it later than all runs were watched for, and count that.
        decision: of times to a target, what decides where their means cannot; None where they can.
        diverged_a, diverged_b: how many of them diverged, which is worse than any value.
        together: whether they are times that were taken while other trials ran.
        seeds: of a, ascending; empty where there are none.
        runs: the content ids of both sides' trials.
        short: which of their runs ended before the longest one, as a sentence; empty if none did.
        cautions: what was left out or broken.
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
    diverged_a: int = 0
    diverged_b: int = 0
    together: bool = False
    seeds: tuple[int, ...] = ()
    runs: frozenset[frozenset[str]] = frozenset()
    short: str = ""
    cautions: tuple[Caution, ...] = ()
    problem: str | None = None

    @property
    def identity(self) -> tuple[object, ...]:
        """What tells it from other tests: the runs and numbers that it compares, whichever is named first."""
        numbers = frozenset((self.a.tobytes(), self.b.tobytes()))
        decided = self.decision and self.decision.identity
        return self.metric.name, self.paired, self.runs, numbers, decided

    def test(
        self, *, margin: float | None = None, shift: float = 0.0, looked: bool = False
    ) -> stats.Comparison:
        """The comparison of a with b + shift; margin and shift on the scale of the values.

        looked: whether seeds were added after looking, so that only a test that allows it counts.

        Raises:
            StatsError: there is nothing to compare (``problem`` says why).
        """
        if self.decision is not None:
            return self.decision.comparison(told=shift == 0, looked=looked)
        compare = stats.compare_paired if self.paired else stats.compare_unpaired
        found = compare(
            self.a,
            self.b + shift,
            margin=margin,
            higher_is_better=self.metric.higher_is_better is not False,
            guarded=self.metric.name not in SPENT,  # of whose coarse steps t holds its level
        )
        return found.looked() if looked else found

    def scaled(self, value: float) -> float:
        """A margin or a number in the metric's unit, on the scale of the values."""
        return math.log(value) if self.metric.ratio else value


@dataclass(frozen=True)
class Finding:
    """What a test says of a contrast, in the metric's unit (for times as ratios).

    ``test`` is None where none was possible: ``contrast.problem`` says why. ``family``: what it is judged
    with; by itself until it is.
    """

    contrast: Contrast
    test: stats.Comparison | None
    family: Family = Family()  # noqa: RUF009  # it is frozen

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
        """Lower end of the interval of the difference that its family asks for; may be infinite."""
        return self._shown(self.test.ci_low) if self.test else None

    @property
    def ci_high(self) -> float | None:
        """Upper end of that interval."""
        return self._shown(self.test.ci_high) if self.test else None

    @property
    def half_width(self) -> float | None:
        """Half the width of that interval, which says how many digits mean something."""
        if self.ci_low is None or self.ci_high is None:
            return None
        half = (self.ci_high - self.ci_low) / 2
        return half if math.isfinite(half) else None

    @property
    def detectable(self) -> float | None:
        """The smallest difference that these seeds detect with 80 % power, as one of its family."""
        test = self.test
        if test is None or test.minimal_detectable_difference is None:
            return None
        alone, strict = (
            stats.minimal_detectable_effect(test.n, alpha=alpha, paired=test.paired)
            for alpha in (ALPHA, self.family.level)
        )
        return self._shown(test.minimal_detectable_difference * strict / alone)

    @property
    def seeds_needed(self) -> int | None:
        """Seeds that detect a difference as seen with 80 % power, as one of its family."""
        test = self.test
        if test is None or not test.effect_size:
            return None
        needed = stats.seeds_needed(test.effect_size, alpha=self.family.level, paired=test.paired)
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
            "p_adjusted": test.p_adjusted if test else None,
            "p_sign_flip": test.p_sign_flip if test else None,
            "effect_size": test.effect_size if test else None,
            "family": self.family.name,
            "tests": self.family.size,
            "alpha": self.family.alpha,
            "level": self.family.level,
        }

    @property
    def counts(self) -> dict[str, object]:
        """What frames say of its seeds, and of what they could have told."""
        test, between = self.test, self.contrast
        return {
            "wins": test.wins if test else None,
            "losses": test.losses if test else None,
            "diverged": between.diverged_a,
            "diverged_other": between.diverged_b,
            "missed": between.missed_a,
            "missed_other": between.missed_b,
            "detectable": self.detectable,
            "seeds_needed": self.seeds_needed,
        }

    def cautions(self, a: str, b: str) -> tuple[Caution, ...]:
        """What to keep in mind, of the contrast and of its test; a, b: what its sides are called."""
        of_test = self.test.cautions if self.test else ()
        return (*self.contrast.cautions, *(Caution(c.say(a=a, b=b)) for c in of_test))

    def judged(self, family: Family) -> Finding:
        """The same finding as one of a family of tests."""
        test = self.test
        return replace(self, test=None if test is None else family.judge(test), family=family)

    def _shown(self, value: float | None) -> float | None:
        if value is None or not self.metric.ratio:
            return value
        return math.exp(value) if value < _LARGEST_LOG else math.inf


@dataclass(frozen=True)
class Mean:
    """A mean over seeds with its 95 % t interval, in the metric's unit; geometric for times.

    None: no seed has a value, or one is infinite; for the ends also fewer than three seeds. The interval of a
    share ends at 0 and 1.
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


def contrast(a: Values, b: Values | float, *, paired: bool = True) -> Contrast:
    """Bring the values of a variant together with those of another one, or with a number.

    paired: compare seed by seed, on the seeds that both have; else as two groups.
    """
    if isinstance(b, float):
        return _against_number(a, b)
    a, b = arrivals.together(a, b)
    cautions = [*_missing(a), *_missing(b)]
    seeds_a, seeds_b = set(a.by_seed), set(b.by_seed)
    if a.metric.timed:
        apart = (a.concurrent ^ b.concurrent) & seeds_a & seeds_b
        seeds_a, seeds_b = seeds_a - apart, seeds_b - apart
        if apart:
            cautions.append(
                Caution(
                    f"Left out {_seeds(apart)}: one of the two times was taken while other trials ran,"
                    " the other was not."
                )
            )
    problems = [_units(a, b), _problem(a, seeds_a), _problem(b, seeds_b), _nobody_reached(a, b)]
    shared = seeds_a & seeds_b
    if paired and seeds_a != seeds_b and not any(problems):
        cautions.append(Caution(_shared(a, b, shared)))
        seeds_a = seeds_b = shared
        problems.append("they have no seed in common" if not shared else None)
    together = a.metric.timed and bool((a.concurrent & seeds_a) or (b.concurrent & seeds_b))
    if together:
        cautions.append(Caution(TOGETHER))
    decision = None
    if a.metric.name in SPENT and not any(problems):
        decision = arrivals.decide(a, b, seeds_a, seeds_b, paired=paired)
    return Contrast(
        metric=a.metric,
        a=_array(a, seeds_a),
        b=_array(b, seeds_b),
        paired=paired,
        missed_a=len(a.not_reached & seeds_a),
        missed_b=len(b.not_reached & seeds_b),
        late_a=len(a.late & seeds_a),
        late_b=len(b.late & seeds_b),
        decision=decision,
        diverged_a=len(a.diverged & seeds_a),
        diverged_b=len(b.diverged & seeds_b),
        together=together,
        seeds=tuple(sorted(seeds_a)),
        runs=frozenset((a.trials, b.trials)),
        short=_short(a, b),
        cautions=(*cautions, *_uneven(a), *_budget(a, b, decided=decision is not None)),
        problem="; ".join(filter(None, problems)) or None,
    )


def _shared(a: Values, b: Values, shared: set[int]) -> str:
    count = f"{len(shared)} seed{'s' * (len(shared) != 1)}"
    return (
        f"{a.variant} has {len(a.by_seed)} seeds and {b.variant} {len(b.by_seed)}: compared on the"
        f" {count} that both have."
    )


def _against_number(a: Values, number: float) -> Contrast:
    problem = _problem(a, set(a.by_seed))
    if a.metric.ratio and number <= 0:
        problem, number = "a time is always above 0 s", 1.0
    if a.not_reached and number >= arrivals.known_until(a):
        until = f"{arrivals.known_until(a):g} {a.metric.unit}"
        problem = f"seeds of {a.variant} missed the target, and were watched for {until} only"
    constant = math.log(number) if a.metric.ratio else number
    cautions = [*_missing(a), *_budget(a)]
    together = a.metric.timed and bool(a.concurrent)
    if together:
        cautions.append(Caution(TOGETHER))
    values = _array(a, set(a.by_seed))
    return Contrast(
        a.metric,
        values,
        np.full(values.size, constant),
        missed_a=len(a.not_reached),
        diverged_a=len(a.diverged & a.by_seed.keys()),
        together=together,
        seeds=tuple(sorted(a.by_seed)),
        runs=frozenset((a.trials,)),
        short=_short(a),
        cautions=tuple(cautions),
        problem=problem,
    )


def mean_over_seeds(values: Values) -> Mean:
    """The mean of a variant's seeds with its interval."""
    sample = _array(values, set(values.by_seed))
    if sample.size == 0 or not np.isfinite(sample).all():
        return Mean(None, None, None)
    shown = math.exp if values.metric.ratio else float
    lowest, highest = values.metric.bounds
    try:
        found = estimate(sample, np.zeros(sample.size), "paired")
    except StatsError:  # too few seeds, or all alike
        return Mean(shown(sample.mean()), None, None)
    low, high = found.interval(1 - ALPHA)
    if lowest <= sample.min() and sample.max() <= highest:
        low, high = max(low, lowest), min(high, highest)
    return Mean(shown(found.difference), shown(low), shown(high))


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


def _units(a: Values, b: Values) -> str | None:
    """Percents and shares are not compared: nobody knows whether one is a hundred times the other."""
    for side in (a, b):
        if side.unit == "both":
            return f"some runs of {side.variant} look like percent, others like shares (0 to 1)"
    if a.unit and b.unit and a.unit != b.unit:
        return f"{a.variant} looks like {_LOOKS[a.unit]}, {b.variant} like {_LOOKS[b.unit]}"
    return None


def _nobody_reached(a: Values, b: Values) -> str | None:
    """Two budgets spent in vain are no evidence that two times are alike."""
    if a.by_seed and a.not_reached == a.by_seed.keys() and b.not_reached == b.by_seed.keys():
        return "no seed of either reaches the target within the budget"
    return None


def _missing(values: Values) -> list[Caution]:
    said = []
    if values.failed:
        said.append(
            Caution(f"{_seeds(values.failed)} failed, so there is no result.", values.variant)
        )
    if values.missing and values.by_seed:
        have = "has" if len(values.missing) == 1 else "have"
        text = f"{_seeds(values.missing)} {have} no {values.metric.label} on record."
        said.append(Caution(text, values.variant))
    return said


def _uneven(values: Values) -> list[Caution]:
    if values.uneven is None:
        return []
    first, last = values.uneven
    counted = f"only what lies up to {first:g}, which all of them reached, is counted."
    final = "the final value of a run is its own last one."
    if values.metric.name in SPENT:
        counted = "a run that met the target before its end has its time all the same."
    along = values.metric.name in (*SPENT, "area_under_curve")
    text = f"The runs end at different steps, {first:g} to {last:g}: {counted if along else final}"
    return [Caution(text)]


def _short(*sides: Values) -> str:
    """Which runs ended before the question's longest one."""
    short = {values.variant: values.short for values in sides if values.short}
    last = sides[0].uneven
    if not short or last is None:
        return ""
    runs = {values.variant: len(values.by_seed) for values in sides}
    return arrivals.short_in_words(short, runs, last[1])


def _budget(*sides: Values, decided: bool = False) -> list[Caution]:
    said = arrivals.budget_spent(*sides, decided=decided)
    return [Caution(text, variant) for variant, text in said]


def _seeds(seeds: Iterable[int]) -> str:
    numbers = sorted(seeds)
    return f"seed{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"

"""Convergence rates over seeds: a law is named only where the seeds bear it out."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from bench.errors import StatsError
from bench.stats._inputs import FEWEST_FOR_INFERENCE, between, numbers, sample
from bench.stats.comparison import Comparison, compare_paired
from bench.stats.curve_fits import FamilyFit, FloorKind, unbound
from bench.stats.doubts import DOUBTS
from bench.stats.estimates import estimate
from bench.stats.families import FAMILIES, SHADOWS, SHAPES, RateFamily, Shape
from bench.stats.lack_of_fit import LackOfFit, lack_of_fit
from bench.stats.rates import RateFit, Weights, fit_rates

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    _Array = NDArray[np.float64]

UNDETERMINED: Literal["cannot be determined"] = "cannot be determined"
"""The verdict where no family may be named."""

_FEWEST_SEEDS = 5
_EXCLUDED = 0.01
"""A family is excluded where its test of fit has a lower p: of the true one so in 1 % of studies."""
_DOUBTFUL = 0.05
"""And is named only from this p on, so that a misfit just missed gives no wrong name."""
_FAR = 3.0
"""How many times as far other families have to depart where a departure is let pass."""
_LEAST_P = 1e-4  # printed
_WIDEST = 3.0
"""The factor that the ends of a rate's interval may be apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatesOverSeeds:
    """What the curves of several seeds say together. Rates are per unit of k.

    `rate` and its interval belong to `best_family`; they are for printing only where a family is
    named. `halving_time` and `local_slope` assume no family and always are.
    """

    fits: tuple[RateFit, ...]
    """One per seed, in the order given."""
    family: RateFamily | Literal["cannot be determined"]
    """A family, or "cannot be determined"."""
    best_family: RateFamily | None
    """The one that fits best in most seeds, named or not; None if no curve could be fitted."""
    wins: int
    """Seeds in which the best family has the best AICc."""
    lack_of_fit: Mapping[Shape, LackOfFit]
    """Of each family, and of the curves that are no law here, the test that what its fits leave over
    is noise. Empty below three seeds and where a curve could not be fitted."""
    rates: tuple[float | None, ...]
    """Each seed's rate under the best family, its floor not bound to be 0 or above, which would
    make rates too high on average; None where there is none."""
    rate: float | None
    """Geometric mean over the seeds."""
    rate_low: float | None
    """Ends of the 1 - alpha t interval, on the log scale; None below three seeds and where all
    seeds agree to the last digit."""
    rate_high: float | None
    halving_time: float
    """Median over seeds, a seed that never halves being inf."""
    local_slope: float | None
    """Median over the seeds that have one."""
    tail_rate: float | None
    """Mean over seeds, with the ends of its 1 - alpha t interval; see `RateFit`."""
    tail_low: float | None
    tail_high: float | None
    floor: float | None
    """Median of a under the best family."""
    floor_kind: FloorKind
    """The kind that most seeds have under the best family."""
    alpha: float
    reasons: tuple[str, ...]
    """Why no family is named; empty if one is."""
    earlier: tuple[RatesOverSeeds, ...] = ()
    """The same for the segments before the last breakpoint."""

    @property
    def determined(self) -> bool:
        """Whether a family is named."""
        return not self.reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class RateComparison:
    """How many times faster a falls than b. All is None where the two cannot be compared."""

    family: RateFamily | Literal["cannot be compared"]
    """The family that both share, or "cannot be compared"."""
    ratio: float | None
    """Geometric mean of a's rates over b's: 2 means that a falls twice as fast."""
    ci_low: float | None
    """Ends of the 1 - alpha interval of the ratio."""
    ci_high: float | None
    p_value: float | None
    comparison: Comparison | None
    """The comparison of log-rates that this comes from, a higher rate being better."""
    reasons: tuple[str, ...]
    """Why the two cannot be compared."""

    @classmethod
    def of(cls, family: RateFamily, found: Comparison) -> RateComparison:
        """Of a comparison of log-rates."""
        low, high = found.ci_low, found.ci_high
        return cls(
            family=family,
            ratio=math.exp(found.mean_difference or 0.0),
            ci_low=None if low is None else math.exp(low),
            ci_high=None if high is None else math.exp(high),
            p_value=found.p_value,
            comparison=found,
            reasons=(),
        )


def fit_rates_over_seeds(
    curves: Iterable[tuple[ArrayLike, ArrayLike]],
    *,
    floor: float | Sequence[float] | None = None,
    families: Iterable[RateFamily] = FAMILIES,
    weights: Weights = "relative",
    breakpoints: Iterable[float] = (),
    resolution: float | None = None,
    tolerance: float = 0.0,
    alpha: float = 0.05,
) -> RatesOverSeeds:
    """Fit every seed's curve, and name a family where the seeds bear it out.

    curves: one (k, values) per seed. floor: one known optimum for all, or one per seed; else as
    `fit_rate`. A family is excluded where the test of fit (`lack_of_fit`) has a p below 1 %, so that
    the true one is in 1 % of studies, however many are compared. Named is the one that is left, or
    the simplest if only generalisations of it are left besides; its own p must be 5 %. Logarithmic
    and logistic curves take part without being a law. tolerance: of noiseless curves that come near
    a law in the long run only: a family that departs by less than this share of the fall, and a
    third of what each other does, is not excluded.

    No family is named from fewer than five seeds, if a run diverged or has under 10 points (20 for a
    stretched exponential), if a parameter is at the edge of the search in more than 20 % of seeds,
    if in more than half of them the fall is under 5 times the noise or (without a known floor) under
    half observed, and if the interval of the rate is wider than a factor of 3.

    Raises StatsError for no curves, as many floors as there are not seeds, alpha outside (0, 0.5),
    a tolerance outside [0, 1), and like `fit_rate`.

    >>> rng = np.random.default_rng(1)
    >>> k = np.arange(40)
    >>> def seeds(curve):
    ...     return [(k, curve * np.exp(0.02 * rng.normal(size=40))) for _ in range(6)]
    >>> found = fit_rates_over_seeds(seeds(0.2 + 2 * 0.9**k))
    >>> found.family, round(found.rate, 2)
    ('geometric', 0.11)
    >>> drop = fit_rates_over_seeds(seeds(np.where(k < 20, 0.5 + 2 * 0.8**k, 0.3)))
    >>> drop.family
    'cannot be determined'
    >>> drop.reasons[-1].split(":")[0]
    'No law of these describes it'
    """
    between(alpha, 0.0, 0.5, "alpha")
    between(tolerance, -math.ulp(0.0), 1.0, "tolerance")
    pairs, names, cuts = list(curves), tuple(families), tuple(breakpoints)
    if not pairs:
        raise StatsError("no curves", expected="one (k, values) per seed", found="none")
    fits = fit_rates(
        pairs,
        _floors(floor, len(pairs)),
        families=names,
        weights=weights,
        breakpoints=cuts,
        resolution=resolution,
    )
    last = _over_seeds(fits, names, alpha, tolerance)
    segments = zip(*(fit.earlier for fit in fits), strict=True)
    earlier = tuple(_over_seeds(segment, names, alpha, tolerance) for segment in segments)
    return replace(last, earlier=earlier)


def compare_rates(a: RatesOverSeeds, b: RatesOverSeeds, *, alpha: float = 0.05) -> RateComparison:
    """Compare two results seed by seed, on log-rates (`compare_paired`).

    The i-th fits of a and b are of the same seed. They can be compared if the same family is named
    for both; a rate of one family is no rate of another. Raises StatsError for unequal numbers of
    seeds and like `compare_paired`.

    >>> rng = np.random.default_rng(1)
    >>> k = np.arange(40)
    >>> slow, fast = (
    ...     fit_rates_over_seeds(
    ...         [(k, (0.2 + 2 * rho**k) * np.exp(0.02 * rng.normal(size=40))) for _ in range(6)]
    ...     )
    ...     for rho in (0.9, 0.81)
    ... )
    >>> found = compare_rates(fast, slow)
    >>> found.family, round(found.ratio, 1)
    ('geometric', 2.0)
    """
    if len(a.fits) != len(b.fits):
        raise StatsError(
            "a and b are not paired",
            expected="as many seeds in a as in b, the same seed at the same position",
            found=f"{len(a.fits)} and {len(b.fits)}",
        )
    reasons = tuple(
        f"The family of {name} {UNDETERMINED}."
        for name, result in (("a", a), ("b", b))
        if not result.determined
    )
    if not reasons and a.family != b.family:
        reasons = (f"The families differ: {a.family} and {b.family}.",)
    if reasons or a.family == UNDETERMINED:
        return RateComparison(
            family="cannot be compared",
            ratio=None,
            ci_low=None,
            ci_high=None,
            p_value=None,
            comparison=None,
            reasons=reasons,
        )
    return RateComparison.of(a.family, compare_paired(_log_rates(a), _log_rates(b), alpha=alpha))


def _over_seeds(
    fits: tuple[RateFit, ...], families: tuple[RateFamily, ...], alpha: float, tolerance: float
) -> RatesOverSeeds:
    counted = Counter[str](fit.family for fit in fits if fit.family)
    tests = _tests(fits)
    left = _not_excluded(tests, tolerance)
    simplest = next((name for name in families if _is_simplest(name, left)), None)
    ranked = sorted(families, key=counted.__getitem__, reverse=True)
    best = simplest or (ranked[0] if counted else None)
    own = [found for fit in fits if best and (found := fit.of(best))]
    freed = [_unbound(fit, best) for fit in fits]
    slopes = [fit.local_slope for fit in fits if fit.local_slope is not None]
    tails = np.array([fit.tail_rate for fit in fits if fit.tail_rate is not None])
    tail, tail_low, tail_high = _interval(tails, alpha)
    kinds = Counter(fit.floor_kind for fit in own)
    result = RatesOverSeeds(
        fits=fits,
        family=UNDETERMINED,
        best_family=best,
        wins=sum(fit.family == best for fit in fits if best),
        lack_of_fit=tests,
        rates=tuple(one.rate if one else None for one in freed),
        rate=None,
        rate_low=None,
        rate_high=None,
        halving_time=_median([fit.halving_time for fit in fits]),
        local_slope=_median(slopes) if slopes else None,
        tail_rate=tail,
        tail_low=tail_low,
        tail_high=tail_high,
        floor=_median([fit.floor for fit in own]) if own else None,
        floor_kind=max(sorted(kinds), key=lambda kind: kinds[kind]) if kinds else "none",
        alpha=alpha,
        reasons=(),
    )
    result = _with_rate(result)
    reasons = (*_doubts(result, freed), *_of_fit(result, left, tolerance))
    return replace(result, reasons=reasons, family=best if best and not reasons else UNDETERMINED)


def _tests(fits: tuple[RateFit, ...]) -> dict[Shape, LackOfFit]:
    """The test of fit of each family that every curve has a fit of."""
    curves = [fit.fitted for fit in fits if fit.fitted]
    every = [{found.family: found for found in (*fit.candidates, *fit.shadows)} for fit in fits]
    if len(curves) < len(fits):
        return {}
    shared = [name for name in every[0] if all(name in found for found in every)]
    return lack_of_fit(curves, {name: [found[name] for found in every] for name in shared})


def _not_excluded(tests: dict[Shape, LackOfFit], tolerance: float) -> list[Shape]:
    """What the seeds do not exclude, nor `tolerance` lets pass."""
    closest = min((test.departure for test in tests.values()), default=0.0)
    return [
        name
        for name, test in tests.items()
        if test.p_value >= _EXCLUDED
        or (test.of_fall <= tolerance and test.departure < _FAR * closest)
    ]


def _is_simplest(name: RateFamily, left: list[Shape]) -> bool:
    """Whether all that is left is this family and generalisations of it."""
    return name in left and all(other == name or name in SHAPES[other].contains for other in left)


def _with_rate(result: RatesOverSeeds) -> RatesOverSeeds:
    mean, low, high = _interval(_log_rates(result), result.alpha)
    return replace(result, rate=_exp(mean), rate_low=_exp(low), rate_high=_exp(high))


def _interval(values: _Array, alpha: float) -> tuple[float | None, float | None, float | None]:
    """The mean, and its t interval where there is one."""
    if not values.size:
        return None, None, None
    try:
        found = estimate(values, np.zeros(values.size), "paired")
    except StatsError:  # too few seeds, or all alike
        return float(values.mean()), None, None
    return float(values.mean()), *found.interval(1 - alpha)


def _doubts(result: RatesOverSeeds, freed: Sequence[FamilyFit | None]) -> list[str]:
    """What speaks against naming any family, and the best one."""
    fits, n = result.fits, len(result.fits)
    found = []
    if n < _FEWEST_SEEDS:
        found.append(f"Too few seeds ({n}): a law is named from {_FEWEST_SEEDS} on.")
    for doubt in DOUBTS:
        count = sum(doubt.holds(fit, own) for fit, own in zip(fits, freed, strict=True))
        if count > doubt.share * n:
            found.append(f"{doubt.text}: {count} of {n} seeds.")
    low, high = result.rate_low, result.rate_high
    if low is not None and high is not None and high > _WIDEST * low:
        found.append(
            f"The interval of the rate is wider than a factor of {_WIDEST:g}: {low:.2g} to {high:.2g}."
        )
    return found


def _of_fit(result: RatesOverSeeds, left: list[Shape], tolerance: float) -> list[str]:
    """What the tests of fit say against naming the best family."""
    tests, best = result.lack_of_fit, result.best_family
    if best is None or len(result.fits) < FEWEST_FOR_INFERENCE:
        return []
    if best not in tests:
        apart = all(fit.fitted for fit in result.fits)
        return ["The seeds' curves have too few points in common."] if apart else []
    test = tests[best]
    p = f"p = {test.p_value:.2g}" if test.p_value >= _LEAST_P else f"p < {_LEAST_P:g}"
    by = f"by {100 * test.departure:.2g} % ({p})"
    if not left:
        return [
            f"No law of these describes it: the mean curve departs from the best, {best}, {by}."
        ]
    if set(left) <= set(SHADOWS):
        return [f"It is none of these laws: a {' or a '.join(left)} curve describes it."]
    if not _is_simplest(best, left):
        open_ = [f"{name}{', which is no law here' * (name in SHADOWS)}" for name in left]
        return [f"The seeds leave open what it is: {'; '.join(open_)}."]
    if test.p_value < _DOUBTFUL and test.of_fall > tolerance:
        away = f"the mean curve departs from it {by}"
        return [f"It may not be {best}: {away}; a law is named from p = {_DOUBTFUL:g} on."]
    return []


def _unbound(fit: RateFit, family: RateFamily | None) -> FamilyFit | None:
    found = fit.of(family) if family else None
    return unbound(fit.fitted, found) if found and fit.fitted else None


def _log_rates(result: RatesOverSeeds) -> _Array:
    return np.log([rate for rate in result.rates if rate is not None])


def _median(values: Sequence[float]) -> float:
    """Of numbers whose sum may overflow."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] / 2 + ordered[~half] / 2


def _exp(x: float | None) -> float | None:
    """Infinite where it overflows: the interval of three rates that have nothing in common."""
    with np.errstate(over="ignore"):
        return None if x is None else float(np.exp(x))


def _floors(floor: float | Sequence[float] | None, seeds: int) -> Sequence[float | None]:
    if floor is None:
        return [None] * seeds
    given = np.broadcast_to(numbers(floor, "floor"), (seeds,)) if np.ndim(floor) == 0 else floor
    floors = sample(given, "floor")
    if floors.size != seeds:
        raise StatsError(
            "not as many floors as seeds", expected=f"1 or {seeds}", found=str(floors.size)
        )
    return [float(known) for known in floors]

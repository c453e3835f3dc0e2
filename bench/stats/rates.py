"""How fast a curve falls, and by which law.

A curve is one run's metric against k, the epoch or the step. Every family falls from its first
value to a floor a, with a, b >= 0:

===========  ==============================  ============================
family       curve                           rate, per unit of k
===========  ==============================  ============================
geometric    a + b rho^k                     -log(rho)
power        a + b (k + 1)^-p                p (the exponent; has no unit)
hyperbolic   a + b / (1 + c k)               c
stretched    a + b exp(-(c k)^beta)          c
two-rate     a + b1 rho1^k + b2 rho2^k       -log(rho1), the slower one
constant     a                               none: the null hypothesis
===========  ==============================  ============================

Residual errors of such a fit say nothing about the next seed and are not offered; uncertainty
comes from the spread over seeds alone (`rates_over_seeds`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from scipy import optimize

from bench.errors import StatsError, did_you_mean, listed, shown
from bench.stats._inputs import between, numbers, sample
from bench.stats.doubts import CLEAR, DOUBTS, FEWEST_POINTS_TWO_RATES
from bench.stats.families import FAMILIES, SHAPES, Problem, RateFamily

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

    _Array = NDArray[np.float64]

FloorKind = Literal["known", "fitted", "indistinguishable from 0", "none"]
Weights = Literal["relative", "none"]

_FEWEST_TO_FIT = 4  # a constant and its noise, with AICc
_HEAD = 0.7
"""The share of a curve that is fitted when the rest is held out."""
_OVER = math.exp(-10)  # the fastest rates searched leave this much after one step
_LEAST = 1e-100  # relative to the largest value: squares of what is smaller would vanish
_ROUND_OFF = {"float32": 1e-6, "float64": 1e-14}
"""What is lost in rounding, relative to the largest value of a curve, with room to spare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyFit:
    """One family fitted to one curve. It says nothing about whether the family is the right one."""

    family: RateFamily
    floor: float
    """a, in the unit of the values; of `constant` its level."""
    floor_kind: FloorKind
    """`fitted` is the noise ball of a constant step, not the optimum; `none` is the constant's."""
    amplitudes: tuple[float, ...]
    """b, or b1 and b2, in the unit of the values."""
    shape: tuple[float, ...]
    """The nonlinear parameters, the first of them the rate."""
    aicc: float
    """Akaike's criterion, corrected for few points (Hurvich and Tsai 1989), up to a constant that
    the families of one curve share; the noise counts as one parameter."""
    hold_out_error: float
    """Root mean square error in the last 30 % of the points when only those before are fitted;
    relative to the curve unless weights are `none`. Infinite if those before are too few."""
    at_grid_edge: bool
    """Whether a parameter ran into the end of what was searched, or one step is all of the fall."""
    decay_observed: float
    """The share of the fall from the first fitted value to the floor that the points have seen."""
    fall_to_noise: float
    """b over the residual standard deviation, both in the unit of the values."""
    origin: float
    """The k that the formula calls 0: 0 or a breakpoint."""

    @property
    def parameters(self) -> dict[str, float]:
        """Name to value: a, b, and rho, p, c or beta."""
        return {"a": self.floor, **SHAPES[self.family].named(self.amplitudes, self.shape)}

    @property
    def rate(self) -> float | None:
        """How fast it falls, per unit of k (see the module's table); None for a constant."""
        return self.shape[0] if self.shape else None

    def predict(self, k: ArrayLike) -> NDArray[np.float64]:
        """The fitted curve at k, shape (n,), NaN before `origin`.

        Raises StatsError for k that is NaN or infinite.
        """
        since = sample(k, "k") - self.origin
        shape = np.array([self.shape])
        bases = SHAPES[self.family].bases(np.maximum(since, 0.0), shape)[0]
        return np.where(since < 0, np.nan, self.floor + np.asarray(self.amplitudes) @ bases)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateFit:
    """What one curve says. Where nothing could be fitted `best` and all that hangs on it is None."""

    best: FamilyFit | None
    """By AICc; a family that contains another has to beat it by 4."""
    candidates: tuple[FamilyFit, ...]
    """Every family's fit, as far as the points allow one."""
    diverged: bool
    """Whether a value is not finite; nothing is fitted then."""
    below_floor: bool
    """Whether a value lies below the known floor (without one: below 0) by more than rounding."""
    points: int
    """Those fitted: a curve ends where it comes within round-off of its known floor, or to 0."""
    origin: float
    """Where the segment begins, and where its k is 0: 0 or a breakpoint."""
    halving_time: float
    """Units of k until the excess over the final value (the known floor, else the mean of the last
    tenth) is first half of what it was; inf if it never is. No family is assumed."""
    local_slope: float | None
    """Slope of log(value above the known floor, else value) against log(k + 1) over the last third;
    None where that has no logarithm or fewer than two points."""
    tail_rate: float | None
    """Minus the slope of log(value above the known floor) against k over the last third: what a
    geometric law has in the long run. None without a known floor, and where `local_slope` is."""
    reasons: tuple[str, ...]
    """Why this curve by itself settles no family; empty if nothing speaks against it."""
    earlier: tuple[RateFit, ...] = ()
    """Fits of the segments before the last breakpoint; everything else is about the last one."""

    @property
    def family(self) -> RateFamily | None:
        """The family that fits best. To be named it must win over several seeds."""
        return self.best.family if self.best else None

    @property
    def parameters(self) -> dict[str, float]:
        """Those of the best family, empty without one."""
        return self.best.parameters if self.best else {}

    @property
    def rate(self) -> float | None:
        """That of the best family."""
        return self.best.rate if self.best else None

    @property
    def floor(self) -> float | None:
        """The a of the best family."""
        return self.best.floor if self.best else None

    @property
    def floor_kind(self) -> FloorKind:
        """What kind of number the floor is."""
        return self.best.floor_kind if self.best else "none"

    @property
    def aicc(self) -> float | None:
        """That of the best family."""
        return self.best.aicc if self.best else None

    @property
    def hold_out_error(self) -> float | None:
        """That of the best family."""
        return self.best.hold_out_error if self.best else None

    @property
    def at_grid_edge(self) -> bool | None:
        """That of the best family."""
        return self.best.at_grid_edge if self.best else None

    @property
    def decay_observed(self) -> float | None:
        """That of the best family."""
        return self.best.decay_observed if self.best else None

    def of(self, family: str) -> FamilyFit | None:
        """The fit of a family, if there is one. Raises StatsError for an unknown family."""
        _check_families([family])
        return next((fit for fit in self.candidates if fit.family == family), None)

    def predict(self, k: ArrayLike) -> NDArray[np.float64] | None:
        """The best family's curve at k, shape (n,). Raises StatsError for NaN and infinite k."""
        return self.best.predict(k) if self.best else None


@dataclass(frozen=True, slots=True)
class _Options:
    families: tuple[RateFamily, ...]
    relative: bool
    resolution: float | None


@dataclass(frozen=True, slots=True)
class _Curve:
    """A segment, as it is fitted: values over their largest, above the known floor if any."""

    k: _Array
    y: _Array
    size: float
    floor: float | None
    origin: float
    rounding: _Array
    """What may have been lost in rounding, at each point."""


def fit_rate(
    k: ArrayLike,
    values: ArrayLike,
    *,
    floor: float | None = None,
    families: Iterable[RateFamily] = FAMILIES,
    weights: Weights = "relative",
    breakpoints: Iterable[float] = (),
    resolution: float | None = None,
) -> RateFit:
    """Fit every family to one curve and say which fits best.

    k: shape (n,), increasing, from 0 or above, epochs or steps, fractions allowed. values: shape
    (n,), lower is better. A value that is not finite: the run diverged, and nothing is fitted.
    floor: a *known* optimum, in the unit of the values; it is subtracted and a is fixed at it.
    None: a is fitted. families: those that take part; `two-rate` only does from 40 points on.
    weights: `relative` (noise is a share of the value, of the excess where the floor is known) or
    `none`. breakpoints: where the schedule changes; the curve is fitted in segments, each from its
    breakpoint on, and k counts from there. resolution: what is lost in rounding, relative to the
    largest value, by default 1e-6 if every value is a float32 and 1e-14 otherwise. A curve ends
    before its first value so near to a known floor; without one, before its first 0.

    Weights are 1 / yhat^2, and all families share them, so that AICc compares like with like: yhat
    is at first the decreasing curve nearest to the values (Barlow et al. 1972), then the family
    that fits best with that. Raises StatsError for no points, unequal lengths, k that does not
    increase or is negative, a floor or breakpoint that is not finite, no family, an unknown one,
    and unknown weights.
    """
    x, y = _points(k, values)
    known = None if floor is None else float(sample([floor], "floor")[0])
    options = _options(families, weights, resolution)
    cuts = np.unique(sample(list(breakpoints), "breakpoints", fewest=0))
    starts = np.searchsorted(x, cuts)
    segments = zip(np.split(x, starts), np.split(y, starts), [0.0, *cuts.tolist()], strict=True)
    *earlier, last = [_fit_segment(*segment, known, options) for segment in segments]
    return replace(last, earlier=tuple(earlier))


def _fit_segment(
    k: _Array, values: _Array, origin: float, floor: float | None, options: _Options
) -> RateFit:
    diverged = not bool(np.isfinite(values).all())
    curve = None if diverged else _curve(k - origin, values, floor, origin, options)
    candidates = _candidates(curve, options) if curve else ()
    fit = RateFit(
        best=_champion(candidates),
        candidates=candidates,
        diverged=diverged,
        below_floor=curve is None and not diverged,
        points=curve.k.size if curve else 0,
        origin=origin,
        halving_time=math.inf if diverged else _halving_time(k, values, floor),
        local_slope=_local_slope(curve) if curve else None,
        tail_rate=_tail_rate(curve) if curve and floor is not None else None,
        reasons=(),
    )
    return replace(
        fit, reasons=tuple(f"{doubt.text}." for doubt in DOUBTS if doubt.holds(fit, fit.best))
    )


def _curve(
    k: _Array, values: _Array, floor: float | None, origin: float, options: _Options
) -> _Curve | None:
    """None if the values go below the floor by more than rounding explains."""
    size = max(float(np.abs(values).max(initial=0.0)), abs(floor or 0.0)) or 1.0
    y = values / size - (floor or 0.0) / size
    lost = options.resolution or _ROUND_OFF[_precision(values)]
    if (y < -lost).any():
        return None
    rounding = np.maximum(lost * y, _LEAST) if floor is None else np.full(y.size, lost)
    arrived = np.flatnonzero(y <= (0.0 if floor is None else lost))
    end = int(arrived[0]) if arrived.size else y.size
    return _Curve(k[:end], y[:end], size, floor, origin, rounding[:end])


def _precision(values: _Array) -> str:
    with np.errstate(over="ignore", under="ignore"):
        return "float32" if (values.astype(np.float32) == values).all() else "float64"


def _candidates(curve: _Curve, options: _Options) -> tuple[FamilyFit, ...]:
    allowed = [
        name
        for name in options.families
        if name != "two-rate" or curve.k.size >= FEWEST_POINTS_TWO_RATES
    ]
    problems = _solve(curve, allowed, relative=options.relative)
    head = math.ceil(_HEAD * curve.k.size)
    early = replace(curve, k=curve.k[:head], y=curve.y[:head], rounding=curve.rounding[:head])
    heads = _solve(early, allowed, relative=options.relative)
    return tuple(
        _describe(curve, name, problem, shape, _hold_out_error(problem, heads.get(name), head))
        for name, (problem, shape) in problems.items()
    )


_Solved = tuple[Problem, "_Array"]


def _solve(
    curve: _Curve, families: Sequence[RateFamily], *, relative: bool
) -> dict[RateFamily, _Solved]:
    """Each family that the points can carry, with the logarithms of its best shape."""
    n = curve.k.size
    if n < _FEWEST_TO_FIT:
        return {}
    scale = np.ones(n)
    if relative:
        smooth = optimize.isotonic_regression(curve.y, increasing=False).x
        scale = 1 / np.hypot(smooth, curve.rounding)
    solved: dict[RateFamily, _Solved] = {}
    for name in families:
        with_floor = curve.floor is None or name == "constant"
        problem = Problem(SHAPES[name], curve.k, curve.y, scale, with_floor)
        if n >= problem.unknowns + 2:
            solved[name] = (problem, problem.search())
    if relative and solved:
        best, start = min(solved.values(), key=lambda fit: fit[0].aicc(fit[1], curve.rounding))
        scale = 1 / np.hypot(best.fitted(best.refine(start)), curve.rounding)
    return {
        name: (again := replace(problem, scale=scale), again.refine(start))
        for name, (problem, start) in solved.items()
    }


def _hold_out_error(problem: Problem, head: _Solved | None, size: int) -> float:
    if head is None:
        return math.inf
    early, shape = head
    coefficients = early.project(shape[None])[0][0]
    predicted = coefficients @ problem.columns(np.exp(shape)[None])[0]
    errors = ((problem.y - predicted) * problem.scale)[size:]
    return float(np.sqrt((errors**2).mean()))


def _describe(
    curve: _Curve, name: RateFamily, problem: Problem, log_shape: _Array, hold_out_error: float
) -> FamilyFit:
    order = np.argsort(log_shape) if name == "two-rate" else np.arange(log_shape.size)
    log_shape = log_shape[order]
    coefficients = problem.project(log_shape[None])[0][0]
    fitted = problem.fitted(log_shape)
    level, amplitudes = (
        (coefficients[0], coefficients[1:]) if problem.with_floor else (0.0, coefficients)
    )
    level = level if level > curve.rounding.min() else 0.0
    falling = amplitudes @ problem.family.bases(curve.k, np.exp(log_shape)[None])[0]
    low, high = problem.box()
    at_edge = bool(((log_shape <= low + 1e-6) | (log_shape >= high - 1e-6)).any())
    spread = math.sqrt(((curve.y - fitted) ** 2).sum() / (curve.y.size - problem.unknowns + 1))
    kind: FloorKind = "known"
    if name == "constant":
        kind = "none"
    elif curve.floor is None:
        kind = "fitted" if level > 0 else "indistinguishable from 0"
    return FamilyFit(
        family=name,
        floor=float(level * curve.size) + (curve.floor or 0.0),
        floor_kind=kind,
        amplitudes=tuple(float(b) for b in amplitudes * curve.size),
        shape=tuple(float(x) for x in np.exp(log_shape)),
        aicc=problem.aicc(log_shape, curve.rounding),
        hold_out_error=hold_out_error,
        at_grid_edge=at_edge or bool(falling[1] < _OVER * falling[0]),
        decay_observed=float(1 - falling[-1] / falling[0]) if falling[0] > 0 else 0.0,
        fall_to_noise=float(amplitudes.sum()) / max(spread, float(curve.rounding.max())),
        origin=curve.origin,
    )


def _champion(candidates: Sequence[FamilyFit]) -> FamilyFit | None:
    """The lowest AICc, or a special case of that family if it comes within 4 of it."""
    best = min(candidates, key=lambda fit: fit.aicc, default=None)
    if best is None:
        return None
    inside = [
        fit
        for fit in candidates
        if fit.family in SHAPES[best.family].contains and fit.aicc < best.aicc + CLEAR
    ]
    return _champion(inside) or best


def _halving_time(k: _Array, values: _Array, floor: float | None) -> float:
    last_tenth = values[-max(1, values.size // 10) :]
    final = floor if floor is not None else float((last_tenth / last_tenth.size).sum())
    half = final / 2 + values[:1] / 2
    below = np.flatnonzero((values[1:] <= half) & (values[:1] > final))
    if not below.size:
        return math.inf
    at = below[0] + 1
    return float(np.interp(-half[0], -values[at - 1 : at + 1], k[at - 1 : at + 1]) - k[0])


def _local_slope(curve: _Curve) -> float | None:
    return _last_slope(np.log1p(curve.k), curve)


def _tail_rate(curve: _Curve) -> float | None:
    slope = _last_slope(curve.k, curve)
    return None if slope is None else -slope


def _last_slope(x: _Array, curve: _Curve) -> float | None:
    """Slope of log(y) against x over the last third of the points, by least squares."""
    last = math.ceil(curve.k.size / 3)
    if last < 2:
        return None
    centred, log_y = x[-last:] - x[-last:].mean(), np.log(curve.y[-last:])
    return float((centred * log_y).sum() / (centred**2).sum())


# --- what is accepted ----------------------------------------------------------------------------


def _points(k: ArrayLike, values: ArrayLike) -> tuple[_Array, _Array]:
    x, y = sample(k, "k", fewest=1), numbers(values, "values")
    if y.shape != x.shape:
        raise StatsError(
            "k and values differ in length",
            expected="a value for every k",
            found=f"shapes {x.shape} and {y.shape}",
        )
    if (np.diff(x) <= 0).any() or x[0] < 0:
        raise StatsError(
            "k does not increase",
            expected="epochs or steps from 0 on, each larger than the one before",
            found=shown(x.tolist()),
        )
    return x, y


def _options(
    families: Iterable[RateFamily], weights: Weights, resolution: float | None
) -> _Options:
    names = tuple(families)
    _check_families(names)
    if not names:
        raise StatsError("no families", expected=f"one or more of {listed(FAMILIES)}", found="none")
    if weights not in get_args(Weights):
        raise StatsError(
            f"unknown weights {weights!r}", expected="relative or none", found=shown(weights)
        )
    if resolution is not None:
        between(resolution, 0.0, 1.0, "resolution")
    return _Options(names, weights == "relative", resolution)


def _check_families(names: Sequence[str]) -> None:
    for name in names:
        if name not in FAMILIES:
            raise StatsError(
                f"unknown family {name!r}",
                expected=f"one of {listed(FAMILIES)}",
                found=shown(name),
                hint=did_you_mean(name, FAMILIES),
            )

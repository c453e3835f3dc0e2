"""How fast a curve falls, and by which law: convergence rates fitted seed by seed.

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

Fitted by variable projection (Golub and Pereyra 1973): what enters linearly, a and b, is solved
for, so that only the rate is searched. Residual errors of such a fit say nothing about the next
seed and are not offered; uncertainty comes from the spread over seeds alone.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from scipy import optimize, stats

from bench.errors import StatsError, did_you_mean, listed, shown
from bench.stats._inputs import FEWEST_FOR_INFERENCE, between, no_spread, numbers, sample
from bench.stats.comparison import Comparison, compare_paired
from bench.stats.estimates import estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

    _Array = NDArray[np.float64]

RateFamily = Literal["geometric", "power", "hyperbolic", "stretched", "two-rate", "constant"]
FloorKind = Literal["known", "fitted", "indistinguishable from 0", "none"]
Weights = Literal["relative", "none"]

UNDETERMINED: Literal["cannot be determined"] = "cannot be determined"
"""The verdict where no family may be named."""

FAMILIES: tuple[RateFamily, ...] = get_args(RateFamily)

_FEWEST_TO_FIT = 4  # a constant and its noise, with AICc
FEWEST_POINTS = 10
"""Below this many points of a curve no family is named."""
_FEWEST_POINTS_TWO_RATES = 40
_CLEAR = 4.0
"""AICc units by which a family must beat another before the other is given up."""
_HEAD = 0.7
"""The share of a curve that is fitted when the rest is held out."""
_OVER = math.exp(-10)  # the fastest rates searched leave this much after one step
_LEAST = 1e-100  # relative to the largest value: squares of what is smaller would vanish
_WIDEST = 3.0
_SMALLEST_FALL = 5.0
_ROUND_OFF = {"float32": 1e-6, "float64": 1e-14}
"""What is lost in rounding, relative to the largest value of a curve, with room to spare."""


# --- the families --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Family:
    """Shapes that fall from about 1 to 0, and the box in which their parameters are searched."""

    bases: Callable[[_Array, _Array], _Array]
    """Of k, shape (n,), and parameters, shape (m, d): the falling parts, shape (m, parts, n)."""
    box: Callable[[_Array], list[tuple[float, float, int]]]
    """Of k: lowest and highest value of each parameter, and how many to try in between."""
    named: Callable[[tuple[float, ...], tuple[float, ...]], dict[str, float]] = lambda _b, _s: {}
    """Of amplitudes and parameters: what a reader calls them."""
    contains: tuple[str, ...] = ()
    """Families that are special cases of this one, or (of two rates) nearly so: five parameters
    come so close to any curve that falls that they must win clearly."""


def _rates(k: _Array) -> tuple[float, float]:
    """Rates slow enough to be a straight line on these k, and so fast that one step is all."""
    return 0.05 / (k[-1] - k[0]), 10.0 / float(np.diff(k).min())


def _exponents(k: _Array) -> tuple[float, float]:
    first = 1 + k[0]
    return 0.05 / math.log1p((k[-1] - k[0]) / first), 10.0 / math.log1p((k[1] - k[0]) / first)


def _decay(k: _Array, x: _Array) -> _Array:
    return np.exp(-x[:, :, None] * k)


_FAMILIES: dict[str, _Family] = {
    "geometric": _Family(
        bases=_decay,
        box=lambda k: [(*_rates(k), 60)],
        named=lambda b, x: {"b": b[0], "rho": math.exp(-x[0])},
        contains=("constant",),
    ),
    "power": _Family(
        bases=lambda k, x: np.exp(-x[:, :, None] * np.log1p(k)),
        box=lambda k: [(*_exponents(k), 60)],
        named=lambda b, x: {"b": b[0], "p": x[0]},
        contains=("constant",),
    ),
    "hyperbolic": _Family(
        bases=lambda k, x: 1 / (1 + x[:, :, None] * k),
        box=lambda k: [(_rates(k)[0], 10 * _rates(k)[1], 60)],
        named=lambda b, x: {"b": b[0], "c": x[0]},
        contains=("constant",),
    ),
    "stretched": _Family(
        bases=lambda k, x: np.exp(-((x[:, :1, None] * k) ** x[:, 1:, None])),
        box=lambda k: [(*_rates(k), 25), (0.2, 4.0, 10)],
        named=lambda b, x: {"b": b[0], "c": x[0], "beta": x[1]},
        contains=("constant", "geometric"),
    ),
    "two-rate": _Family(
        bases=_decay,
        box=lambda k: [(*_rates(k), 15), (*_rates(k), 15)],
        named=lambda b, x: {
            "b1": b[0],
            "rho1": math.exp(-x[0]),
            "b2": b[1],
            "rho2": math.exp(-x[1]),
        },
        contains=("geometric", "power", "hyperbolic", "stretched", "constant"),
    ),
    "constant": _Family(bases=lambda k, x: np.empty((len(x), 0, k.size)), box=lambda _k: []),
}


# --- one family on one curve, by variable projection ---------------------------------------------


@dataclass(frozen=True, slots=True)
class _Problem:
    """A family to be fitted to points, each residual multiplied by its `scale`."""

    family: _Family
    k: _Array
    y: _Array
    scale: _Array
    with_floor: bool

    def columns(self, shape: _Array) -> _Array:
        """What y is a sum of, shape (m, columns, n); the floor's column comes first."""
        bases = self.family.bases(self.k, shape)
        if not self.with_floor:
            return bases
        return np.concatenate([np.ones((len(shape), 1, self.k.size)), bases], axis=1)

    def project(self, log_shape: _Array) -> tuple[_Array, _Array]:
        """The best coefficients >= 0 for each of m shapes, (m, columns), and residuals (m, n)."""
        return _nonnegative(self.columns(np.exp(log_shape)) * self.scale, self.y * self.scale)

    def box(self) -> tuple[_Array, _Array]:
        """Logarithms of the lowest and highest shape, each of shape (d,)."""
        edges = np.array([(low, high) for low, high, _ in self.family.box(self.k)])
        low, high = np.log(edges.reshape(-1, 2)).T
        return low, high

    @property
    def unknowns(self) -> int:
        """What is estimated: coefficients, shape and noise."""
        low, _ = self.box()
        return int(self.columns(np.exp(low)[None]).shape[1]) + low.size + 1

    def fitted(self, log_shape: _Array) -> _Array:
        """The best curve of this shape, at k."""
        fitted: _Array = self.y - self.project(log_shape[None])[1][0] / self.scale
        return fitted

    def aicc(self, log_shape: _Array, rounding: _Array) -> float:
        """That of n points and K unknowns, n log(variance) + 2 K n / (n - K - 1); needs n >= K + 2.

        Misfit within round-off is no evidence, so the variance is at least what rounding leaves.
        """
        residuals, n, unknowns = self.project(log_shape[None])[1][0], self.k.size, self.unknowns
        least = (rounding * self.scale) ** 2
        variance = max(float((residuals**2).mean()), float(least.mean()))
        return float(n * math.log(variance)) + 2 * unknowns * n / (n - unknowns - 1)

    def search(self) -> _Array:
        """The best point of the grid, shape (d,)."""
        axes = [np.geomspace(*axis) for axis in self.family.box(self.k)]
        grid = np.stack([g.ravel() for g in np.meshgrid(*axes)], axis=1) if axes else _NO_SHAPE
        grid = np.log(grid)
        residuals = self.project(grid)[1]
        best: _Array = grid[np.argmin((residuals**2).sum(axis=1))]
        return best

    def refine(self, start: _Array) -> _Array:
        """Levenberg-Marquardt on the projected residuals, within the box.

        Marquardt's (1963) damping is not adapted: all dampings are tried at once. A parameter at
        the edge of the box that would leave it stays where it is.
        """
        low, high = self.box()
        at, step = start, np.vstack([np.zeros(start.size), 1e-6 * np.eye(start.size)])
        for _ in range(_MOST_STEPS if start.size else 0):
            residuals = self.project(at + step)[1]
            slope = (residuals[1:] - residuals[0]) / 1e-6
            uphill = slope @ residuals[0]
            slope[((at <= low) & (uphill > 0)) | ((at >= high) & (uphill < 0))] = 0.0
            normal = slope @ slope.T
            damped = normal + _DAMPINGS * (np.diag(np.diag(normal)) + _TINY * np.eye(start.size))
            right = np.tile(slope @ residuals[0], (len(damped), 1))[..., None]
            moves = np.linalg.solve(damped, right)[..., 0]
            tried = np.vstack([at, np.clip(at - moves, low, high)])
            loss = (self.project(tried)[1] ** 2).sum(axis=1)
            best = int(np.argmin(loss))
            at = tried[best]
            if loss[best] >= loss[0] * (1 - 1e-13):
                break
        return at


_NO_SHAPE = np.empty((1, 0))
_MOST_STEPS = 30
_TINY = 1e-30
_DAMPINGS = np.array([1e-12, 1e-3, 1e-1, 1.0, 10.0, 1e3])[:, None, None]


def _nonnegative(columns: _Array, target: _Array) -> tuple[_Array, _Array]:
    """Nonnegative least squares (the NNLS of Lawson and Hanson 1974) for m problems at once.

    columns: shape (m, q, n), target: shape (n,). With q <= 3 every subset of columns is solved and
    the best one without a negative coefficient is the answer. What it leaves over is solved for
    again, so that normal equations lose no digits.
    """
    m, q, _ = columns.shape
    norm = np.sqrt((columns**2).sum(axis=2))
    unit = columns / np.where(norm > 0, norm, 1.0)[:, :, None]
    masks = (np.arange(2**q)[:, None] >> np.arange(q)) & 1
    gram = unit @ unit.transpose(0, 2, 1) + 1e-14 * np.eye(q)
    subsets = (
        gram[:, None] * (masks[:, :, None] * masks[:, None]) + np.eye(q) * (1 - masks)[:, None]
    )
    right = (unit @ target)[:, None] * masks
    inverse = np.linalg.inv(subsets)
    solved = (inverse @ right[..., None])[..., 0]
    gain = np.where((solved >= 0).all(axis=2), (solved * right).sum(axis=2), -np.inf)
    chosen = (np.arange(m), np.argmax(gain, axis=1))
    inverse, used, coefficients = inverse[chosen], masks[chosen[1]], solved[chosen]
    for _ in range(2):
        residuals = target - (coefficients[:, None] @ unit)[:, 0]
        left = (unit @ residuals[..., None]) * used[..., None]
        coefficients = np.maximum(coefficients + (inverse @ left)[..., 0], 0.0)
    residuals = target - (coefficients[:, None] @ unit)[:, 0]
    return coefficients / np.where(norm > 0, norm, 1.0), residuals


# --- one curve -----------------------------------------------------------------------------------


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
        return {"a": self.floor, **_FAMILIES[self.family].named(self.amplitudes, self.shape)}

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
        bases = _FAMILIES[self.family].bases(np.maximum(since, 0.0), shape)[0]
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
        fit, reasons=tuple(f"{doubt.text}." for doubt in _DOUBTS if doubt.holds(fit, fit.best))
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
        if name != "two-rate" or curve.k.size >= _FEWEST_POINTS_TWO_RATES
    ]
    problems = _solve(curve, allowed, relative=options.relative)
    head = math.ceil(_HEAD * curve.k.size)
    early = replace(curve, k=curve.k[:head], y=curve.y[:head], rounding=curve.rounding[:head])
    heads = _solve(early, allowed, relative=options.relative)
    return tuple(
        _describe(curve, name, problem, shape, _hold_out_error(problem, heads.get(name), head))
        for name, (problem, shape) in problems.items()
    )


_Solved = tuple[_Problem, "_Array"]


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
        problem = _Problem(_FAMILIES[name], curve.k, curve.y, scale, with_floor)
        if n >= problem.unknowns + 2:
            solved[name] = (problem, problem.search())
    if relative and solved:
        best, start = min(solved.values(), key=lambda fit: fit[0].aicc(fit[1], curve.rounding))
        scale = 1 / np.hypot(best.fitted(best.refine(start)), curve.rounding)
    return {
        name: (again := replace(problem, scale=scale), again.refine(start))
        for name, (problem, start) in solved.items()
    }


def _hold_out_error(problem: _Problem, head: _Solved | None, size: int) -> float:
    if head is None:
        return math.inf
    early, shape = head
    coefficients = early.project(shape[None])[0][0]
    predicted = coefficients @ problem.columns(np.exp(shape)[None])[0]
    errors = ((problem.y - predicted) * problem.scale)[size:]
    return float(np.sqrt((errors**2).mean()))


def _describe(
    curve: _Curve, name: RateFamily, problem: _Problem, log_shape: _Array, hold_out_error: float
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
        if fit.family in _FAMILIES[best.family].contains and fit.aicc < best.aicc + _CLEAR
    ]
    return _champion(inside) or best


def _rivals(fit: RateFit, family: str) -> list[FamilyFit]:
    """The families that are no generalisation of this one: those could fit as well for free."""
    return [
        other
        for other in fit.candidates
        if other.family != family and family not in _FAMILIES[other.family].contains
    ]


def _wins_hold_out(fit: RateFit, best: FamilyFit | None) -> bool:
    return best is not None and all(
        best.hold_out_error < rival.hold_out_error for rival in _rivals(fit, best.family)
    )


def _is_close(fit: RateFit, best: FamilyFit | None) -> bool:
    return best is not None and any(
        rival.aicc < best.aicc + _CLEAR for rival in _rivals(fit, best.family)
    )


def _extrapolates(best: FamilyFit) -> bool:
    """Whether most of the fall lies beyond the points; with a known floor nothing beyond is guessed."""
    return best.floor_kind != "known" and best.decay_observed < 0.5


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A reason to name no family, if it holds for more than this share of the seeds."""

    text: str
    share: float
    holds: Callable[[RateFit, FamilyFit | None], bool]


_DOUBTS = (
    _Doubt(
        "The run diverged (a value is not a finite number), and a diverged run has no rate",
        0.0,
        lambda fit, _best: fit.diverged,
    ),
    _Doubt(
        "The curve goes below its known floor, or below 0 without one, which no family allows",
        0.0,
        lambda fit, _best: fit.below_floor,
    ),
    _Doubt(
        f"The curve has too few points that could be used (a family needs {FEWEST_POINTS}, two "
        f"rates {_FEWEST_POINTS_TWO_RATES})",
        0.0,
        lambda fit, best: (
            not (fit.diverged or fit.below_floor) and (fit.points < FEWEST_POINTS or best is None)
        ),
    ),
    _Doubt(
        "The curve does not fall, or not in a way that a constant would not explain as well",
        0.5,
        lambda _fit, best: best is not None and best.rate is None,
    ),
    _Doubt(
        "The fitted rate lies at the edge of what was searched, so the points do not pin it down",
        0.2,
        lambda _fit, best: best is not None and best.at_grid_edge,
    ),
    _Doubt(f"Another family fits nearly as well (AICc within {_CLEAR:g})", 0.5, _is_close),
    _Doubt(
        f"The whole fall is less than {_SMALLEST_FALL:g} times the noise",
        0.5,
        lambda _fit, best: bool(best and best.rate and best.fall_to_noise < _SMALLEST_FALL),
    ),
    _Doubt(
        "Less than half of the fitted fall has been observed",
        0.5,
        lambda _fit, best: bool(best and best.rate and _extrapolates(best)),
    ),
    _Doubt(
        "Fitted without the last 30 % of the points, another family predicts those better",
        1.0,  # over seeds the sign test counts this
        lambda fit, best: best is not None and not _wins_hold_out(fit, best),
    ),
)


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


# --- seeds ---------------------------------------------------------------------------------------


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
    """Seeds in which the best family wins by AICc."""
    wins_hold_out: int
    """Seeds in which it predicts the last 30 % best."""
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

    @property
    def rates(self) -> tuple[float | None, ...]:
        """Each seed's rate under the best family, None where there is none."""
        return tuple(_rate_of(fit, self.best_family) for fit in self.fits)


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


def fit_rates_over_seeds(
    curves: Iterable[tuple[ArrayLike, ArrayLike]],
    *,
    floor: float | Sequence[float] | None = None,
    families: Iterable[RateFamily] = FAMILIES,
    weights: Weights = "relative",
    breakpoints: Iterable[float] = (),
    resolution: float | None = None,
    alpha: float = 0.05,
) -> RatesOverSeeds:
    """Fit every seed's curve, and name a family where the seeds bear it out.

    curves: one (k, values) per seed. floor: one known optimum for all, or one per seed; else as
    `fit_rate`. A family is named if it wins AICc, and also predicts the last 30 % of the points
    best when only those before are fitted, each in enough seeds for a one-sided exact sign test at
    alpha (5 of 5, 7 of 8, 9 of 10): hence not below five seeds. A generalisation of the family is
    no rival; it takes the family's place where its AICc is lower by 4. No family is named if a run
    diverged or has under 10 points, if a parameter is at the edge of the search in more than 20 % of
    seeds, if in more than half of them a rival is within 4 of AICc, the fall is under 5 times the
    noise or (without a known floor) under half observed, and if the interval of the rate is wider
    than a factor of 3.

    Raises StatsError for no curves, as many floors as there are not seeds, alpha outside (0, 0.5),
    and like `fit_rate`.
    """
    between(alpha, 0.0, 0.5, "alpha")
    pairs, names, cuts = list(curves), tuple(families), tuple(breakpoints)
    if not pairs:
        raise StatsError("no curves", expected="one (k, values) per seed", found="none")
    fits = tuple(
        fit_rate(
            k,
            values,
            floor=known,
            families=names,
            weights=weights,
            breakpoints=cuts,
            resolution=resolution,
        )
        for (k, values), known in zip(pairs, _floors(floor, len(pairs)), strict=True)
    )
    last = _over_seeds(fits, names, alpha)
    segments = zip(*(fit.earlier for fit in fits), strict=True)
    earlier = tuple(_over_seeds(segment, names, alpha) for segment in segments)
    return replace(last, earlier=earlier)


def compare_rates(a: RatesOverSeeds, b: RatesOverSeeds, *, alpha: float = 0.05) -> RateComparison:
    """Compare two results seed by seed, on log-rates (`compare_paired`).

    The i-th fits of a and b are of the same seed. They can be compared if the same family is named
    for both; a rate of one family is no rate of another. Raises StatsError for unequal numbers of
    seeds and like `compare_paired`.
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
    found = compare_paired(_log_rates(a), _log_rates(b), alpha=alpha)
    low, high = found.ci_low, found.ci_high
    return RateComparison(
        family=a.family,
        ratio=math.exp(found.mean_difference or 0.0),
        ci_low=None if low is None else math.exp(low),
        ci_high=None if high is None else math.exp(high),
        p_value=found.p_value,
        comparison=found,
        reasons=(),
    )


def _over_seeds(
    fits: tuple[RateFit, ...], families: tuple[RateFamily, ...], alpha: float
) -> RatesOverSeeds:
    counted = Counter[RateFamily](fit.family for fit in fits if fit.family)
    ranked = sorted(families, key=lambda name: -counted[name])
    best = ranked[0] if counted else None
    own = [found for fit in fits if best and (found := fit.of(best))]
    slopes = [fit.local_slope for fit in fits if fit.local_slope is not None]
    tails = np.array([fit.tail_rate for fit in fits if fit.tail_rate is not None])
    tail, tail_low, tail_high = _interval(tails, alpha)
    kinds = Counter(fit.floor_kind for fit in own)
    result = RatesOverSeeds(
        fits=fits,
        family=UNDETERMINED,
        best_family=best,
        wins=sum(fit.family == best for fit in fits if best),
        wins_hold_out=sum(_wins_hold_out(fit, best and fit.of(best)) for fit in fits),
        rate=None,
        rate_low=None,
        rate_high=None,
        halving_time=float(np.median([fit.halving_time for fit in fits])),
        local_slope=float(np.median(slopes)) if slopes else None,
        tail_rate=tail,
        tail_low=tail_low,
        tail_high=tail_high,
        floor=float(np.median([fit.floor for fit in own])) if own else None,
        floor_kind=max(sorted(kinds), key=lambda kind: kinds[kind]) if kinds else "none",
        alpha=alpha,
        reasons=(),
    )
    result = _with_rate(result)
    reasons = _reasons(result)
    return replace(result, reasons=reasons, family=best if best and not reasons else UNDETERMINED)


def _with_rate(result: RatesOverSeeds) -> RatesOverSeeds:
    mean, low, high = _interval(_log_rates(result), result.alpha)
    return replace(result, rate=_exp(mean), rate_low=_exp(low), rate_high=_exp(high))


def _interval(values: _Array, alpha: float) -> tuple[float | None, float | None, float | None]:
    """The mean, and its t interval where there is one."""
    if not values.size:
        return None, None, None
    if values.size < FEWEST_FOR_INFERENCE or no_spread(values):
        return float(values.mean()), None, None
    low, high = estimate(values, np.zeros(values.size), "paired").interval(1 - alpha)
    return float(values.mean()), low, high


def _reasons(result: RatesOverSeeds) -> tuple[str, ...]:
    fits, best, n = result.fits, result.best_family, len(result.fits)
    found = []
    needed = int(stats.binom.isf(result.alpha, n, 0.5)) + 1
    if needed > n:
        found.append(
            f"Too few seeds ({n}): even if all agreed, an exact sign test could not tell that from "
            "chance; five are the least."
        )
    for doubt in _DOUBTS:
        count = sum(doubt.holds(fit, best and fit.of(best)) for fit in fits)
        if count > doubt.share * n:
            found.append(f"{doubt.text}: {count} of {n} seeds.")
    for wins, what in (
        (result.wins, "fits best"),
        (result.wins_hold_out, "predicts the last 30 % of the points best"),
    ):
        if best and wins < needed <= n:
            found.append(
                f"The leading family, {best}, {what} in {wins} of {n} seeds; an exact sign test "
                f"asks for {needed}."
            )
    low, high = result.rate_low, result.rate_high
    if low is not None and high is not None and high > _WIDEST * low:
        found.append(
            f"The interval of the rate is wider than a factor of {_WIDEST:g}: {low:.2g} to {high:.2g}."
        )
    return tuple(found)


def _rate_of(fit: RateFit, family: str | None) -> float | None:
    found = fit.of(family) if family else None
    return found.rate if found else None


def _log_rates(result: RatesOverSeeds) -> _Array:
    return np.log([rate for rate in result.rates if rate is not None])


def _exp(x: float | None) -> float | None:
    """Infinite where it overflows: the interval of three rates that have nothing in common."""
    with np.errstate(over="ignore"):
        return None if x is None else float(np.exp(x))


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
        raise StatsError(
            "no families", expected=f"one or more of {listed(_FAMILIES)}", found="none"
        )
    if weights not in get_args(Weights):
        raise StatsError(
            f"unknown weights {weights!r}", expected="relative or none", found=shown(weights)
        )
    if resolution is not None:
        between(resolution, 0.0, 1.0, "resolution")
    return _Options(names, weights == "relative", resolution)


def _check_families(names: Sequence[str]) -> None:
    for name in names:
        if name not in _FAMILIES:
            raise StatsError(
                f"unknown family {name!r}",
                expected=f"one of {listed(_FAMILIES)}",
                found=shown(name),
                hint=did_you_mean(name, _FAMILIES),
            )


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

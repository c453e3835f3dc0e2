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

Logarithmic curves, a + b (log s / log(k + s))^q with q = 1 or 1/2, and logistic ones look like a
power or a stretched exponential over a while. They are no laws here: they are fitted only to see
that the curve is not one of them.

Residual errors of such a fit say nothing about the next seed and are not offered; uncertainty
comes from the spread over seeds alone (`rates_over_seeds`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from bench.errors import StatsError, did_you_mean, listed, shown
from bench.stats._inputs import between, numbers, sample
from bench.stats.curve_fits import Curve, FamilyFit, FloorKind, curve_of, fit_curves
from bench.stats.doubts import CLEAR, DOUBTS
from bench.stats.families import FAMILIES, SHADOWS, SHAPES, RateFamily, Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

    _Array = NDArray[np.float64]

Weights = Literal["relative", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RateFit:
    """What one curve says. Where nothing could be fitted `best` and all that hangs on it is None."""

    best: FamilyFit | None
    """By AICc; a family that contains another has to beat it by 4."""
    candidates: tuple[FamilyFit, ...]
    """Every family's fit, as far as the points allow one."""
    shadows: tuple[FamilyFit, ...]
    """Fits of curves that are no law here but look like one for a while (see the module)."""
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
    fitted: Curve | None = field(default=None, repr=False, compare=False)
    """What the families were fitted to."""
    earlier: tuple[RateFit, ...] = ()
    """Fits of the segments before the last breakpoint; everything else is about the last one."""

    @property
    def family(self) -> Shape | None:
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

    >>> k = range(30)
    >>> fit = fit_rate(k, [0.2 + 2 * 0.9**i for i in k])
    >>> fit.family, round(fit.rate, 4), round(fit.floor, 4)
    ('geometric', 0.1054, 0.2)
    >>> fit_rate(k, [1.0 + i for i in k]).reasons[0]
    'The curve does not fall, or not in a way that a constant would not explain as well.'
    """
    (found,) = fit_rates(
        [(k, values)],
        [floor],
        families=families,
        weights=weights,
        breakpoints=breakpoints,
        resolution=resolution,
    )
    return found


def fit_rates(
    curves: Sequence[tuple[ArrayLike, ArrayLike]],
    floors: Sequence[float | None],
    *,
    families: Iterable[RateFamily] = FAMILIES,
    weights: Weights = "relative",
    breakpoints: Iterable[float] = (),
    resolution: float | None = None,
) -> tuple[RateFit, ...]:
    """`fit_rate` for several curves, each with its floor: those with the same k are fitted at once."""
    options = _options(families, weights, resolution)
    cuts = np.unique(sample(list(breakpoints), "breakpoints", fewest=0))
    whole = [
        _Segment(*_points(k, values), None if floor is None else float(sample([floor], "floor")[0]))
        for (k, values), floor in zip(curves, floors, strict=True)
    ]
    segments = zip(*(segment.split(cuts) for segment in whole), strict=True)
    *earlier, last = (_fit_segments(same, options) for same in segments)
    before = zip(*earlier, strict=True) if earlier else [()] * len(last)
    return tuple(replace(fit, earlier=fits) for fit, fits in zip(last, before, strict=True))


@dataclass(frozen=True, slots=True)
class _Segment:
    """A curve between two breakpoints."""

    k: _Array
    values: _Array
    floor: float | None
    origin: float = 0.0

    def split(self, cuts: _Array) -> list[_Segment]:
        starts = np.searchsorted(self.k, cuts)
        parts = zip(
            np.split(self.k, starts),
            np.split(self.values, starts),
            [self.origin, *cuts.tolist()],
            strict=True,
        )
        return [_Segment(k, values, self.floor, origin) for k, values, origin in parts]

    @property
    def diverged(self) -> bool:
        return not bool(np.isfinite(self.values).all())

    def curve(self, options: _Options) -> Curve | None:
        """What can be fitted; None if it diverged or goes below its floor."""
        if self.diverged:
            return None
        return curve_of(
            self.k - self.origin,
            self.values,
            floor=self.floor,
            origin=self.origin,
            resolution=options.resolution,
            relative=options.relative,
        )


def _fit_segments(segments: Sequence[_Segment], options: _Options) -> list[RateFit]:
    curves = [segment.curve(options) for segment in segments]
    names = (*options.families, *SHADOWS)
    fitted = iter(fit_curves([c for c in curves if c], names))
    return [
        _rate_fit(segment, curve, next(fitted) if curve else ())
        for segment, curve in zip(segments, curves, strict=True)
    ]


def _rate_fit(segment: _Segment, curve: Curve | None, fits: tuple[FamilyFit, ...]) -> RateFit:
    candidates = tuple(fit for fit in fits if fit.family not in SHADOWS)
    diverged = segment.diverged
    fit = RateFit(
        best=_champion(candidates),
        candidates=candidates,
        shadows=fits[len(candidates) :],
        diverged=diverged,
        below_floor=curve is None and not diverged,
        points=curve.k.size if curve else 0,
        origin=segment.origin,
        halving_time=math.inf
        if diverged
        else _halving_time(segment.k, segment.values, segment.floor),
        local_slope=_local_slope(curve) if curve else None,
        tail_rate=_tail_rate(curve) if curve and segment.floor is not None else None,
        reasons=(),
        fitted=curve,
    )
    return replace(
        fit, reasons=tuple(f"{doubt.text}." for doubt in DOUBTS if doubt.holds(fit, fit.best))
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


def _local_slope(curve: Curve) -> float | None:
    return _last_slope(np.log1p(curve.k), curve)


def _tail_rate(curve: Curve) -> float | None:
    slope = _last_slope(curve.k, curve)
    return None if slope is None else -slope


def _last_slope(x: _Array, curve: Curve) -> float | None:
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
            f"unknown weights {shown(weights)}", expected="relative or none", found=shown(weights)
        )
    if resolution is not None:
        between(resolution, 0.0, 1.0, "resolution")
    return _Options(names, weights == "relative", resolution)


def _check_families(names: Sequence[str]) -> None:
    for name in names:
        if name not in FAMILIES:
            raise StatsError(
                f"unknown family {shown(name)}",
                expected=f"one of {listed(FAMILIES)}",
                found=shown(name),
                hint=did_you_mean(name, FAMILIES),
            )

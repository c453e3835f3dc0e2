"""Every family fitted to curves of one metric, those that have the same k together."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import optimize

from bench.stats._inputs import sample
from bench.stats.doubts import FEWEST_POINTS_TWO_RATES
from bench.stats.families import SHAPES, Problem, Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

    _Array = NDArray[np.float64]

FloorKind = Literal["known", "fitted", "indistinguishable from 0", "none"]

_FEWEST_TO_FIT = 4  # a constant and its noise, with AICc
_OVER = math.exp(-10)  # the fastest rates searched leave this much after one step
_LEAST = 1e-100  # relative to the largest value: squares of what is smaller would vanish
_ROUND_OFF = {"float32": 1e-6, "float64": 1e-14}
"""What is lost in rounding, relative to the largest value of a curve, with room to spare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyFit:
    """One family fitted to one curve. It says nothing about whether the family is the right one."""

    family: Shape
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
        """How fast it falls, per unit of k (see the table in `rates`); None for a constant."""
        return self.shape[0] if self.shape else None

    def predict(self, k: ArrayLike) -> NDArray[np.float64]:
        """The fitted curve at k, shape (n,), NaN before `origin`.

        Raises StatsError for k that is NaN or infinite.
        """
        since = sample(k, "k") - self.origin
        bases = SHAPES[self.family].bases(np.maximum(since, 0.0), np.array(self.shape))
        return np.where(since < 0, np.nan, self.floor + np.asarray(self.amplitudes) @ bases)


@dataclass(frozen=True, slots=True)
class Curve:
    """A segment, as it is fitted: values over their largest, above the known floor if any."""

    k: _Array
    y: _Array
    size: float
    floor: float | None
    origin: float
    rounding: _Array
    """What may have been lost in rounding, at each point."""
    relative: bool
    """Whether noise is a share of the value."""

    def scale(self, fitted: _Array) -> _Array:
        """What residuals are multiplied by, for a curve that is fitted so."""
        found: _Array = (
            1 / np.hypot(fitted, self.rounding) if self.relative else np.ones(self.k.size)
        )
        return found


def curve_of(
    k: _Array,
    values: _Array,
    *,
    floor: float | None = None,
    origin: float = 0.0,
    resolution: float | None = None,
    relative: bool = True,
) -> Curve | None:
    """None if the values go below the floor by more than rounding explains."""
    size = max(float(np.abs(values).max(initial=0.0)), abs(floor or 0.0)) or 1.0
    y = values / size - (floor or 0.0) / size
    lost = resolution or _ROUND_OFF[_precision(values)]
    if (y < -lost).any():
        return None
    rounding = np.maximum(lost * y, _LEAST) if floor is None else np.full(y.size, lost)
    arrived = np.flatnonzero(y <= (0.0 if floor is None else lost))
    end = int(arrived[0]) if arrived.size else y.size
    return Curve(k[:end], y[:end], size, floor, origin, rounding[:end], relative)


def _precision(values: _Array) -> str:
    with np.errstate(over="ignore", under="ignore"):
        return "float32" if (values.astype(np.float32) == values).all() else "float64"


def fit_curves(curves: Sequence[Curve], families: Iterable[Shape]) -> list[tuple[FamilyFit, ...]]:
    """Each curve's fits, in the order of the families that its points can carry."""
    names = tuple(families)
    alike: dict[tuple[bytes, bool, bool], list[int]] = {}
    for i, curve in enumerate(curves):
        alike.setdefault((curve.k.tobytes(), curve.floor is None, curve.relative), []).append(i)
    found: list[tuple[FamilyFit, ...]] = [()] * len(curves)
    for positions in alike.values():
        group = [curves[i] for i in positions]
        for i, fits in zip(positions, _fit_together(group, names), strict=True):
            found[i] = fits
    return found


def _fit_together(curves: Sequence[Curve], names: Sequence[Shape]) -> list[tuple[FamilyFit, ...]]:
    rounding = np.array([curve.rounding for curve in curves])
    solved = _solve(curves, names, rounding)
    columns = [
        _describe(curves, name, problem, shape, rounding)
        for name, (problem, shape) in solved.items()
    ]
    return list(zip(*columns, strict=True)) if columns else [()] * len(curves)


_Solved = tuple[Problem, "_Array"]


def _solve(
    curves: Sequence[Curve], names: Sequence[Shape], rounding: _Array
) -> dict[Shape, _Solved]:
    """Each family that the points can carry, with the logarithms of each curve's best shape."""
    k, y = curves[0].k, np.array([curve.y for curve in curves])
    if k.size < _FEWEST_TO_FIT:
        return {}
    smooth = [optimize.isotonic_regression(curve.y, increasing=False).x for curve in curves]
    scale = _scales(curves, smooth)
    solved: dict[Shape, _Solved] = {}
    for name in names:
        if name == "two-rate" and k.size < FEWEST_POINTS_TWO_RATES:
            continue
        with_floor = curves[0].floor is None or name == "constant"
        problem = Problem(SHAPES[name], k, y, scale, with_floor)
        if k.size >= problem.unknowns + 2:
            solved[name] = (problem, problem.search())
    if solved:
        scale = _scales(curves, _best_fit(list(solved.values()), rounding))
    return {
        name: (again := replace(problem, scale=scale), again.refine(start))
        for name, (problem, start) in solved.items()
    }


def _scales(curves: Sequence[Curve], fitted: Iterable[_Array]) -> _Array:
    return np.array([curve.scale(one) for curve, one in zip(curves, fitted, strict=True)])


def _best_fit(solved: Sequence[_Solved], rounding: _Array) -> _Array:
    """Each curve's best family by AICc, refined, at k: shape (c, n)."""
    best = np.argmin([problem.aicc(shape, rounding) for problem, shape in solved], axis=0)
    fitted = np.empty_like(rounding)
    for i, (problem, start) in enumerate(solved):
        mine = np.flatnonzero(best == i)
        if mine.size:
            own = problem.of(mine)
            fitted[mine] = own.fitted(own.refine(start[mine]))
    return fitted


def _describe(
    curves: Sequence[Curve],
    name: Shape,
    problem: Problem,
    log_shape: _Array,
    rounding: _Array,
) -> list[FamilyFit]:
    if problem.family.alike:
        log_shape = np.sort(log_shape, axis=1)
    coefficients, residuals = (part[:, 0] for part in problem.project(log_shape[:, None]))
    spread = np.sqrt(
        ((residuals / problem.scale) ** 2).sum(axis=1) / (problem.k.size - problem.unknowns + 1)
    )
    criterion = problem.aicc(log_shape, rounding)
    bases = problem.family.bases(problem.k, np.exp(log_shape))
    low, high = problem.box()
    at_edge = np.any((log_shape <= low + 1e-6) | (log_shape >= high - 1e-6), axis=1)
    found = []
    for i, curve in enumerate(curves):
        level = float(coefficients[i, 0]) if problem.with_floor else 0.0
        level = level if not problem.bounded or level > curve.rounding.min() else 0.0
        amplitudes = coefficients[i, 1:] if problem.with_floor else coefficients[i]
        falling = amplitudes @ bases[i]
        found.append(
            FamilyFit(
                family=name,
                floor=level * curve.size + (curve.floor or 0.0),
                floor_kind=_floor_kind(name, curve, level),
                amplitudes=tuple(float(b) for b in amplitudes * curve.size),
                shape=tuple(float(x) for x in np.exp(log_shape[i])),
                aicc=float(criterion[i]),
                at_grid_edge=bool(at_edge[i]) or bool(falling[1] < _OVER * falling[0]),
                decay_observed=float(1 - falling[-1] / falling[0]) if falling[0] > 0 else 0.0,
                fall_to_noise=float(amplitudes.sum())
                / max(float(spread[i]), float(curve.rounding.max())),
                origin=curve.origin,
            )
        )
    return found


def _floor_kind(name: Shape, curve: Curve, level: float) -> FloorKind:
    if name == "constant":
        return "none"
    if curve.floor is not None:
        return "known"
    return "fitted" if level > 0 else "indistinguishable from 0"


def unbound(curve: Curve, fit: FamilyFit) -> FamilyFit:
    """The fit with a floor below 0, if the bound at 0 held it up.

    A floor that ends at 0 lets noise make a rate too high and not too low: the mean of such rates
    over seeds is not that of the law. And a curve that is straight has no rate, bound or not.
    """
    if fit.floor_kind != "indistinguishable from 0":
        return fit
    family, shape = SHAPES[fit.family], np.array(fit.shape)
    fitted = (np.array(fit.amplitudes) / curve.size) @ family.bases(curve.k, shape)
    scale = curve.scale(fitted)[None]
    problem = Problem(family, curve.k, curve.y[None], scale, with_floor=True, bounded=False)
    freed = problem.refine(np.log(shape)[None])
    (found,) = _describe([curve], fit.family, problem, freed, curve.rounding[None])
    return found if min(found.amplitudes) > 0 else fit

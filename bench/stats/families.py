"""The laws by which a curve may fall, and the fit of one of them by variable projection.

The table of them is in `rates`. Variable projection (Golub and Pereyra 1973): what enters linearly,
a and b, is solved for, so that only the rate is searched. Curves that have the same k are fitted
together: what is the same for all of them is computed once.

>>> k = np.arange(20.0)
>>> y = np.array([1 + 2 * 0.5**k])
>>> problem = Problem(SHAPES["geometric"], k, y, np.ones(y.shape), with_floor=True)
>>> shape = problem.refine(problem.search())
>>> np.exp(-np.exp(shape)).round(6)  # rho
array([[0.5]])
>>> problem.project(shape[:, None])[0].round(6)  # a and b
array([[[1., 2.]]])
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    _Array = NDArray[np.float64]
    _Positions = NDArray[np.intp]
    _Flags = NDArray[np.bool_]

RateFamily = Literal["geometric", "power", "hyperbolic", "stretched", "two-rate", "constant"]
Shadow = Literal["logarithmic", "root-logarithmic", "logistic"]
Shape = RateFamily | Shadow

FAMILIES: tuple[RateFamily, ...] = get_args(RateFamily)
SHADOWS: tuple[Shadow, ...] = get_args(Shadow)
"""Curves that look like a law over a while. None is ever named, but a law is named only where the
curves are not one of these as well."""

_MOST_STEPS = 50
_TINY = 1e-30
_DAMPINGS = np.array([1e-12, 1e-3, 1e-1, 1.0, 10.0, 1e3])[:, None, None]


@dataclass(frozen=True, slots=True)
class Family:
    """Shapes that fall from about 1 to 0, and the box in which their parameters are searched."""

    bases: Callable[[_Array, _Array], _Array]
    """Of k, shape (n,), and parameters, shape (..., d): the falling parts, shape (..., parts, n)."""
    box: Callable[[_Array], list[tuple[float, float, int]]]
    """Of k: lowest and highest value of each parameter, and how many to try in between."""
    named: Callable[[tuple[float, ...], tuple[float, ...]], dict[str, float]] = lambda _b, _s: {}
    """Of amplitudes and parameters: what a reader calls them."""
    alike: bool = False
    """Whether the parameters may change places. Only one order is searched, and never two that are
    equal: there the loss is stationary, and a search that begins there stays."""
    contains: tuple[RateFamily, ...] = ()
    """Families that are special cases of this one, or (of two rates) nearly so: five parameters
    come so close to any curve that falls that they must win clearly."""


def _rates(k: _Array) -> tuple[float, float]:
    """Rates slow enough to be a straight line on these k, and so fast that one step is all."""
    return 0.05 / (k[-1] - k[0]), 10.0 / float(np.diff(k).min())


def _exponents(k: _Array) -> tuple[float, float]:
    first = 1 + k[0]
    return 0.05 / math.log1p((k[-1] - k[0]) / first), 10.0 / math.log1p((k[1] - k[0]) / first)


def _decay(k: _Array, x: _Array) -> _Array:
    found: _Array = np.exp(-x[..., None] * k)
    return found


def _logarithmic(k: _Array, x: _Array) -> _Array:
    """log(s) / log(k + s) with s = 1 + x."""
    past = x[..., None]
    found: _Array = 1 / (1 + np.log1p(k / (1 + past)) / np.log1p(past))
    return found


def _logistic(k: _Array, x: _Array) -> _Array:
    """The fall of 1 / (1 + exp(c k - s)), over its first value."""
    rate, middle = x[..., :1, None], x[..., 1:, None]
    found: _Array = (1 + np.exp(-middle)) / (1 + np.exp(np.minimum(rate * k - middle, 700.0)))
    return found


SHAPES: dict[Shape, Family] = {
    "geometric": Family(
        bases=_decay,
        box=lambda k: [(*_rates(k), 60)],
        named=lambda b, x: {"b": b[0], "rho": math.exp(-x[0])},
        contains=("constant",),
    ),
    "power": Family(
        bases=lambda k, x: _decay(np.log1p(k), x),
        box=lambda k: [(*_exponents(k), 60)],
        named=lambda b, x: {"b": b[0], "p": x[0]},
        contains=("constant",),
    ),
    "hyperbolic": Family(
        bases=lambda k, x: 1 / (1 + x[..., None] * k),
        box=lambda k: [(_rates(k)[0], 10 * _rates(k)[1], 60)],
        named=lambda b, x: {"b": b[0], "c": x[0]},
        contains=("constant",),
    ),
    "stretched": Family(
        bases=lambda k, x: np.exp(-((x[..., :1, None] * k) ** x[..., 1:, None])),
        box=lambda k: [(*_rates(k), 25), (0.2, 4.0, 10)],
        named=lambda b, x: {"b": b[0], "c": x[0], "beta": x[1]},
        contains=("constant", "geometric"),
    ),
    "two-rate": Family(
        bases=_decay,
        box=lambda k: [(*_rates(k), 16), (*_rates(k), 16)],
        alike=True,
        named=lambda b, x: {
            "b1": b[0],
            "rho1": math.exp(-x[0]),
            "b2": b[1],
            "rho2": math.exp(-x[1]),
        },
        contains=("geometric", "power", "hyperbolic", "stretched", "constant"),
    ),
    "constant": Family(bases=lambda k, x: np.empty((*x.shape[:-1], 0, k.size)), box=lambda _k: []),
    "logarithmic": Family(
        bases=_logarithmic, box=lambda _k: [(1e-2, 1e4, 40)], contains=("constant",)
    ),
    "root-logarithmic": Family(
        bases=lambda k, x: np.sqrt(_logarithmic(k, x)),
        box=lambda _k: [(1e-2, 1e4, 40)],
        contains=("constant",),
    ),
    "logistic": Family(
        bases=_logistic,
        box=lambda k: [(*_rates(k), 20), (0.1, 50.0, 15)],
        contains=("constant", "geometric"),
    ),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A family to be fitted to c curves that share k, each residual multiplied by its `scale`."""

    family: Family
    k: _Array
    """Shape (n,)."""
    y: _Array
    """Shape (c, n), as `scale`."""
    scale: _Array
    with_floor: bool
    bounded: bool = True
    """Whether coefficients are at least 0."""

    def columns(self, shape: _Array) -> _Array:
        """What y is a sum of: of shape (..., d) an array (..., columns, n), the floor's first."""
        bases = self.family.bases(self.k, shape)
        if not self.with_floor:
            return bases
        floor = np.ones((*shape.shape[:-1], 1, self.k.size))
        return np.concatenate([floor, bases], axis=-2)

    def project(self, log_shape: _Array) -> tuple[_Array, _Array]:
        """The best coefficients for m shapes of each curve, given as (c, m, d).

        Coefficients have shape (c, m, columns), scaled residuals (c, m, n).
        """
        columns = self.columns(np.exp(log_shape)) * self.scale[:, None, None]
        return _least_squares(columns, (self.y * self.scale)[:, None], bounded=self.bounded)

    def of(self, curves: _Positions) -> Problem:
        """The problem of some of the curves, given by their positions."""
        return replace(self, y=self.y[curves], scale=self.scale[curves])

    def box(self) -> tuple[_Array, _Array]:
        """Logarithms of the lowest and highest shape, each of shape (d,)."""
        edges = np.array([(low, high) for low, high, _ in self.family.box(self.k)])
        low, high = np.log(edges.reshape(-1, 2)).T
        return low, high

    @property
    def unknowns(self) -> int:
        """What is estimated: coefficients, shape and noise."""
        low, _ = self.box()
        return int(self.columns(np.exp(low)).shape[0]) + low.size + 1

    def fitted(self, log_shape: _Array) -> _Array:
        """The best curves of these shapes, (c, d), at k: shape (c, n)."""
        fitted: _Array = self.y - self.project(log_shape[:, None])[1][:, 0] / self.scale
        return fitted

    def aicc(self, log_shape: _Array, rounding: _Array) -> _Array:
        """That of n points and K unknowns, n log(variance) + 2 K n / (n - K - 1); needs n >= K + 2.

        Misfit within round-off is no evidence, so the variance is at least what rounding leaves.
        Shape (c,).
        """
        residuals, n, unknowns = (
            self.project(log_shape[:, None])[1][:, 0],
            self.k.size,
            self.unknowns,
        )
        least = ((rounding * self.scale) ** 2).mean(axis=1)
        variance = np.maximum((residuals**2).mean(axis=1), least)
        found: _Array = n * np.log(variance) + 2 * unknowns * n / (n - unknowns - 1)
        return found

    def search(self) -> _Array:
        """The best point of the grid for each curve, shape (c, d)."""
        axes = [np.geomspace(*axis) for axis in self.family.box(self.k)]
        if not axes:
            return np.empty((len(self.y), 0))
        grid = np.stack([g.ravel() for g in np.meshgrid(*axes)], axis=1)
        if self.family.alike:
            grid = grid[(np.diff(grid, axis=1) > 0).all(axis=1)]
        columns = self.columns(grid)
        weights = self.scale**2
        pairs = columns[:, :, None] * columns[:, None]
        gram = np.moveaxis(pairs @ weights.T, -1, 0)
        right = np.moveaxis(columns @ (weights * self.y).T, -1, 0)
        norm = np.sqrt(np.einsum("cmii->cmi", gram))
        norm = np.where(norm > 0, norm, 1.0)
        gain = _best_subset(gram / (norm[..., None] * norm[..., None, :]), right / norm)[1]
        best: _Array = np.log(grid[np.argmax(gain, axis=1)])
        return best

    def refine(self, start: _Array) -> _Array:
        """Levenberg-Marquardt on the projected residuals, within the box, from shapes (c, d).

        Marquardt's (1963) damping is not adapted: all dampings are tried at once. A parameter at
        the edge of the box that would leave it stays where it is.
        """
        at, moving = start.copy(), np.arange(len(start))
        for _ in range(_MOST_STEPS if start.shape[1] else 0):
            tried, loss = _tries(self.of(moving), at[moving])
            best = np.argmin(loss, axis=1)
            at[moving] = tried[np.arange(moving.size), best]
            moving = moving[loss.min(axis=1) < loss[:, 0] * (1 - 1e-13)]
            if not moving.size:
                break
        return at


def _tries(problem: Problem, at: _Array) -> tuple[_Array, _Array]:
    """Where each curve is and might go, shape (c, 1 + dampings, d), and the losses there."""
    (low, high), d = problem.box(), at.shape[1]
    step = np.vstack([np.zeros(d), 1e-6 * np.eye(d)])
    residuals = problem.project(at[:, None] + step)[1]
    slope = (residuals[:, 1:] - residuals[:, :1]) / 1e-6
    uphill = (slope @ residuals[:, 0, :, None])[..., 0]
    slope[((at <= low) & (uphill > 0)) | ((at >= high) & (uphill < 0))] = 0.0
    normal = slope @ slope.transpose(0, 2, 1)
    diagonal = np.einsum("cii->ci", normal)[:, None, None, :] + _TINY
    damped = normal[:, None] + _DAMPINGS * diagonal * np.eye(d)
    right = (slope @ residuals[:, 0, :, None])[:, None]
    moves = np.linalg.solve(damped, np.broadcast_to(right, (*damped.shape[:3], 1)))[..., 0]
    tried = np.concatenate([at[:, None], np.clip(at[:, None] - moves, low, high)], axis=1)
    return tried, (problem.project(tried)[1] ** 2).sum(axis=2)


def _least_squares(columns: _Array, target: _Array, *, bounded: bool) -> tuple[_Array, _Array]:
    """Coefficients (..., q) and residuals (..., n) of many problems at once.

    columns: shape (..., q, n), target: shape (..., n). bounded: coefficients are at least 0, as in
    the NNLS of Lawson and Hanson (1974). What is left over is solved for again, so that normal
    equations lose no digits.
    """
    norm = np.sqrt((columns**2).sum(axis=-1))
    unit = columns / np.where(norm > 0, norm, 1.0)[..., None]
    gram, right = unit @ unit.swapaxes(-1, -2), (unit @ target[..., None])[..., 0]
    used = _best_subset(gram, right)[0] if bounded else np.ones(right.shape, dtype=bool)
    inverse = np.linalg.inv(_only(gram, used))
    coefficients = np.zeros_like(right)
    residuals = np.broadcast_to(target, (*right.shape[:-1], target.shape[-1]))
    for _ in range(3):
        left = (unit @ residuals[..., None]) * used[..., None]
        coefficients = coefficients + (inverse @ left)[..., 0]
        coefficients = np.maximum(coefficients, 0.0) if bounded else coefficients
        residuals = target - (coefficients[..., None, :] @ unit)[..., 0, :]
    return coefficients / np.where(norm > 0, norm, 1.0), residuals


def _best_subset(gram: _Array, right: _Array) -> tuple[_Flags, _Array]:
    """Which columns the best solution >= 0 uses, (..., q), and by how much it lowers the loss.

    gram: of columns of length 1, shape (..., q, q); right: shape (..., q). Where the solution with
    all columns has a negative coefficient, every subset is solved: there are few columns.
    """
    q = right.shape[-1]
    used = np.ones(right.shape, dtype=bool)
    solved = (np.linalg.inv(_only(gram, used)) @ right[..., None])[..., 0]
    gain = (solved * right).sum(axis=-1)
    bad = (solved < 0).any(axis=-1)
    if bad.any():
        masks = (np.arange(2**q - 1)[:, None] >> np.arange(q)) & 1 == 1
        some = right[bad][:, None] * masks
        inverse = np.linalg.inv(_only(gram[bad][:, None], masks))
        solved = (inverse @ some[..., None])[..., 0]
        gains = np.where((solved >= 0).all(axis=-1), (solved * some).sum(axis=-1), -np.inf)
        best = np.argmax(gains, axis=-1)
        used[bad], gain[bad] = masks[best], gains[np.arange(best.size), best]
    return used, gain


def _only(gram: _Array, used: _Flags) -> _Array:
    """The normal equations of the columns used, those of the others being x = 0."""
    both = used[..., :, None] & used[..., None, :]
    ridge = np.where(used[..., None], 1e-14, 1.0) * np.eye(used.shape[-1])
    return np.where(both, gram, 0.0) + ridge

"""The laws by which a curve may fall, and the fit of one of them by variable projection.

The table of them is in `rates`. Variable projection (Golub and Pereyra 1973): what enters linearly,
a and b, is solved for, so that only the rate is searched.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    _Array = NDArray[np.float64]

RateFamily = Literal["geometric", "power", "hyperbolic", "stretched", "two-rate", "constant"]

FAMILIES: tuple[RateFamily, ...] = get_args(RateFamily)

_NO_SHAPE = np.empty((1, 0))
_MOST_STEPS = 30
_TINY = 1e-30
_DAMPINGS = np.array([1e-12, 1e-3, 1e-1, 1.0, 10.0, 1e3])[:, None, None]


@dataclass(frozen=True, slots=True)
class Family:
    """Shapes that fall from about 1 to 0, and the box in which their parameters are searched."""

    bases: Callable[[_Array, _Array], _Array]
    """Of k, shape (n,), and parameters, shape (m, d): the falling parts, shape (m, parts, n)."""
    box: Callable[[_Array], list[tuple[float, float, int]]]
    """Of k: lowest and highest value of each parameter, and how many to try in between."""
    named: Callable[[tuple[float, ...], tuple[float, ...]], dict[str, float]] = lambda _b, _s: {}
    """Of amplitudes and parameters: what a reader calls them."""
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
    return np.exp(-x[:, :, None] * k)


SHAPES: dict[RateFamily, Family] = {
    "geometric": Family(
        bases=_decay,
        box=lambda k: [(*_rates(k), 60)],
        named=lambda b, x: {"b": b[0], "rho": math.exp(-x[0])},
        contains=("constant",),
    ),
    "power": Family(
        bases=lambda k, x: np.exp(-x[:, :, None] * np.log1p(k)),
        box=lambda k: [(*_exponents(k), 60)],
        named=lambda b, x: {"b": b[0], "p": x[0]},
        contains=("constant",),
    ),
    "hyperbolic": Family(
        bases=lambda k, x: 1 / (1 + x[:, :, None] * k),
        box=lambda k: [(_rates(k)[0], 10 * _rates(k)[1], 60)],
        named=lambda b, x: {"b": b[0], "c": x[0]},
        contains=("constant",),
    ),
    "stretched": Family(
        bases=lambda k, x: np.exp(-((x[:, :1, None] * k) ** x[:, 1:, None])),
        box=lambda k: [(*_rates(k), 25), (0.2, 4.0, 10)],
        named=lambda b, x: {"b": b[0], "c": x[0], "beta": x[1]},
        contains=("constant", "geometric"),
    ),
    "two-rate": Family(
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
    "constant": Family(bases=lambda k, x: np.empty((len(x), 0, k.size)), box=lambda _k: []),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A family to be fitted to points, each residual multiplied by its `scale`."""

    family: Family
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

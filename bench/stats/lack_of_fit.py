"""Is what a law leaves over noise? A test of fit over seeds.

The seed is the replicate. Each seed's curve has its own fit; what the fits leave over is averaged
over the seeds, and the mean curve of that is held against how the seeds differ from it. Noise that
is alike at neighbouring points therefore does not pass for a misfit, nor a misfit that all seeds
share for noise. The statistic is the F of Shen and Faraway (2004) for curves,

    F = n |mean of e|^2 / trace(S),

S being the covariance of e between the seeds, with k and k (n - 1) degrees of freedom, k = trace(S)^2
/ trace(S^2) (Box 1954; without bias as in Zhang 2013, section 4.3). e is what is left over, as a
share of the fit, whitened by an AR(1) whose coefficient is estimated by restricted likelihood
(Patterson and Thompson 1971) and freed from the directions in which the parameters could still move
it. That is for power: k and S do not believe in the AR(1).

It is taken of two things: of cosines of the place and of its logarithm, where a wrong law shows, and
of all points. Where the seeds' parameters differ, a wrong law fails each of them in another way, and
the mean shows little; so a third test asks, by t over the seeds, whether another family leaves over
less than half the variance. The smallest p counts three times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from bench.stats._inputs import FEWEST_FOR_INFERENCE
from bench.stats.families import SHAPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bench.stats.curve_fits import Curve, FamilyFit
    from bench.stats.families import Shape

    _Array = NDArray[np.float64]

_COEFFICIENTS = (-0.5, -0.2, 0.0, 0.2, 0.4, 0.55, 0.7, 0.8, 0.87, 0.92, 0.96, 0.985)
_WAVES = 6  # half waves, of the place and of its logarithm: what is smooth
_SEEN = 0.15  # of a wave's length, at least, must lie outside what the parameters can do
_TINY = 1e-300
_ALIKE = 1e-12  # relative: what rounding leaves of equal numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class LackOfFit:
    """How far the seeds' curves lie from a family, together."""

    p_value: float
    """Of the hypothesis that what the family leaves over is noise."""
    departure: float
    """Root mean square, over the points, of the mean over the seeds of what is left over; relative
    to the fitted curve (above a known floor)."""
    of_fall: float
    """The same over the logarithm of first over last fitted value: 0.01 is a hundredth of what one
    sees fall on a logarithmic axis. Infinite where nothing falls."""


def lack_of_fit(
    curves: Sequence[Curve], fits: Mapping[Shape, Sequence[FamilyFit]]
) -> dict[Shape, LackOfFit]:
    """Of each family, from its fits to every seed's curve, over the points that all curves have.

    Empty below three seeds, and where fewer points are shared than a family has parameters and one.

    >>> from bench.stats.curve_fits import curve_of, fit_curves
    >>> rng, k = np.random.default_rng(1), np.arange(40.0)
    >>> seeds = [(0.2 + 2 * 0.9**k) * np.exp(0.02 * rng.normal(size=40)) for _ in range(6)]
    >>> curves = [curve_of(k, values) for values in seeds]
    >>> families = ("geometric", "power")
    >>> fits = dict(zip(families, zip(*fit_curves(curves, families))))
    >>> tests = lack_of_fit(curves, fits)
    >>> tests["geometric"].p_value > 0.05, tests["power"].p_value < 1e-6
    (True, True)
    """
    if len(curves) < FEWEST_FOR_INFERENCE:
        return {}
    shared = _shared(curves)
    left = {
        name: _Left.of(curves, shared, found)
        for name, found in fits.items()
        if len(shared[0]) > _parameters(found[0]) + 1
    }
    if not left:
        return {}
    phi = _coefficient(min(left.values(), key=lambda one: one.spread))
    bases = {name: _basis(one.directions, phi)[0] for name, one in left.items()}
    rests = {name: _rest(one, bases[name], phi) for name, one in left.items()}
    sizes = {name: _log_variances(one, rests[name]) for name, one in left.items()}
    least = min(sizes.values(), key=lambda size: float(size.mean()))
    found = {}
    for name, one in left.items():
        smooth = rests[name] @ _smooth(bases[name])
        p = min(
            _p_value(smooth, one.rounding),
            _p_value(rests[name], one.rounding),
            _leaves_more(sizes[name] - least),
        )
        departure = float(np.sqrt((one.residuals.mean(axis=0) ** 2).mean()))
        found[name] = LackOfFit(
            p_value=min(3 * p, 1.0),
            departure=departure,
            of_fall=departure / one.fall if one.fall > 0 else np.inf,
        )
    return found


def _shared(curves: Sequence[Curve]) -> list[NDArray[np.intp]]:
    """For each curve the positions of the points that all have."""
    k = curves[0].k
    for curve in curves[1:]:
        k = np.intersect1d(k, curve.k, assume_unique=True)
    return [np.searchsorted(curve.k, k) for curve in curves]


def _parameters(fit: FamilyFit) -> int:
    return len(fit.amplitudes) + len(fit.shape) + (fit.floor_kind != "known")


@dataclass(frozen=True, slots=True)
class _Left:
    """What a family leaves over: residuals (seeds, n), and the directions (seeds, q, n) in which its
    parameters could move them; both over the fitted curve.
    """

    residuals: _Array
    directions: _Array
    rounding: float
    """The mean square of what rounding leaves at a point."""
    fall: float

    @staticmethod
    def of(
        curves: Sequence[Curve], shared: Sequence[NDArray[np.intp]], fits: Sequence[FamilyFit]
    ) -> _Left:
        rows = [_one(curve, at, fit) for curve, at, fit in zip(curves, shared, fits, strict=True)]
        residuals, directions, rounding, fall = (np.array(part) for part in zip(*rows, strict=True))
        return _Left(residuals, directions, float(rounding.mean()), float(fall.mean()))

    @property
    def spread(self) -> float:
        """How much the seeds differ, per degree of freedom."""
        own = self.residuals - self.residuals.mean(axis=0)
        return float((own**2).sum() / (own.shape[1] - self.directions.shape[1]))


def _one(curve: Curve, at: NDArray[np.intp], fit: FamilyFit) -> tuple[_Array, _Array, float, float]:
    k, shape, family = curve.k, np.array(fit.shape), SHAPES[fit.family]
    amplitudes = np.array(fit.amplitudes) / curve.size
    bases = family.bases(k, shape)
    step = 1e-5 * np.eye(shape.size)
    up, down = (family.bases(k, shape * np.exp(sign * step)) for sign in (1, -1))
    moved = (amplitudes @ (up - down) / 2e-5) if shape.size else np.empty((0, k.size))
    level = 0.0 if fit.floor_kind == "known" else fit.floor / curve.size
    fitted = level + amplitudes @ bases
    scale = curve.scale(fitted)
    floor = np.ones((int(fit.floor_kind != "known"), k.size))
    directions = np.vstack([floor, bases, moved]) * scale
    first, last = np.maximum(fitted[[0, -1]], _TINY)
    rounding = float(((curve.rounding * scale) ** 2).mean())
    residuals = (curve.y - fitted) * scale
    far = residuals > 1  # a law that is hopelessly far off is so as on a logarithmic axis
    residuals[far] = 1 + np.log(residuals[far])
    return residuals[at], directions[:, at], rounding, float(np.log(first / last))


def _whitened(x: _Array, phi: float) -> _Array:
    """What is new at each point of a stationary AR(1), along the last axis."""
    out = x.copy()
    out[..., 0] *= np.sqrt(1 - phi**2)
    out[..., 1:] -= phi * x[..., :-1]
    return out


def _basis(directions: _Array, phi: float) -> tuple[_Array, _Array]:
    """Orthonormal columns (seeds, n, q) that span the whitened directions; log of their volume."""
    white = _whitened(directions, phi)
    length = np.sqrt((white**2).sum(axis=-1))
    unit = white / np.where(length > 0, length, 1.0)[..., None]
    basis, triangle = np.linalg.qr(unit.swapaxes(-1, -2))
    edge = np.abs(np.einsum("sii->si", triangle)) * np.where(length > 0, length, 1.0)
    return basis, np.log(np.maximum(edge, _TINY)).sum(axis=-1)


def _without(basis: _Array, x: _Array) -> _Array:
    """x, shape (seeds, m, n), without what each seed's basis spans."""
    found: _Array = x - (x @ basis) @ basis.swapaxes(-1, -2)
    return found


def _coefficient(left: _Left) -> float:
    """That AR(1) coefficient, of a grid, which the differences between seeds make most likely."""
    own = left.residuals - left.residuals.mean(axis=0)
    n, points = own.shape
    share = 1 - 1 / n

    def likelihood(phi: float) -> float:
        basis, volume = _basis(left.directions, phi)
        rest = _without(basis, _whitened(own, phi)[:, None])
        freedom = (n - 1) * (points - left.directions.shape[1])
        square = max(float((rest**2).sum()), _TINY)
        return float(
            -freedom / 2 * np.log(square) + share * (n / 2 * np.log(1 - phi**2) - volume.sum())
        )

    return max(_COEFFICIENTS, key=likelihood)


def _rest(left: _Left, basis: _Array, phi: float) -> _Array:
    """What is left over, whitened, where the parameters do not reach: shape (seeds, n)."""
    found: _Array = _without(basis, _whitened(left.residuals, phi)[:, None])[:, 0]
    return found


def _log_variances(left: _Left, rest: _Array) -> _Array:
    """Of what is left over of each seed's curve."""
    freedom = rest.shape[1] - left.directions.shape[1]
    found: _Array = np.log(np.maximum((rest**2).sum(axis=1) / freedom, max(left.rounding, _TINY)))
    return found


def _leaves_more(log_ratios: _Array) -> float:
    """One-sided p that a family leaves over more than twice what another does, by a t test."""
    excess = log_ratios - np.log(2)
    if np.ptp(excess) <= _ALIKE * max(float(np.abs(log_ratios).max()), 1.0):
        return float(excess.mean() <= 0)
    t = excess.mean() / (excess.std(ddof=1) / np.sqrt(excess.size))
    return float(stats.t.sf(t, excess.size - 1))


def _smooth(basis: _Array) -> _Array:
    """Orthonormal columns (n, d) of waves, where the parameters of the seeds do not reach."""
    n = basis.shape[1]
    place, log_place = (np.arange(n) + 0.5) / n, np.log1p(np.arange(n)) / np.log(n)
    waves = [
        np.cos(np.pi * half * along) for half in range(_WAVES + 1) for along in (place, log_place)
    ]
    unit = np.array(waves[1:]) / np.linalg.norm(waves[1:], axis=1)[:, None]
    seen = _without(basis, unit).mean(axis=0)
    left, lengths, _ = np.linalg.svd(seen.T, full_matrices=False)
    found: _Array = left[:, lengths > _SEEN]
    return found


def _p_value(rest: _Array, rounding: float) -> float:
    """Of the F of n curves or contrasts, shape (n, d)."""
    n, d = rest.shape
    mean = rest.mean(axis=0)
    own = rest - mean
    gram = own @ own.T / (n - 1)  # has the trace of S, and its square that of S^2
    trace, square = float(np.trace(gram)), float((gram**2).sum())
    first = n * (n - 1) / ((n - 2) * (n + 1)) * (trace**2 - 2 * square / n)
    second = (n - 1) ** 2 / ((n - 2) * (n + 1)) * (square - trace**2 / (n - 1))
    freedom = min(max(first / second, 1.0), float(d)) if second > _TINY else float(d)
    ratio = n * float(mean @ mean) / max(trace, d * rounding)
    return float(stats.f.sf(ratio, freedom, freedom * (n - 1)))

"""Why a curve by itself, or most curves of several seeds, settle no family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.stats.families import SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.stats.curve_fits import FamilyFit
    from bench.stats.rates import RateFit

FEWEST_POINTS = 10
"""Below this many points of a curve no family is named."""
FEWEST_POINTS_STRETCHED = 20
"""Fewer show the difference to a sum of exponentials too seldom."""
FEWEST_POINTS_TWO_RATES = 40
CLEAR = 4.0
"""AICc units by which a family must beat another before the other is given up."""
_SMALLEST_FALL = 5.0


def _is_close(fit: RateFit, best: FamilyFit | None) -> bool:
    """Whether a curve of another kind fits as well; generalisations do, for free."""
    return best is not None and any(
        other.aicc < best.aicc + CLEAR
        for other in (*fit.candidates, *fit.shadows)
        if other.family != best.family and best.family not in SHAPES[other.family].contains
    )


def _fewest(best: FamilyFit) -> int:
    return FEWEST_POINTS_STRETCHED if best.family == "stretched" else FEWEST_POINTS


def _extrapolates(best: FamilyFit) -> bool:
    """Whether most of the fall lies beyond the points; with a known floor nothing beyond is guessed."""
    return best.floor_kind != "known" and best.decay_observed < 0.5


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reason to name no family, if it holds for more than this share of the seeds."""

    text: str
    share: float
    """1: a reason for a single curve only."""
    holds: Callable[[RateFit, FamilyFit | None], bool]


DOUBTS = (
    Doubt(
        "The run diverged (a value is not a finite number), and a diverged run has no rate",
        0.0,
        lambda fit, _best: fit.diverged,
    ),
    Doubt(
        "The curve goes below its known floor, or below 0 without one, which no family allows",
        0.0,
        lambda fit, _best: fit.below_floor,
    ),
    Doubt(
        f"The curve has too few points that could be used (a family needs {FEWEST_POINTS}, a "
        f"stretched exponential {FEWEST_POINTS_STRETCHED}, two rates {FEWEST_POINTS_TWO_RATES})",
        0.0,
        lambda fit, best: (
            not (fit.diverged or fit.below_floor) and (best is None or fit.points < _fewest(best))
        ),
    ),
    Doubt(
        "The curve does not fall, or not in a way that a constant would not explain as well",
        0.5,
        lambda _fit, best: best is not None and best.rate is None,
    ),
    Doubt(
        "The fitted rate lies at the edge of what was searched, so the points do not pin it down",
        0.2,
        lambda _fit, best: best is not None and best.at_grid_edge,
    ),
    Doubt(
        f"Another curve fits nearly as well (AICc within {CLEAR:g})",
        1.0,  # over seeds the test of fit tells them apart
        _is_close,
    ),
    Doubt(
        f"The whole fall is less than {_SMALLEST_FALL:g} times the noise",
        0.5,
        lambda _fit, best: bool(best and best.rate and best.fall_to_noise < _SMALLEST_FALL),
    ),
    Doubt(
        "Less than half of the fitted fall has been observed",
        0.5,
        lambda _fit, best: bool(best and best.rate and _extrapolates(best)),
    ),
)

"""Why a curve by itself, or most curves of several seeds, settle no family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.stats.families import SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.stats.rates import FamilyFit, RateFit

FEWEST_POINTS = 10
"""Below this many points of a curve no family is named."""
FEWEST_POINTS_TWO_RATES = 40
CLEAR = 4.0
"""AICc units by which a family must beat another before the other is given up."""
_SMALLEST_FALL = 5.0


def _rivals(fit: RateFit, family: str) -> list[FamilyFit]:
    """The families that are no generalisation of this one: those could fit as well for free."""
    return [
        other
        for other in fit.candidates
        if other.family != family and family not in SHAPES[other.family].contains
    ]


def wins_hold_out(fit: RateFit, best: FamilyFit | None) -> bool:
    """Whether this family, fitted without the last 30 % of the points, predicts those best."""
    return best is not None and all(
        best.hold_out_error < rival.hold_out_error for rival in _rivals(fit, best.family)
    )


def _is_close(fit: RateFit, best: FamilyFit | None) -> bool:
    return best is not None and any(
        rival.aicc < best.aicc + CLEAR for rival in _rivals(fit, best.family)
    )


def _extrapolates(best: FamilyFit) -> bool:
    """Whether most of the fall lies beyond the points; with a known floor nothing beyond is guessed."""
    return best.floor_kind != "known" and best.decay_observed < 0.5


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reason to name no family, if it holds for more than this share of the seeds."""

    text: str
    share: float
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
        f"The curve has too few points that could be used (a family needs {FEWEST_POINTS}, two "
        f"rates {FEWEST_POINTS_TWO_RATES})",
        0.0,
        lambda fit, best: (
            not (fit.diverged or fit.below_floor) and (fit.points < FEWEST_POINTS or best is None)
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
    Doubt(f"Another family fits nearly as well (AICc within {CLEAR:g})", 0.5, _is_close),
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
    Doubt(
        "Fitted without the last 30 % of the points, another family predicts those better",
        1.0,  # over seeds the sign test counts this
        lambda fit, best: best is not None and not wins_hold_out(fit, best),
    ),
)

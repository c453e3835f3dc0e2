"""What comparing variants seed by seed is worth: how far they go together, and the runs that it saves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import special

from bench.analysis.contrast import contrast
from bench.analysis.metrics import primary_of
from bench.stats._inputs import differences_of, no_spread

if TYPE_CHECKING:
    from bench.analysis.contrast import Contrast
    from bench.analysis.metrics import Measurements

_FEWEST: Final = 4  # seeds from which a correlation has an interval


@dataclass(frozen=True)
class Pairing:
    """How the variants of a question go together with its baseline over the seeds, on its primary metric.

    Attributes:
        correlation: mean over variants, of Fisher's (1915) z, turned back.
        low, high: ends of its 95 % interval, z +- 1.96 / sqrt(n - 3) with the n of one variant.
        saved: runs that comparing as groups would take beside these, for differences as precise; infinite
            where the differences are the same in every seed.
    """

    correlation: float
    low: float
    high: float
    saved: float

    @property
    def says(self) -> str:
        """What sharing seeds is worth, in a sentence."""
        numbers = ", 95 % CI ".join(
            [
                f"correlation {_shown(self.correlation)}",
                f"{_shown(self.low)} to {_shown(self.high)}",
            ]
        )
        if self.high < 0:
            return (
                f"Sharing seeds costs here: what is a good seed for one is a bad one for the other ({numbers})."
                " Compared as groups (paired: no), differences would be more precise."
            )
        if math.isinf(self.saved):
            return (
                "Sharing seeds shows differences exactly here: they are the same in every seed, which no"
                " number of runs would show of groups."
            )
        if self.low <= 0 or not self.saved:
            return f"Sharing seeds buys nothing here that these seeds show ({numbers})."
        runs = "run" if self.saved == 1 else "runs"
        return (
            f"Sharing seeds saves about {self.saved:,} {runs} here: variants have good and bad seeds in common"
            f" ({numbers})."
        )


def _shown(correlation: float) -> str:
    text = f"{correlation:.2f}".replace("-", "−")
    return text.replace("0.", ".", 1) if abs(correlation) < 0.995 else text


def correlation(between: Contrast) -> float | None:
    """Pearson's correlation of the two sides over the seeds; None unless both vary over three seeds or more."""
    a, b = between.a, between.b
    if not between.paired or between.problem or min(a.size, b.size) < 3:
        return None
    if not (np.isfinite(a).all() and np.isfinite(b).all()) or no_spread(a) or no_spread(b):
        return None
    return float(np.corrcoef(a / np.abs(a).max(), b / np.abs(b).max())[0, 1])


def pairing(measured: Measurements, question: str) -> Pairing | None:
    """Of a question; None where its variants are not compared seed by seed, or too few seeds tell."""
    suite = measured.suite
    if not measured.paired(question):
        return None
    name, baseline = primary_of(suite, question), suite.baseline(question)
    base = measured.of(question, baseline, name)
    contrasts = [
        contrast(measured.of(question, variant, name), base)
        for variant in suite.variants(question)
        if variant != baseline
    ]
    known = [(c, r) for c in contrasts if c.a.size >= _FEWEST and (r := correlation(c)) is not None]
    if not known:
        return None
    z = float(np.mean([math.atanh(np.clip(r, -0.9999, 0.9999)) for _, r in known]))
    n = float(np.median([c.a.size for c, _ in known]))
    half = float(special.ndtri(0.975)) / math.sqrt(n - 3)
    saved = (float(np.median([_as_groups(c) for c, _ in known])) - n) * (len(known) + 1)
    return Pairing(
        correlation=math.tanh(z),
        low=math.tanh(z - half),
        high=math.tanh(z + half),
        saved=max(0.0, round(saved) if math.isfinite(saved) else saved),
    )


def _as_groups(between: Contrast) -> float:
    """Seeds with which the difference of two groups is as precise as that of these pairs."""
    scale = max(np.abs(between.a).max(), np.abs(between.b).max())
    a, b = between.a / scale, between.b / scale
    apart, together = a.var(ddof=1) + b.var(ddof=1), differences_of(a, b).var(ddof=1)
    return float(a.size * apart / together) if together > 0 else math.inf

"""A second opinion: how probable is each of "b is better", "they are alike", "a is better"?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.stats._inputs import positive
from bench.stats.estimates import estimate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True)
class RopeProbabilities:
    """Posterior probabilities of where the true mean difference a - b lies; they sum to 1."""

    below: float
    """Below -rope."""
    inside: float
    """Within +-rope, the region of practical equivalence."""
    above: float
    """Above rope."""


def bayesian_rope(a: ArrayLike, b: ArrayLike, *, rope: float) -> RopeProbabilities:
    """The posterior of the mean paired difference, cut at +-rope.

    a, b: shape (n,), paired by position, rope in their unit. Under the flat prior for mean and
    log SD the posterior is Student's t about the mean difference with n - 1 degrees of freedom and
    scale s / sqrt(n): seeds are independent, so the variance correction for overlapping folds
    (Benavoli et al. 2017, section 3) does not apply. Raises StatsError like `equivalence_test`.

    No report calls it: it answers who would rather have a probability than a verdict (Benavoli et al.
    2017).

    >>> found = bayesian_rope([0.95, 0.96, 0.97, 0.96], [0.94, 0.94, 0.95, 0.96], rope=0.005)
    >>> round(found.below, 3), round(found.inside, 3), round(found.above, 3)
    (0.018, 0.09, 0.892)
    """
    positive(rope, "rope")
    posterior = estimate(a, b, "paired")
    # With this prior the posterior tails are the one-sided p-values of the t test.
    below, above = posterior.p_above(-rope), posterior.p_below(rope)
    return RopeProbabilities(below=below, inside=1 - below - above, above=above)

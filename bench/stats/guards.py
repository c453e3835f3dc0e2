"""When a t test is not to be trusted with few seeds: strong skew, and differences of a step or two."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from bench.stats._inputs import standard_deviation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Array = NDArray[np.float64]

FEWEST_FOR_SKEW = 5
"""Below this many seeds nothing can be said of the skewness, and t is left alone."""

_NOISE = 0.5  # of the skewness that normal samples have by chance, so much is taken off: see docs/statistics.md
_STEPS = 2  # differences of at most so many steps of the metric are coarse


def skewness(values: _Array) -> float:
    """Skewness of a sample beyond what chance alone would show, shape (n,); 0 below five values.

    That is sign(g) max(0, |g| - s / 2) with g = m3 / m2^1.5 and s its standard deviation in normal samples,
    sqrt(6 (n - 2) / ((n + 1) (n + 3))) (Fisher 1930): without strong skew nothing is left of it.

    >>> skewness(np.array([0.0, 0.1, 0.2, 0.1, 0.0, 0.1]))
    0.0
    >>> round(skewness(np.array([0.0, 0.1, 0.2, 0.1, 0.0, 3.0])), 2)
    1.46
    """
    n = values.size
    if n < FEWEST_FOR_SKEW:
        return 0.0
    spread = standard_deviation(values) * math.sqrt((n - 1) / n)
    if spread == 0:
        return 0.0
    g = float((((values - values.mean()) / spread) ** 3).mean())
    by_chance = math.sqrt(6 * (n - 2) / ((n + 1) * (n + 3)))
    return math.copysign(max(0.0, abs(g) - _NOISE * by_chance), g)


def skewness_of_mean(a: _Array, b: _Array | None = None) -> float:
    """Skewness of the mean of ``a``, or of its difference from that of ``b``, as far as the samples show it.

    mu3 / n^2 divided by (variance / n)^1.5; of two groups, the difference of the former over the sum of the
    latter.
    """
    errors = [standard_deviation(x) / math.sqrt(x.size) for x in (a, b) if x is not None]
    error = math.hypot(*errors)
    if error == 0:
        return 0.0
    found = skewness(a) / math.sqrt(a.size) * (errors[0] / error) ** 3
    if b is not None:
        found -= skewness(b) / math.sqrt(b.size) * (errors[1] / error) ** 3
    return found


def is_coarse(differences: _Array) -> bool:
    """Whether all differences are a step or two of one size, or none: a metric that counts few images.

    Such differences have no t distribution: at n = 10, of +1 and -1 alone, 2.2 % of t tests are below .005.

    >>> is_coarse(np.array([0.01, -0.01, 0.0, 0.02])), is_coarse(np.array([0.01, -0.013, 0.0, 0.02]))
    (True, False)
    """
    sizes = np.abs(differences[differences != 0])
    if not sizes.size:
        return True
    if sizes.max() > (_STEPS + 0.5) * sizes.min():
        return False
    steps = sizes / sizes.min()
    return bool((np.abs(steps - np.round(steps)) <= 1e-6).all())

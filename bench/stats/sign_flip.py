"""Tests that use nothing but the signs a paired difference could have had.

If two variants do not differ, each seed's difference is as likely to be d as -d. All 2^n ways of
flipping the signs are then equally likely (Fisher 1935, The Design of Experiments, section 21).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from bench.stats._inputs import FEWEST_FOR_INFERENCE, generator, rounded, sample

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

EXACT_UP_TO = 32
"""Differences up to which all 2^n flips are counted; above, 9,999 of them are drawn."""

_DRAWS = 9_999


def sign_flip_test(differences: ArrayLike, *, rng: np.random.Generator | None = None) -> float:
    """Two-sided p of the null hypothesis that the differences are symmetric about zero.

    The statistic is the sum of the n differences, as in
    `scipy.stats.permutation_test(permutation_type="samples")`. Exact for n <= 32; above that
    9,999 random flips, p = (as extreme + 1) / (drawn + 1) (Phipson and Smyth 2010), from `rng` or
    a generator with seed 0. The smallest p it can reach is 2^(1-n). Raises StatsError for fewer
    than three differences, NaN and infinite values.

    >>> sign_flip_test([0.4, 0.1, 0.3, 0.2, 0.5])  # all five one way: 2 of the 32 ways to flip them
    0.0625
    """
    return sum_at_least_either_way(
        rounded(sample(differences, "differences", fewest=FEWEST_FOR_INFERENCE)), rng=rng
    )


def sum_at_least_either_way(
    differences: NDArray[np.float64], *, rng: np.random.Generator | None = None
) -> float:
    """Two-sided p of the sign-flip test of differences that have no noise of floating point."""
    up = sum_at_least(differences, rng=rng)
    return min(1.0, 2 * min(up, sum_at_least(-differences, rng=rng)))


def sum_at_least(
    differences: NDArray[np.float64], *, rng: np.random.Generator | None = None
) -> float:
    """How likely the sum is as large or larger with random signs: the one-sided p of "not above zero".

    differences: shape (n,), finite, without noise. A flip reaches the observed sum where what it flips does
    not add up to more than 0, so that one huge difference does not drown the others. Exact, or from random
    flips, as `sign_flip_test`.
    """
    sizes = np.abs(differences)
    largest = float(sizes.max())
    if largest == 0:
        return 1.0
    d = differences / largest / differences.size  # so that the sums cannot overflow
    tie = 1e-9 * float(np.median(np.abs(d[d != 0])))  # noise adds up, and subsets that tie count
    if d.size <= EXACT_UP_TO:
        return _sums_up_to(d, tie) / float(2**d.size)
    flipped = generator(rng).integers(0, 2, size=(_DRAWS, d.size))
    both = np.count_nonzero(flipped @ d <= tie) + np.count_nonzero((1 - flipped) @ d <= tie)
    return (int(both) + 1) / (2 * _DRAWS + 1)  # each draw stands for its opposite too


def signed_rank_test(differences: ArrayLike, *, rng: np.random.Generator | None = None) -> float:
    """Two-sided p of Wilcoxon's signed-rank test, exact also where differences tie, are zero or infinite.

    Zeros are ranked with the rest and carry no sign (Pratt 1959; the same p as splitting their
    ranks evenly, Demsar 2006); an infinite difference, of a run that diverged, has the largest rank.
    Computed as the sign-flip test of the signed ranks, so exact for n <= 32. Differences that agree to
    1e-9 of the largest finite one tie. Raises StatsError like `sign_flip_test`, but not for infinite values.

    >>> signed_rank_test([3, 1, 2, float("inf"), -0.5])  # signed ranks 4, 2, 3, 5 and -1
    0.125
    """
    d = sample(differences, "differences", fewest=FEWEST_FOR_INFERENCE, infinite=True)
    return sum_at_least_either_way(signed_ranks(rounded(d)), rng=rng)


def signed_ranks(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """The ranks of the sizes, shape (n,), with the differences' signs; zeros are ranked and get 0."""
    return np.asarray(np.sign(differences) * stats.rankdata(np.abs(differences)))


def smallest_p_paired(n: int) -> float:
    """The smallest two-sided p that a distribution-free test of n pairs can reach: 2^(1-n)."""
    return 2.0 ** (1 - n)


def smallest_p_unpaired(n_a: int, n_b: int) -> float:
    """The smallest two-sided p that a permutation test of two groups can reach."""
    return 2.0 / math.comb(n_a + n_b, n_a)


def _sums_up_to(d: NDArray[np.float64], threshold: float) -> int:
    """How many of the sums of the 2^n subsets of d are not above the threshold.

    Meeting in the middle (Horowitz and Sahni 1974): every sum is one of the first half's plus one
    of the second half's, and a sorted half answers "how many of you reach it with me" by bisection.
    """
    middle = d.size // 2
    left, right = _all_sums(d[:middle]), np.sort(_all_sums(d[middle:]))
    return int(np.searchsorted(right, threshold - left, side="right").sum())


def _all_sums(d: NDArray[np.float64]) -> NDArray[np.float64]:
    sums = np.zeros(1)
    for value in d:
        sums = np.concatenate([sums, sums + value])
    return sums

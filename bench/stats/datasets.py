"""Variants over several data sets. The replicate here is the data set, with one number each.

Eight or more: Wilcoxon's test over data sets, pair by pair, adjusted for their number (Demsar 2006).
Fewer: results per data set, and no claim about data sets in general. Mean ranks are for a picture
only: what they say of A against B depends on the other variants (Benavoli, Corani, Mangili 2016).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from bench.errors import StatsError
from bench.stats._inputs import (
    between,
    differences_of,
    numbers,
    paired_samples,
    power_of_two,
    rounded,
)
from bench.stats.sign_flip import signed_ranks, sum_at_least_either_way

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

FEWEST_DATASETS = 8
"""Below this many data sets nothing is claimed about data sets in general."""


@dataclass(frozen=True, slots=True)
class WilcoxonOverDatasets:
    """Wilcoxon's signed-rank test of a - b over data sets, the ranks of zeros split evenly."""

    n: int
    rank_sum_plus: float
    """Sum of ranks where a is larger."""
    rank_sum_minus: float
    p_value: float


@dataclass(frozen=True, slots=True, eq=False)
class Friedman:
    """Friedman's test that k variants rank alike over n data sets."""

    average_ranks: NDArray[np.float64]
    """Shape (k,), 1 being best."""
    chi2: float
    """Corrected for ties, like R's and scipy's (Demsar's 2006 example is not)."""
    p_value: float


@dataclass(frozen=True, slots=True)
class Quade:
    """Quade's test that k variants are alike over n data sets, data sets with large spread counting more."""

    statistic: float
    """F, with k - 1 and (k - 1)(n - 1) degrees of freedom."""
    p_value: float


def wilcoxon_over_datasets(a: ArrayLike, b: ArrayLike) -> WilcoxonOverDatasets:
    """Whether a and b differ over data sets.

    a, b: shape (n,), one number per data set and variant (the mean over its seeds), n >= 8, on a
    scale on which data sets can be compared. Adjust the p of several pairs by `adjust`. Exact up to
    32 data sets, ties and zeros included. Raises StatsError below eight data sets, for unequal
    lengths and NaN. An infinite value, where runs diverged, makes the largest difference.

    >>> a = [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583]
    >>> b = [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583]
    >>> round(wilcoxon_over_datasets(a, b).p_value, 4)
    0.2344
    """
    first, second = paired_samples(a, b, infinite=True)
    if first.size < FEWEST_DATASETS:
        raise StatsError(
            "too few data sets for a claim about data sets in general",
            expected=f"{FEWEST_DATASETS} or more",
            found=str(first.size),
            hint="report each data set by itself and adjust the p-values with adjust",
        )
    unit = power_of_two(first, second)
    differences = differences_of(first / unit, second / unit)
    ranks = stats.rankdata(np.abs(differences))
    split = ranks[differences == 0].sum() / 2
    return WilcoxonOverDatasets(
        n=first.size,
        rank_sum_plus=float(ranks[differences > 0].sum() + split),
        rank_sum_minus=float(ranks[differences < 0].sum() + split),
        p_value=sum_at_least_either_way(signed_ranks(differences)),
    )


def friedman(scores: ArrayLike, *, higher_is_better: bool = True) -> Friedman:
    """Average ranks of variants over data sets, with Friedman's (1937) test.

    scores: shape (data sets, variants), three variants or more. The reports use neither as a gate
    for pairwise tests nor for mean-rank comparisons. Raises StatsError for another shape, NaN, and
    where every data set ties all variants.

    No report calls it: it tells that some variant differs and not which; it is for comparing with
    papers that print it.

    >>> found = friedman([[0.9, 0.8, 0.7], [0.8, 0.6, 0.7], [0.9, 0.7, 0.6], [0.8, 0.7, 0.6]])
    >>> found.average_ranks.tolist(), round(found.p_value, 4)
    ([1.0, 2.25, 2.75], 0.0388)
    """
    table = _table(scores)
    ranks = stats.rankdata(-table if higher_is_better else table, axis=1)
    if (ranks == ranks[:, :1]).all():
        raise _all_tied(table)
    chi2, p = stats.friedmanchisquare(*ranks.T)
    return Friedman(average_ranks=ranks.mean(axis=0), chi2=float(chi2), p_value=float(p))


def quade(scores: ArrayLike) -> Quade:
    """Quade's (1979) test, more powerful than Friedman's for fewer than five variants.

    scores: shape (data sets, variants), three variants or more. Ranks within a data set are weighted
    by the rank of its range (Conover 1999, section 5.8). p is 0 where all data sets agree perfectly.
    Raises StatsError as `friedman`.

    No report calls it: as `friedman`, which it betters for few variants.

    >>> found = quade([[5, 4, 7], [1, 3, 1], [16, 12, 22], [5, 4, 3], [10, 9, 7]])
    >>> round(found.statistic, 2), round(found.p_value, 2)
    (0.65, 0.55)
    """
    table = _table(scores)
    n, k = table.shape
    unit = power_of_two(table)
    ranges = differences_of(table.max(axis=1) / unit, table.min(axis=1) / unit)
    weights = stats.rankdata(ranges)
    weighted = weights[:, None] * (stats.rankdata(table, axis=1) - (k + 1) / 2)
    if not weighted.any():
        raise _all_tied(table)
    between_variants = float((weighted.sum(axis=0) ** 2).sum() / n)
    rest = float((weighted**2).sum()) - between_variants
    if rest <= 0:
        return Quade(math.inf, 0.0)
    f = (n - 1) * between_variants / rest
    return Quade(f, float(stats.f.sf(f, k - 1, (k - 1) * (n - 1))))


def critical_difference(n_variants: int, n_datasets: int, *, alpha: float = 0.05) -> float:
    """Nemenyi's (1963) critical difference of average ranks, for drawing a diagram.

    q sqrt(k (k + 1) / (6 n)), q being the studentized range's quantile over sqrt(2) (Demsar 2006).
    Raises StatsError below two variants or data sets.

    No report calls it: mean ranks judge a pair by its company; it is for redrawing diagrams of others.

    >>> round(critical_difference(4, 14), 3)  # Demsar (2006) prints 1.25
    1.254
    """
    if n_variants < 2 or n_datasets < 2:
        raise StatsError(
            "too few variants or data sets",
            expected="2 or more",
            found=f"{n_variants} and {n_datasets}",
        )
    quantile = 1 - between(alpha, 0.0, 1.0, "alpha")
    q = float(stats.studentized_range.ppf(quantile, n_variants, np.inf)) / math.sqrt(2)
    return q * math.sqrt(n_variants * (n_variants + 1) / (6 * n_datasets))


def _table(scores: ArrayLike) -> NDArray[np.float64]:
    table = numbers(scores, "scores")
    if table.ndim != 2 or table.shape[0] < 2 or table.shape[1] < 3:
        raise StatsError(
            "this test needs a table of data sets by variants",
            expected="2 rows and 3 columns, or more",
            found=f"shape {table.shape}",
        )
    if np.isnan(table).any():
        raise StatsError(
            "scores contain NaN",
            expected="a score of each variant on each data set",
            found=f"{int(np.isnan(table).sum())} missing",
        )
    noise = [1e-12 * float(np.abs(row[np.isfinite(row)]).max(initial=0.0)) for row in table]
    return np.stack([rounded(row, size) for row, size in zip(table, noise, strict=True)])


def _all_tied(table: NDArray[np.float64]) -> StatsError:
    return StatsError(
        "all variants tie on every data set",
        expected="a data set on which two variants differ",
        found=f"none among {len(table)}",
    )

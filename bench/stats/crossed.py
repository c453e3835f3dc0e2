"""Seeds crossed with test examples: how far would the answer move on another test set?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from bench.errors import StatsError, shown
from bench.stats import _inputs

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class TwoLevelInterval:
    """A difference of accuracies with two intervals, as shares.

    Attributes:
        n_seeds, n_examples: how many of each.
        mean_difference: accuracy of a minus accuracy of b.
        seeds_low, seeds_high: for other seeds on this very test set (the paired t interval).
        both_low, both_high: for other seeds and another test set of this size.
        example_share: share of the variance of the second that is due to the choice of examples.
    """

    n_seeds: int
    n_examples: int
    mean_difference: float
    seeds_low: float
    seeds_high: float
    both_low: float
    both_high: float
    example_share: float


def two_level_interval(
    correct_a: ArrayLike, correct_b: ArrayLike, *, alpha: float = 0.05
) -> TwoLevelInterval:
    """Intervals of a difference of accuracies over seeds alone, and over seeds and examples.

    correct_a, correct_b: shape (n_seeds, n_examples), true or false, paired by seed and example.

    The differences d[s, e] follow the two-way layout with crossed random effects and one value per
    cell. The mean's variance over both is (MS_seed + MS_example - MS_rest) / (n_seeds n_examples)
    with the mean squares of the analysis of variance (Searle, Casella and McCulloch 1992, ch. 4);
    a negative component of the examples counts as 0. Degrees of freedom are Satterthwaite's, at least those of
    the smaller side. Over
    seeds alone it is MS_seed / (n_seeds n_examples), which is the paired t interval.

    Raises StatsError for other shapes, fewer than 3 seeds or 2 examples, values that are not
    true or false.

    >>> a = [[1, 1, 1, 0, 1, 1], [1, 1, 0, 1, 1, 1], [1, 1, 1, 1, 0, 1]]
    >>> b = [[1, 0, 1, 0, 1, 0], [1, 1, 0, 0, 1, 1], [1, 0, 1, 1, 0, 0]]
    >>> found = two_level_interval(a, b)
    >>> round(found.mean_difference, 3), round(found.seeds_low, 3), round(found.both_low, 3)
    (0.278, 0.039, -0.163)
    """
    _inputs.between(alpha, 0, 1, "alpha")
    a, b = _table(correct_a, "correct_a"), _table(correct_b, "correct_b")
    if a.shape != b.shape:
        raise StatsError(
            "a and b are not paired",
            expected="the same seeds and examples in both",
            found=f"shapes {a.shape} and {b.shape}",
        )
    seeds, examples = a.shape
    d = a - b
    mean = float(d.mean())
    rows, columns = d.mean(axis=1) - mean, d.mean(axis=0) - mean
    ms_seed = examples * float(rows @ rows) / (seeds - 1)
    ms_example = seeds * float(columns @ columns) / (examples - 1)
    rest = d - mean - rows[:, None] - columns
    df_rest = (seeds - 1) * (examples - 1)
    ms_rest = float(np.einsum("se,se->", rest, rest)) / df_rest
    cells = seeds * examples
    extra = ms_example - ms_rest if ms_example > ms_rest * (1 + 1e-9) else 0.0
    pieces = ms_seed**2 / (seeds - 1)
    if extra:
        pieces += ms_example**2 / (examples - 1) + ms_rest**2 / df_rest
    fewest = min(seeds, examples) - 1.0  # a difference of mean squares can make df meaningless
    df = max((ms_seed + extra) ** 2 / pieces, fewest) if pieces else fewest
    half_seeds = _half_width(ms_seed / cells, seeds - 1, alpha)
    half_both = max(_half_width((ms_seed + extra) / cells, df, alpha), half_seeds)
    return TwoLevelInterval(
        n_seeds=seeds,
        n_examples=examples,
        mean_difference=mean,
        seeds_low=mean - half_seeds,
        seeds_high=mean + half_seeds,
        both_low=mean - half_both,
        both_high=mean + half_both,
        example_share=extra / (ms_seed + extra) if extra else 0.0,
    )


def _half_width(variance: float, df: float, alpha: float) -> float:
    return float(stats.t.isf(alpha / 2, df)) * math.sqrt(variance)


def _table(correct: ArrayLike, name: str) -> NDArray[np.float64]:
    table = _inputs.numbers(correct, name)
    if table.ndim != 2 or table.shape[0] < _inputs.FEWEST_FOR_INFERENCE or table.shape[1] < 2:
        raise StatsError(
            f"{name} is not a table of seeds and examples",
            expected="shape (n_seeds, n_examples), 3 seeds and 2 examples at least",
            found=f"shape {table.shape}",
        )
    if not np.isin(table, (0, 1)).all():
        raise StatsError(
            f"{name} must be true or false",
            expected="True and False, or 1 and 0",
            found=shown(correct),
        )
    return table

"""Factors: what each adds by itself, and what two do together beyond that, paired by seed.

Every seed has one number in each cell of a complete grid of factors, such as l2 by dropout. A main effect
compares two levels of a factor, averaged over the levels of all others. An interaction of two factors is a
difference of differences: how much the step in one changes with the level of the other (Fisher 1935, ch. 6).

Where every factor has two levels, the t test of an effect is the F test of a repeated-measures analysis of
variance, F = t^2; with more, effects are single contrasts, each with its own error from the seeds, so that no
sphericity is assumed (Maxwell and Delaney 2004, ch. 11 and 13).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.errors import StatsError
from bench.stats._inputs import numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class FactorialContrast:
    """One effect as two sides, shape (n,) each, whose difference by seed is the effect of that seed.

    `compare_paired(contrast.a, contrast.b)` tests it and gives its interval.
    """

    factors: tuple[int, ...]
    """Positions of its factors: one for a main effect, two for an interaction."""
    levels: tuple[int, ...]
    """Position of the level of each that is compared with the factor's reference level."""
    a: NDArray[np.float64]
    b: NDArray[np.float64]

    @property
    def effect(self) -> float:
        """Its mean over seeds, in the metric's unit."""
        return float((self.a - self.b).mean())


def factorial_contrasts(
    values: ArrayLike, *, reference: Sequence[int] | None = None
) -> tuple[FactorialContrast, ...]:
    """All main effects, then all interactions of two factors, against the reference levels.

    values: shape (n, l_1, ..., l_k), seeds first, then the levels of each of k factors; finite.
    reference: the position of each factor's reference level; default the first of each.

    With two factors of two levels and the reference cell (0, 0), y_ij being cell i, j of a seed:
    main effects (y_10 + y_11) / 2 - (y_00 + y_01) / 2 and likewise for the other; interaction
    (y_11 - y_01) - (y_10 - y_00). The two main effects add up to y_11 - y_00, whatever the interaction.

    Raises StatsError for values that are not finite, a factor with fewer than two levels, no seeds
    or no factors, and reference levels that do not exist.

    >>> seeds = [[[0.90, 0.93], [0.92, 0.97]], [[0.91, 0.93], [0.92, 0.98]]]  # seed, l2, dropout
    >>> for contrast in factorial_contrasts(seeds):
    ...     print(contrast.factors, round(contrast.effect, 3))
    (0,) 0.03
    (1,) 0.04
    (0, 1) 0.03
    """
    array = numbers(values, "values")
    if array.ndim < 2 or array.shape[0] == 0 or min(array.shape[1:], default=0) < 2:
        raise StatsError(
            "not a grid of factors",
            expected="shape (seeds, levels, levels, ...), 2 levels or more each",
            found=f"shape {array.shape}",
        )
    if not np.isfinite(array).all():
        raise StatsError(
            "values are not finite",
            expected="a finite number for every seed and cell",
            found="NaN or infinite values",
            hint="leave out seeds that lack a cell; an infinite value has no mean",
        )
    base = tuple(reference) if reference is not None else (0,) * (array.ndim - 1)
    if len(base) != array.ndim - 1 or not all(
        0 <= at < size for at, size in zip(base, array.shape[1:], strict=True)
    ):
        raise StatsError(
            "no such reference levels",
            expected=f"{array.ndim - 1} positions within {array.shape[1:]}",
            found=str(base),
        )
    return tuple(_contrasts(array, base))


def _contrasts(values: NDArray[np.float64], base: tuple[int, ...]) -> Iterator[FactorialContrast]:
    positions = range(len(base))
    for order in (1, 2):
        for factors in itertools.combinations(positions, order):
            others = tuple(p + 1 for p in positions if p not in factors)
            cells = values.mean(axis=others)  # (n, levels of each of these factors)
            steps = (
                [level for level in range(cells.shape[i + 1]) if level != base[factor]]
                for i, factor in enumerate(factors)
            )
            for levels in itertools.product(*steps):
                yield FactorialContrast(factors, levels, *_sides(cells, factors, levels, base))


def _sides(
    cells: NDArray[np.float64],
    factors: tuple[int, ...],
    levels: tuple[int, ...],
    base: tuple[int, ...],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The sums of the cells that count positively, and of those that count negatively."""
    if len(factors) == 1:
        return cells[:, levels[0]], cells[:, base[factors[0]]]
    (i, j), (i0, j0) = levels, (base[factors[0]], base[factors[1]])
    return cells[:, i, j] + cells[:, i0, j0], cells[:, i0, j] + cells[:, i, j0]

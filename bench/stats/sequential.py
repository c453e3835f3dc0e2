"""Adding seeds while looking at the results, without fooling oneself.

Looking after every seed from 3 to 50 and stopping at p < 0.05 finds a difference in 31 % of cases
where there is none. Two ways to look are sound: at few, declared seed counts with a stricter p at
each, or at any time with a test made for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from bench.errors import StatsError
from bench.stats._inputs import FEWEST_FOR_INFERENCE, between

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIMULATIONS = 200_000


@dataclass(frozen=True, slots=True)
class SequentialBoundaries:
    """When to look, and how small p must be at each look; position i of both belongs together."""

    looks: tuple[int, ...]
    """Seeds at each look, ascending."""
    nominal_p: tuple[float, ...]
    """Stop and call the difference real if the two-sided p of the paired t test is this or less."""


@dataclass(frozen=True, slots=True)
class AnytimeSignTest:
    """Evidence against "a win is as likely as a loss", valid however often one looks."""

    e_value: float
    """Expected to be at most 1 if there is no difference; reject at 1 / alpha (20 for 0.05)."""
    p_value: float
    """min(1, 1 / e_value)."""


def sequential_boundaries(
    looks: Sequence[int] = (5, 10, 15, 20), *, alpha: float = 0.05
) -> SequentialBoundaries:
    """Nominal p for looks declared beforehand, of O'Brien and Fleming's (1979) shape.

    At n of N seeds |z| must reach c sqrt(N / n), hardly ever early on. The textbook's c holds for
    a known variance; here c is the smallest multiple of 0.01 for which paired t tests at these
    seed counts keep the overall error at alpha (200,000 simulated studies, fixed seed, two standard
    errors to spare). Raises StatsError unless looks ascend from 3 or more and alpha is in (0, 0.5).

    >>> [float(f"{p:.2g}") for p in sequential_boundaries((5, 10, 15, 20)).nominal_p]
    [4.1e-05, 0.0037, 0.018, 0.04]
    """
    counts = tuple(int(n) for n in looks)
    ascending = all(low < high for low, high in pairwise(counts))
    if not counts or counts[0] < FEWEST_FOR_INFERENCE or not ascending:
        raise StatsError(
            "looks must be ascending numbers of seeds",
            expected=f"{FEWEST_FOR_INFERENCE} or more, such as 5, 10, 15, 20",
            found=str(list(looks)),
        )
    between(alpha, 0.0, 0.5, "alpha")
    if len(counts) == 1:  # one declared look is a plain test
        return SequentialBoundaries(looks=counts, nominal_p=(alpha,))
    z = _constant(counts, alpha) * np.sqrt(counts[-1] / np.array(counts))
    return SequentialBoundaries(looks=counts, nominal_p=tuple((2 * special.ndtr(-z)).tolist()))


def anytime_sign_test(wins: int, losses: int) -> AnytimeSignTest:
    """Wins against losses of paired seeds (ties left out), to be looked at after every seed.

    E = 2^n Beta(k + 1, n - k + 1) for k wins of n, the likelihood ratio of a uniform mixture over
    the chance of a win (Ville 1939; Robbins 1970). Raises StatsError for negative counts.

    >>> result = anytime_sign_test(8, 0)  # 2^8 / 9
    >>> round(result.e_value, 2), round(result.p_value, 4)
    (28.44, 0.0352)
    """
    if wins < 0 or losses < 0:
        raise StatsError(
            "wins and losses are counts", expected="0 or more", found=f"{wins} and {losses}"
        )
    log_e = (wins + losses) * math.log(2) + float(special.betaln(wins + 1, losses + 1))
    return AnytimeSignTest(
        e_value=math.exp(log_e) if log_e < 700 else math.inf, p_value=math.exp(-max(log_e, 0.0))
    )


@lru_cache(maxsize=32)
def _constant(looks: tuple[int, ...], alpha: float) -> float:
    rng = np.random.default_rng(0)
    sums, squares = np.zeros(_SIMULATIONS), np.zeros(_SIMULATIONS)
    reached = np.zeros(_SIMULATIONS)  # the largest c that the study would have crossed
    for before, n in pairwise((0, *looks)):
        seeds = rng.normal(size=(n - before, _SIMULATIONS))
        sums += seeds.sum(axis=0)
        squares += (seeds**2).sum(axis=0)
        t = sums / n**0.5 / np.sqrt((squares - sums**2 / n) / (n - 1))
        z = -special.ndtri(special.stdtr(n - 1, -np.abs(t)))
        reached = np.maximum(reached, z * (n / looks[-1]) ** 0.5)
    allowed = alpha - 2 * math.sqrt(alpha * (1 - alpha) / _SIMULATIONS)
    return math.ceil(100 * float(np.quantile(reached, 1 - allowed))) / 100

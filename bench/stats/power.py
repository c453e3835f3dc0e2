"""How many seeds a difference asks for, and which difference so many seeds could have shown.

Effects are standardised: the true mean difference divided by the standard deviation of the
paired differences (d_z), or of either group (d) where nothing is paired. Power is that of the
two-sided t test, both tails counted, by the noncentral F distribution of t^2 (Cohen 1988).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy import optimize, special

from bench.errors import StatsError
from bench.stats._inputs import between, positive

POWER = 0.8
"""The power that planned numbers in this package aim at."""


_TINY = 1e-150  # below it no number of seeds is enough that a float holds


def power_paired(effect_size: float, n: float, *, alpha: float = 0.05) -> float:
    """The chance that a paired t test of n seeds detects a true d_z of `effect_size`.

    Raises StatsError unless n >= 2 and 0 < alpha < 1.

    No report calls it: `bench plan` asks for seeds and not for power; it answers the opposite question.

    >>> round(power_paired(0.5, 34), 2)
    0.81
    """
    return _power_of_n(effect_size, n, alpha, paired=True)


def power_unpaired(effect_size: float, n: float, *, alpha: float = 0.05) -> float:
    """The chance that a t test of two groups of n seeds each detects a true d of `effect_size`.

    Raises StatsError unless n >= 2 and 0 < alpha < 1.

    No report calls it: as `power_paired`, for groups whose seeds do not match.

    >>> round(power_unpaired(0.5, 64), 2)
    0.8
    """
    return _power_of_n(effect_size, n, alpha, paired=False)


def seeds_needed(
    effect_size: float, *, power: float = POWER, alpha: float = 0.05, paired: bool = True
) -> float:
    """How many seeds (per group, if unpaired) detect `effect_size` with this power.

    Not rounded: plan the next whole number. At least 2; infinite for an effect of zero. Raises
    StatsError for an effect that is no number and for power or alpha outside (0, 1).

    >>> round(seeds_needed(0.5), 1), round(seeds_needed(0.5, paired=False), 1)
    (33.4, 63.8)
    """
    effect = abs(float(effect_size))
    if math.isnan(effect):
        raise StatsError(
            "the effect size is not a number", expected="a number", found=str(effect_size)
        )
    between(power, alpha, 1.0, "power")
    if effect < _TINY:
        return math.inf

    def shortfall(n: float) -> float:
        return _power_of_n(effect, n, alpha, paired=paired) - power

    if shortfall(2.0) >= 0:
        return 2.0
    enough = 10 + (1 if paired else 2) * (_normal_noncentrality(alpha, power) / effect) ** 2
    while shortfall(enough) < 0:
        enough *= 2
    return float(optimize.brentq(shortfall, 2.0, enough, xtol=1e-9))


def seeds_for_superiority(
    probability: float, *, power: float = POWER, alpha: float = 0.05
) -> float:
    """How many seeds per variant a rank test needs if one variant beats the other so often.

    N = (z / (sqrt(6) (P(A > B) - 1/2)))^2 with z for a one-sided Wilcoxon two-sample test (Noether
    1987); Bouthillier et al. (2021) get their 29 runs from it, with P(A > B) = 0.75 and power 0.95.
    A normal approximation, not rounded; infinite for 1/2. Raises StatsError for a probability or
    alpha outside (0, 1) and for a power outside (alpha, 1).

    No report calls it: `bench plan` asks about means; it is for who speaks of how often a run wins.

    >>> round(seeds_for_superiority(0.75, power=0.95), 1)  # 29 in Bouthillier et al. (2021)
    28.9
    """
    between(probability, 0.0, 1.0, "probability")
    between(power, alpha, 1.0, "power")
    if probability == 0.5:
        return math.inf
    z = float(special.ndtri(1 - between(alpha, 0.0, 1.0, "alpha")) + special.ndtri(power))
    return (z / (math.sqrt(6) * (probability - 0.5))) ** 2


def minimal_detectable_effect(
    n: float, *, power: float = POWER, alpha: float = 0.05, paired: bool = True
) -> float:
    """The smallest standardised effect that n seeds (per group) detect with this power.

    Raises StatsError unless n >= 2, 0 < alpha < power < 1.

    >>> round(minimal_detectable_effect(10), 2)  # standard deviations of the differences, with 80 % power
    1.0
    """
    df, per_effect = _design(n, paired=paired)
    return detectable_noncentrality(df, power=power, alpha=alpha) / per_effect


@lru_cache(maxsize=1024)
def detectable_noncentrality(df: float, *, power: float = POWER, alpha: float = 0.05) -> float:
    """The smallest true difference, in standard errors, that a t test detects with this power.

    Times the standard error it is the minimal detectable difference in the metric's unit.
    """
    between(power, alpha, 1.0, "power")
    enough = 2 * _normal_noncentrality(alpha, power)
    while t_power(enough, df, alpha) < power:
        enough *= 2
    root = optimize.brentq(lambda nc: t_power(nc, df, alpha) - power, 0.0, enough, xtol=1e-10)
    return float(root)


def t_power(noncentrality: float, df: float, alpha: float = 0.05) -> float:
    """The chance that a two-sided t test rejects a true difference of so many standard errors."""
    critical = float(special.stdtrit(df, 1 - between(alpha, 0.0, 1.0, "alpha") / 2))
    if abs(noncentrality) > 1 / _TINY:
        return 1.0
    missed = float(special.ncfdtr(1, df, noncentrality**2, critical**2))
    return 1.0 if math.isnan(missed) else 1.0 - missed  # NaN is what scipy says of an underflow


def exaggeration_ratio(
    true_difference: float, standard_error: float, *, df: float = math.inf, alpha: float = 0.05
) -> float:
    """By which factor a significant estimate overstates the truth, on average ("type M error").

    E(|estimate| given significance) / |true difference| (Gelman and Carlin 2014), for the t test:
    the estimate is normal about the truth, its estimated standard error is chi-distributed with
    `df` degrees of freedom. One integral, by a fine trapezium rule. Raises StatsError for a true
    difference of zero, which no factor overstates.

    >>> round(exaggeration_ratio(2.0, 8.1), 1)  # the example of Gelman and Carlin (2014)
    9.5
    """
    truth = abs(true_difference) / positive(standard_error, "standard error")
    if not 0 < truth < math.inf:
        raise StatsError(
            "the true difference must be a number other than zero",
            expected="a finite difference",
            found=f"{true_difference}",
        )
    between(alpha, 0.0, 1.0, "alpha")
    error = np.linspace(-9.0, 9.0, 4001)  # of the estimate, in true standard errors
    estimate = np.abs(truth + error)
    if math.isinf(df):
        significant = np.where(estimate > special.ndtri(1 - alpha / 2), 1.0, 0.0)
    else:
        critical = special.stdtrit(df, 1 - alpha / 2)
        significant = special.chdtr(df, df * (estimate / critical) ** 2)
    weight = np.exp(-(error**2) / 2) * significant
    return float((weight * estimate).sum() / weight.sum()) / truth


def _power_of_n(effect_size: float, n: float, alpha: float, *, paired: bool) -> float:
    df, per_effect = _design(n, paired=paired)
    return t_power(effect_size * per_effect, df, alpha)


def _design(n: float, *, paired: bool) -> tuple[float, float]:
    """Degrees of freedom, and how many standard errors an effect of one is."""
    if not n >= 2:
        raise StatsError("too few seeds for power", expected="2 or more", found=f"{n}")
    return (n - 1, math.sqrt(n)) if paired else (2 * n - 2, math.sqrt(n / 2))


def _normal_noncentrality(alpha: float, power: float) -> float:
    return float(special.ndtri(1 - alpha / 2) + special.ndtri(power))

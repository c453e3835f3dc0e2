"""Two variants, one metric: the difference, how sure one can be of it, and one of four verdicts.

The replicate is the seed. `a` and `b` hold one number per seed, and a verdict speaks about `a`:
`better` means better than `b`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from bench.errors import StatsError
from bench.stats import remarks
from bench.stats._inputs import (
    FEWEST_FOR_INFERENCE,
    check_infinite,
    check_options,
    differences_of,
    in_unit,
    no_spread,
    paired_samples,
    power_of_two,
    sample,
    standard_deviation,
)
from bench.stats.cautions import Caution
from bench.stats.equivalence import Equivalence
from bench.stats.estimates import TEstimate, estimate
from bench.stats.guards import is_coarse, skewness_of_mean
from bench.stats.power import (
    POWER,
    detectable_noncentrality,
    exaggeration_ratio,
    seeds_needed,
    t_power,
)
from bench.stats.procedures import (
    AnytimeSigns,
    GuardedT,
    Procedure,
    RankPermutation,
    Rescaled,
    SignedRank,
    SignFlip,
    StudentT,
    Test,
    two_sided,
)
from bench.stats.sign_flip import sum_at_least_either_way

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Verdict = Literal["better", "worse", "no practical difference", "cannot tell"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What the seeds say about a against b. None: not defined for these data, see `cautions`.

    >>> result = compare_paired([0.951, 0.948, 0.955, 0.950], [0.944, 0.943, 0.949, 0.946], margin=0.002)
    >>> result.verdict, round(result.mean_difference, 4), round(result.ci_low, 4), round(result.ci_high, 4)
    ('better', 0.0055, 0.0034, 0.0076)
    """

    paired: bool
    higher_is_better: bool
    alpha: float
    """What an adjusted p is held against."""
    level: float
    """What `p_value` is held against: alpha, or less in a family. The interval is that of 1 - level."""
    n: int
    """Pairs, or the size of the smaller group."""
    n_a: int
    n_b: int
    mean_difference: float | None
    """Mean of a minus mean of b, in the metric's unit. None if a run diverged."""
    wins: int | None
    """Pairs in which a is better; None if unpaired, like `losses` and `ties`."""
    losses: int | None
    ties: int | None
    probability_of_superiority: float
    """How often a run of a is better than a run of b, over all n_a * n_b pairs; ties count half."""

    test: Test | None = None
    """The test that `p_value` comes from; None below three seeds."""
    p_value: float | None = None
    p_adjusted: float | None = None
    """`p_value` adjusted for its family, once it was judged in one."""
    ci_low: float | None = None
    """Ends of the interval of the mean difference; infinite where so few seeds exclude nothing."""
    ci_high: float | None = None
    p_sign_flip: float | None = None
    effect_size: float | None = None
    """Paired: d_z, mean / SD of the differences. Unpaired: difference / root mean square of the
    two SDs (Bonett 2008). Never a pooled SD."""
    equivalence: Equivalence | None = None
    """Present if a margin was declared."""
    minimal_detectable_difference: float | None = None
    """The smallest true difference that these seeds detect with 80 % power, metric's unit."""
    seeds_needed: int | None = None
    """Seeds (per group) that detect the observed difference, at the observed spread, in 80 % of
    cases. A rough plan, as it takes what was observed for the truth."""
    exaggeration: float | None = None
    """How many times too large a significant difference would be on average if the true one were
    the margin (without a margin: the observed one). None if the power for it is 80 % or more."""
    cautions: tuple[Caution, ...] = ()
    procedure: Procedure | None = field(default=None, repr=False, compare=False)
    """What gives p and interval at any level."""
    differences: NDArray[np.float64] | None = field(default=None, repr=False, compare=False)
    """a - b by seed, shape (n,); infinite where one side diverged, 0 where both did. None if unpaired."""

    @property
    def direction(self) -> int:
        """1 where a did better than b, -1 where it did worse, 0 where neither."""
        upwards = 1 if self.higher_is_better else -1
        if self.procedure is not None:
            above, below = self.procedure.p_above(0.0), self.procedure.p_below(0.0)
            return upwards * (int(above < below) - int(above > below))
        if self.mean_difference is not None:
            return int(np.sign(self.mean_difference)) * upwards
        return int(np.sign(self.probability_of_superiority - 0.5))

    @property
    def verdict(self) -> Verdict:
        """One of four, from p at its level.

        A difference shown to lie within the margin is "no practical difference", also where it is
        significant: the margin said that it does not matter.
        """
        if self.equivalence is not None and self.equivalence.established:
            return "no practical difference"
        p = self.p_value if self.p_adjusted is None else self.p_adjusted
        against = self.level if self.p_adjusted is None else self.alpha
        if p is None or p > against or self.direction == 0:
            return "cannot tell"
        return "better" if self.direction > 0 else "worse"

    @property
    def after_looking(self) -> bool:
        """Whether it is judged as one of seeds whose number was not fixed beforehand."""
        return any(caution.kind == "after looking" for caution in self.cautions)

    def with_adjusted_p(self, p: float | None) -> Comparison:
        """The same comparison as one of a family, judged by its adjusted p; its interval stays as it is.

        Takes what `adjust` returns at this comparison's place. Raises StatsError where a p is
        given to a comparison that has none, or none to one that has, or a p below the raw one.
        """
        if p is None and self.p_value is None:
            return self
        if p is None or self.p_value is None or not self.p_value <= p <= 1:
            raise StatsError(
                "not an adjusted p of this comparison",
                expected="no p" if self.p_value is None else f"{self.p_value:g} to 1",
                found="no p" if p is None else str(p),
            )
        return replace(self, p_adjusted=p)

    def judged(self, alpha: float, *, level: float, p_adjusted: float | None) -> Comparison:
        """The same comparison as one of a family.

        alpha: what `p_adjusted` is held against. level: the p below which the family counts this
        comparison as found; intervals become those of it, so that they agree with the verdict.

        Raises StatsError as `with_adjusted_p`.
        """
        adjusted = self.with_adjusted_p(p_adjusted)
        equivalence = self.equivalence
        if equivalence is not None and self.procedure is not None:
            equivalence = _equivalence(self.procedure, equivalence.margin, alpha, level)
        low, high = _ends(self.procedure, level)
        return replace(
            adjusted,
            alpha=alpha,
            level=level,
            ci_low=low,
            ci_high=high,
            equivalence=equivalence,
        )

    def looked(self) -> Comparison:
        """The same comparison where the number of seeds was not fixed beforehand, but after looking.

        Then only the anytime sign test counts, with the interval of the median difference that belongs
        to it; two groups that are not paired allow no test.
        """
        caution = Caution(
            "after looking",
            "The number of seeds was not fixed beforehand: "
            + (
                "the anytime sign test decides."
                if self.paired
                else "no test of two groups allows that."
            ),
        )
        bare = replace(self, cautions=(*self.cautions, caution))
        if self.p_value is None:
            return bare
        if self.differences is None:
            return replace(
                bare, p_value=None, ci_low=None, ci_high=None, equivalence=None, procedure=None
            )
        unit = power_of_two(self.differences)
        return _tested(
            bare,
            Rescaled(AnytimeSigns(self.differences / unit), unit),
            None if self.equivalence is None else self.equivalence.margin,
        )


def compare_paired(
    a: ArrayLike,
    b: ArrayLike,
    *,
    margin: float | None = None,
    alpha: float = 0.05,
    higher_is_better: bool = True,
    guarded: bool = False,
    rng: np.random.Generator | None = None,
) -> Comparison:
    """Compare a with b seed by seed, by the paired t test and its interval (Student 1908).

    a, b: shape (n,), the same seed at the same position, in the metric's unit; a diverged run is
    the worst value there is (-inf, or inf where lower is better). margin: the difference below
    which nothing matters in practice, same unit. guarded: use what holds its level also where a t test
    of few seeds does not, as reports do. rng: for the sign-flip test above 32 seeds.

    * n = 1 or 2: descriptions only, no interval and no test.
    * Some value infinite: no mean exists; p is that of the exact signed-rank test, the difference to
      a run that diverged having the largest rank.
    * The differences are all alike: no t distribution exists; p is that of the exact sign-flip test.
    * Guarded, and the differences are a step or two of one size: the exact sign-flip test.
    * Guarded, and they are strongly skewed: t together with Hall's (1992), which corrects for that.

    Differences that floating point cannot tell apart tie. Raises StatsError for no values, unequal
    lengths, NaN, a value that is infinitely good, a margin that is not positive and alpha outside (0, 0.5).

    >>> compare_paired([1.0, 2.0, 3.0, 4.0], [0.5, 1.0, 2.5, 3.0]).mean_difference
    0.75
    """
    check_options(margin, alpha)
    first, second = paired_samples(a, b, infinite=True)
    check_infinite(first, second, higher_is_better=higher_is_better)
    unit = power_of_two(first, second)
    d = differences_of(first / unit, second / unit)
    bare = _describe(first, second, d, alpha, higher_is_better)
    if bare.n < FEWEST_FOR_INFERENCE:
        return bare
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return _tested(bare, Rescaled(SignedRank(d), unit), margin)
    if np.ptp(d) == 0 or (guarded and is_coarse(d)):
        found = _tested(bare, Rescaled(SignFlip(d), unit), margin)
        p_sign_flip = found.p_value
    else:
        found = _by_t(bare, (first / unit, second / unit), unit, margin, guarded=guarded)
        p_sign_flip = sum_at_least_either_way(d, rng=rng)
    return replace(
        found,
        p_sign_flip=p_sign_flip,
        cautions=(
            *found.cautions,
            *remarks.disagreement(found, p_sign_flip),
            *remarks.exact(found, d),
            *remarks.held_back(found),
            *remarks.shape(d, "the differences"),
        ),
    )


def compare_unpaired(
    a: ArrayLike,
    b: ArrayLike,
    *,
    margin: float | None = None,
    alpha: float = 0.05,
    higher_is_better: bool = True,
    guarded: bool = False,
) -> Comparison:
    """Compare two groups whose seeds do not match, by Welch's t test and interval (Welch 1947).

    a: shape (n_a,), b: shape (n_b,); otherwise as `compare_paired`. Where a value is infinite, or
    both groups are constant (guarded: or all values lie within a step or two), p is that of a permutation
    test of ranks (Mann and Whitney 1947, ties allowed; exact up to 9,999 regroupings, else so many drawn).
    Raises StatsError like `compare_paired`.

    >>> compare_unpaired([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 8.0]).verdict
    'worse'
    """
    check_options(margin, alpha)
    first, second = sample(a, "a", infinite=True), sample(b, "b", infinite=True)
    check_infinite(first, second, higher_is_better=higher_is_better)
    bare = _describe(first, second, None, alpha, higher_is_better)
    if bare.n < FEWEST_FOR_INFERENCE:
        return bare
    unit = power_of_two(first, second)
    x, y = first / unit, second / unit
    alike = np.isfinite(x).all() and np.isfinite(y).all() and no_spread(x) and no_spread(y)
    values = np.concatenate([x, y])
    coarse = (
        guarded
        and np.isfinite(values).all()
        and is_coarse(differences_of(values, np.full_like(values, values.min())))
    )
    if alike or coarse or not np.isfinite(values).all():
        found = _tested(bare, Rescaled(RankPermutation(x, y), unit), margin)
        return replace(
            found, cautions=(*found.cautions, *remarks.exact(found, values if coarse else None))
        )
    result = _by_t(bare, (x, y), unit, margin, guarded=guarded)
    shapes = (*remarks.shape(x, "the values of {a}"), *remarks.shape(y, "the values of {b}"))
    return replace(result, cautions=(*result.cautions, *remarks.held_back(result), *shapes))


def compare_to_value(
    a: ArrayLike,
    value: float,
    *,
    margin: float | None = None,
    alpha: float = 0.05,
    higher_is_better: bool = True,
    guarded: bool = False,
    rng: np.random.Generator | None = None,
) -> Comparison:
    """Compare the seeds of one variant with a fixed number, such as one that a paper printed.

    This is `compare_paired` against a constant, hence the one-sample t test. Raises StatsError
    like it, and for a value that is not finite.

    No report calls it: reports compare claims with numbers by the same test, on pairs; it is for a
    sample by itself.

    >>> compare_to_value([0.95, 0.96, 0.97, 0.96], 0.94).verdict
    'better'
    """
    first = sample(a, "a", infinite=True)
    constant = np.full(first.size, sample([value], "value")[0])
    return compare_paired(
        first,
        constant,
        margin=margin,
        alpha=alpha,
        higher_is_better=higher_is_better,
        guarded=guarded,
        rng=rng,
    )


def probability_of_superiority(
    a: ArrayLike, b: ArrayLike, *, higher_is_better: bool = True
) -> float:
    """How often a run of a is better than a run of b, ties counting half: U / (n_a n_b).

    a: shape (n_a,), b: shape (n_b,), infinite values allowed; every run of a meets every run of b
    (Vargha and Delaney 2000, A12). Raises StatsError for no values and NaN.

    >>> probability_of_superiority([3, 4], [1, 3])  # three wins and a tie of four
    0.875
    """
    first, second = sample(a, "a", infinite=True), sample(b, "b", infinite=True)
    unit = power_of_two(first, second)
    d = differences_of(first[:, None] / unit, second[None, :] / unit)
    share = float((d > 0).mean()) + float((d == 0).mean()) / 2
    return share if higher_is_better else 1 - share


def _describe(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    differences: NDArray[np.float64] | None,
    alpha: float,
    higher_is_better: bool,
) -> Comparison:
    """All that needs no inference; the differences are in units of `power_of_two`."""
    counts: tuple[int | None, int | None, int | None] = (None, None, None)
    if differences is not None:
        larger = int(np.count_nonzero(differences > 0))
        smaller = int(np.count_nonzero(differences < 0))
        better, worse = (larger, smaller) if higher_is_better else (smaller, larger)
        counts = better, worse, differences.size - larger - smaller
    unit = power_of_two(a, b)
    with np.errstate(invalid="ignore"):
        difference = in_unit(float((a / unit).mean() - (b / unit).mean()), unit)
    wins, losses, ties = counts
    bare = Comparison(
        paired=differences is not None,
        higher_is_better=higher_is_better,
        alpha=alpha,
        level=alpha,
        n=min(a.size, b.size),
        n_a=a.size,
        n_b=b.size,
        mean_difference=difference if math.isfinite(difference) else None,
        wins=wins,
        losses=losses,
        ties=ties,
        probability_of_superiority=probability_of_superiority(
            a, b, higher_is_better=higher_is_better
        ),
        differences=None
        if differences is None
        else np.array([in_unit(d, unit) for d in differences.tolist()]),
    )
    return replace(bare, cautions=(*remarks.few_seeds(bare), *remarks.diverged(a, b, bare)))


def _tested(bare: Comparison, procedure: Procedure, margin: float | None) -> Comparison:
    """What a procedure says at the comparison's level."""
    low, high = _ends(procedure, bare.level)
    return replace(
        bare,
        procedure=procedure,
        test=procedure.name,
        p_value=two_sided(procedure),
        ci_low=low,
        ci_high=high,
        equivalence=None
        if margin is None
        else _equivalence(procedure, margin, bare.alpha, bare.level),
    )


def _ends(procedure: Procedure | None, level: float) -> tuple[float | None, float | None]:
    ends = None if procedure is None else procedure.interval(1 - level)
    return (None, None) if ends is None else ends


def _equivalence(procedure: Procedure, margin: float, alpha: float, level: float) -> Equivalence:
    """Two one-sided tests (Schuirmann 1987); where no interval exists, nothing is shown to be alike."""
    ends = procedure.interval(1 - 2 * level)
    below, above = procedure.p_below(margin), procedure.p_above(-margin)
    p_value = 1.0 if ends is None else max(below, above)
    return Equivalence(
        margin=margin,
        p_value=p_value,
        p_below=below,
        p_above=above,
        p_adjusted=min(1.0, p_value * alpha / level),
        ci_low=None if ends is None else ends[0],
        ci_high=None if ends is None else ends[1],
        alpha=alpha,
    )


def _by_t(
    bare: Comparison,
    sides: tuple[NDArray[np.float64], NDArray[np.float64]],
    unit: float,
    margin: float | None,
    *,
    guarded: bool,
) -> Comparison:
    """By Student's or Welch's t; the sides are divided by ``unit``."""
    a, b = sides
    difference = estimate(a, b, "paired" if bare.paired else "welch")
    skew = 0.0
    if guarded:
        skew = skewness_of_mean(a - b) if bare.paired else skewness_of_mean(a, b)
    if skew:
        name: Test = "paired t, guarded" if bare.paired else "Welch t, guarded"
        procedure: Procedure = GuardedT(name, difference, skew)
    else:
        procedure = StudentT("paired t" if bare.paired else "Welch t", difference)
    found = _tested(bare, Rescaled(procedure, unit), margin)
    if bare.paired:
        spread = standard_deviation(a - b)
    else:
        spread = math.hypot(standard_deviation(a), standard_deviation(b)) / math.sqrt(2)
    return _planned(found, difference, difference.difference / spread, unit, margin)


def _planned(
    found: Comparison,
    difference: TEstimate,
    effect_size: float,
    unit: float,
    margin: float | None,
) -> Comparison:
    """The same with what its seeds could have told."""
    error, df, alpha = difference.standard_error, difference.df, found.alpha
    needed = seeds_needed(effect_size, alpha=alpha, paired=found.paired)
    assumed = abs(difference.difference) if margin is None else margin / unit
    low_power = assumed > 0 and t_power(assumed / error, df, alpha) < POWER
    return replace(
        found,
        effect_size=effect_size,
        minimal_detectable_difference=in_unit(
            error * detectable_noncentrality(df, alpha=alpha), unit
        ),
        seeds_needed=max(FEWEST_FOR_INFERENCE, math.ceil(needed)) if needed < math.inf else None,
        exaggeration=exaggeration_ratio(assumed, error, df=df, alpha=alpha) if low_power else None,
    )

"""Two variants, one metric: the difference, how sure one can be of it, and one of four verdicts.

The replicate is the seed. `a` and `b` hold one number per seed, and a verdict speaks about `a`:
`better` means better than `b`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import stats

from bench.errors import StatsError
from bench.stats._inputs import (
    FEWEST_FOR_INFERENCE,
    between,
    generator,
    no_spread,
    paired_samples,
    positive,
    sample,
)
from bench.stats.equivalence import Equivalence, equivalence_of
from bench.stats.estimates import TEstimate, estimate
from bench.stats.power import (
    POWER,
    detectable_noncentrality,
    exaggeration_ratio,
    seeds_needed,
    t_power,
)
from bench.stats.sign_flip import sign_flip_test, smallest_p_paired, smallest_p_unpaired

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Verdict = Literal["better", "worse", "no practical difference", "cannot tell"]
Test = Literal[
    "paired t", "Welch t", "sign test", "permutation of ranks", "McNemar", "Fisher", "log-rank"
]

_FAR_OUT = 5.0
"""An outlier is this many robust standard deviations (1.4826 MAD) from the median; 4 % of normal
samples of ten have one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What the seeds say about a against b. None: not defined for these data, see `cautions`."""

    paired: bool
    higher_is_better: bool
    alpha: float
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
    """`p_value` adjusted for its family, once `with_adjusted_p` was told."""
    ci_low: float | None = None
    """Ends of the 1 - alpha interval of the mean difference. Not adjusted for a family."""
    ci_high: float | None = None
    p_sign_flip: float | None = None
    effect_size: float | None = None
    """Paired: d_z, mean / SD of the differences. Unpaired: difference / root mean square of the
    two SDs (Bonett 2008). Never a pooled SD."""
    equivalence: Equivalence | None = None
    """Present if a margin was declared. Not adjusted for a family."""
    minimal_detectable_difference: float | None = None
    """The smallest true difference that these seeds detect with 80 % power, metric's unit."""
    seeds_needed: int | None = None
    """Seeds (per group) that detect the observed difference, at the observed spread, in 80 % of
    cases. A rough plan, as it takes what was observed for the truth."""
    exaggeration: float | None = None
    """How many times too large a significant difference would be on average if the true one were
    the margin (without a margin: the observed one). None if the power for it is 80 % or more."""
    cautions: tuple[str, ...] = ()

    @property
    def direction(self) -> int:
        """1 where a did better than b, -1 where it did worse, 0 where neither."""
        if self.mean_difference is not None:
            return int(np.sign(self.mean_difference)) * (1 if self.higher_is_better else -1)
        if self.wins is not None and self.losses is not None:
            return int(np.sign(self.wins - self.losses))
        return int(np.sign(self.probability_of_superiority - 0.5))

    @property
    def verdict(self) -> Verdict:
        """One of four, from the adjusted p where there is one.

        A difference shown to lie within the margin is "no practical difference", also where it is
        significant: the margin said that it does not matter.
        """
        if self.equivalence is not None and self.equivalence.established:
            return "no practical difference"
        p = self.p_value if self.p_adjusted is None else self.p_adjusted
        if p is None or p > self.alpha or self.direction == 0:
            return "cannot tell"
        return "better" if self.direction > 0 else "worse"

    def with_adjusted_p(self, p: float | None) -> Comparison:
        """The same comparison as one of a family, judged by its adjusted p.

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


def compare_paired(
    a: ArrayLike,
    b: ArrayLike,
    *,
    margin: float | None = None,
    alpha: float = 0.05,
    higher_is_better: bool = True,
    rng: np.random.Generator | None = None,
) -> Comparison:
    """Compare a with b seed by seed, by the paired t test and its interval (Student 1908).

    a, b: shape (n,), the same seed at the same position, in the metric's unit; a diverged run is
    the worst value there is (-inf, or inf where lower is better). margin: the difference below
    which nothing matters in practice, same unit. rng: for the sign-flip test above 32 seeds.

    * n = 1 or 2: descriptions only, no interval and no test.
    * Some value infinite: no mean exists; p is that of the exact sign test on wins and losses.
    * The differences are all alike: no t distribution exists; p is that of the exact sign test.

    Raises StatsError for no values, unequal lengths, NaN, a value that is infinitely good, a
    margin that is not positive and alpha outside (0, 0.5).
    """
    _check_options(margin, alpha)
    first, second = paired_samples(a, b, infinite=True)
    _check_infinite(first, second, higher_is_better=higher_is_better)
    sign = 1 if higher_is_better else -1
    wins = int(np.count_nonzero(sign * first > sign * second))
    ties = int(np.count_nonzero(first == second))
    bare = _describe(first, second, (wins, first.size - wins - ties, ties), alpha, higher_is_better)
    if bare.n < FEWEST_FOR_INFERENCE:
        return bare
    if bare.mean_difference is None:
        return _by_signs(bare)
    differences = first - second
    if no_spread(differences, np.stack([first, second])):
        return _without_spread(_by_signs(bare), margin)
    effect_size = float(differences.mean() / differences.std(ddof=1))
    result = _by_t(bare, estimate(first, second, "paired"), effect_size, margin)
    p_sign_flip = sign_flip_test(differences, rng=rng)
    return replace(
        result,
        p_sign_flip=p_sign_flip,
        cautions=(
            *result.cautions,
            *_disagreement(result.p_value, p_sign_flip, alpha),
            *_shape(differences, "the differences"),
        ),
    )


def compare_unpaired(
    a: ArrayLike,
    b: ArrayLike,
    *,
    margin: float | None = None,
    alpha: float = 0.05,
    higher_is_better: bool = True,
    rng: np.random.Generator | None = None,
) -> Comparison:
    """Compare two groups whose seeds do not match, by Welch's t test and interval (Welch 1947).

    a: shape (n_a,), b: shape (n_b,); otherwise as `compare_paired`. Where a value is infinite, or
    both groups are constant, p is that of a permutation test of ranks (Mann and Whitney 1947,
    ties allowed; exact up to 9,999 regroupings, else so many drawn from `rng`).
    Raises StatsError like `compare_paired`.
    """
    _check_options(margin, alpha)
    first, second = sample(a, "a", infinite=True), sample(b, "b", infinite=True)
    _check_infinite(first, second, higher_is_better=higher_is_better)
    bare = _describe(first, second, None, alpha, higher_is_better)
    if bare.n < FEWEST_FOR_INFERENCE:
        return bare
    if bare.mean_difference is None:
        return _by_ranks(bare, first, second, rng)
    if no_spread(first) and no_spread(second):
        return _without_spread(_by_ranks(bare, first, second, rng), margin)
    spread = math.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 2)
    effect_size = bare.mean_difference / spread
    result = _by_t(bare, estimate(first, second, "welch"), effect_size, margin)
    shapes = (*_shape(first, "the values of a"), *_shape(second, "the values of b"))
    return replace(result, cautions=(*result.cautions, *shapes))


def compare_to_value(
    a: ArrayLike,
    value: float,
    *,
    margin: float | None = None,
    alpha: float = 0.05,
    higher_is_better: bool = True,
    rng: np.random.Generator | None = None,
) -> Comparison:
    """Compare the seeds of one variant with a fixed number, such as one that a paper printed.

    This is `compare_paired` against a constant, hence the one-sample t test. Raises StatsError
    like it, and for a value that is not finite.
    """
    first = sample(a, "a", infinite=True)
    constant = np.full(first.size, sample([value], "value")[0])
    return compare_paired(
        first, constant, margin=margin, alpha=alpha, higher_is_better=higher_is_better, rng=rng
    )


def probability_of_superiority(
    a: ArrayLike, b: ArrayLike, *, higher_is_better: bool = True
) -> float:
    """How often a run of a is better than a run of b, ties counting half: U / (n_a n_b).

    a: shape (n_a,), b: shape (n_b,), infinite values allowed; every run of a meets every run of b
    (Vargha and Delaney 2000, A12). Raises StatsError for no values and NaN.
    """
    first, second = sample(a, "a", infinite=True), sample(b, "b", infinite=True)
    above = float((first[:, None] > second).mean())
    half_tied = float((first[:, None] == second).mean()) / 2
    return above + half_tied if higher_is_better else 1 - above - half_tied


def _describe(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    record: tuple[int, int, int] | None,
    alpha: float,
    higher_is_better: bool,
) -> Comparison:
    """All that needs no inference."""
    wins, losses, ties = record or (None, None, None)
    with np.errstate(over="ignore", invalid="ignore"):  # a mean of the largest numbers is infinite
        difference = float(a.mean() - b.mean())
    bare = Comparison(
        paired=record is not None,
        higher_is_better=higher_is_better,
        alpha=alpha,
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
    )
    return replace(bare, cautions=(*_few_seeds(bare), *_diverged(a, b, bare)))


def _by_t(
    bare: Comparison, difference: TEstimate, effect_size: float, margin: float | None
) -> Comparison:
    low, high = difference.interval(1 - bare.alpha)
    error, df, alpha = difference.standard_error, difference.df, bare.alpha
    needed = seeds_needed(effect_size, alpha=alpha, paired=bare.paired)
    assumed = abs(difference.difference) if margin is None else margin
    low_power = assumed > 0 and t_power(assumed / error, df, alpha) < POWER
    return replace(
        bare,
        test="paired t" if bare.paired else "Welch t",
        p_value=difference.p_value(),
        ci_low=low,
        ci_high=high,
        effect_size=effect_size,
        equivalence=None if margin is None else equivalence_of(difference, margin, alpha),
        minimal_detectable_difference=error * detectable_noncentrality(df, alpha=alpha),
        seeds_needed=max(FEWEST_FOR_INFERENCE, math.ceil(needed)) if needed < math.inf else None,
        exaggeration=exaggeration_ratio(assumed, error, df=df, alpha=alpha) if low_power else None,
    )


def _by_signs(bare: Comparison) -> Comparison:
    """The exact sign test: under the null hypothesis a win is as likely as a loss."""
    wins, losses = bare.wins or 0, bare.losses or 0
    p = float(stats.binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0
    return replace(
        bare, test="sign test", p_value=p, p_sign_flip=None if bare.mean_difference is None else p
    )


def _by_ranks(
    bare: Comparison,
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    rng: np.random.Generator | None,
) -> Comparison:
    method = stats.PermutationMethod(n_resamples=9_999, rng=generator(rng))
    p = float(stats.mannwhitneyu(a, b, method=method).pvalue)
    return replace(bare, test="permutation of ranks", p_value=p)


def _without_spread(tested: Comparison, margin: float | None) -> Comparison:
    """Nothing varies: no interval; the margin is tested by the same counting as the difference."""
    caution = (
        "The two are alike in every seed."
        if tested.mean_difference == 0
        else "The difference is the same in every seed."
    ) + " There is no spread to compute an interval from; p comes from counting signs."
    equivalence = None
    if margin is not None:
        inside = abs(tested.mean_difference or 0.0) < margin
        p = _smallest_p(tested) / 2 if inside else 1.0
        equivalence = Equivalence(
            margin=margin, p_value=p, ci_low=None, ci_high=None, alpha=tested.alpha
        )
    return replace(tested, equivalence=equivalence, cautions=(*tested.cautions, caution))


def _smallest_p(bare: Comparison) -> float:
    return smallest_p_paired(bare.n) if bare.paired else smallest_p_unpaired(bare.n_a, bare.n_b)


def _few_seeds(bare: Comparison) -> tuple[str, ...]:
    if bare.n < FEWEST_FOR_INFERENCE:
        return (f"{bare.n} seed{'s' if bare.n > 1 else ''}: too few for an interval or a test.",)
    if bare.n <= 5:
        least = f"{_smallest_p(bare):.2g}"
        return (f"With {bare.n} seeds no distribution-free test can give a p below {least}.",)
    return ()


def _diverged(a: NDArray[np.float64], b: NDArray[np.float64], bare: Comparison) -> tuple[str, ...]:
    if bare.mean_difference is not None:
        return ()
    in_a, in_b = int(np.isinf(a).sum()), int(np.isinf(b).sum())
    sentence = f"{in_a} of {bare.n_a} runs of a and {in_b} of {bare.n_b} runs of b diverged"
    if bare.n < FEWEST_FOR_INFERENCE:
        return (f"{sentence}, so there is no mean.",)
    counted = "wins against losses" if bare.paired else "ranks"
    return (f"{sentence}, so there is no mean and no interval; p comes from {counted}.",)


def _disagreement(p_t: float | None, p_sign_flip: float, alpha: float) -> tuple[str, ...]:
    if p_t is None or (p_t <= alpha) == (p_sign_flip <= alpha):
        return ()
    both = f"The t test (p = {p_t:.2g}) and the sign-flip test (p = {p_sign_flip:.2g})"
    return (f"{both} fall on different sides of {alpha:g}.",)


def _shape(values: NDArray[np.float64], what: str) -> tuple[str, ...]:
    """Signs that a mean describes these values badly. They change no test: no pre-testing."""
    if values.size < 6 or no_spread(values):
        return ()
    found = []
    distance = np.abs(values - np.median(values))
    robust_sd = 1.4826 * float(np.median(distance))
    outliers = int(np.count_nonzero(distance > _FAR_OUT * robust_sd))
    if outliers and robust_sd > 0:
        found.append(
            f"{outliers} of {what} {'lies' if outliers == 1 else 'lie'} far from the rest; "
            "look at the dots before the mean."
        )
    if values.size >= 8 and stats.skewtest(values).pvalue < 0.01:
        found.append(f"Strongly skewed: {what}; a t interval may miss its level.")
    return tuple(found)


def _check_options(margin: float | None, alpha: float) -> None:
    between(alpha, 0.0, 0.5, "alpha")
    if margin is not None:
        positive(margin, "margin")


def _check_infinite(
    a: NDArray[np.float64], b: NDArray[np.float64], *, higher_is_better: bool
) -> None:
    best = math.inf if higher_is_better else -math.inf
    if (a == best).any() or (b == best).any():
        raise StatsError(
            "a value is infinitely good",
            expected=f"{-best} for a run that diverged, finite numbers for the others",
            found=str(best),
            hint="check the metric's direction",
        )

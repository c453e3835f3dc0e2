"""Which cautions a comparison carries: signs that its numbers are to be read with care."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from bench.stats._inputs import FEWEST_FOR_INFERENCE, no_spread, power_of_two
from bench.stats.cautions import Caution
from bench.stats.procedures import GuardedT, Rescaled
from bench.stats.sign_flip import smallest_p_paired, smallest_p_unpaired

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.stats.comparison import Comparison

_FAR_OUT = 5.0
"""An outlier is this many robust standard deviations (1.4826 MAD) from the median; 4 % of normal
samples of ten have one."""


def _smallest_p(bare: Comparison) -> float:
    return smallest_p_paired(bare.n) if bare.paired else smallest_p_unpaired(bare.n_a, bare.n_b)


def few_seeds(bare: Comparison) -> tuple[Caution, ...]:
    """With five seeds or fewer: what they cannot tell."""
    if bare.n < FEWEST_FOR_INFERENCE:
        text = f"{{n}} seed{'s' if bare.n > 1 else ''}: too few for an interval or a test."
        return (Caution("few seeds", text, {"n": bare.n}),)
    if bare.n <= 5:
        text = "With {n} seeds no distribution-free test can give a p below {least:.2g}."
        return (Caution("few seeds", text, {"n": bare.n, "least": _smallest_p(bare)}),)
    return ()


def diverged(
    a: NDArray[np.float64], b: NDArray[np.float64], bare: Comparison
) -> tuple[Caution, ...]:
    """How many runs of either side diverged, and what p is made of then."""
    in_a, in_b = int(np.isinf(a).sum()), int(np.isinf(b).sum())
    if not in_a and not in_b:
        return ()
    text = (
        "{in_a} of {n_a} runs of {a} and {in_b} of {n_b} runs of {b} diverged, so there is no mean"
    )
    if bare.n < FEWEST_FOR_INFERENCE:
        text += "."
    else:
        ranks = (
            "signed ranks, a difference to a run that diverged being the largest"
            if bare.paired
            else "ranks"
        )
        text += f" and no interval; p comes from {ranks}."
    values = {"in_a": in_a, "n_a": bare.n_a, "in_b": in_b, "n_b": bare.n_b}
    return (Caution("diverged", text, values),)


def disagreement(found: Comparison, p_sign_flip: float | None) -> tuple[Caution, ...]:
    """Where the test that decides and the sign-flip test fall on different sides of alpha."""
    p, alpha = found.p_value, found.alpha
    if p is None or p_sign_flip is None or (p <= alpha) == (p_sign_flip <= alpha):
        return ()
    text = (
        "The {test} test (p = {p:.2g}) and the sign-flip test (p = {flip:.2g}) fall on different sides of"
        " {alpha:g}."
    )
    return (
        Caution(
            "disagreement",
            text,
            {
                "test": "guarded t" if found.test == "paired t, guarded" else "t",
                "p": p,
                "flip": p_sign_flip,
                "alpha": alpha,
            },
        ),
    )


def exact(found: Comparison, values: NDArray[np.float64] | None) -> tuple[Caution, ...]:
    """Why it is an exact test that decides, where it does."""
    if found.test == "sign flip" and found.losses is not None and not (found.wins or found.losses):
        return (
            Caution(
                "no spread",
                "The two are alike in every seed, so that there is no spread to judge by.",
            ),
        )
    if found.test in ("sign flip", "permutation of ranks") and found.mean_difference is not None:
        if values is None or np.ptp(values) == 0:
            text = "The difference is the same in every seed: p comes from counting signs."
            return (Caution("no spread", text if found.paired else text.replace("signs", "ranks")),)
        text = (
            "Differences are of a step or two of the metric, which have no t distribution: the exact"
            " test decides."
        )
        return (Caution("coarse", text),)
    return ()


def held_back(found: Comparison) -> tuple[Caution, ...]:
    """Said where the t test alone finds something, and not together with the one that heeds skewness."""
    inner = found.procedure.inner if isinstance(found.procedure, Rescaled) else None
    if not isinstance(inner, GuardedT) or found.p_value is None or found.p_value <= found.alpha:
        return ()
    p = inner.estimate.p_value()
    if p > found.alpha:
        return ()
    text = (
        "Skewed: the t test alone gives p = {p:.2g}, one that corrects for skewness (Hall 1992)"
        " {guarded:.2g}."
    )
    return (Caution("guarded", text, {"p": p, "guarded": found.p_value}),)


def shape(values: NDArray[np.float64], what: str) -> tuple[Caution, ...]:
    """Signs that a mean describes these values badly. They change no test: no pre-testing."""
    if values.size < 4 or no_spread(values):
        return ()
    found = []
    distance = np.abs(values - np.median(values))
    values = (values - np.median(values)) / power_of_two(distance)
    robust_sd = 1.4826 * float(np.median(distance))
    outliers = int(np.count_nonzero(distance > _FAR_OUT * robust_sd))
    if outliers and robust_sd > 0:
        lie = "lies" if outliers == 1 else "lie"
        text = f"{{count}} of {what} {lie} far from the rest; look at the dots before the mean."
        found.append(Caution("far out", text, {"count": outliers}))
    if values.size >= 8:
        with np.errstate(over="ignore"):  # in a check of scipy's, where the mean is next to nothing
            p = stats.skewtest(values).pvalue
        if p < 0.01:
            text = f"Strongly skewed: {what}; a t interval may miss its level."
            found.append(Caution("skewed", text))
    return tuple(found)

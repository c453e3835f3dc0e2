"""Verdict and interval say the same, at any level, for every test that there is."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.errors import StatsError
from bench.stats import compare_paired, compare_unpaired, sign_flip_test
from bench.stats.guards import is_coarse

INF = math.inf
LEVELS = [0.05, 0.05 / 3, 0.05 / 7, 0.05 / 34, 1e-5]
levels = st.sampled_from(LEVELS)
seeds = st.integers(0, 2**32 - 1)


def plain(rng, n):
    return compare_paired(rng.normal(rng.uniform(0, 5), 1, n), rng.normal(size=n), margin=1.5)


def skewed(rng, n):
    far = rng.choice([-1, 1]) * rng.lognormal(0, 1.5, n)
    return compare_paired(
        far - far.mean() * rng.uniform(0, 2), np.zeros(n), margin=4.0, guarded=True
    )


def coarse(rng, n):
    return compare_paired(rng.integers(-1, 3, n) * 0.01, np.zeros(n), margin=0.01, guarded=True)


def constant(rng, n):
    b = rng.normal(size=n)
    return compare_paired(b + rng.choice([0.0, 0.1, -0.1]), b, margin=0.2)


def welch(rng, n):
    return compare_unpaired(rng.normal(0.9, 1, n), rng.normal(0, 3, n + 2), margin=2.0)


def skewed_groups(rng, n):
    a, b = rng.lognormal(0, 1.5, n), rng.lognormal(0.8, 1, n)
    return compare_unpaired(a, b, margin=4.0, guarded=True)


def coarse_groups(rng, n):
    n = min(n, 6)  # above it regroupings are drawn, which takes its time
    return compare_unpaired(rng.integers(0, 2, n), rng.integers(0, 3, n), margin=1.0, guarded=True)


def diverged(rng, n):
    a = rng.normal(1.0, 1, n)
    a[0] = -INF
    return compare_paired(a, rng.normal(size=n), margin=2.0)


def looked(rng, n):
    return compare_paired(rng.normal(1.5, 1, 2 * n), np.zeros(2 * n), margin=3.0).looked()


def looked_diverged(rng, n):
    return diverged(rng, 2 * n).looked()


def looked_coarse(rng, n):
    return coarse(rng, 2 * n).looked()


KINDS = [plain, skewed, coarse, constant, welch, skewed_groups, coarse_groups]
KINDS += [diverged, looked, looked_diverged, looked_coarse]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def judged(result, level, alpha=0.05):
    """As `analysis.families` does for primary tests: alpha / level tests in all."""
    p = result.p_value
    adjusted = None if p is None else min(1.0, max(p, p * alpha / level))
    return result.judged(alpha, level=level, p_adjusted=adjusted)


@every_kind
@given(seed=seeds, n=st.integers(3, 12), level=levels)
@settings(deadline=None, max_examples=40)
def test_verdict_and_interval_agree(kind, seed, n, level):
    result = judged(kind(np.random.default_rng(seed), n), level)
    if result.ci_low is None:
        assert result.equivalence is None or not result.equivalence.established
        return
    assert result.ci_low <= result.ci_high
    found = (result.p_value <= level) and result.direction
    assert found == (1 if result.ci_low > 0 else -1 if result.ci_high < 0 else 0)
    alike = result.equivalence
    inside = -alike.margin < alike.ci_low and alike.ci_high < alike.margin
    near = max(abs(alike.ci_low + alike.margin), abs(alike.ci_high - alike.margin))
    assert alike.established == inside or near < 1e-9 * alike.margin
    assert result.ci_low <= alike.ci_low <= alike.ci_high <= result.ci_high
    expected = "no practical difference" if alike.established else VERDICTS[found]
    assert result.verdict == expected


VERDICTS = {1: "better", -1: "worse", 0: "cannot tell"}


@pytest.mark.parametrize(
    "kind", [k for k in KINDS if k not in (coarse_groups, diverged)], ids=lambda kind: kind.__name__
)
@given(seed=seeds, n=st.integers(3, 10), level=levels, shift=st.floats(-3, 3))
@settings(deadline=None, max_examples=25)
def test_an_interval_is_what_its_test_does_not_reject(kind, seed, n, level, shift):
    procedure = kind(np.random.default_rng(seed), n).procedure
    ends = procedure.interval(1 - level)
    width = np.ptp(ends) if np.isfinite(ends).all() else 1.0
    bound = shift * width + (ends[0] if math.isfinite(ends[0]) else 0.0)
    near = min(abs(bound - end) for end in ends)
    assume(near > 1e-6 * max(width, abs(bound)))
    p = 2 * min(procedure.p_above(bound), procedure.p_below(bound))
    assert (p <= level) == (not ends[0] <= bound <= ends[1])


@every_kind
@given(seed=seeds, n=st.integers(3, 10))
@settings(deadline=None, max_examples=15)
def test_stricter_levels_have_wider_intervals_and_never_another_direction(kind, seed, n):
    result = kind(np.random.default_rng(seed), n)
    results = [judged(result, level) for level in LEVELS]
    verdicts = [r.verdict for r in results]
    assert not {"better", "worse"} <= set(verdicts)
    for wide, narrow in itertools.pairwise(reversed(results)):
        if wide.ci_low is not None:
            assert wide.ci_low <= narrow.ci_low
            assert narrow.ci_high <= wide.ci_high


@every_kind
def test_judging_keeps_what_is_no_inference(kind):
    result = kind(np.random.default_rng(1), 8)
    other = judged(result, 0.01)
    assert (other.level, other.alpha) == (0.01, 0.05)
    for name in ("p_value", "mean_difference", "wins", "probability_of_superiority", "cautions"):
        assert getattr(other, name) == getattr(result, name)
    with pytest.raises(StatsError, match="not an adjusted p"):
        result.judged(0.05, level=0.01, p_adjusted=None)


def test_judging_what_has_no_test():
    result = compare_paired([1.0, 2.0], [0.0, 0.5])
    assert result.judged(0.05, level=0.01, p_adjusted=None).verdict == "cannot tell"


# --- each by itself ------------------------------------------------------------------------------


@given(st.lists(st.integers(-3, 3), min_size=3, max_size=8), st.sampled_from([0.3, 0.1, 0.04]))
@settings(deadline=None)
def test_the_coarse_interval_is_that_of_all_flips(values, level):
    d = np.array(values, dtype=float)
    assume(np.ptp(d) > 0)
    assume(is_coarse(d))
    result = compare_paired(d, d * 0, guarded=True, alpha=level)
    assert (result.test, result.p_value) == ("sign flip", sign_flip_test(d))
    # Flipping a subset reaches the sum of d - x where the subset's mean is x or less.
    subsets = itertools.product([0, 1], repeat=d.size)
    means = sorted(np.array(s) @ d / sum(s) for s in subsets if any(s))
    allowed = math.floor(level / 2 * 2**d.size + 1e-9)  # of the flips, the empty one included
    low = means[allowed - 1] if allowed else -INF
    high = means[-allowed] if allowed else INF
    assert (result.ci_low, result.ci_high) == pytest.approx((low, high), abs=1e-8)


def test_too_few_coarse_seeds_exclude_nothing():
    result = compare_paired([0.01] * 4 + [0.02], [0.0] * 5, guarded=True)
    assert (result.ci_low, result.ci_high, result.p_value) == (-INF, INF, 0.0625)
    assert result.verdict == "cannot tell"


@pytest.mark.parametrize("k", [-1.2, -0.5, -0.1, 0.1, 0.5, 0.75, 1.2])
def test_the_corrected_t_never_falls_and_its_inverse_is_one(k):
    from bench.stats.estimates import TEstimate
    from bench.stats.procedures import GuardedT

    guarded = GuardedT("paired t, guarded", TEstimate(0.0, 1.0, 7), k)
    t = np.concatenate([np.linspace(-12, 12, 241), [-1e9, 1e9]])
    corrected = np.array([guarded._corrected(x) for x in t])
    assert (np.diff(corrected[np.argsort(t)]) >= 0).all()
    near = np.abs(t) <= 4
    hall = ((1 + k * t / 3) ** 3 - 1) / k + k / 6  # the closed form of Hall (1992)
    assert corrected[near] == pytest.approx(hall[near])
    assert [guarded._inverse(c) for c in corrected] == pytest.approx(t, abs=1e-4)


# --- looking at the results before the seeds were all there --------------------------------------


def test_looked_is_judged_by_the_anytime_sign_test():
    d = np.array([0.5, 0.2, 0.9, 0.4, 0.3, 0.8, 0.7, 0.1])
    result = compare_paired(d, d * 0).looked()
    e_value = 2**8 / 9  # of eight wins in a row
    assert (result.test, result.p_value) == ("anytime sign test", pytest.approx(1 / e_value))
    assert result.verdict == "better"
    assert (result.ci_low, result.ci_high) == pytest.approx((0.1, 0.9))
    assert result.ci_low > 0
    assert result.after_looking
    assert judged(result, 0.05 / 3).verdict == "cannot tell"
    assert judged(result, 0.05 / 3).ci_low == -INF


def test_ties_do_not_count_for_it():
    d = np.array([0.5, 0.2, 0.9, 0.4, 0.3, 0.8, 0.7, 0.1, 0.0, 0.0])
    assert compare_paired(d, d * 0).looked().p_value == pytest.approx(9 / 2**8)
    b = np.full(10, 0.1)
    tied = compare_paired([0.3, *([0.2] * 9)], [0.2, *b[1:]]).looked()  # .3 - .2 is not .2 - .1
    assert tied.wins == 10
    assert tied.procedure.p_above(0.1) == 1.0


def test_looked_within_a_margin():
    d = np.linspace(-0.1, 0.1, 40)
    result = compare_paired(d, d * 0, margin=0.1).looked()
    assert result.verdict == "no practical difference"
    assert result.equivalence.ci_low > -0.1
    assert compare_paired(d, d * 0, margin=0.01).looked().verdict == "cannot tell"


def test_looked_unpaired_is_withheld():
    result = compare_unpaired([5.0, 6.0, 7.0, 8.0], [1.0, 2.0, 3.0, 1.5], margin=1.0).looked()
    assert (result.p_value, result.ci_low, result.equivalence) == (None, None, None)
    assert result.verdict == "cannot tell"
    assert "no test of two groups" in result.cautions[-1]


def test_looked_below_three_seeds():
    result = compare_paired([1.0, 2.0], [0.0, 0.5]).looked()
    assert (result.p_value, result.verdict, result.after_looking) == (None, "cannot tell", True)


# --- runs that diverged --------------------------------------------------------------------------


@given(
    st.lists(st.integers(-4, 4), min_size=3, max_size=8),
    st.lists(st.sampled_from(["a", "b", "both", "none", "none"]), min_size=8, max_size=8),
    st.booleans(),
)
@settings(deadline=None)
def test_a_diverged_run_has_the_largest_rank_in_every_metric(values, which, higher):
    assume(set(which[: len(values)]) != {"none"})
    a, b = np.array(values, dtype=float), np.zeros(len(values))
    worst = -INF if higher else INF
    finite = np.abs(a).max() + 1
    known = a.copy()
    for i, side in enumerate(which[: len(values)]):
        if side in ("a", "both"):
            a[i], known[i] = worst, math.copysign(finite, worst)
        if side in ("b", "both"):
            b[i], known[i] = worst, math.copysign(finite, -worst)
        if side == "both":
            known[i] = 0.0
    result = compare_paired(a, b, higher_is_better=higher, margin=0.5)
    ranks = stats.rankdata(np.abs(known)) * np.sign(known)
    sums = [np.dot(s, np.abs(ranks)) for s in itertools.product((-1, 1), repeat=len(ranks))]
    above = np.mean(np.array(sums) >= ranks.sum() - 1e-9)
    below = np.mean(np.array(sums) <= ranks.sum() + 1e-9)
    assert result.test == "signed rank"
    assert result.p_value == pytest.approx(min(1, 2 * min(above, below)))
    assert (result.mean_difference, result.ci_low, result.effect_size) == (None, None, None)
    assert result.direction == int(np.sign(ranks.sum())) * (1 if higher else -1)
    assert not result.equivalence.established


def test_twenty_standard_deviations_better_but_for_one_run():
    rng = np.random.default_rng(0)
    b = rng.normal(0.5, 0.01, 10)
    a = b + rng.normal(0.2, 0.01, 10)
    a[4] = -INF
    accuracy = compare_paired(a, b)
    loss = compare_paired(-a, -b, higher_is_better=False)
    assert accuracy.p_value == loss.p_value == pytest.approx(2 * 43 / 1024)
    assert accuracy.direction == loss.direction == 1
    a[4] = b[4] + 0.2
    b[4] = -INF
    assert compare_paired(a, b).verdict == "better"

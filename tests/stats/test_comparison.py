from __future__ import annotations

import dataclasses
import math
import pickle

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.errors import StatsError
from bench.stats import (
    adjust,
    compare_paired,
    compare_to_value,
    compare_unpaired,
    minimal_detectable_effect,
    probability_of_superiority,
    seeds_needed,
)

INF = math.inf
BOTH = pytest.mark.parametrize("compare", [compare_paired, compare_unpaired])

# Eighths are exact in binary: ties stay ties, and shifting or doubling them rounds nothing.
eighths = st.integers(-400, 400).map(lambda i: i / 8)


@st.composite
def pairs(draw, least=3, most=12):
    n = draw(st.integers(least, most))
    a = np.array(draw(st.lists(eighths, min_size=n, max_size=n)))
    b = np.array(draw(st.lists(eighths, min_size=n, max_size=n)))
    return a, b


def varying(a, b):
    assume(np.ptp(a - b) > 0)
    assume(np.ptp(a) > 0 or np.ptp(b) > 0)


# --- published numbers ---------------------------------------------------------------------------


def test_sleep_data(oracle):
    case = oracle("paired_and_rank_tests")["sleep_paired"]
    result = compare_paired(case["x"], case["y"])
    assert result.mean_difference == pytest.approx(case["R"]["mean_diff"])
    assert (result.ci_low, result.ci_high) == pytest.approx(case["R"]["ci95"], abs=5e-8)
    assert result.p_value == pytest.approx(case["recomputed"]["p"], rel=1e-10)
    assert result.p_sign_flip == case["recomputed"]["sign_flip_p_two_sided"]
    assert result.effect_size == pytest.approx(case["recomputed"]["cohen_dz"])
    assert result.verdict == "worse"
    assert (result.wins, result.losses, result.ties) == (0, 9, 1)


def test_hollander_wolfe(oracle):
    case = oracle("paired_and_rank_tests")["hollander_wolfe_depression"]
    result = compare_paired(case["x"], case["y"])
    assert result.p_value == pytest.approx(case["recomputed"]["paired_t"][1])
    assert result.p_sign_flip == case["recomputed"]["sign_flip_mean_p_two_sided"]


def test_darwin_against_a_value(oracle):
    case = oracle("paired_and_rank_tests")["darwin_zea_mays"]
    result = compare_to_value(case["diff_eighths_inch"], 0.0)
    assert result.p_value == pytest.approx(case["recomputed"]["t_p"])
    assert result.p_sign_flip == case["expected"]["p_two_sided"]
    assert result.verdict == "better"
    assert any("different sides of 0.05" in caution for caution in result.cautions)


def test_welch(oracle):
    case = oracle("paired_and_rank_tests")["welch"]
    result = compare_unpaired(case["x"], case["y"])
    assert result.p_value == pytest.approx(case["R"]["p"], rel=1e-3)
    assert (result.ci_low, result.ci_high) == pytest.approx(case["R"]["ci95"], abs=5e-7)
    assert (result.n, result.n_a, result.n_b) == (10, 10, 14)
    assert result.wins is None


def test_common_budget_times(oracle):
    case = oracle("time_to_target_common_budget")
    result = compare_paired(case["A_times"], case["B_times"], higher_is_better=False)
    assert result.mean_difference == pytest.approx(case["expected"]["paired_diff"])
    assert result.p_sign_flip == case["expected"]["sign_flip_p"]


@pytest.mark.parametrize("kind", ["paired", "welch"])
def test_equivalence_with_a_margin(oracle, kind):
    compare = {"paired": compare_paired, "welch": compare_unpaired}[kind]
    for case in oracle("tost")["cases"]:
        if case["kind"] == kind:
            result = compare(case["x"], case["y"], margin=case["upp"])
            assert result.equivalence.p_value == pytest.approx(case["R_p_value"], rel=1e-8)
            assert (result.verdict == "no practical difference") == (case["R_result"] == "rejected")


def test_probability_of_superiority(oracle):
    published = oracle("effects_and_bootstrap")
    for case in published["vargha_delaney"]["cases"]:
        assert probability_of_superiority(case["a"], case["b"]) == pytest.approx(case["A12"])
    x, y = (np.array(published["rliable"][name]) for name in "xy")
    over_tasks = [probability_of_superiority(x[:, task], y[:, task]) for task in range(2)]
    expected = published["rliable"]["expected"]["prob_improvement_x_over_y"]
    assert np.mean(over_tasks) == pytest.approx(expected)


# --- scipy as oracle -----------------------------------------------------------------------------


@given(pairs())
@settings(deadline=None)
def test_paired_agrees_with_scipy(data):
    a, b = data
    varying(a, b)
    expected = stats.ttest_rel(a, b)
    result = compare_paired(a, b)
    interval = expected.confidence_interval()
    assert result.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert (result.ci_low, result.ci_high) == pytest.approx((interval.low, interval.high))


@given(pairs())
@settings(deadline=None)
def test_unpaired_agrees_with_scipy(data):
    a, b = data[0], data[1][: max(3, len(data[1]) - 1)]
    assume(np.ptp(a) > 0 and np.ptp(b) > 0)  # scipy warns of a constant group
    expected = stats.ttest_ind(a, b, equal_var=False)
    result = compare_unpaired(a, b)
    interval = expected.confidence_interval()
    assert result.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert (result.ci_low, result.ci_high) == pytest.approx((interval.low, interval.high))


# --- laws ----------------------------------------------------------------------------------------

OPPOSITE = {"better": "worse", "worse": "better"}


@BOTH
@given(data=pairs(), margin=st.sampled_from([None, 1.0, 20.0]))
@settings(deadline=None)
def test_swapping_the_sides_mirrors_everything(compare, data, margin):
    a, b = data
    there, back = compare(a, b, margin=margin), compare(b, a, margin=margin)
    assert back.mean_difference == -there.mean_difference
    assert back.verdict == OPPOSITE.get(there.verdict, there.verdict)
    assert (back.wins, back.losses, back.ties) == (there.losses, there.wins, there.ties)
    assert back.p_value == pytest.approx(there.p_value)
    assert back.p_sign_flip == there.p_sign_flip
    assert back.probability_of_superiority == pytest.approx(1 - there.probability_of_superiority)
    assert back.seeds_needed == there.seeds_needed
    if there.ci_low is not None:
        assert (back.ci_low, back.ci_high) == pytest.approx((-there.ci_high, -there.ci_low))
    if margin is not None:
        assert back.equivalence.p_value == pytest.approx(there.equivalence.p_value)


@BOTH
@given(data=pairs(), shift=st.integers(-50, 50), scale=st.sampled_from([0.25, 2.0, 64.0]))
@settings(deadline=None)
def test_units_do_not_matter(compare, data, shift, scale):
    a, b = data
    one = compare(a, b, margin=4.0)
    other = compare(a * scale + shift, b * scale + shift, margin=4.0 * scale)
    assert other.mean_difference == pytest.approx(one.mean_difference * scale)
    assert other.p_value == pytest.approx(one.p_value)
    assert other.p_sign_flip == one.p_sign_flip
    assert other.verdict == one.verdict
    if one.minimal_detectable_difference is not None:
        expected = np.array([one.ci_low, one.ci_high, one.minimal_detectable_difference]) * scale
        found = [other.ci_low, other.ci_high, other.minimal_detectable_difference]
        assert found == pytest.approx(expected, abs=1e-9 * scale)


@BOTH
@given(data=pairs(), order=st.randoms(use_true_random=False))
@settings(deadline=None)
def test_order_of_seeds_does_not_matter(compare, data, order):
    a, b = data
    shuffled = list(range(len(a)))
    order.shuffle(shuffled)
    one, other = compare(a, b), compare(a[shuffled], b[shuffled])
    assert other.p_value == pytest.approx(one.p_value)
    assert other.p_sign_flip == one.p_sign_flip
    assert other.verdict == one.verdict
    assert other.cautions == one.cautions


@BOTH
@given(data=pairs())
@settings(deadline=None)
def test_lower_is_better_is_the_mirror_image(compare, data):
    a, b = data
    lower, negated = compare(a, b, higher_is_better=False), compare(-a, -b)
    assert lower.verdict == negated.verdict
    assert lower.wins == negated.wins
    assert lower.direction == negated.direction
    assert lower.mean_difference == -negated.mean_difference
    assert lower.probability_of_superiority == pytest.approx(negated.probability_of_superiority)


@BOTH
@given(data=pairs(least=1))
@settings(deadline=None)
def test_a_verdict_comes_with_its_p_and_an_interval_with_its_point(compare, data):
    result = compare(*data, margin=3.0)
    assert (result.p_value is None) == (result.n < 3)
    if result.verdict in OPPOSITE:
        assert result.p_value <= 0.05
    if result.ci_low is not None:
        assert result.ci_low <= result.mean_difference <= result.ci_high
        assert (result.ci_low > 0 or result.ci_high < 0) == (result.p_value < 0.05)


@given(pairs(least=3))
@settings(deadline=None)
def test_sign_flip_never_goes_below_its_smallest_p(data):
    result = compare_paired(*data)
    assert 2.0 ** (1 - result.n) <= result.p_sign_flip <= 1


# --- few seeds -----------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_seeds_give_no_inference(compare, n):
    result = compare([5.0, 6.0][:n], [1.0, 1.5][:n], margin=10.0)
    assert result.mean_difference == pytest.approx([4.0, 4.25][n - 1])
    assert result.verdict == "cannot tell"
    optional = ("test", "p_value", "ci_low", "ci_high", "p_sign_flip", "effect_size")
    planning = ("equivalence", "minimal_detectable_difference", "seeds_needed", "exaggeration")
    assert all(getattr(result, name) is None for name in (*optional, *planning))
    assert result.cautions == (f"{n} seed{'s' * (n > 1)}: too few for an interval or a test.",)
    assert result.with_adjusted_p(None) is result


def test_two_seeds_on_one_side_give_no_inference():
    result = compare_unpaired([1.0, 2.0, 3.0, 4.0], [8.0, 9.0])
    assert (result.n, result.p_value, result.verdict) == (2, None, "cannot tell")


@pytest.mark.parametrize(("n", "smallest"), [(3, "0.25"), (4, "0.12"), (5, "0.062"), (6, None)])
def test_smallest_distribution_free_p_is_stated(n, smallest):
    rng = np.random.default_rng(3)
    cautions = compare_paired(rng.normal(size=n), rng.normal(size=n)).cautions
    stated = [c for c in cautions if "distribution-free" in c]
    assert stated == (
        [f"With {n} seeds no distribution-free test can give a p below {smallest}."]
        if smallest
        else []
    )


# --- values that do not vary ---------------------------------------------------------------------


@pytest.mark.parametrize("n", [3, 6])
def test_identical_runs(n):
    a = np.linspace(0.1, 0.9, n)
    result = compare_paired(a, a, margin=0.01)
    assert (result.mean_difference, result.p_value, result.p_sign_flip) == (0, 1, 1)
    assert (result.effect_size, result.seeds_needed) == (None, None)
    assert (result.ci_low, result.ci_high) == ((-INF, INF) if n == 3 else (0, 0))
    assert (result.wins, result.losses, result.ties) == (0, 0, n)
    assert result.equivalence.p_value == 2.0**-n
    assert result.verdict == ("cannot tell" if n == 3 else "no practical difference")
    assert "alike in every seed" in result.cautions[-1]


@pytest.mark.parametrize(("n", "verdict"), [(3, "cannot tell"), (6, "better")])
def test_a_constant_difference_is_judged_by_signs(n, verdict):
    b = np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9])[:n]
    result = compare_paired(b + 0.1, b)  # 0.1 is not exact: the differences vary by rounding only
    assert result.test == "sign flip"
    assert result.p_value == result.p_sign_flip == 2.0 ** (1 - n)
    assert result.effect_size is None
    ends = (-INF, INF) if n == 3 else (0.1, 0.1)
    assert (result.ci_low, result.ci_high) == pytest.approx(ends)
    assert result.verdict == verdict
    assert "same in every seed" in result.cautions[-1]


def test_a_constant_difference_outside_the_margin_is_not_equivalent():
    b = np.arange(8.0)
    assert compare_paired(b + 1, b, margin=0.5).equivalence.p_value == 1.0
    assert compare_paired(b + 1, b, margin=1.5).verdict == "no practical difference"


def test_constant_groups():
    result = compare_unpaired([2.0] * 4, [1.0] * 5, margin=0.5)
    assert result.test == "permutation of ranks"
    assert result.p_value == pytest.approx(2 / math.comb(9, 4))
    assert (result.ci_low, result.verdict) == (None, "better")
    assert compare_unpaired([1.0] * 4, [1.0] * 5).p_value == 1.0


def test_one_constant_group_leaves_welch():
    result = compare_unpaired([1.0] * 5, [1.1, 1.2, 1.3, 1.2, 1.1])
    assert (result.test, result.verdict) == ("Welch t", "worse")


# --- runs that diverged --------------------------------------------------------------------------


def test_a_diverged_run_is_the_worst_and_signed_ranks_decide():
    b = np.arange(8.0)
    a = b + 0.5
    a[3] = INF
    result = compare_paired(a, b, higher_is_better=False, margin=1.0)
    assert (result.wins, result.losses, result.ties) == (0, 8, 0)
    assert result.test == "signed rank"
    assert result.p_value == pytest.approx(2 / 2**8)
    assert result.verdict == "worse"
    assert (result.mean_difference, result.ci_low, result.equivalence.ci_low) == (None, None, None)
    assert result.equivalence.p_value == 1.0
    assert "1 of 8 runs of a and 0 of 8 runs of b diverged" in result.cautions[-1]


def test_both_diverged_on_a_seed_is_a_tie():
    result = compare_paired([-INF, 2.0, 3.0, 4.0], [-INF, 1.0, 2.0, 5.0])
    assert (result.wins, result.losses, result.ties) == (2, 1, 1)
    assert result.p_value == pytest.approx(1.0)


def test_all_diverged():
    result = compare_paired([INF] * 4, [INF] * 4, higher_is_better=False)
    assert (result.ties, result.p_value, result.verdict) == (4, 1.0, "cannot tell")
    assert result.probability_of_superiority == 0.5


@pytest.mark.parametrize(("diverged", "verdict"), [(4, "worse"), (2, "cannot tell")])
def test_diverged_runs_unpaired(diverged, verdict):
    a = [INF] * diverged + [1.5, 2.5, 1.7][: 5 - diverged]
    result = compare_unpaired(a, [1.0, 2.0, 1.2, 2.2, 1.4], higher_is_better=False)
    assert result.test == "permutation of ranks"
    assert result.mean_difference is None
    assert result.verdict == verdict


def test_diverged_with_one_seed():
    result = compare_paired([INF], [1.0], higher_is_better=False)
    assert (result.p_value, result.verdict) == (None, "cannot tell")
    assert "so there is no mean." in result.cautions[-1]


@given(pairs(), st.integers(0, 2))
@settings(deadline=None)
def test_making_a_run_diverge_never_helps(data, where):
    a, b = data
    worse = a.copy()
    worse[where] = -INF
    before, after = compare_paired(a, b), compare_paired(worse, b)
    assert after.wins <= before.wins
    assert after.probability_of_superiority <= before.probability_of_superiority


# --- refusals ------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("a", "b", "options", "message"),
    [
        ([], [], {}, "too few a"),
        ([1.0, math.nan, 2.0], [1.0, 2.0, 3.0], {}, "a contain NaN"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, None], {}, "b contain NaN"),
        ([1.0, INF, 2.0], [1.0, 2.0, 3.0], {}, "infinitely good"),
        ([1.0, 2.0], [1.0, -INF], {"higher_is_better": False}, "infinitely good"),
        ([[1.0, 2.0]], [[1.0, 2.0]], {}, "one-dimensional"),
        (["x", "y"], [1.0, 2.0], {}, "not all numbers"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 4.0], {"margin": 0.0}, "margin"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 4.0], {"margin": math.nan}, "margin"),
        ([1.0], [1.0], {"margin": INF}, "margin"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 4.0], {"alpha": 0.5}, "alpha"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 4.0], {"alpha": 0.0}, "alpha"),
    ],
)
def test_refused(compare, a, b, options, message):
    with pytest.raises(StatsError, match=message):
        compare(a, b, **options)


def test_unequal_lengths_point_to_the_unpaired_comparison():
    with pytest.raises(StatsError, match="compare_unpaired"):
        compare_paired([1.0, 2.0, 3.0], [1.0, 2.0])


def test_nan_is_named_by_position():
    with pytest.raises(StatsError, match="position 1"):
        compare_paired([1.0, math.nan], [1.0, 2.0])


def test_a_value_must_be_finite():
    with pytest.raises(StatsError, match="infinite"):
        compare_to_value([1.0, 2.0, 3.0], INF)


# --- verdicts, families, power -------------------------------------------------------------------

A = [0.91, 0.93, 0.92, 0.94, 0.92, 0.93]
B = [0.90, 0.91, 0.915, 0.92, 0.91, 0.905]


def test_an_adjusted_p_changes_the_verdict_and_nothing_else():
    result = compare_paired(A, B)
    assert result.verdict == "better"
    judged = result.with_adjusted_p(0.2)
    assert judged.verdict == "cannot tell"
    assert dataclasses.replace(judged, p_adjusted=None) == result


def test_holm_over_a_family_with_an_untestable_member():
    family = [compare_paired(A, B), compare_paired(A[:2], B[:2]), compare_paired(B, A[::-1])]
    adjusted = adjust([c.p_value for c in family])
    judged = [c.with_adjusted_p(p) for c, p in zip(family, adjusted, strict=True)]
    assert judged[1].verdict == "cannot tell"
    assert judged[0].p_adjusted == pytest.approx(2 * family[0].p_value)


@pytest.mark.parametrize("p", [None, 0.0, 1.2, math.nan])
def test_an_adjusted_p_must_be_one(p):
    with pytest.raises(StatsError, match="adjusted p"):
        compare_paired(A, B).with_adjusted_p(p)


def test_a_p_for_a_comparison_without_one_is_refused():
    with pytest.raises(StatsError, match="adjusted p"):
        compare_paired(A[:2], B[:2]).with_adjusted_p(0.5)


def test_a_significant_difference_inside_the_margin_does_not_matter():
    result = compare_paired(A, B, margin=0.03)
    assert result.p_value < 0.05
    assert result.verdict == "no practical difference"
    assert result.with_adjusted_p(1.0).verdict == "no practical difference"


def test_no_evidence_is_not_evidence_of_no_difference():
    result = compare_paired(A, A[::-1])
    assert result.p_value > 0.05
    assert result.verdict == "cannot tell"


def test_planning_numbers():
    rng = np.random.default_rng(5)
    differences = rng.normal(0.3, 1.0, size=12)
    result = compare_to_value(differences, 0.0)
    sd = differences.std(ddof=1)
    assert result.minimal_detectable_difference == pytest.approx(minimal_detectable_effect(12) * sd)
    assert result.seeds_needed == math.ceil(seeds_needed(result.effect_size))
    assert result.exaggeration > 1


def test_planning_numbers_unpaired():
    rng = np.random.default_rng(6)
    a, b = rng.normal(size=9), rng.normal(size=9) * 1.0001
    result = compare_unpaired(a, b)
    spread = math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    assert result.effect_size == pytest.approx((a.mean() - b.mean()) / spread)
    # Welch loses degrees of freedom to the variances' difference, so it detects a little less.
    assert result.minimal_detectable_difference == pytest.approx(
        minimal_detectable_effect(9, paired=False) * spread, rel=0.05
    )


def test_enough_power_needs_no_warning():
    result = compare_paired(A, B, margin=0.05)
    assert result.exaggeration is None


def test_zero_mean_difference_needs_no_number_of_seeds():
    result = compare_paired([1.0, 2.0, 3.0], [2.0, 1.0, 3.0])
    assert (result.mean_difference, result.seeds_needed, result.exaggeration) == (0, None, None)
    assert result.direction == 0


def test_an_outlier_and_a_skew_are_pointed_out():
    quiet = np.array([0.1, 0.3, 0.2, 0.25, 0.15, 0.22, 0.18, 0.21, 0.24, 0.19])
    assert compare_to_value(quiet, 0.0).cautions == ()
    loud = quiet.copy()
    loud[4] = 9.0
    cautions = compare_to_value(loud, 0.0).cautions
    assert any("1 of the differences lies far from the rest" in c for c in cautions)
    assert any("Strongly skewed" in c for c in cautions)
    assert any("values of b" in c for c in compare_unpaired(quiet, loud).cautions)


def test_many_seeds_draw_their_flips_from_the_generator():
    data = np.random.default_rng(1).normal(0.25, 1, size=40)
    default = compare_to_value(data, 0.0)
    passed = compare_to_value(data, 0.0, rng=np.random.default_rng(99))
    assert default == compare_to_value(data, 0.0)
    assert passed.p_sign_flip != default.p_sign_flip
    assert passed.p_sign_flip == pytest.approx(default.p_sign_flip, abs=0.02)
    assert default.p_sign_flip == pytest.approx(default.p_value, abs=0.02)


def test_results_are_frozen_plain_and_picklable():
    result = compare_paired(A, B, margin=0.01)
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.n = 3
    assert pickle.loads(pickle.dumps(result)) == result
    shown = [f.name for f in dataclasses.fields(result) if f.repr and f.name != "equivalence"]
    assert {type(getattr(result, name)) for name in shown} <= {
        bool,
        int,
        float,
        str,
        tuple,
        type(None),
    }

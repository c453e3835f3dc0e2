from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from bench.analysis.contrast import Finding, contrast, mean_over_seeds
from bench.analysis.metrics import Values
from bench.frames import METRICS

ACCURACY, TIME = METRICS["test_accuracy"], METRICS["epoch_time_s"]


def values(name, numbers, metric=ACCURACY, **more):
    by_seed = numbers if isinstance(numbers, dict) else dict(enumerate(numbers))
    return Values(metric, name, by_seed, **more)


def test_the_same_seeds_are_paired_whatever_their_order():
    found = contrast(values("a", {2: 0.3, 0: 0.1, 1: 0.2}), values("b", {0: 1.0, 1: 2.0, 2: 3.0}))
    assert found.paired
    assert found.a.tolist() == [0.1, 0.2, 0.3]
    assert not found.cautions


def test_seeds_that_one_side_lacks_are_left_out_and_said():
    a = values("a", {0: 0.1, 1: 0.2, 2: 0.4}, failed=frozenset({3}))
    b = values("b", [0.2, 0.35, 0.36, 0.5])
    found = contrast(a, b)
    assert found.paired
    assert found.b.tolist() == [0.2, 0.35, 0.36]
    assert found.test().p_value == pytest.approx(scipy_stats.ttest_rel(found.a, found.b).pvalue)
    said = " ".join(map(str, found.cautions))
    assert "a: seed 3 failed" in said
    assert "a has 3 seeds and b 4: compared on the 3 seeds that both have." in said


def test_groups_keep_all_their_seeds():
    a, b = values("a", {0: 0.1, 1: 0.2, 7: 0.4}), values("b", [0.2, 0.3, 0.35, 0.5])
    found = contrast(a, b, paired=False)
    assert not found.paired
    assert (found.a.size, found.b.size) == (3, 4)
    assert found.test().p_value == pytest.approx(
        scipy_stats.ttest_ind(found.a, found.b, equal_var=False).pvalue
    )
    apart = contrast(values("a", {0: 0.1, 1: 0.2}), values("b", {2: 0.1, 3: 0.2}))
    assert apart.problem == "they have no seed in common"


def test_times_are_compared_as_ratios():
    a, b = values("a", [2.0, 4.0, 8.0], TIME), values("b", [1.0, 1.5, 4.5], TIME)
    finding = Finding(contrast(a, b), contrast(a, b).test(margin=math.log(1.1)))
    logs = np.log([2, 4 / 1.5, 8 / 4.5])
    assert finding.difference == pytest.approx(math.exp(logs.mean()))
    low, high = scipy_stats.ttest_1samp(logs, 0).confidence_interval()
    assert (finding.ci_low, finding.ci_high) == pytest.approx((math.exp(low), math.exp(high)))


def test_times_alone_and_times_in_company_are_not_compared():
    a = values("a", [1.0, 2.0, 3.0, 4.0], TIME, concurrent=frozenset({0, 1, 2}))
    b = values("b", [1.0, 2.0, 3.0, 4.0], TIME, concurrent=frozenset({0, 1, 2, 3}))
    found = contrast(a, b)
    assert found.a.size == found.b.size == 3
    assert str(found.cautions[0]).startswith("Left out seed 3")
    assert found.together
    assert any("bench time" in str(c) for c in found.cautions)


def test_nothing_to_compare_is_a_problem_with_a_reason():
    empty = values("a", {}, failed=frozenset({0, 1}))
    assert contrast(empty, values("b", [1.0])).problem == "every trial of a failed"
    assert "not measured" in contrast(values("a", {}), 1.0).problem
    gone = values("a", [0.1, 0.2], undefined=frozenset({2}))
    assert "diverged" in contrast(gone, values("b", [1.0, 2.0])).problem
    assert contrast(values("a", [1.0], TIME), 0.0).problem == "a time is always above 0 s"


def test_a_number_is_compared_with_by_the_one_sample_test():
    seeds = [0.91, 0.93, 0.92, 0.95]
    test = contrast(values("a", seeds), 0.9).test()
    assert test.p_value == pytest.approx(scipy_stats.ttest_1samp(seeds, 0.9).pvalue)


def test_the_mean_has_the_t_interval_of_its_seeds():
    seeds = [0.91, 0.93, 0.92, 0.95]
    found = mean_over_seeds(values("a", seeds))
    low, high = scipy_stats.ttest_1samp(seeds, 0).confidence_interval()
    assert (found.value, found.low, found.high) == pytest.approx((np.mean(seeds), low, high))
    assert mean_over_seeds(values("a", [0.9])).half_width is None
    assert mean_over_seeds(values("a", {})).value is None
    assert mean_over_seeds(values("a", [1.0, math.inf, 2.0], METRICS["test_loss"])).value is None
    assert mean_over_seeds(values("a", [1.0, 4.0], TIME)).value == pytest.approx(2.0)


def test_the_interval_of_a_share_ends_where_shares_do():
    found = mean_over_seeds(values("a", [0.99, 1.0, 1.0, 0.8]))
    assert found.high == 1.0
    assert found.low < 0.9
    gap = mean_over_seeds(values("a", [-0.1, 0.1, 0.05], METRICS["generalisation_gap"]))
    assert gap.low < -0.1
    beyond = mean_over_seeds(values("a", [81.0, 83.0, 99.0]))
    assert beyond.high > 99.0, "these are no shares, whatever the metric is called"

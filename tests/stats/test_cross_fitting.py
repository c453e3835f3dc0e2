"""What the choice among levels is worth, without the optimism of choosing: exact cases, simulated studies."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from bench.errors import StatsError
from bench.stats import compare_paired, compare_ranges, cross_fitted_range, near_best

GRIDS = list(itertools.product((3, 5, 10), (3, 5, 9)))  # seeds, levels


def noise(rng, n, levels, sd=1.0):
    return rng.normal(size=(n, 1)) + rng.normal(size=(n, levels)) * sd


def test_each_seed_is_judged_by_the_choice_of_the_others():
    rng = np.random.default_rng(0)
    for n, levels in ((2, 2), (5, 4), (9, 3)):
        values = noise(rng, n, levels)
        expected = []
        for seed in range(n):
            means = np.delete(values, seed, axis=0).mean(axis=0)
            expected.append(values[seed, means.argmax()] - values[seed, means.argmin()])
        found = cross_fitted_range(values)
        assert found.by_seed == pytest.approx(np.array(expected))
        assert found.estimate == pytest.approx(np.mean(expected))


def test_it_is_never_above_the_range_of_the_means_and_within_its_interval():
    rng = np.random.default_rng(1)
    for _ in range(200):
        values = noise(rng, 5, 4) + rng.normal(size=4)
        found = cross_fitted_range(values)
        means = values.mean(axis=0)
        assert found.estimate <= np.ptp(means) + 1e-12
        low, high = found.interval()
        assert low <= found.estimate
        assert np.ptp(means) <= high


def test_the_direction_of_the_metric_does_not_matter():
    values = noise(np.random.default_rng(2), 6, 4)
    one, other = cross_fitted_range(values), cross_fitted_range(-values)
    assert one.estimate == pytest.approx(other.estimate)
    assert one.interval() == pytest.approx(other.interval())


def test_p_and_interval_say_the_same():
    rng = np.random.default_rng(3)
    seen = set()
    for size in np.tile([0, 3, 6], 60):
        a, b = noise(rng, 5, 3) + size * np.arange(3), noise(rng, 5, 4)
        found, turned = compare_ranges(a, b), compare_ranges(b, a)
        assert turned.p_value == found.p_value
        for level in (0.9, 0.95, 0.99):
            low, high = found.interval(level)
            assert low <= found.difference <= high
            assert (low > 0 or high < 0) == (found.p_value <= 1 - level + 1e-9)
            assert turned.interval(level) == pytest.approx((-high, -low))
        seen.add(found.p_value <= 0.05)
    assert seen == {True, False}


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e-9, 1e150, 1e300])
def test_the_unit_does_not_matter(scale):
    rng = np.random.default_rng(4)
    a, b = noise(rng, 5, 3) + 9 * np.arange(3), noise(rng, 5, 4)
    found, scaled = compare_ranges(a, b), compare_ranges(a * scale, b * scale)
    assert scaled.p_value == found.p_value
    assert scaled.difference / scale == pytest.approx(found.difference)
    assert np.array(scaled.interval()) / scale == pytest.approx(np.array(found.interval()))
    assert near_best(a * scale, margin=scale) == near_best(a, margin=1)


def test_where_nothing_varies_nothing_is_said():
    same = np.tile([0.1, 0.5, 0.9], (5, 1))
    shifted = (
        same + np.arange(5)[:, None] / 100
    )  # seeds differ, but not in what they say of the levels
    for values in (same, shifted):
        found = cross_fitted_range(values)
        assert found.estimate == pytest.approx(0.8)
        assert found.interval() is None
        assert compare_ranges(values, same).p_value is None
        assert compare_ranges(values, same).interval() is None


def test_what_is_the_same_in_every_seed_is_judged_by_counting():
    """A level that nobody chooses varies, all else does not: p is that of the signs, not 0."""
    values = np.tile([0.1, 0.5, 0.9], (4, 1))
    values[:, 1] += [0.01, -0.01, 0.02, 0.0]
    found = compare_ranges(values, values / 10)
    assert found.p_value == 2 * 0.5**4
    low, high = found.interval()
    assert low == -np.inf
    assert high > 0


def test_two_seeds_are_described_only():
    found = compare_ranges([[1, 2], [3, 5]], [[1, 2], [3, 5]])
    assert found.p_value is None
    assert found.a.interval() is None
    assert near_best([[1, 2], [3, 5]], margin=1) == ("cannot tell", "cannot tell")


def test_one_level_that_is_far_off_and_two_that_are_near():
    rng = np.random.default_rng(5)
    runs = noise(rng, 8, 3, 0.1) + np.array([0, 0.2, -5])
    assert near_best(runs, margin=1) == ("within", "within", "beyond")
    assert near_best(-runs, margin=1, higher_is_better=False) == ("within", "within", "beyond")
    assert near_best(-runs, margin=1) == ("beyond", "beyond", "within")
    assert near_best(runs, margin=0.2)[0] == "cannot tell"


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([1, 2, 3], "shape"),
        ([[1, 2]], "shape"),
        ([[1], [2]], "shape"),
        ([[1, 2], [np.inf, 1]], "infinite"),
        ([[1, 2], [np.nan, 1]], "NaN"),
        ([["x", 2], [1, 1]], "x"),
    ],
)
def test_what_is_no_table_is_refused(values, found):
    for call in (
        cross_fitted_range,
        lambda v: compare_ranges(v, v),
        lambda v: near_best(v, margin=1),
    ):
        with pytest.raises(StatsError, match=found):
            call(values)


def test_other_bad_input_is_refused():
    with pytest.raises(StatsError, match="not paired"):
        compare_ranges(np.ones((3, 2)), np.ones((4, 2)))
    with pytest.raises(StatsError, match="margin"):
        near_best(np.ones((3, 2)), margin=0)
    with pytest.raises(StatsError, match="alpha"):
        near_best(np.ones((3, 2)), margin=1, alpha=0.5)
    with pytest.raises(StatsError, match="level"):
        cross_fitted_range(np.ones((3, 2))).interval(1.0)


# --- simulated studies: a short form always, a long one among the slow tests ----------------------


def study(rng, n, levels, ratio, shape=0.0):
    """Two methods with the same true range, the first with so many times the noise; what is wrong."""
    truth = shape * np.linspace(0, -1, levels)
    a, b = noise(rng, n, levels, ratio) + truth, noise(rng, n, levels) + truth
    found = compare_ranges(a, b)
    low, high = found.interval()
    alone = found.a.interval()
    old = compare_paired(np.ptp(a, axis=1), np.ptp(b, axis=1), higher_is_better=False)
    return (
        found.a.estimate,
        found.p_value <= 0.05,
        low <= 0 <= high,
        alone[0] <= shape <= alone[1],
        old.verdict == "worse",
    )


def rates(studies, seed, *arguments):
    rng = np.random.default_rng(seed)
    return np.mean([study(rng, *arguments) for _ in range(studies)], axis=0)


def test_noise_alone_loses_nothing():
    """In brief: three times the noise is not "worse", as best minus worst of each seed would have it."""
    mean, wrong, covers, alone, old = rates(400, 0, 5, 5, 3)
    assert abs(mean) < 0.4  # 3 standard errors
    assert wrong <= 0.03
    assert covers >= 0.93
    assert alone >= 0.93
    assert old >= 0.8


@pytest.mark.slow
@pytest.mark.parametrize("shape", [0.0, 2.0, 8.0], ids=lambda x: f"range {x:g}")
@pytest.mark.parametrize("ratio", [1, 3], ids=lambda x: f"noise x{x}")
@pytest.mark.parametrize(("n", "levels"), GRIDS)
def test_equal_methods_at_equal_and_unequal_noise(n, levels, ratio, shape, request):
    mean, wrong, covers, alone, old = rates(2_000, 10 * n + levels, n, levels, ratio, shape)
    for name, value in (
        ("mean", mean),
        ("wrong", wrong),
        ("covers", covers),
        ("alone", alone),
        ("old", old),
    ):
        request.node.user_properties.append((name, f"{value:.4f}"))
    if shape == 0:
        assert abs(mean) < 0.15 * ratio
    assert wrong <= 0.03  # 0.05 is what is promised
    assert covers >= 0.95
    assert alone >= 0.955


def found_worse(rng, n, levels, steep, slight):
    a = noise(rng, n, levels) + steep * np.linspace(0, -1, levels)
    b = noise(rng, n, levels) + slight * np.linspace(0, -1, levels)
    found = compare_ranges(a, b)
    low, high = found.interval()
    return found.p_value <= 0.05 and found.difference > 0, low <= steep - slight <= high


@pytest.mark.parametrize(
    ("n", "levels", "steep", "slight", "power"),
    [
        (5, 3, 10, 1, 0.95),
        (5, 5, 10, 1, 0.9),
        (10, 3, 5, 1, 0.95),
        (10, 5, 5, 1, 0.9),
        (10, 9, 5, 1, 0.7),
    ],
)
def test_real_differences_are_found(n, levels, steep, slight, power):
    rng = np.random.default_rng(n + levels)
    found, covers = np.mean(
        [found_worse(rng, n, levels, steep, slight) for _ in range(200)], axis=0
    )
    assert found >= power
    assert covers >= 0.93


def wrong_statements(rng, n, levels, truth, margin):
    values = noise(rng, n, levels) + truth
    near = truth.max() - truth < margin
    said = near_best(values, margin=margin)
    return any(
        (word == "within" and not ok) or (word == "beyond" and ok)
        for word, ok in zip(said, near, strict=True)
    )


@pytest.mark.parametrize(
    "studies",
    [pytest.param(300, id="short"), pytest.param(4_000, id="long", marks=pytest.mark.slow)],
)
@pytest.mark.parametrize(("n", "levels"), [(3, 3), (5, 5), (10, 9)])
@pytest.mark.parametrize("margin", [0.99, 1.01, 6.0], ids=["just beyond", "just within", "wide"])
def test_statements_about_levels_near_the_best_are_seldom_wrong(
    n, levels, margin, studies, request
):
    """The worst place to be is the edge of the margin: all levels but the best lie there."""
    rng = np.random.default_rng(n)
    truth = np.r_[0.0, np.full(levels - 1, -1.0 if margin < 2 else -6.01)]
    wrong = np.mean([wrong_statements(rng, n, levels, truth, margin) for _ in range(studies)])
    request.node.user_properties.append(("wrong", f"{wrong:.4f}"))
    assert wrong <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / studies)

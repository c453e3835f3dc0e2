"""Time to target, by hand: with scipy and the exported frames only."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from synthetic import SUITE, Outcome, written

from bench import stats
from bench.analysis import analyse, answers
from bench.analysis.crossings import budget
from bench.frames import TARGETS

RUNS = {  # accuracies; the target is 0.9
    "base": [
        (0.91, 0.95, 0.95),
        (0.8, 0.92, 0.95),
        (0.92, 0.95, 0.95),
        (0.8, 0.91, 0.93),
        (0.91,) * 3,
    ],
    "high": [
        (0.8, 0.85, 0.91),
        (0.8, 0.85, 0.88),
        (0.8, 0.92, 0.91),
        (0.7, 0.8, 0.89),
        (0.8, 0.8, 0.92),
    ],
    "low": [(0.5, 0.6, 0.7)] * 5,
    "same": [(0.91, 0.92, 0.93)] * 4 + [(0.81, 0.82, float("nan"))],
}
TIMES = {"base": [1, 2, 1, 2, 1], "high": [3, 3, 2, 3, 3], "low": [3] * 5, "same": [1] * 4 + [3]}
MISSED = {"base": set(), "high": {1, 3}, "low": set(range(5)), "same": {4}}


def outcome(variant, seed):
    diverged = (variant, seed) == ("same", 4)
    return Outcome(
        RUNS[variant][seed],
        status="diverged" if diverged else "completed",
        epoch_time=0.1 + seed / 100,
    )


@pytest.fixture(scope="module")
def analysis(tmp_path_factory):
    return analyse(written(tmp_path_factory.mktemp("targets"), outcome))


@pytest.fixture(scope="module")
def rows(analysis):
    return analysis.targets.set_index("variant")


@pytest.mark.parametrize("variant", RUNS)
def test_misses_and_diverged_seeds_count_the_budget(rows, variant):
    row, times = rows.loc[variant], np.array(TIMES[variant], float)
    assert (row.n, row.reached, row.budget) == (5, 5 - len(MISSED[variant]), 3)
    assert row.epochs == pytest.approx(times.mean())
    assert row.updates == pytest.approx(10 * times.mean())
    seconds = times * (0.1 + np.arange(5) / 100)
    assert row.seconds == pytest.approx(seconds.mean())
    if times.std():
        low, high = scipy_stats.ttest_1samp(times, 0).confidence_interval()
        assert (row.epochs_low, row.epochs_high) == pytest.approx((low, high))
    reached = [seed not in MISSED[variant] for seed in range(5)]
    expected = stats.time_to_target(np.where(reached, times, np.nan), reached, 3.0)
    assert row.running_epochs == expected.expected_running_time
    assert row.share_reached == expected.fraction_reached


def test_the_restricted_means_are_compared_seed_by_seed(rows):
    names = ["high", "same"]
    raw = []
    for name in names:
        row = rows.loc[name]
        assert row.baseline == "base"
        assert row.difference == pytest.approx(np.mean(TIMES[name]) - np.mean(TIMES["base"]))
        exact = stats.compare_paired(TIMES[name], TIMES["base"])
        assert (row.p_value, row.test) == (pytest.approx(exact.p_value), exact.test)
        raw.append(row.p_value)
    family = [*raw, rows.p_share["low"]]
    adjusted = list(rows.p_adjusted[[*names, "low"]])
    assert adjusted == pytest.approx(list(stats.adjust(family, "bh")))
    assert rows.p_value.isna()["base"]


def test_where_one_side_never_arrives_the_shares_decide(rows, analysis):
    row = rows.loc["low"]
    assert (row.test, row.share_test, row.reached) == ("McNemar", "McNemar", 0)
    assert row.p_value == row.p_share == scipy_stats.binomtest(0, 5).pvalue == 0.0625
    assert row.p_share_adjusted == row.p_adjusted, "one test, one adjusted p"
    assert row[["difference", "ci_low", "ci_high"]].isna().all()
    (low,) = [
        c
        for c in analysis.questions[0].compared
        if (c.variant, c.metric.name) == ("low", "epochs_to_target")
    ]
    assert answers.answer(low).startswith(
        "low never reaches the target (0 of 5), base does in 5 of 5"
    )
    assert low.verdict == "cannot tell", "five seeds cannot show it"


def test_shares_that_reached_are_compared_by_mcnemar(rows):
    raw = []
    for name in ("high", "low", "same"):
        assert rows.share_test[name] == "McNemar"
        only = len(MISSED[name])
        assert (rows.only_variant[name], rows.only_baseline[name]) == (0, only)
        raw.append(scipy_stats.binomtest(0, only).pvalue)
        assert rows.p_share[name] == pytest.approx(raw[-1])
    adjusted = rows.p_share_adjusted[["high", "same"]]
    assert list(adjusted) == pytest.approx(list(stats.adjust([raw[0], raw[2]], "bh")))


def test_the_mean_curve_crosses_elsewhere_than_the_mean_seed(rows):
    assert rows.mean_curve_epochs["base"] == 2  # epoch 1: 0.868, epoch 2: 0.928
    assert rows.epochs["base"] == 1.4
    assert rows.mean_curve_epochs["high"] == 3  # 0.902: though two seeds never got there
    assert math.isnan(rows.mean_curve_epochs["low"])


def test_a_target_that_nobody_reaches_is_not_a_number_of_epochs(rows, analysis):
    assert rows.running_epochs["low"] == math.inf
    from reading import Reading

    from bench.report.render import render

    page = Reading.of(render(analysis))
    low = next(r for r in page.rows("ERT (epochs)") if r["variant"] == "low")
    assert [low[k] for k in ("reached", "epochs", "ERT (epochs)", "mean curve")] == [
        "0 of 5", "never", "never", "never",
    ]  # fmt: skip
    high = next(r for r in page.rows("ERT (epochs)") if r["variant"] == "high")
    assert high["epochs"].startswith("≥ 2.8")
    assert (
        "Seeds that missed the target: high (2 of 5), low (5 of 5) and same (1 of 5)" in page.text
    )


def test_a_failed_seed_leaves_the_other_pairs(tmp_path):
    results = written(
        tmp_path,
        lambda v, s: (
            Outcome(status="failed", error="E") if (v, s) == ("high", 0) else outcome(v, s)
        ),
    )
    row = analyse(results).targets.set_index("variant").loc["high"]
    assert row.n == 4
    expected = stats.compare_paired(TIMES["high"][1:], TIMES["base"][1:])
    assert row.p_value == pytest.approx(expected.p_value)
    assert (row.share_test, row.only_baseline, row.p_share) == ("McNemar", 2, 0.5)


def test_a_run_that_never_trained_still_counts_the_budget(tmp_path):
    def diverges(variant, seed):
        if (variant, seed) == ("high", 0):
            return Outcome((), status="diverged", epoch_time=0.1)
        return outcome(variant, seed)

    rows = analyse(written(tmp_path, diverges)).targets.set_index("variant")
    assert rows.n["high"] == 5
    assert rows.epochs["high"] == pytest.approx(np.mean(TIMES["high"]))
    assert rows.updates["high"] == pytest.approx(10 * np.mean(TIMES["high"]))


def test_a_run_that_ended_after_it_met_the_target_shortens_nothing(analysis):
    assert budget(analysis.results, "rates") == 3
    shorter = analysis.results.curves.query("not (variant == 'base' and seed == 2 and epoch > 2)")
    from dataclasses import replace

    ragged = replace(analysis.results, curves=shorter)
    assert budget(ragged, "rates") == 2
    rows = analyse(ragged).targets.set_index("variant")
    assert (rows.budget == 3).all()
    assert rows.reached["high"] == 3
    assert rows.epochs["high"] == pytest.approx(np.mean(TIMES["high"]))


def test_without_a_target_the_frame_is_empty(tmp_path):
    text = SUITE.replace("target: {test_accuracy: 0.9}\n", "")
    frame = analyse(written(tmp_path, outcome, suite=text)).targets
    assert frame.empty
    assert list(frame.columns) == [column.name for column in TARGETS]


@given(
    runs=st.lists(st.tuples(*[st.floats(0.5, 1.0)] * 3), min_size=3, max_size=5),
)
@settings(max_examples=15, deadline=None)
def test_laws(tmp_path_factory, runs):
    """The restricted mean lies within the budget, and below the expected running time."""
    text = SUITE[: SUITE.index("      high:")].replace("seeds: 5", f"seeds: {len(runs)}")
    results = written(tmp_path_factory.mktemp("laws"), lambda _, s: Outcome(runs[s]), suite=text)
    (row,) = analyse(results).targets.itertuples()
    firsts = [next((e for e, a in enumerate(r, 1) if a >= 0.9), math.inf) for r in runs]
    assert row.reached == sum(math.isfinite(first) for first in firsts)
    assert row.epochs == pytest.approx(np.mean([min(first, 3) for first in firsts]))
    assert row.epochs <= row.budget
    assert row.epochs <= row.running_epochs + 1e-9
    assert (row.epochs == row.running_epochs) == (row.reached == row.n)

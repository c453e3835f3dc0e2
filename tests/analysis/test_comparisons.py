from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.power import TTestPower
from synthetic import SUITE, Outcome, written
from synthetic import usual as usual_outcome

from bench.analysis import analyse
from bench.analysis.comparisons import compare_question, pairs_of
from bench.analysis.isolation import Troubles
from bench.analysis.metrics import measure
from bench.frames import DTYPES, FINDINGS
from bench.stats import adjust, compare_paired


def finals(results, variant, name="test_accuracy"):
    rows = results.trials[results.trials.variant == variant].sort_values("seed")
    return rows[name].to_numpy(float)


def test_the_numbers_are_scipys(usual, analysed):
    frame = analysed.comparisons[analysed.comparisons.primary].set_index("variant")
    base = finals(usual, "base")
    for variant in ("high", "low", "same"):
        mine, row = finals(usual, variant), frame.loc[variant]
        test = scipy_stats.ttest_rel(mine, base)
        assert row["mean"] == pytest.approx(mine.mean())
        assert row.difference == pytest.approx((mine - base).mean())
        ends = test.confidence_interval(1 - row.level)
        if row.test == "paired t":
            assert (row.ci_low, row.ci_high) == pytest.approx(tuple(ends))
            assert row.p_value == pytest.approx(test.pvalue)
        else:  # skewed: held back
            assert row.test == "paired t, guarded"
            assert row.ci_low <= ends.low < ends.high <= row.ci_high
            assert row.p_value >= test.pvalue
        d = mine - base
        assert row.effect_size == pytest.approx(d.mean() / d.std(ddof=1))
        assert row.wins == (d > 0).sum()
    assert set(frame.tests) == {3}
    assert frame.p_adjusted.to_numpy() == pytest.approx(
        (frame.p_value * 3).clip(upper=1).to_numpy()
    )
    assert frame.level.to_numpy() == pytest.approx(0.05 / 3)


def test_times_are_ratios(usual, analysed):
    frame = analysed.comparisons
    row = frame[(frame.metric == "epoch_time_s") & (frame.variant == "high")].iloc[0]
    logs = np.log(finals(usual, "high", "epoch_time_s") / finals(usual, "base", "epoch_time_s"))
    assert row.difference == pytest.approx(np.exp(logs.mean()))
    assert row.scale == "ratio"
    assert row.verdict == "worse"


def test_verdicts(analysed):
    found = {c.variant: c.verdict for c in analysed.questions[0].decisive}
    assert found["high"] == "better"
    assert found["low"] == "worse"
    assert found["same"] in ("no practical difference", "cannot tell")


def test_the_primary_metric_is_kept_apart(analysed):
    frame = analysed.comparisons
    assert set(frame[frame.primary].metric) == {"test_accuracy"}
    assert set(frame[~frame.primary].metric) == {
        "train_accuracy",
        "test_loss",
        "generalisation_gap",
        "area_under_curve",
        "epochs_to_target",
        "updates_to_target",
        "seconds_to_target",
        "epoch_time_s",
    }


def test_the_frames_have_the_columns_and_types_that_are_documented(analysed):
    assert list(analysed.frames) == list(FINDINGS)
    for name, frame in analysed.frames.items():
        assert list(frame.columns) == [column.name for column in FINDINGS[name]]
        assert [str(t) for t in frame.dtypes] == [DTYPES[c.dtype] for c in FINDINGS[name]]


def test_equivalence_is_a_verdict_of_its_own(tmp_path):
    text = SUITE.replace("margin: 0.002", "margin: 0.01")
    frame = analyse(written(tmp_path, usual_outcome, suite=text)).comparisons
    row = frame[frame.primary & (frame.variant == "same")].iloc[0]
    assert row.verdict == "no practical difference"
    assert row.p_equivalence <= row.p_equivalence_adjusted <= 0.05


def test_two_seeds_allow_no_test(tmp_path):
    results = written(tmp_path, usual_outcome, suite=SUITE.replace("seeds: 5", "seeds: 2"))
    analysis = analyse(results)
    frame = analysis.comparisons
    assert frame.p_value.isna().all()
    assert set(frame.verdict.dropna()) == {"cannot tell"}
    assert set(frame[frame.verdict.isna()].metric) == {"generalisation_gap"}
    assert "2 seeds allow no test" in analysis.questions[0].sentences[0]
    assert "too few seeds" in analysis.questions[0].headline


def test_a_variant_that_never_ran_is_said_to_be_missing(tmp_path):
    results = written(tmp_path, lambda v, s: None if v == "low" else usual_outcome(v, s))
    question = analyse(results).questions[0]
    sentence = next(s for s in question.sentences if s.startswith("low"))
    assert "cannot be compared with base: test accuracy of low was not measured" in sentence


def test_diverged_seeds_count_as_worst(tmp_path):
    def outcome(variant, seed):
        if variant == "high" and seed < 2:
            return Outcome(status="diverged")
        return usual_outcome(variant, seed)

    results = written(tmp_path, outcome)
    found = {c.variant: c for c in analyse(results).questions[0].decisive}["high"]
    assert found.found.contrast.a.tolist()[:2] == [-np.inf, -np.inf]
    assert (found.found.test.wins, found.found.test.test) == (3, "signed rank")
    assert found.found.difference is found.found.ci_low is None
    losses = [
        c for c in compare_question(measure(results), "rates", Troubles())
        if c.variant == "high" and c.metric.name == "test_loss"
    ]  # fmt: skip
    assert losses[0].found.difference is None
    assert any("2 of 5 runs of high" in str(caution) for caution in losses[0].cautions)
    assert losses[0].found.test.p_value == found.found.test.p_value, "one rule for all metrics"


def test_a_failed_seed_is_left_out_of_its_pair_and_is_said(tmp_path):
    def outcome(variant, seed):
        if variant == "low" and seed == 4:
            return Outcome(status="failed", error="Traceback\nValueError: boom")
        return usual_outcome(variant, seed)

    results = written(tmp_path, outcome)
    row = analyse(results).comparisons.query("primary and variant == 'low'").iloc[0]
    low, base = finals(results, "low"), finals(results, "base")
    assert row.test == "paired t"
    assert (row.n, row.n_baseline) == (4, 4)
    assert row.p_value == pytest.approx(scipy_stats.ttest_rel(low[:4], base[:4]).pvalue)
    assert "compared on the 4 seeds that both have" in row.cautions


def test_a_question_with_one_variant_compares_nothing(tmp_path):
    text = SUITE[: SUITE.index("      high:")]
    analysis = analyse(written(tmp_path, usual_outcome, suite=text))
    assert analysis.questions[0].headline.startswith("There is only one variant")
    assert analysis.comparisons.empty


def test_all_pairs_are_one_family(tmp_path):
    text = SUITE.replace("seeds: 5", "seeds: 5\ncompare: all pairs")
    results = written(tmp_path, usual_outcome, suite=text)
    analysis = analyse(results)
    frame = analysis.comparisons.query("primary")
    raw = []
    for row in frame.itertuples():
        mine, other = finals(results, row.variant), finals(results, row.baseline)
        raw.append(compare_paired(mine, other, guarded=True).p_value)
        assert row.p_value == pytest.approx(raw[-1])
    assert len(raw) == 6
    assert frame.p_adjusted.to_numpy() == pytest.approx(adjust(raw, "bonferroni"))
    (question,) = analysis.questions
    assert [c.baseline for c in question.decisive] == ["base"] * 3
    assert len(question.sentences) == 3
    pairs = {(c.variant, c.baseline) for c in question.other_pairs}
    assert pairs == {("low", "high"), ("same", "high"), ("same", "low")}


def test_a_question_may_declare_another_family(tmp_path):
    text = SUITE.replace("seeds: 5", "seeds: 5\ncompare: all pairs")
    text = text.replace("    baseline: base", "    baseline: base\n    compare: baseline")
    assert len(analyse(written(tmp_path, usual_outcome, suite=text)).questions[0].other_pairs) == 0


@given(st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=7, unique=True), st.data())
def test_pairs_are_each_pair_once(names, data):
    baseline = data.draw(st.sampled_from(names))
    against = pairs_of(names, baseline, every=False)
    every = pairs_of(names, baseline, every=True)
    assert every[: len(against)] == against
    assert [b for _, b in against] == [baseline] * (len(names) - 1)
    assert sorted(map(sorted, every)) == sorted(map(sorted, itertools.combinations(names, 2)))


def test_a_metric_without_a_good_direction_has_no_verdict(analysed):
    rows = analysed.comparisons.query("metric == 'generalisation_gap'")
    assert len(rows) == 3
    assert rows.verdict.isna().all()
    assert rows.p_adjusted.notna().all()


def test_power_is_that_of_one_test_among_its_family(usual, analysed):
    (same,) = (c for c in analysed.questions[0].decisive if c.variant == "same")
    d = finals(usual, "same") - finals(usual, "base")
    level = 0.05 / 3
    needed = TTestPower().solve_power(d.mean() / d.std(ddof=1), alpha=level, power=0.8)
    assert same.found.seeds_needed == np.ceil(needed)
    detectable = TTestPower().solve_power(nobs=5, alpha=level, power=0.8) * d.std(ddof=1)
    assert same.found.detectable == pytest.approx(detectable, rel=1e-4)
    row = analysed.comparisons.query("primary and variant == 'same'").iloc[0]
    assert (row.detectable, row.seeds_needed) == (same.found.detectable, same.found.seeds_needed)


RESULTS = {"completed", "diverged"}


@given(
    st.fixed_dictionaries(
        {
            (v, s): st.sampled_from(["completed", "diverged", "failed", None])
            for v in ("base", "high")
            for s in range(4)
        }
    )
)
@settings(max_examples=25, deadline=None)
def test_no_run_is_dropped_in_silence(came):
    """Every seed that any variant ran counts on each side, or a caution or the problem names it."""
    text = SUITE[: SUITE.index("      low:")].replace("seeds: 5", "seeds: 4")
    with tempfile.TemporaryDirectory() as name:
        results = written(
            Path(name),
            lambda v, s: Outcome(status=came[v, s], error="E") if came[v, s] else None,
            suite=text,
        )
        compared = analyse(results).questions[0].compared
    ran = {s for (_, s), status in came.items() if status}
    for c in compared:
        said = " ".join([*map(str, c.found.contrast.cautions), c.found.contrast.problem or ""])
        for variant, values in ((c.variant, c.found.contrast.a), (c.baseline, c.found.contrast.b)):
            if values.size < len(ran):
                assert variant in said, (c.metric.name, came, said)
        if (
            any(came[v, s] == "diverged" for v, s in came)
            and c.primary
            and not c.found.contrast.problem
        ):
            of = [c.variant, c.baseline] if c.found.contrast.paired else [c.variant]
            counted = [s for s in ran if {came[v, s] for v in of} <= RESULTS]
            worst = [s for s in counted if came[c.variant, s] == "diverged"]
            assert sum(np.isinf(c.found.contrast.a)) == len(worst) == c.found.contrast.diverged_a

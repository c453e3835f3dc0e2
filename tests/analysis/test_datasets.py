from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from reading import Reading
from scipy import stats as scipy_stats
from synthetic import SUITE, usual, written

from bench.analysis import analyse
from bench.report.render import render
from bench.stats import adjust, signed_rank_test
from bench.suite import Imported

IMPORTED = Imported(
    file="f.csv",
    sha256="0",
    rows=1,
    columns={"group": "data"},
    metrics=["test_accuracy", "test_loss"],
)


def grouped(folder, count, *, suite=SUITE, change=lambda curves: curves):
    """Results as if a file with so many data sets had been imported."""
    head, question = suite[: suite.index("  rates:")], suite[suite.index("  rates:") :]
    question = question[: question.index("    reported:")]
    text = head + "".join(
        question.replace("  rates:", f"  set-{i}:") + f"    base: {{batch_size: {i + 1}}}\n"
        for i in range(count)
    )
    results = written(folder, usual, suite=text)
    shift = {f"set-{i}": 0.001 * np.random.default_rng(i).normal() for i in range(count)}
    curves = results.curves
    shifted = curves.question.map(shift).astype(float).where(curves.variant == "same", 0.0)
    moved = curves.test_accuracy + shifted
    return replace(
        results,
        curves=change(curves.assign(test_accuracy=moved)),
        suite=results.suite.model_copy(update={"imported": IMPORTED}),
    )


def means(results, variant):
    last = results.curves.query("epoch == 3 and variant == @variant")
    return last.groupby("question", sort=False).test_accuracy.mean().to_numpy()


def test_eight_data_sets_allow_wilcoxon_over_them(tmp_path):
    results = grouped(tmp_path, 8)
    analysis = analyse(results)
    frame = analysis.frames["datasets"].set_index("variant")
    base, raw = means(results, "base"), []
    for variant in ("high", "low", "same"):
        test = scipy_stats.wilcoxon(means(results, variant), base, method="exact")
        raw.append(test.pvalue)
        assert frame.p_value[variant] == pytest.approx(test.pvalue)
        difference = means(results, variant) - base
        assert frame.median_difference[variant] == pytest.approx(np.median(difference))
        assert frame.better[variant] == (difference > 0).sum()
    assert list(frame.p_adjusted) == pytest.approx(list(adjust(raw, "bonferroni")))
    each = analysis.comparisons.query("primary")
    assert set(each.family) == {"test accuracy"}, "what each data set says by itself is exploratory"
    assert list(frame.verdict) == ["better", "worse", "cannot tell"]
    page = Reading.of(render(analysis))
    assert "Over all data sets" in page.text
    assert page.rows("median difference", "worse")[0]["better"] == "8 of 8"


def test_seven_allow_no_claim_about_data_sets_in_general(tmp_path):
    analysis = analyse(grouped(tmp_path, 7))
    assert analysis.frames["datasets"].p_value.isna().all()
    assert set(analysis.frames["datasets"].verdict) == {"cannot tell"}
    page = Reading.of(render(analysis))
    assert "7 data sets are too few for a claim about data sets in general" in page.text


def test_all_pairs_over_data_sets(tmp_path):
    text = SUITE.replace("seeds: 5", "seeds: 3\ncompare: all pairs")
    assert len(analyse(grouped(tmp_path, 8, suite=text)).frames["datasets"]) == 6


def test_a_diverged_run_is_the_worst_there_is(tmp_path):
    text = SUITE.replace("margin: 0.002", "primary: test_loss").replace("seeds: 5", "seeds: 3")
    results = grouped(tmp_path, 8, suite=text)
    broken = (results.trials.question == "set-0") & (results.trials.variant == "high")
    status = results.trials.status.where(~broken, "diverged")
    analysis = analyse(replace(results, trials=results.trials.assign(status=status)))
    row = analysis.frames["datasets"].set_index("variant").loc["high"]
    assert (row.n, row.better, row.worse) == (8, 7, 1)
    assert row.test == "Wilcoxon"
    better = -np.ones(7) * [1, 2, 3, 4, 5, 6, 7]
    assert 0.1 < row.p_value < 0.3, signed_rank_test([*better, np.inf])


def test_a_data_set_without_a_result_is_said_to_be_missing(tmp_path):
    results = grouped(tmp_path, 9)
    kept = ~((results.trials.question == "set-0") & (results.trials.variant == "low"))
    analysis = analyse(replace(results, trials=results.trials[kept]))
    assert analysis.frames["datasets"].set_index("variant").n["low"] == 8
    assert "low against base: 8 of 9 data sets have both." in Reading.of(render(analysis)).text


def test_a_run_of_our_own_has_no_such_section(analysed):
    assert analysed.datasets is None
    assert analysed.frames["datasets"].empty

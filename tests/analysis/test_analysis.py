from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats as scipy_stats

FRESH = """
import sys
import bench.analysis
heavy = {"tensorflow", "keras", "altair", "vl_convert", "jinja2", "dask"} & set(sys.modules)
assert not heavy, heavy
"""


def test_the_analysis_loads_no_heavy_library():
    subprocess.run([sys.executable, "-c", FRESH], check=True, timeout=60)


def test_reported_numbers_stand_beside_the_seeds(analysed, usual):
    accuracy, time, size = analysed.questions[0].reported
    rows = usual.trials[usual.trials.variant == "base"]
    assert accuracy.mean.value == pytest.approx(rows.test_accuracy.mean())
    assert (accuracy.lowest, accuracy.highest) == (
        rows.test_accuracy.min(),
        rows.test_accuracy.max(),
    )
    assert accuracy.inside is (accuracy.lowest <= 0.95 <= accuracy.highest)
    assert time.inside is False
    assert size.metric.label == "mean |w| of dense_1"


def test_variants_say_how_they_differ(analysed):
    base, high, *_ = analysed.questions[0].variants
    assert base.changes == ()
    (change,) = high.changes
    assert (change.setting, change.baseline, change.variant) == (
        "optimizer.SGD.learning_rate",
        "0.1",
        "0.2",
    )
    assert high.about == "twice the rate"
    assert high.parameters == 79510
    assert [probe.name for probe in high.probes] == [
        "sparsity/dense_1/mean_abs",
        "sparsity//gzip_bytes",
    ]


def test_curves_are_means_with_t_intervals(analysed, usual):
    curves = analysed.questions[0].curves
    row = curves.query("variant == 'high' and epoch == 3 and metric == 'test_accuracy'").iloc[0]
    seeds = usual.curves.query("variant == 'high' and epoch == 3").test_accuracy
    interval = scipy_stats.ttest_1samp(seeds, 0).confidence_interval()
    assert (row["mean"], row.low, row.high) == pytest.approx((seeds.mean(), *interval))
    assert row.n == 5
    assert np.isfinite(curves[["mean", "low", "high"]]).all().all()

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import SUITE, Outcome, written

from bench.analysis import analyse
from bench.analysis.metrics import measure
from bench.analysis.timing import epoch_times
from bench.analysis.whole_curves import BEST


def of(results, name, variant="base"):
    return measure(results).of("rates", variant, name)


def test_the_area_is_a_trapezoid_over_the_budget(usual):
    curves = usual.curves.query("variant == 'high' and seed == 0").sort_values("epoch")
    expected = np.trapezoid(curves.test_accuracy, curves.epoch) / 3
    assert of(usual, "area_under_curve", "high").by_seed[0] == pytest.approx(expected)


def test_the_area_is_that_of_the_primary_metric_in_its_direction(tmp_path):
    text = SUITE.replace("margin: 0.002", "primary: test_loss")
    results = written(tmp_path, lambda *_: Outcome((0.5, 0.6, 0.7)), suite=text)
    found = of(results, "area_under_curve")
    assert found.metric.higher_is_better is False
    assert found.metric.unit == "nats"
    assert found.by_seed[0] == pytest.approx(np.trapezoid([2.4, 0.5, 0.4, 0.3]) / 3)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.floats(-0.2, 0.2))
def test_the_area_is_a_mean(tmp_path_factory, accuracies, shift):
    text = SUITE[: SUITE.index("      high:")].replace("seeds: 5", "seeds: 1")
    results = written(
        tmp_path_factory.mktemp("area"), lambda *_: Outcome(tuple(accuracies)), suite=text
    )
    area = of(results, "area_under_curve").by_seed[0]
    assert min(0.1, *accuracies) - 1e-12 <= area <= max(0.1, *accuracies) + 1e-12
    moved = replace(
        results, curves=results.curves.assign(test_accuracy=results.curves.test_accuracy + shift)
    )
    assert of(moved, "area_under_curve").by_seed[0] == pytest.approx(area + shift)


def test_a_diverged_run_has_the_worst_area(tmp_path):
    results = written(tmp_path, lambda *_: Outcome(status="diverged"))
    assert set(of(results, "area_under_curve").by_seed.values()) == {-math.inf}
    assert set(of(results, BEST).by_seed.values()) == {-math.inf}


@pytest.fixture(scope="module")
def with_validation(usual):
    """The usual results, as if images were held out; validation prefers the second epoch."""
    held_out = usual.curves.epoch.map({0: 0.1, 1: 0.8, 2: 0.93, 3: 0.93})
    return replace(
        usual,
        suite=usual.suite.model_copy(update={"validation": 100}),
        curves=usual.curves.assign(validation_accuracy=held_out),
    )


def test_selected_is_the_test_metric_at_the_first_best_validation_epoch(with_validation):
    assert set(of(with_validation, "selected").by_seed.values()) == {0.92}
    frame = analyse(with_validation).comparisons
    assert "selected" in set(frame.metric)


def test_without_held_out_images_nothing_is_selected(usual, analysed):
    assert not of(usual, "selected").by_seed
    assert "selected" not in set(analysed.comparisons.metric)


def test_the_best_epoch_is_shown_and_never_tested(usual, analysed):
    best = usual.curves[(usual.curves.variant == "low") & (usual.curves.epoch > 0)]
    expected = best.groupby("seed").test_accuracy.max().mean()
    low = next(v for v in analysed.questions[0].variants if v.name == "low")
    assert low.best.value == pytest.approx(expected)
    assert BEST not in set(analysed.comparisons.metric)


def test_times_of_single_epochs(tmp_path):
    results = written(tmp_path, lambda v, s: Outcome(epoch_time=0.1 * (s + 1), concurrent=s < 2))
    base, *_ = epoch_times(results, measure(results), "rates")
    took = np.repeat([0.1, 0.2, 0.3, 0.4, 0.5], 2)  # the first of three epochs is left out
    assert (base.runs, base.concurrent) == (5, 2)
    assert base.lowest == pytest.approx(0.1)
    assert base.p95 == pytest.approx(np.quantile(took, 0.95))
    assert base.mean.value == pytest.approx(math.exp(np.log([0.1, 0.2, 0.3, 0.4, 0.5]).mean()))

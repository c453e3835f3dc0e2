"""Per-example evidence of a real run, against numbers by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from bench import load_results, load_suite, run
from bench.analysis.examples import by_example
from bench.frames import CLASSES, CONFUSIONS, EASY_EXAMPLES, EXAMPLES, HARD_EXAMPLES


@pytest.fixture(scope="module")
def results(tiny_results):
    return load_results(tiny_results)


@pytest.fixture(scope="module")
def found(results):
    return by_example(results)


def predicted(results, question, variant):
    rows = results.trials[
        (results.trials.question == question) & (results.trials.variant == variant)
    ]
    return np.array([results.predictions.predicted(i) for i in rows.sort_values("seed").trial_id])


def test_predictions_give_the_accuracies_of_the_curves(results):
    for row in results.trials.itertuples():
        accuracy = results.predictions.correct(row.trial_id).mean()
        assert accuracy == pytest.approx(row.test_accuracy, abs=1.5 / 355)


def test_the_difference_and_its_interval_over_seeds(results, found):
    row = found.examples.set_index(["question", "variant"]).loc[("rates", "slow")]
    labels = results.predictions.labels(results.trials.trial_id[0])
    slow, fast = ((predicted(results, "rates", v) == labels).mean(axis=1) for v in ("slow", "fast"))
    low, high = scipy_stats.ttest_rel(slow, fast).confidence_interval(0.95)
    assert row.difference == pytest.approx((slow - fast).mean())
    assert (row.seeds_low, row.seeds_high) == pytest.approx((low, high))
    assert row.both_low <= row.seeds_low < row.seeds_high <= row.both_high
    assert (row.n_seeds, row.n_examples) == (3, len(labels))
    only_slow = (predicted(results, "rates", "slow")[0] == labels) & (
        predicted(results, "rates", "fast")[0] != labels
    )
    assert row.only_variant == only_slow.sum()


def test_accuracy_per_class(results, found):
    row = found.classes.set_index(["question", "variant", "class"]).loc[("shared", "wide", 8)]
    labels = results.predictions.labels(results.trials.trial_id[0])
    right = predicted(results, "shared", "wide")[:, labels == 8] == 8
    assert row.accuracy == pytest.approx(right.mean())
    assert row.images == (labels == 8).sum()
    assert row.n == 3
    assert row.ci_low < row.accuracy < row.ci_high


def test_confusions_are_shares_of_the_true_class(results, found):
    rows = found.confusions[
        (found.confusions.question == "rates") & (found.confusions.variant == "slow")
    ]
    labels = results.predictions.labels(results.trials.trial_id[0])
    answers = predicted(results, "rates", "slow")
    row = rows[(rows["class"] == 8) & (rows.predicted == 1)].iloc[0]
    assert row.share == pytest.approx((answers[:, labels == 8] == 1).mean())
    assert row.n == 3
    assert rows.groupby("class").share.sum().tolist() == pytest.approx([1.0] * 10)
    right = rows[rows["class"] == rows.predicted].share.tolist()
    classes = found.classes[(found.classes.question == "rates") & (found.classes.variant == "slow")]
    assert right == pytest.approx(classes.accuracy.tolist())


def test_the_hardest_images_come_first(results, found):
    hard = found.hard[found.hard.question == "rates"]
    labels = results.predictions.labels(results.trials.trial_id[0])
    answers = np.concatenate([predicted(results, "rates", v) for v in ("fast", "slow")])
    first = hard.iloc[0]
    assert first.wrong == pytest.approx((answers != labels).mean(axis=0).max())
    assert first.label == labels[first.example]
    assert first.networks == 6
    wrong = answers[:, first.example][answers[:, first.example] != first.label]
    assert (wrong == first.mostly_taken_for).sum() == np.bincount(wrong).max()
    assert hard.wrong.is_monotonic_decreasing


def test_the_easiest_image_of_each_class(results, found):
    easy = found.easy[found.easy.question == "rates"]
    labels = results.predictions.labels(results.trials.trial_id[0])
    answers = np.concatenate([predicted(results, "rates", v) for v in ("fast", "slow")])
    wrong = (answers != labels).mean(axis=0)
    classes = [c for c in range(10) if wrong[labels == c].min() < 0.5]
    assert easy.label.tolist() == classes
    for row in easy.itertuples():
        assert row.label == labels[row.example]
        assert row.wrong == pytest.approx(wrong[labels == row.label].min())


def test_a_suite_can_switch_it_off(tiny, tmp_path):
    tiny.write_text(tiny.read_text() + "predictions: false\n")
    suite = load_suite(tiny).resized(seeds=1, epochs=1)
    without = run(suite, tmp_path / "out", workers=0)
    assert without.predictions.by_trial == {}
    found = by_example(without)
    for frame, columns in (
        (found.examples, EXAMPLES),
        (found.classes, CLASSES),
        (found.confusions, CONFUSIONS),
        (found.hard, HARD_EXAMPLES),
        (found.easy, EASY_EXAMPLES),
    ):
        assert frame.empty
        assert list(frame.columns) == [c.name for c in columns]


def test_two_seeds_have_no_interval(tiny, tmp_path):
    found = by_example(
        run(load_suite(tiny).resized(seeds=2, epochs=1), tmp_path / "out", workers=0)
    )
    assert found.examples.both_low.isna().all()
    assert found.examples.p_mcnemar.notna().all()
    assert found.classes.ci_low.isna().all()

"""Every number of the answers can be found in a frame that ``bench export`` writes, rounded alike."""

from __future__ import annotations

import re
from collections import Counter

import pandas as pd
import pytest
import said
import synthetic

from bench.analysis import analyse
from bench.report.render import render
from bench.suite import parse_suite

CLAIMS = """\
      - says: It takes longer
        test: {metric: epoch_time_s, variant: high, against: base, is: worse}
      - says: It takes as long
        test: {metric: epoch_time_s, variant: same, against: base, is: no practical difference, margin: 1.1}
      - says: It arrives earlier
        test: {metric: epochs_to_target, variant: high, against: base, is: better}
      - says: It arrives later
        test: {metric: epochs_to_target, variant: low, against: base, is: worse}
      - says: It ends above 90 %
        test: {metric: test_accuracy, variant: base, value: 0.9, is: higher}
      - says: It ends alike
        test: {metric: test_accuracy, variant: same, against: base, is: no practical difference}
      - says: Weights are smaller
        test: {metric: sparsity/dense_1/mean_abs, variant: high, against: base, is: lower}
      - says: Nobody measured it
        test: {metric: sparsity/dense_1/gini, variant: high, against: base, is: lower}
  grid:
    ask: What does which setting?
    baseline: batch_size=10 hidden=4
    base: {optimizer: {SGD: {learning_rate: 0.1}}}
    matrix: {batch_size: [10, 20], model.mlp.hidden: [[4], [8]]}
    claims:
      - says: The wider one is better
        test:
          {metric: test_accuracy, variant: batch_size=10 hidden=8, against: batch_size=10 hidden=4, is: better}
"""
PRINTED = """\
      base: {test_accuracy: 0.95, epoch_time_s: 100}
      high: {test_accuracy: 0.971, epoch_time_s: 190, sparsity/dense_1/mean_abs: 0.02}
"""
SHIFT = {"batch_size=20": 0.01, "hidden=8": 0.02}


def outcome(variant, seed):
    """Of the four rates as usual, but the low one reaches the target late, or never."""
    if "hidden" in variant:
        both = 0.03 * (variant == "batch_size=20 hidden=8")
        final = 0.9 + both + sum(by for name, by in SHIFT.items() if name in variant)
        return synthetic.Outcome((0.8, 0.85, final + synthetic.noise(variant, seed)))
    usually = synthetic.usual(variant, seed)
    if variant != "low":
        return usually
    final = 0.89 if seed == 2 else 0.91 + synthetic.noise(variant, seed)
    return synthetic.Outcome((0.8, 0.85, final), epoch_time=usually.epoch_time, concurrent=True)


@pytest.fixture(scope="module")
def exported(bench, tmp_path_factory):
    """A report with answers of every kind, its analysis, and the folder with its frames as CSV."""
    text = synthetic.SUITE.replace("seeds: 5", "seeds: 10\nlooks: [5, 10]")
    head, _, claims = text.partition("    reported:")
    claims = claims[claims.index("    claims:") :]
    suite = parse_suite(f"{head}    reported:\n{PRINTED}{claims}{CLAIMS}").resized(seeds=5)
    results = synthetic.written(tmp_path_factory.mktemp("run"), outcome, suite=suite)
    frames = tmp_path_factory.mktemp("frames")
    done = bench("export", results.folder, "--to", frames, "--format", "csv")
    assert done.returncode == 0, done.stderr
    analysis = analyse(results)
    return render(analysis), analysis, frames


def test_every_number_of_the_answers_is_in_an_exported_frame(exported):
    checked = said.check(*exported)
    assert [(one.kind, one.missing, one.text) for one in checked if one.missing] == []
    kinds = Counter(one.kind for one in checked)
    assert kinds == {
        "score": 1,
        "row": 11,
        "headline": 4,
        "tally": 2,
        "finding": 3 + 10 + 1 + 3 + 2,
    }


def test_a_number_that_is_not_in_a_frame_is_noticed(exported, monkeypatch):
    """Each decimal is changed a little in turn, which the check must see in nearly all cases."""
    found, tried = 0, 0
    check = said.missing

    def changed(text, rows, counts=(), names=()):
        nonlocal found, tried
        for number in re.finditer(r"(?<![\w.,−-])\d+\.\d+(?![\w-])", text):
            if not any(number[0] in name for name in names):
                digit = str((int(number[0][-1]) + 3) % 10)
                other = f"{text[: number.end() - 1]}{digit}{text[number.end() :]}"
                tried += 1
                found += bool(check(other, rows, counts, names))
        return []

    monkeypatch.setattr(said, "missing", changed)
    said.check(*exported)
    assert tried > 50
    assert found > 0.85 * tried


def test_what_was_printed_is_in_a_frame(exported):
    _, analysis, folder = exported
    rows = pd.read_csv(folder / "reported.csv")
    printed = analysis.suite.questions["rates"].reported
    expected = {(v, m): x for v, by in printed.items() for m, x in by.items()}
    assert dict(zip(zip(rows.variant, rows.metric), rows.reported)) == expected  # noqa: B905
    row = rows[(rows.variant == "base") & (rows.metric == "test_accuracy")].iloc[0]
    mine = analysis.results.trials.query("question == 'rates' and variant == 'base'").test_accuracy
    assert row["mean"] == pytest.approx(mine.mean())
    assert (row.lowest, row.highest) == pytest.approx((mine.min(), mine.max()))
    assert row.inside == (mine.min() <= 0.95 <= mine.max())

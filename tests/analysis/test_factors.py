from __future__ import annotations

import math
import re

import numpy as np
import pytest
import synthetic
from scipy import stats

from bench.analysis import analyse
from bench.analysis.factors import sentence, split
from bench.stats import compare_to_value

SUITE = """\
suite: grid
title: A grid
dataset: digits
seeds: 6
epochs: 3
margin: 0.001
base:
  model: {mlp: {hidden: [10]}}
  optimizer: {SGD: {learning_rate: 0.1}}
questions:
  q:
    ask: What do both add?
    baseline: l2=0.01 dropout=0
    variants:
      other: {model: {mlp: {l1: 0.1}}}
    matrix: {model.mlp.l2: [0, 0.01], model.mlp.dropout: [0, 0.2]}
"""
MEANS = {
    "l2=0.01 dropout=0": 0.950,
    "l2=0 dropout=0": 0.970,
    "l2=0.01 dropout=0.2": 0.950,
    "l2=0 dropout=0.2": 0.980,
    "other": 0.5,
}


def outcome(variant, seed, scale=0.0005):
    value = MEANS[variant] + synthetic.noise("seed", seed, 0.002)
    return synthetic.Outcome((0.5, 0.9, value + synthetic.noise(variant, seed, scale)))


def grid(folder, came=outcome, suite=SUITE):
    return analyse(synthetic.written(folder, came, suite=suite))


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return grid(tmp_path_factory.mktemp("grid"))


def test_the_effects_are_those_computed_by_hand(found):
    trials = found.results.trials
    y = trials.pivot_table(index="seed", columns="variant", values="test_accuracy")
    without, with_l2 = (
        [y[f"l2={level} dropout={rate}"] for rate in (0, 0.2)] for level in ("0", "0.01")
    )
    by_hand = {
        "model.mlp.l2": (without[0] + without[1]) / 2 - (with_l2[0] + with_l2[1]) / 2,
        "model.mlp.dropout": (without[1] + with_l2[1]) / 2 - (without[0] + with_l2[0]) / 2,
        "model.mlp.l2 x model.mlp.dropout": without[1] - without[0] - (with_l2[1] - with_l2[0]),
    }
    rows = found.factors.set_index("factors")
    assert list(rows.index) == list(by_hand)
    for name, effects in by_hand.items():
        test = stats.ttest_1samp(effects, 0)
        assert rows.difference[name] == pytest.approx(effects.mean())
        compared = compare_to_value(effects, 0.0, guarded=True)
        assert test.pvalue - 1e-12 <= rows.p_value[name] == pytest.approx(compared.p_value)
        own = compared.judged(0.05, level=rows.level[name], p_adjusted=1.0)
        assert (rows.ci_low[name], rows.ci_high[name]) == pytest.approx((own.ci_low, own.ci_high))
    assert rows.change["model.mlp.l2"] == "0.01 -> 0"  # from the baseline's level
    assert rows.n.tolist() == [6, 6, 6]
    assert rows.family.tolist() == ["primary", "primary", "settings that depend on each other"]
    assert rows.tests.tolist() == [
        6,
        6,
        1,
    ]  # two main effects and four comparisons; one interaction
    adjusted = np.minimum(1, rows.p_value.to_numpy() * [6, 6, 1])
    assert rows.p_adjusted.to_numpy() == pytest.approx(adjusted)


def test_verdicts_are_on_main_effects_alone(found):
    assert found.factors.verdict.fillna("none").tolist() == ["better", "better", "none"]


def test_the_whole_is_split_between_the_factors(found):
    (question,) = found.questions
    said = split(question.factors)
    assert said.startswith("From l2=0.01 dropout=0 to l2=0 dropout=0.2 test accuracy changes by ")
    whole, *parts = (float(x) for x in re.findall(r" (\d\.\d+)(?= percentage| of it| from)", said))
    assert whole == pytest.approx(3.0, abs=0.1)
    assert parts == pytest.approx([2.5, 0.5], abs=0.1)
    first, second, _ = (e.found.difference for e in question.factors.effects)
    trials = found.results.trials
    y = trials.pivot_table(index="seed", columns="variant", values="test_accuracy").mean()
    assert first + second == pytest.approx(y["l2=0 dropout=0.2"] - y["l2=0.01 dropout=0"])


def test_effects_in_words(found):
    (question,) = found.questions
    main, _, both = question.factors.effects
    assert sentence(question.factors, main).startswith("l2 0.01 → 0: test accuracy higher by 2.")
    assert "averaged over dropout (simultaneous 95 % CI 2." in sentence(question.factors, main)
    assert "the effect of l2 0.01 → 0 is" in sentence(question.factors, both)
    assert "higher with dropout 0.2 than with 0 (95 % CI" in sentence(question.factors, both)


def test_a_seed_without_one_cell_is_left_out(tmp_path):
    def came(variant, seed):
        broken = (variant, seed) == ("l2=0 dropout=0", 2)
        return synthetic.Outcome(status="failed", error="x") if broken else outcome(variant, seed)

    (question,) = grid(tmp_path, came).questions
    assert question.factors.left_out == (2,)
    assert question.factors.seeds == (0, 1, 3, 4, 5)


def test_a_diverged_run_counts_as_the_worst(tmp_path):
    def came(variant, seed):
        broken = (variant, seed) == ("l2=0 dropout=0", 2)
        return synthetic.Outcome(status="diverged") if broken else outcome(variant, seed)

    (question,) = grid(tmp_path, came).questions
    assert question.factors.left_out == ()
    assert question.factors.values.min() == -np.inf
    mains = [effect.found for effect in question.factors.effects if effect.is_main]
    assert [found.test.test for found in mains] == ["signed rank", "signed rank"]
    assert [found.contrast.diverged_a for found in mains] == [1, 0]
    assert "Diverged: l2=0 dropout=0 in 1 of 6 seeds." in question.headline


def test_times_are_ratios(tmp_path):
    suite = SUITE.replace("margin: 0.001\n", "primary: train_time_s\n")
    times = {"l2=0 dropout=0": 0.1, "l2=0.01 dropout=0": 0.1, "other": 0.1}

    def came(variant, seed):
        noise = math.exp(synthetic.noise(variant, seed, 0.01))
        return synthetic.Outcome(epoch_time=times.get(variant, 0.2) * noise)

    found = grid(tmp_path, came, suite)
    dropout = found.factors.set_index("factors").loc["model.mlp.dropout"]
    assert dropout.difference == pytest.approx(2, rel=0.02)
    assert dropout.verdict == "worse"
    (question,) = found.questions
    assert "training time 2.0" in sentence(question.factors, question.factors.effects[1])
    assert split(question.factors) is None


@pytest.mark.parametrize(
    "matrix",
    [
        "matrix: {model.mlp.l2: [0, 0.01]}",
        "matrix: {model.mlp.l2: [0, 0.01], model.mlp.dropout: [0]}",
        (
            "matrix: {model.mlp.l2: [0, 0.01], model.mlp.dropout: [0, 0.2]}\n"
            "    exclude: [{model.mlp.l2: 0.01, model.mlp.dropout: 0.2}]"
        ),
    ],
)
def test_no_grid_no_factors(tmp_path, matrix):
    suite = SUITE.partition("    matrix:")[0] + f"    {matrix}\n"
    suite = suite.replace("    baseline: l2=0.01 dropout=0\n", "")
    assert grid(tmp_path, lambda *_: synthetic.Outcome(), suite).factors.empty


def test_a_cell_that_was_added_is_none_of_the_grid(tmp_path):
    more = "    include: [{model.mlp.l2: 0, model.mlp.dropout: 0, batch_size: 10}]\n"
    found = grid(tmp_path, lambda v, s: outcome(v if v in MEANS else "other", s), SUITE + more)
    (question,) = found.questions
    assert question.factors.values.min() > 0.9


def test_two_seeds_allow_no_test(tmp_path):
    found = grid(tmp_path, suite=SUITE.replace("seeds: 6", "seeds: 2"))
    assert found.factors.p_value.isna().all()
    assert "95 %" not in sentence(found.questions[0].factors, found.questions[0].factors.effects[0])


def test_three_levels_and_three_factors(tmp_path):
    suite = SUITE.replace(
        "[0, 0.01], model.mlp.dropout: [0, 0.2]",
        "[0, 0.01], model.mlp.dropout: [0, 0.1, 0.2], batch_size: [10, 20]",
    ).replace("    baseline: l2=0.01 dropout=0\n", "")
    found = grid(tmp_path, lambda v, s: synthetic.Outcome((0.5, synthetic.noise(v, s))), suite)
    (question,) = found.questions
    assert question.factors.values.shape == (6, 2, 3, 2)
    assert len(found.factors) == (1 + 2 + 1) + (2 + 1 + 2)
    assert split(question.factors) is None


def test_the_report_shows_them(found, tmp_path):
    from reading import Reading

    from bench.report import write_report

    page = Reading.of(write_report(found, tmp_path / "x.html").read_text(encoding="utf-8"))
    rows = page.rows("effect", "change", "adjusted p")
    assert [row["effect"] for row in rows] == ["l2", "dropout", "l2 × dropout"]
    assert "What l2 and dropout add, each by itself" in page.text
    assert "each averaged over the other" in page.text

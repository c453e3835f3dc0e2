"""What the page says of learning rates."""

from __future__ import annotations

import re

import pytest
import synthetic
from reading import Reading

from bench.analysis import analyse
from bench.report import figures, palette, sensitivity
from bench.report.render import render

HEAD = synthetic.SCAN.partition("    variants:")[0].replace("seeds: 5", "seeds: 6")
METHODS = {
    "s": ("SGD: {learning_rate: %s}", (0.001, 0.01, 0.1, 1)),
    "m": ("SGD: {learning_rate: %s, momentum: 0.9}", (0.001, 0.01, 0.1, 1)),
    "w": ("SGD: {learning_rate: %s, momentum: 0.5}", (0.001, 0.01, 0.1, 1)),
    "a": ("Adam: {learning_rate: %s}", (0.0001, 0.001, 0.01)),
}
ENDS = {
    "s": (0.3, 0.8, 0.95, 0.9),
    "m": (0.8, 0.945, 0.95, None),
    "w": (0.9, 0.945, 0.95, 0.946),
    "a": (0.93, 0.95, 0.945),
}
SUITE = f"{HEAD}    baseline: s2\n    variants:\n" + "".join(
    f"      {letter}{i}: {{optimizer: {{{text % rate}}}}}\n"
    for letter, (text, rates) in METHODS.items()
    for i, rate in enumerate(rates)
)


def outcome(variant, seed):
    end = ENDS[variant[0]][int(variant[1:])]
    if end is None:
        return synthetic.Outcome((0.5,), status="diverged")
    if (variant, seed) == ("a1", 2):
        return None
    return synthetic.Outcome((0.5, 0.6, end + synthetic.noise(variant, seed)))


def near(variant, seed):
    return synthetic.Outcome((0.5, 0.6, 0.95 + synthetic.noise(variant, seed)))


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    return analyse(synthetic.written(tmp_path_factory.mktemp("scan"), outcome, suite=SUITE))


@pytest.fixture(scope="module")
def page(scanned):
    return Reading.of(render(scanned))


def test_each_method_in_a_row_of_its_own_rates(page):
    rows = {row["method"].strip(): row for row in page.rows("method", "lost")}
    assert list(rows) == ["SGD", "SGD, momentum 0.9", "SGD, momentum 0.5", "Adam"]
    assert {name: row["rates"].strip() for name, row in rows.items()}["Adam"] == "3: 0.0001 to 0.01"
    assert float(rows["SGD"]["lost"]) == pytest.approx(65, abs=0.3)
    assert float(rows["Adam"]["lost"]) == pytest.approx(2, abs=0.3)
    assert rows["SGD, momentum 0.9"]["diverges at"].strip() == "1"
    assert rows["SGD"]["best rate"].strip() == "0.1"
    assert rows["SGD, momentum 0.5"]["within 1 percentage point of its best"].startswith(
        "0.01 to 1"
    )


def test_only_methods_of_one_kind_have_a_verdict(page):
    rows = {row["method"].strip(): row for row in page.rows("method", "lost")}
    assert "better" in rows["SGD, momentum 0.5"]["verdict"]
    assert "worse" in rows["SGD, momentum 0.9"]["verdict"]
    assert rows["SGD, momentum 0.9"]["difference"].strip() == "–"
    assert [rows[name]["verdict"].strip() for name in ("SGD", "Adam")] == ["–", "–"]
    assert "only methods of one optimizer with the same rates are tested" in page.text
    assert "exploratory" in page.text


def test_sentences_say_the_cost_and_how_far_one_may_go(scanned, page):
    sgd, momentum, half, adam = map(sensitivity.sentence, scanned.questions[0].methods)
    assert sgd.startswith("SGD (4 rates from 0.001 to 1): the rate costs 6")
    assert "percentage points (95 % CI 6" in sgd
    assert "by the means: 0.1 alone. The seeds show that it is at 0.1" in sgd
    assert momentum.startswith(
        "SGD, momentum 0.9 (4 rates from 0.001 to 1): diverges at 1 of 4 rates (1: 6 of 6 seeds), and so loses"
        " everything by its rate; over the other 3 rates from 0.001 to 0.1, the rate costs 1"
    )
    assert "0.01 to 1, at least a factor of 100" in half
    assert "0.001 to 0.01, at least a factor of 10" in adam
    for text in (sgd, momentum, half, adam):
        assert text in " ".join(page.text.split())


def test_what_is_missing_is_said(page):
    assert "Adam at 0.001: no result of 1 seed (2)." in page.text
    assert (
        "What Adam loses counts the 5 seeds with a result at every rate that counts." in page.text
    )


def test_findings_say_who_loses_less_and_by_how_much(page):
    text = " ".join(page.text.split())
    (found,) = re.findall(
        r"SGD, momentum 0.5 loses ([\d.]+) percentage points less by its rate", text
    )
    assert float(found) == pytest.approx(60, abs=0.3)
    assert re.search(
        r"less by its rate than SGD \(95 % CI −6[\d.]+ to −59[\d.]+; adjusted p = \.0", text
    )
    assert "diverges at fewer rates than SGD in 0 of 6 seeds, and at more in 6" in text


def test_each_rate_of_each_method(page):
    rows = page.rows("method", "near its best")
    assert len(rows) == 4 + 4 + 4 + 3
    assert [row["near its best"].strip() for row in rows[:4]] == ["no", "no", "yes", "no"]
    assert rows[7]["near its best"].strip() == "diverged: 6 of 6 seeds"
    assert rows[7]["mean"].strip() == "–"


def test_the_figure_draws_no_number_of_a_diverged_seed(scanned):
    panel = figures.sensitivity(scanned.questions[0])
    dots = [row for rows in panel.spec["datasets"].values() for row in rows if "seed" in row]
    assert len(dots) == 14 * 6 - 1
    assert "SGD, momentum 0.9" in panel.alt


def test_methods_have_the_looks_of_variants_of_theirs_in_different_colours(scanned):
    question = scanned.questions[0]
    places = figures.places(question)
    assert len({palette.colour(place) for place in places}) == len(question.methods)
    for method, place in zip(question.methods, places, strict=True):
        assert question.variants[place].name in method.by_rate.values()


def test_where_everything_diverges_it_is_said(tmp_path):
    analysed = analyse(
        synthetic.written(
            tmp_path, lambda _v, _s: synthetic.Outcome((0.5,), status="diverged"), suite=SUITE
        )
    )
    page = Reading.of(render(analysed))
    text = " ".join(page.text.split())
    assert (
        "SGD (4 rates from 0.001 to 1): diverges at 4 of 4 rates (0.001: 6 of 6 seeds; 0.01: 6"
        in text
    )
    assert "and so loses everything by its rate. " in text
    assert {row["lost"].strip() for row in page.rows("method", "lost")} == {"–"}


@pytest.mark.parametrize("seeds", [1, 2])
def test_few_seeds_have_no_interval(tmp_path, seeds):
    text = SUITE.replace("seeds: 6", f"seeds: {seeds}")
    analysed = analyse(synthetic.written(tmp_path, outcome, suite=text))
    sgd = sensitivity.sentence(analysed.questions[0].methods[0])
    assert "CI" not in sgd
    assert ("too few results to say" if seeds == 1 else "(2 seeds with no interval)") in sgd
    assert "cannot be compared with SGD" in Reading.of(render(analysed)).text


def test_a_rate_of_nothing_has_no_factor(tmp_path):
    text = SUITE.replace("learning_rate: 0.001}", "learning_rate: 0}")
    analysed = analyse(synthetic.written(tmp_path, near, suite=text))
    assert "0 to 1. The seeds" in sensitivity.sentence(analysed.questions[0].methods[0])
    render(analysed)


def test_one_method_is_compared_with_none(tmp_path):
    """The usual suite varies the rate of one method only."""
    analysed = analyse(synthetic.written(tmp_path, synthetic.usual))
    (row,) = Reading.of(render(analysed)).rows("method", "lost")
    assert row["method"].strip() == "SGD"
    assert "verdict" not in row


def test_losses_without_a_margin_say_why_nothing_is_near(tmp_path):
    text = SUITE.replace("questions:", "primary: test_loss\nquestions:")
    page = Reading.of(render(analyse(synthetic.written(tmp_path, outcome, suite=text))))
    assert "No margin is declared (margin in the suite), so nothing is said of rates" in page.text

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import synthetic
from jinja2 import UndefinedError
from reading import Reading
from scipy import special, stats

from bench.analysis import analyse
from bench.errors import UsageError
from bench.report import write_report
from bench.report.render import environment, render
from bench.suite import parse_suite

HOSTILE = "</script><script>alert(1)</script>"

FRESH = """
import sys
from bench.analysis import analyse
from bench.report import write_report
from bench.store import load_results
write_report(analyse(load_results(sys.argv[1])), sys.argv[2])
heavy = {"tensorflow", "keras", "dask", "distributed"} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.fixture(scope="module")
def page(report):
    return Reading.of(report.read_text(encoding="utf-8"))


def test_a_report_is_written_without_tensorflow(analysed, tmp_path):
    folder = analysed.results.folder
    subprocess.run(
        [sys.executable, "-c", FRESH, folder, tmp_path / "x.html"], check=True, timeout=120
    )


def test_it_answers_first(page, analysed):
    after_contents = page.text.partition("What 5 seeds say")[2]
    headline = " ".join(analysed.questions[0].headline.split())
    order = [
        headline,
        "Which conclusions survive",
        "Which rate ends best?",
        "How it was run",
        "Statistics used",
    ]
    places = [after_contents.index(part) for part in order]
    assert places == sorted(places)


def test_the_numbers_equal_those_computed_by_hand_from_the_exported_frames(
    page, analysed, tmp_path
):
    """Only scipy and an exported frame: nothing of ours computes the expectation."""
    analysed.results.trials.to_csv(tmp_path / "trials.csv", index=False)
    trials = pd.read_csv(tmp_path / "trials.csv")
    by_seed = trials.pivot_table(index="seed", columns="variant", values="test_accuracy")
    d = by_seed["high"] - by_seed["base"]
    test = stats.ttest_rel(by_seed["high"], by_seed["base"])
    frame = analysed.comparisons.query("primary and variant == 'high'").iloc[0]
    assert frame.level == pytest.approx(0.05 / 3)
    alone = test.confidence_interval(1 - frame.level)
    low, high = frame.ci_low, frame.ci_high  # five seeds look skewed: a little wider
    assert frame.test == "paired t, guarded"
    assert low <= alone.low < alone.high <= high
    assert (low, high) == pytest.approx(tuple(alone), rel=0.1)
    flip = stats.permutation_test(
        (d,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    row = next(r for r in page.rows("adjusted p", "sign-flip p") if r["variant"] == "high")
    places = len(row["difference"].partition(".")[2])
    assert row["n"] == "5"
    assert row["mean"].startswith(f"{by_seed['high'].mean() * 100:.1f}")
    assert row["difference"] == f"+{d.mean() * 100:.{places}f}"
    assert row["95 % CI"] == f"+{low * 100:.{places}f} to +{high * 100:.{places}f}"
    shown = row["p"].removeprefix("< ")
    assert test.pvalue <= frame.p_value < 2 * test.pvalue
    assert (
        test.pvalue < float(shown)
        if "<" in row["p"]
        else f"{test.pvalue:.4f}".lstrip("0").startswith(shown)
    )
    assert row["d_z"] == f"{d.mean() / d.std(ddof=1):.1f}"
    assert row["sign-flip p"] == f"{flip.pvalue:.3f}".lstrip("0")
    assert row["wins"] == f"{(d > 0).sum()} of 5"
    assert "better" in row["verdict"]


def test_the_family_by_hand(page, analysed):
    raw, adjusted = [], []
    for row in analysed.comparisons.query("primary").itertuples():
        raw.append(row.p_value)
        adjusted.append(row.p_adjusted)
    assert adjusted == pytest.approx((np.array(raw) * len(raw)).clip(max=1))
    same = next(r for r in page.rows("adjusted p", "sign-flip p") if r["variant"] == "same")
    p = adjusted[
        [r.variant for r in analysed.comparisons.query("primary").itertuples()].index("same")
    ]
    assert same["adjusted p"] in (f"{p:.2f}".lstrip("0"), f"{p:.3f}".lstrip("0"), "1")


def test_what_broke_is_said(page):
    rows = page.rows("status", "reason")
    assert [(r["variant"], r["seed"], r["status"]) for r in rows] == [
        ("low", "0", "diverged"),
        ("same", "1", "failed"),
    ]
    assert rows[1]["reason"] == "MemoryError: too large"
    assert "same has 4 seeds and base 5: compared on the 4 seeds that both have." in page.text
    assert "1 trial diverged" in page.text


def test_how_it_was_run_is_complete(page):
    for part in (
        "planned: 0 to 4",
        "bench run b",
        "cores 2",
        "python 3.11",
        "suite: made-up",
        "Dunn 1961",
    ):
        assert part in page.text


def test_nothing_is_fetched(page):
    for tag, attributes in page.tags:
        for name in ("src", "href", "data", "action"):
            address = attributes.get(name) or ""
            assert not re.match(r"(?i)\s*(https?:|//|ftp:)", address), (tag, attributes)
    assert not page.all("link")[0]["href"].removeprefix("data:,")


def test_anchors_lead_somewhere_and_are_unique(page):
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    for attributes in page.all("a"):
        assert attributes["href"].removeprefix("#") in ids


def test_landmarks_and_alternatives(page):
    assert len(page.all("main")) == len(page.all("nav")) == len(page.all("h1")) == 1
    charts = [a for a in page.all("div") if a.get("class") == "chart"]
    assert len(charts) == 6
    assert all(a["role"] == "img" and len(a["aria-label"]) > 40 for a in charts)


def test_charts_are_pictures_where_no_script_runs(report):
    html = report.read_text(encoding="utf-8")
    assert html.count("<noscript><svg") == 6


def test_hostile_text_stays_text(tmp_path):
    def outcome(variant, seed):
        if seed == 4:
            return synthetic.Outcome(status="failed", error=f"Traceback\nError: {HOSTILE}")
        return synthetic.Outcome(
            notes=HOSTILE, accuracies=(0.8, 0.9, 0.9 + synthetic.noise(variant, seed))
        )

    # A matrix names its variants after what the suite writes.
    text = f"""
suite: hostile
title: "{HOSTILE}"
source: "{HOSTILE}"
about: "{HOSTILE}"
dataset: digits
seeds: 5
epochs: 3
base: {{model: {{mlp: {{hidden: [10]}}}}, optimizer: {{SGD: {{learning_rate: 0.1}}}}}}
questions:
  q a.b:
    title: "{HOSTILE}"
    ask: "{HOSTILE}"
    about: "{HOSTILE}"
    variants:
      a: {{about: "{HOSTILE}"}}
      b: {{optimizer: {{"{HOSTILE}": {{learning_rate: 0.2}}}}}}
    matrix:
      "model.mlp.{HOSTILE}": [1]
    claims:
      - says: "{HOSTILE}"
        test: {{metric: test_accuracy, variant: b, against: a, is: better}}
"""
    html = render(analyse(synthetic.written(tmp_path, outcome, suite=text)))
    page = Reading.of(html)
    assert html.count("</script>") == len(page.all("script"))
    assert len(page.all("script")) == 4 + 2 + 2, (
        "four charts, the data of two figures, their library, the page's own"
    )
    assert not any(
        "alert(1)" in script and not script.lstrip().startswith("{") for script in page.scripts
    )
    assert "<script>alert(1)" not in html
    assert page.text.count(HOSTILE) > 10
    for script in page.scripts:
        if script.startswith("{"):
            json.loads(script)


def test_a_missing_name_in_a_template_is_an_error():
    with pytest.raises(UndefinedError):
        environment().from_string("{{ nobody }}").render()


def test_a_report_of_a_run_that_only_began(tmp_path):
    html = render(analyse(synthetic.written(tmp_path, lambda *_: None)))
    assert "The run is not complete: 0 of 20 trials have a result." in Reading.of(html).text


def test_one_seed_makes_no_test(tmp_path):
    text = synthetic.SUITE.replace("seeds: 5", "seeds: 1")
    page = Reading.of(render(analyse(synthetic.written(tmp_path, synthetic.usual, suite=text))))
    assert "1 seed: too few for an interval or a test" in page.text
    assert {r["p"] for r in page.rows("adjusted p", "sign-flip p")} == {"–"}


def test_a_place_that_cannot_be_written_is_one_clear_error(analysed, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="the report cannot be written"):
        write_report(analysed, tmp_path / "file" / "report.html")


@pytest.fixture(scope="module")
def looked(tmp_path_factory):
    """A page of a suite that declares all pairs and looks, at its first look."""
    text = synthetic.SUITE.replace("seeds: 5", "seeds: 20\ncompare: all pairs\nlooks: [5, 10, 20]")
    suite = parse_suite(text).resized(seeds=5)
    results = synthetic.written(tmp_path_factory.mktemp("looked"), synthetic.usual, suite=suite)
    return Reading.of(render(analyse(results)))


def test_every_table_with_p_values_is_labelled_with_the_look(looked):
    label = "p-values: declared looks, 1 of 3, at 5 seeds: an adjusted p of at most"
    tables_with_p = [t for t in looked.tables if any("adjusted p" in cell for cell in t[0])]
    assert looked.text.count(label) == len(tables_with_p) == 5
    assert "seed count changed" not in looked.text


def test_the_anytime_sign_test_is_offered_at_a_look(looked, page):
    row = looked.rows("anytime e", "sign-flip p")[1]
    wins, n = map(int, row["wins"].split(" of "))
    assert float(row["anytime e"]) == pytest.approx(
        2**n * special.beta(wins + 1, n - wins + 1), abs=0.05
    )
    assert "anytime e" not in page.text, "but not where the seeds are those that were planned"


def test_all_other_pairs_lie_in_a_fold(looked, page):
    assert "All pairs: 3 more comparisons" in looked.text
    rows = looked.rows("against", "wins")
    pairs = [(r["variant"], r["against"]) for r in rows]
    assert pairs == [("low", "high"), ("same", "high"), ("same", "low")]
    assert "All pairs" not in page.text


def test_the_target_table_stands_by_the_frame(page, analysed):
    rows = {r["variant"]: r for r in page.rows("ERT (epochs)", "reached")}
    for row in analysed.targets.itertuples():
        shown = rows[row.variant]
        assert shown["reached"] == f"{row.reached} of {row.n}"
        assert float(shown["ERT (epochs)"]) == pytest.approx(row.running_epochs, abs=0.05)
    assert rows["low"]["epochs"].startswith("≥"), "one diverged, and counts the budget"
    assert rows["base"]["verdict"] == "baseline"


def test_the_best_epoch_is_called_optimistic(page):
    assert "Best test accuracy of all epochs: optimistic, not tested." in page.text


def test_single_epochs_are_shown_but_not_compared(page):
    rows = page.rows("95th percentile", "timed")
    assert {r["timed"] for r in rows} <= {
        "alone", "while other trials ran", "4 of 5 while other trials ran"
    }  # fmt: skip
    assert all(r["shortest"].endswith(" s") for r in rows)

"""What the report makes of imported results, down to the hostile and the odd."""

from __future__ import annotations

import re

import pytest
from logs import write
from reading import Reading

import bench
from bench import importers
from bench.report import figures, render

HEAD = "m,s,t,acc\n"


@pytest.fixture
def reading(imported, tmp_path):
    """The report of a file, as a reader's tools see it."""

    def read(text, **options):
        results = imported(text, **options)
        return Reading.of(
            bench.write_report(bench.analyse(results), tmp_path / "r.html").read_text()
        )

    return read


def log(*methods, seeds=5, steps=3):
    rows = [
        f"{method},{seed},{step},{0.5 + 0.1 * i + 0.01 * ((seed * 7 + i * 3) % 5) + step / 100:.4f}"
        for i, method in enumerate(methods)
        for seed in range(seeds)
        for step in range(1, steps + 1)
    ]
    return HEAD + "\n".join(rows) + "\n"


def test_how_it_was_run(reading):
    page = reading(log("a", "b"))
    assert "Read from log.csv, 30 rows, SHA-256" in page.text
    assert "variant: m, seed: s, step: t" in page.text
    assert "acc (higher is better)" in page.text
    assert "The file does not say" in page.text or "the file does not say" in page.text
    assert "Training alone is timed" not in page.text
    assert "What a seed sets was decided by the program that wrote the file" in page.text


def test_answers_speak_of_the_files_own_metric(reading):
    page = reading(log("a", "b"), target=("acc", 0.6))
    assert "b ends 0.1 higher in acc than a" in page.text.replace("0.100", "0.1")
    assert "steps to target" in page.text
    assert "epochs" not in page.text.split("Statistics used")[0]
    assert "test accuracy" not in page.text.split("Statistics used")[0]


def test_names_are_text_and_nothing_else(reading):
    name = '<img src=x onerror="alert(1)">'
    quoted = name.replace('"', '""')
    text = log("A", "B").replace("A,", f'"{quoted}",').replace("B,", '"</script><b>",')
    page = reading(text)
    assert name in page.text
    assert "</script><b>" in page.text
    assert not page.all("img")
    assert not page.all("b")


def test_questions_with_names_of_another_script_have_anchors_of_their_own(reading):
    rows = log("a", "b").splitlines()[1:]
    text = (
        "d,"
        + HEAD
        + "".join(f"{d},{row}\n" for d in ("数据", "中文", "a b", "a-b") for row in rows)
    )
    page = reading(text, group="d")
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [a["href"][1:] for a in page.all("a") if a.get("href", "").startswith("#")]
    assert set(links) <= set(ids)


def test_one_seed_allows_no_test_and_says_so(reading):
    page = reading(log("a", "b", seeds=1))
    assert "1 seed allows no test" in page.text
    assert "1 seed: too few for an interval or a test" in page.text


def test_one_variant(reading):
    assert "There is only one variant, so nothing is compared." in reading(log("a")).text


def test_ragged_seeds_leave_the_pairs_that_there_are_and_it_is_said(reading):
    rows = [row for row in log("a", "b").splitlines() if not row.startswith("b,4")]
    page = reading("\n".join(rows) + "\n")
    assert "b has 4 seeds and a 5: compared on the 4 seeds that both have" in page.text
    assert "not paired" not in page.text.split("Statistics used")[0]


def test_runs_that_end_at_different_steps(reading):
    rows = [row for row in log("a", "b").splitlines() if not row.startswith("b,4,3")]
    page = reading("\n".join(rows) + "\n", target=("acc", 0.6))
    assert (
        "The runs end at different steps, 2 to 3: the final value of a run is its own last"
        in page.text
    )
    assert "within 3 steps, the length of the longest run" in page.text
    assert "Runs that ended before the longest one, which ends at 3: b: seed 4 at 2." in page.text
    assert "only what lies up to 2, which all of them reached, is counted" in page.text


def test_diverged_and_empty_runs(reading):
    text = log("a", "b").replace("b,4,3,", "b,4,3,nan#").replace("a,2,", "a,2,")
    text = re.sub(r"nan#.*", "nan", text)
    text = re.sub(r"(b,0,\d,).*", r"\1", text)
    page = reading(text)
    rows = page.rows("question", "seed", "status", "reason")
    assert [(row["seed"], row["status"], row["reason"]) for row in rows] == [
        ("0", "failed", "no value of acc in the file"),
        ("4", "diverged", "acc was not finite at t 3"),
    ]
    assert "Traceback" not in page.text


def value_of(panel, name):
    """The value of a chart's parameter at first."""
    return next(p["value"] for p in panel.spec["params"] if p["name"] == name)


def test_rewards_below_zero_have_a_plain_axis(imported):
    results = imported(log("a", "b").replace(",0.", ",-1."))
    question = bench.analyse(results).questions[0]
    (panel,) = figures.convergence(question).panels
    assert value_of(panel, "log") is False
    assert value_of(panel, "positive") == [False]


def test_losses_have_a_logarithmic_axis(imported):
    question = bench.analyse(imported(log("a", "b"), metrics=["acc:min"])).questions[0]
    (panel,) = figures.convergence(question).panels
    assert value_of(panel, "log") is True


def test_more_than_a_page_can_hold_is_shown_in_short(tmp_path):
    path = write(tmp_path / "log.csv", 3, 1100, 2)
    results = importers.read(
        path,
        "csv",
        tmp_path / "r",
        variant="method",
        seed="seed",
        step="step",
        metrics=["val_acc:max"],
    )
    question = bench.analyse(results).questions[0]
    assert figures.are_quantiles(question)
    assert "quantiles" in figures.seeds(question).title
    assert sum(map(len, figures.seeds(question).spec["datasets"].values())) == 3


def test_very_long_curves_are_thinned_from_end_to_end(imported, monkeypatch):
    monkeypatch.setattr(figures.curves, "_MOST_OF_MEANS", 2 * 7 * 800)
    analysis = bench.analyse(imported(log("a", "b", seeds=1, steps=900)))
    curves = figures.convergence(analysis.questions[0])
    assert curves.thinned
    (panel,) = curves.panels
    shown = next(iter(panel.datasets.values()))[0]["epoch"]
    assert (shown[0], shown[-1], len(shown)) == (1, 900, 800)
    assert "Not every evaluation is shown" in render.render(analysis)


def test_a_page_of_very_many_charts_has_pictures_for_the_first_ones(imported):
    rows = log("a", "b").splitlines()[1:]
    text = "d," + HEAD + "".join(f"set {d},{row}\n" for d in range(15) for row in rows)
    html = render.render(bench.analyse(imported(text, group="d")))
    assert html.count("<noscript><svg") == 40
    assert html.count("<noscript><p>This chart needs JavaScript.") == 15 * 3 - 40

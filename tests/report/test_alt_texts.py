"""What figures say to those who do not see them: of whom, with which numbers; in HTML and in Markdown."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest
import synthetic
import teams
from markdown_it import MarkdownIt
from reading import Reading

from bench import analyse, importers, load_results, run
from bench.report import stills
from bench.report.as_markdown import write_markdown
from bench.report.blocks import Figure
from bench.report.contents import contents
from bench.report.render import render
from bench.store import Store
from bench.suite import parse_suite
from bench.trial import Timing, expand

HEAD = synthetic.SCAN.partition("    variants:")[0]
MANY = f"{HEAD}    baseline: v00\n    variants:\n" + "".join(
    f"      v{i:02}: {{batch_size: {i + 1}}}\n" for i in range(30)
)
TWICE = synthetic.SUITE + synthetic.SUITE.partition("questions:\n")[2].replace(
    "  rates:", "  again:", 1
)
GRID = f"""{HEAD}    matrix:
      model.mlp.l2: [0, 0.01]
      model.mlp.dropout: [0, 0.2]
      optimizer.SGD.learning_rate: [0.1, 1]
"""
SMALL = """\
suite: small
title: Small networks
dataset: digits
seeds: 2
epochs: 1
base: {model: {mlp: {hidden: [4]}}, optimizer: {SGD: {learning_rate: 0.1}}, batch_size: 50}
questions:
  sizes:
    ask: Which is small?
    validation: 200
    weights: true
    probes: [{sparsity: {delta: 0.02}}]
    variants:
      plain: {}
      proximal: {optimizer: {ProximalL1: {optimizer: {SGD: {learning_rate: 0.1}}, l1: 0.02}}}
"""


def near(variant, seed):
    return synthetic.Outcome((0.5, 0.6, 0.9 + synthetic.noise(variant, seed, 0.01)))


def falling(variant, seed):
    law = 0.3 + 2 * {"base": 0.8, "high": 0.6, "low": 0.9, "same": 0.8}[variant] ** np.arange(31)
    rng = np.random.default_rng(seed)
    return synthetic.Outcome(objectives=tuple((law * np.exp(0.01 * rng.normal(size=31))).tolist()))


def broken(variant, seed):
    if variant == "low" or (variant, seed) == ("high", 1):
        return synthetic.Outcome((0.5,), status="diverged")
    return synthetic.usual(variant, seed)


def timed(folder):
    synthetic.written(folder, synthetic.usual)
    keys = {u.variant: u.trial.training.of_an_epoch for u in expand(parse_suite(synthetic.SUITE))}
    with Store(folder) as store:
        for number in range(1, 7):
            rows = [
                Timing(key, number, 0.2 + i / 50 + number / 999, 0.2)
                for i, key in enumerate(keys.values())
            ]
            store.append_timings(
                rows, started_at="2026-03-04T05:06:07.000+00:00", machine="{}", versions="{}"
            )
    return load_results(folder)


def trained(folder):
    run(parse_suite(SMALL), folder, workers=0)
    return load_results(folder)


def written(outcome, suite):
    return lambda folder: synthetic.written(folder, outcome, suite=suite)


REPORTS = {
    "usual": written(synthetic.usual, synthetic.SUITE),
    "diverged": written(broken, synthetic.SUITE),
    "timed": timed,
    "landscape": written(synthetic.smooth, synthetic.PROBED),
    "rates scanned": written(synthetic.scanned, synthetic.SCAN),
    "two questions that share their training": written(synthetic.usual, TWICE),
    "factors": written(near, GRID),
    "workers": written(teams.came, teams.SUITE),
    "laws": written(falling, synthetic.SUITE.replace("epochs: 3", "epochs: 30")),
    "thirty variants": written(near, MANY),
    "sizes": trained,
    "images": None,  # of the tiny run
}


@pytest.fixture(scope="module", params=REPORTS)
def analysed(request, tmp_path_factory):
    made = REPORTS[request.param]
    if made is None:
        return analyse(load_results(request.getfixturevalue("tiny_results")))
    return analyse(made(tmp_path_factory.mktemp("report")))


def texts(analysis):
    """Of every figure by name."""
    found = {}
    for block in stills.figures_in(contents(analysis)):
        for one in block.panels if isinstance(block, Figure) else block.items:
            found |= one.texts() if isinstance(block, Figure) else {one.name: one.alt}
    return found


def names(analysis):
    """Whom figures may name: variants, methods and levels of settings."""
    return {
        name
        for question in analysis.questions
        for name in (
            *(v.name for v in question.variants),
            *(m.name for m in question.methods),
            *(f.name for f in (question.factors.factors if question.factors else ())),
        )
    }


def test_every_text_names_somebody_and_says_numbers(analysed):
    found = texts(analysed)
    assert found
    for name, text in found.items():
        question, _, said = text.partition(": ")
        assert question in {f"Question {q.name}" for q in analysed.questions}, name
        assert re.search(r"\d", said), f"{name}: {text}"
        assert 40 <= len(text) <= 900, f"{name}: {text}"
        assert text.endswith("."), f"{name}: {text}"
        assert not re.search(r"\bnan\b|\binf\b|None|\{|\}|: ?\.|  ", text), f"{name}: {text}"
        if not said.startswith("test image "):
            assert any(one in said for one in names(analysed)), f"{name}: {text}"


def test_no_two_figures_say_the_same(analysed):
    found = list(texts(analysed).values())
    assert len(set(found)) == len(found)


def test_page_and_markdown_have_the_same_texts(analysed, tmp_path):
    found = texts(analysed)
    path = write_markdown(analysed, tmp_path / "report.md")
    markdown = MarkdownIt("commonmark").enable("table").render(path.read_text(encoding="utf-8"))
    shown = {image["src"]: image["alt"] for image in Reading.of(markdown).all("img")}
    assert shown == {
        f"report-figures/{name}.svg".replace(" ", "%20"): text for name, text in found.items()
    }
    page = Reading.of(render(analysed))
    labels = {a.get("aria-label") or a.get("alt") for _, a in page.tags}
    options = {a["data-alt"] for a in page.all("option") if "data-alt" in a}
    assert set(found.values()) <= labels | options


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    return analyse(REPORTS["usual"](tmp_path_factory.mktemp("usual")))


def number(value):
    return f"{value:.4g}"


def test_numbers_are_those_of_the_frames(usual):
    said = {name.partition("/")[2]: text for name, text in texts(usual).items()}
    trials, compared = usual.results.trials, usual.comparisons
    for metric in ("test_accuracy", "train_accuracy"):
        for variant, values in trials.groupby("variant")[metric]:
            mean = number(100 * values.mean())
            assert re.search(rf"{variant} (ends )?at {mean} %", said[f"convergence-{metric}"])
    for variant, values in trials.groupby("variant").test_accuracy:
        low, high, mean = (number(100 * f(values)) for f in (np.min, np.max, np.mean))
        assert f"{variant} from {low} to {high} % (mean {mean})" in said["seeds"]
    rows = compared[compared.primary].to_dict("records")
    assert len(rows) == 3
    for row in rows:
        ends = (f"{100 * row[end]:.3g}".replace("-", "−") for end in ("ci_low", "ci_high"))
        difference = f"{100 * row['difference']:+.3g}".replace("-", "−")
        expected = f"{row['variant']} {difference} (interval {' to '.join(ends)}, {row['verdict']})"
        assert expected in said["differences"]
    best = usual.sensitivities.set_index("rate")["mean"]
    assert f"SGD best at 0.2 ({number(100 * best[0.2])} %)" in said["sensitivity"]
    assert "over 5 seeds" in said["convergence-test_accuracy"]


def test_of_many_variants_the_first_and_the_last_are_named(tmp_path):
    said = texts(analyse(REPORTS["thirty variants"](tmp_path)))
    assert "24 others in between" in said["q/convergence-test_accuracy"]


def test_who_has_no_mean_is_said(tmp_path):
    said = texts(analyse(REPORTS["diverged"](tmp_path)))
    curves = said["rates/convergence-test_accuracy"]
    assert "Without a mean there: low." in curves
    assert "Diverged: high in 1 of 5 seeds, low in 5 of 5 seeds." in curves
    assert "Diverged: high in 1 of 5 seeds, low in 5 of 5 seeds." in said["rates/seeds"]


def test_each_metric_of_a_chart_has_its_own_text(usual):
    said = texts(usual)
    assert "test loss over" in said["rates/convergence-test_loss"]
    assert "nats" in said["rates/convergence-test_loss"]


def test_names_with_marks_of_markdown_and_html_stay_names(tmp_path):
    """Those of imported files are anything."""
    odd = ['a](http://x/y.png) "b', "<img src=x>", "![c]", "`d` *e* _f_"]
    file = tmp_path / "runs.csv"
    with file.open("w", encoding="utf-8", newline="") as lines:
        write = csv.writer(lines).writerow
        write(["method", "seed", "step", "acc"])
        for place, name in enumerate(odd):
            for seed in range(4):
                for step in (1, 2, 3):
                    write([name, seed, step, 0.5 + step / 10 + place / 50 + seed / 1000])
    columns = {"variant": "method", "seed": "seed", "step": "step", "metrics": ["acc:max"]}
    analysis = analyse(importers.read(file, "csv", tmp_path / "out", **columns))
    found = texts(analysis)
    assert all(any(name in text for text in found.values()) for name in odd)
    path = write_markdown(analysis, tmp_path / "report.md")
    markdown = MarkdownIt("commonmark").enable("table").render(path.read_text(encoding="utf-8"))
    assert {image["alt"] for image in Reading.of(markdown).all("img")} == set(found.values())
    page = Reading.of(render(analysis))
    labels = {a.get("aria-label") for _, a in page.tags}
    options = {a["data-alt"] for a in page.all("option") if "data-alt" in a}
    assert set(found.values()) <= labels | options

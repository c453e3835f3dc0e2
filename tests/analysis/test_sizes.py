"""Sizes and capacity, from a real run: the numbers again by hand, and the report's part on them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from reading import Reading

from bench import analyse, load_results, run
from bench.analysis import sizes
from bench.analysis.sizes import Network, Sizes
from bench.report import figures, write_report
from bench.report.sizes import picture
from bench.suite import parse_suite

SUITE = """\
suite: small
title: Small networks
dataset: digits
seeds: 3
epochs: 3
margin: 0.01
base:
  model: {mlp: {hidden: [16]}}
  optimizer: {SGD: {learning_rate: 0.1}}
  batch_size: 50
questions:
  about-sizes:
    ask: Which is small?
    validation: 200
    weights: true
    probes: [{sparsity: {delta: 0.02}}, capacity]
    variants:
      plain: {}
      proximal: {optimizer: {ProximalL1: {optimizer: {SGD: {learning_rate: 0.1}}, l1: 0.02}}}
  not-about-sizes:
    ask: Which is better?
    variants:
      plain: {}
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    run(parse_suite(SUITE), folder, workers=0)
    return analyse(load_results(folder))


def networks(**accuracy_and_bytes):
    rows = [
        Network(variant, seed, pruned=False, accuracy=a, nonzero=b, gzip_bytes=b)
        for variant, (a, b) in accuracy_and_bytes.items()
        for seed in (0, 1)
    ]
    return Sizes({}, {}, tuple(rows), {}, {}, None)


def test_only_questions_about_sizes_have_that_part(found):
    about, other = found.questions
    assert about.sizes is not None
    assert (other.sizes, other.capacity) == (None, ())


def test_means_are_those_of_the_frame(found):
    question = found.questions[0]
    rows = found.results.probes
    for measure, mean in question.sizes.means["proximal"].items():
        here = (rows.variant == "proximal") & (rows.layer == "") & (rows.measure == measure)
        assert mean.value == pytest.approx(rows[here & (rows.probe == "sparsity")].value.mean())
    assert question.sizes.means["proximal"]["exact_zeros"].value > 0.1
    assert question.sizes.means["plain"]["exact_zeros"].value == 0
    assert question.sizes.layers["plain", "dense_1"]["bytes"].value == 4 * 64 * 16


def test_every_network_is_there_trained_and_pruned(found):
    question, results = found.questions[0], found.results
    assert len(question.sizes.networks) == 2 * 3 * 2
    trained = [n for n in question.sizes.networks if not n.pruned]
    accuracy = results.trials.set_index(["question", "variant", "seed"]).test_accuracy
    for network in trained:
        key = ("about-sizes", network.variant, network.seed)
        assert network.accuracy == accuracy[key]
    for seed in range(3):
        before, after = (
            next(n for n in question.sizes.networks if (n.variant, n.seed, n.pruned) == key)
            for key in (("plain", seed, False), ("plain", seed, True))
        )
        assert after.nonzero <= before.nonzero


def test_histograms_have_all_weights_but_zeros(found):
    one = found.questions[0].sizes
    for variant, shares in one.histograms.items():
        zeros = one.means[variant]["exact_zeros"].value
        assert sum(shares.values()) == pytest.approx(1 - zeros)


def test_filters_are_the_columns_of_the_first_kernel(found):
    one, results = found.questions[0].sizes, found.results
    rows = results.trials.query("question == 'about-sizes' and variant == 'plain' and seed == 0")
    kernel = results.weights.of(rows.trial_id.iloc[0])["dense_1/kernel"]
    assert one.filters_seed == 0
    assert one.filters["plain"].shape == (16, 8, 8)
    np.testing.assert_array_equal(one.filters["plain"][3].ravel(), kernel[:, 3])


def test_the_frontier_by_hand():
    one = networks(a=(0.9, 100), b=(0.95, 300), c=(0.94, 400), d=(0.9, 120), e=(0.96, 900))
    assert [p.variant for p in one.frontier("gzip_bytes")] == ["a", "b", "e"]
    assert sizes.sentence(one, "gzip_bytes", 0.01) == (
        "Most accurate, in the mean over seeds, is e (96.00 %) with 900 bytes gzipped. The smallest"
        " within 1 percentage point of it is b with 300 bytes (95.00 %)."
    )
    assert sizes.sentence(networks(a=(0.9, 100)), "gzip_bytes", 0.01).endswith("of it is itself.")


def test_sizes_are_compared_as_secondary_metrics(found):
    rows = found.comparisons[found.comparisons.question == "about-sizes"].set_index("metric")
    one = rows.loc["sparsity//gzip_bytes"]
    assert one.difference < 0
    assert one.ci_high < 0
    other = found.comparisons[found.comparisons.question == "not-about-sizes"]
    assert not other.metric.str.startswith("sparsity").any()


def test_capacity(found):
    plain, proximal = found.questions[0].capacity
    assert plain.parameters == proximal.parameters == 65 * 16 + 17 * 10
    assert plain.multiply_adds == 64 * 16 + 16 * 10
    assert plain.epoch_time.value > 0


def test_the_report_has_them(found, tmp_path):
    html = write_report(found, tmp_path / "x.html").read_text(encoding="utf-8")
    page = Reading.of(html)
    rows = page.rows("variant", "exactly 0", "gzip", "then accuracy")
    assert [row["variant"] for row in rows] == ["plain", "proximal"]
    assert rows[0]["dense"] == f"{4 * (64 * 16 + 160):,}"
    assert [row["layer"] for row in page.rows("layer", "gzip")] == ["dense_1", "dense_2"] * 2
    assert page.rows("variant", "multiply-adds")[0]["multiply-adds"] == "1,184"
    pictures = page.all("img")
    assert len(pictures) == 2
    assert all(p["src"].startswith("data:image/png;base64,") and p["alt"] for p in pictures)
    assert html.count("Size of the networks") == 1


def test_pareto_and_histogram_show_what_was_found(found):
    question = found.questions[0]
    by_bytes, by_weights = figures.pareto(question, question.sizes)
    dots = [r for rows in by_bytes.spec["datasets"].values() for r in rows if "seed" in r]
    assert len(dots) == 12
    assert {r["kind"] for r in dots} == {"trained", "pruned"}
    assert "Frontier: " in by_weights.alt
    shown = figures.magnitudes(question, question.sizes)
    text = [r["text"] for rows in shown.spec["datasets"].values() for r in rows if "text" in r]
    assert len(text) == 1  # proximal alone has zeros
    assert text[0].endswith("% are 0")


def test_a_picture_by_hand():
    filters = np.array([[[1.0, 0.0], [0.0, -1.0]], [[0.0, 0.5], [0.0, 0.0]]])
    pixels = np.asarray(Image.open(io.BytesIO(picture(filters))))
    assert pixels.shape == (5, 5, 4)
    assert pixels[0, 0, 3] == 255
    assert pixels[0, 0, 2] > pixels[0, 0, 0]  # blue: above 0
    assert pixels[1, 1, 0] > pixels[1, 1, 2]  # orange: below
    assert pixels[0, 4, 3] == 128
    assert pixels[:, 2, 3].max() == 0
    assert np.asarray(Image.open(io.BytesIO(picture(np.zeros((1, 2, 2))))))[..., 3].max() == 0

"""What the learning rate matters to each method."""

from __future__ import annotations

import math

import pytest
from synthetic import SCAN, Outcome, scanned, written

from bench.analysis import analyse


@pytest.fixture(scope="module")
def methods(tmp_path_factory):
    question = analyse(written(tmp_path_factory.mktemp("scan"), scanned, suite=SCAN)).questions[0]
    return {method.name: method for method in question.methods}


def test_methods_are_variants_that_differ_in_the_rate_alone(methods):
    assert {name: method.by_rate for name, method in methods.items()} == {
        "plain": {0.1: "plain", 0.3: "plain-0.3", 1.0: "plain-1"},
        "normed": {0.1: "normed", 0.3: "normed-0.3", 1.0: "normed-1", 3.0: "normed-3"},
    }


def test_what_is_lost_over_the_common_rates(methods):
    """Best minus worst of each seed; the rate of 3, which only one method has, does not count."""
    for name, lost in (("plain", 0.4), ("normed", 0.04)):
        assert methods[name].mean_lost.value == pytest.approx(lost, abs=0.003)
        own = methods[name].finals
        ends = {rate: own[rate].by_seed[3] for rate in (0.1, 0.3, 1.0)}
        assert methods[name].lost.by_seed[3] == max(ends.values()) - min(ends.values())
    assert (methods["plain"].best, methods["normed"].best) == (0.1, 0.3)
    against = methods["normed"].against
    assert against.found.difference == pytest.approx(-0.36, abs=0.003)
    assert (against.variant, against.baseline, against.verdict) == ("normed", "plain", "better")
    assert methods["plain"].against is None


def test_a_diverged_rate_counts_as_the_worst_there_is(methods):
    last = methods["normed"].finals[3.0]
    assert len(last.diverged) == 5
    assert set(last.by_seed.values()) == {-math.inf}


def test_the_frame(tmp_path):
    frame = analyse(written(tmp_path, scanned, suite=SCAN)).frames["sensitivities"]
    assert list(zip(frame.method, frame.rate, strict=True)) == [
        *(("plain", rate) for rate in (0.1, 0.3, 1.0)),
        *(("normed", rate) for rate in (0.1, 0.3, 1.0, 3.0)),
    ]
    assert list(frame.diverged) == [0, 0, 0, 0, 0, 0, 5]
    assert list(frame.verdict.dropna().unique()) == ["better"]
    assert list(frame[frame.best].rate) == [0.1, 0.3]


def test_a_matrix_names_its_methods_by_the_other_settings(tmp_path):
    start, _, _ = SCAN.partition("    variants:")
    matrix = "    matrix: {optimizer.SGD.learning_rate: [0.1, 1.0], model.mlp.normalization: [batch, layer]}\n"
    results = written(tmp_path, lambda _v, _s: Outcome(), suite=start + matrix)
    assert [method.name for method in analyse(results).questions[0].methods] == [
        "normalization=batch",
        "normalization=layer",
    ]


def test_nothing_where_the_rate_is_the_same(tmp_path):
    text = SCAN.replace("0.3}", "0.1}").replace("learning_rate: 1", "learning_rate: 0.1")
    text = text.replace("0.1.0", "0.1").replace("3.0", "0.1")
    question = analyse(written(tmp_path, scanned, suite=text)).questions[0]
    assert question.methods == ()

"""What is said of several workers follows from what their engines measured."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import Outcome, written
from teams import SUITE, came

from bench.analysis import analyse
from bench.analysis.workers import Spent
from bench.errors import SuiteError
from bench.suite import parse_suite


@pytest.fixture(scope="module")
def question(tmp_path_factory):
    return analyse(written(tmp_path_factory.mktemp("workers"), came, suite=SUITE)).questions[0]


def test_teams_are_the_variants_with_workers(question):
    found = {team.variant: team for team in question.teams}
    assert list(found) == ["one", "six", "exact", "late"]
    six = found["six"]
    assert (six.engine, six.workers, six.cores) == ("multi_worker", 6, 2)
    assert (six.images, six.classes) == ((100, 105), (10, 10))
    assert (six.in_common, six.left_out) == (0, 0)
    assert six.spent == Spent(2.5, 2.0, 0.5)
    assert six.spent.whole == 5
    assert six.copies_differ_by == pytest.approx(3e-9)
    assert found["exact"].spent is None
    assert found["exact"].copies_differ_by is None


def test_speed_up_is_one_workers_time_by_theirs(question):
    found = {team.variant: team for team in question.teams}
    six = found["six"]
    ratio = 0.25 / np.prod([1 + 0.01 * seed for seed in range(4)]) ** 0.25
    assert six.speed_up.ratio == pytest.approx(ratio)
    assert six.speed_up.ci_low < ratio < six.speed_up.ci_high
    assert six.efficiency == pytest.approx(ratio / 6)
    for name in ("one", "exact", "late"):  # no variant with one worker is otherwise the same
        assert found[name].speed_up is None
        assert found[name].efficiency is None


def test_staleness_counts_the_updates_of_all_seeds(question):
    found = {team.variant: team for team in question.teams}
    assert found["late"].staleness == {0: 40, 1: 16, 12: 4}
    assert found["six"].staleness == {}
    assert question.claims[0].verdict == "holds"


def test_bytes_on_an_edge(question):
    weights = 79_510 * 4
    sent = {team.variant: team.edge_bytes for team in question.teams}
    assert sent["exact"] == sent["late"] == 2 * weights  # gradients up, weights down
    assert sent["six"] == pytest.approx(2 * weights * 5 / 6)
    assert sent["one"] == 0


def test_without_measures_nothing_is_said(tmp_path):
    nothing = analyse(written(tmp_path, lambda *_: Outcome(), suite=SUITE))
    assert nothing.questions[0].teams == ()


def test_a_measure_of_an_engine_that_no_variant_has_is_refused():
    with pytest.raises(SuiteError, match="no probe 'parameter_server'"):
        parse_suite(
            SUITE.replace(
                "late: {engine: {parameter_server: {workers: 2, split: labels}}}",
                "late: {engine: fit}",
            )
        )

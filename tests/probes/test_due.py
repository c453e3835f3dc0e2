"""When probes are due, and what they cost."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import probes
from bench.errors import SuiteError
from bench.runner import run_trial
from bench.suite import load_suite
from bench.trial import expand


@given(st.integers(1, 40), st.integers(1, 50), st.integers(1, 30))
def test_every_so_many_epochs(epochs, updates, every):
    found = probes.due({"every": every}, epochs, updates)
    assert found == {e * updates for e in range(epochs + 1) if e % every == 0 or e == epochs}


@given(st.integers(1, 40), st.integers(1, 700), st.integers(1, 30))
def test_spread_over_the_logarithm(epochs, updates, count):
    """From the first update to the last, no ratio of neighbours larger than an even spread has."""
    total = epochs * updates
    found = sorted(probes.due({"updates": count}, epochs, updates))
    assert len(found) <= count
    assert found[0] == (1 if count > 1 else total)
    assert found[-1] == total
    even = total ** (1 / max(count - 1, 1))
    for low, high in itertools.pairwise(found):
        assert high <= (low + 0.5) * even + 0.5 + 1e-6 * total


def test_spread_by_hand():
    assert probes.due({"updates": 4}, 10, 100) == {1, 10, 100, 1000}


def test_lists_and_the_end():
    assert probes.due({"updates": [0, 3, 30, 31]}, 3, 10) == {0, 3, 30}
    assert probes.due({}, 3, 10) == {30}


@pytest.mark.parametrize(
    ("when", "where"),
    [
        ({"every": 0}, "every"),
        ({"every": 1.5}, "every"),
        ({"every": True}, "every"),
        ({"updates": 0}, "updates"),
        ({"updates": []}, "updates"),
        ({"updates": [1, -1]}, "updates"),
        ({"updates": "often"}, "updates"),
        ({"updates": 3, "every": 1}, "updates"),
    ],
)
def test_times_that_are_none(tiny, when, where):
    trial = expand(load_suite(tiny))[0].trial
    training = replace(trial.training, probes=({"sparsity": when},))
    with pytest.raises(SuiteError, match="not a time to measure at") as caught:
        probes.check(training, None)
    assert caught.value.where == f"probes.0.sparsity.{where}"


def test_between_evaluations(tiny):
    """Probes stop the training where the curve is not measured; the curve is the same."""
    trial = expand(load_suite(tiny))[0].trial
    spec = {"sparsity": {"updates": [1, 29, 40, 58]}}
    seen = run_trial(replace(trial, training=replace(trial.training, probes=(spec,))))
    plain = run_trial(trial)
    assert sorted({epoch for epoch, _, _ in seen.probes}) == [1 / 29, 1, 40 / 29, 2]
    assert [p.updates for p in seen.curve] == [p.updates for p in plain.curve]
    assert [p.test_loss for p in seen.curve] == [p.test_loss for p in plain.curve]


def test_what_was_measured_before_a_divergence_is_kept(tiny):
    trial = expand(load_suite(tiny))[0].trial
    wild = replace(
        trial.training,
        optimizer={"SGD": {"learning_rate": 1e12}},
        probes=({"sparsity": {"every": 1}},),
    )
    result = run_trial(replace(trial, training=wild))
    assert result.status == "diverged"
    assert {epoch for epoch, _, _ in result.probes} == {0}

"""Two runs of one suite: what changed is found, what did not is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic import SUITE, noise, usual, written

from bench.analysis.changes import TIME, changes
from bench.errors import UsageError


def shifted(accuracy=None, slower=None):
    """The usual outcome, but one variant's final accuracy or time changed."""

    def outcome(variant, seed):
        came = usual(variant, seed)
        finals = [a + noise(f"new {variant}", seed, 0.0005) for a in came.accuracies]
        finals[-1] += (accuracy or {}).get(variant, 0.0)
        jitter = float(np.exp(noise(f"newer {variant}", seed, 0.01)))
        time = came.epoch_time * (slower or {}).get(variant, 1.0) * jitter
        return replace(came, accuracies=tuple(finals), epoch_time=time)

    return outcome


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    return written(tmp_path_factory.mktemp("before"), usual)


def verdicts(found, metric="test_accuracy"):
    return {c.variant: c.verdict for c in found if c.metric.name == metric}


def test_the_same_run_is_identical(before, tmp_path):
    found = changes(before, written(tmp_path, usual))
    assert set(verdicts(found).values()) == {"identical"}
    assert set(verdicts(found, TIME).values()) == {"identical"}


def test_what_became_worse_better_and_slower(before, tmp_path):
    after = shifted({"high": -0.02, "low": 0.02}, {"base": 1.5})
    found = changes(before, written(tmp_path, after))
    assert verdicts(found) == {
        "base": "no practical difference",
        "high": "worse",
        "low": "better",
        "same": "no practical difference",
    }
    slower = next(c for c in found if c.metric.name == TIME and c.variant == "base")
    assert slower.verdict == "worse"
    assert slower.found.difference == pytest.approx(1.5, rel=0.02)
    assert verdicts(found, TIME)["high"] == "no practical difference"


def test_of_other_seeds_those_count_that_both_have(before, tmp_path):
    longer = SUITE.replace("seeds: 5", "seeds: 7")
    found = changes(before, written(tmp_path, shifted({"high": -0.02}), suite=longer))
    high = next(c for c in found if c.variant == "high")
    assert high.found.contrast.a.size == 5
    assert high.verdict == "worse"


@pytest.mark.parametrize(
    ("change", "said"),
    [(("epochs: 3", "epochs: 4"), "differ in epochs"), (("made-up", "other"), "differ in suite")],
)
def test_runs_of_different_things_are_refused(before, tmp_path, change, said):
    other = written(tmp_path, usual, suite=SUITE.replace(*change))
    with pytest.raises(UsageError, match=said):
        changes(before, other)


def test_nothing_in_common(before, tmp_path):
    with pytest.raises(UsageError, match="no result in common"):
        changes(before, written(tmp_path, lambda _variant, _seed: None))


def test_a_margin_of_times_is_a_ratio(before):
    with pytest.raises(UsageError, match="margin of times"):
        changes(before, before, time_margin=1.0)

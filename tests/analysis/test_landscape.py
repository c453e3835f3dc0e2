"""The landscape: one number per seed from its course, who is smoother, and who is faster too."""

from __future__ import annotations

import math

import numpy as np
import pytest
from synthetic import BETA, LAMBDA, Outcome, smooth, written
from synthetic import PROBED as FIVE

from bench.analysis import analyse
from bench.analysis.metrics import measure
from bench.frames import SMOOTHNESS

PROBED = FIVE.replace(
    "seeds: 5", "seeds: 8"
)  # epochs are coarse, which few seeds cannot tell apart


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return analyse(written(tmp_path_factory.mktemp("smooth"), smooth, suite=PROBED)).questions[0]


def test_a_seed_counts_as_the_median_of_its_logarithms(tmp_path):
    """Steps without a finite positive number, such as a gradient of 0, say nothing."""
    course = {0.1: 1.0, 0.2: 4.0, 0.5: 9.0, 1.0: 100.0, 2.0: 0.0, 3.0: math.inf, 2.5: math.nan}
    results = written(
        tmp_path,
        lambda _v, _s: Outcome(probes={BETA: course, "sparsity//bytes": course}),
        suite=PROBED,
    )
    measured = measure(results)
    assert measured.of("rates", "base", BETA).by_seed == {
        s: pytest.approx(6.0) for s in range(8)
    }  # of 4 and 9
    assert measured.of("rates", "base", BETA).metric.ratio
    assert measured.of("rates", "base", "sparsity//bytes").by_seed == dict.fromkeys(
        range(8), math.inf
    )  # the last


def test_ratios_to_the_baseline_and_their_verdicts(found):
    by = {(c.variant, c.metric.name): c for c in found.landscape.compared}
    for name in (BETA, LAMBDA):
        assert by["high", name].found.difference == pytest.approx(0.5, rel=0.1)
        assert by["low", name].found.difference == pytest.approx(3.0, rel=0.1)
        verdicts = {variant: by[variant, name].verdict for variant in ("high", "low", "same")}
        assert verdicts == {"high": "better", "low": "worse", "same": "cannot tell"}
    assert all(c.baseline == "base" for c in found.landscape.compared)


def test_a_common_rate_that_is_everyones_own_is_not_said_twice(found, tmp_path):
    assert f"{BETA}_common" not in {c.metric.name for c in found.landscape.compared}
    results = written(tmp_path, lambda v, s: smooth(v, s, common=2.0), suite=PROBED)
    apart = analyse(results).questions[0].landscape
    assert [c.metric.name for c in apart.compared if c.variant == "low"] == [
        name for name in SMOOTHNESS if name in (BETA, LAMBDA, f"{BETA}_common")
    ]


def test_the_answer(found, tmp_path):
    first, *each = found.landscape.answer
    assert first == (
        "Against base, where a measure can tell: smoother: high; rougher: low; not told apart: same."
        " Smoother and faster: high."
    )
    assert each == [
        "high: smoother than base by every measure. It reaches the target sooner.",
        "low: rougher than base by every measure. It reaches the target later.",
        (
            "same: not told apart from base by any measure. It reaches the target neither sooner nor later,"
            " as far as these seeds can tell."
        ),
    ]
    results = written(tmp_path, lambda v, s: smooth(v, s, rougher=[LAMBDA]), suite=PROBED)
    first, high, *_ = analyse(results).questions[0].landscape.answer
    assert first == (
        "Against base, where a measure can tell: smoother by some, rougher by others: high and low; not told"
        " apart: same."
        " Smoother and faster: none. Faster, not smoother by every measure that tells: high."
    )
    assert high == (
        "high: smoother than base by effective β; rougher than base by λ max of the Hessian. It reaches the"
        " target sooner."
    )


def test_two_seeds_allow_no_answer(tmp_path):
    results = written(tmp_path, lambda v, s: smooth(v, s) if s < 2 else None, suite=PROBED)
    (answer,) = analyse(results).questions[0].landscape.answer
    assert answer == "Too few seeds for a test of the landscape."


def test_without_a_target_the_end_is_the_speed(tmp_path):
    text = PROBED.replace("target: {test_accuracy: 0.9}\n", "")
    answer = analyse(written(tmp_path, smooth, suite=text)).questions[0].landscape.answer
    assert answer[1].endswith("In test accuracy: better.")
    assert answer[0].endswith("Smoother and faster: high.")


def test_the_course(found):
    course = found.landscape.course
    assert set(course.measure) == {
        "loss",
        "change",
        "landscape/effective_beta",
        "curvature/lambda_max",
    }
    assert sorted(set(course.updates)) == [1, 10, 30]  # ten updates an epoch
    loss = course[(course.measure == "loss") & (course.variant == "base")]
    np.testing.assert_allclose(loss[["low", "high"]], [[1, 2]] * 3)
    line = course[(course.measure == "curvature/lambda_max") & (course.variant == "low")]
    assert list(line.updates) == [1, 10, 30]
    at_ten = line[line.updates == 10].iloc[0]
    assert at_ten.low < at_ten["mean"] < at_ten.high
    assert at_ten["mean"] == pytest.approx(6, rel=0.1)
    assert (line.n == 8).all()


def test_a_diverged_seed_is_as_rough_as_can_be(tmp_path):
    def broken(variant, seed):
        came = smooth(variant, seed)
        if (variant, seed) == ("high", 2):
            return Outcome((0.85,), status="diverged", probes=came.probes)
        return came

    results = written(tmp_path, broken, suite=PROBED)
    values = measure(results).of("rates", "high", BETA)
    assert values.by_seed[2] == math.inf
    assert values.diverged == {2}
    found = analyse(results).questions[0]
    high = next(c for c in found.landscape.compared if c.variant == "high")
    assert high.verdict == "cannot tell"
    assert high.found.difference is None


def test_nothing_where_nothing_was_measured(usual_results, tmp_path):
    assert analyse(usual_results).questions[0].landscape is None
    diverged = written(tmp_path, lambda _v, _s: Outcome((0.85,), status="diverged"))
    assert analyse(diverged).questions[0].landscape is None

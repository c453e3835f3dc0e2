from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats
from synthetic import SUITE, Outcome, noise, written
from synthetic import usual as usual_outcome

from bench.analysis import analyse, answers

HEAD = SUITE[: SUITE.index("    claims:")]
TESTS = {
    "better": "{metric: test_accuracy, variant: high, against: base, is: better}",
    "opposite": "{metric: test_accuracy, variant: low, against: base, is: better}",
    "denied": "{metric: test_accuracy, variant: low, against: base, is: not better}",
    "wrongly denied": "{metric: test_accuracy, variant: high, against: base, is: not better}",
    "alike": "{metric: test_accuracy, variant: same, against: base, is: better, margin: 0.01}",
    "equal": "{metric: test_accuracy, variant: same, against: base, is: EQUAL, margin: 0.01}",
    "unequal": "{metric: test_accuracy, variant: high, against: base, is: EQUAL}",
    "above": "{metric: test_accuracy, variant: base, value: 0.9, is: higher}",
    "below": "{metric: test_accuracy, variant: base, value: 0.99, is: higher}",
    "worse": "{metric: test_loss, variant: low, against: base, is: worse}",
    "slower": "{metric: epoch_time_s, variant: high, against: base, is: worse}",
    "same time": "{metric: epoch_time_s, variant: same, against: base, is: EQUAL, margin: 1.1}",
    "other time": "{metric: epoch_time_s, variant: high, against: base, is: EQUAL, margin: 1.1}",
    "gap": "{metric: generalisation_gap, variant: base, value: 0, margin: 0.05, is: EQUAL}",
    "missing": "{metric: sparsity//top, variant: high, against: base, is: lower}",
    "no margin": "{metric: train_loss, variant: high, against: base, is: EQUAL}",
    "no ratio": "{metric: epoch_time_s, variant: high, against: base, is: EQUAL, margin: 0.1}",
    "no time": "{metric: epoch_time_s, variant: high, is: higher, value: 0}",
}  # fmt: skip


def judged(folder, outcome=usual_outcome, tests=TESTS):
    claims = "\n".join(
        f"      - says: {name}\n        test: {test}" for name, test in tests.items()
    )
    claims = claims.replace("EQUAL", "no practical difference")
    results = written(folder, outcome, suite=f"{HEAD}    claims:\n{claims}\n")
    claims = [claim for question in analyse(results).questions for claim in question.claims]
    return {claim.claim.says: claim for claim in claims}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    return judged(tmp_path_factory.mktemp("claims"))


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("better", "holds"),
        ("opposite", "does not hold"),
        ("alike", "does not hold"),
        ("denied", "holds"),
        ("wrongly denied", "does not hold"),
        ("equal", "holds"),
        ("unequal", "does not hold"),
        ("above", "holds"),
        ("below", "does not hold"),
        ("worse", "holds"),
        ("slower", "holds"),
        ("same time", "holds"),
        ("other time", "does not hold"),
        ("missing", "cannot tell"),
        ("no margin", "cannot tell"),
        ("no ratio", "cannot tell"),
        ("no time", "cannot tell"),
    ],
)
def test_verdict(verdicts, name, verdict):
    assert verdicts[name].verdict == verdict


def test_a_claim_that_cannot_be_tested_says_why(verdicts):
    assert "top of high was not measured" in answers.evidence(verdicts["missing"])
    assert "no margin was declared" in answers.evidence(verdicts["no margin"])
    assert "a ratio above 1, not 0.1" in answers.evidence(verdicts["no ratio"])
    assert "always above 0 s" in answers.evidence(verdicts["no time"])


def test_evidence_has_numbers_units_interval_and_p(verdicts):
    said = answers.evidence(verdicts["better"])
    assert said.startswith("high ends 2.")
    for part in (
        "percentage points higher in test accuracy than base",
        "95 % CI",
        "adjusted p",
        "5 of 5 seeds",
    ):
        assert part in said
    assert "times as long per epoch as base" in answers.evidence(verdicts["slower"])
    assert "against 99 %" in answers.evidence(verdicts["below"])
    assert "below the margin of ±1 percentage point" in answers.evidence(verdicts["alike"])


def test_the_two_p_are_those_of_shifted_t_tests(tmp_path):
    test = {"x": "{metric: test_accuracy, variant: high, against: base, is: better, margin: 0.019}"}
    claim = judged(tmp_path, tests=test)["x"]
    a, b = claim.found.contrast.a, claim.found.contrast.b
    assert claim.p_support == pytest.approx(scipy_stats.ttest_rel(a, b).pvalue, rel=0.1)
    shifted = scipy_stats.ttest_rel(a, b + 0.019, alternative="less")
    assert claim.p_refute == pytest.approx(
        shifted.pvalue, rel=0.1
    )  # the guard against skew bites a little


def test_claims_are_judged_with_all_that_is_primary_each_test_once(verdicts):
    family = verdicts["better"].found.family
    assert family.primary
    for claim in verdicts.values():
        if claim.p_support is not None:
            assert claim.p_support_adjusted == min(1, claim.p_support * family.size)
            assert claim.p_refute_adjusted == min(1, claim.p_refute * family.size)
    # 3 comparisons; above, below, worse, slower with its like, same time, gap, and no margin
    assert family.size == 3 + 7


def test_no_difference_seen_is_not_a_refutation(tmp_path):
    def noisy(variant, seed):
        return Outcome((0.85, 0.92, 0.9 + noise(variant, seed, 0.02)))

    claims = judged(tmp_path, noisy)
    assert claims["better"].found.family.size > 5
    assert claims["better"].verdict == "cannot tell"
    assert "What would settle it: about" in answers.evidence(claims["better"])
    assert claims["unequal"].verdict == "cannot tell"


def test_a_real_but_small_advantage_does_not_make_better_hold(tmp_path):
    def slight(variant, seed):
        return Outcome(
            (0.85, 0.92, 0.95 + 0.0004 * (variant == "high") + noise(variant, seed, 1e-5))
        )

    tests = {
        "better": "{metric: test_accuracy, variant: high, against: base, is: better}",
        "denied": "{metric: test_accuracy, variant: high, against: base, is: not better}",
        "higher": "{metric: test_accuracy, variant: high, against: base, is: higher}",
    }
    claims = judged(tmp_path, slight, tests)
    assert claims["better"].verdict == "does not hold", "0.04 points, margin 0.2"
    assert claims["denied"].verdict == "holds", "the same, turned round"
    assert "in the direction denied is below the margin" in answers.evidence(claims["denied"])
    assert claims["higher"].verdict == "holds", "a claim of direction alone has no margin"


def test_gaps_of_diverged_seeds_are_unknown_so_nobody_can_tell(tmp_path):
    def outcome(variant, seed):
        return Outcome(status="diverged") if seed == 0 else usual_outcome(variant, seed)

    claim = judged(tmp_path, outcome, {"gap": TESTS["gap"]})["gap"]
    assert claim.verdict == "cannot tell"
    assert "seed 0 of base diverged" in answers.evidence(claim)


def test_under_alpha_by_itself_but_not_as_one_of_many_is_said(tmp_path):
    # Differences of five seeds with p = .03: two tests are enough to lift it above .05.
    differences = np.array([0.4, 1.6, 1.0, 0.1, 1.5]) / 1000

    def outcome(variant, seed):
        return Outcome((0.85, 0.92, 0.95 + (differences[seed] if variant == "high" else 0.0)))

    better = "{metric: test_accuracy, variant: high, against: base, is: higher}"
    claims = judged(tmp_path, outcome, {"one": better, "two": better.replace("base", "low")})
    assert claims["one"].verdict == "cannot tell"
    assert "By itself p =" in answers.evidence(claims["one"])


def test_two_seeds_allow_no_test(tmp_path):
    results = written(tmp_path, usual_outcome, suite=SUITE.replace("seeds: 5", "seeds: 2"))
    frame = analyse(results).claims
    assert set(frame.verdict) == {"cannot tell"}
    assert frame.evidence.str.contains("2 seeds allow no test").all()


def test_verdicts_are_in_the_frame(analysed):
    assert list(analysed.claims.verdict) == ["holds", "does not hold"]


@pytest.mark.parametrize(
    ("printed", "test", "reported"),
    [
        ("{high: {test_accuracy: 0.97}, base: {test_accuracy: 0.95}}", "better", 0.02),
        ("{high: {epoch_time_s: 3}, base: {epoch_time_s: 2}}", "slower", 1.5),
        ("{base: {test_accuracy: 0.95}}", "above", 0.95),
        ("{high: {test_accuracy: 0.97}}", "better", None),
        ("{}", "above", None),
    ],
)
def test_what_was_printed_of_a_claim(tmp_path, printed, test, reported):
    head = HEAD[: HEAD.index("    reported:")]
    text = f"{head}    reported: {printed}\n    claims: [{{says: x, test: {TESTS[test]}}}]\n"
    (row,) = analyse(written(tmp_path, usual_outcome, suite=text)).claims.itertuples()
    assert row.reported == pytest.approx(np.nan if reported is None else reported, nan_ok=True)

"""The claims of a suite, each judged: ``holds``, ``does not hold`` or ``cannot tell``.

A claim has a test that could support it and one that could refute it:

==========================  ==============================  ====================================
the claim says that A is    supported if the seeds show     refuted if the seeds show
==========================  ==============================  ====================================
better or worse than B      a difference in that direction  that any difference in that
                                                            direction is below the margin
not better, not worse       what refutes better or worse    what supports better or worse
higher or lower than B      a difference in that direction  a difference in the other direction
no practical difference     a difference within the margin  a difference beyond the margin
from B                      (two one-sided tests)
==========================  ==============================  ====================================

B is another variant (paired t; Welch where pairing is broken) or a number (one-sample t). The
margin is the claim's own, or the suite's for the primary metric; without one, ``better`` is refuted
by its opposite alone. "Any advantage is below the margin" covers the opposite, equivalence, and
what lies between: where the seeds exclude every advantage that would matter, the claim does not
hold, even if they cannot say whether there is none or a slight disadvantage.

Supporting p and refuting p are each adjusted by Holm over all claims of the suite. The null
hypotheses of a claim's two tests exclude each other or meet at one point, so this keeps the chance
of any wrong verdict near alpha. A refutation goes first: an advantage that is real, but shown to be
too small to matter, does not make a claim of "better" hold. All else is ``cannot tell``; so is
p > .05 alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from bench import frames, stats
from bench.analysis import answers, wording
from bench.analysis.comparisons import margin_of, primary_of
from bench.analysis.contrast import Contrast, Finding, Mean, contrast, mean_over_seeds
from bench.analysis.looks import ALPHA

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from bench.analysis.metrics import Measurements
    from bench.frames import Metric
    from bench.suite import Claim, ClaimTest

Judgement = Literal["holds", "does not hold", "cannot tell"]


@dataclass(frozen=True)
class JudgedClaim:
    """A claim with its tests and its verdict; numbers in the metric's unit (times: ratios).

    Attributes:
        position: among the question's claims, from 1.
        found: the plain difference and its test, not adjusted.
        mean: of the variant over its seeds.
        margin: differences below this do not matter; None if none applies.
        p_support, p_refute: of the tests that would support and refute it.
        p_support_holm, p_refute_holm: the same after Holm over the claims of the suite.
        problem: why it could not be tested, as the end of a sentence; None if it was.
        alpha: what a Holm p is held against; less than 0.05 at a declared look.
        reported: what the source printed of it: the difference of the two variants, or the variant's number.
    """

    question: str
    position: int
    claim: Claim
    found: Finding
    mean: Mean
    margin: float | None = None
    p_support: float | None = None
    p_refute: float | None = None
    p_support_holm: float | None = None
    p_refute_holm: float | None = None
    problem: str | None = None
    alpha: float = ALPHA
    reported: float | None = None

    @property
    def metric(self) -> Metric:
        """The metric that decides it."""
        return self.found.metric

    @property
    def p_deciding(self) -> float | None:
        """Holm p of the test that decided; the smaller one where neither did."""
        if self.verdict == "holds":
            return self.p_support_holm
        if self.verdict == "does not hold":
            return self.p_refute_holm
        both = (self.p_support_holm, self.p_refute_holm)
        return min((p for p in both if p is not None), default=None)

    @property
    def verdict(self) -> Judgement:
        """Refuted, supported, or neither."""
        tests: list[tuple[Judgement, float | None]] = [
            ("does not hold", self.p_refute_holm),
            ("holds", self.p_support_holm),
        ]
        if self.denies:  # the opposite claim's verdict, turned round
            tests.reverse()
        return next((said for said, p in tests if p is not None and p <= self.alpha), "cannot tell")

    @property
    def denies(self) -> bool:
        """Whether it is a claim that something is not better or not worse."""
        return self.claim.test.is_.startswith("not ")


def judge(measured: Measurements, *, alpha: float = ALPHA) -> list[JudgedClaim]:
    """All claims of the suite, tested, and judged as one family; alpha: what p is held against."""
    tested = [
        _tested(measured, question, position, claim)
        for question, asked in measured.suite.questions.items()
        for position, claim in enumerate(asked.claims, start=1)
    ]
    support = stats.adjust([claim.p_support for claim in tested])
    refute = stats.adjust([claim.p_refute for claim in tested])
    family = sum(claim.p_support is not None for claim in tested)
    return [
        replace(
            claim,
            found=claim.found.in_family(family, alpha),
            p_support_holm=p,
            p_refute_holm=q,
            alpha=alpha,
        )
        for claim, p, q in zip(tested, support, refute, strict=True)
    ]


def frame(judged: list[JudgedClaim]) -> pd.DataFrame:
    """The frame ``claims``: one row per claim."""
    return frames.typed([_row(j) for j in judged], frames.CLAIMS)


def _tested(measured: Measurements, question: str, position: int, claim: Claim) -> JudgedClaim:
    wanted = claim.test
    values = measured.of(question, wanted.variant, wanted.metric)
    if wanted.against is not None:
        between = contrast(values, measured.of(question, wanted.against, wanted.metric))
    else:
        between = contrast(values, float(wanted.value or 0.0))
    margin = _margin(measured, question, wanted)
    problem = between.problem or _margin_problem(wanted, margin, between.metric)
    scaled = None if problem or margin is None else between.scaled(margin)
    test = None if between.problem else between.test(margin=scaled)
    if test and test.p_value is None:
        problem = (
            f"{wording.counted(test.n, 'seed')} {'allows' if test.n == 1 else 'allow'} no test"
        )
    tested = JudgedClaim(
        question,
        position,
        claim,
        Finding(between, test),
        mean_over_seeds(values),
        margin,
        problem=problem,
        reported=_reported(measured.suite.questions[question].reported, wanted, between.metric),
    )
    if problem or test is None:
        return tested
    support, refute = _support_and_refute(between, wanted.is_, scaled or 0.0, test)
    return replace(tested, p_support=support, p_refute=refute)


def _reported(
    printed: Mapping[str, Mapping[str, float]], wanted: ClaimTest, metric: Metric
) -> float | None:
    """What was printed of a claim, for times their ratio; None unless all of it was printed."""
    sides = [name for name in (wanted.variant, wanted.against) if name is not None]
    numbers = [printed.get(name, {}).get(wanted.metric) for name in sides]
    known = [number for number in numbers if number is not None]
    if len(known) < len(sides):
        return None
    if len(known) == 1:
        return known[0]
    return known[0] / known[1] if metric.ratio else known[0] - known[1]


def _margin(measured: Measurements, question: str, wanted: ClaimTest) -> float | None:
    if wanted.margin is not None:
        return wanted.margin
    if wanted.is_ in ("higher", "lower") or wanted.metric != primary_of(measured.suite, question):
        return None
    return margin_of(measured.suite, question, wanted.metric)


def _margin_problem(wanted: ClaimTest, margin: float | None, metric: Metric) -> str | None:
    if margin is not None and metric.ratio and margin <= 1:
        return f"a margin for times is a ratio above 1, not {margin:g}"
    if margin is None and wanted.is_ == "no practical difference":
        return "no margin was declared that says which differences do not matter"
    return None


def _support_and_refute(
    between: Contrast, claimed: str, margin: float, test: stats.Comparison
) -> tuple[float, float]:
    """The two p of a claim; margin on the scale of the values, 0 if there is none."""
    if claimed.startswith("not "):
        return _support_and_refute(between, claimed.removeprefix("not "), margin, test)[::-1]
    if claimed == "no practical difference":
        above, below = between.test(shift=margin), between.test(shift=-margin)
        support = test.equivalence.p_value if test.equivalence else 1.0
        return support, min(_p_towards(above, upwards=True), _p_towards(below, upwards=False))
    upwards = _upwards(claimed, between.metric)
    beyond = between.test(shift=margin if upwards else -margin)
    return _p_towards(test, upwards=upwards), _p_towards(beyond, upwards=not upwards)


def _upwards(claimed: str, metric: Metric) -> bool:
    """Whether the claim says that the variant's number is the larger one."""
    if claimed in ("higher", "lower"):
        return claimed == "higher"
    return (claimed == "better") == (metric.higher_is_better is True)


def _p_towards(test: stats.Comparison, *, upwards: bool) -> float:
    """Two-sided p where the difference points that way; no evidence at all where it does not."""
    larger = test.direction if test.higher_is_better else -test.direction
    if test.p_value is None or larger != (1 if upwards else -1):
        return 1.0
    return test.p_value


def _row(judged: JudgedClaim) -> dict[str, object]:
    wanted, found = judged.claim.test, judged.found
    return {
        "question": judged.question,
        "claim": judged.position,
        "says": judged.claim.says,
        "metric": wanted.metric,
        "variant": wanted.variant,
        "against": wanted.against,
        "value": wanted.value,
        "is": wanted.is_,
        "margin": judged.margin,
        "n": found.contrast.a.size,
        "n_against": found.contrast.b.size if wanted.against else None,
        "mean": judged.mean.value,
        "mean_low": judged.mean.low,
        "mean_high": judged.mean.high,
        "difference": found.difference,
        "ci_low": found.ci_low,
        "ci_high": found.ci_high,
        "reported": judged.reported,
        **found.counts,
        "p_support": judged.p_support,
        "p_support_holm": judged.p_support_holm,
        "p_refute": judged.p_refute,
        "p_refute_holm": judged.p_refute_holm,
        "verdict": judged.verdict,
        "evidence": answers.evidence(judged),
    }

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

B is another variant or a number. The margin is the claim's own, or the suite's for the primary metric;
without one, ``better`` is refuted by its opposite alone. "Any advantage is below the margin" covers the
opposite, equivalence, and what lies between: where the seeds exclude every advantage that would matter, the
claim does not hold, even if they cannot say whether there is none or a slight disadvantage.

Claims are primary (``families``): each is read from the interval of its comparison, which is that of the
same comparison anywhere else on the page. A claim that its difference is real and a claim that it is below the
margin exclude each other or meet at one point, so that the chance of any wrong verdict is held over both. A
refutation goes first: an advantage that is real, but shown to be too small to matter, does not make a claim of
"better" hold. All else is ``cannot tell``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from bench import frames
from bench.analysis import answers, wording
from bench.analysis.comparisons import finding, margin_of
from bench.analysis.contrast import Caution, Contrast, Finding, Mean, mean_over_seeds
from bench.analysis.metrics import primary_of
from bench.analysis.reasons import Reason, reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from bench import stats
    from bench.analysis.isolation import Troubles
    from bench.analysis.metrics import Measurements
    from bench.frames import Metric
    from bench.suite import Claim, ClaimTest

Judgement = Literal["holds", "does not hold", "cannot tell"]


@dataclass(frozen=True)
class JudgedClaim:
    """A claim with its tests and its verdict; numbers in the metric's unit (times: ratios).

    Attributes:
        position: among the question's claims, from 1.
        found: the plain difference and its test.
        mean: of the variant over its seeds.
        margin: differences below this do not matter; None if none applies.
        p_support, p_refute: of the tests that would support and refute it, each by itself.
        problem: why it could not be tested, as the end of a sentence; None if it was.
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
    problem: str | None = None
    reported: float | None = None

    @property
    def metric(self) -> Metric:
        """The metric that decides it."""
        return self.found.metric

    @property
    def p_support_adjusted(self) -> float | None:
        """``p_support`` as one of the page's primary tests."""
        return self.found.family.adjusted(self.p_support)

    @property
    def p_refute_adjusted(self) -> float | None:
        """``p_refute`` likewise."""
        return self.found.family.adjusted(self.p_refute)

    @property
    def p_deciding(self) -> float | None:
        """Adjusted p of the test that decided; the smaller one where neither did."""
        if self.verdict == "holds":
            return self.p_support_adjusted
        if self.verdict == "does not hold":
            return self.p_refute_adjusted
        both = (self.p_support_adjusted, self.p_refute_adjusted)
        return min((p for p in both if p is not None), default=None)

    @property
    def verdict(self) -> Judgement:
        """Refuted, supported, or neither."""
        tests: list[tuple[Judgement, float | None]] = [
            ("does not hold", self.p_refute_adjusted),
            ("holds", self.p_support_adjusted),
        ]
        if self.denies:  # the opposite claim's verdict, turned round
            tests.reverse()
        alpha = self.found.family.alpha
        return next((said for said, p in tests if p is not None and p <= alpha), "cannot tell")

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What to keep in mind."""
        wanted = self.claim.test
        return self.found.cautions(wanted.variant, wanted.against or "the number")

    @property
    def open(self) -> Reason | None:
        """Why it cannot be told, and what would settle it; None where it can."""
        if self.verdict != "cannot tell":
            return None
        if self.problem is not None and self.found.test is not None:
            return Reason(
                self.problem, "a margin" if self.margin is None else "three seeds or more"
            )
        return reason(self.found, self.margin)

    @property
    def own(self) -> Mean:
        """The variant's mean with the interval that the verdict is read from: of a claim about a number."""
        value, found = self.claim.test.value, self.found
        low, high = found.ci_low, found.ci_high
        if value is None or low is None or high is None:
            return self.mean
        if self.metric.ratio:
            return replace(self.mean, low=low * value, high=high * value)
        return replace(self.mean, low=low + value, high=high + value)

    @property
    def denies(self) -> bool:
        """Whether it is a claim that something is not better or not worse."""
        return self.claim.test.is_.startswith("not ")


def claims_of(
    measured: Measurements, troubles: Troubles, *, looked: bool = False
) -> list[JudgedClaim]:
    """All claims of the suite, each tested by itself, until ``families`` judges them with all that is primary.

    What cannot be computed is noted in ``troubles``. looked: whether the seeds are not those that were planned.
    """
    return [
        _tested(measured, question, position, claim, troubles, looked=looked)
        for question, asked in measured.suite.questions.items()
        for position, claim in enumerate(asked.claims, start=1)
    ]


def frame(judged: list[JudgedClaim]) -> pd.DataFrame:
    """The frame ``claims``: one row per claim."""
    return frames.typed([_row(j) for j in judged], frames.CLAIMS)


def _tested(
    measured: Measurements,
    question: str,
    position: int,
    claim: Claim,
    troubles: Troubles,
    *,
    looked: bool,
) -> JudgedClaim:
    wanted = claim.test
    values = measured.of(question, wanted.variant, wanted.metric)
    other = (
        float(wanted.value or 0.0)
        if wanted.against is None
        else measured.of(question, wanted.against, wanted.metric)
    )
    margin = _margin(measured, question, wanted)
    wrong = _margin_problem(wanted, margin, values.metric)
    found = finding(
        values,
        other,
        troubles,
        where=f"{question}: the conclusion {claim.says!r}",
        margin=None if wrong else margin,
        paired=measured.paired(question),
        looked=looked,
    )
    problem, test = found.contrast.problem or wrong, found.test
    if test and test.p_value is None:
        problem = (
            f"{wording.counted(test.n, 'seed')} {'allows' if test.n == 1 else 'allow'} no test"
        )
    plain = JudgedClaim(
        question,
        position,
        claim,
        found,
        mean_over_seeds(values),
        margin,
        problem=problem,
        reported=_reported(measured.suite.questions[question].reported, wanted, found.metric),
    )
    if problem or test is None:
        return plain
    support, refute = troubles.attempt(
        f"{question}: the conclusion {claim.says!r}",
        lambda: _support_and_refute(found.contrast, wanted.is_, test, looked=looked),
        (1.0, 1.0),
    )
    return replace(plain, p_support=support, p_refute=refute)


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
    between: Contrast, claimed: str, test: stats.Comparison, *, looked: bool
) -> tuple[float, float]:
    """The two p of a claim, whose margin ``test`` knows."""
    if claimed.startswith("not "):
        return _support_and_refute(between, claimed.removeprefix("not "), test, looked=looked)[::-1]
    within = test.equivalence
    if claimed == "no practical difference" and within is None:  # no means of which one could be
        return 1.0, 1.0
    if claimed == "no practical difference" and within is not None:
        above, below = (between.test(shift=s * within.margin, looked=looked) for s in (1, -1))
        beyond = min(_p_towards(above, upwards=True), _p_towards(below, upwards=False))
        return within.p_value, beyond
    upwards = _upwards(claimed, between.metric)
    opposite = _p_towards(test, upwards=not upwards)
    if within is not None:
        opposite = min(opposite, within.p_below if upwards else within.p_above)
    return _p_towards(test, upwards=upwards), opposite


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
        "mean_low": judged.own.low,
        "mean_high": judged.own.high,
        "difference": found.difference,
        "ci_low": found.ci_low,
        "ci_high": found.ci_high,
        "reported": judged.reported,
        **found.counts,
        "family": found.family.name,
        "tests": found.family.size,
        "alpha": found.family.alpha,
        "level": found.family.level,
        "p_support": judged.p_support,
        "p_support_adjusted": judged.p_support_adjusted,
        "p_refute": judged.p_refute,
        "p_refute_adjusted": judged.p_refute_adjusted,
        "verdict": judged.verdict,
        **(judged.open.columns if judged.open else {}),
        "evidence": answers.evidence(judged),
    }

"""Suite and results in, findings out: the one step between the store and the report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from bench.analysis import (
    answers,
    claims,
    comparisons,
    datasets,
    factors,
    families,
    headlines,
    rates,
    reported,
    sensitivity,
    speed,
    targets,
)
from bench.analysis.capacity import Capacity, capacities
from bench.analysis.claims import JudgedClaim, claims_of
from bench.analysis.comparisons import Compared, compare_question, margin_of
from bench.analysis.conditions import Conditions, conditions
from bench.analysis.crossings import target
from bench.analysis.curves import convergence
from bench.analysis.datasets import Datasets, over_datasets
from bench.analysis.examples import Examples, by_example
from bench.analysis.factors import Factorial, factorial
from bench.analysis.failures import failures
from bench.analysis.families import PRIMARY, Families, Family
from bench.analysis.isolation import Troubles
from bench.analysis.landscape import Landscape, landscape
from bench.analysis.metrics import Measurements, measure, primary_of
from bench.analysis.pairing import Pairing, pairing
from bench.analysis.rates import Rate, convergence_rates
from bench.analysis.reported import ReportedNumber, reported_numbers
from bench.analysis.sensitivity import Method, sensitivities
from bench.analysis.sizes import Sizes, sizes
from bench.analysis.speed import Speed, speeds
from bench.analysis.targets import Reaching, reachings
from bench.analysis.timing import EpochTimes, epoch_times
from bench.analysis.variants import VariantSummary, summaries
from bench.analysis.whole_curves import metric_of
from bench.analysis.workers import Team, teams

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from bench.analysis.contrast import Finding
    from bench.frames import Metric
    from bench.store import Results
    from bench.suite import Question, Suite

Made = TypeVar("Made")

_OTHERS: Final = {
    "reaching": "shares that reach the target",
    "rates": "convergence rates",
    "methods": "rate sensitivity",
    "speeds": "times alone on the machine",
}
"""Parts of a question whose rows have a p of their own, and what such a family is called."""


@dataclass(frozen=True)
class QuestionAnalysis:
    """What a run says about one question.

    Attributes:
        headline: the answer in a sentence or two.
        sentences: one per variant against the baseline, on the primary metric.
        compared: all comparisons, the primary metric first.
        failures: how often variants diverge, in sentences; empty where none did.
        pairing: what sharing seeds is worth; None where variants are not compared seed by seed.
        curves: mean curves with intervals, columns as in ``curves.convergence``.
        runs: every evaluation of every run, columns as in the frame ``curves``.
        factors: the variants of a matrix taken apart into effects; None where there is no grid.
        reaching: how each variant reaches the target; empty without a target.
        rates: how fast each variant's training objective falls; empty where none was recorded.
        speeds: seconds per epoch of each variant, timed alone; empty where none was.
        times: seconds per epoch of each variant, as it trained.
        landscape: how smooth it is; None where no probe measured that.
        methods: what the learning rate matters to each; empty where variants do not differ in it.
        sizes: how small the networks are; None where the question does not speak of it.
        capacity: how large each network is; empty where the probe did not count.
        teams: what there is to say of the variants that workers train; empty where there are none.
    """

    suite: Suite
    name: str
    asked: Question
    baseline: str
    primary: Metric
    margin: float | None
    target: tuple[str, float] | None
    variants: tuple[VariantSummary, ...]
    headline: str
    sentences: tuple[str, ...]
    compared: tuple[Compared, ...]
    pairing: Pairing | None
    failures: tuple[str, ...]
    claims: tuple[JudgedClaim, ...]
    reported: tuple[ReportedNumber, ...]
    curves: pd.DataFrame
    runs: pd.DataFrame
    factors: Factorial | None
    reaching: tuple[Reaching, ...]
    rates: tuple[Rate, ...]
    speeds: tuple[Speed, ...]
    times: tuple[EpochTimes, ...]
    landscape: Landscape | None
    methods: tuple[Method, ...]
    sizes: Sizes | None
    capacity: tuple[Capacity, ...]
    teams: tuple[Team, ...]

    @property
    def title(self) -> str:
        """How the question is called."""
        return self.asked.title or self.name

    def metric(self, name: str) -> Metric:
        """The metric of that name, in this question."""
        return metric_of(self.suite, self.name, name)

    @property
    def decisive(self) -> tuple[Compared, ...]:
        """The comparisons with the baseline on the primary metric."""
        return tuple(c for c in self.compared if c.primary and c.baseline == self.baseline)

    @property
    def other_pairs(self) -> tuple[Compared, ...]:
        """The comparisons of other variants with each other, if the suite declares all pairs."""
        return tuple(c for c in self.compared if c.primary and c.baseline != self.baseline)

    @property
    def secondary(self) -> tuple[Compared, ...]:
        """The comparisons on all other metrics."""
        return tuple(c for c in self.compared if not c.primary)


@dataclass(frozen=True)
class Analysis:
    """What a run says, with all that it was computed from.

    Attributes:
        datasets: the variants over several imported data sets; None where there are none.
        by_example: what the predictions for single test images say; empty where none were kept.
        families: which tests are judged together, the primary ones first.
        comparisons, claims, reported, factors, targets, rates, speeds, sensitivities: the findings as frames;
        columns: ``bench.frames``.
        troubles: what could not be computed; a report adds what it cannot show.
    """

    suite: Suite
    results: Results
    conditions: Conditions
    families: tuple[Family, ...]
    questions: tuple[QuestionAnalysis, ...]
    comparisons: pd.DataFrame
    claims: pd.DataFrame
    reported: pd.DataFrame
    factors: pd.DataFrame
    targets: pd.DataFrame
    rates: pd.DataFrame
    speeds: pd.DataFrame
    sensitivities: pd.DataFrame
    datasets: Datasets | None
    by_example: Examples
    troubles: Troubles

    @property
    def frames(self) -> dict[str, pd.DataFrame]:
        """The frames that an analysis adds to those of the results, by name."""
        return {
            "comparisons": self.comparisons,
            "claims": self.claims,
            "families": families.frame(self.families),
            "reported": self.reported,
            "factors": self.factors,
            "targets": self.targets,
            "rates": self.rates,
            "speeds": self.speeds,
            "sensitivities": self.sensitivities,
            "datasets": datasets.frame(self.datasets),
            "examples": self.by_example.examples,
            "classes": self.by_example.classes,
            "confusions": self.by_example.confusions,
            "hard_examples": self.by_example.hard,
            "easy_examples": self.by_example.easy,
        }


def analyse(results: Results) -> Analysis:
    """Compare the variants of every question and judge every claim. Needs no TensorFlow.

    What cannot be computed costs its own place alone: ``Analysis.troubles``.
    """
    with np.errstate(over="ignore"):  # sums of values near the largest that there are
        return _analyse(results)


def _analyse(results: Results) -> Analysis:
    troubles, how = Troubles(), conditions(results)
    measured = measure(results)
    tests = _tests(measured, how, troubles)
    together = _families(tests, how)
    questions = [
        _question(results, measured, name, _judged(tests, together, name), troubles)
        for name in results.suite.questions
    ]
    others, questions = _together(questions, how)

    def rows(part: str) -> list[Any]:
        return [row for question in questions for row in getattr(question, part)]

    return Analysis(
        suite=results.suite,
        results=results,
        conditions=how,
        families=(together.primary, *together.exploratory.values(), *others),
        questions=tuple(questions),
        comparisons=comparisons.frame(rows("compared")),
        claims=claims.frame(rows("claims")),
        reported=reported.frame(rows("reported")),
        factors=factors.frame([question.factors for question in questions if question.factors]),
        targets=targets.frame(rows("reaching")),
        rates=rates.frame(rows("rates")),
        speeds=speed.frame(rows("speeds")),
        sensitivities=sensitivity.frame(rows("methods")),
        datasets=None if tests.overall is None else tests.overall.judged(together.primary),
        by_example=troubles.attempt(
            "what the predictions say", lambda: by_example(results), Examples.empty()
        ),
        troubles=troubles,
    )


@dataclass(frozen=True)
class _Tests:
    """What is tested of each question, each by itself; claims of all; data sets, if there are several."""

    compared: dict[str, list[Compared]]
    crossed: dict[str, Factorial | None]
    claims: list[JudgedClaim]
    overall: Datasets | None


def _tests(measured: Measurements, how: Conditions, troubles: Troubles) -> _Tests:
    names, looked = list(measured.suite.questions), how.look.looked
    return _Tests(
        compared={
            name: compare_question(measured, name, troubles, looked=looked) for name in names
        },
        crossed={
            name: troubles.attempt(
                f"{name}: the settings one by one",
                lambda name=name: factorial(measured, name, looked=looked),  # type: ignore[misc]
                None,
            )
            for name in names
        },
        claims=claims_of(measured, troubles, looked=looked),
        overall=troubles.attempt("data sets together", lambda: over_datasets(measured), None),
    )


def _families(tests: _Tests, how: Conditions) -> Families:
    """What is primary, and what is exploratory.

    Where several data sets allow a claim about data sets in general, that is what is primary; what each says by
    itself is exploratory.
    """
    overall = tests.overall.p_values if tests.overall else ()
    primary = [claim.found for claim in tests.claims]
    exploratory: dict[str, list[Finding]] = {}
    for compared in tests.compared.values():
        for c in compared:
            if _family_of(c, tests) == PRIMARY:
                primary.append(c.found)
            else:
                exploratory.setdefault(_family_of(c, tests), []).append(c.found)
    for crossed in tests.crossed.values():
        for effect in crossed.effects if crossed else ():
            if effect.is_main:
                primary.append(effect.found)
            else:
                exploratory.setdefault(effect.family, []).append(effect.found)
    return Families(primary, exploratory, others=overall, alpha=how.look.alpha)


def _family_of(compared: Compared, tests: _Tests) -> str:
    """Name of the family that a comparison belongs to, unless something primary compares the same."""
    several = tests.overall is not None and tests.overall.p_values
    return PRIMARY if compared.primary and not several else compared.metric.label


def _judged(tests: _Tests, families: Families, name: str) -> _Judged:
    """The tests of a question, as members of their families."""
    crossed = tests.crossed[name]
    return _Judged(
        compared=[
            replace(c, found=families.judged(c.found, _family_of(c, tests)))
            for c in tests.compared[name]
        ],
        crossed=None
        if crossed is None
        else replace(
            crossed,
            effects=tuple(
                replace(e, found=families.judged(e.found, e.family)) for e in crossed.effects
            ),
        ),
        claims=[
            replace(claim, found=families.judged(claim.found))
            for claim in tests.claims
            if claim.question == name
        ],
    )


@dataclass(frozen=True)
class _Judged:
    """The same of one question, as members of their families."""

    compared: list[Compared]
    crossed: Factorial | None
    claims: list[JudgedClaim]


def _question(
    results: Results,
    measured: Measurements,
    name: str,
    judged: _Judged,
    troubles: Troubles,
) -> QuestionAnalysis:
    suite = results.suite
    primary = primary_of(suite, name)
    baseline, compared = suite.baseline(name), judged.compared
    decisive = [c for c in compared if c.primary and c.baseline == baseline]

    def part(what: str, make: Callable[[], Made], otherwise: Made) -> Made:
        return troubles.attempt(f"{name}: {what}", make, otherwise)

    nothing: tuple[Reaching, ...] = ()
    reaching = part(
        "time to the target",
        lambda: tuple(reachings(results, measured, name, compared)),
        nothing,
    )
    return QuestionAnalysis(
        suite=suite,
        name=name,
        asked=suite.questions[name],
        baseline=baseline,
        primary=metric_of(suite, name, primary),
        margin=margin_of(suite, name, primary),
        target=target(suite, name),
        variants=tuple(summaries(results, measured, name, primary)),
        headline=headlines.headline(decisive, judged.crossed),
        sentences=tuple(answers.answer(c) for c in decisive),
        compared=tuple(compared),
        pairing=part("what sharing seeds is worth", lambda: pairing(measured, name), None),
        failures=failures(measured, name),
        claims=tuple(judged.claims),
        reported=part("reported numbers", lambda: tuple(reported_numbers(measured, name)), ()),
        curves=convergence(results, name),
        runs=results.curves_of(name),
        factors=judged.crossed,
        reaching=reaching,
        rates=part("convergence rates", lambda: tuple(convergence_rates(results, name)), ()),
        speeds=part("times alone", lambda: tuple(speeds(results, name, reaching)), ()),
        times=part("times of epochs", lambda: tuple(epoch_times(results, measured, name)), ()),
        landscape=part("the landscape", lambda: landscape(results, name, compared), None),
        methods=part("what the learning rate matters", lambda: sensitivities(measured, name), ()),
        sizes=part("sizes", lambda: sizes(results, measured, name), None),
        capacity=part("capacity", lambda: tuple(capacities(measured, name)), ()),
        teams=part("workers", lambda: tuple(teams(results, measured, name)), ()),
    )


def _together(
    questions: list[QuestionAnalysis], how: Conditions
) -> tuple[list[Family], list[QuestionAnalysis]]:
    """Exploratory families of what is no comparison of two variants' values, over all questions.

    Where the seeds are not as planned, none of their p counts: they are of tests that do not allow that.
    """
    families = []
    for part, name in _OTHERS.items():
        rows = [row for question in questions for row in getattr(question, part)]
        p_values = sorted(row.p_value for row in rows if row.p_value is not None)
        withheld = how.look.looked and part != "speeds"  # whose replicates are rounds
        if p_values:
            family = Family(name, tuple(p_values), 0.0 if withheld else how.look.alpha)
            families.append(family)
            changed: list[dict[str, Any]] = [
                {part: tuple(row.in_family(family) for row in getattr(question, part))}
                for question in questions
            ]
            questions = [replace(q, **by) for q, by in zip(questions, changed, strict=True)]
    return families, questions

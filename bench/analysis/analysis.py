"""Suite and results in, findings out: the one step between the store and the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.analysis import (
    answers,
    claims,
    comparisons,
    datasets,
    factors,
    headlines,
    rates,
    reported,
    sensitivity,
    speed,
    targets,
)
from bench.analysis.capacity import Capacity, capacities
from bench.analysis.claims import JudgedClaim, judge
from bench.analysis.comparisons import Compared, compare_question, margin_of, primary_of
from bench.analysis.conditions import Conditions, conditions
from bench.analysis.crossings import target
from bench.analysis.curves import convergence
from bench.analysis.datasets import Datasets, over_datasets
from bench.analysis.examples import Examples, by_example
from bench.analysis.factors import Factorial, factorial
from bench.analysis.landscape import Landscape, landscape
from bench.analysis.metrics import Measurements, measure
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
    import pandas as pd

    from bench.frames import Metric
    from bench.store import Results
    from bench.suite import Question, Suite


@dataclass(frozen=True)
class QuestionAnalysis:
    """What a run says about one question.

    Attributes:
        headline: the answer in a sentence or two.
        sentences: one per variant against the baseline, on the primary metric.
        compared: all comparisons, the primary metric first.
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
        comparisons, claims, reported, factors, targets, rates, speeds, sensitivities: the findings as frames;
        columns: ``bench.frames``.
    """

    suite: Suite
    results: Results
    conditions: Conditions
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

    @property
    def frames(self) -> dict[str, pd.DataFrame]:
        """The frames that an analysis adds to those of the results, by name."""
        return {
            "comparisons": self.comparisons,
            "claims": self.claims,
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
    """Compare the variants of every question and judge every claim. Needs no TensorFlow."""
    with np.errstate(over="ignore"):  # sums of values near the largest that there are
        return _analyse(results)


def _analyse(results: Results) -> Analysis:
    measured, how = measure(results), conditions(results)
    judged = judge(measured, alpha=how.alpha)
    questions = tuple(
        _question(results, measured, name, how, [j for j in judged if j.question == name])
        for name in results.suite.questions
    )
    return Analysis(
        suite=results.suite,
        results=results,
        conditions=how,
        questions=questions,
        comparisons=comparisons.frame([c for question in questions for c in question.compared]),
        claims=claims.frame(judged),
        reported=reported.frame([row for question in questions for row in question.reported]),
        factors=factors.frame([question.factors for question in questions if question.factors]),
        targets=targets.frame([row for question in questions for row in question.reaching]),
        rates=rates.frame([row for question in questions for row in question.rates]),
        speeds=speed.frame([row for question in questions for row in question.speeds]),
        sensitivities=sensitivity.frame(
            [row for question in questions for row in question.methods]
        ),
        datasets=over_datasets(measured),
        by_example=by_example(results),
    )


def _question(
    results: Results,
    measured: Measurements,
    name: str,
    how: Conditions,
    judged: list[JudgedClaim],
) -> QuestionAnalysis:
    suite = results.suite
    primary = primary_of(suite, name)
    compared = compare_question(measured, name, alpha=how.alpha)
    baseline = suite.baseline(name)
    decisive = [c for c in compared if c.primary and c.baseline == baseline]
    crossed = factorial(measured, name, alpha=how.alpha)
    reaching = tuple(reachings(results, measured, name, compared))
    return QuestionAnalysis(
        suite=suite,
        name=name,
        asked=suite.questions[name],
        baseline=baseline,
        primary=metric_of(suite, name, primary),
        margin=margin_of(suite, name, primary),
        target=target(suite, name),
        variants=tuple(summaries(results, measured, name, primary)),
        headline=headlines.headline(decisive, crossed),
        sentences=tuple(answers.answer(c) for c in decisive),
        compared=tuple(compared),
        claims=tuple(judged),
        reported=tuple(reported_numbers(measured, name)),
        curves=convergence(results, name),
        runs=results.curves_of(name),
        factors=crossed,
        reaching=reaching,
        rates=tuple(convergence_rates(results, name)),
        speeds=tuple(speeds(results, name, reaching)),
        times=tuple(epoch_times(results, measured, name)),
        landscape=landscape(results, name, compared),
        methods=sensitivities(measured, name, alpha=how.alpha),
        sizes=sizes(results, measured, name),
        capacity=tuple(capacities(measured, name)),
        teams=tuple(teams(results, measured, name)),
    )

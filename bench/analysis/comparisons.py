"""The comparisons of a question.

The primary metric decides: each variant against the baseline or, if the suite declares it, all pairs.
What else was measured is secondary, against the baseline. ``families`` says what is judged together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bench import frames, stats
from bench.analysis import sizes
from bench.analysis.arrivals import together
from bench.analysis.contrast import Caution, Finding, Mean, contrast, mean_over_seeds
from bench.analysis.crossings import SPENT, target
from bench.analysis.metrics import primary_of
from bench.analysis.pairing import correlation
from bench.analysis.reasons import Reason, reason
from bench.analysis.whole_curves import metric_of
from bench.frames import SMOOTHNESS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from bench.analysis.isolation import Troubles
    from bench.analysis.metrics import Measurements, Values
    from bench.frames import Metric
    from bench.suite import Suite

SECONDARY: Final = (
    "test_accuracy",
    "train_accuracy",
    "test_loss",
    "generalisation_gap",
    "selected",
    "area_under_curve",
    *SPENT,
    "epoch_time_s",
)


@dataclass(frozen=True)
class Compared:
    """A variant against the baseline, or another variant, on one metric; numbers in its unit.

    Attributes:
        baseline: what it is compared with; of a pair, the one that the suite names first.
        found: the difference and its test; as ratios for times.
        mean, mean_baseline: over the seeds of each, geometric for times.
        margin: as declared, in the metric's unit; None if none applies.
    """

    question: str
    variant: str
    baseline: str
    primary: bool
    found: Finding
    mean: Mean
    mean_baseline: Mean
    margin: float | None

    @property
    def metric(self) -> Metric:
        """The metric that was compared."""
        return self.found.metric

    @property
    def verdict(self) -> stats.Verdict | None:
        """One of four, without a test "cannot tell"; None where no direction is good in itself."""
        if self.metric.higher_is_better is None:
            return None
        return self.found.test.verdict if self.found.test else "cannot tell"

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What to keep in mind."""
        return self.found.cautions(self.variant, self.baseline)

    @property
    def open(self) -> Reason | None:
        """Why it cannot be told, and what would settle it; None where it can."""
        return reason(self.found, self.margin) if self.verdict == "cannot tell" else None


def margin_of(suite: Suite, question: str, name: str) -> float | None:
    """The declared margin of a metric: the question's or the suite's, for the primary metric only.

    A margin of times is a ratio above 1; anything else cannot be one and does not count.
    """
    asked = suite.questions[question]
    margin = (asked.margin or suite.margin) if name == primary_of(suite, question) else None
    is_ratio = metric_of(suite, question, name).ratio
    return None if margin is not None and is_ratio and margin <= 1 else margin


def compare_question(
    measured: Measurements, question: str, troubles: Troubles, *, looked: bool = False
) -> list[Compared]:
    """All comparisons of a question, those with the baseline first: primary metric, then secondary.

    Each test is by itself, until ``families`` judges them together. What cannot be computed is noted in
    ``troubles``. looked: whether the seeds are not those that were planned.
    """
    suite = measured.suite
    primary = primary_of(suite, question)
    variants, baseline = list(suite.variants(question)), suite.baseline(question)
    decisive = pairs_of(variants, baseline, every=suite.all_pairs(question))
    secondary = pairs_of(variants, baseline, every=False)
    return [
        *_on_metric(measured, question, primary, decisive, troubles, looked=looked),
        *(
            compared
            for name in _secondary(measured, question, variants)
            for compared in _on_metric(measured, question, name, secondary, troubles, looked=looked)
        ),
    ]


def pairs_of(variants: list[str], baseline: str, *, every: bool) -> list[tuple[str, str]]:
    """Which variant is compared with which: all with the baseline; then, of every pair, the rest."""
    names = [baseline, *(name for name in variants if name != baseline)]
    firsts = names if every else names[:1]
    return [(b, a) for i, a in enumerate(firsts) for b in names[i + 1 :]]


def _secondary(measured: Measurements, question: str, variants: list[str]) -> list[str]:
    """Metrics beside the primary one that the question has values of."""
    suite = measured.suite
    names = [name for name in (*SECONDARY, *suite.metrics) if name != primary_of(suite, question)]
    if target(suite, question) is None:
        names = [name for name in names if name not in SPENT]
    if suite.validation_of(question) == 0:
        names = [name for name in names if name != "selected"]
    if sizes.has_part(measured, question):
        names += [f"{sizes.PROBE}//{measure}" for measure in sizes.COMPARED]
    found = [n for n in names if any(measured.of(question, v, n).by_seed for v in variants)]
    return [*found, *_smoothness(measured, question, variants)]


def _smoothness(measured: Measurements, question: str, variants: list[str]) -> list[str]:
    """Measures of the landscape; those at the common rate only where some variant has another."""

    def of(name: str) -> list[Mapping[int, float]]:
        return [measured.of(question, v, name).by_seed for v in variants]

    def looked(name: str) -> bool:
        """Whether a probe did: a diverged trial counts as infinitely rough even where none did."""
        return any(math.isfinite(value) for values in of(name) for value in values.values())

    measures = [name for name in SMOOTHNESS if looked(name)]
    same = [name for name in measures if of(name) == of(f"{name}_common")]
    return [name for name in measures if name.removesuffix("_common") not in same or name in same]


def _on_metric(
    measured: Measurements,
    question: str,
    name: str,
    pairs: list[tuple[str, str]],
    troubles: Troubles,
    *,
    looked: bool,
) -> list[Compared]:
    suite = measured.suite
    return compare_values(
        question,
        {v: measured.of(question, v, name) for v in suite.variants(question)},
        pairs,
        troubles,
        primary=name == primary_of(suite, question),
        margin=margin_of(suite, question, name),
        paired=measured.paired(question),
        looked=looked,
    )


def compare_values(
    question: str,
    values: Mapping[str, Values],
    pairs: Sequence[tuple[str, str]],
    troubles: Troubles,
    *,
    primary: bool = False,
    margin: float | None = None,
    paired: bool = True,
    looked: bool = False,
) -> list[Compared]:
    """Pairs of variants on one metric; values by variant."""
    sides = [together(values[a], values[b]) for a, b in pairs]
    return [
        Compared(
            question=question,
            variant=a,
            baseline=b,
            primary=primary,
            found=finding(
                one,
                other,
                troubles,
                where=f"{question}: {one.metric.label} of {a} against {b}",
                margin=margin,
                paired=paired,
                looked=looked,
            ),
            mean=mean_over_seeds(one),
            mean_baseline=mean_over_seeds(other),
            margin=margin,
        )
        for (a, b), (one, other) in zip(pairs, sides, strict=True)
    ]


def finding(
    a: Values,
    b: Values | float,
    troubles: Troubles,
    *,
    where: str,
    margin: float | None,
    paired: bool,
    looked: bool,
) -> Finding:
    """A variant against another one or a number, tested by itself; margin in the metric's unit.

    where: what it is, in words, should it be impossible to compute.
    """
    between = contrast(a, b, paired=paired)
    if between.problem:
        return Finding(between, None)
    scaled = None if margin is None else between.scaled(margin)
    test = troubles.attempt(where, lambda: between.test(margin=scaled, looked=looked), None)
    if test is None:
        between = replace(between, problem=f"it could not be computed: {troubles.found[-1].reason}")
    return Finding(between, test)


def frame(compared: list[Compared]) -> pd.DataFrame:
    """The frame ``comparisons``: one row per comparison."""
    return frames.typed([_row(c) for c in compared], frames.COMPARISONS)


def _row(c: Compared) -> dict[str, object]:
    found, test = c.found, c.found.test
    return {
        "question": c.question,
        "variant": c.variant,
        "baseline": c.baseline,
        "metric": c.metric.name,
        "primary": c.primary,
        "scale": "ratio" if c.metric.ratio else "difference",
        "n": found.contrast.a.size,
        "n_baseline": found.contrast.b.size,
        "mean": c.mean.value,
        "mean_baseline": c.mean_baseline.value,
        **found.columns,
        **found.counts,
        "anytime_e": found.anytime_e,
        "correlation": correlation(found.contrast),
        "probability_of_superiority": test.probability_of_superiority if test else None,
        "margin": c.margin,
        "p_equivalence": test.equivalence.p_value if test and test.equivalence else None,
        "p_equivalence_adjusted": test.equivalence.p_adjusted
        if test and test.equivalence
        else None,
        "verdict": c.verdict,
        **(c.open.columns if c.open else {}),
        "cautions": " ".join(map(str, c.cautions)),
    }

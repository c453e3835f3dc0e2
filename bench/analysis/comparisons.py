"""The comparisons of a question: one family of tests per metric, Holm-adjusted.

The primary metric decides: each variant against the baseline or, if the suite declares it, all pairs.
What else was measured is secondary, against the baseline, with a family of its own for each metric.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bench import frames, stats
from bench.analysis import sizes
from bench.analysis.arrivals import together
from bench.analysis.contrast import Finding, Mean, as_family, contrast, mean_over_seeds
from bench.analysis.crossings import SPENT, target
from bench.analysis.looks import ALPHA
from bench.analysis.whole_curves import metric_of
from bench.frames import SMOOTHNESS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

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
        found: the difference and its test after Holm; as ratios for times.
        mean, mean_baseline: over the seeds of each, geometric for times.
        p_equivalence: of equivalence, before Holm (``found.test.equivalence`` holds it after).
        margin: as declared, in the metric's unit; None if none applies.
        cautions: what to keep in mind, in sentences.
    """

    question: str
    variant: str
    baseline: str
    primary: bool
    found: Finding
    mean: Mean
    mean_baseline: Mean
    p_equivalence: float | None
    margin: float | None
    cautions: tuple[str, ...]

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


def margin_of(suite: Suite, question: str, name: str) -> float | None:
    """The declared margin of a metric: the question's or the suite's, for the primary metric only.

    A margin of times is a ratio above 1; anything else cannot be one and does not count.
    """
    asked = suite.questions[question]
    margin = (asked.margin or suite.margin) if name == primary_of(suite, question) else None
    is_ratio = metric_of(suite, question, name).ratio
    return None if margin is not None and is_ratio and margin <= 1 else margin


def primary_of(suite: Suite, question: str) -> str:
    """Name of the metric that decides a question."""
    return suite.questions[question].primary or suite.primary


def compare_question(
    measured: Measurements, question: str, *, alpha: float = ALPHA
) -> list[Compared]:
    """All comparisons of a question, those with the baseline first: primary metric, then secondary.

    alpha: what a Holm p is held against.
    """
    suite = measured.suite
    primary = primary_of(suite, question)
    variants, baseline = list(suite.variants(question)), suite.baseline(question)
    decisive = pairs_of(variants, baseline, every=suite.all_pairs(question))
    secondary = pairs_of(variants, baseline, every=False)
    return [
        *_family(measured, question, primary, decisive, alpha=alpha),
        *(
            compared
            for name in _secondary(measured, question, variants)
            for compared in _family(measured, question, name, secondary, alpha=alpha)
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


def _family(
    measured: Measurements, question: str, name: str, pairs: list[tuple[str, str]], *, alpha: float
) -> list[Compared]:
    suite = measured.suite
    return compare_values(
        question,
        {v: measured.of(question, v, name) for v in suite.variants(question)},
        pairs,
        primary=name == primary_of(suite, question),
        margin=margin_of(suite, question, name),
        alpha=alpha,
    )


def compare_values(
    question: str,
    values: Mapping[str, Values],
    pairs: Sequence[tuple[str, str]],
    *,
    primary: bool = False,
    margin: float | None = None,
    alpha: float = ALPHA,
) -> list[Compared]:
    """Pairs of variants on one metric, as one family after Holm; values by variant."""
    contrasts = [contrast(values[a], values[b]) for a, b in pairs]
    raw = [
        None if c.problem else c.test(margin=None if margin is None else c.scaled(margin))
        for c in contrasts
    ]
    family = sum(1 for test in raw if test and test.p_value is not None)
    means = [[mean_over_seeds(v) for v in together(values[a], values[b])] for a, b in pairs]
    return [
        Compared(
            question=question,
            variant=a,
            baseline=b,
            primary=primary,
            found=Finding(between, after, family),
            mean=mean,
            mean_baseline=mean_baseline,
            p_equivalence=before.equivalence.p_value if before and before.equivalence else None,
            margin=margin,
            cautions=(*between.cautions, *_named(before, a, b)),
        )
        for (a, b), (mean, mean_baseline), between, before, after in zip(
            pairs, means, contrasts, raw, as_family(raw, alpha=alpha), strict=True
        )
    ]


def _named(test: stats.Comparison | None, variant: str, baseline: str) -> list[str]:
    """The cautions of ``bench.stats``, which calls the two sides a and b, with their names."""
    said = []
    for caution in test.cautions if test else ():
        sides = caution.replace(" of a ", f" of {variant} ").replace(" of b ", f" of {baseline} ")
        said.append(sides)
    return said


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
        "probability_of_superiority": test.probability_of_superiority if test else None,
        "margin": c.margin,
        "p_equivalence": c.p_equivalence,
        "p_equivalence_holm": test.equivalence.p_value if test and test.equivalence else None,
        "verdict": c.verdict,
        "cautions": " ".join(c.cautions),
    }

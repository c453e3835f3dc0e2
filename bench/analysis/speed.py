"""How fast each variant trains when it is alone on the machine, and how long it takes to the target so."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bench import frames, stats
from bench.analysis.contrast import Mean, mean_over_seeds
from bench.analysis.families import Family
from bench.analysis.metrics import Values
from bench.frames import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd

    from bench.analysis.targets import Reaching
    from bench.store import Results


@dataclass(frozen=True)
class Speed:
    """Seconds of an epoch of a variant, alone on the machine. The replicate is the round.

    Attributes:
        seconds: by round, shape (rounds,); paired with those of the question's other variants.
        mean: geometric mean over rounds with its 95 % t interval.
        busy: the processor's seconds over the clock's: below 1, something else had the processor.
        started_at: when the measurement began, UTC.
        processor: what it was measured on.
        against: the ratio to the baseline, paired by round; None for the baseline itself.
        to_target: epochs to target, over seeds, times seconds per epoch, over rounds; a lower bound where
            seeds missed the target. None where no seed reached it.
    """

    question: str
    variant: str
    baseline: str
    seconds: np.ndarray
    mean: Mean
    busy: float
    started_at: str
    processor: str
    against: stats.Ratio | None
    to_target: stats.Product | None
    family: Family = Family()  # noqa: RUF009  # it is frozen

    def in_family(self, family: Family) -> Speed:
        """The same, judged in a family."""
        return replace(self, family=family)

    @property
    def p_value(self) -> float | None:
        """Of the ratio, by itself."""
        return self.against.comparison.p_value if self.against else None

    @property
    def judged(self) -> stats.Ratio | None:
        """``against``, as one of its family."""
        if self.against is None:
            return None
        return stats.Ratio.of(self.family.judge(self.against.comparison))

    @property
    def verdict(self) -> stats.Verdict | None:
        """Better is faster, on this machine; None for the baseline."""
        return self.judged.comparison.verdict if self.judged else None

    @property
    def lowest(self) -> float:
        """The shortest epoch, in s."""
        return float(self.seconds.min())

    @property
    def p95(self) -> float:
        """The 95th percentile of the epochs, in s."""
        import numpy as np

        return float(np.quantile(self.seconds, 0.95))


def speeds(results: Results, question: str, reaching: Sequence[Reaching]) -> list[Speed]:
    """The variants of a question that were timed alone, in the suite's order.

    Of several measurements the last one counts that timed the most variants of the question.
    """
    rows = results.timings[results.timings.question == question]
    if rows.empty:
        return []
    timed = rows.groupby("started_at").variant.nunique()
    rows = rows[rows.started_at == max(timed.index, key=lambda started: (timed[started], started))]
    by_variant = {str(name): found.sort_values("round") for name, found in rows.groupby("variant")}
    baseline = results.suite.baseline(question)
    base = by_variant.get(baseline)
    spent = {row.variant: row for row in reaching}
    return [
        _speed(
            (question, variant, baseline),
            by_variant[variant],
            base=None if variant == baseline else base,
            reaching=spent.get(variant),
        )
        for variant in results.suite.variants(question)
        if variant in by_variant
    ]


def _speed(
    key: tuple[str, str, str],
    rows: pd.DataFrame,
    *,
    base: pd.DataFrame | None,
    reaching: Reaching | None,
) -> Speed:
    seconds = rows.seconds.to_numpy(float)
    values = Values(METRICS["epoch_time_s"], key[1], dict(enumerate(seconds.tolist())))
    against = to_target = None
    if base is not None:
        against = stats.ratio_of_means(seconds, base.seconds.to_numpy(float))
    if reaching is not None and reaching.reached:
        to_target = stats.product_of_means(list(reaching.spent.values()), seconds)
    return Speed(
        *key,
        seconds=seconds,
        mean=mean_over_seeds(values),
        busy=float(rows.processor_s.sum() / seconds.sum()),
        started_at=str(rows.started_at.iloc[0]),
        processor=str(json.loads(rows.machine.iloc[0]).get("processor", "an unknown processor")),
        against=against,
        to_target=to_target,
    )


def frame(rows: Sequence[Speed]) -> pd.DataFrame:
    """The frame ``speeds``: one row per question and variant that was timed alone."""
    return frames.typed([_row(row) for row in rows], frames.SPEEDS)


def _row(row: Speed) -> dict[str, object]:
    against, product = row.judged, row.to_target
    return {
        "question": row.question,
        "variant": row.variant,
        "rounds": row.seconds.size,
        "seconds": row.mean.value,
        "seconds_low": row.mean.low,
        "seconds_high": row.mean.high,
        "shortest": row.lowest,
        "p95": row.p95,
        "busy": row.busy,
        "baseline": row.baseline if against else None,
        "ratio": against.ratio if against else None,
        "ci_low": against.ci_low if against else None,
        "ci_high": against.ci_high if against else None,
        "p_value": row.p_value,
        "p_adjusted": row.family.adjusted(row.p_value),
        "verdict": row.verdict,
        "to_target_s": product.value if product else None,
        "to_target_low": product.ci_low if product else None,
        "to_target_high": product.ci_high if product else None,
    }

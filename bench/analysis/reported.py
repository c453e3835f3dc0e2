"""What the source printed, beside what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import frames
from bench.analysis.contrast import Mean, mean_over_seeds

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from bench.analysis.metrics import Measurements
    from bench.frames import Metric


@dataclass(frozen=True)
class ReportedNumber:
    """A printed number and the seeds' own; all in the metric's unit.

    Attributes:
        reported: what the source printed.
        mean: over seeds, with its interval; geometric for times.
        lowest, highest: of the seeds; None if nothing was measured.
    """

    question: str
    variant: str
    metric: Metric
    reported: float
    n: int
    mean: Mean
    lowest: float | None
    highest: float | None

    @property
    def inside(self) -> bool | None:
        """Whether the printed number lies within the range of the seeds; None if unknown."""
        if self.lowest is None or self.highest is None:
            return None
        return self.lowest <= self.reported <= self.highest


def reported_numbers(measured: Measurements, question: str) -> list[ReportedNumber]:
    """Every number that the suite says was reported for a question."""
    numbers = []
    for variant, printed in measured.suite.questions[question].reported.items():
        for name, value in printed.items():
            values = measured.of(question, variant, name)
            seeds = values.by_seed.values()
            numbers.append(
                ReportedNumber(
                    question=question,
                    variant=variant,
                    metric=values.metric,
                    reported=value,
                    n=len(seeds),
                    mean=mean_over_seeds(values),
                    lowest=min(seeds, default=None),
                    highest=max(seeds, default=None),
                )
            )
    return numbers


def frame(numbers: Sequence[ReportedNumber]) -> pd.DataFrame:
    """The frame ``reported``: one row per printed number."""
    return frames.typed([_row(number) for number in numbers], frames.REPORTED)


def _row(number: ReportedNumber) -> dict[str, object]:
    return {
        "question": number.question,
        "variant": number.variant,
        "metric": number.metric.name,
        "reported": number.reported,
        "n": number.n,
        "mean": number.mean.value,
        "mean_low": number.mean.low,
        "mean_high": number.mean.high,
        "lowest": number.lowest,
        "highest": number.highest,
        "inside": number.inside,
    }

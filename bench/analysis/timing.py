"""Times of single epochs, shown beside the medians that are compared. Epochs are no replicates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.analysis.contrast import Mean, mean_over_seeds

if TYPE_CHECKING:
    from bench.analysis.metrics import Measurements
    from bench.store import Results


@dataclass(frozen=True)
class EpochTimes:
    """Seconds per epoch of a variant, the first epoch of each run left out.

    Attributes:
        runs: runs that were timed; ``concurrent`` of them while other trials ran on the machine.
        mean: geometric mean over runs of each run's median.
        lowest, p95: over all epochs of all runs; None if none was timed.
    """

    variant: str
    runs: int
    concurrent: int
    mean: Mean
    lowest: float | None
    p95: float | None


def epoch_times(results: Results, measured: Measurements, question: str) -> list[EpochTimes]:
    """The times of each variant of a question, in the suite's order."""
    curves = results.curves_of(question).sort_values("updates")
    runs = curves.groupby(["variant", "seed"], sort=False)
    took = runs.train_time_s.diff() / runs.epoch.diff()
    warm = (curves.epoch > 1) | (runs.epoch.transform("max") <= 1)
    by_variant = took[warm & (took > 0)].groupby(curves.variant)
    lowest, p95 = by_variant.min(), by_variant.quantile(0.95)
    found = []
    for variant in results.suite.variants(question):
        values = measured.of(question, variant, "epoch_time_s")
        found.append(
            EpochTimes(
                variant=variant,
                runs=len(values.by_seed),
                concurrent=len(values.concurrent & values.by_seed.keys()),
                mean=mean_over_seeds(values),
                lowest=float(lowest[variant]) if variant in lowest else None,
                p95=float(p95[variant]) if variant in p95 else None,
            )
        )
    return found

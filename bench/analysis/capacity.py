"""How large each variant's network is and what it costs: what the probe ``capacity`` counted, and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bench.analysis.contrast import Mean, mean_over_seeds

if TYPE_CHECKING:
    from bench.analysis.metrics import Measurements

PROBE: Final = "capacity"


@dataclass(frozen=True)
class Capacity:
    """One variant. ``multiply_adds`` per image, forward; None where they are not known."""

    variant: str
    parameters: float | None
    multiply_adds: float | None
    epoch_time: Mean
    train_accuracy: Mean
    test_accuracy: Mean


def capacities(measured: Measurements, question: str) -> list[Capacity]:
    """One per variant, in the suite's order; empty where the probe did not count."""
    if not measured.probe_measures(question, PROBE):
        return []

    def mean(variant: str, name: str) -> Mean:
        return mean_over_seeds(measured.of(question, variant, name))

    return [
        Capacity(
            variant,
            mean(variant, f"{PROBE}//parameters").value,
            mean(variant, f"{PROBE}//multiply_adds").value,
            mean(variant, "epoch_time_s"),
            mean(variant, "train_accuracy"),
            mean(variant, "test_accuracy"),
        )
        for variant in measured.suite.variants(question)
    ]

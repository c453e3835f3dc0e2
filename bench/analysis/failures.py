"""How often the variants of a question fail: what so many seeds say of it, and what they exclude."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import stats
from bench.analysis import wording
from bench.analysis.metrics import primary_of

if TYPE_CHECKING:
    from bench.analysis.metrics import Measurements


def failures(measured: Measurements, question: str) -> tuple[str, ...]:
    """A sentence for each number of seeds that diverged; none where no run of the question did."""
    suite = measured.suite
    name = primary_of(suite, question)
    counts: dict[tuple[int, int], list[str]] = {}
    for variant in suite.variants(question):
        values = measured.of(question, variant, name)
        runs = len(values.by_seed) + len(values.undefined)
        if runs:
            counts.setdefault((len(values.diverged), runs), []).append(variant)
    if not any(diverged for diverged, _ in counts):
        return ()
    return tuple(_sentence(*count, names) for count, names in sorted(counts.items()))


def _sentence(diverged: int, runs: int, variants: list[str]) -> str:
    low, high = (f"{100 * end:.0f} %" for end in stats.failure_rate_interval(diverged, runs))
    names, seeds = wording.listed(variants), wording.counted(runs, "seed")
    if not diverged:
        return f"{names}: {seeds} without a failure exclude failure rates above {high}."
    bounds = f"above {low}" if diverged == runs else f"of {low} to {high}"
    return f"{names}: diverged in {diverged} of {seeds}, a failure rate {bounds} (95 % CI)."

"""When imported runs ended: which were cut short, and where budgets differ.

A run is short if it ended, by at least one of its own evaluations, before most runs of its variant or
most of the question. Diverged and failed runs are not counted: their end is told elsewhere.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from bench.analysis import wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pandas as pd

    from bench.store import Results

_LEAST: Final = 1e-9  # steps: how much earlier counts, of runs of one evaluation


@dataclass(frozen=True)
class RunEnds:
    """When the completed runs of a question ended, in its steps.

    Attributes:
        steps: what they are called.
        by_variant: variant -> seed -> the last step with a value of any metric.
        short: variant -> seed -> the same of runs that were cut short.
        usual: variant -> the step at which most runs of it or of the question ended, whichever is later;
            only of variants where most agree.
    """

    steps: str
    by_variant: Mapping[str, Mapping[int, float]]
    short: Mapping[str, Mapping[int, float]]
    usual: Mapping[str, float]

    @property
    def sentences(self) -> list[str]:
        """What a reader should know of it; nothing where all runs ended together."""
        said = [*self._cut_short()]
        if said:
            return said
        ends = {end for seeds in self.by_variant.values() for end in seeds.values()}
        if len(set(self.usual.values())) > 1 and self.usual.keys() == self.by_variant.keys():
            budgets = [f"{variant} at {end:g}" for variant, end in self.usual.items()]
            return [f"Budgets differ: in {self.steps}, {wording.listed(budgets)}."]
        return [f"Runs end after different {self.steps}, {min(ends):g} to {max(ends):g}."]

    def _cut_short(self) -> Iterator[str]:
        for variant, seeds in self.short.items():
            places: dict[float, list[int]] = {}
            for seed, end in sorted(seeds.items()):
                places.setdefault(end, []).append(seed)
            ended = [f"{_seeds(some)} at {end:g}" for end, some in places.items()]
            many = f"{len(seeds)} of {len(self.by_variant[variant])} runs"
            yield (
                f"{variant}: {many} ended before {self.usual[variant]:g} {self.steps},"
                f" {wording.listed(ended)}."
            )


def run_ends(results: Results) -> dict[str, RunEnds]:
    """The ends of each question whose imported runs did not all end together."""
    if results.suite.imported is None:
        return {}
    found = {question: _of(results, question) for question in results.suite.questions}
    return {question: ends for question, ends in found.items() if ends is not None}


def _of(results: Results, question: str) -> RunEnds | None:
    curves = results.curves_of(question)
    runs = curves[curves.status == "completed"].groupby(["variant", "seed"], sort=False).epoch
    last = runs.max()
    if last.nunique() < 2:
        return None
    waited = runs.agg(_last_interval).tolist()
    every = [(str(key[0]), int(key[1])) for key in last.index.tolist()]
    ends: dict[str, dict[int, float]] = {}
    for (variant, seed), end in zip(every, last.tolist(), strict=True):
        ends.setdefault(variant, {})[seed] = float(end)
    of_all = _most(last)
    usual = {
        variant: max(known)
        for variant, seeds in ends.items()
        if (known := [end for end in (_most(seeds.values()), of_all) if end is not None])
    }
    short: dict[str, dict[int, float]] = {}
    for (variant, seed), interval in zip(every, waited, strict=True):
        end = ends[variant][seed]
        if end <= usual.get(variant, -math.inf) - max(interval, _LEAST):
            short.setdefault(variant, {})[seed] = end
    return RunEnds(results.suite.steps, ends, short, usual)


def _last_interval(steps: pd.Series[float]) -> float:
    """The distance of a run's last two evaluations; 0 of a single one."""
    ordered = np.sort(steps.to_numpy(float))
    return float(ordered[-1] - ordered[-2]) if ordered.size > 1 else 0.0


def _seeds(numbers: list[int]) -> str:
    return f"seed{'s' * (len(numbers) > 1)} {wording.seeds(numbers)}"


def _most(ends: Iterable[float]) -> float | None:
    """The end that more than half have."""
    counts = Counter(ends)
    end, count = counts.most_common(1)[0]
    return float(end) if 2 * count > counts.total() else None

"""How small each variant's networks are, at what accuracy: what the probe ``sparsity`` measured, by seed.

Not for every question that has the probe, but for those that speak of it: in a claim or a reported number, in
``probes`` of their own, or by keeping weights.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from bench.analysis import wording
from bench.analysis.contrast import Mean, mean_over_seeds
from bench.frames import of_probe
from bench.plugins import named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.analysis.metrics import Measurements
    from bench.store import Results
    from bench.suite import Suite

PROBE: Final = "sparsity"
OF_LAYERS: Final = (
    "exact_zeros", "below_1e-3_rms", "hoyer", "gini", "nonzero", "bytes", "csr_bytes", "gzip_bytes",
)  # fmt: skip
OF_NETWORKS: Final = (
    *OF_LAYERS, "prunable", "pruned_accuracy", "pruned_nonzero", "pruned_csr_bytes", "pruned_gzip_bytes",
)  # fmt: skip
COMPARED: Final = ("nonzero", "gzip_bytes", "prunable", "pruned_accuracy", "pruned_gzip_bytes")
SHOWN: Final = 25  # filters of a network
LOSS: Final = 0.01  # of accuracy: what a much smaller network may cost
_FROM: Final = "abs_from_1e"

By = Literal["nonzero", "gzip_bytes"]


@dataclass(frozen=True)
class Network:
    """A trained network, or what pruning left of it; ``accuracy`` is that on the test images, a share."""

    variant: str
    seed: int
    pruned: bool
    accuracy: float
    nonzero: float
    gzip_bytes: float


@dataclass(frozen=True)
class Point:
    """A variant's networks, trained or pruned: means over seeds of a size and of the accuracy."""

    variant: str
    pruned: bool
    size: float
    accuracy: float

    @property
    def name(self) -> str:
        """As a sentence has it."""
        return f"{self.variant} pruned" if self.pruned else self.variant


@dataclass(frozen=True)
class Sizes:
    """What a question says of sizes.

    Attributes:
        means: variant -> measure of ``OF_NETWORKS`` -> mean over seeds; those that were measured.
        layers: (variant, layer) -> measure -> mean over seeds.
        networks: every seed of every variant, then pruned, where it was.
        histograms: variant -> k -> mean share of the weights with 10^k <= |w| < 10^(k + 1/4).
        filters: variant -> (count, side, side), what the first hidden neurons weigh; of one seed.
        filters_seed: which.
    """

    means: Mapping[str, Mapping[str, Mean]]
    layers: Mapping[tuple[str, str], Mapping[str, Mean]]
    networks: tuple[Network, ...]
    histograms: Mapping[str, Mapping[float, float]]
    filters: Mapping[str, np.ndarray]
    filters_seed: int | None

    @property
    def is_pruned(self) -> bool:
        """Whether something was pruned."""
        return any(network.pruned for network in self.networks)

    def points(self, by: By) -> list[Point]:
        """The means over seeds, in the order of the networks."""
        groups: dict[tuple[str, bool], list[Network]] = defaultdict(list)
        for network in self.networks:
            groups[network.variant, network.pruned].append(network)
        return [
            Point(
                variant,
                pruned,
                float(np.mean([getattr(network, by) for network in group])),
                float(np.mean([network.accuracy for network in group])),
            )
            for (variant, pruned), group in groups.items()
        ]

    def frontier(self, by: By) -> list[Point]:
        """Those than which no other is at least as small and as accurate, by size (Pareto)."""
        best: list[Point] = []
        for point in sorted(self.points(by), key=lambda p: (p.size, -p.accuracy)):
            if not best or point.accuracy > best[-1].accuracy:
                best.append(point)
        return best


def is_spoken_of(suite: Suite, question: str) -> bool:
    """Whether a question is about sizes."""
    asked = suite.questions[question]
    names = [claim.test.metric for claim in asked.claims]
    names += [name for printed in asked.reported.values() for name in printed]
    own = [named(probe)[0] for probe in asked.probes or []]
    return (
        suite.weights_of(question) or PROBE in own or any(n.startswith(f"{PROBE}/") for n in names)
    )


def has_part(measured: Measurements, question: str) -> bool:
    """Whether the report has a part on a question's sizes: it is about them, and all were measured."""
    if measured.suite.imported is not None or not is_spoken_of(measured.suite, question):
        return False
    return f"{PROBE}//nonzero" in measured.probe_measures(question, PROBE)


def sizes(results: Results, measured: Measurements, question: str) -> Sizes | None:
    """What was measured of a question that is about sizes; None for others."""
    if not has_part(measured, question):
        return None
    measures = [of_probe(name)[1:] for name in measured.probe_measures(question, PROBE)]
    variants = list(results.suite.variants(question))
    layers = list(dict.fromkeys(layer for layer, _ in measures if layer))

    def mean(variant: str, layer: str, measure: str) -> Mean:
        return mean_over_seeds(measured.of(question, variant, f"{PROBE}/{layer}/{measure}"))

    there = {measure for layer, measure in measures if not layer}
    whole = [name for name in OF_NETWORKS if name in there]
    bins = sorted(
        float(measure.removeprefix(_FROM))
        for layer, measure in measures
        if not layer and measure.startswith(_FROM)
    )
    seed, filters = _filters(results, question)
    return Sizes(
        means={v: {name: mean(v, "", name) for name in whole} for v in variants},
        layers={
            (v, layer): {name: mean(v, layer, name) for name in ("mean_abs", *OF_LAYERS)}
            for v in variants
            for layer in layers
        },
        networks=tuple(_networks(measured, question, variants)),
        histograms={v: _histogram(measured, question, v, bins) for v in variants},
        filters=filters,
        filters_seed=seed,
    )


def _histogram(
    measured: Measurements, question: str, variant: str, bins: list[float]
) -> dict[float, float]:
    """Mean shares over seeds; a seed that has nothing in a bin was not given it by the probe."""
    seeds = len(measured.of(question, variant, f"{PROBE}//nonzero").by_seed)
    shares = (measured.of(question, variant, f"{PROBE}//{_FROM}{k:+.2f}").by_seed for k in bins)
    sums = [math.fsum(share.values()) for share in shares]
    return {k: total / seeds for k, total in zip(bins, sums, strict=True)} if seeds else {}


def _networks(measured: Measurements, question: str, variants: list[str]) -> list[Network]:
    found = []
    for pruned in (False, True):
        begin = "pruned_" if pruned else ""
        accuracy = f"{PROBE}//pruned_accuracy" if pruned else "test_accuracy"
        names = (accuracy, f"{PROBE}//{begin}nonzero", f"{PROBE}//{begin}gzip_bytes")
        for variant in variants:
            columns = [measured.of(question, variant, name).by_seed for name in names]
            seeds = sorted(set.intersection(*(set(column) for column in columns)))
            found += [
                Network(variant, seed, pruned, *(column[seed] for column in columns))
                for seed in seeds
            ]
    return found


def _filters(results: Results, question: str) -> tuple[int | None, dict[str, np.ndarray]]:
    """What the first hidden neurons weigh, where those weights are a square picture; the first seed's."""
    rows = results.trials[results.trials.question == question]
    rows = rows[rows.trial_id.isin(results.weights.trials)]
    if rows.empty:
        return None, {}
    seed = int(rows.seed.min())
    found = {}
    for variant, trial_id in rows.loc[rows.seed == seed, ["variant", "trial_id"]].itertuples(
        index=False
    ):
        arrays = results.weights.of(str(trial_id)).values()
        first = next((array for array in arrays if array.ndim >= 2), None)
        side = math.isqrt(len(first)) if first is not None else 0
        if first is not None and first.ndim == 2 and side > 1 and side**2 == len(first):
            found[str(variant)] = first[:, :SHOWN].T.reshape(-1, side, side)
    return seed, found


def sentence(found: Sizes, by: By, margin: float | None) -> str:
    """The most accurate networks, and the smallest that lose little against them."""
    unit = {"nonzero": "weights", "gzip_bytes": "bytes"}[by]
    how = {"nonzero": "", "gzip_bytes": " gzipped"}[by]
    frontier = found.frontier(by)
    best = frontier[-1]
    within: dict[str, list[str]] = {}
    for loss in sorted({margin or LOSS, LOSS}):
        smallest = next(p for p in frontier if p.accuracy >= best.accuracy - loss)
        size = (
            f"{smallest.name} with {wording.number(smallest.size, 0)} {unit} ({_percent(smallest)})"
        )
        if smallest is best:
            size = "itself"
        points = wording.with_unit(f"{100 * loss:g}", wording.POINTS)
        within.setdefault(size, []).append(points)
    said = "; ".join(f"within {points[-1]} of it is {size}" for size, points in within.items())
    return (
        f"Most accurate, in the mean over seeds, is {best.name} ({_percent(best)}) with"
        f" {wording.number(best.size, 0)} {unit}{how}. The smallest {said}."
    )


def _percent(point: Point) -> str:
    return f"{wording.number(100 * point.accuracy, 2)} %"

"""Variants that several workers train: what each holds and sends, what it gains in time, and how late it comes.

The engines' own measures (the frame ``probes``, under the engine's name) beside the times of the trials.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bench import stats
from bench.analysis.contrast import Mean, mean_over_seeds

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from bench.analysis.metrics import Measurements, Values
    from bench.store import Results
    from bench.suite import Settings

ENGINES: Final = ("master_worker", "multi_worker", "parameter_server")
_BYTES: Final = {"float32": 4, "float64": 8}


@dataclass(frozen=True)
class Spent:
    """Seconds of one worker over the whole training, means over workers and seeds."""

    computing: float
    communicating: float
    waiting: float

    @property
    def whole(self) -> float:
        """All three together."""
        return self.computing + self.communicating + self.waiting


@dataclass(frozen=True)
class Team:
    """The workers of one variant.

    Attributes:
        engine: one of ``ENGINES``.
        weights_bytes: the size of all weights, which is that of a gradient; None if no trial tells it.
        images, classes: the fewest and the most of a worker, over all seeds; None where there are no classes.
        in_common, left_out: images with more than one worker, and with none; the most of any seed.
        seconds: of an epoch, geometric mean over seeds.
        speed_up: one worker's time by this one's, over the seeds that both have; None where the question has no
            such variant with one worker, and for that itself.
        spent: None where nothing was sent.
        staleness: how many updates had so many others between reading and writing, over all seeds; empty where
            all wait for each other.
        copies_differ_by: the largest difference between any two workers' weights in the end; None where there
            is one copy only.
        cores: of the machines that trained it, the most.
    """

    variant: str
    engine: str
    workers: int
    weights_bytes: int | None
    images: tuple[int, int] | None
    classes: tuple[int, int] | None
    in_common: int
    left_out: int
    seconds: Mean
    speed_up: stats.Ratio | None
    spent: Spent | None
    staleness: Mapping[int, int]
    copies_differ_by: float | None
    cores: int

    @property
    def edge_bytes(self) -> float | None:
        """What one update sends over one connection, in both directions; see ``report.workers``."""
        if self.weights_bytes is None:
            return None
        if self.engine == "multi_worker":
            return 2 * self.weights_bytes * (self.workers - 1) / self.workers
        return 2 * self.weights_bytes

    @property
    def efficiency(self) -> float | None:
        """Speed-up by the number of workers."""
        return None if self.speed_up is None else self.speed_up.ratio / self.workers


def teams(results: Results, measured: Measurements, question: str) -> list[Team]:
    """The variants of a question that several workers, or one for comparison, train; in the suite's order."""
    if results.suite.imported is not None:
        return []
    settings = results.suite.variants(question)
    found = []
    for variant, given in settings.items():
        engine, _ = _engine(given)
        rows = results.probes
        rows = rows[
            (rows.question == question) & (rows.variant == variant) & (rows.probe == engine)
        ]
        if engine in ENGINES and len(rows):
            trials = results.trials
            own = trials[(trials.question == question) & (trials.variant == variant)]
            seconds = measured.of(question, variant, "epoch_time_s")
            alone = _alone(settings, variant)
            of_one = measured.of(question, alone, "epoch_time_s") if alone else None
            found.append(_team(given, own, rows, seconds, of_one))
    return found


def _team(
    given: Settings,
    trials: pd.DataFrame,
    rows: pd.DataFrame,
    seconds: Values,
    of_one: Values | None,
) -> Team:
    engine, options = _engine(given)
    parameters = trials.parameters.dropna()
    size = _BYTES[given.precision or "float32"]
    apart = rows[rows.measure == "copies_differ_by"].value
    return Team(
        variant=seconds.variant,
        engine=engine,
        workers=int(options["workers"]),
        weights_bytes=int(parameters.iloc[0]) * size if len(parameters) else None,
        images=_ends(rows, "images"),
        classes=_ends(rows, "classes"),
        in_common=(_ends(rows, "images_in_common") or (0, 0))[1],
        left_out=(_ends(rows, "images_left_out") or (0, 0))[1],
        seconds=mean_over_seeds(seconds),
        speed_up=_speed_up(seconds, of_one),
        spent=_spent(rows),
        staleness=_staleness(rows),
        copies_differ_by=float(apart.max()) if len(apart) else None,
        cores=max(
            (json.loads(text).get("cores", 0) for text in trials.machine.dropna()), default=0
        ),
    )


def _engine(given: Settings) -> tuple[str, Mapping[str, Any]]:
    if isinstance(given.engine, dict):
        ((name, options),) = given.engine.items()
        return name, options or {}
    return given.engine or "", {}


def _alone(settings: Mapping[str, Settings], variant: str) -> str | None:
    """The variant with one worker that is the same otherwise; one has all images, however they are split."""
    same = {"about", "engine"}
    engine, _ = _engine(settings[variant])
    for name, given in settings.items():
        its, options = _engine(given)
        rest = given.model_dump(exclude=same) == settings[variant].model_dump(exclude=same)
        if name != variant and its == engine and options.get("workers") == 1 and rest:
            return name
    return None


def _ends(rows: pd.DataFrame, measure: str) -> tuple[int, int] | None:
    values = rows[rows.measure == measure].value
    return (int(values.min()), int(values.max())) if len(values) else None


def _spent(rows: pd.DataFrame) -> Spent | None:
    """Of the whole team: rows of layer "" are means over its workers."""
    whole = rows[rows.layer == ""]
    means = whole.groupby("measure").value.mean()
    names = ("computing_s", "communicating_s", "waiting_s")
    return (
        Spent(*(float(means[name]) for name in names)) if set(names) <= set(means.index) else None
    )


def _staleness(rows: pd.DataFrame) -> dict[int, int]:
    counts = rows[rows.measure.str.startswith("staleness_")].groupby("measure").value.sum()
    late = {int(str(name).removeprefix("staleness_")): int(n) for name, n in counts.items()}
    return dict(sorted(late.items()))


def _speed_up(seconds: Values, of_one: Values | None) -> stats.Ratio | None:
    if of_one is None:
        return None
    both = sorted(seconds.by_seed.keys() & of_one.by_seed.keys())
    if not both:
        return None
    return stats.ratio_of_means(
        [of_one.by_seed[seed] for seed in both], [seconds.by_seed[seed] for seed in both]
    )

"""One number per question, variant and seed, of any metric: what every comparison starts from.

* *Final* values are means over the evaluations at the end of the last ``suite.final`` epochs.
* Times to the target are those of ``crossings``, restricted to what is known of all runs (``arrivals``): of a
  seed that never meets it, the budget.
* A *diverged* trial is a result: it has its metric's worst value. Only its time per epoch is what
  was measured, since a network that produces NaN takes no longer over it.
* A *probe's* measure is its last one, or over the training where ``frames.SMOOTHNESS`` says so.
* A *failed* trial has no value. Whoever compares must say that a pair is broken.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from bench.analysis.arrivals import together
from bench.analysis.crossings import KEYS, SPENT, crossings, ends, short_runs
from bench.analysis.whole_curves import BEST, curve_of, metric_of, whole_curves
from bench.frames import METRICS, SMOOTHNESS, Metric
from bench.stats import FEWEST_FOR_INFERENCE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import pandas as pd

    from bench.store import Results
    from bench.suite import Suite

_MEASURED_IF_DIVERGED: Final = ("epoch_time_s", *SPENT)


@dataclass(frozen=True)
class Values:
    """One metric of one variant, by seed. Times in s, accuracies as shares, as in the frames.

    Attributes:
        by_seed: seed -> value; a diverged seed has the metric's worst value.
        failed: seeds whose trial ended in an error; they have no value.
        diverged: seeds whose loss stopped being finite.
        undefined: diverged seeds for which this metric has no worst value; they have none.
        missing: other seeds without a value, which some variant of the question was trained with.
        not_reached: seeds that never met the target; they count what all runs were watched for.
        arrivals: of times to a target, when each seed met it, or how long it was watched; None: ``by_seed``.
        late: seeds that met the target later than all runs were watched for, and count that.
        concurrent: seeds measured while other trials ran on the same machine.
        unit: ``percent`` or ``shares`` where others of the metric look like the other, ``both`` where
            its own do.
        trials: what tells its runs from others: their content ids.
        uneven: epochs at which the question's first and last run ended, if imported runs differ.
        short: by seed, when the variant's runs ended that ended before the question's longest one.
    """

    metric: Metric
    variant: str
    by_seed: Mapping[int, float]
    failed: frozenset[int] = frozenset()
    diverged: frozenset[int] = frozenset()
    undefined: frozenset[int] = frozenset()
    missing: frozenset[int] = frozenset()
    not_reached: frozenset[int] = frozenset()
    arrivals: Mapping[int, float] | None = None
    late: frozenset[int] = frozenset()
    concurrent: frozenset[int] = frozenset()
    unit: str = ""
    trials: frozenset[str] = frozenset()
    uneven: tuple[float, float] | None = None
    short: Mapping[int, float] = field(default_factory=dict)

    @property
    def why_empty(self) -> str:
        """Why there is no value at all, as the end of a sentence."""
        if self.failed:
            return f"every trial of {self.variant} failed"
        if self.undefined:
            return f"every trial of {self.variant} diverged"
        return f"{self.metric.label} of {self.variant} was not measured"


@dataclass(frozen=True)
class _Trials:
    """The trials of one variant as plain values: each metric's numbers in the order of the seeds."""

    seeds: tuple[int, ...]
    numbers: Mapping[str, list[float]]
    failed: frozenset[int]
    diverged: frozenset[int]
    not_reached: frozenset[int]
    concurrent: frozenset[int]
    ids: frozenset[str]

    @classmethod
    def of(cls, rows: pd.DataFrame, metrics: Sequence[str]) -> Self:
        """The trials in the rows."""
        seeds = rows.seed.to_numpy(int)

        def where(flags: pd.Series[bool]) -> frozenset[int]:
            return frozenset(seeds[flags.to_numpy(bool)].tolist())

        return cls(
            seeds=tuple(seeds.tolist()),
            numbers={name: rows[name].to_numpy(float).tolist() for name in metrics},
            failed=where(rows.status == "failed"),
            diverged=where(rows.status == "diverged"),
            not_reached=where(rows.not_reached),
            concurrent=where(rows.concurrent.fillna(value=False)),
            ids=frozenset(map(str, rows.trial_id)),
        )


@dataclass(frozen=True)
class Measurements:
    """All values of a run. ``of`` looks one metric of one variant up."""

    suite: Suite
    _trials: Mapping[tuple[str, str], _Trials] = field(repr=False)
    _probes: Mapping[tuple[str, str, str], Mapping[int, float]] = field(repr=False)
    _seeds: Mapping[str, frozenset[int]] = field(repr=False)
    _uneven: Mapping[str, tuple[float, float]] = field(repr=False, default_factory=dict)
    _short: Mapping[str, Mapping[str, Mapping[int, float]]] = field(
        repr=False, default_factory=dict
    )

    def of(self, question: str, variant: str, name: str) -> Values:
        """Values of the metric ``name`` (or ``probe/layer/measure``), one per seed that has one."""
        measured = metric_of(self.suite, question, name)
        everyone = self._seeds.get(question, frozenset())
        trials = self._trials.get((question, variant))
        if trials is None:
            return Values(measured, variant, {}, missing=everyone)
        if name in trials.numbers:
            values: Mapping[int, float] = dict(zip(trials.seeds, trials.numbers[name], strict=True))
        else:
            worst = dict.fromkeys(trials.diverged, measured.worst)
            values = {**self._probes.get((question, variant, name), {}), **worst}
        by_seed = {seed: value for seed, value in values.items() if not math.isnan(value)}
        found = Values(
            metric=measured,
            variant=variant,
            by_seed=by_seed,
            failed=trials.failed,
            diverged=trials.diverged,
            undefined=trials.diverged - by_seed.keys(),
            missing=everyone - by_seed.keys() - trials.failed - trials.diverged,
            not_reached=trials.not_reached if name in SPENT else frozenset(),
            concurrent=trials.concurrent,
            unit=_unit(self.suite, question, variant, name),
            trials=trials.ids,
            uneven=self._uneven.get(question),
            short=self._short.get(question, {}).get(variant, {}),
        )
        return together(found)[0]

    def paired(self, question: str) -> bool:
        """Whether the variants of a question are compared seed by seed: all of them, or none.

        They are where the suite says so, unless seeds are hardly shared: some variant shares fewer with the
        baseline than a test asks for, though it could, or less than half of what it could.
        """
        suite = self.suite
        if suite.paired == "no":
            return False
        base, *others = (
            self.of(question, variant, primary_of(suite, question)).by_seed.keys()
            for variant in _baseline_first(suite, question)
        )
        return not any(_hardly_shared(base, other) for other in others)

    def probe_measures(self, question: str, probe: str) -> tuple[str, ...]:
        """The ``probe/layer/measure`` names that a probe recorded for a question, in order."""
        found = (name for q, _, name in self._probes if q == question)
        return tuple(dict.fromkeys(name for name in found if name.startswith(f"{probe}/")))


def primary_of(suite: Suite, question: str) -> str:
    """Name of the metric that decides a question."""
    return suite.questions[question].primary or suite.primary


def _unit(suite: Suite, question: str, variant: str, name: str) -> str:
    """What an imported variant's values look like, where those of the metric look unlike each other."""
    for mixed in suite.imported.mixed if suite.imported else ():
        if (mixed.question, mixed.metric) == (question, name):
            kinds = [k for k in ("percent", "shares") if variant in getattr(mixed, k)]
            return "both" if len(kinds) > 1 else "".join(kinds)
    return ""


def _baseline_first(suite: Suite, question: str) -> list[str]:
    baseline = suite.baseline(question)
    return [baseline, *(name for name in suite.variants(question) if name != baseline)]


def _hardly_shared(a: Collection[int], b: Collection[int]) -> bool:
    could, shared = min(len(a), len(b)), len(set(a) & set(b))
    return shared < max(min(FEWEST_FOR_INFERENCE, could), could / 2)


def measure(results: Results) -> Measurements:
    """Collect one value per metric, question, variant and seed from the frames of a run."""
    wide = results.trials[
        [*KEYS, "trial_id", "status", "concurrent", "epoch_time_s", "train_time_s"]
    ]
    for more in (_finals(results), whole_curves(results), crossings(results)):
        wide = wide.merge(more, on=KEYS, how="left")
    wide["generalisation_gap"] = wide.train_accuracy - wide.test_accuracy
    wide["not_reached"] = wide.not_reached.eq(other=True)
    for question in results.suite.questions:
        _mark_broken(wide, results.suite, question)
    groups = wide.groupby(["question", "variant"], sort=False)
    metrics = (*METRICS, *results.suite.metrics, BEST)
    everywhere = wide.groupby("question", sort=False).seed
    uneven = _uneven(results)
    return Measurements(
        suite=results.suite,
        _trials={(str(q), str(v)): _Trials.of(rows, metrics) for (q, v), rows in groups},
        _probes=_probe_values(results.probes),
        _seeds={str(q): frozenset(map(int, seeds)) for q, seeds in everywhere},
        _uneven=uneven,
        _short={question: short_runs(results, question) for question in uneven},
    )


def _uneven(results: Results) -> dict[str, tuple[float, float]]:
    """When the first and the last run of each question ended, where imported runs differ in it."""
    if results.suite.imported is None:
        return {}
    found = {question: ends(results, question) for question in results.suite.questions}
    return {question: (first, last) for question, (first, last) in found.items() if first < last}


def _mark_broken(wide: pd.DataFrame, suite: Suite, question: str) -> None:
    """Give the question's diverged trials the worst value of each metric, its failed ones none."""
    here = wide.question == question
    names = (*METRICS, *suite.metrics, BEST)
    if suite.imported is not None:
        names = (curve_of(suite, question), *suite.imported.metrics, "area_under_curve", BEST)
    for name in names:
        known = metric_of(suite, question, name)
        if name not in _MEASURED_IF_DIVERGED:
            wide.loc[here & (wide.status == "diverged"), name] = known.worst
        wide.loc[here & (wide.status == "failed"), name] = math.nan
        if known.ratio:  # nothing takes no time: a clock that never ticked has not measured
            wide.loc[here & (wide[name] <= 0), name] = math.nan


def _finals(results: Results) -> pd.DataFrame:
    names = list(results.suite.curve_metrics)
    if results.suite.imported is not None:  # not every evaluation has every metric
        runs = results.curves.sort_values("epoch", kind="stable")
        return runs.groupby(KEYS, sort=False, as_index=False)[names].last()
    runs = results.curves[results.curves.epoch > 0].sort_values("updates")
    whole = runs[runs.epoch == runs.epoch.round()]
    last = whole.groupby(KEYS, sort=False).tail(results.suite.final)
    return last.groupby(KEYS, sort=False, as_index=False)[names].mean()


def _probe_values(probes: pd.DataFrame) -> dict[tuple[str, str, str], dict[int, float]]:
    names = probes.probe + "/" + probes.layer.fillna("") + "/" + probes.measure
    ordered = probes.assign(name=names).sort_values("epoch", kind="stable")
    values: dict[tuple[str, str, str], dict[int, float]] = {}
    columns = (ordered[name] for name in ("question", "variant", "name", "seed", "value"))
    for question, variant, name, seed, value in zip(*columns, strict=True):
        values.setdefault((question, variant, name), {})[int(seed)] = float(value)  # the last stays
    return values | dict(_over_training(ordered))


def _over_training(rows: pd.DataFrame) -> Iterator[tuple[tuple[str, str, str], dict[int, float]]]:
    """Of each trial, exp of the median over its steps of a smoothness measure's logarithm."""
    import numpy as np

    known = rows[rows.name.isin(list(SMOOTHNESS)) & (rows.value > 0) & np.isfinite(rows.value)]
    logs = known.assign(value=np.log(known.value.to_numpy(float)))
    medians = np.exp(logs.groupby(["question", "variant", "name", "seed"]).value.median())
    for key, by_seed in medians.groupby(level=[0, 1, 2]):
        seeds = by_seed.index.get_level_values("seed")
        yield key, dict(zip(map(int, seeds), map(float, by_seed), strict=True))

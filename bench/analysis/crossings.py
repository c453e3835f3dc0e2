"""When each run reached its question's target: in epochs, in updates, in seconds of training.

* A run that met the target has its crossing, whatever became of it afterwards.
* One that did not was watched up to its own end: no longer, and what it would have done then is not known.
* One that diverged without having met it never will. It counts as watched for as long as the question's longest
  run was, its whole budget.

All runs of a suite have the same budget of epochs; those that another tool wrote may end anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.store import Results
    from bench.suite import Suite

KEYS: Final = ["question", "variant", "seed"]
SPENT: Final = {
    "epochs_to_target": "epoch",
    "updates_to_target": "updates",
    "seconds_to_target": "train_time_s",
}
_SAME: Final = 2.0**-24  # relative: a logger of single precision cannot tell closer numbers apart


def target(suite: Suite, question: str) -> tuple[str, float] | None:
    """The metric and the value that a question's variants are to reach, if any."""
    declared = suite.questions[question].target or suite.target
    return next(iter(declared.items())) if declared else None


def budget(results: Results, question: str) -> float:
    """Epochs that every run of a question had, diverged and failed ones aside."""
    return ends(results, question)[0]


def ends(results: Results, question: str) -> tuple[float, float]:
    """The epochs at which the first and the last run of a question ended, likewise."""
    last = _last(results, question)
    if last.empty:
        return (float(results.suite.epochs_of(question)),) * 2
    return float(last.min()), float(last.max())


def short_runs(results: Results, question: str) -> dict[str, dict[int, float]]:
    """By variant and seed, when the runs ended that came to their end before the question's longest one."""
    last = _last(results, question)
    return _by_variant(last[last < last.max()])


def longest(results: Results, question: str) -> float:
    """Epochs up to which the target's metric of some run was seen: what a run could have had."""
    if results.suite.imported is None:
        return float(results.suite.epochs_of(question))
    return float(_recorded(results, question).epoch.max())


def watched(results: Results, question: str) -> dict[str, dict[int, float]]:
    """By variant and seed, the epoch of the last evaluation that has the target's metric."""
    runs = _recorded(results, question).groupby(["variant", "seed"], sort=False)
    return _by_variant(runs.epoch.max())


def crossings(results: Results) -> pd.DataFrame:
    """One row per trial that did not fail, of each question with a target.

    Columns: KEYS, those of SPENT (what it took; of a run that missed, how long it was watched), and
    ``not_reached``. NaN where the target's metric of a run was never recorded.
    """
    found = [
        _crossings(results, question)
        for question in results.suite.questions
        if target(results.suite, question) is not None
    ]
    names = [*KEYS, *SPENT, "not_reached"]
    return pd.concat(found)[names] if found else pd.DataFrame(columns=names)


def meets(results: Results, question: str, values: pd.Series[float]) -> pd.Series[bool]:
    """Which values of the target's metric meet the question's target; no infinite one does."""
    goal = target(results.suite, question)
    if goal is None:
        return pd.Series(data=False, index=values.index)
    numbers = values.to_numpy(float)
    upwards = results.suite.metric(goal[0]).higher_is_better
    beyond = numbers >= goal[1] if upwards else numbers <= goal[1]
    met = (beyond | np.isclose(numbers, goal[1], rtol=_SAME, atol=0)) & np.isfinite(numbers)
    return pd.Series(met, index=values.index)


def _by_variant(ends: pd.Series[float]) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    keys, numbers = ends.index.to_frame(), ends.to_numpy(float).tolist()
    for variant, seed, end in zip(keys.variant, keys.seed.astype(int), numbers, strict=True):
        found.setdefault(variant, {})[seed] = end
    return found


def _last(results: Results, question: str) -> pd.Series[float]:
    """By variant and seed, the last epoch of each run that came to its end."""
    curves = results.curves_of(question)
    curves = curves[curves.status == "completed"]
    if results.suite.imported is not None:  # a later row may lack the metric
        curves = curves[curves[results.suite.primary].notna()]
    last: pd.Series[float] = curves.groupby(["variant", "seed"], sort=False).epoch.max()
    return last


def _recorded(results: Results, question: str) -> pd.DataFrame:
    """The evaluations that have the target's metric, in the order of time."""
    curves = results.curves_of(question).sort_values(["epoch", "updates"], kind="stable")
    name, _ = target(results.suite, question) or ("", 0.0)
    return curves if results.suite.imported is None else curves[curves[name].notna()]


def _crossings(results: Results, question: str) -> pd.DataFrame:
    trials = results.trials[results.trials.question == question]
    trials = trials.loc[trials.status != "failed", [*KEYS, "status"]]
    name, _ = target(results.suite, question) or ("", 0.0)
    curves = _recorded(results, question)
    met = curves[meets(results, question, curves[name]) & _before(results, question, curves)]
    first = met.groupby(KEYS, sort=False).head(1)
    reached = trials.merge(first[[*KEYS, *SPENT.values()]], on=KEYS, how="left")
    reached["not_reached"] = reached.epoch.isna()
    spent = _watched(results, question, trials, curves)
    for metric, column in SPENT.items():
        reached[metric] = reached[column].astype(float).where(~reached.not_reached, spent[column])
    if results.suite.imported is not None:  # whose only clock is the step
        reached["not_reached"] &= reached.epochs_to_target.notna()
        reached[["updates_to_target", "seconds_to_target"]] = float("nan")
    return reached


def _before(results: Results, question: str, curves: pd.DataFrame) -> pd.Series[bool]:
    """Which evaluations of diverged runs lie before it: before what decides is no longer finite, to the end."""
    imported = results.suite.imported is not None
    runs = results.curves_of(question)
    runs = runs[runs.status == "diverged"]
    value = runs[results.suite.primary if imported else "train_objective"].astype(float)
    broken = value.notna() & ~np.isfinite(value) if imported else ~np.isfinite(value)
    last = runs[np.isfinite(value)].groupby(KEYS, sort=False).epoch.max().rename("last")
    since = runs.loc[broken, [*KEYS, "epoch"]].merge(last, on=KEYS, how="left")
    since = since[since.epoch > since["last"].fillna(-np.inf)]
    first = since.groupby(KEYS, sort=False).epoch.min().rename("since")
    limit = curves[KEYS].merge(first, on=KEYS, how="left").since.fillna(np.inf)
    return pd.Series(curves.epoch.to_numpy(float) < limit.to_numpy(float), index=curves.index)


def _watched(
    results: Results, question: str, trials: pd.DataFrame, curves: pd.DataFrame
) -> Mapping[str, pd.Series[float]]:
    """By clock, how long each trial was watched; of a diverged one, what the whole budget would have been."""
    whole = longest(results, question)
    last = trials.merge(
        curves.groupby(KEYS, sort=False).tail(1), on=KEYS, how="left", suffixes=("", "_")
    )
    diverged = trials.status.to_numpy() == "diverged"
    if results.suite.imported is None:
        last["epoch"] = last.epoch.astype(float).where(last.epoch > 0)  # ended before it began
        factor = (whole / last.epoch).where(diverged, 1.0)
        found = {c: last[c].astype(float) * factor for c in SPENT.values()}
        return {c: _as_the_others(found[c], last.variant) for c in found} | {
            "epoch": found["epoch"].fillna(whole)
        }
    epochs = last.epoch.astype(float)
    return dict.fromkeys(SPENT.values(), epochs.mask(diverged & epochs.notna(), whole))


def _as_the_others(spent: pd.Series[float], variants: pd.Series[str]) -> pd.Series[float]:
    """Of a run that ended before it began: what the longest of its variant spent."""
    alike = spent.groupby(variants).transform("max")
    return spent.fillna(alike).fillna(spent.max())

"""When each run reached its question's target: in epochs, in updates, in seconds of training.

Every run has the same budget of epochs, that of the question's shortest run that came to its end
(all of them, unless frames of another tool were imported). A run that never reaches the target, or
that diverges, spent the whole budget: it counts, and is never left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

if TYPE_CHECKING:
    from bench.store import Results
    from bench.suite import Suite

KEYS: Final = ["question", "variant", "seed"]
SPENT: Final = {
    "epochs_to_target": "epoch",
    "updates_to_target": "updates",
    "seconds_to_target": "train_time_s",
}


def target(suite: Suite, question: str) -> tuple[str, float] | None:
    """The metric and the value that a question's variants are to reach, if any."""
    declared = suite.questions[question].target or suite.target
    return next(iter(declared.items())) if declared else None


def budget(results: Results, question: str) -> float:
    """Epochs that every run of a question had, diverged and failed ones aside."""
    return ends(results, question)[0]


def ends(results: Results, question: str) -> tuple[float, float]:
    """The epochs at which the first and the last run of a question ended, likewise."""
    curves = results.curves_of(question)
    curves = curves[curves.status == "completed"]
    if results.suite.imported is not None:  # a later row may lack the metric
        curves = curves[curves[results.suite.primary].notna()]
    if curves.empty:
        return (float(results.suite.epochs_of(question)),) * 2
    last = curves.groupby(["variant", "seed"], sort=False).epoch.max()
    return float(last.min()), float(last.max())


def crossings(results: Results) -> pd.DataFrame:
    """One row per trial that did not fail, of each question with a target.

    Columns: KEYS, those of SPENT (what it took, or the budget), and ``not_reached``.
    """
    found = [
        _crossings(results, question)
        for question in results.suite.questions
        if target(results.suite, question) is not None
    ]
    names = [*KEYS, *SPENT, "not_reached"]
    return pd.concat(found)[names] if found else pd.DataFrame(columns=names)


def meets(results: Results, question: str, values: pd.Series[float]) -> pd.Series[bool]:
    """Which values of the target's metric meet the question's target."""
    goal = target(results.suite, question)
    if goal is None:
        return pd.Series(data=False, index=values.index)
    upwards = results.suite.metric(goal[0]).higher_is_better
    return values >= goal[1] if upwards else values <= goal[1]


def _crossings(results: Results, question: str) -> pd.DataFrame:
    trials = results.trials[results.trials.question == question]
    trials = trials.loc[trials.status != "failed", [*KEYS, "status"]]
    curves = results.curves_of(question).sort_values("updates")
    name, _ = target(results.suite, question) or ("", 0.0)
    limit = budget(results, question)
    met = meets(results, question, curves[name]) & (curves.epoch <= limit)
    met &= curves.status != "diverged"
    first = curves[met].groupby(KEYS, sort=False).head(1)
    reached = trials.merge(first[[*KEYS, *SPENT.values()]], on=KEYS, how="left")
    spent = trials.merge(_whole_budget(curves, limit), on=KEYS, how="left")
    reached["not_reached"] = reached.epoch.isna()
    for metric, column in SPENT.items():
        whole = spent[column].astype(float)  # of a run that ended before it began: as the others
        whole = whole.fillna(whole.groupby(spent.variant).transform("max")).fillna(whole.max())
        whole = whole if column != "epoch" else whole.fillna(limit)
        reached[metric] = reached[column].astype(float).where(~reached.not_reached, whole)
    if results.suite.imported is not None:  # whose only clock is the step
        reached[["updates_to_target", "seconds_to_target"]] = float("nan")
    return reached


def _whole_budget(curves: pd.DataFrame, limit: float) -> pd.DataFrame:
    """What each run spent in the whole budget, or would have, had it not diverged."""
    last = curves[curves.epoch > 0].groupby(KEYS, sort=False).tail(1)
    columns = list(SPENT.values())
    return last[KEYS].join(last[columns].astype(float).mul(limit / last.epoch, axis=0))

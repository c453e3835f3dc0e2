"""Numbers of a run's whole curve: its area, its value at the best validation epoch, its best value.

The curve is that of the question's primary metric, or of the test accuracy where the primary metric
is not measured over epochs. A diverged run has the worst value there is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from bench.analysis.crossings import KEYS, budget
from bench.plugins import named

if TYPE_CHECKING:
    from bench.frames import Metric
    from bench.store import Results
    from bench.suite import Suite

BEST: Final = "best_over_epochs"
"""Optimistic, since the test set chose the epoch: shown, never tested, and no metric of a suite."""

DERIVED: Final = ("area_under_curve", "selected", BEST)


def curve_of(suite: Suite, question: str) -> str:
    """Name of the metric whose curve is meant."""
    primary = suite.questions[question].primary or suite.primary
    return primary if primary in suite.curve_metrics else "test_accuracy"


def metric_of(suite: Suite, question: str, name: str) -> Metric:
    """The metric of that name in a question: unit and direction of a DERIVED one are its curve's."""
    if name not in DERIVED:
        return _with_unit_of_loss(suite, question, suite.metric(name))
    selected = name == "selected"
    curve = suite.metric((_selected_curve if selected else curve_of)(suite, question))
    curve = _with_unit_of_loss(suite, question, curve)
    words = {
        "area_under_curve": (f"mean {curve.label} over training", "area under the curve / epochs"),
        "selected": (
            f"{curve.label} at the best validation epoch",
            "chosen on the held-out images",
        ),
        BEST: (f"best {curve.label} of all epochs", "optimistic: the epoch was chosen by it"),
    }
    label, meaning = words[name]
    return replace(curve, name=name, label=label, meaning=meaning)


def _with_unit_of_loss(suite: Suite, question: str, metric: Metric) -> Metric:
    """Only a cross-entropy is counted in nats; another loss has the unit that its data gives it: none here."""
    if metric.unit != "nats":
        return metric
    losses = {named(variant.loss or "")[0] for variant in suite.variants(question).values()}
    in_nats = all("Crossentropy" in loss for loss in losses)
    return metric if in_nats else replace(metric, unit="")


def whole_curves(results: Results) -> pd.DataFrame:
    """Columns: KEYS and DERIVED, one row per trial with a curve."""
    return pd.concat([_of_question(results, question) for question in results.suite.questions])


def _of_question(results: Results, question: str) -> pd.DataFrame:
    suite = results.suite
    curves = results.curves_of(question).sort_values("updates")
    name = curve_of(suite, question)
    curves = curves.assign(value=curves.get(name, np.nan))
    area = _areas(curves[curves.epoch <= budget(results, question)])
    trained = curves[(curves.epoch > 0) & np.isfinite(curves.value)]
    extreme = "max" if suite.metric(name).higher_is_better else "min"
    best = trained.groupby(KEYS, sort=False).value.agg(extreme).rename(BEST)
    frame: pd.DataFrame = pd.concat([area, best, _selected(suite, question, curves)], axis=1)
    return frame.rename_axis(KEYS).reset_index()


def _areas(curves: pd.DataFrame) -> pd.Series[float]:
    """Trapezoids under each run's curve, divided by the epochs that it spans."""
    curves = curves[np.isfinite(curves.value)]
    runs = curves.groupby(KEYS, sort=False)
    width = runs.epoch.diff()
    pieces = width * (curves.value + runs.value.shift()) / 2
    sums = pd.DataFrame({"area": pieces, "width": width}).groupby([curves[k] for k in KEYS]).sum()
    area: pd.Series[float] = (sums.area / sums.width.where(sums.width > 0)).rename(
        "area_under_curve"
    )
    return area


def _selected(suite: Suite, question: str, curves: pd.DataFrame) -> pd.Series[float]:
    """The test metric at the first epoch with the best validation metric, where there is one."""
    name = _selected_curve(suite, question)
    held_out = name.replace("test_", "validation_")
    if held_out not in curves or name not in curves:
        return pd.Series(dtype=float, name="selected")
    upwards = suite.metric(held_out).higher_is_better
    known = curves[(curves.epoch > 0) & np.isfinite(curves[held_out])]
    order = known.sort_values(held_out, ascending=not upwards, kind="stable")
    first: pd.Series[float] = order.groupby(KEYS, sort=False)[name].first().rename("selected")
    return first


def _selected_curve(suite: Suite, question: str) -> str:
    name = curve_of(suite, question)
    return name if name in ("test_accuracy", "test_loss") else "test_accuracy"

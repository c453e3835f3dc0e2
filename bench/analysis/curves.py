"""Convergence: the mean curve of each variant with its t interval over seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import special

if TYPE_CHECKING:
    import pandas as pd

    from bench.store import Results

METRICS: Final = (
    "test_accuracy",
    "train_objective",
    "train_accuracy",
    "test_loss",
    "train_loss",
    "validation_accuracy",
    "validation_loss",
)
"""In the order in which they are offered to be drawn; the first two are drawn first."""
MOST: Final = 6  # curves of imported metrics that are drawn


def convergence(results: Results, question: str) -> pd.DataFrame:
    """Mean curves of a question, of each metric that was evaluated.

    Columns: variant, epoch, metric, n (seeds), mean, and low and high, the ends of the pointwise
    95 % t interval over seeds (NaN below three seeds); updates and train_time_s, the means of what these
    seeds had spent by then. An evaluation that was not finite is in no mean: n says how many seeds were
    left. Epochs are in order.
    """
    import pandas as pd

    suite = results.suite
    names: tuple[str, ...] = METRICS
    if suite.imported is not None:
        names = tuple(n for n in suite.imported.metrics if n in suite.curve_metrics)[:MOST]
    curves = results.curves_of(question).sort_values("epoch", kind="stable")
    parts = []
    for name in names:
        finite = curves[np.isfinite(curves[name])]
        groups = finite.groupby(["variant", "epoch"], sort=False)
        part = groups[name].agg(n="count", mean="mean", sd="std")
        spent = groups[["updates", "train_time_s"]].mean()
        parts.append(part.join(spent).reset_index().assign(metric=name))
    frame = pd.concat(parts, ignore_index=True)
    half = special.stdtrit(np.maximum(frame.n - 1, 1), 0.975) * frame.sd / np.sqrt(frame.n)
    half = half.where(frame.n >= 3)
    frame["low"], frame["high"] = frame["mean"] - half, frame["mean"] + half
    for name in names:  # the band of a share ends at 0 and 1
        own, (lowest, highest) = frame.metric == name, suite.metric(name).bounds
        if frame["mean"][own].between(lowest, highest).all():
            frame.loc[own, ["low", "high"]] = frame.loc[own, ["low", "high"]].clip(lowest, highest)
    found: pd.DataFrame = frame.drop(columns="sd")
    return found

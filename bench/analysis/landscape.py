"""The landscape of a question's variants: its course over training, and who is smoother and faster.

The comparisons themselves are those of ``comparisons``, on the measures of ``frames.SMOOTHNESS``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import special

from bench.analysis import wording
from bench.frames import SMOOTHNESS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from bench.analysis.comparisons import Compared
    from bench.store import Results

BANDS: Final = {"loss": ("loss_low", "loss_high"), "change": ("change_low", "change_high")}
LINES: Final = ("landscape/effective_beta", "curvature/lambda_max")

_BOTH: Final = "smoother by some, rougher by others"


@dataclass(frozen=True)
class Landscape:
    """What the probes of the landscape say of a question.

    Attributes:
        compared: each variant against the baseline on each measure, in ratios; a measure is a family.
        course: along the training. Columns: variant, updates, measure, n (seeds), low, mean, high. Of
            ``loss`` and ``change`` low and high are the ends of the range along the gradient, each a
            geometric mean over seeds; of other measures the ends of the 95 % t interval of their geometric
            mean.
        answer: who is smoother and who trains faster, in a sentence; then a sentence for each variant.
    """

    compared: tuple[Compared, ...]
    course: pd.DataFrame
    answer: tuple[str, ...]


def landscape(results: Results, question: str, compared: Sequence[Compared]) -> Landscape | None:
    """The landscape of a question; None where no probe measured it."""
    smooth = tuple(c for c in compared if c.metric.name in SMOOTHNESS)
    if not smooth:
        return None
    rows = results.probes[results.probes.question == question]
    return Landscape(
        compared=smooth,
        course=_course(results, rows),
        answer=tuple(_answer(smooth, compared)),
    )


def _course(results: Results, rows: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    rows = rows.assign(measure=rows.probe + "/" + rows.measure, updates=_updates(results, rows))
    rows = rows[np.isfinite(rows.value.to_numpy(float)) & (rows.value > 0)]
    logs = rows.assign(value=np.log(rows.value.to_numpy(float)))
    groups = logs.groupby(["variant", "updates", "measure"]).value
    frame = groups.agg(n="count", mean="mean", sd="std").reset_index()
    parts = []
    for name, ends in BANDS.items():
        low, high = (
            frame[frame.measure == f"landscape/{end}"].set_index(["variant", "updates"])
            for end in ends
        )
        both = low[["n"]].assign(low=low["mean"], high=high["mean"], measure=name)
        parts.append(both.assign(mean=(both.low + both.high) / 2).reset_index())
    lines = frame[frame.measure.isin(LINES)]
    half = special.stdtrit(np.maximum(lines.n - 1, 1), 0.975) * lines.sd / np.sqrt(lines.n)
    half = half.where(lines.n >= 3)
    parts.append(lines.assign(low=lines["mean"] - half, high=lines["mean"] + half))
    course = pd.concat(parts, ignore_index=True)
    course[["low", "mean", "high"]] = np.exp(course[["low", "mean", "high"]])
    columns = ["variant", "updates", "measure", "n", "low", "mean", "high"]
    found: pd.DataFrame = course[columns].sort_values("updates", kind="stable", ignore_index=True)
    return found


def _updates(results: Results, rows: pd.DataFrame) -> pd.Series[int]:
    """After how many updates each row was measured: the curves know how many make an epoch."""
    curves = results.curves[results.curves.epoch > 0].drop_duplicates("trial_id", keep="last")
    each = (curves.updates / curves.epoch).set_axis(curves.trial_id)
    updates: pd.Series[int] = (rows.epoch * rows.trial_id.map(each)).round().astype("Int64")
    return updates


def _answer(smooth: Sequence[Compared], compared: Sequence[Compared]) -> list[str]:
    """First who is what, then a sentence per variant: by which measure, and how fast it trains."""
    if not any(c.found.test and c.found.test.p_value is not None for c in smooth):
        return ["Too few seeds for a test of the landscape."]
    variants = list(dict.fromkeys(c.variant for c in smooth))
    by_variant = {v: [c for c in smooth if c.variant == v] for v in variants}
    speed = _speed(smooth[0].baseline, compared)
    said = [f"{v}: {_by_measure(by_variant[v])}. {speed[v][1]}." for v in variants]
    return [_summary(by_variant, {v: verdict for v, (verdict, _) in speed.items()}), *said]


def _summary(by_variant: Mapping[str, Sequence[Compared]], speed: Mapping[str, str]) -> str:
    groups: dict[str, list[str]] = {}
    for variant, own in by_variant.items():
        groups.setdefault(_kind(own), []).append(variant)
    order = ("smoother", _BOTH, "rougher", "not told apart")
    said = "; ".join(f"{kind}: {wording.listed(groups[kind])}" for kind in order if kind in groups)
    smoother = groups.get("smoother", [])
    both = [v for v in smoother if speed[v] == "better"]
    faster = [v for v in by_variant if speed[v] == "better" and v not in smoother]
    baseline = next(iter(by_variant.values()))[0].baseline
    ends = [
        f"Smoother and faster: {wording.listed(both) or 'none'}.",
        f"Faster, not smoother by every measure that tells: {wording.listed(faster)}."
        if faster
        else "",
    ]
    return " ".join([f"Against {baseline}, where a measure can tell: {said}.", *filter(None, ends)])


def _kind(own: Sequence[Compared]) -> str:
    found = {c.verdict for c in own}
    if {"better", "worse"} <= found:
        return _BOTH
    return "smoother" if "better" in found else "rougher" if "worse" in found else "not told apart"


def _by_measure(own: Sequence[Compared]) -> str:
    """``smoother than x by a and b; rougher by c; the other 3 measures do not tell``."""
    by = {
        verdict: [c.metric.label for c in own if c.verdict == verdict]
        for verdict in ("better", "worse")
    }
    words = {
        "better": f"smoother than {own[0].baseline}",
        "worse": f"rougher than {own[0].baseline}",
    }
    parts = [
        f"{words[verdict]} by {'every measure' if len(names) == len(own) else wording.listed(names)}"
        for verdict, names in by.items()
        if names
    ]
    if not parts:
        return f"not told apart from {own[0].baseline} by any measure"
    rest = len(own) - sum(map(len, by.values()))
    return "; ".join([*parts, *([f"{rest} of {len(own)} measures do not tell"] if rest else [])])


def _speed(baseline: str, compared: Sequence[Compared]) -> dict[str, tuple[str, str]]:
    """By variant whether it trains faster, as a verdict and in words; without a target, how it ends."""
    against = [c for c in compared if c.baseline == baseline]
    arrivals = [c for c in against if c.metric.name == "epochs_to_target"]
    if not arrivals:
        ends = {c.variant: c for c in against if c.primary}
        return {v: (c.verdict or "", f"In {c.metric.label}: {c.verdict}") for v, c in ends.items()}
    words = {"better": "sooner", "worse": "later"}
    unknown = "neither sooner nor later, as far as these seeds can tell"
    return {
        c.variant: (c.verdict or "", f"It reaches the target {words.get(c.verdict or '', unknown)}")
        for c in arrivals
    }

"""Curves over the training: means with their intervals or single seeds, as the page's switches say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import altair as alt
import numpy as np

from bench.analysis import wording
from bench.report import naming
from bench.report.blocks import ON_DEMAND, Option, Switch
from bench.report.figures import axes, drawing, spoken

if TYPE_CHECKING:
    import pandas as pd

    from bench.analysis import QuestionAnalysis
    from bench.frames import Metric
    from bench.report.blocks import Panel
    from bench.report.figures.drawing import Rows

PANELS: Final = 2  # side by side; each shows one of the metrics
_FEW_POINTS: Final = 12  # shorter curves show their evaluations as dots
_MOST_OF_MEANS: Final = 150_000  # numbers of mean curves on a page; above, steps are left out
_MOST_OF_SEEDS: Final = 400_000  # numbers of single seeds on a page; above, seeds are
_MOST_TIPS: Final = 4_000  # points of a chart that say their numbers; above, lines say their names
_MOST_STEPS_OF_SEEDS: Final = 32
_FEWEST_STEPS: Final = 6
_FEWEST_SEEDS: Final = 3
_DIGITS_OF_SEEDS: Final = 4
_CLOCKS: Final = {"epoch": "epoch", "updates": "updates", "train_time_s": "seconds"}

_IS_LOG: Final = "log && positive[y]"
_ENDS: Final = "reach[y][show == 'seeds' ? 1 : 0][is_log ? 1 : 0]"
_ENDS_ALONG: Final = "reach_along[show == 'seeds' ? 1 : 0][x][log_x ? 1 : 0]"
_TRAINED: Final = "(is_log || datum.epoch >= first)"


@dataclass(frozen=True)
class Curves:
    """The curves of a question as charts that show one metric each.

    Attributes:
        panels: charts of the first metrics; the others can be chosen.
        switches: of all panels: what lies along the axis, and means or single seeds.
        thinned: whether steps are left out, because the page would be too large with all.
        seeds: seeds of each variant that can be shown one by one; 0 if none can.
        seeds_thinned: whether these leave steps out.
        outside: variants outside of an axis at first.
    """

    panels: tuple[Panel, ...]
    switches: tuple[Switch, ...]
    thinned: bool
    seeds: int
    seeds_thinned: bool
    outside: tuple[str, ...]


def convergence(question: QuestionAnalysis) -> Curves:
    """Mean curves with their intervals over seeds, and the seeds."""
    names = [v.name for v in question.variants]
    measures = [question.metric(str(name)) for name in question.curves.metric.unique()]
    steps = np.sort(question.curves.epoch.unique())
    most = _most_steps(question, len(measures))
    thinned = len(steps) > most
    steps = _evenly(steps, most)
    means = _means(question, measures, steps)
    runs = _runs(question, measures, _evenly(steps, _MOST_STEPS_OF_SEEDS))
    shown = _Shown(question, names, measures, means, runs)
    return Curves(
        panels=tuple(shown.panel(i) for i in range(min(PANELS, len(measures)))),
        switches=shown.switches,
        thinned=thinned,
        seeds=len({row["seed"] for row in runs}),
        seeds_thinned=bool(runs) and len(steps) > _MOST_STEPS_OF_SEEDS,
        outside=shown.outside,
    )


def _evenly(steps: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the steps, the first and the last among them."""
    if len(steps) <= most:
        return steps
    return np.asarray(steps[np.linspace(0, len(steps) - 1, most).round().astype(int)])


def _most_steps(question: QuestionAnalysis, measures: int) -> int:
    """How many steps a curve can show, so that all mean curves of the page stay within a bound."""
    curves = len(question.suite.questions) * max(len(question.variants), 1)
    return max(_MOST_OF_MEANS // curves // (len(_CLOCKS) + 4 * measures), _FEWEST_STEPS)


def _means(question: QuestionAnalysis, measures: list[Metric], steps: np.ndarray) -> Rows:
    """A row for each variant, with a list of each number over the steps that it has."""
    found = question.curves[question.curves.epoch.isin(steps)]
    rows: Rows = []
    for name, curves in found.groupby("variant", sort=False):
        spent = curves.groupby("epoch")[["updates", "train_time_s"]].first()
        row: dict[str, Any] = {"variant": name, **_along(spent.reset_index())}
        for i, measure in enumerate(measures):
            one = curves[curves.metric == measure.name].set_index("epoch").reindex(spent.index)
            scale = wording.percent_scale(measure)
            low, high = (one[end].fillna(one["mean"]) for end in ("low", "high"))
            for key, values in (("mean", one["mean"]), ("low", low), ("high", high)):
                row[f"{key}/{i}"] = drawing.numbers(values * scale)
            row[f"n/{i}"] = drawing.numbers(one.n)
        rows.append(row)
    return rows


def _runs(question: QuestionAnalysis, measures: list[Metric], steps: np.ndarray) -> Rows:
    """A row for each variant and seed, of the first seeds; none where a page cannot hold a few of each."""
    numbers = (len(_CLOCKS) + len(measures)) * max(len(steps), 1)
    variants = max(len(question.variants), 1)
    most = _MOST_OF_SEEDS // len(question.suite.questions) // (variants * numbers)
    runs = question.runs[question.runs.epoch.isin(steps)].sort_values("updates", kind="stable")
    seeds = sorted({seed for v in question.variants for seed in v.primary.by_seed})
    kept = seeds[:most]
    if len(kept) < 2 or len(kept) < min(_FEWEST_SEEDS, len(seeds)):
        return []
    rows: Rows = []
    for (variant, seed), curve in runs.groupby(["variant", "seed"], sort=False):
        if seed in kept:
            number = int(curve.seed.iloc[0])  # older pandas groups by numbers of NumPy's
            row: dict[str, Any] = {"variant": variant, "seed": number, **_along(curve)}
            for i, measure in enumerate(measures):
                values = curve[measure.name] * wording.percent_scale(measure)
                row[f"mean/{i}"] = drawing.numbers(values, _DIGITS_OF_SEEDS)
            rows.append(row)
    return rows


def _along(curve: pd.DataFrame) -> dict[str, list[float | None]]:
    return {key: drawing.numbers(curve[name]) for name, key in _CLOCKS.items()}


def _points(rows: Rows) -> int:
    return sum(len(row["epoch"]) for row in rows)


@dataclass(frozen=True)
class _Shown:
    """What the charts of one question share: their data and what is to be seen of each axis."""

    question: QuestionAnalysis
    names: list[str]
    measures: list[Metric]
    means: Rows
    runs: Rows

    @property
    def switches(self) -> tuple[Switch, ...]:
        step = self.question.suite.step
        texts = {"epoch": f"{step}s" if step == "epoch" else step, "updates": "updates"}
        texts["seconds"] = "seconds"
        along = tuple(Option(key, texts[key]) for key in self.clocks)
        found = [Switch("x", "x axis", "epoch", along)] if len(along) > 1 else []
        found.append(Switch("log_x", "log x", value=False))
        if self.runs:
            each = (Option("mean", "mean and interval"), Option("seeds", "single seeds"))
            found.append(Switch("show", "Show", "mean", each))
        return tuple(found)

    @cached_property
    def clocks(self) -> list[str]:
        """What can lie along the axis: nobody counted an imported file's updates."""
        keys = ["epoch"] if self.question.suite.imported else ["epoch", "updates"]
        spent = [s for row in self.means for s in row["seconds"] if s]
        return [*keys, *(["seconds"] if spent else [])]

    @cached_property
    def first(self) -> float:
        """Where a linear axis begins: after the first epoch; in a file, after the first tenth of the steps."""
        steps = [e for row in self.means for e in row["epoch"]]
        if self.question.suite.imported is None:
            return 1 if max(steps, default=0) >= 1 else 0
        return min(steps, default=0) + 0.1 * (max(steps, default=0) - min(steps, default=0))

    @property
    def outside(self) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for i in range(min(PANELS, len(self.measures))):
            log = self.is_log(i)
            found |= dict.fromkeys(axes.far(self.seen(i, self.means, trained=not log), log=log))
        return tuple(found)

    def is_log(self, i: int) -> bool:
        """Whether a metric has a logarithmic axis at first: losses and the like, which are above zero."""
        values = [v for row in self.means for v in row[f"mean/{i}"] if v is not None]
        return self.measures[i].higher_is_better is False and all(v > 0 for v in values)

    def seen(self, i: int, rows: Rows, *, trained: bool) -> dict[str, list[float]]:
        """By variant, the values of a metric; trained: those that a linear axis shows."""
        found: dict[str, list[float]] = {}
        for row in rows:
            pairs = zip(row["epoch"], row[f"mean/{i}"], strict=True)
            some = [v for e, v in pairs if v is not None and (e >= self.first or not trained)]
            found.setdefault(row["variant"], []).extend(some)
        return found

    def reach(self, i: int) -> list[axes.Reach]:
        """What the axis of a metric is to show: of means, and of seeds."""
        return [
            axes.reach(
                self.seen(i, rows, trained=False),
                self.names,
                linear=self.seen(i, rows, trained=True),
            )
            for rows in (self.means, self.runs)
        ]

    def reach_along(self) -> list[dict[str, axes.Reach]]:
        """The same of the axis along: by what lies there."""
        found = []
        for rows in (self.means, self.runs):
            by_clock = {}
            for key in self.clocks:
                seen: dict[str, list[float]] = {}
                for row in rows:
                    seen.setdefault(row["variant"], []).extend(v for v in row[key] if v is not None)
                by_clock[key] = axes.reach(seen, self.names, zoom=False)
            found.append(by_clock)
        return found

    def panel(self, i: int) -> Panel:
        """A chart that shows a metric at first, and any other if it is chosen."""
        params = [alt.param(name=k, value=v) for k, v in self.settings(i).items()]
        params += [alt.param(name="is_log", expr=_IS_LOG), axes.shown(self.names)]
        params += axes.follow("y", _ENDS, self.names, "is_log", room=0.06, zoom=True)
        params += axes.follow("along", _ENDS_ALONG, self.names, "log_x", room=0, zoom=False)
        measure = self.measures[i]
        layers = self.layers()
        name = (self.question.name, "convergence", measure.name)
        options = self.options()
        made = drawing.panel(
            name,
            drawing.capital(measure),
            layers,
            280,
            options[i].alt,
            params=params,
            datasets={"mean": self.means, **({"seeds": self.runs} if self.runs else {})},
        )
        shown_first = range(min(PANELS, len(self.measures)))
        rest = [k for k in range(len(self.measures)) if k not in shown_first] if i == 0 else []
        return replace(
            made,
            choice=Switch("y", "Metric", str(i), spoken.options(self.question.name, options))
            if len(options) > 1
            else None,
            switches=(Switch("log", "log y", value=self.is_log(i)),),
            more=tuple(
                (
                    naming.path(self.question.name, "convergence", self.measures[k].name),
                    {"y": str(k), "log": self.is_log(k)},
                )
                for k in rest
            ),
        )

    def settings(self, i: int) -> dict[str, Any]:
        """The parameters of a chart with their values at first."""
        count = range(len(self.measures))
        step = self.question.suite.step
        values = [
            [v for row in self.means for v in row[f"mean/{k}"] if v is not None and v > 0]
            for k in count
        ]
        steps = {key: [v for row in self.means for v in row[key] if v] for key in self.clocks}
        return {
            "y": str(i),
            "log": self.is_log(i),
            "x": "epoch",
            "log_x": False,
            "show": "mean",
            "first": self.first,
            "positive": [bool(v) for v in values],
            "titles": [drawing.title(m.label, wording.unit(m)) for m in self.measures],
            "ticks": [axes.log_ticks(v) for v in values],
            "along": {
                "epoch": step,
                "updates": "updates",
                "seconds": "seconds of training",
            },
            "ticks_along": {key: axes.log_ticks(v) for key, v in steps.items()},
            "reach": [self.reach(k) for k in count],
            "reach_along": self.reach_along(),
        }

    def options(self) -> tuple[Option, ...]:
        """The metrics to choose from, with what each shows in words."""
        return tuple(
            Option(str(k), drawing.capital(m), self.alt_text(k), self.is_log(k))
            for k, m in enumerate(self.measures)
        )

    def alt_text(self, i: int) -> str:
        step = self.question.suite.step
        last = max((e for row in self.means for e in row["epoch"]), default=0)
        ends = {
            row["variant"]: row[f"mean/{i}"][-1]
            for row in self.means
            if row["epoch"][-1] == last and row[f"mean/{i}"][-1] is not None
        }
        measure, others = self.measures[i], [name for name in self.names if name not in ends]
        counts = self.question.curves.n[self.question.curves.metric == measure.name]
        text = (
            f"{measure.label} over {step}s up to {last:g}:"
            f" {spoken.each(ends, wording.unit(measure), first='ends at')}; lines are means, bands 95 %"
            f" intervals over {wording.counted_between(counts, 'seed')}."
        )
        if others:
            text += f" Without a mean there: {spoken.some(others)}."
        return text + spoken.diverged(self.question)

    def layers(self) -> list[alt.Chart]:
        """Bands, lines and dots of the means, and lines and dots of the seeds, one of them at a time."""
        axis, scale = axes.switched(
            "is_log",
            "y_domain",
            grid=True,
            title="titles[y] + (is_log ? ', log scale' : '')",
            values="is_log ? ticks[y] : null",
            tickCount=5,
        )
        y = {key: alt.Y(f"{key}:Q").axis(axis).scale(scale) for key in ("low", "mean", "high")}
        step = self.question.suite.step
        base = self.chart("mean", ["mean", "low", "high", "n"])
        dots = alt.value(1 if self.is_short else 0)  # unseen dots carry the tooltips
        tips = [
            *drawing.tooltip("variant", epoch=step),
            alt.Tooltip("mean:Q").format(".4~r"),
            *drawing.tooltip(low="from", high="to", n="seeds", at="along the axis"),
        ]
        line = {"strokeWidth": 2, "clip": True}
        name = drawing.tooltip("variant")
        layers = [
            base.mark_area(opacity=0.15, clip=True).encode(y=y["low"], y2="high:Q"),
            base.mark_line(**line).encode(
                y=y["mean"], strokeDash=drawing.dashes(self.names), tooltip=name
            ),
        ]
        if _points(self.means) <= _MOST_TIPS:
            dot = base.mark_point(filled=True, clip=True, size=40)
            dot = dot.encode(y=y["mean"], opacity=dots, tooltip=tips)
            layers.append(dot.encode(shape=drawing.shapes(self.names)))
        return layers + self.layers_of_seeds(y["mean"])

    def layers_of_seeds(self, y: alt.Y) -> list[alt.Chart]:
        if not self.runs:
            return []
        tips = drawing.tooltip("variant", "seed", epoch=self.question.suite.step)
        tips.append(alt.Tooltip("mean:Q").title("value").format(".4~r"))
        seeds = self.chart("seeds", ["mean"]).encode(y=y, detail="seed:N")
        line = seeds.mark_line(strokeWidth=1, opacity=0.6, clip=True)
        line = line.encode(
            strokeDash=drawing.dashes(self.names), tooltip=drawing.tooltip("variant", "seed")
        )
        layers = [line.properties(name=f"{ON_DEMAND}-lines")]
        if _points(self.runs) <= _MOST_TIPS:
            dot = seeds.mark_circle(opacity=0, size=40, clip=True).encode(tooltip=tips)
            layers.append(dot.properties(name=f"{ON_DEMAND}-tips"))
        return layers

    def chart(self, show: str, keys: list[str]) -> alt.Chart:
        """The data of that name, laid out as a row for each step, if it is to be shown."""
        axis, scale = axes.switched(
            "log_x",
            "along_domain",
            grid=False,
            title="along[x] + (log_x ? ', log scale' : '')",
            values="log_x ? ticks_along[x] : null",
            tickMinStep="x == 'seconds' ? 0 : 1" if not self.question.suite.imported else "0",
        )
        chosen = {f"datum['{key}/' + y]": key for key in keys}
        chart = alt.Chart(alt.NamedData(show)).transform_filter(f"show == '{show}'")
        for expression, key in (("datum[x]", "at"), *chosen.items()):
            chart = chart.transform_calculate(calculate=expression, as_=key)
        fields = ["epoch", "at", *keys]
        chart = chart.transform_flatten(fields).transform_filter(
            f"isValid(datum.mean) && {_TRAINED}"
        )
        x = alt.X("at:Q").axis(axis).scale(scale)
        return chart.encode(x=x, color=drawing.colours(self.names))

    @property
    def is_short(self) -> bool:
        return len({e for row in self.means for e in row["epoch"]}) <= _FEW_POINTS

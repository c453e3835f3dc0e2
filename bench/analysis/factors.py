"""The variants of a matrix as factors: what each setting adds by itself, and what two add together.

Differences between single variants are for ``comparisons``; here each effect uses every cell of the grid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench import frames, stats
from bench.analysis import answers, wording
from bench.analysis.comparisons import margin_of
from bench.analysis.contrast import Contrast, Finding
from bench.analysis.families import PRIMARY
from bench.analysis.metrics import primary_of
from bench.analysis.reasons import Reason, reason
from bench.analysis.whole_curves import metric_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from bench.analysis.metrics import Measurements
    from bench.frames import Metric
    from bench.suite import Suite

SUMMED: Final = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True)
class Factor:
    """One setting of a matrix that takes several levels.

    Attributes:
        setting: dotted, as in the suite.
        name: its last part, where that tells it from the others.
        levels: in the suite's order, as text.
        reference: position of the level that the others are compared with: the baseline's, or the first.
    """

    setting: str
    name: str
    levels: tuple[str, ...]
    reference: int

    def step(self, level: int) -> str:
        """From the reference to another level: ``0 → 0.2``."""
        return f"{self.levels[self.reference]} → {self.levels[level]}"


@dataclass(frozen=True)
class Effect:
    """A main effect (one factor) or an interaction (two).

    Attributes:
        levels: of each factor, the position of the level that is compared with its reference.
        found: the effect and its test; as ratios for times.
        margin: which effects do not matter, as declared, in the metric's unit; None if none applies.
    """

    factors: tuple[Factor, ...]
    levels: tuple[int, ...]
    found: Finding
    margin: float | None = None

    @property
    def is_main(self) -> bool:
        """Whether it is of one factor."""
        return len(self.factors) == 1

    @property
    def name(self) -> str:
        """``dropout``, or ``l2 × dropout``."""
        return f" {SUMMED} ".join(factor.name for factor in self.factors)

    @property
    def change(self) -> str:
        """``0 → 0.2``, of two factors separated by a comma."""
        steps = (f.step(level) for f, level in zip(self.factors, self.levels, strict=True))
        return ", ".join(steps)

    @property
    def family(self) -> str:
        """Name of the family that it belongs to: main effects are primary."""
        return PRIMARY if self.is_main else "settings that depend on each other"

    @property
    def open(self) -> Reason | None:
        """Why a main effect cannot be told, and what would settle it; None where it can."""
        return reason(self.found, self.margin) if self.verdict == "cannot tell" else None

    @property
    def verdict(self) -> stats.Verdict | None:
        """On the second level of a main effect; an interaction is neither good nor bad."""
        if not self.is_main or self.found.metric.higher_is_better is None:
            return None
        return self.found.test.verdict if self.found.test else "cannot tell"


@dataclass(frozen=True)
class Factorial:
    """A question's grid and its effects.

    Attributes:
        values: (seeds, levels of the first factor, of the second, ...), the metric's unit; times in s. A run
        that
            diverged is infinite.
        seeds: those with a value in every cell.
        left_out: seeds without.
    """

    question: str
    metric: Metric
    factors: tuple[Factor, ...]
    values: np.ndarray
    seeds: tuple[int, ...]
    left_out: tuple[int, ...]
    effects: tuple[Effect, ...]


def factorial(measured: Measurements, question: str, *, looked: bool = False) -> Factorial | None:
    """Take a question's matrix apart, on its primary metric; None without a complete grid or a seed.

    A setting with one level is no factor, and one factor alone is what comparisons are for. looked: whether
    seeds were added after looking.
    """
    suite = measured.suite
    factors, names = _grid(suite, question)
    if len(factors) < 2 or names is None:
        return None
    name = primary_of(suite, question)
    metric = metric_of(suite, question, name)
    cells = [measured.of(question, variant, name).by_seed for variant in names.ravel()]
    everyone = sorted({seed for cell in cells for seed in cell})
    seeds = [s for s in everyone if all(s in cell for cell in cells)]
    if not seeds:
        return None
    values = np.array([[cell[seed] for cell in cells] for seed in seeds])
    values = values.reshape(len(seeds), *names.shape)
    return Factorial(
        question=question,
        metric=metric,
        factors=factors,
        values=values,
        seeds=tuple(seeds),
        left_out=tuple(s for s in everyone if s not in seeds),
        effects=tuple(
            _effects(metric, factors, values, margin_of(suite, question, name), looked=looked)
        ),
    )


def _effects(
    metric: Metric,
    factors: tuple[Factor, ...],
    values: np.ndarray,
    margin: float | None,
    *,
    looked: bool,
) -> list[Effect]:
    """margin: of the main effects; how large an interaction must be to matter was not declared."""
    lost = ~np.isfinite(values)
    scaled = np.where(lost, 0.0, np.log(values) if metric.ratio else values)
    reference = [f.reference for f in factors]
    found = stats.factorial_contrasts(scaled, reference=reference)
    diverged = stats.factorial_contrasts(lost, reference=reference)
    effects = []
    for of, shares in zip(found, diverged, strict=True):
        main = len(of.factors) == 1
        between = _with_diverged(Contrast(metric, of.a, of.b), shares.a, shares.b, main=main)
        scale = between.scaled(margin) if margin and main else None
        test = None if between.problem else between.test(margin=scale, looked=looked)
        effects.append(
            Effect(
                tuple(factors[i] for i in of.factors),
                of.levels,
                Finding(between, test),
                margin if main else None,
            )
        )
    return effects


def _with_diverged(
    between: Contrast, lost_a: np.ndarray, lost_b: np.ndarray, *, main: bool
) -> Contrast:
    """The two sides where runs diverged: in a seed, the side with more of them is worse than any number.

    lost_a, lost_b: shape (n,), how many cells of each side diverged in each seed, as a share.
    """
    either = (lost_a > 0) | (lost_b > 0)
    if not either.any():
        return between
    if not main:
        count = wording.counted(int(either.sum()), "seed")
        return replace(
            between, problem=f"runs diverged in {count}, so that no difference of effects exists"
        )
    worst = between.metric.worst
    a = np.where(either, np.where(lost_a > lost_b, worst, 0.0), between.a)
    b = np.where(either, np.where(lost_b > lost_a, worst, 0.0), between.b)
    return replace(
        between,
        a=a,
        b=b,
        diverged_a=int((lost_a > 0).sum()),
        diverged_b=int((lost_b > 0).sum()),
    )


def _grid(suite: Suite, question: str) -> tuple[tuple[Factor, ...], np.ndarray | None]:
    """The factors, and the variants' names by level of each; None where a cell of the grid is missing."""
    if suite.imported is not None:
        return (), None
    cells, base = suite.cells(question), suite.baseline(question)
    matrix = {k: v for k, v in suite.questions[question].matrix.items() if len(v) > 1}
    lasts = [setting.rpartition(".")[2] for setting in matrix]
    factors = tuple(
        Factor(
            setting,
            last if lasts.count(last) == 1 else setting,
            tuple(map(_shown, levels)),
            levels.index(cells[base][setting]) if base in cells else 0,
        )
        for last, (setting, levels) in zip(lasts, matrix.items(), strict=True)
    )
    names = np.full([len(levels) for levels in matrix.values()], "", dtype=object)
    for name, cell in cells.items():
        if cell.keys() == suite.questions[question].matrix.keys() and _inside(cell, matrix):
            names[tuple(levels.index(cell[s]) for s, levels in matrix.items())] = name
    return factors, None if (names == "").any() else names


def _inside(cell: Mapping[str, Any], matrix: Mapping[str, list[Any]]) -> bool:
    """Whether a cell is one of the grid, and not one that the suite added beside it."""
    return all(cell[setting] in levels for setting, levels in matrix.items())


def _shown(level: Any) -> str:
    if isinstance(level, list):
        return "-".join(map(_shown, level))
    return str(level)


def sentence(one: Factorial, effect: Effect) -> str:
    """What an effect says, with its interval and its adjusted p."""
    found, test = effect.found, effect.found.test
    others = [factor.name for factor in one.factors if factor not in effect.factors]
    average = f", averaged over {wording.listed(others)}" if others else ""
    p = test.p_adjusted if test else None
    facts = [answers.interval(found), None if p is None else answers.adjusted(found, p)]
    beside = "; ".join(fact for fact in facts if fact)
    beside = f" ({beside})" if beside else ""
    if effect.is_main:
        return f"{effect.name} {effect.change}: {_main(found)}{average}{beside}."
    return f"{effect.name}: {interaction(effect)}{average}{beside}."


def interaction(effect: Effect) -> str:
    """How much one setting's effect changes with the other: ``the effect of a 0 → 1 is ...``."""
    (first, second), (i, j) = effect.factors, effect.levels
    return (
        f"the effect of {first.name} {first.step(i)} is {_beyond(effect.found)} with"
        f" {second.name} {second.levels[j]} than with {second.levels[second.reference]}"
    )


def is_shown(effect: Effect) -> bool:
    """Whether an effect is told from none, by its adjusted p."""
    test = effect.found.test
    return test is not None and test.p_adjusted is not None and test.p_adjusted <= test.alpha


def _main(found: Finding) -> str:
    metric, size = found.metric, found.difference
    if size is None:
        return f"no mean {metric.label}, because {_lost(found)}"
    if metric.ratio:
        return f"{metric.label} {_times(found)} as long"
    amount = answers.amount_of(abs(size), metric, found.half_width)
    if answers.is_zero(amount):
        return f"about the same {metric.label}"
    return f"{metric.label} {'lower' if size < 0 else 'higher'} by {amount}"


def _lost(found: Finding) -> str:
    between = found.contrast
    return (
        f"runs diverged in {between.diverged_a} of {between.a.size} seeds after the step and in"
        f" {between.diverged_b} before it"
    )


def _beyond(found: Finding) -> str:
    size = found.difference or 0.0
    if found.metric.ratio:
        return f"{_times(found)} as large"
    amount = answers.amount_of(abs(size), found.metric, found.half_width)
    if answers.is_zero(amount):
        return "no larger or smaller"
    return f"{amount} {'lower' if size < 0 else 'higher'}"


def _times(found: Finding) -> str:
    ratio = wording.number(found.difference, answers.ratio_places(found.half_width))
    return f"{ratio} times"


def split(one: Factorial) -> str | None:
    """How the way between opposite cells of a 2 x 2 grid divides between its two factors.

    The main effects add up to it exactly, see ``stats.factorial_contrasts``; None for other grids.
    """
    first, second = (e for e in one.effects if e.is_main) if len(one.effects) == 3 else (None, None)
    if first is None or second is None or one.metric.ratio:
        return None
    scale = wording.percent_scale(one.metric)
    parts = [scale * (e.found.difference or 0.0) for e in (first, second)]
    places = max(wording.decimals((e.found.half_width or 0.0) * scale) for e in (first, second))
    whole, *numbers = (wording.number(x, places) for x in (sum(parts), *parts))
    begin, end = (
        " ".join(f"{f.name}={f.levels[at]}" for f, at in zip(one.factors, place, strict=True))
        for place in ([f.reference for f in one.factors], [*first.levels, *second.levels])
    )
    return (
        f"From {begin} to {end} {one.metric.label} changes by"
        f" {wording.with_unit(whole, wording.unit_of_difference(one.metric))}: {numbers[0]} of it come"
        f" from {first.name}, {numbers[1]} from {second.name}, each averaged over the other."
    )


def frame(found: Sequence[Factorial]) -> pd.DataFrame:
    """The frame ``factors``: one row per effect."""
    rows = [_row(one, effect) for one in found for effect in one.effects]
    return frames.typed(rows, frames.FACTORS)


def _row(one: Factorial, effect: Effect) -> dict[str, object]:
    return {
        "question": one.question,
        "metric": one.metric.name,
        "effect": "main effect" if effect.is_main else "interaction",
        "factors": " x ".join(factor.setting for factor in effect.factors),
        "change": effect.change.replace("→", "->"),
        "n": len(one.seeds),
        **effect.found.columns,
        "diverged": effect.found.contrast.diverged_a,
        "diverged_other": effect.found.contrast.diverged_b,
        "verdict": effect.verdict,
        **(effect.open.columns if effect.open else {}),
    }

"""What figures say to those who do not see them: what is drawn, of whom, and what it shows, with numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bench.analysis import wording

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.analysis import QuestionAnalysis
    from bench.report.blocks import Option

_MOST: Final = 8  # that are named one by one
_ENDS: Final = 3  # of more, so many from either end


def of_question(name: str, text: str) -> str:
    """A figure's text with its question: two questions may show the same training."""
    return f"Question {name}: {text}"


def options(name: str, found: Sequence[Option]) -> tuple[Option, ...]:
    """What a chart can show, each with the text that the chart then has."""
    return tuple(replace(option, alt=of_question(name, option.alt)) for option in found)


def each(values: Mapping[str, float], unit: str = "", first: str = "at") -> str:
    """``high ends at 97.02 %, base at 95.01 %``: the highest first; of many the first and the last."""
    ordered = sorted(values.items(), key=lambda item: -item[1])
    said = [
        f"{name} {'at' if place else first} {number(value, unit)}"
        for place, (name, value) in enumerate(ordered)
    ]
    return some(said) or "nobody has a value"


def diverged(question: QuestionAnalysis) -> str:
    """`` Diverged: low in 2 of 5 seeds.``, or nothing."""
    said = [
        f"{v.name} in {len(v.primary.diverged)} of {wording.counted(v.seeds, 'seed')}"
        for v in question.variants
        if v.primary.diverged
    ]
    return f" Diverged: {some(said)}." if said else ""


def some(said: Sequence[str], joint: str = ", ") -> str:
    """All of them, or of many the first and the last ones."""
    if len(said) <= _MOST:
        return joint.join(said)
    between = f"{len(said) - 2 * _ENDS} others in between"
    return joint.join([*said[:_ENDS], between, *said[-_ENDS:]])


def number(value: float, unit: str = "") -> str:
    """Four digits of it, with its unit."""
    return wording.with_unit(f"{value:.4g}".replace("-", "−"), unit)

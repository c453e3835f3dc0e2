"""Cells that several sections share."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Final

from bench.analysis import answers, wording
from bench.report.blocks import Cell, Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.analysis import QuestionAnalysis
    from bench.analysis.comparisons import Compared
    from bench.analysis.contrast import Finding, Mean
    from bench.analysis.reasons import Reason
    from bench.frames import Metric

ADJUSTED: Final = Column(
    "adjusted p", "for all tests that are judged together, as the interval is", "number"
)
DIFFERENCE: Final = (
    Column("difference", "variant minus baseline; times: ratio of geometric means", "number"),
    Column(
        "95 % CI", "of the difference over seeds, for all tests that are judged together", "number"
    ),
    Column("p", "two-sided p of the test, by itself", "number"),
    ADJUSTED,
)
OPEN: Final = (
    Column("why not", "what keeps it from being told"),
    Column("what would settle it"),
)


def anchor(question: str, *parts: str | int) -> str:
    """What a question, or a part of it, is called in an address."""
    text = "-".join(map(str, ("question", question, *parts)))
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", text)
    return plain if plain == text else f"{plain}-{zlib.crc32(text.encode()):08x}"


def variant(question: QuestionAnalysis, name: str) -> Cell:
    """A variant's name with its colour."""
    position = [v.name for v in question.variants].index(name)
    return Cell(name, "variant", colour=position)


def verdict(text: str | None, href: str = "") -> Cell:
    """A verdict, or a dash where there is none."""
    return Cell(text, "verdict", href=href) if text else Cell("–")


def number(text: str) -> Cell:
    """A number, already rounded."""
    return Cell(text, "number")


def difference(found: Finding) -> tuple[Cell, ...]:
    """The cells under DIFFERENCE."""
    test = found.test
    raw = test.p_value if test else None
    adjusted = test.p_adjusted if test else None
    return (
        number(signed(found.difference, found.metric, found.half_width)),
        number(span(found)),
        number(wording.p_value(raw)),
        number(wording.p_value(adjusted)),
    )


def signed(value: float | None, metric: Metric, half: float | None) -> str:
    """A difference with its sign; a ratio with a multiplication sign."""
    if value is None:
        return "–"
    if metric.ratio:
        return f"× {wording.number(value, answers.ratio_places(half))}"
    scale = wording.percent_scale(metric)
    places = wording.places_of_difference(value, metric, half)
    sign = "+" if round(value * scale, places) > 0 else ""
    return sign + wording.number(value * scale, places)


def span(found: Finding) -> str:
    """An interval with the signs of its ends."""
    if found.ci_low is None or found.ci_high is None:
        return "–"
    half = found.half_width
    low = signed(found.ci_low, found.metric, half)
    return f"{low} to {signed(found.ci_high, found.metric, half)}".replace("× ", "")


def wins(found: Finding) -> str:
    """In how many seeds the variant is better."""
    test = found.test
    return "–" if test is None or test.wins is None else f"{test.wins} of {test.n}"


def mean_of(mean: Mean, metric: Metric) -> Cell:
    """A mean with its unit, rounded by its own interval."""
    return number(wording.in_short(answers.mean_text(mean, metric)))


def labelled(label: str, notes: Sequence[str]) -> tuple[str, ...]:
    """The notes of a table with p-values, headed by how its seeds came about if not as planned."""
    return (f"p-values: {label}.", *notes) if label else tuple(notes)


def open_of(found: Reason | None) -> tuple[Cell, ...]:
    """The cells under OPEN."""
    return (Cell(found.why if found else ""), Cell(found.remedy if found else ""))


def cautions(compared: Sequence[Compared], *, of_tests: bool = True) -> tuple[str, ...]:
    """What to keep in mind, each once, with the variants that it is about unless that is all.

    of_tests: also what concerns the test itself, beside what was left out or broken.
    """
    about: dict[str, list[str]] = {}
    for c in compared:
        for caution in c.cautions if of_tests else c.found.contrast.cautions:
            about.setdefault(caution.text, []).append(caution.about or c.variant)
    everyone = {c.variant for c in compared}
    return tuple(
        text if everyone <= set(names) else f"{wording.listed(list(dict.fromkeys(names)))}: {text}"
        for text, names in about.items()
    )

"""The seeds of a file as whole numbers, by which runs of several variants are paired."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from bench.errors import DatasetError
from bench.suite import LARGEST, MAX_SEEDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench.importers._table import Run

_WHOLE: Final = re.compile(r"([0-9]{1,10})(\.0+)?")
_NUMBER: Final = r"(?<![0-9])(?<![0-9]\.)([0-9]+)(\.0+)?(?!\.?[0-9]|[eE][0-9])"
_ONE: Final = re.compile(_NUMBER)
_CALLED: Final = re.compile(rf"(?i)(?<![^\W\d_])seed[\W_]*{_NUMBER}")
_WORD: Final = re.compile(r"([^\W\d_]+)[\W_]*$")
_LISTED: Final = 20  # seeds that a note spells out


@dataclass(frozen=True)
class Seeds:
    """The number of each seed as the file writes it, and where the numbers are from.

    ``written``: the file has whole numbers; ``found``: they stand in its texts, as in ``seed_42``;
    ``numbered``: it has none, or none that could be told, and they are counted in its order.
    """

    number: Mapping[str, int]
    origin: Literal["written", "found", "numbered"]

    @property
    def note(self) -> str | None:
        """A sentence about numbers that are not simply those of the file."""
        if self.origin == "written":
            return None
        listed = [
            f"{text} is {number}" for text, number in self.number.items() if text != str(number)
        ]
        shown = ", ".join(listed[:_LISTED]) + (", ..." if len(listed) > _LISTED else "")
        if self.origin == "found":
            return f"Seeds are the numbers in their names: {shown}."
        return f"Seeds are numbered in the order of the file: {shown or 'as they are'}."


def seeds_of(path: Path, runs: Sequence[Run]) -> Seeds:
    """Seeds by the numbers that they are, or have in their names if these are clear; else in order.

    Clear: one number each, labelled alike in the whole column or not at all, and no two of a variant
    are the same.

    Raises:
        DatasetError: too many for seeds.
    """
    texts = list(dict.fromkeys(seed for _, _, seed in runs))
    if len(texts) > MAX_SEEDS:
        raise DatasetError(
            "too many seeds",
            where=str(path),
            expected=f"at most {MAX_SEEDS:,} different ones",
            found=f"{len(texts):,}",
            hint="is --seed the right column?",
        )
    number = _whole(texts) or _found(runs)
    if number is None or not _clear(runs, number):
        return Seeds({text: number for number, text in enumerate(texts)}, "numbered")
    whole = all(map(_WHOLE.fullmatch, texts))
    return Seeds({text: number[text] for text in texts}, "written" if whole else "found")


def _whole(texts: Sequence[str]) -> dict[str, int] | None:
    found = {text: _WHOLE.fullmatch(text) for text in texts}
    return (
        {text: int(match[1]) for text, match in found.items() if match}
        if all(found.values())
        else None
    )


def _clear(runs: Sequence[Run], number: Mapping[str, int]) -> bool:
    """Whether all are possible seeds, and those of a variant differ."""
    different = {(group, variant, number[seed]) for group, variant, seed in runs}
    return len(different) == len(runs) and max(number.values()) <= LARGEST


def _found(runs: Sequence[Run]) -> dict[str, int] | None:
    """The number in each text; None unless each has one, and all that are labelled are labelled alike."""
    by_variant: dict[tuple[str, str], list[str]] = {}
    for group, variant, seed in runs:
        by_variant.setdefault((group, variant), []).append(seed)
    number: dict[str, int] = {}
    labels: set[str] = set()
    for (_, variant), texts in by_variant.items():
        bare = {text: _without(variant, text) for text in texts}
        start = _shared_start(list(bare.values()))
        for text in texts:
            said = _said(bare[text], start)
            if said is None or number.setdefault(text, said[1]) != said[1]:
                return None
            labels |= {said[0]} - {""}
    return number if len(labels) <= 1 else None


def _without(variant: str, text: str) -> str:
    """The text without the variant's name at its start, as in ``adam-3``."""
    rest = text.removeprefix(variant)
    return rest.lstrip("-_/: ") if rest != text and not rest[:1].isalnum() else text


def _shared_start(texts: Sequence[str]) -> int:
    """How many characters all of several texts begin with, no number cut in two."""
    if len(texts) < 2:
        return 0
    low, high = min(texts), max(texts)
    differs = (at for at, pair in enumerate(zip(low, high, strict=False)) if len(set(pair)) > 1)
    return len(low[: next(differs, len(low))].rstrip("0123456789."))


def _said(text: str, start: int) -> tuple[str, int] | None:
    """The label and the number of a text: of what is called a seed, else of the only number after its start."""
    called = list(_CALLED.finditer(text))
    found = called if len(called) == 1 else list(_ONE.finditer(text, start))
    if len(found) != 1:
        return None
    number = found[0]
    before, after = text[: number.start(1)], text[number.end() :]
    if before.endswith("-") and not before[-2:-1].isalpha():
        return None  # a sign, not a hyphen
    if called:
        return "seed", int(number[1])
    word = _WORD.search(before)
    if re.search("[0-9]", text[start : number.start(1)] + after):
        return None
    if word is None and any(map(str.isalnum, before)):
        return None
    return (word[1].casefold() if word else "") + after, int(number[1])

"""What to keep in mind of a comparison: values first, names put in once, when it is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal[
    "few seeds",
    "diverged",
    "disagreement",
    "far out",
    "skewed",
    "guarded",
    "coarse",
    "no spread",
    "after looking",
]


class Caution(str):
    """A sentence about a comparison of two sides; as text it calls them a and b.

    kind: what it is about. text: the sentence, with ``{a}`` and ``{b}`` in place of the sides, and with the
    names of ``values``.

    >>> caution = Caution("diverged", "{count} of {n} runs of {a} diverged.", {"count": 1, "n": 8})
    >>> print(caution)
    1 of 8 runs of a diverged.
    >>> caution.say(a="a of b", b="adam")
    '1 of 8 runs of a of b diverged.'
    """

    __slots__ = ("kind", "text", "values")

    kind: Kind
    text: str
    values: Mapping[str, object]

    def __new__(cls, kind: Kind, text: str, values: Mapping[str, object] | None = None) -> Self:
        """See the class."""
        known = dict(values or {})
        self = super().__new__(cls, text.format_map({**known, "a": "a", "b": "b"}))
        self.kind, self.text, self.values = kind, text, known
        return self

    def __getnewargs__(self) -> tuple[Kind, str, Mapping[str, object]]:  # type: ignore[override]
        """What a copy is made of."""
        return self.kind, self.text, self.values

    def say(self, *, a: str, b: str) -> str:
        """The sentence with these names, whatever is in them: nothing is replaced in what was put in."""
        return self.text.format_map({**self.values, "a": a, "b": b})

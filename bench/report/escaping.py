"""Text of suites and runs in other formats than HTML: it stays text, whatever is in it."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any, Final

from markupsafe import Markup

from bench.frames import without_formula

_MARKDOWN: Final = re.compile(r"[\\`*_{}\[\]#|~$!]|^[-+=](?=\s|$|[-=])")
_NUMBERED: Final = re.compile(r"^(\d+)([.)])(?=\s|$)")
_ENTITIES: Final = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}
# A reader's program makes links of addresses, and calls those who are named so.
_CALLS: Final = re.compile(r"[@#](?=\\?\w)|:(?=//)|www(?=\.)", re.IGNORECASE)
_NOWHERE: Final = "<!-- -->"
# What a link may lead to: pages, mail, and files and places beside the text.
_TARGET: Final = r"<?(?:https?://|mailto:|[\w./#?=%~+-]+(?=[\s)>]|$))"
_LINK: Final = re.compile(rf"\](?=\(\s*(?!\s|{_TARGET})|:\s*(?!\s|{_TARGET}))", re.IGNORECASE)
_NOT_IN_LATEX: Final = re.compile(
    r"[^ -~\u00a0-\u0148\u014a-\u017f\u0386\u0388-\u038f\u0391-\u03c9\u03cc-\u03ce"
    r"\u2010-\u2022\u2026\u2032\u2033\u2070-\u208e\u20ac\u2113\u2122←↑→↓↔⇐⇒⇔∀∂∃∇∈∉∏∑−∓∗∘√∝∞∥∧∨∩∪∫∼≃≅≈≠≡≤≥≪≫⊂⊃⊆⊇⊕⊗⊥⋅⋆⌈⌉⌊⌋⟨⟩]"
)
_NUMBER: Final = r"[+-]?[0-9,]*\.?[0-9]+(e[+-]?[0-9]+)?"
_QUANTITY: Final = re.compile(rf"{_NUMBER}( to {_NUMBER})?( ?(%|[a-z]+))?")


def markdown(text: str) -> str:
    """A line of text as Markdown that shows it as it is: no markup, HTML, formula, link or call."""
    return _CALLS.sub(lambda begun: f"{begun[0]}{_NOWHERE}", markdown_alt(text))


def markdown_alt(text: str) -> str:
    """The same in place of a picture, where nothing becomes a link or a call, and a comment would be read."""
    line = _MARKDOWN.sub(lambda sign: f"\\{sign[0]}", " ".join(text.split()))
    return _NUMBERED.sub(r"\1\\\2", line).translate(_ENTITIES)


def markdown_source(text: str) -> str:
    """Text that is Markdown already, quoted, since a fence that never closes would hide what follows.

    Without HTML, which a space breaks, pictures, and links to anything but pages (such as ``javascript:``).
    """
    plain = re.sub(r"!(?=\[)", r"!\\", re.sub(r"<(?=[A-Za-z/!?])", "< ", text))
    lines = re.split(r"\r\n?|\n", _LINK.sub(r"]\\", plain).strip())
    return "\n".join(f"> {line}".rstrip() for line in lines)


def fence(text: str) -> str:
    """Backticks around a block of code: more than it has in a row."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    return "`" * max(3, longest + 1)


def latex(text: str) -> str:
    """Text as LaTeX in ASCII that shows it as it is, with T1 fonts; other scripts become bold question marks.

    They do because not all that there is a command for is part of LaTeX itself.
    """
    line = unicodedata.normalize("NFC", " ".join(text.split()))
    return str(_encoder().unicode_to_latex(_NOT_IN_LATEX.sub("\N{REPLACEMENT CHARACTER}", line)))


def csv(text: str, *, number: bool = False) -> str:
    """A cell of a table that no spreadsheet takes for a formula: an apostrophe stands before one (OWASP).

    number: it is one of ours, perhaps with an interval or a unit, and is written as programs read it.
    """
    plain = text.replace("\N{MINUS SIGN}", "-")
    if number and _QUANTITY.fullmatch(plain):
        return plain.replace(",", "")
    return without_formula(text)


def once(escape: Any) -> Any:
    """For Jinja: escape what a template puts out, but not what a template has made already."""

    def finalize(value: Any) -> Any:
        if isinstance(value, Markup):
            return value
        return escape(value) if isinstance(value, str) else value

    return finalize


@cache
def _encoder() -> Any:
    from pylatexenc.latexencode import (
        RULE_DICT,
        RULE_REGEX,
        UnicodeToLatexConversionRule,
        UnicodeToLatexEncoder,
    )

    # In TeX's own font encoding a bar is a dash; a bracket or star that begins a row would belong to the
    # end of the one before; and the library has superscripts for some signs only.
    ours = {
        ord("|"): r"{\textbar}",
        ord('"'): "{''}",
        **{ord(sign): f"{{{sign}}}" for sign in "[]*"},
        ord("\N{SUPERSCRIPT MINUS}"): r"\textsuperscript{\ensuremath{-}}",
        ord("\N{NON-BREAKING HYPHEN}"): "-",
    }
    # Two of these would become one other sign.
    joined = [(re.compile(r"([-`',])(?=\1)|[?!](?=`)"), lambda sign: f"{sign[0]}{{}}")]
    return UnicodeToLatexEncoder(
        conversion_rules=[
            UnicodeToLatexConversionRule(RULE_REGEX, joined),
            UnicodeToLatexConversionRule(RULE_DICT, ours),
            "defaults",
        ],
        unknown_char_policy="replace",
        unknown_char_warning=False,
    )

"""What to cite: the references are in ``references.bib``; the sentences of the methods say which of them."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.report import escaping
from bench.report.render import write_whole
from bench.report.sections import methods

if TYPE_CHECKING:
    from bench.analysis import Analysis

_NAME: Final = r"[A-ZÀ-Þ][\w'’-]+"
_CITED: Final = re.compile(
    rf"(?P<first>{_NAME})(?: et al\.|(?:, (?:[A-Z]\w+ )?{_NAME})*,? and (?:[A-Z]\w+ )?{_NAME})?"
    r" \(?(?P<year>[12]\d{3})(?: and (?P<other>[12]\d{3}))?"
)


def write_references(analysis: Analysis, path: Path) -> Path:
    """Write BibTeX entries for the methods that a report used, the source of its claims, and this program.

    Raises:
        UsageError: the file cannot be written.
    """
    return write_whole(path, "\n\n".join([*_of_the_run(analysis), *used(analysis)]) + "\n")


def used(analysis: Analysis) -> list[str]:
    """The entries that the methods of this report cite, and the theory beside its rates."""
    texts = [method.text for method in methods.used(analysis)]
    texts += [
        rate.predicted.source for q in analysis.questions for rate in q.rates if rate.predicted
    ]
    texts.append(analysis.suite.source or "")
    keys = sorted({key for text in texts for key in cited(text)} & entries().keys())
    return [entries()[key] for key in keys]


def cited(text: str) -> list[str]:
    """Keys of the references that a text names as ``Dunn 1961`` or ``Bach and Moulines (2011)``."""
    return [
        _key(found["first"], year)
        for found in _CITED.finditer(text)
        for year in (found["year"], found["other"])
        if year
    ]


@cache
def entries() -> dict[str, str]:
    """All references, as BibTeX, by their keys."""
    text = Path(__file__).with_suffix(".bib").read_text(encoding="utf-8")
    found = re.findall(r"^@\w+\{(\w+),\n.*?^\}$", text, re.DOTALL | re.MULTILINE)
    wholes = re.findall(r"^@.*?^\}$", text, re.DOTALL | re.MULTILINE)
    return dict(zip(found, wholes, strict=True))


def _of_the_run(analysis: Analysis) -> list[str]:
    suite = analysis.suite
    about = {
        "key": "Seedwise",
        "title": "Seedwise: a benchmark harness with statistical reports for training algorithms",
        "note": f"Python package, version {version('seedwise')}",
    }
    found = [_misc("seedwise", about)]
    if suite.source:
        facts = {
            "key": suite.suite,
            "title": suite.source,
            "note": f"Source of the claims of the suite {suite.suite}",
        }
        found.append(_misc(f"source-{suite.suite}", facts))
    return found


def _misc(key: str, facts: dict[str, str]) -> str:
    plain = re.sub(r"[^A-Za-z0-9-]+", "-", key)
    lines = [f"  {name} = {{{{{escaping.latex(text)}}}}}," for name, text in facts.items()]
    return "\n".join([f"@misc{{{plain},", *lines, "}"])


def _key(name: str, year: str) -> str:
    letters = unicodedata.normalize("NFKD", name)
    return re.sub(r"[^a-z]", "", letters.casefold().removesuffix("'s").removesuffix("’s")) + year

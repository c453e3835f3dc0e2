"""A suite's free text as HTML: Markdown, with formulas between dollar signs as MathML. Nothing is fetched.

What a suite says is data. Markup in it is shown as text, links lead nowhere but to pages, and of a formula
only what draws it is kept.
"""

from __future__ import annotations

import html
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET  # makes elements here, and reads none

from latex2mathml.converter import convert_to_element
from markdown_it import MarkdownIt
from markupsafe import Markup, escape
from mdit_py_plugins.dollarmath import dollarmath_plugin

if TYPE_CHECKING:
    from collections.abc import Mapping

# A report has headings of its own, and a picture would be a request.
_LEFT_OUT: Final = ("heading", "lheading", "image")
_DRAWING: Final = {
    "accent", "columnalign", "columnspacing", "depth", "display", "displaystyle", "fence", "form",
    "height", "linethickness", "lspace", "mathvariant", "maxsize", "minsize", "movablelimits",
    "rowspacing", "rspace", "scriptlevel", "separator", "stretchy", "symmetric", "width",
}  # fmt: skip


def to_html(text: str) -> Markup:
    """CommonMark with tables, ``$inline$`` and ``$$displayed$$`` formulas in LaTeX, as safe HTML."""
    return Markup(_markdown().render(text))  # noqa: S704  # markup in it was escaped


def mathml(latex: str, *, displayed: bool = False) -> Markup:
    r"""A formula as MathML: ``\frac{1}{n}``.

    Raises:
        ValueError: not a formula, such as one with a brace that never closes.
    """
    display = "block" if displayed else "inline"
    try:
        math = convert_to_element(latex, display=display)
    except Exception as error:
        raise ValueError(f"not a formula: {latex}") from error
    for element in math.iter():
        # The library writes characters as entities, and would have its own output unescaped.
        element.text = html.unescape(element.text or "")
        element.attrib = {k: v for k, v in element.attrib.items() if k in _DRAWING}
    return Markup(ET.tostring(math, encoding="unicode"))  # noqa: S704  # which escapes


def _formula(latex: str, options: Mapping[str, Any]) -> Markup:
    displayed = bool(options["display_mode"])
    try:
        math = mathml(latex, displayed=displayed)
        return (
            Markup('<span class="displayed" tabindex="0">{}</span>').format(math)
            if displayed
            else math
        )
    except ValueError:  # whoever wrote it sees what he wrote
        return Markup("<code>") + escape(latex) + Markup("</code>")


@cache
def _markdown() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable(list(_LEFT_OUT))
    options = {"renderer": _formula, "allow_digits": False, "double_inline": True}
    return reader.use(dollarmath_plugin, **options)

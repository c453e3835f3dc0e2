"""Whatever a suite says stays text in every format."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from reading import Reading

from bench.report import escaping

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=60)
SIGNS = st.text("\\`*_{}[]()#|~$!&<>-+=.:@'\"ab1 ", max_size=30)


def rendered(source):
    """As GitHub would: CommonMark with tables."""
    return Reading.of(MarkdownIt("commonmark").enable("table").render(source))


@given(TEXT | SIGNS)
def test_markdown_shows_the_text_and_nothing_else(text):
    page = rendered(escaping.markdown(text))
    assert page.text == " ".join(text.replace("\0", "\N{REPLACEMENT CHARACTER}").split())
    assert {tag for tag, _ in page.tags} <= {"p"}


@given(TEXT | SIGNS)
def test_a_markdown_cell_stays_in_its_cell(text):
    page = rendered(f"| a | b |\n| --- | --- |\n| {escaping.markdown(text)} | end |")
    assert page.tables[0][1][1] == "end"
    assert {tag for tag, _ in page.tags} <= {"table", "thead", "tbody", "tr", "th", "td"}


@given(
    TEXT
    | SIGNS
    | st.sampled_from(["<script>alert(1)</script>", "`<b>` <b>", "![a](http://x)", "<!--"])
)
def test_what_is_markdown_already_brings_no_html_and_no_pictures(text):
    tags = {tag for tag, _ in rendered(escaping.markdown_source(text)).tags}
    assert not tags & {"script", "img", "b", "iframe"}
    assert not re.search(r"<[A-Za-z/!?]", escaping.markdown_source(text))


@given(TEXT)
def test_code_is_not_left_early(text):
    fence = escaping.fence(text)
    assert fence not in text
    assert len(fence) >= 3


@given(TEXT | SIGNS)
def test_latex_is_ascii_without_free_specials(text):
    source = escaping.latex(text)
    assert source.isascii()
    assert not re.search(r"(?<!\\)[#$%&_]", source)
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", re.sub(r"\\\\", "", source)):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (r"\input{/etc/passwd}", r"{\textbackslash}input\{/etc/passwd\}"),
        ("98 % of a_b & c|d", r"98 \% of a\_b \& c{\textbar}d"),
        ("−1.2 × κ", r"\ensuremath{-}1.2 {\texttimes} \ensuremath{\kappa}"),
        ("Hellström", r"Hellstr\"om"),
        ("🐢", r"{\bfseries ?}"),
    ],
)
def test_latex_by_hand(text, source):
    assert escaping.latex(text) == source


@given(TEXT | SIGNS | st.sampled_from(["=1+1", "+A1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1"]))
def test_no_cell_begins_a_formula(text):
    for number in (False, True):
        cell = escaping.csv(text, number=number)
        plain = re.fullmatch(r"[+-]?[0-9]*\.?[0-9]+(e[+-]?[0-9]+)?( to .*)?( ?(%|[a-z]+))?", cell)
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) or plain
        file = io.StringIO()
        csv.writer(file).writerow([cell])
        assert next(csv.reader(io.StringIO(file.getvalue(), newline=""))) == [cell]


@pytest.mark.parametrize(
    ("shown", "written"),
    [
        ("−0.12", "-0.12"),
        ("+1.2 to +1.5", "+1.2 to +1.5"),
        ("−3.63 to −2.26", "-3.63 to -2.26"),
        ("79,510", "79510"),
        ("94.07 %", "94.07 %"),
        ("< .0001", "< .0001"),
        ("–", "–"),
    ],
)
def test_numbers_stay_numbers(shown, written):
    assert escaping.csv(shown, number=True) == written


def test_a_name_that_looks_like_a_number_is_left_as_it_is():
    assert escaping.csv("79,510") == "79,510"
    assert escaping.csv("-1") == "'-1"

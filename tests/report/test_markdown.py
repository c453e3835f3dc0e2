from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reading import Reading

from bench.report.markdown import mathml, to_html
from bench.suite import load_suite

ALLOWED = {
    "p", "em", "strong", "ul", "ol", "li", "a", "code", "pre", "blockquote", "hr", "br",
    "table", "thead", "tbody", "tr", "th", "td", "span", "div",
}  # fmt: skip


def test_markdown():
    html = to_html("A *word*, a **rule**:\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    page = Reading.of(html)
    assert [tag for tag, _ in page.tags[:6]] == ["p", "em", "strong", "ul", "li", "li"]
    assert page.tables == [[["a", "b"], ["1", "2"]]]


def test_plain_text_stays_as_it_is():
    text = "A rate of 0.1 / (1 + 0.1 k), of 5 < 6 and 7 > 6; costs $5 and $6 & more."
    assert Reading.of(to_html(text)).text == text


def test_formulas_are_mathml():
    html = to_html(r"with $\frac{1}{n}$ and $$w \leftarrow w - \alpha g$$")
    assert '<math display="inline"><mrow><mfrac>' in html
    assert (
        '<span class="displayed" tabindex="0"><math display="block">' in html
    )  # which scrolls on a phone
    assert "\\" not in html
    assert Reading.of(html).text == "with 1 n and w ← w − α g"


def test_a_formula_that_is_none_is_shown_as_written():
    with pytest.raises(ValueError, match="not a formula"):
        mathml("{")
    assert "<code>{&lt;{</code>" in to_html("see ${<{$")


@given(
    st.text(alphabet=st.sampled_from(list("<>/&;\"'=$\\{}[]()!#*`_ \nabjx:")), max_size=60)
    | st.sampled_from(
        ["script", "img src=x onerror=alert(1)", "text", "href", "style", "class", "unicode"]
    ).map(lambda name: rf"$\{name}{{javascript:alert(1)}}{{<script>alert(1)</script>}}$")
)
@example("<script>alert(1)</script>")
@example("![x](https://example.org/x.png)")
@example("[x](javascript:alert(1)) <https://example.org> [y](data:text/html,x)")
@example(r"$\text{&lt;script&gt;alert(1)&lt;/script&gt;}$")
@example(r"$\href{javascript:alert(1)}{x} \style{background:url(//x)}{y}$")
@example("# heading\n\nheading\n===")
def test_nothing_written_becomes_markup_of_its_own(text):
    for tag, attributes in Reading.of(to_html(text)).tags:
        assert tag in ALLOWED or re.fullmatch("m[a-z]+", tag), tag
        assert not {name for name in attributes if name.startswith("on")} | (
            {"src", "style"} & attributes.keys()
        ), attributes
        assert not re.match(r"(?i)\s*(javascript|data|vbscript)", attributes.get("href") or "")
        assert tag == "a" or "href" not in attributes


@pytest.mark.parametrize("name", ["ep3260_ca7", "convex_rates"])
def test_every_formula_of_the_shipped_suites_can_be_drawn(name):
    suite = load_suite(name)
    texts = [suite.about, *(question.about for question in suite.questions.values())]
    for text in filter(None, texts):
        html = to_html(text)
        assert not re.search(r'class="math[^>]*>\s*<code>', html)
        assert "$" not in html
        assert "\\" not in html, re.findall(r"\\\w+", html)


def test_the_suite_of_six_questions_says_how_each_method_enters():
    """In one of those that belong to a question: 3b need not say again what 3 does."""
    questions = load_suite("ep3260_ca7").questions.values()
    for number in "123456":
        texts = [question.about or "" for question in questions if question.title[0] == number]
        assert any("<math" in to_html(text) for text in texts), number

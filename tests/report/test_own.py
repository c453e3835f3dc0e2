"""A user's folder of templates and sections: what docs/reports.md shows works, and what is wrong is said."""

from __future__ import annotations

import re

import pytest
from reading import Reading

from bench.errors import TrustError, UsageError
from bench.report.as_markdown import write_markdown
from bench.report.blocks import Code, parts
from bench.report.contents import contents
from bench.report.own import Own
from bench.report.paper import write_tables
from bench.report.render import render

SECTION = "from bench.report.blocks import Prose\n\n\ndef build(analysis):\n    return {}\n"


@pytest.fixture
def example(repository, tmp_path):
    """The folder of the example in the documentation."""
    text = (repository / "docs" / "reports.md").read_text(encoding="utf-8")
    for language, place in (("html", "page.html"), ("python", "sections/price.py")):
        (code,) = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        assert f"`my-report/{place}`" in text
        path = tmp_path / "my-report" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code, encoding="utf-8")
    return tmp_path / "my-report"


def written(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return folder


def test_the_example_of_the_documentation(example, analysed, tmp_path):
    own = Own.of(example, trust=True)
    html = render(analysed, own=own)
    page = Reading.of(html)
    assert "Group of optimisation, internal." in page.text
    assert "Made by Seedwise" not in page.text
    assert "--link: #7a1fa2" in html
    (row,) = page.rows("question", "core hours", "euros")
    trials = analysed.results.trials
    assert float(row["core hours"]) == pytest.approx(trials.train_time_s.sum() / 3600, abs=5e-4)
    titles = [a["id"] for a in page.all("section") if a["class"] == "level-2"]
    assert titles[-4:] == ["price", "conditions", "methods", "glossary"], "before how it was run"

    markdown = write_markdown(analysed, tmp_path / "x.md", own=own, figures=False)
    assert "What it would cost" in markdown.read_text(encoding="utf-8")
    paths = write_tables(contents(analysed, own), tmp_path / "tables", "latex", own)
    assert tmp_path / "tables" / "report" / "price.tex" in paths


def test_blocks_are_replaced_one_by_one(analysed, tmp_path):
    folder = written(tmp_path, "blocks/code.html", "<pre>MINE {{ block.text }}</pre>\n")
    written(tmp_path, "markdown/code.md", "MINE {{ block.text }}\n")
    html = render(analysed, own=Own.of(folder))
    codes = list(parts(tuple(contents(analysed)), Code))
    assert html.count("<pre>MINE ") == len(codes) >= 3
    path = write_markdown(analysed, tmp_path / "x.md", own=Own.of(folder), figures=False)
    assert "MINE 2026-01-02 bench run b" in path.read_text(encoding="utf-8")


def test_a_block_of_their_own(analysed, tmp_path):
    code = """\
from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bench.report.blocks import Block


@dataclass(frozen=True)
class Loud(Block):
    template: ClassVar[str] = "loud.html"
    text: str


def build(analysis):
    return (Loud("a < b"),)
"""
    folder = written(tmp_path, "sections/loud.py", code)
    written(folder, "blocks/loud.html", "<b>{{ block.text|upper }}</b>")
    assert "<b>A &lt; B</b>" in render(analysed, own=Own.of(folder, trust=True))
    (folder / "blocks" / "loud.html").unlink()
    with pytest.raises(UsageError, match="the template cannot be used") as caught:
        render(analysed, own=Own.of(folder, trust=True))
    assert "blocks/loud.html" in f"{caught.value.where} {caught.value.found}"


def test_sections_come_in_the_order_of_their_names(analysed, tmp_path):
    for name in ("b", "a", "c"):
        folder = written(tmp_path, f"sections/{name}.py", SECTION.format(f'(Prose(("{name}",)),)'))
    said = [block.paragraphs for block in Own.of(folder, trust=True).blocks(analysed)]
    assert said == [("a",), ("b",), ("c",)]


def test_a_section_is_not_run_without_trust(tmp_path):
    folder = written(tmp_path, "sections/x.py", "raise SystemExit('it ran')\n")
    with pytest.raises(TrustError, match="not run unless it is trusted") as caught:
        Own.of(folder)
    assert caught.value.expected == "--trust"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def build(:", "x.py:1.*\n.*\n  found: SyntaxError"),
        ("import nothing_of_that_name", "x.py:1.*\n.*\n  found: ModuleNotFoundError"),
        ("build = 3", "no function build"),
    ],
)
def test_a_section_that_is_none(tmp_path, code, said):
    with pytest.raises(UsageError) as caught:
        Own.of(written(tmp_path, "sections/x.py", f"{code}\n"), trust=True)
    assert re.search(said, str(caught.value))


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("1 / 0", "x.py:5: .*\n.*\n  found: ZeroDivisionError: division by zero"),
        ("'text'", "found: str: text"),
        ("('text',)", "expected: a tuple of blocks"),
    ],
)
def test_a_section_that_fails(analysed, tmp_path, returned, said):
    own = Own.of(written(tmp_path, "sections/x.py", SECTION.format(returned)), trust=True)
    with pytest.raises(UsageError) as caught:
        render(analysed, own=own)
    assert re.search(said, str(caught.value)), str(caught.value)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("\n{{ block.nothing }}", "code.html:2: .*\n.*\n  found: UndefinedError"),
        ("{% if %}", "code.html:1: .*\n.*\n  found: TemplateSyntaxError"),
        ("{{ ''.__class__.__mro__ }}", "found: SecurityError"),
        ("{{ block.text + 1 }}", "found: TypeError"),
    ],
)
def test_a_template_that_is_wrong(analysed, tmp_path, template, said):
    own = Own.of(written(tmp_path, "blocks/code.html", template))
    with pytest.raises(UsageError) as caught:
        render(analysed, own=own)
    assert re.search(said, str(caught.value)), str(caught.value)


def test_no_folder(tmp_path):
    with pytest.raises(UsageError, match="no folder of templates"):
        Own.of(tmp_path / "nowhere")

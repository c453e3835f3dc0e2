"""The Markdown report: the same blocks, shown by other templates."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import synthetic
from markdown_it import MarkdownIt
from reading import Reading

from bench import resources
from bench.analysis import analyse
from bench.report import blocks
from bench.report.as_markdown import write_markdown
from bench.report.contents import contents

HOSTILE = "</script><script>alert(1)</script>"


def read(path):
    """As a wiki would show it, with the HTML that Markdown lets through."""
    return Reading.of(
        MarkdownIt("commonmark").enable("table").render(path.read_text(encoding="utf-8"))
    )


@pytest.fixture(scope="module")
def path(analysed, tmp_path_factory):
    return write_markdown(analysed, tmp_path_factory.mktemp("md") / "new" / "our report.md")


@pytest.fixture(scope="module")
def page(path):
    return read(path)


@pytest.mark.parametrize("block", blocks.Block.__subclasses__(), ids=lambda block: block.__name__)
def test_every_block_has_a_template(block):
    name = f"{Path(block.template).stem}.md"
    assert (resources.folder("report_templates") / "markdown" / name).is_file()


def test_it_says_what_the_page_says(page, report, analysed):
    html = Reading.of(report.read_text(encoding="utf-8"))
    assert analysed.questions[0].headline in page.text
    assert html.rows("adjusted p", "sign-flip p")[1]["difference"] in page.text
    tables = [table for table in html.tables if table]
    assert [[len(row) for row in t] for t in page.tables if t][1:] == [
        [len(row) for row in t] for t in tables
    ][1:]  # the first is the scoreboard, whose groups are one cell there
    for part in ("planned: 0 to 4", "bench run b", "suite: made-up", "Dunn 1961"):
        assert part in page.text


def test_links_and_anchors_are_those_of_the_page(page, report):
    html = Reading.of(report.read_text(encoding="utf-8"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    for attributes in page.all("a"):
        assert attributes.get("href", "#").removeprefix("#") in [*ids, ""]
    sections = {a["id"] for a in html.all("section")}
    assert sections <= set(ids)


def test_figures_lie_beside_it(page, path):
    images = page.all("img")
    assert len(images) == len(list(path.parent.rglob("*.svg"))) >= 6
    for image in images:
        assert image["src"].startswith("our%20report-figures/rates/")
        assert len(image["alt"]) > 40
        ET.parse(path.parent / image["src"].replace("%20", " "))


def test_without_figures_it_is_one_file(analysed, tmp_path):
    path = write_markdown(analysed, tmp_path / "report.md", figures=False)
    assert list(tmp_path.iterdir()) == [path]
    page = read(path)
    assert page.all("img") == []
    figures = list(blocks.parts(tuple(contents(analysed)), blocks.Figure))
    assert page.text.count("Figure left out.") == len(figures) >= 4


def test_hostile_text_stays_text(tmp_path):
    def outcome(variant, seed):
        if seed == 4:
            return synthetic.Outcome(status="failed", error=f"Traceback\nError: {HOSTILE} ```\n# x")
        return synthetic.Outcome(notes=HOSTILE)

    text = f"""
suite: hostile
title: "# {HOSTILE}"
source: "{HOSTILE} | [a](javascript:alert(1))"
about: "{HOSTILE} ![a](http://x/y.png) `{HOSTILE}`"
dataset: digits
seeds: 5
epochs: 3
base: {{model: {{mlp: {{hidden: [10]}}}}, optimizer: {{SGD: {{learning_rate: 0.1}}}}}}
questions:
  q a.b:
    title: "{HOSTILE}"
    ask: "{HOSTILE}\\n\\n# heading"
    variants:
      a: {{about: "{HOSTILE} | x"}}
      b: {{optimizer: {{SGD: {{learning_rate: 0.2}}}}}}
"""
    path = write_markdown(
        analyse(synthetic.written(tmp_path, outcome, suite=text)), tmp_path / "x.md", figures=False
    )
    page = read(path)
    html = {tag for tag, _ in page.tags}
    assert not html & {"script", "img"}
    assert all(a.get("href", "#").startswith("#") for a in page.all("a"))
    assert len(page.all("h1")) == 1

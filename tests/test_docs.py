"""What the documentation names exists: files, headings, commands, options; its suites load."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from bench import cli, suite

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def code(page, language):
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def headings(page):
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith(("https:", "http:")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in headings(file), f"{page.name}: {target}"


def test_the_index_names_every_page():
    listed = (ROOT / "docs" / "index.md").read_text()
    pages = [page.name for page in (ROOT / "docs").glob("*.md") if page.name != "index.md"]
    assert [name for name in pages if f"({name})" not in listed] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_exist(page):
    known = get_command(cli.app).commands
    spans = re.findall(r"^    (bench \w.+)$|`(bench \w[^`]+)`", page.read_text(), re.MULTILINE)
    for line in filter(None, (a or b for a, b in spans)):
        _, name, *words = line.split("  #")[0].replace("\n", " ").split()
        assert name in known, f"{page.name}: {line}"
        options = {o for parameter in known[name].params for o in parameter.opts}
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert given <= options, f"{page.name}: {line}"


def test_the_tutorials_suite_can_be_run(tmp_path):
    (block,) = code(ROOT / "docs" / "tutorial.md", "yaml")
    file = tmp_path / "momentum.yaml"
    file.write_text(block)
    assert suite.load_suite(file).title == "Does momentum help?"

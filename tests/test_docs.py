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


def named_tests(text):
    """Files of tests, and parts of names of tests, that a text says in code."""
    said = re.findall(r"`([^`]+)`", text)
    files = [name for name in said if re.fullmatch(r"[\w/]*test_\w+\.py", name)]
    return files, [name for name in said if re.fullmatch(r"[a-z]+(_[a-z]+){2,}", name)]


@pytest.mark.parametrize("page", ["SECURITY.md", "docs/reliability.md"])
def test_tests_that_are_named_exist(page):
    files, names = named_tests((ROOT / page).read_text())
    assert len(files) > 10
    assert [f for f in files if not (ROOT / "tests" / f.removeprefix("tests/")).is_file()] == []
    every = " ".join(
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    )
    assert [name for name in names if name not in every] == []


def test_every_promise_of_security_names_a_test():
    """Each row of who is not trusted, and each way in which that is kept."""
    page = (ROOT / "SECURITY.md").read_text()
    rows = re.findall(r"^\| (?!from |--)(.+) \|$", page, re.MULTILINE)
    ways = page.partition("How that is kept:")[2].partition("\n## ")[0].split("\n* ")[1:]
    assert len(rows) >= 9
    assert len(ways) >= 9
    assert [text for text in [*rows, *ways] if not any(named_tests(text))] == []


def test_the_architecture_names_every_file():
    page = (ROOT / "docs" / "architecture.md").read_text()
    files = [p for p in (ROOT / "bench").rglob("*.py") if p.name != "__init__.py"]
    lacks = [str(p.relative_to(ROOT)) for p in files if not re.search(rf"\b{p.name}\b", page)]
    assert [name for name in lacks if not name.startswith("bench/report/figures/")] == []


def test_the_changelog_has_each_section_once_per_version():
    for version in (ROOT / "CHANGELOG.md").read_text().split("\n## ")[1:]:
        kinds = re.findall(r"^### (.+)$", version, re.MULTILINE)
        assert len(kinds) == len(set(kinds)), kinds

"""One page over several runs: answers, verdicts, and links to each run's own report."""

from __future__ import annotations

from urllib.parse import unquote

import browser
import pytest
import synthetic
from reading import Reading

from bench.analysis import analyse
from bench.report import write_report
from bench.report.index import entry, write_index


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """An index of two runs, in folders whose names are no addresses as they are."""
    folder = tmp_path_factory.mktemp("index")
    path, entries = folder / "all" / "index.html", []
    for name, lead in (("a run #1", ""), ("javascript:alert(1)", "Another: ")):
        text = synthetic.SUITE.replace("title: Known", f"title: '{lead}Known").replace(
            "numbers\n", "numbers <b>'\n", 1
        )
        analysis = analyse(synthetic.written(folder / name, synthetic.usual, suite=text))
        report = write_report(analysis, folder / name / "report.html")
        entries.append(entry(analysis, report, path))
    return write_index(entries, path)


def test_it_says_what_each_run_answers(index):
    page = Reading.of(index.read_text(encoding="utf-8"))
    rows = page.rows("run", "holds", "cannot tell")
    assert [row["run"] for row in rows] == ["Known numbers <b>", "Another: Known numbers <b>"]
    assert [(row["trials"], row["seeds"], row["holds"]) for row in rows] == [
        ("20 of 20", "5", "1")
    ] * 2
    assert page.text.count("Against base (") == 2
    assert "b" not in {tag for tag, _ in page.tags}


def test_its_links_lead_to_the_evidence(index):
    page = Reading.of(index.read_text(encoding="utf-8"))
    reports = 0
    for link in page.all("a"):
        address, _, anchor = link["href"].partition("#")
        assert not address.startswith("javascript")
        target = index if not address else index.parent / unquote(address)
        assert target.is_file(), link
        reports += bool(address)
        ids = [a["id"] for _, a in Reading.of(target.read_text(encoding="utf-8")).tags if "id" in a]
        assert not anchor or anchor in ids
    assert reports == 4  # a row and a card of each run


def test_it_is_small_without_charts(index):
    assert index.stat().st_size < 30_000


@pytest.mark.skipif(browser.CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_follows_its_links(index):
    async def look(page):
        await page.open(index)
        assert page.complaints() == []
        assert page.requests() == []
        address = await page.evaluate("document.querySelector('.card a').href")
        await page.call("Page.navigate", url=address)
        for _ in range(100):
            if await page.evaluate("document.readyState === 'complete'"):
                break
        assert await page.evaluate(
            "location.hash && document.querySelector(location.hash) !== null"
        )
        assert (
            await page.evaluate("document.querySelector('h1').textContent") == "Known numbers <b>"
        )

    browser.visit(look)

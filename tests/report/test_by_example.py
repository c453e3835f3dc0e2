"""What the page says of single test images, from a real run."""

from __future__ import annotations

import browser
import pytest
from reading import Reading

from bench import analyse, load_results, write_report
from bench.report import figures
from bench.report.render import render


def test_a_run_with_predictions_has_its_fold(tiny_results):
    analysis = analyse(load_results(tiny_results))
    html = render(analysis)
    page = html.replace("\xa0", " ").replace("&nbsp;", " ")
    assert page.count("Image by image") == 2  # a fold in each question
    assert "other seeds and images" in page
    hardest = analysis.by_example.hard.iloc[0]
    assert f"{round(100 * hardest.wrong)} %" in page
    row = analysis.by_example.examples.iloc[0]
    shown = Reading.of(html).rows("other seeds and images")[0]
    half = 50 * (row.both_high - row.both_low)
    places = len(shown["difference"].partition(".")[2])
    assert 10 ** (1 - places) <= half * 1.001 < 10 ** (2 - places)  # two digits of it
    numbers = [100 * x for x in (row.difference, row.both_low, row.both_high)]
    difference, low, high = (f"{x:+.{places}f}".replace("-", "−") for x in numbers)
    assert shown["difference"] == difference
    assert shown["other seeds and images"] == f"{low} to {high}"


def test_matrices_of_confusions_can_be_exchanged(tiny_results):
    analysis = analyse(load_results(tiny_results))
    question = analysis.questions[0]
    rows = analysis.by_example.confusions
    rows = rows[rows.question == question.name]
    first, second = figures.confusions(question, rows)
    names = [v.name for v in question.variants]
    assert [o.text for o in first.choice.options] == names
    assert (first.title, second.title) == tuple(names[:2])
    stills = {**first.stills(), **second.stills()}
    assert set(stills) == {f"{question.name}/confusions-{name}" for name in names}


@pytest.mark.skipif(browser.CHROMIUM is None, reason="no Chromium on this machine")
def test_a_fold_is_drawn_when_it_opens(tiny_results, tmp_path):
    path = write_report(analyse(load_results(tiny_results)), tmp_path / "report.html")
    figure = "document.querySelector('figure[id$=-confusions]')"
    cells = f"[...{figure}.querySelectorAll('.canvas svg')].map((s) => s.querySelectorAll('text').length)"
    opened = f"""(async () => {{
      {figure}.closest("details").open = true;
      while ([...{figure}.querySelectorAll(".panel")].some((panel) => !panel.view))
        await new Promise((resolve) => setTimeout(resolve, 20));
    }})()"""
    choice = f"""(async () => {{
      const panel = {figure}.querySelector(".panel"), select = panel.querySelector("select");
      const shown = () => panel.querySelector("svg").textContent;
      const before = shown();
      select.value = select.options[1].value;
      select.dispatchEvent(new Event("change", {{ bubbles: true }}));
      await panel.view.runAsync();
      return before !== shown();
    }})()"""

    async def look(page):
        await page.open(path)
        assert await page.evaluate(cells) == []
        await page.evaluate(opened)
        assert all(n > 20 for n in await page.evaluate(cells))
        assert await page.evaluate(choice)
        assert page.complaints() == []

    browser.visit(look)

"""The report in a real browser: nothing complains, nothing is fetched, nothing overflows."""

from __future__ import annotations

import asyncio

import browser
import numpy as np
import pytest
from PIL import Image

from bench import analyse, load_suite, run
from bench.report import write_report

pytestmark = pytest.mark.skipif(browser.CHROMIUM is None, reason="no Chromium on this machine")

# Not innerWidth: a phone widens it to what is too wide.
WIDE = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
CHARTS = 6  # of the report: convergence, seeds, differences, target, rate fits, learning rates
DRAWN = "document.querySelectorAll('.canvas svg').length"
OPENED = "document.querySelectorAll('details').forEach((fold) => { fold.open = true; })"
TOO_WIDE = """
[...document.querySelectorAll("main *")]
  .filter((e) => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .filter((e) => !e.closest(".table, pre, svg"))
  .map((e) => e.tagName + " " + e.textContent.slice(0, 40))
"""


@pytest.mark.parametrize(
    "view",
    [{}, {"dark": True}, {"width": 390, "height": 844}, {"media": "print", "width": 794}],
    ids=["light", "dark", "phone", "print"],
)
def test_the_page_is_drawn_quietly_and_fits(report, view, tmp_path):
    async def look(page):
        await page.open(report, **view)
        (tmp_path / "page.png").write_bytes(await page.screenshot())
        assert await page.evaluate(DRAWN) == CHARTS
        assert page.complaints() == []
        assert page.requests() == []
        assert await page.evaluate(TOO_WIDE) == []
        content, window = await page.evaluate(WIDE)
        assert content <= window

    browser.visit(look)
    with Image.open(tmp_path / "page.png") as shot:
        assert shot.height > 3 * shot.width
        # Neither blank nor one colour all over: in each screenful something is written or drawn.
        for top in range(0, shot.height - 900, 900):
            screenful = shot.convert("L").crop((0, top, shot.width, top + 900))
            assert np.ptp(np.asarray(screenful)) > 100, f"blank below {top} px"


def test_long_names_fit_on_a_phone(tiny, tmp_path):
    """Those of a matrix: in tables that scroll, and to choose a matrix of confusions by."""
    name = "hidden=100 learning_rate=0.03 initializer=glorot_uniform"
    tiny.write_text(tiny.read_text().replace("slow:", f'"{name}":').replace("slow,", f'"{name}",'))
    results = run(load_suite(tiny).resized(epochs=1), tmp_path / "run", workers=0)
    path = write_report(analyse(results), tmp_path / "report.html")

    async def look(page):
        await page.open(path, width=390, height=844)
        content, window = await page.evaluate(WIDE)
        assert content <= window
        await page.evaluate(OPENED)
        assert await page.evaluate(TOO_WIDE) == []

    browser.visit(look)


LISTEN = """
window.shifts = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shifts += entry.value;
}).observe({type: "layout-shift", buffered: true});
window.places = () => [...document.querySelectorAll("main :is(section, figure, li, div)[id]")].map(
  (e) => [e.id, Math.round(e.getBoundingClientRect().top + scrollY)]);
document.addEventListener("DOMContentLoaded", () => { window.before = places(); });
"""
SCROLL = """
(async () => {
  for (let y = 0; y < document.documentElement.scrollHeight; y += 600) {
    scrollTo({top: y, behavior: "instant"});
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  }
})()
"""
MOVED = "places().filter(([, y], i) => Math.abs(y - before[i][1]) > 1)"


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_moves_while_the_charts_are_drawn(report, width):
    async def look(page):
        await page.call("Page.enable")
        await page.call("Page.addScriptToEvaluateOnNewDocument", source=LISTEN)
        await page.open(report, width=width)
        assert len(await page.evaluate("before")) > 20
        assert await page.evaluate(MOVED) == []
        await page.evaluate(SCROLL)
        assert await page.evaluate("shifts") < 0.01

    browser.visit(look)


def test_dark_mode_changes_the_charts_too(report):
    colour = "getComputedStyle(document.querySelector('.canvas svg path[stroke^=\"var\"]')).stroke"

    async def look(page):
        await page.open(report)
        light = await page.evaluate(colour)
        await page.open(report, dark=True)
        assert await page.evaluate(colour) != light

    browser.visit(look)


def test_charts_follow_the_width_of_the_window(report):
    width = "document.querySelector('.canvas svg').getBoundingClientRect().width"

    async def look(page):
        await page.open(report)
        wide = await page.evaluate(width)
        await page.open(report, width=390, height=844)
        assert await page.evaluate(width) < 390 < wide + 1

    browser.visit(look)


def test_tables_can_be_scrolled_by_keyboard(report):
    async def look(page):
        await page.open(report, width=390, height=844)
        scrolling = (
            "[...document.querySelectorAll('.table')].filter((t) => t.scrollWidth > t.clientWidth)"
        )
        assert await page.evaluate(f"{scrolling}.length") > 0
        assert await page.evaluate(f"{scrolling}.every((t) => t.tabIndex === 0)")

    browser.visit(look)


def test_without_scripts_the_charts_are_pictures(report):
    async def look(page):
        await page.open(report, scripts=False)
        pictures = "document.querySelectorAll('.chart > noscript svg').length"
        assert await page.evaluate(pictures) == CHARTS

    browser.visit(look)


def test_a_watched_page_loads_itself_anew_and_stays_where_it_was(analysed, tmp_path):
    path = write_report(analysed, tmp_path / "report.html", watching=True)
    fold = "[...document.querySelectorAll('details')].map((fold) => fold.open)"

    async def look(page):
        await page.open(path)
        assert await page.evaluate(f"!{fold}.some(Boolean)")
        await page.evaluate("document.querySelector('details').open = true; scrollTo(0, 700)")
        top = await page.evaluate("scrollY")
        assert top == 700
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("<title>", "<title>Anew "), encoding="utf-8")
        for _ in range(200):
            if (await page.evaluate("document.title")).startswith("Anew"):
                break
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)
        assert (await page.evaluate("document.title")).startswith("Anew")
        assert await page.evaluate("Math.abs(scrollY - 700)") <= 1
        assert (await page.evaluate(fold))[0] is True
        assert page.complaints() == []

    browser.visit(look)

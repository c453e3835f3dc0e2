"""The report in a real browser: nothing complains, nothing is fetched, nothing overflows."""

from __future__ import annotations

import browser
import pytest

pytestmark = pytest.mark.skipif(browser.CHROMIUM is None, reason="no Chromium on this machine")

WIDE = "[document.documentElement.scrollWidth, window.innerWidth]"
CHARTS = 6  # of the report: convergence, seeds, differences, target, rate fits, learning rates
DRAWN = "document.querySelectorAll('.canvas svg').length"
TOO_WIDE = """
[...document.querySelectorAll("main *")]
  .filter((e) => e.getBoundingClientRect().right > window.innerWidth + 1 && !e.closest(".table, pre, svg"))
  .map((e) => e.tagName + " " + e.textContent.slice(0, 40))
"""


@pytest.mark.parametrize(
    "view",
    [{}, {"dark": True}, {"width": 390, "height": 844}, {"media": "print", "width": 794}],
    ids=["light", "dark", "phone", "print"],
)
def test_the_page_is_drawn_quietly_and_fits(report, view):
    async def look(page):
        await page.open(report, **view)
        assert await page.evaluate(DRAWN) == CHARTS
        assert page.complaints() == []
        assert page.requests() == []
        assert await page.evaluate(TOO_WIDE) == []
        content, window = await page.evaluate(WIDE)
        assert content <= window

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

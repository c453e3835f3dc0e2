"""What an accessibility checker and a keyboard find in the report, in a real browser."""

from __future__ import annotations

import json
from pathlib import Path

import browser
import pytest

pytestmark = pytest.mark.skipif(browser.CHROMIUM is None, reason="no Chromium on this machine")

AXE = Path(__file__).parent / "axe" / "axe.min.js"
OPENED = "document.querySelectorAll('details').forEach((fold) => { fold.open = true; })"
RUN = """
axe.run(document, {resultTypes: ["violations"]}).then((found) => JSON.stringify(
  found.violations.map((v) => ({
    id: v.id, impact: v.impact, help: v.help, where: v.nodes.slice(0, 5).map((n) => n.html.slice(0, 200)),
  }))))
"""


async def violations(page):
    """What axe finds on the page, with everything open."""
    await page.evaluate(OPENED)
    await page.evaluate(f"{AXE.read_text(encoding='utf-8')}; 0")
    return json.loads(await page.evaluate(RUN))


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing(report, dark, width):
    async def look(page):
        await page.open(report, dark=dark, width=width)
        return await violations(page)

    assert browser.visit(look) == []


def test_axe_finds_what_is_wrong(report, tmp_path):
    """Else the test above could not fail."""
    html = report.read_text(encoding="utf-8")
    broken = tmp_path / "broken.html"
    broken.write_text(html.replace("--muted: #566170", "--muted: #c8ced6").replace('lang="en"', ""))

    async def look(page):
        await page.open(broken)
        return {found["id"] for found in await violations(page)}

    assert {"color-contrast", "html-has-lang"} <= browser.visit(look)


async def press(page, key, code, text=""):
    """A key, down and up."""
    about = {"key": key, "code": key, "windowsVirtualKeyCode": code}
    await page.call("Input.dispatchKeyEvent", type="keyDown", text=text, **about)
    await page.call("Input.dispatchKeyEvent", type="keyUp", **about)


def test_the_first_key_leads_past_the_contents(report):
    async def look(page):
        await page.open(report)
        await press(page, "Tab", 9)
        await press(page, "Enter", 13, "\r")
        return await page.evaluate("location.hash")

    assert browser.visit(look) == "#content"


def test_a_focus_is_seen_on_everything_that_takes_it(report):
    outlined = """
    [...document.querySelectorAll("a[href], summary, [tabindex='0'], button, input, select")]
      .filter((e) => e.checkVisibility())
      .filter((e) => { e.focus({focusVisible: true}); return getComputedStyle(e).outlineStyle === "none"; })
      .map((e) => e.outerHTML.slice(0, 100))
    """

    async def look(page):
        await page.open(report)
        await page.call("Emulation.setFocusEmulationEnabled", enabled=True)
        return await page.evaluate(outlined)

    assert browser.visit(look) == []

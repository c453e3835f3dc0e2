"""The charts' switches in a real browser: each changes what its charts show, by pointer and by keyboard."""

from __future__ import annotations

import browser
import numpy as np
import pytest
from synthetic import SUITE, Outcome, written

from bench.analysis import analyse
from bench.report import write_report

pytestmark = pytest.mark.skipif(browser.CHROMIUM is None, reason="no Chromium on this machine")

KEYS = {"Enter": (13, "\r"), " ": (32, " "), "Tab": (9, ""), "ArrowRight": (39, "")}
FIGURE = "document.getElementById('question-rates-convergence')"


class Charts:
    """The figure of the curves on a page: its controls, and what its charts show."""

    def __init__(self, page, figure=FIGURE):
        self.page, self.figure = page, figure

    async def press(self, text, keys=""):
        """Click what is called so, a radio button, a box to tick or a key of the legend."""
        return await self.page.evaluate(
            f"""(() => {{
              const named = (e) => e.textContent.trim() === {text!r};
              const found = [...{self.figure}.querySelectorAll(".key, label")].find(named);
              found.dispatchEvent(new MouseEvent("click", {{bubbles: true{keys}}}));
            }})()"""
        )

    async def choose(self, text, panel=0):
        """Choose the metric of a panel."""
        await self.page.evaluate(
            f"""(() => {{
              const select = {self.figure}.querySelectorAll("select")[{panel}];
              select.value = [...select.options].find((o) => o.text === {text!r}).value;
              select.dispatchEvent(new Event("change", {{bubbles: true}}));
            }})()"""
        )

    async def signal(self, name, panel=0):
        view = f"{self.figure}.querySelectorAll('.panel')[{panel}].view"
        return await self.page.evaluate(f"{view}.runAsync().then((v) => v.signal({name!r}))")

    async def titles(self, panel=0):
        """Of the axes along and upwards, as they are drawn."""
        await self.signal("hidden", panel)
        return await self.page.evaluate(
            f"[...{self.figure}.querySelectorAll('.panel')[{panel}]"
            ".querySelectorAll('.role-axis-title text')].map((t) => t.textContent)"
        )

    async def marks(self, panel=0):
        """How many areas, lines and dots are drawn."""
        await self.signal("hidden", panel)
        return await self.page.evaluate(
            f"""(() => {{
              const drawn = {self.figure}.querySelectorAll(".panel")[{panel}];
              const count = (kind) => [...drawn.querySelectorAll(`g.mark-${{kind}}.role-mark path`)]
                .filter((p) => p.getAttribute("d")).length;
              return [count("area"), count("line"), count("symbol")];
            }})()"""
        )


@pytest.fixture(scope="module")
def visit(report):
    """Open the report and hand its curves to a test; in the end, nothing may have complained."""

    def with_charts(test, **view):
        async def look(page):
            await page.open(report, **view)
            await test(Charts(page))
            assert page.complaints() == []
            assert page.requests() == []

        browser.visit(look)

    return with_charts


def test_every_switch_changes_the_charts(visit):
    async def look(charts):
        assert await charts.titles() == ["epoch", "test accuracy (%)"]
        assert await charts.titles(1) == ["epoch", "training objective (nats), log scale"]
        bands, lines, _ = await charts.marks()
        assert (bands, lines) == (4, 4)

        await charts.press("updates")
        assert (await charts.titles())[0] == (await charts.titles(1))[0] == "updates"
        ends = await charts.signal("along_domain")
        assert ends[0] == 0 < 3 < ends[1]
        await charts.press("seconds")
        assert (await charts.titles())[0] == "seconds of training"
        await charts.press("log x")
        assert (await charts.titles())[0] == "seconds of training, log scale"
        assert (await charts.signal("along_domain"))[0] > 0

        await charts.press("single seeds")
        bands, lines, _ = await charts.marks()
        assert bands == 0
        assert lines > 4 * 3

        await charts.choose("Test loss")
        assert (await charts.titles())[1] == "test loss (nats), log scale"
        assert (await charts.titles(1))[1] == "training objective (nats), log scale"
        await charts.press("log y")
        assert (await charts.titles())[1] == "test loss (nats)"
        low, high = await charts.signal("y_domain")
        assert low < high
        label = f"{FIGURE}.querySelector('.chart').getAttribute('aria-label')"
        assert "test loss" in await charts.page.evaluate(label)

    visit(look)


def test_the_legend_hides_and_shows_variants(visit):
    async def look(charts):
        await charts.press("high")
        assert await charts.signal("hidden") == await charts.signal("hidden", 1) == ["high"]
        assert (await charts.marks())[1] == 3
        pressed = (
            f"[...{FIGURE}.querySelectorAll('.key')].map((k) => k.getAttribute('aria-pressed'))"
        )
        assert await charts.page.evaluate(pressed) == ["true", "false", "true", "true"]
        await charts.press("high")
        assert (await charts.marks())[1] == 4

        whole = await charts.signal("y_domain")
        await charts.press("low", ", shiftKey: true")
        assert (await charts.marks())[1] == 1
        low, high = await charts.signal("y_domain")
        assert high - low < whole[1] - whole[0]  # the axis is made for what is shown
        await charts.press("low", ", shiftKey: true")
        assert await charts.signal("hidden") == []
        for name in ("base", "high", "low"):
            await charts.press(name)
        assert (await charts.marks())[1] == 1
        await charts.press("same")  # nothing would be left
        assert (await charts.marks())[1] == 4

    visit(look)


def test_keys_do_what_the_pointer_does(visit):
    async def look(charts):
        async def key(name, modifiers=0):
            code, text = KEYS[name]
            params = {"key": name, "modifiers": modifiers, "windowsVirtualKeyCode": code}
            down = {**params, "text": text} if text else params
            await charts.page.call("Input.dispatchKeyEvent", type="keyDown", **down)
            await charts.page.call("Input.dispatchKeyEvent", type="keyUp", **params)

        focus = "document.activeElement.dataset.name ?? document.activeElement.value"
        await charts.page.evaluate(f"{FIGURE}.querySelector('.key').focus()")
        await key("Enter")
        assert await charts.signal("hidden") == ["base"]
        await key("Tab")
        assert await charts.page.evaluate(focus) == "high"
        await key("Enter", modifiers=8)  # Shift
        assert sorted(await charts.signal("hidden")) == ["base", "low", "same"]
        for _ in range(3):
            await key("Tab")
        assert await charts.page.evaluate(focus) == "epoch"
        await key("ArrowRight")
        assert (await charts.titles())[0] == "updates"
        await key("Tab")
        await key(" ")
        assert await charts.signal("log_x") is True

    visit(look)


def test_switches_stay_on_a_phone_and_vanish_in_print_and_without_scripts(report):
    seen = "getComputedStyle(document.querySelector('.switches')).display !== 'none'"

    async def look(page):
        await page.open(report, width=390, height=844)
        assert await page.evaluate(seen)
        await page.open(report, media="print", width=794)
        assert not await page.evaluate(seen)
        await page.open(report, scripts=False)
        assert not await page.evaluate(seen)

    browser.visit(look)


def test_switches_of_other_figures(visit):
    async def look(charts):
        page = charts.page
        target = Charts(page, "document.getElementById('question-rates-target')")
        assert (await target.titles())[0] == "epoch"
        await target.press("seconds")
        assert (await target.titles())[0] == "seconds of training"
        await target.press("high")
        assert (await target.marks())[1] == 3

        scanned = Charts(page, "document.getElementById('question-rates-rates-scanned')")
        (method,) = await page.evaluate(
            f"[...{scanned.figure}.querySelectorAll('.key')].map((k) => k.dataset.name)"
        )
        _, lines, dots = await scanned.marks()
        assert (lines, dots > 10) == (1, True)
        await scanned.press(method)  # the only one
        assert await scanned.signal("hidden") == []

    visit(look)


def test_pointing_at_a_seed_shows_it_in_every_variant(visit):
    async def look(charts):
        final = Charts(charts.page, "document.getElementById('question-rates-seeds')")
        strong = f"""[...{final.figure}.querySelectorAll(".panel:first-child g.mark-line path")]
          .filter((p) => p.getAttribute("opacity") === "1").length"""
        assert await charts.page.evaluate(strong) == 0
        at = await charts.page.evaluate(
            f"""(() => {{
              const dot = {final.figure}.querySelector("g.mark-symbol path");
              dot.scrollIntoView({{ block: "center", behavior: "instant" }});
              const box = dot.getBoundingClientRect();
              return [box.x + box.width / 2, box.y + box.height / 2];
            }})()"""
        )
        await charts.page.call("Input.dispatchMouseEvent", type="mouseMoved", x=at[0], y=at[1])
        await final.signal("pointed_tuple")
        assert await charts.page.evaluate(strong) == 1

    visit(look)


def test_switches_of_the_fits_of_convergence_rates(tmp_path):
    falling = {"base": 0.9, "high": 0.8, "low": 0.95, "same": 0.89}

    def outcome(variant, seed):
        return Outcome(objectives=tuple((2 + 0.1 * seed) * falling[variant] ** np.arange(40)))

    suite = SUITE.replace("epochs: 3", "epochs: 39")
    path = write_report(analyse(written(tmp_path, outcome, suite=suite)), tmp_path / "report.html")

    async def look(page):
        await page.open(path)
        fits = Charts(page, "document.getElementById('question-rates-rates')")
        along, upwards = await fits.titles()
        assert along == "epoch"
        assert upwards.endswith(", log scale")
        await fits.press("log x")
        await fits.press("log y")
        assert await fits.titles() == ["epoch, log scale", upwards.removesuffix(", log scale")]
        assert (await fits.signal("x_domain"))[0] > 0
        await fits.press("high")
        assert await fits.signal("hidden") == ["high"]
        assert page.complaints() == []

    browser.visit(look)

"""A headless Chromium, driven by its DevTools protocol: enough to look at a page and listen to it."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import subprocess
import tempfile

from tornado.websocket import websocket_connect

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


class Page:
    """One tab. ``events`` are what the browser told, in order."""

    def __init__(self, socket):
        self._socket, self._next = socket, 0
        self.events = []

    async def call(self, method, **params):
        self._next += 1
        await self._socket.write_message(
            json.dumps({"id": self._next, "method": method, "params": params})
        )
        while True:
            message = json.loads(await asyncio.wait_for(self._socket.read_message(), 60))
            if message.get("id") == self._next:
                assert "error" not in message, message
                return message["result"]
            self.events.append(message)

    async def evaluate(self, expression):
        answer = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def open(self, path, *, width=1280, height=900, dark=False, media="screen", scripts=True):
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])
        await self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")
        self.events.clear()
        await self.call("Page.navigate", url=path.resolve().as_uri())
        drawn = "document.documentElement.dataset.charts === 'drawn'" if scripts else "true"
        for _ in range(300):
            if await self.evaluate(f"document.readyState === 'complete' && {drawn}"):
                return
            await asyncio.sleep(0.1)
        raise AssertionError("the charts were not drawn within 30 s")

    def complaints(self):
        """Errors and warnings of the console, and exceptions, each as JSON."""
        loud = ("error", "warning", "assert")
        return [
            json.dumps(e["params"])[:300]
            for e in self.events
            if e["method"] == "Runtime.exceptionThrown"
            or (e["method"] == "Runtime.consoleAPICalled" and e["params"]["type"] in loud)
            or (e["method"] == "Log.entryAdded" and e["params"]["entry"]["level"] in loud)
        ]

    def requests(self):
        """Addresses that were asked for, beside the page itself and what lies inside it."""
        sent = [e["params"] for e in self.events if e["method"] == "Network.requestWillBeSent"]
        urls = [e["request"]["url"] for e in sent]
        return [url for url in urls if not url.startswith(("file:", "data:"))]

    async def screenshot(self, *, full=True):
        """A picture of the page as the bytes of a PNG."""
        clip = await self._clip() if full else {}
        shot = await self.call("Page.captureScreenshot", captureBeyondViewport=full, **clip)
        return base64.b64decode(shot["data"])

    async def _clip(self):
        size = (await self.call("Page.getLayoutMetrics"))["cssContentSize"]
        return {
            "clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        }


def visit(what):
    """Run ``await what(page)`` in a fresh browser and return what it returns."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        process = subprocess.Popen(
            [
                CHROMIUM,
                *flags,
                f"--user-data-dir={profile}",
                "--remote-debugging-port=0",
                "about:blank",
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            return asyncio.run(_visit(_port(process), what))
        finally:
            process.terminate()
            process.wait(timeout=30)
            process.stderr.close()


def _port(process):
    for line in process.stderr:
        if found := re.search(r"DevTools listening on ws://[^:]+:(\d+)/", line):
            return int(found[1])
    raise AssertionError("Chromium did not start")


async def _visit(port, what):
    from tornado.httpclient import AsyncHTTPClient

    listed = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/json/list")
    tab = next(t for t in json.loads(listed.body) if t["type"] == "page")
    socket = await websocket_connect(tab["webSocketDebuggerUrl"], max_message_size=2**28)
    try:
        return await what(Page(socket))
    finally:
        socket.close()

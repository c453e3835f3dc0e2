"""Hostile text in every place that a suite, a log, an exception or a results file can put it.

Each piece would set ``window.hacked`` to the name of its place, or ask for an address, if it ran anywhere.
"""

from __future__ import annotations

import base64
import gzip
import json
import sqlite3

import browser
import pandas as pd
import pytest
import synthetic
from reading import Reading

from bench import importers
from bench.analysis import analyse
from bench.report import write_report
from bench.store import FILE, load_results

ADDRESS = "http://127.0.0.1:9/"  # where nobody listens: a request would be seen all the same
UNSEEN = "\x1b[31m\x1b]8;;http://127.0.0.1:9/\x07\x00\u202e"

HOVER = """
(async () => {
  let shown = 0;
  for (const mark of document.querySelectorAll(".canvas svg [role=graphics-symbol], .canvas svg path")) {
    const box = mark.getBoundingClientRect();
    if (!box.width) continue;
    const at = { bubbles: true, clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 };
    for (const kind of ["pointerover", "mouseover", "pointermove", "mousemove"])
      mark.dispatchEvent(new MouseEvent(kind, at));
    const tip = document.querySelector("#vg-tooltip-element.visible");
    shown += tip ? 1 : 0;
    if (tip && tip.querySelector("script, iframe, svg, img, a, [onerror], [onload]")) return "markup";
  }
  return shown;
})()
"""


def hostile(place, *, unseen=False):
    """Text that closes whatever it may stand in, and runs."""
    run = f"window.hacked='{place}'"
    return (
        f"</script></style></textarea><script>{run}</script>"
        f"\"'><img src={ADDRESS}i onerror={run}><svg onload={run}><iframe src={ADDRESS}f></iframe>"
        f"<a href=javascript:{run}>x</a><style>@import '{ADDRESS}s'</style>"
        f"<meta http-equiv=refresh content='0;{ADDRESS}'>"
        f"{{{{7*7}}}}{{% raw %}}${{{run}}}`]]>--><!--\\" + (UNSEEN if unseen else "")
    )


def links(place):
    """Markdown that leads, or asks, somewhere it should not."""
    run = f"window.hacked='{place}'"
    return (
        f"[x](javascript:{run}) ![x]({ADDRESS}p) <javascript:{run}> "
        f"[x](data:text/html,<script>{run}</script>)\n\n"
        f"$\\href{{javascript:{run}}}{{x}}$ $</math><script>{run}</script>$ `{hostile(place)}`\n\n"
        f"<script>{run}</script>\n\n    {hostile(place)}\n\n[a]: {ADDRESS}\n\n{hostile(place)}"
    )


def suite():
    """A suite that says something hostile wherever free text, or a key of its own, may stand."""
    rate = {"SGD": {"learning_rate": 0.1}}
    factor = hostile("factor").replace("window.", "").replace(".", "")  # a dot would lead deeper
    return {
        "suite": "hostile",
        "title": hostile("title"),
        "source": hostile("source"),
        "about": links("about"),
        "dataset": {"csv": hostile("file"), "label": hostile("label column")},
        "seeds": 5,
        "epochs": 3,
        "margin": 0.01,
        "target": {"test_accuracy": 0.9},
        "metrics": {"own": {"better": "higher", "label": hostile("metric"), "unit": "</script><script>"}},
        "profiles": {"short": {"epochs": 1, "about": hostile("profile")}},
        "base": {"model": {"mlp": {"hidden": [10]}}, "optimizer": rate, "loss": hostile("loss")},
        "questions": {
            "q a.b": {
                "title": hostile("question"),
                "ask": hostile("ask"),
                "about": links("question about"),
                "variants": {
                    "a": {"about": hostile("variant about")},
                    "b": {"optimizer": {hostile("optimizer"): {hostile("argument"): hostile("value")}}},
                },
                "matrix": {f"model.mlp.{factor}": [hostile("level"), "b"]},
                "reported": {"a": {"test_accuracy": 0.9}},
                "claims": [
                    {
                        "says": hostile("claim"),
                        "test": {
                            "metric": "test_accuracy",
                            "variant": "b",
                            "against": "a",
                            "is": "better",
                        },
                    }
                ],
            }
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The report of a run whose suite, exceptions, notes and whole results file are hostile."""

    def outcome(variant, seed):
        if seed == 4:
            error = f"Traceback\n  {hostile('trace', unseen=True)}\nError: {hostile('error')}"
            return synthetic.Outcome(status="failed", error=error)
        probes = {f"sparsity/{hostile('layer').replace('/', '')}/exact_zeros": 0.5}
        final = 0.9 + synthetic.noise(variant, seed, 0.01)
        return synthetic.Outcome((0.8, 0.85, final), notes=hostile("notes"), probes=probes)

    folder = tmp_path_factory.mktemp("hostile")
    synthetic.written(folder, outcome, suite=json.dumps(suite()))
    db = sqlite3.connect(folder / FILE)
    about = json.dumps({"cores": 2, "host": hostile("host"), hostile("key"): hostile("processor")})
    scheduler = {hostile("scheduler"): hostile("version")}
    cluster = {"cluster": hostile("cluster"), "workers": 1, "machines": 1, "scheduler": scheduler}
    db.execute("UPDATE trials SET machine = ?, versions = ?", (about, about))
    db.execute("UPDATE trials SET dataset_checksum = ?", (hostile("checksum"),))
    db.execute(
        "UPDATE runs SET command = ?, cluster = ?",
        (hostile("command", unseen=True), json.dumps(cluster)),
    )
    db.commit()
    db.close()
    return write_report(analyse(load_results(folder)), folder / "report.html")


def name(place):
    """A variant's or group's name in somebody's log: printable, and 120 characters at most."""
    return f"</script><svg/onload=window.hacked='{place}'>\"'`]}}{{[${{{place}}}.a\\b<img src={ADDRESS}>"[
        :120
    ]


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """The report of a log whose variants, groups, columns and file are called hostile things."""
    folder = tmp_path_factory.mktemp("imported")
    metric, step = name("metric"), name("step")
    log = pd.DataFrame(
        [
            {
                name("variants"): variant,
                "seed": f"<b onclick=window.hacked='seed'>{seed}",
                step: at,
                "group": group,
                metric: at + seed / 10 + 0.3 * (variant == "__proto__"),
            }
            for variant in (name("variant"), "__proto__", "constructor", "a" * 30 + " " + name("b")[:80])
            for seed in range(4)
            for at in range(4)
            for group in (name("group"), "=cmd|' /C calc'!A0")
        ]
    )  # fmt: skip
    path = folder / "<script>window.hacked='file'<!--.csv"
    log.to_csv(path, index=False)
    results = importers.read(
        path, "csv", folder / "out", variant=name("variants"), seed="seed", step=step, group="group",
        metrics=[f"{metric}:max"], command=hostile("command", unseen=True),
    )  # fmt: skip
    return write_report(analyse(results), folder / "report.html")


@pytest.fixture(params=["trained", "imported"])
def page(request):
    return request.getfixturevalue(request.param)


def test_everything_stands_there_as_text(trained):
    text = Reading.of(trained.read_text(encoding="utf-8")).text
    places = [
        "title",
        "source",
        "about",
        "metric",
        "question",
        "ask",
        "question about",
        "variant about",
    ]
    places += ["claim", "optimizer", "factor", "level", "error", "trace", "notes", "command"]
    missing = [place for place in places if f"hacked='{place}'" not in text]
    assert missing == []


def test_no_element_or_attribute_is_made_of_it(page):
    html = page.read_text(encoding="utf-8")
    reading = Reading.of(html)
    kinds = {tag for tag, _ in reading.tags}
    assert not kinds & {"iframe", "object", "embed", "base", "form", "textarea"}
    for tag, attributes in reading.tags:
        assert not [key for key in attributes if key.startswith("on")], (tag, attributes)
        for key in ("href", "src", "xlink:href", "action", "formaction"):
            safe = ("#", "data:image/png;base64,", "data:,", *(("http://",) if tag == "a" else ()))
            assert (attributes.get(key) or "#").startswith(safe), (tag, attributes)
    assert html.count("<script") == html.count("</script>") == len(reading.all("script"))
    for attributes, script in zip(reading.all("script"), reading.scripts, strict=True):
        if attributes.get("type") == "application/json":
            json.loads(script)
        elif attributes.get("type") == "application/gzip":
            json.loads(gzip.decompress(base64.b64decode(script, validate=True)))


@pytest.mark.skipif(browser.CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_nothing_runs_and_nothing_is_asked_for(page, scripts):
    async def look(tab):
        await tab.open(page, scripts=scripts)
        if scripts:
            assert await tab.evaluate("document.querySelectorAll('.canvas svg').length") > 2
            assert await tab.evaluate(HOVER) > 10
        assert await tab.evaluate("String(window.hacked)") == "undefined"
        assert tab.complaints() == []
        assert tab.requests() == []

    browser.visit(look)


@pytest.mark.skipif(browser.CHROMIUM is None, reason="no Chromium on this machine")
def test_the_policy_stops_what_escaping_would_miss(trained, tmp_path):
    """Were a text not escaped, it would still not run, and not reach anybody."""
    html = trained.read_text(encoding="utf-8")
    run = "<script>window.hacked=1</script><img src=x onerror='window.hacked=2'>"
    run += f"<img src='{ADDRESS}'><a id=leak href='javascript:window.hacked=3'>x</a><base href='{ADDRESS}'>"
    broken = tmp_path / "broken.html"
    broken.write_text(html.replace("</main>", f"{run}</main>"), encoding="utf-8")

    async def look(tab):
        await tab.open(broken)
        await tab.evaluate("document.querySelector('#leak').click()")
        for code in ("eval('1')", "new Function('return 1')()", f"await fetch('{ADDRESS}')"):
            refused = f"(async () => {{ try {{ {code}; return 0 }} catch {{ return 1 }} }})()"
            answer = await tab.call(
                "Runtime.evaluate", expression=refused, awaitPromise=True, returnByValue=True,
                allowUnsafeEvalBlockedByCSP=False,
            )  # fmt: skip
            assert answer["result"]["value"] == 1, code
        assert await tab.evaluate("String(window.hacked)") == "undefined"
        assert await tab.evaluate("document.baseURI.startsWith('file:')")
        assert len(tab.complaints()) >= 4

    browser.visit(look)

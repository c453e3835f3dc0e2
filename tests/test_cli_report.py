"""``bench report``: of one run or several, as HTML or Markdown, once or while a run goes on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench import load_suite, runner
from bench.cli_report import report
from bench.errors import StoreError, TrustError, UsageError
from bench.report.render import stop_watching
from bench.store import FILE, Store
from bench.trial import distinct, expand

# Where the tests run in the background of a shell, Ctrl-C is ignored and that is inherited.
LISTEN = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
MAIN = [sys.executable, "-c", LISTEN + "from bench.cli import main; main()"]


def wait_for(what, process, seconds=120):
    """Until it is so; fails if the process ends before, or never does."""
    end = time.monotonic() + seconds
    while not what():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.fixture
def started():
    """Start a command; whatever is left of it is ended after the test."""
    processes = []

    def start(*arguments):
        process = subprocess.Popen(
            [*MAIN, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def begun(tiny, tmp_path):
    """A folder with the first result of a run, and the results that are to come."""
    suite = load_suite(tiny).resized(questions=["rates"], epochs=1)
    uses = expand(suite)
    trials = distinct(uses)
    store = Store(tmp_path / "run")
    with store:
        store.begin(suite, uses, started_at="2026-01-02", command="bench run")
        store.append(runner.run_trial(trials[0]))
        yield tmp_path / "run", store, trials[1:]


def test_several_runs_make_an_index(tiny_results, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        shutil.copytree(tiny_results, tmp_path / name)
    report(["a", "b"], output=Path("out/all.html"))
    assert "index    out/all.html" in capsys.readouterr().out
    assert (tmp_path / "a" / "report.html").exists()
    assert "../b/report.html#question-rates" in (tmp_path / "out" / "all.html").read_text()


def test_a_suite_stands_for_its_last_run(tiny, tiny_results, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no run of tiny to report on"):
        report([str(tiny)])
    shutil.copytree(tiny_results, tmp_path / "bench-results" / "tiny")
    report([str(tiny)])
    assert (tmp_path / "bench-results" / "tiny" / "report.html").exists()


def test_the_images_are_lent_to_it(tiny_results, tmp_path):
    report([str(tiny_results)], output=tmp_path / "one.html")
    assert "-hardest" in (tmp_path / "one.html").read_text()
    report([str(tiny_results)], output=tmp_path / "one.md", format_="markdown")
    assert "To compare: of each class" in (tmp_path / "one.md").read_text()


def test_markdown(tiny_results, tmp_path):
    report([str(tiny_results)], format_="markdown", output=tmp_path / "pr.md")
    assert (tmp_path / "pr.md").read_text().startswith("# Two rates on handwritten digits\n")
    assert (tmp_path / "pr-figures" / "rates" / "seeds.svg").exists()
    with pytest.raises(UsageError) as caught:
        report([str(tiny_results)], format_="markdown", watch=True)
    assert caught.value.found == "--watch"


def test_sections_of_ones_own_need_trust(tiny_results, tmp_path):
    (tmp_path / "mine" / "sections").mkdir(parents=True)
    (tmp_path / "mine" / "sections" / "x.py").write_text(
        "from bench.report.blocks import Prose\n\n\n"
        "def build(analysis):\n    return (Prose(('By myself.',)),)\n"
    )
    asked = {"templates": tmp_path / "mine", "output": tmp_path / "x.html"}
    with pytest.raises(TrustError):
        report([str(tiny_results)], **asked)
    assert not (tmp_path / "x.html").exists()
    report([str(tiny_results)], **asked, trust=True)
    assert "By myself." in (tmp_path / "x.html").read_text()


def test_watching_follows_the_store_until_ctrl_c(started, begun):
    folder, store, trials = begun
    page = folder / "report.html"
    watching = started("report", folder, "--watch")
    wait_for(page.exists, watching)
    first = page.read_text()
    assert '<script id="script-watching">' in first
    assert "1 of 6 trials" in first
    store.append(runner.run_trial(trials[0]))
    wait_for(lambda: "2 of 6 trials" in page.read_text(), watching)
    said = watching.stdout.readline  # up to the pause, in which Ctrl-C finds it
    while "watching for more" not in said():
        pass
    watching.send_signal(signal.SIGINT)
    out, err = watching.communicate(timeout=60)
    assert (watching.returncode, err) == (0, "")
    assert out.splitlines()[-1] == "stopped watching; the report stays as it is"
    assert '<script id="script-watching">' not in page.read_text()
    assert "2 of 6 trials" in page.read_text()
    assert {path.name for path in folder.iterdir()} >= {FILE, "report.html"}
    assert not list(folder.glob(".report*"))


def test_watching_a_real_run_ends_with_it(started, tiny, tmp_path):
    folder = tmp_path / "run"
    running = started("run", tiny, "--out", folder, "--workers", "0")
    wait_for((folder / FILE).exists, running)
    watching = started("report", folder, "--watch", "-o", tmp_path / "live.html")
    out, err = watching.communicate(timeout=200)
    assert (watching.returncode, err) == (0, "")
    assert out.splitlines()[-1] == "complete: every planned trial has a result"
    assert "The run is not complete" not in (tmp_path / "live.html").read_text()
    running.communicate(timeout=200)
    assert running.returncode == 0
    ended = (folder / "report.html").read_text()
    stop_watching(folder / "report.html")
    assert (folder / "report.html").read_text() == ended, (
        "a report of a run never loads itself anew"
    )


def test_a_complete_run_is_not_watched(tiny_results, tmp_path, capsys):
    report([str(tiny_results)], watch=True, output=tmp_path / "x.html")
    assert "complete: every planned trial has a result" in capsys.readouterr().out
    assert '<script id="script-watching">' not in (tmp_path / "x.html").read_text()


def test_watching_nothing_is_an_error(tmp_path):
    with pytest.raises(StoreError, match="no results here"):
        report([str(tmp_path)], watch=True)

"""The command line as a user meets it: what it prints, and its exit codes."""

from __future__ import annotations

import json
import shutil
from importlib import metadata

import pandas as pd
import pytest
from rich.table import Table

from bench import cli_common, frames, load_suite
from bench.trial import distinct, expand


def test_list(bench):
    done = bench("list")
    assert done.returncode == 0
    assert "ep3260_ca7" in done.stdout
    assert "Training a small network on MNIST" in done.stdout


def test_the_version(bench):
    done = bench("--version")
    assert (done.returncode, done.stdout) == (0, f"seedwise {metadata.version('seedwise')}\n")


def test_show_for_programs(bench):
    done = bench("show", "ep3260_ca7", "--profile", "quick", "--json")
    assert done.returncode == 0
    facts = json.loads(done.stdout)
    assert facts["seeds"] == [0, 1, 2, 3, 4]
    suite = load_suite("ep3260_ca7").resized(profile="quick")
    assert facts["trials"] == len(distinct(expand(suite)))
    assert [question["name"] for question in facts["questions"]] == list(suite.questions)
    second = facts["questions"][1]
    assert second["baseline"] == "constant"
    assert {"constant", "adagrad", "rmsprop"} <= set(second["variants"])
    assert second["ask"].startswith("Compare")
    assert 10 < facts["estimated_s"] < 3600


def test_show_for_people(bench):
    done = bench("show", "ep3260_ca7")
    assert done.returncode == 0
    assert "constant (baseline), diminishing-epoch" in done.stdout
    trials = len(distinct(expand(load_suite("ep3260_ca7"))))
    assert f"10 seeds, 10 to 50 epochs, {trials} distinct trials" in done.stdout


def test_the_whole_line(bench, tiny, tmp_path):
    """Run, status, report, export, and run again; from a folder that is not the suite's."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = bench("run", tiny, "--workers", "0", cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "9 of 9 trials" in done.stdout
    folder = elsewhere / "bench-results" / "tiny"
    assert "bench-results/tiny/report.html" in done.stdout
    assert "probes   sparsity 0 s, over all trials" in done.stdout
    html = (folder / "report.html").read_text()
    assert "Two rates on handwritten digits" in html
    assert "bench run" in html

    status = bench("status", folder)
    assert status.returncode == 0
    assert "9 of 9 trials: 9 completed" in status.stdout
    assert "probes   sparsity 0 s" in status.stdout

    report = bench("report", folder, "-o", tmp_path / "mine.html")
    assert report.returncode == 0
    assert (tmp_path / "mine.html").stat().st_size == pytest.approx(len(html.encode()), rel=0.01)

    for kind, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet), ("json", pd.read_json)):
        exported = bench("export", folder, "--to", tmp_path / kind, "--format", kind)
        assert exported.returncode == 0, exported.stderr
        curves = read(tmp_path / kind / f"curves.{kind}")
        assert list(curves.columns) == [c.name for c in frames.CURVES]
        assert len(curves) == 12 * 3
        assert (tmp_path / kind / f"comparisons.{kind}").exists()

    again = bench("run", tiny, "--workers", "0", cwd=elsewhere)
    assert again.returncode == 0
    assert "9 trials, 9 of them finished before" in again.stdout


def test_options_choose_a_part(bench, tiny, tmp_path):
    out = tmp_path / "part"
    options = ["--profile", "short", "--question", "shared", "--seeds", "1", "--workers", "0"]
    done = bench("run", tiny, *options, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "2 trials" in done.stdout
    status = bench("status", out)
    assert "rates" not in status.stdout
    assert "wide" in status.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "ep3260_ca8"], "did you mean 'ep3260_ca7'?"),
        (["run", "nowhere.yaml"], "nowhere.yaml"),
        (["run", "ep3260_ca7", "--profile", "quik"], "did you mean 'quick'?"),
        (["run", "ep3260_ca7", "--question", "q7"], "no question 'q7'"),
        (["run", "ep3260_ca7", "--seeds", "0"], "greater than or equal to 1"),
        (["run", "ep3260_ca7", "--epochs", "0"], "greater than or equal to 1"),
        (["status", "nowhere"], "no results here"),
        (["report", "nowhere"], "no results here"),
        (["export", "nowhere", "--to", "x"], "no results here"),
        (["run"], "SUITE"),
        (["rum"], "rum"),
    ],
)
def test_bad_input_is_one_clear_error(bench, tmp_path, arguments, said):
    done = bench(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []  # nothing was begun


def test_a_bad_suite_names_file_line_and_key(bench, tiny, tmp_path):
    tiny.write_text(tiny.read_text().replace("learning_rate: 0.01", "learning_rat: 0.01"))
    done = bench("run", tiny, "--workers", "0", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "tiny.yaml, line 21, at questions.rates.variants.slow.optimizer" in done.stderr
    assert "did you mean 'learning_rate'?" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_failed_trial_is_exit_code_1(bench, tiny, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import keras\n\n\nclass Tired(keras.optimizers.SGD):\n"
        "    def update_step(self, *arguments):\n"
        "        if len(self.variables) and self._built_once():\n"
        "            raise RuntimeError('too tired')\n"
        "        super().update_step(*arguments)\n\n"
        "    def _built_once(self):\n"
        "        import tensorflow as tf\n"
        "        return not tf.executing_eagerly()\n"
    )
    tiny.write_text(tiny.read_text().replace("SGD: {learning_rate: 0.01}", '"mine:Tired": {}'))
    done = bench("run", tiny, "--trust", "--workers", "0", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "3 trials failed" in done.stderr
    assert "too tired" in done.stderr
    status = bench("status", tmp_path / "out")
    assert "6 completed, 3 failed" in status.stdout
    assert (tmp_path / "out" / "report.html").exists()


def test_plan_learns_from_a_pilot(bench, tiny, tmp_path):
    nothing = bench("plan", tiny, "--detect", "0.01", cwd=tmp_path)
    assert nothing.returncode == 2
    assert "no run of tiny to learn the spread from" in nothing.stderr
    assert bench("run", tiny, "--workers", "0", cwd=tmp_path).returncode == 0
    for target in (tiny, "bench-results/tiny"):
        plan = bench("plan", target, "--detect", "0.01", cwd=tmp_path)
        assert plan.returncode == 0, plan.stderr
        assert "Seeds to detect a difference of 0.01 in test accuracy with 80% power" in plan.stdout
        assert "as seen" in plan.stdout
        assert "wide" in plan.stdout
    wrong = bench("plan", tiny, "--detect", "0", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "not a difference to detect" in wrong.stderr


def test_compare_a_run_with_itself(bench, tiny_results, tmp_path):
    folder = tiny_results
    done = bench("compare", folder, folder)
    assert done.returncode == 0, done.stderr
    assert "identical" in done.stdout
    assert "nothing became worse" in done.stdout

    missing = bench("compare", folder, tmp_path)
    assert missing.returncode == 2
    assert "Traceback" not in missing.stderr


def test_time_adds_to_a_run(bench, tiny, tiny_results, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(tiny_results, folder)
    done = bench("time", tiny, "--question", "rates", "--rounds", "3", "--out", folder)
    assert done.returncode == 0, done.stderr
    assert "round 3 of 3" in done.stdout
    assert len(list((folder / "timing").glob("*.json"))) == 1
    assert "alone on the machine" in (folder / "report.html").read_text()
    exported = bench("export", folder, "--to", tmp_path / "csv", "--format", "csv")
    assert exported.returncode == 0
    timings = pd.read_csv(tmp_path / "csv" / "timings.csv")
    assert len(timings) == 9  # `shared` uses one of the two as well
    assert bench("time", tiny, "--rounds", "0").returncode == 2


@pytest.fixture
def huge(tiny, tmp_path):
    """A suite of 200,000 trials."""
    path = tmp_path / "huge.yaml"
    sizes, rates = ", ".join(map(str, range(1, 41))), ", ".join(f"{i / 100}" for i in range(1, 6))
    matrix = f"matrix: {{batch_size: [{sizes}], optimizer.SGD.learning_rate: [{rates}]}}"
    head, _, _ = tiny.read_text().partition("questions:")
    text = f"{head.replace('seeds: 3', 'seeds: 1000')}questions:\n  q: {{ask: a, {matrix}}}\n"
    path.write_text(text)
    return path


def test_very_many_trials_are_not_begun_by_mistake(bench, huge, tmp_path):
    shown = bench("show", huge)
    assert "200,000 trials, which `bench run` begins only with --yes" in shown.stdout
    for command in ("run", "time"):
        done = bench(command, huge, "--out", tmp_path / "out")
        assert done.returncode == 2
        assert "very many trials" in done.stderr
        assert "give --yes" in done.stderr
    assert not (tmp_path / "out").exists()


HOSTILE = (
    "[red]a[/red] [link=http://h]b[/link] :smile: \x1b[2J\x1b]8;;http://h\x07\x00\r\u202e\ud800 \\"
)


def test_text_on_a_terminal_is_text(capsys, monkeypatch):
    for terminal in (False, True):
        monkeypatch.setattr("sys.stdout.isatty", lambda terminal=terminal: terminal)
        monkeypatch.setenv("TERM", "xterm")
        table = Table(HOSTILE, box=None)
        table.add_row(HOSTILE)
        console = cli_common.console()
        console.print(HOSTILE, style="bold")
        console.print(table)
        cli_common.complain(HOSTILE)
        said = capsys.readouterr()
        for text in (said.out, said.err):
            assert "\x1b[2J" not in text
            assert not set(text) & set("\x00\x07\r\u202e\ud800")
            assert "\x1b]8" not in text
        assert said.out.count("[red]a[/red]") == 3
        assert said.out.count(r"\x1b]8;;http://h\x07\x00\r\u202e\ud800") >= 1
        assert ":smile:" in said.out
        assert cli_common.printable("a\tb\nc é 漢\xa0%") == "a\tb\nc é 漢\xa0%"


def test_a_hostile_suite_on_a_terminal(bench, tiny, tmp_path):
    title = json.dumps(HOSTILE.replace("\ud800", ""))
    path = tmp_path / "hostile.yaml"
    text = tiny.read_text().replace("title: Two rates on handwritten digits", f"title: {title}")
    path.write_text(text.replace("ask: Is a tenth of the rate slower?", f"ask: {title}"))
    shown = bench("show", path)
    assert shown.returncode == 0
    assert "\x1b" not in shown.stdout
    assert shown.stdout.count("[red]a[/red] [link=http://h]b[/link] :smile:") == 2
    refused = bench("show", path, "--profile", HOSTILE.replace("\x00", "").replace("\ud800", ""))
    assert refused.returncode == 2
    assert "\x1b" not in refused.stderr

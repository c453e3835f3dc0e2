"""``bench import`` and what follows it, in processes of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest
from logs import COLUMNS, METRICS, write


@pytest.fixture
def small(tmp_path):
    return write(tmp_path / "small.csv", 3, 4, 5)


def test_the_whole_line(bench, small, tmp_path):
    folder = tmp_path / "results"
    done = bench(
        *("import", "csv", small, "--out", folder, *COLUMNS, *METRICS),
        *("--baseline", "method 1", "--target", "val_acc=0.85", "--margin", "0.01"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "12 runs: 1 question, 3 variants, 4 seeds" in done.stdout
    assert bench("report", folder).returncode == 0
    html = (folder / "report.html").read_text()
    assert "Read from" in html
    assert f"bench import csv {small}" in html
    assert "12 completed" in bench("status", folder).stdout
    assert bench("export", folder, "--to", tmp_path / "frames", "--format", "csv").returncode == 0
    head = (tmp_path / "frames" / "curves.csv").read_text().splitlines()[0]
    assert head.endswith("val_acc,val_loss")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--metric", "val_acc"), "which values of 'val_acc' are better is not known"),
        (("--metric", "val_ac:max"), "did you mean 'val_acc'?"),
        ((*METRICS, "--target", "val_acc"), "not a target"),
        ((*METRICS, "--target", "val_acc=high"), "--target COLUMN=NUMBER"),
        ((*METRICS, "--baseline", "method1"), "did you mean 'method 1'?"),
        ((*METRICS, "--claim", "method 1 wins"), "not a claim that is understood"),
        ((*METRICS, "--claim", "method1 better than 0.9"), "did you mean 'method 1'?"),
        ((*METRICS, "--repeated", "some"), "--repeated"),
        ((*METRICS, "--empty", "zero"), "--empty"),
        ((*METRICS, "--encoding", "utf-99"), "no such encoding"),
        ((*METRICS, "--comment", ""), "--comment says nothing"),
        ((*METRICS, "--variant", "method"), "the column 'method' is named twice"),
    ],
)
def test_mistakes(bench, small, tmp_path, options, said):
    done = bench("import", "csv", small, "--out", tmp_path / "results", *COLUMNS, *options)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_names_that_look_like_markup(bench, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("method,seed,step,a[b]\n[/red]x,0,1,1\n[bold]y,0,1,2\n")
    folder = tmp_path / "results"
    done = bench("import", "csv", log, "--out", folder, *COLUMNS, "--metric", "a[b]:max")
    assert done.returncode == 0, done.stderr
    done = bench("status", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "[/red]x" in done.stdout
    assert "a[b]" in done.stdout


def test_it_does_without_tensorflow(small, tmp_path):
    folder = tmp_path / "results"
    lines = [["import", "csv", str(small), "--out", str(folder), *COLUMNS, *METRICS]]
    lines += [["report", str(folder)], ["status", str(folder)]]
    lines += [["export", str(folder), "--to", str(tmp_path / "frames")]]
    code = f"""
import sys
from bench.cli import app
for line in {lines!r}:
    try:
        app(line)
    except SystemExit as end:
        assert not end.code, line
print([name for name in ("tensorflow", "keras", "sklearn") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_what_was_decided_is_said_at_once_and_in_the_report(bench, tmp_path):
    rows = [f"sgd,{s},{t},{0.8 + t / 1000}" for s in (3, 4) for t in range(1, 11)]
    rows += [f"adam,seed_3,{t},{'' if t > 4 else 85.2 + t / 1000}" for t in range(1, 11)]
    rows += [f"adam,seed_4,{t},{85.1 + t / 1000}" for t in (1, 2, 3, 3)]
    log, folder = tmp_path / "log.csv", tmp_path / "results"
    log.write_text("\n".join(["# by hand", "method,seed,step,acc", *rows]), encoding="utf-16")
    policies = ("--repeated", "last", "--unpaired", "--claim", "sgd acc better than 0.5")
    done = bench("import", "csv", log, "--out", folder, *COLUMNS, "--metric", "acc:max", *policies)
    assert (done.returncode, done.stderr) == (0, "")
    said = [line[9:] for line in done.stdout.splitlines() if line.startswith(("note", "caution"))]
    assert [line[:30] for line in said] == [
        "The text is UTF-16, as its fir",
        "1 line beginning with # passed",
        "Seeds are the numbers in their",
        "1 cell repeats what another ro",
        "Of several values for the same",
        "1 run ends without a value of ",
        "Runs of the same seed share on",
        "acc of adam looks like percent",
        "adam: 1 of 1 runs ended before",
    ]
    assert bench("report", folder).returncode == 0
    html = (folder / "report.html").read_text()
    for line in said:
        assert line[:30] in html
    assert "sgd acc better than 0.5" in html

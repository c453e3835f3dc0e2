"""The examples of CONTRIBUTING.md, put where they say into a copy of the package, do what they say."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHECK = """
import numpy as np
from bench.stats.cliffs_delta import cliffs_delta
assert cliffs_delta([1, 2, 3], [1, 2, 3]) == 0 and cliffs_delta([2, 3], [0, 1]) == 1

import bench
if __name__ == "__main__":
    suite = bench.load_suite("moons").resized(seeds=3, epochs=2)
    bench.run(suite, "results", workers=0)
    results = bench.load_results("results")
    assert set(results.trials.status) == {"completed"}, results.trials.error
    updates = results.curves.groupby("variant").updates.max()
    assert updates.twice == 2 * updates.once == 128, updates
    assert (results.probes.query("measure == 'norm'").value > 0).all()
    bench.write_report(bench.analyse(results), "report.html")
    assert "Is a batch worth using twice?" in open("report.html").read()
"""
SIGNS = """
suite: signs
title: Signs
dataset: digits
seeds: 2
epochs: 1
base: {model: {mlp: {hidden: [8]}}, optimizer: {"my_optimizers:SignDescent": {learning_rate: 0.001}}}
questions: {q: {ask: Do signs do?, variants: {signs: {}, slow: {optimizer: {SGD: {learning_rate: 0.01}}}}}}
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy")
    for name in ("bench", "suites", "report_templates"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for path, body in re.findall(
        r"^```(?:python|yaml)\n# (\S+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE
    ):
        assert not (folder / path).exists(), f"{path} is there already"
        (folder / path).write_text(body)
    return folder


def run(folder, *command):
    given = [sys.executable, *command]
    return subprocess.run(
        given, cwd=folder, capture_output=True, text=True, timeout=600, check=False
    )


def test_a_suite_of_an_added_data_set_engine_and_probe(copy):
    (copy / "check.py").write_text(CHECK)
    done = run(copy, "check.py")
    assert done.returncode == 0, done.stderr[-2000:]


def test_an_optimizer_of_ones_own(copy):
    (copy / "signs.yaml").write_text(SIGNS)
    command = [
        "-c",
        "from bench.cli import main; main()",
        "run",
        "signs.yaml",
        "--trust",
        "--workers",
        "0",
    ]
    done = run(copy, *command)
    assert done.returncode == 0, done.stderr[-2000:]

"""``pytest suite.yaml --benchmark-only``, in processes of its own; and that others are left in peace."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest


@pytest.fixture
def run_pytest(tmp_path):
    """Run pytest with the plugin in a folder; also where the package is not installed."""

    def call(*arguments, code="import pytest; sys.exit(pytest.main(sys.argv[1:]))"):
        plugin = ["-p", "no:seedwise", "-p", "bench.pytest_plugin", "-p", "no:cacheprovider"]
        return subprocess.run(
            [
                sys.executable,
                "-W",
                "error",
                "-c",
                f"import sys; {code}",
                *plugin,
                *map(str, arguments),
            ],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "200"},
        )

    return call


def test_a_suite_is_timed_and_compared(run_pytest, tiny, tmp_path):
    """The real plugin, the real pytest-benchmark: measured, saved, and compared with what we write."""
    done = run_pytest(
        "tiny.yaml", "--benchmark-only", "--benchmark-json=b.json", "--benchmark-min-rounds=3", "-v"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tiny.yaml::rates/fast PASSED" in done.stdout
    assert "3 passed" in done.stdout  # the narrow network is that of rates/fast
    saved = json.loads((tmp_path / "b.json").read_text())["benchmarks"]
    assert [b["name"] for b in saved] == ["rates/fast", "rates/slow", "shared/wide"]
    assert [b["group"] for b in saved] == ["rates", "rates", "shared"]
    assert all(b["stats"]["rounds"] == 3 and 0 < b["stats"]["min"] < 10 for b in saved)


def test_a_part_is_measured_alone(run_pytest, tiny, tmp_path):
    code = (
        "from bench import driver, trial; import pytest\n"
        "def timed(suite, uses, rounds):\n"
        "    print('measured', [u.variant for u in uses.values()], rounds)\n"
        "    for n in range(rounds): yield [trial.Timing(s, n + 1, 0.5 + n, 0.5) for s in uses]\n"
        "driver.timed = timed\n"
        "sys.exit(pytest.main(sys.argv[1:]))"
    )
    done = run_pytest("tiny.yaml", "-k", "rates", "--benchmark-json=b.json", "-s", code=code)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("measured [") == 1
    assert "measured ['fast', 'slow'] 5" in done.stdout
    saved = json.loads((tmp_path / "b.json").read_text())["benchmarks"]
    assert [b["stats"]["data"] for b in saved] == [pytest.approx([0.5, 1.5, 2.5, 3.5, 4.5])] * 2
    off = run_pytest("tiny.yaml::rates/slow", "--benchmark-disable", "-s", code=code)
    assert "measured ['slow'] 1" in off.stdout
    assert "1 passed" in off.stdout
    skipped = run_pytest("tiny.yaml", "--benchmark-skip", "-s", code=code)
    assert "measured [" not in skipped.stdout
    assert "3 skipped" in skipped.stdout


def test_errors_are_said_in_our_words(run_pytest, tiny):
    good = tiny.read_text()
    tiny.write_text(good.replace("dataset: digits", "dataset: digitz"))
    done = run_pytest("tiny.yaml", "--benchmark-only")
    assert done.returncode == 1
    assert "digitz" in done.stdout
    assert "Traceback" not in done.stdout
    tiny.write_text(good.replace("questions:", "questoins:"))
    done = run_pytest("tiny.yaml", "--benchmark-only")
    assert done.returncode == 2
    assert "tiny.yaml, line 15" in done.stdout
    assert "questoins" in done.stdout
    assert "Traceback" not in done.stdout


def test_without_pytest_benchmark_it_says_so(run_pytest, tiny):
    done = run_pytest("tiny.yaml", "-p", "no:benchmark")
    assert "pytest-benchmark, which is not installed" in done.stdout


LIGHT = (
    "import pytest; code = pytest.main(sys.argv[1:])\n"
    "print(sorted(m for m in sys.modules if m.partition('.')[0] == 'bench'), 'numpy' in sys.modules)\n"
    "sys.exit(code)"
)


def test_others_are_left_in_peace(run_pytest, tiny, tmp_path):
    """A suite beside tests, and YAML that is no suite: not collected, and nothing is imported."""
    (tmp_path / "test_mine.py").write_text("def test_mine():\n    assert True\n")
    (tmp_path / "other.yaml").write_text("a_suite: no\nnested:\n  suite: no\n")
    done = run_pytest(".", code=LIGHT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert "['bench', 'bench.pytest_plugin'] False" in done.stdout
    named = run_pytest("other.yaml", code=LIGHT)
    assert (
        named.returncode == pytest.ExitCode.USAGE_ERROR
    )  # as without the plugin: nobody collects it
    assert "['bench', 'bench.pytest_plugin'] False" in named.stdout

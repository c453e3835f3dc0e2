"""What is loaded when, seen from fresh processes; and how fast help is."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

HEAVY = ("tensorflow", "keras", "altair", "vl_convert", "dask", "distributed", "pandas", "scipy")


def loaded(code):
    """Names of the heavy modules that ``code`` loads."""
    report = f"import sys; print([m for m in {HEAVY} if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True
    )
    return run.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize("code", ["import bench", "import bench.cli", "import bench.suite"])
def test_nothing_heavy_is_loaded_early(code):
    assert loaded(code) == "[]"


def test_statistics_stand_alone():
    assert loaded("import bench.stats") == "['scipy']"


@pytest.mark.parametrize(
    "code", ["import bench.analysis", "import bench.report", "import bench.store"]
)
def test_the_reading_wing_does_without_tensorflow(code):
    assert "tensorflow" not in loaded(code)
    assert "keras" not in loaded(code)


def test_reading_results_does_without_tensorflow(tiny_results, tmp_path):
    code = (
        f"import bench; a = bench.analyse(bench.load_results({str(tiny_results)!r}));"
        f" bench.write_report(a, {str(tmp_path / 'report.html')!r})"
    )
    assert "tensorflow" not in loaded(code)
    assert (tmp_path / "report.html").stat().st_size > 10_000


def test_help_is_quick():
    """The best of five whole processes: other programs on the machine only add to it."""
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", "from bench.cli import main; main()", "--help"],
            capture_output=True,
            check=True,
        )
        times.append(time.perf_counter() - begin)
    assert min(times) < 0.4


def test_every_public_name_is_there():
    import bench

    assert bench.__all__ == ["analyse", "load_results", "load_suite", "run", "write_report"]
    assert dir(bench) == bench.__all__
    for name in bench.__all__:
        assert callable(getattr(bench, name))
        assert getattr(bench, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'rum'"):
        _ = bench.rum

"""How long an import and its report take, as whole processes: figures in docs/performance.md.

To print them again, from a checkout:

    python -m pytest tests/importers/test_speed.py -m "slow or not slow" -s
"""

from __future__ import annotations

import time

import pytest
from logs import COLUMNS, METRICS, write

MB = 1e6


def timed(bench, folder, log, *options):
    """Seconds of import and report, and the size of the report in bytes."""
    begin = time.perf_counter()
    done = bench("import", "csv", log, "--out", folder, *COLUMNS, *METRICS, *options)
    assert done.returncode == 0, done.stderr
    read = time.perf_counter()
    done = bench("report", folder)
    assert done.returncode == 0, done.stderr
    end = time.perf_counter()
    size = (folder / "report.html").stat().st_size
    print(  # noqa: T201
        f"\n{log.name}: import {read - begin:.1f} s, report {end - read:.1f} s, {size / MB:.1f} MB"
    )
    return end - begin, size


def test_a_usual_log(bench, tmp_path):
    """5 methods x 5 seeds x 100 steps: the aim is 5 s; a slow or busy machine may take twice that."""
    log = write(tmp_path / "5 methods x 5 seeds x 100 steps.csv", 5, 5, 100)
    seconds, _ = timed(bench, tmp_path / "results", log, "--target", "val_acc=0.88")
    assert seconds < 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "groups"),
    [
        ((5, 2000, 50), 1),
        ((100, 100, 50), 1),
        ((1000, 10, 50), 1),
        ((10, 100, 50), 10),
        ((10, 10, 50), 100),
    ],
)
def test_ten_thousand_runs(bench, tmp_path, size, groups):
    name = "{} methods x {} seeds x {} steps".format(*size) + f" x {groups} data sets.csv" * (
        groups > 1
    )
    log = write(tmp_path / name, *size, groups=groups)
    options = ("--group", "dataset") if groups > 1 else ()
    seconds, bytes_ = timed(bench, tmp_path / "results", log, "--target", "val_acc=0.88", *options)
    assert seconds < 60
    assert bytes_ < 10 * MB

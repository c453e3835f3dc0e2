from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parent), str(Path(__file__).parent.parent / "analysis")]


@pytest.fixture(scope="session")
def analysed(tmp_path_factory):
    """The analysis of five seeds with known effects, with a diverged and a failed trial."""
    import synthetic

    from bench.analysis import analyse

    def outcome(variant, seed):
        if (variant, seed) == ("low", 0):
            return synthetic.Outcome((0.85, 0.86), status="diverged")
        if (variant, seed) == ("same", 1):
            return synthetic.Outcome(status="failed", error="Traceback ...\nMemoryError: too large")
        return synthetic.usual(variant, seed)

    return analyse(synthetic.written(tmp_path_factory.mktemp("report"), outcome))


@pytest.fixture(scope="session")
def report(analysed, tmp_path_factory):
    """Path of its report."""
    from bench.report import write_report

    return write_report(analysed, tmp_path_factory.mktemp("html") / "new" / "report.html")

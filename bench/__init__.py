"""Seedwise: which conclusions about training algorithms survive another seed.

The whole line in five calls: ``load_suite``, ``run``, ``load_results``, ``analyse``, ``write_report``.
"""

import importlib

TYPE_CHECKING = (
    False  # by `python -m bench`, `typing` and `__future__` would be the current folder's
)
if TYPE_CHECKING:
    from typing import Any

    from bench.analysis import analyse
    from bench.driver import run
    from bench.report import write_report
    from bench.store import load_results
    from bench.suite import load_suite

__all__ = ["analyse", "load_results", "load_suite", "run", "write_report"]

_HOMES = {
    "analyse": "bench.analysis",
    "load_results": "bench.store",
    "load_suite": "bench.suite",
    "run": "bench.driver",
    "write_report": "bench.report",
}


def __getattr__(name: str) -> "Any":
    # Imported when first used: `bench --help` needs neither pandas nor Altair.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__

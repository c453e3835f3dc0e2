from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench import importers

sys.path += [str(Path(__file__).parent), str(Path(__file__).parent.parent / "report")]


@pytest.fixture
def log(tmp_path):
    """Write a CSV file from its text."""

    def write(text, name="log.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def imported(log, tmp_path):
    """Import a CSV file from its text; columns m, s, t and acc unless said otherwise."""

    def read(text, **options):
        given = {"variant": "m", "seed": "s", "step": "t", "metrics": ["acc:max"], **options}
        return importers.read(log(text), "csv", tmp_path / "results", **given)

    return read

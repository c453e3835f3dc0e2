from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def oracle():
    """Read a file of published numbers by name."""
    folder = Path(__file__).parent / "oracles"
    return lambda name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))

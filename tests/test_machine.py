"""What the report says of the machine and the software; where shipped files lie."""

from __future__ import annotations

import json
import os
from importlib import metadata
from pathlib import Path

import pytest

from bench import machine, resources


def test_machine():
    found = machine.machine()
    assert found["cores"] == len(os.sched_getaffinity(0))
    assert 0 < found["memory_gib"] < 1e6
    assert all(isinstance(found[key], str) for key in ("host", "processor", "system"))
    assert json.loads(json.dumps(found)) == found


def test_versions():
    found = machine.versions()
    assert found["numpy"] == metadata.version("numpy")
    assert set(machine.LIBRARIES) <= set(found)
    assert {"python", "seedwise"} <= set(found)


def test_what_is_not_installed():
    assert machine._version("no-such-distribution-anywhere") == "not installed"


@pytest.mark.parametrize(
    ("content", "name"), [("a: b\nmodel name\t: Fast 3000\n", "Fast 3000"), ("a: b\n", "unknown")]
)
def test_processor(monkeypatch, content, name):
    monkeypatch.setattr(Path, "read_text", lambda self: content)
    assert machine._processor() == name


def test_no_list_of_processors(monkeypatch):
    def missing(self):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert isinstance(machine._processor(), str)


@pytest.mark.parametrize(("name", "kind"), [("suites", "*.yaml"), ("report_templates", "*")])
def test_shipped_files(name, kind):
    assert list(resources.folder(name).glob(kind))


def test_in_a_wheel_they_lie_inside_the_package(monkeypatch, tmp_path):
    (tmp_path / "bench" / "suites").mkdir(parents=True)
    monkeypatch.setattr(resources, "__file__", str(tmp_path / "bench" / "resources.py"))
    assert resources.folder("suites") == tmp_path / "bench" / "suites"

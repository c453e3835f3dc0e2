"""docs/statistics.md quotes what was measured, and nothing that no test measures any more."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


@pytest.fixture(scope="module")
def measured():
    spec = importlib.util.spec_from_file_location("measured", FOLDER / "measured.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def record(measured):
    return json.loads(measured.RECORD.read_text(encoding="utf-8"))


def test_the_page_has_the_table_of_the_record(measured, record):
    page = measured.DOCS.read_text(encoding="utf-8")
    assert measured.renewed(page, record) == page
    assert measured.table(record) in page


def test_every_recorded_test_is_there(record):
    tests = "\n".join(p.read_text(encoding="utf-8") for p in FOLDER.parent.rglob("test_*.py"))
    assert set(record) <= set(re.findall(r"def (test_\w+)\(", tests))


def test_a_run_is_taken_into_record_and_page(measured, tmp_path, monkeypatch):
    junit = tmp_path / "junit.xml"
    junit.write_text(
        '<testsuites><testsuite><testcase classname="tests.x" name="test_two_equals[normal-5 seeds]">'
        '<properties><property name="t" value="0.04871"/></properties></testcase>'
        '<testcase classname="tests.x" name="test_plain"/></testsuite></testsuites>'
    )
    monkeypatch.setattr(measured, "RECORD", tmp_path / "record.json")
    monkeypatch.setattr(measured, "DOCS", tmp_path / "page.md")
    measured.RECORD.write_text(
        '{"test_other": {"x": {"": 0.5}}, "test_two_equals": {"old": {"": 1}}}'
    )
    measured.DOCS.write_text(f"before\n{measured.BEGIN}old\n{measured.END}after\n")
    measured.main(junit)
    assert measured.DOCS.read_text() == (
        f"before\n{measured.BEGIN}| simulated | share of studies |\n|---|---|\n"
        "| other: *x* | 0.500 |\n| two equals: *t* | normal, 5 seeds 0.049 |\n"
        f"{measured.END}after\n"
    )

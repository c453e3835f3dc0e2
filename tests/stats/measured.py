"""What the slow tests measured, for docs/statistics.md; ``tox -e calibration`` renews it.

    pytest -m slow --junitxml=FILE tests/stats tests/analysis
    python tests/stats/measured.py FILE

The second line keeps the figures of each test in measured.json and renews the table between the two marks.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

RECORD = Path(__file__).with_name("measured.json")
DOCS = Path(__file__).parents[2] / "docs" / "statistics.md"
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"


def read_junit(path):
    """Figures by test, name and case: {"test_x": {"false positives": {"5 seeds": 0.0493}}}."""
    found = {}
    for case in ET.parse(path).iter("testcase"):
        test, _, parameters = case.get("name").partition("[")
        for noted in case.iter("property"):
            figures = found.setdefault(test, {}).setdefault(noted.get("name"), {})
            figures[parameters.rstrip("]").replace("-", ", ")] = round(float(noted.get("value")), 4)
    return found


def table(record):
    """One row per test and name; of each the cases with their figures."""
    rows = ["| simulated | share of studies |", "|---|---|"]
    for test, names in record.items():
        what = test.removeprefix("test_").replace("_", " ")
        for name, cases in names.items():
            figures = (f"{case} {share:.3f}".strip() for case, share in cases.items())
            rows.append(f"| {what}: *{name}* | {'; '.join(figures)} |")
    return "\n".join(rows) + "\n"


def renewed(text, record):
    """The page with the table of this record."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table(record) + END + after


def main(path):
    """Take what a run measured into the record and the page; tests that it left out keep their figures."""
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    record.update(read_junit(path))
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    DOCS.write_text(renewed(DOCS.read_text(encoding="utf-8"), record), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])

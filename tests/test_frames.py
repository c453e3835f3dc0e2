"""The columns' one place, and the page made from it."""

from __future__ import annotations

from dataclasses import fields

import pytest

from bench import frames
from bench.trial import CurvePoint


def test_the_page_is_current(repository):
    assert (repository / "docs" / "frames.md").read_text() == frames.markdown(), frames.__doc__


def test_the_page_names_every_column_and_metric():
    page = frames.markdown()
    for name, columns in frames.FRAMES.items():
        assert f"\n## {name}\n" in page
        for column in columns:
            assert (
                f"| `{column.name}` | {column.dtype} | {column.unit} | {column.meaning} |" in page
            )
    for metric in frames.METRICS:
        assert f"| `{metric}` |" in page


def test_tables_are_well_formed():
    for line in frames.markdown().splitlines():
        if line.startswith("|"):
            assert line.count("|") in (5, 6)


@pytest.mark.parametrize("name", frames.FRAMES)
def test_columns(name):
    columns = frames.FRAMES[name]
    assert columns[:4] == frames.KEYS or name == "timings"  # which are of no trial
    assert len({c.name for c in columns}) == len(columns)
    assert all(c.dtype in ("str", "int", "float", "bool") and c.meaning for c in columns)


def test_columns_that_other_tools_rely_on():
    promised = {
        "trial_id", "question", "variant", "seed", "status", "epoch", "updates", "train_time_s",
        "learning_rate", "train_objective", "train_loss", "train_accuracy", "test_loss", "test_accuracy",
    }  # fmt: skip
    assert promised <= {column.name for column in frames.CURVES}


def test_a_curve_has_what_a_point_has():
    assert {f.name for f in fields(CurvePoint)} <= {column.name for column in frames.CURVES}


def test_the_worst_value_is_on_the_bad_side():
    for metric in frames.METRICS.values():
        if metric.higher_is_better is None:
            assert metric.worst != metric.worst
        else:
            assert metric.worst == float("-inf" if metric.higher_is_better else "inf")

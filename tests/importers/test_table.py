"""Cells, and rows that belong together."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import DatasetError
from bench.frames import METRICS
from bench.importers import _table
from bench.importers._table import collect
from bench.suite import OwnMetric

UP, DOWN = OwnMetric(better="higher").metric("up"), OwnMetric(better="lower").metric("down")
COLUMNS = {"variant": ("m",), "seed": ("s",), "step": ("t",)}


def table(*rows, metrics=(UP,), columns=COLUMNS, **options):
    return collect("log", list(enumerate(rows, start=2)), columns, metrics, **options)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("0.5", 0.5), (" 1e-3 ", 0.001), (3, 3.0), ("-0", 0.0), (True, None), ("1_000", None),
        ("1,5", None), ("high", None), ([1], None), ({}, None), ("0x10", None), ("1 %", None),
        ("", math.nan), (None, math.nan), ("NA", math.nan), ("null", math.nan), (" ", math.nan),
        ("nan", -math.inf), (math.nan, -math.inf), ("Infinity", -math.inf), (math.inf, -math.inf),
        ("-inf", -math.inf), (10**400, -math.inf),
    ],
)  # fmt: skip
def test_values(cell, value):
    if value is None:
        with pytest.raises(DatasetError, match="line 2: not a value for the column 'up'"):
            table(("a", 1, 1, cell))
        return
    rows = [("a", 1, 1, cell), ("a", 1, 2, 1.0)]
    found = table(*rows)
    by_step = dict(zip(found.step, found.values["up"], strict=True))
    assert by_step.get(1, math.nan) == pytest.approx(value, nan_ok=True)


def test_what_is_not_finite_is_on_the_bad_side():
    found = table(("a", 1, 1, "nan", "nan"), ("a", 1, 2, "inf", "-inf"), metrics=(UP, DOWN))
    assert found.values["up"].tolist() == [-math.inf] * 2
    assert found.values["down"].tolist() == [math.inf] * 2


@pytest.mark.parametrize("cell", [0.2, 1, 95.2, 100])
def test_an_accuracy_is_a_share_or_percent(cell):
    assert table(("a", 1, 1, cell), metrics=(METRICS["test_accuracy"],)).values == {
        "test_accuracy": pytest.approx([cell])
    }


@pytest.mark.parametrize("cell", [-0.1, 100.5])
def test_an_accuracy_is_nothing_else(cell):
    with pytest.raises(DatasetError, match="a share, 0 to 1, or percent") as caught:
        table(("a", 1, 1, cell), metrics=(METRICS["test_accuracy"],))
    assert "another name" in caught.value.hint


@pytest.mark.parametrize(
    ("cell", "name"),
    [(" a ", "a"), (3, "3"), (3.0, "3"), (0.1, "0.1"), ("0.10", "0.10"), (True, "True"), ("β 🚀", "β 🚀")],
)  # fmt: skip
def test_names(cell, name):
    assert table((cell, 1, 1, 0.5)).runs == [("", name, "1")]


@pytest.mark.parametrize(
    "cell", ["", " ", None, math.nan, "a\x00", "a\nb", "a\u202eb", "x" * 121, [1], {}, b"a"]
)
@pytest.mark.parametrize("place", [0, 1])
def test_cells_that_name_nothing(cell, place):
    row = ["a", 1, 1, 0.5]
    row[place] = cell
    with pytest.raises(DatasetError, match="line 2: not a value for the column"):
        table(tuple(row))


@pytest.mark.parametrize("cell", ["", None, "x", "inf", "nan", 2.0**54, True])
def test_steps_are_numbers(cell):
    with pytest.raises(DatasetError, match="line 2: not a value for the column 't'"):
        table(("a", 1, cell, 0.5))


def test_rows_in_any_order():
    found = table(("b", 1, 2, 4), ("a", 1, 3, 3), ("b", 1, 1, 5), ("a", 1, -0.5, 1))
    assert found.runs == [("", "b", "1"), ("", "a", "1")]
    assert found.run.tolist() == [0, 0, 1, 1]
    assert found.step.tolist() == [1, 2, -0.5, 3]
    assert found.values["up"].tolist() == [5, 4, 1, 3]


def test_rows_of_one_step_complete_each_other():
    found = table(("a", 1, 1, 0.5, ""), ("a", 1, 1, "", 2), ("a", 1, 2, 0.6, 1), metrics=(UP, DOWN))
    assert found.values["up"].tolist() == [0.5, 0.6]
    assert found.values["down"].tolist() == [2, 1]
    assert (found.rows, found.repeated) == (3, 0)


def test_rows_that_say_the_same_count_once():
    found = table(("a", 1, 1, 0.5), ("a", 1, 1, 0.5), ("a", 1, 1, ""), ("a", 1, 2, "nan"))
    assert found.values["up"].tolist() == [0.5, -math.inf]
    assert found.repeated == 1


@pytest.mark.parametrize("other", [0.6, "nan"])
def test_rows_that_contradict(other):
    rows = [("b", 1, 1, 0.1), ("a", 7, 1, ""), ("a", 7, 1, 0.5), ("b", 1, 2, 0), ("a", 7, 1, other)]
    with pytest.raises(DatasetError, match="two values of 'up' for a / 7 at step 1") as caught:
        table(*rows)
    assert caught.value.where == "log, lines 4 and 6"


def test_a_run_without_any_value_is_kept():
    found = table(("a", 1, 1, ""), ("b", 1, 1, 0.5))
    assert found.runs == [("", "a", "1"), ("", "b", "1")]
    assert found.run.tolist() == [0, 1]


def test_only_empty_cells():
    found = table(("a", 1, 1, ""))
    assert found.runs == [("", "a", "1")]
    assert np.isnan(found.values["up"]).tolist() == [True]


@pytest.mark.parametrize("step", ["", None, "x"])
def test_a_row_without_values_needs_no_step(step):
    found = table(("a", 1, step, ""), ("b", 1, 1, 0.5))
    assert found.runs == [("", "a", "1"), ("", "b", "1")]
    assert found.run.tolist() == [1]


def test_without_steps_a_row_is_a_run():
    columns = {"variant": ("m",), "seed": ("s",)}
    assert table(("a", 1, 0.5), ("a", 2, 0.6), columns=columns).step.tolist() == [1, 1]
    with pytest.raises(DatasetError, match="two values"):
        table(("a", 1, 0.5), ("a", 1, 0.6), columns=columns)


def test_no_rows():
    with pytest.raises(DatasetError, match="no rows"):
        table()


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.integers(0, 2),
            st.integers(0, 3),
            st.none() | st.floats(-1, 1),
        ),
        max_size=30,
        unique_by=lambda row: row[:3],
    )
)
def test_nothing_is_lost(rows):
    if not rows:
        return
    found = table(*rows)
    back = {
        (*found.runs[run][1:], step): value
        for run, step, value in zip(found.run, found.step, found.values["up"], strict=True)
    }
    wanted = {(m, str(s), t): math.nan if value is None else value for m, s, t, value in rows}
    assert back == pytest.approx(wanted, rel=0, abs=0, nan_ok=True)
    assert np.all(np.diff(found.run) >= 0)


@pytest.mark.parametrize(("limit", "what"), [("MAX_ROWS", "rows"), ("MAX_RUNS", "runs")])
def test_more_than_the_memory_is_for(monkeypatch, limit, what):
    monkeypatch.setattr(_table, limit, 2)
    rows = [("a", seed, 1, 0.5) for seed in range(3)]
    table(*rows[:2])
    with pytest.raises(DatasetError, match=f"too many {what}"):
        table(*rows)


# --- rows that differ, by policy --------------------------------------------------------------

RESUMED = [("a", 1, 1, 0.1), ("a", 1, 2, 0.2), ("a", 1, 2, 0.4), ("a", 1, 3, 0.3), ("b", 1, 1, 0.5)]


@pytest.mark.parametrize(("policy", "value"), [("last", 0.4), ("first", 0.2), ("mean", 0.3)])
def test_a_resumed_run(policy, value):
    found = table(*RESUMED, repeated=policy)
    assert found.values["up"].tolist() == pytest.approx([0.1, value, 0.3, 0.5])
    assert (found.settled, found.repeated) == (1, 0)


def test_by_line_whatever_their_order():
    rows = [("a", 1, 2, 0.4), ("a", 1, 1, 0.1), ("a", 1, 2, 0.2)]
    assert table(*rows, repeated="last").values["up"].tolist() == [0.1, 0.2]
    assert table(*rows, repeated="first").values["up"].tolist() == [0.1, 0.4]


@pytest.mark.parametrize("policy", ["last", "first", "mean"])
def test_an_empty_cell_settles_nothing(policy):
    rows = [("a", 1, 1, "", 1), ("a", 1, 1, 0.5, 2), ("a", 1, 1, "", ""), ("b", 1, 1, "", 3)]
    found = table(*rows, metrics=(UP, DOWN), repeated=policy)
    assert found.values["up"][0] == 0.5
    assert math.isnan(found.values["up"][1])
    assert found.values["down"][0] == {"last": 2, "first": 1, "mean": 1.5}[policy]
    assert found.settled == 1


@pytest.mark.parametrize(
    ("policy", "value"), [("last", -math.inf), ("first", 0.2), ("mean", -math.inf)]
)
def test_one_of_them_is_not_finite(policy, value):
    rows = [("a", 1, 1, 0.2), ("a", 1, 1, "nan")]
    assert table(*rows, repeated=policy).values["up"].tolist() == [value]


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.none() | st.integers(-5, 5)),
        min_size=1,
    ),
    st.sampled_from(["last", "first", "mean"]),
)
def test_any_repetition(rows, policy):
    found = table(*((m, 0, t, value) for m, t, value in rows), repeated=policy)
    for run, step, value in zip(found.run, found.step, found.values["up"], strict=True):
        said = [v for m, t, v in rows if (m, t) == (found.runs[run][1], step) and v is not None]
        if not said:
            assert math.isnan(value)
        else:
            mean = sum(said) / len(said)
            assert value == pytest.approx(
                {"last": said[-1], "first": said[0], "mean": mean}[policy]
            )


# --- variants of several columns --------------------------------------------------------------

PAIR = {"variant": ("opt", "lr"), "seed": ("s",), "step": ("t",)}


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        (("sgd", "0.01"), "opt=sgd lr=0.01"),
        (("sgd", 0.01), "opt=sgd lr=0.01"),
        (("sgd", ""), "opt=sgd"),
        ((None, 1.0), "lr=1"),
    ],
)
def test_the_pair_is_the_variant(cells, name):
    found = table((*cells, 1, 1, 0.5), columns=PAIR)
    assert found.runs == [("", name, "1")]
    assert found.cells[name] == tuple(
        "" if c in ("", None) else str(c).removesuffix(".0") for c in cells
    )


@pytest.mark.parametrize("cells", [("", ""), ("x" * 115, "0.01"), ("a\x00", "1")])
def test_pairs_that_name_nothing(cells):
    with pytest.raises(DatasetError, match="line 2: not a value for the column"):
        table((*cells, 1, 1, 0.5), columns=PAIR)


def test_pairs_that_read_alike():
    with pytest.raises(DatasetError, match="line 3: not a value for the column 'opt and lr'"):
        table(("a lr=1", "", 1, 1, 0.5), ("a", "1", 1, 1, 0.5), columns=PAIR)

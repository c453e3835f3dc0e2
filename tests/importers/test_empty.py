"""Empty cells at the end of a run: a divergence where a value was due, and nowhere else."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.importers._empty import settle
from bench.importers._table import collect
from bench.suite import OwnMetric

ACC, LOSS = OwnMetric(better="higher").metric("acc"), OwnMetric(better="lower").metric("loss")
COLUMNS = {"variant": ("m",), "seed": ("s",), "step": ("t",)}


def run(variant, seed, cells, steps=None):
    """Rows of a run: a cell per row, at steps from 1 unless they are given."""
    steps = range(1, len(cells) + 1) if steps is None else steps
    return [(variant, seed, step, cell) for step, cell in zip(steps, cells, strict=True)]


def settled(*runs, policy=None, metrics=(ACC,), columns=COLUMNS):
    rows = [row for rows in runs for row in rows]
    return settle(collect("log", list(enumerate(rows, 2)), columns, metrics), metrics, policy)


def diverged(*runs, **options):
    """The runs that diverged, each with the step since which it has."""
    table = settled(*runs, **options).table
    values = table.values["acc"]
    return {
        table.runs[code][1:]: table.step[(table.run == code) & np.isinf(values)].min()
        for code in np.unique(table.run[np.isinf(values)])
    }


FULL = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


def until(last, every=1, length=10):
    """Values at multiples of ``every``, none after the row ``last``."""
    return [0.1 if t % every == 0 and t <= last else "" for t in range(1, length + 1)]


# --- what it means ----------------------------------------------------------------------------


def test_nan_of_pandas():
    assert diverged(run("a", 0, FULL), run("b", 0, until(3)), run("b", 1, until(5))) == {
        ("b", "0"): 4,
        ("b", "1"): 6,
    }


def test_a_single_run():
    assert diverged(run("a", 0, until(3))) == {("a", "0"): 4}


def test_all_diverge_but_not_at_once():
    assert diverged(*(run("a", seed, until(3 + seed)) for seed in range(3))) == {
        ("a", "0"): 4,
        ("a", "1"): 5,
        ("a", "2"): 6,
    }


def test_a_metric_that_no_run_records_to_its_end():
    found = settled(*(run(variant, 0, until(6)) for variant in "abc"))
    assert not found.diverged
    assert found.recorded_until == {"acc": 6}


def test_at_once_after_the_first_value():
    assert diverged(run("a", 0, FULL), run("b", 0, until(1))) == {("b", "0"): 2}


def test_one_value_says_nothing_of_a_rhythm():
    assert diverged(run("a", 0, until(1))) == {}


def test_a_run_without_a_value_has_recorded_nothing():
    assert diverged(run("a", 0, FULL), run("b", 0, until(0)), run("b", 1, FULL)) == {}


def test_a_gap_is_no_end():
    assert diverged(run("a", 0, [0.1, "", "", 0.4]), run("b", 0, [0.1, 0.2, 0.3, 0.4])) == {}


def test_a_run_that_was_cut_short_has_no_empty_end():
    assert diverged(run("a", 0, FULL), run("b", 0, FULL[:4])) == {}


@pytest.mark.parametrize("length", [12, 13, 14])
def test_the_end_of_a_rhythm(length):
    assert diverged(run("a", 0, until(99, 5, length)), run("b", 0, until(99, 3, length))) == {}


def test_a_sparse_metric_that_stops():
    sparse = run("a", 0, until(99, 5, 40))
    assert diverged(sparse, run("b", 0, until(15, 5, 40))) == {("b", "0"): 20}
    assert diverged(run("b", 0, until(20, 5, 40))) == {("b", "0"): 25}


def test_another_rhythm_is_none_of_a_variants():
    assert diverged(run("a", 0, FULL), run("b", 0, until(99, 4))) == {}


def test_dense_first_and_sparse_later():
    cells = [0.1 if t <= 5 or t % 5 == 0 else "" for t in range(1, 31)]
    short = [0.1 if t <= 5 else "" for t in range(1, 9)]
    broken = [0.1 if t <= 5 else "" for t in range(1, 31)]
    assert diverged(run("a", 0, cells), run("a", 1, short)) == {}
    assert diverged(run("a", 0, cells), run("a", 1, broken)) == {("a", "1"): 10}


@pytest.mark.parametrize("base", [2, 3, 10])
def test_growing_distances(base):
    powers = {base**k for k in range(5)}
    rows = range(1, base**5)
    assert diverged(run("a", 0, [0.1 if t in powers else "" for t in rows])) == {}


def test_steps_of_any_size():
    steps = [0.1 * k for k in range(1, 11)]
    assert diverged(run("a", 0, FULL, steps), run("b", 0, until(9), steps)) == {
        ("b", "0"): pytest.approx(1.0)
    }


def test_each_group_by_itself():
    columns = {"group": ("d",), **COLUMNS}
    rows = [
        (d, *row)
        for d, last in (("x", 10), ("y", 4))
        for s in (0, 1)
        for row in run("a", s, until(last))
    ]
    found = settle(collect("log", list(enumerate(rows)), columns, [ACC]), [ACC], None)
    assert not found.diverged
    assert found.recorded_until == {"acc": 4}


def test_what_ended_in_nan_has_diverged_before():
    found = settled(run("a", 0, [0.1, "nan", "", ""]), run("b", 0, FULL))
    assert not found.diverged
    assert found.table.values["acc"][:2].tolist() == [0.1, -math.inf]


def test_each_metric_by_itself():
    rows = [("a", 0, t, 0.1, 0.5 if t < 4 else "") for t in range(1, 8)]
    rows += [("b", 0, t, 0.1, 0.5) for t in range(1, 8)]
    found = settled(rows, metrics=(ACC, LOSS))
    assert found.diverged == {"loss": 1}
    assert found.table.values["loss"][3:7].tolist() == [math.inf] * 4
    assert np.isfinite(found.table.values["acc"]).all()


def test_rows_without_any_value_are_left_out():
    assert settled(run("a", 0, until(99, 5))).table.step.tolist() == [5, 10]


# --- policies ---------------------------------------------------------------------------------


def test_missing():
    found = settled(run("a", 0, FULL), run("b", 0, until(3)), policy="missing")
    assert not found.diverged
    assert np.isfinite(found.table.values["acc"]).all()


def test_diverged_takes_every_empty_end():
    runs = (
        run("a", 0, until(99, 3)),
        run("b", 0, until(0)),
        run("b", 1, FULL),
        run("c", 0, until(0)),
    )
    assert diverged(*runs, policy="diverged") == {("a", "0"): 10, ("b", "0"): 1}


# --- any log ----------------------------------------------------------------------------------

SCHEDULES = {
    "every": lambda k: lambda t: t % k == 0,
    "every, and the first": lambda k: lambda t: t == 1 or t % k == 0,
    "from the first": lambda k: lambda t: (t - 1) % k == 0,
    "dense, then every": lambda k: lambda t: t <= 4 or t % k == 0,
    "powers": lambda k: lambda t: any(t == (k + 1) ** i for i in range(7)),
}
regular = st.builds(
    lambda name, k: SCHEDULES[name](k), st.sampled_from([*SCHEDULES][:-1]), st.integers(1, 7)
)
schedules = st.builds(
    lambda name, k: SCHEDULES[name](k), st.sampled_from(list(SCHEDULES)), st.integers(1, 7)
)
scales = st.sampled_from([1, 0.1, 100, 391])


def cells_of(schedule, length, broken=math.inf):
    return [0.5 if schedule(t) and t < broken else "" for t in range(1, length + 1)]


@given(schedules, scales, st.lists(st.integers(1, 60), max_size=6))
def test_no_log_of_healthy_runs_diverges(schedule, scale, lengths):
    runs = [
        run(
            "ab"[seed % 2],
            seed,
            cells_of(schedule, length),
            [scale * t for t in range(1, length + 1)],
        )
        for seed, length in enumerate([60, *lengths])
    ]
    assert diverged(*runs) == {}


@given(
    st.lists(st.tuples(regular, st.lists(st.integers(1, 60), max_size=3)), min_size=1, max_size=3)
)
def test_nor_where_each_variant_has_a_schedule_of_its_own(variants):
    runs = [
        run(f"v{v}", seed, cells_of(schedule, length))
        for v, (schedule, lengths) in enumerate(variants)
        for seed, length in enumerate([60, *lengths])
    ]
    assert diverged(*runs) == {}


@given(schedules, scales, st.lists(st.tuples(st.integers(1, 60), st.integers(2, 60)), max_size=6))
def test_runs_that_break_where_a_value_was_due_have_diverged_there(schedule, scale, broken):
    runs, expected = [run("a", 0, cells_of(schedule, 60), [scale * t for t in range(1, 61)])], {}
    for seed, (length, since) in enumerate(broken, start=1):
        steps = range(1, length + 1)
        runs.append(run("b", seed, cells_of(schedule, length, since), [scale * t for t in steps]))
        due = [t for t in steps if schedule(t) and t >= since]
        if due and any(map(schedule, range(1, since))):
            expected["b", str(seed)] = pytest.approx(scale * due[0])
    assert diverged(*runs) == expected


@given(st.lists(st.tuples(st.integers(2, 12), st.integers(2, 12)), min_size=1, max_size=8))
def test_an_empty_end_is_as_nan_is_where_every_row_has_a_value(broken):
    """pandas writes one as the other."""

    def runs(nothing):
        yield run("a", 0, [0.5] * 12)
        for seed, (length, since) in enumerate(broken):
            yield run("b", seed, [0.5 if t < since else nothing for t in range(1, length + 1)])

    empty, nan = settled(*runs("")).table, settled(*runs("nan")).table
    assert empty.values["acc"].tolist() == nan.values["acc"].tolist()
    assert empty.step.tolist() == nan.step.tolist()


@given(st.data(), st.integers(20, 120))
def test_evaluations_at_any_time(data, length):
    """As by the clock: distances of 8 to 12 rows, other ones in each run."""
    runs = []
    for seed in range(data.draw(st.integers(1, 4))):
        distances = data.draw(st.lists(st.floats(8, 12), min_size=15, max_size=15, unique=True))
        due = set(np.cumsum(distances).round(6).tolist())
        steps = sorted({*map(float, range(1, length)), *(t for t in due if t < length)})
        runs.append(run("a", seed, [0.5 if t in due else "" for t in steps], steps))
    assert diverged(*runs) == {}

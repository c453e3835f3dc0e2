"""When imported runs ended: cut short, or of different budgets."""

from __future__ import annotations

import pytest

from bench import importers
from bench.analysis.run_ends import run_ends


@pytest.fixture
def ends(tmp_path):
    """The ends of runs, given as variant -> last step of each seed; evaluations every 10 steps."""

    def read(every=10, **lengths):
        rows = [
            f"{variant},{seed},{step},0.5"
            for variant, lasts in lengths.items()
            for seed, last in enumerate(lasts)
            for step in range(every, last + 1, every)
        ]
        path = tmp_path / "log.csv"
        path.write_text("\n".join(["m,s,t,acc", *rows]))
        results = importers.read(
            path, "csv", tmp_path / "out", variant="m", seed="s", step="t", metrics=["acc:max"]
        )
        return run_ends(results).get("imported")

    return read


def test_runs_that_end_together(ends):
    assert ends(a=[100] * 3, b=[100] * 3) is None


def test_cut_short(ends):
    found = ends(a=[300] * 5, b=[300, 300, 300, 100, 120])
    assert found.short == {"b": {3: 100, 4: 120}}
    assert found.usual == {"a": 300, "b": 300}
    assert found.sentences == [
        "b: 2 of 5 runs ended before 300 steps, seed 3 at 100 and seed 4 at 120."
    ]


def test_most_of_a_variant_cut_short(ends):
    assert ends(a=[300] * 5, b=[300, 300, 100, 100, 100]).short == {"b": {2: 100, 3: 100, 4: 100}}
    assert ends(a=[300] * 5, c=[300] * 5, b=[100] * 3).short == {"b": {0: 100, 1: 100, 2: 100}}


def test_different_budgets(ends):
    found = ends(a=[300] * 3, b=[500] * 3)
    assert found.short == {}
    assert found.sentences == ["Budgets differ: in steps, a at 300 and b at 500."]


def test_ends_anywhere(ends):
    found = ends(a=[100, 200, 300], b=[50, 150, 250])
    assert found.short == {}
    assert found.by_variant == {"a": {0: 100, 1: 200, 2: 300}, "b": {0: 50, 1: 150, 2: 250}}
    assert found.sentences == ["Runs end after different steps, 50 to 300."]


def test_the_last_step_of_another_rhythm_is_not_short(ends, tmp_path):
    rows = [f"a,{s},{t},0.5" for s in range(3) for t in range(5, 101, 5)]
    rows += [f"b,{s},{t},0.5" for s in range(2) for t in range(7, 101, 7)]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(["m,s,t,acc", *rows]))
    results = importers.read(
        path, "csv", tmp_path / "out", variant="m", seed="s", step="t", metrics=["acc:max"]
    )
    assert run_ends(results)["imported"].short == {}


def test_a_diverged_run_is_not_short(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("m,s,t,acc\na,0,1,1\na,0,2,1\nb,0,1,nan\nb,1,1,1\nb,1,2,1\n")
    results = importers.read(
        path, "csv", tmp_path / "out", variant="m", seed="s", step="t", metrics=["acc:max"]
    )
    assert run_ends(results) == {}


def test_trained_runs_have_no_ends(tiny_results):
    from bench.store import load_results

    assert run_ends(load_results(tiny_results)) == {}

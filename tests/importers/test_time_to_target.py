"""Times to a target of runs that end where they like: stopped early, crashed, or cut by who wrote the log."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import Reading
from scipy import stats as scipy_stats

import bench
from bench import importers
from bench.analysis import answers
from bench.report import figures

CASES = Path(__file__).parent.parent / "cases" / "time_to_target"
HEAD = "m,s,t,acc\n"


def text(runs):
    """A log of runs: by method and seed, (step, value) pairs."""
    rows = [
        f"{method},{seed},{step},{value!r}\n"
        for (method, seed), points in runs.items()
        for step, value in points
    ]
    return HEAD + "".join(rows)


@pytest.fixture
def analysed(imported):
    """The analysis of a log, given as its runs or as its text."""

    def read(log, goal=0.9, **options):
        log = log if isinstance(log, str) else text(log)
        return bench.analyse(imported(log, target=("acc", goal), **options))

    return read


def case(name, goal, baseline, folder):
    """One of the cases, as the command line reads it."""
    results = importers.read(
        CASES / f"{name}.csv",
        "csv",
        folder,
        variant="method",
        seed="seed",
        step="step",
        metrics=["val_acc:max"],
        target=("val_acc", goal),
        baseline=baseline,
    )
    return bench.analyse(results)


def targets(analysis):
    return analysis.targets.set_index("variant")


def said(analysis, variant="b"):
    """What is said of a variant's time to the target."""
    (compared,) = [
        c
        for c in analysis.questions[0].compared
        if (c.variant, c.metric.name) == (variant, "epochs_to_target")
    ]
    return answers.answer(compared)


def row_of(analysis, variant):
    (row,) = [r for r in analysis.questions[0].reaching if r.variant == variant]
    return row


# --- the cases --------------------------------------------------------------------------------


def test_runs_that_were_stopped_once_they_had_met_the_target(tmp_path):
    analysis = case("early_stop", 0.9, "slow", tmp_path)
    rows = targets(analysis)
    assert list(rows.reached) == list(rows.n) == [6, 6]
    assert list(rows.epochs) == pytest.approx([29_000 / 3, 3_500])
    assert (rows.verdict["fast"], rows.test["fast"]) == ("better", "paired t")
    assert not rows.stopped.any()
    page = Reading.of(bench.write_report(analysis, tmp_path / "r.html").read_text())
    shown = {row["variant"]: row for row in page.rows("ERT (steps)", "reached")}
    assert [shown[name]["steps"] for name in ("slow", "fast")] == ["9,667", "3,500"]
    assert "never" not in {cell for row in shown.values() for cell in row.values()}
    assert "slow: seeds 0, 2 and 4 at 9000" in page.text


@pytest.mark.parametrize("name", ["plain", "crashed"])
def test_runs_that_crashed_after_they_had_met_the_target(name, tmp_path):
    analysis = case(name, 0.815, "sgd", tmp_path)
    rows = targets(analysis)
    assert list(rows.reached) == [5, 5]
    assert list(rows.epochs) == [240, 100]
    assert rows.p_adjusted["adam"] == pytest.approx(0.005, abs=5e-4)
    assert rows.verdict["adam"] == "better"
    short = row_of(analysis, "adam").short
    assert short == ({3: 100, 4: 100} if name == "crashed" else {})
    page = Reading.of(bench.write_report(analysis, tmp_path / "r.html").read_text())
    named = "adam: seeds 3 and 4 at 100" in page.text
    assert named == (name == "crashed")


def shampoo(seed, arrives):
    """A validation metric that rises with noise, crosses .28098 at ``arrives`` and is stopped soon after."""
    rng = np.random.default_rng(seed)
    steps = np.arange(500, arrives + 1_001, 500)
    values = 0.28 * (1 - np.exp(-3 * steps / arrives)) + rng.normal(0, 1e-4, steps.size)
    values = np.where(steps < arrives, np.minimum(values, 0.2805), 0.279)  # falls below it again
    values[steps >= arrives] = np.where(steps[steps >= arrives] < arrives + 500, 0.2811, 0.2799)
    return list(zip(steps.tolist(), values.tolist(), strict=True))


def test_a_public_log_of_runs_that_end_once_they_are_done(analysed):
    """As in AlgoPerf's: each run ends soon after its crossing, and evaluations fall below the target again."""
    arrives = {"baseline": (25_500, 26_000, 27_500), "shampoo": (11_000, 11_500, 12_000)}
    runs = {
        (method, seed): shampoo(seed, at)
        for method, ends in arrives.items()
        for seed, at in enumerate(ends)
    }
    analysis = analysed(runs, goal=0.28098)
    rows = targets(analysis)
    assert list(rows.reached) == list(rows.n) == [3, 3]
    assert dict(rows.epochs) == pytest.approx({m: np.mean(t) for m, t in arrives.items()})
    test = scipy_stats.ttest_rel(arrives["shampoo"], arrives["baseline"])
    assert rows.p_value["shampoo"] == pytest.approx(test.pvalue)
    assert rows.verdict["shampoo"] == "better"
    assert rows.running_epochs["shampoo"] == rows.epochs["shampoo"]
    assert "never" not in said(analysis, "shampoo")


# --- what is a crossing ------------------------------------------------------------------------


def arrivals(analysis, variant="a"):
    row = row_of(analysis, variant)
    return {seed: row.arrivals[seed] for seed in row.arrivals if seed not in row.missed}


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(0, 0.95), (1, 0.1)], 0),  # the first row meets it
        ([(1, 0.8), (2, 0.9), (3, 0.8)], 2),  # met exactly, and lost again
        ([(1, 0.8), (2, 0.1 + 0.2 + 0.3 + 0.2 + 0.1)], 2),  # 0.8999999999999999
        ([(1, 0.8), (2, float(np.float32(0.9)))], 2),  # as single precision writes it
        ([(1, 0.8), (2, 0.8999)], None),
        ([(1, 0.8), (2, math.inf), (3, 0.95)], 3),  # what is not finite meets nothing
        ([(1, 0.8), (2, 0.95), (3, math.nan)], 2),  # before it diverged
        ([(1, 0.8), (2, math.nan), (3, math.nan)], None),
        ([(2, 0.95), (1, 0.8)], 2),  # rows in no order
        ([(0.25, 0.8), (0.5, 0.95), (0.75, 0.96)], 0.5),  # steps that are not whole
    ],
)
def test_the_first_finite_evaluation_that_meets_it(points, expected, analysed):
    others = {("a", seed): [(1, 0.8), (2, 0.95)] for seed in range(1, 4)}
    found = arrivals(analysed({("a", 0): points, **others}))
    assert found.pop(0, None) == expected
    assert found == dict.fromkeys(range(1, 4), 2)


def test_several_rows_of_one_step_are_one_evaluation(imported):
    rows = "m,s,t,acc,loss\na,0,1,0.8,\na,0,1,,2.0\na,0,2,,1.0\na,0,2,0.95,\na,0,3,0.96,\n"
    results = imported(rows, metrics=["loss:min", "acc:max"], target=("acc", 0.9))
    assert arrivals(bench.analyse(results)) == {0: 2}


def test_a_target_that_is_met_from_above(imported):
    points = {0: [(1, 2.0), (2, 1.0), (3, 3.0)], 1: [(1, 2.0), (2, 1.5), (3, 1.0000000000000002)]}
    runs = {("a", seed): steps for seed, steps in points.items()}
    results = imported(text(runs), metrics=["acc:min"], target=("acc", 1.0))
    assert arrivals(bench.analyse(results)) == {0: 2, 1: 3}


def test_a_metric_that_was_never_recorded_is_no_miss(imported):
    rows = ["m,s,t,acc,loss"]
    rows += [f"a,{s},{t},{0.5 + t / 10},{1 / t}" for s in range(4) for t in range(1, 6)]
    rows += [f"b,{s},{t},{0.5 + t / 10}," for s in range(4) for t in range(1, 6)]
    results = imported("\n".join(rows), metrics=["acc:max", "loss:min"], target=("loss", 0.3))
    rows = targets(bench.analyse(results))
    assert (rows.n["b"], rows.reached["b"], rows.n["a"], rows.reached["a"]) == (0, 0, 4, 4)


# --- how far the means go ----------------------------------------------------------------------


def curve(arrives, end):
    """Evaluations at every step up to ``end``; the target is met at ``arrives``, if ever."""
    return [
        (step, 0.95 if arrives is not None and step >= arrives else 0.5)
        for step in range(1, end + 1)
    ]


def log(**methods):
    """Runs by method: each an (arrives, end), the seeds in order."""
    return {
        (method, seed): curve(*run)
        for method, runs in methods.items()
        for seed, run in enumerate(runs)
    }


def test_means_go_up_to_the_shortest_end_of_a_run_that_missed(analysed):
    a = [(4, 20), (6, 6), (12, 20), (9, 9), (5, 20)]
    b = [(3, 3), (None, 10), (2, 20), (None, 15), (4, 5)]
    rows = targets(analysed(log(a=a, b=b)))
    assert (rows.budget["b"], rows.reached["b"], rows.stopped["b"]) == (10, 3, 2)
    assert rows.epochs["b"] == np.mean([3, 10, 2, 10, 4])
    assert rows.difference["b"] == pytest.approx(
        np.mean([3, 10, 2, 10, 4]) - np.mean([4, 6, 10, 9, 5])
    )
    test = scipy_stats.ttest_rel([3, 10, 2, 10, 4], [4, 6, 10, 9, 5])
    assert rows.p_value["b"] == pytest.approx(test.pvalue)
    assert rows.running_epochs["b"] == (3 + 10 + 2 + 15 + 4) / 3, "each with what it spent itself"
    assert (rows.budget["a"], rows.epochs["a"]) == (20, np.mean([4, 6, 12, 9, 5]))
    assert not math.isnan(rows.p_logrank["b"])


def test_a_run_that_crashed_concerns_its_own_comparisons_only(analysed):
    a, b = [(10, 20), (11, 20), (12, 20), (13, 20)], [(6, 20), (6, 20), (8, 20), (7, 20)]
    alone = targets(analysed(log(a=a, b=b))).loc["b"]
    beside = targets(analysed(log(a=a, b=b, c=[(None, 1), (6, 20), (6, 20), (7, 20)]))).loc["b"]
    for column in ("budget", "epochs", "difference", "p_value", "reached"):
        assert alone[column] == beside[column]


def test_a_diverged_run_never_arrives_and_counts_as_long_as_the_others(analysed):
    runs = log(a=[(5, 20), (6, 20), (7, 20), (8, 20)], b=[(4, 20), (4, 20), (3, 20), (None, 3)])
    runs["b", 3] = [(1, 0.5), (2, math.nan), (3, math.nan)]
    rows = targets(analysed(runs))
    assert (rows.budget["b"], rows.stopped["b"], rows.diverged["b"]) == (20, 0, 1)
    assert rows.epochs["b"] == np.mean([4, 4, 3, 20])
    assert rows.running_epochs["b"] == (4 + 4 + 3 + 20) / 3
    assert (rows.reached["b"], rows.only_baseline["b"]) == (3, 1)


def test_where_means_say_nothing_the_log_rank_test_decides(analysed):
    """A run that ended before anybody arrived leaves means nothing to tell apart; the others still do."""
    a = [(8, 20), (9, 20), (10, 20), (9, 20), (8, 20), (9, 20), (8, 20)]
    b = [(None, 3), (4, 20), (5, 20), (4, 20), (5, 20), (4, 20), (4, 20)]
    analysis = analysed(log(a=a, b=b))
    row = targets(analysis).loc["b"]
    assert (row.test, row.budget) == ("log-rank", 3)
    assert row.p_value == row.p_logrank < 0.05
    assert row.verdict == "better"
    assert math.isnan(row.difference)
    assert "reaches the target earlier than a, as far as the runs were watched" in said(analysis)
    assert "as early as" not in said(analysis)


# --- never -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("side", ["a", "b"])
def test_where_one_side_never_arrives_the_shares_decide(side, shared, analysed):
    n = 7
    reaches, misses = [(4 + s % 3, 20) for s in range(n)], [(None, 20)] * n
    runs = log(a=misses if side == "a" else reaches, b=misses if side == "b" else reaches)
    if not shared:
        runs = {(m, s + 100 * (m == "b")): points for (m, s), points in runs.items()}
    analysis = analysed(runs)
    row = targets(analysis).loc["b"]
    assert math.isnan(row.difference)
    assert math.isnan(row.ci_low)
    p = 2 / 2**n if shared else 2 / math.comb(2 * n, n)
    assert row.test == row.share_test == ("McNemar" if shared else "Fisher")
    assert row.p_value == row.p_share == pytest.approx(p)
    assert row.p_adjusted == row.p_share_adjusted
    assert row.verdict == ("worse" if side == "b" else "better")
    expected = {
        "b": "b never reaches the target (0 of 7), a does in 7 of 7",
        "a": "b reaches the target in 7 of 7, a never does (0 of 7)",
    }
    assert said(analysis).startswith(expected[side])
    assert "CI" not in said(analysis)


def test_runs_that_were_stopped_never_had_the_chance(analysed, tmp_path):
    """All of b ended before a arrived: that is not never, and no evidence."""
    analysis = analysed(log(a=[(9, 20)] * 6, b=[(None, 5)] * 6))
    row = targets(analysis).loc["b"]
    assert (row.p_value, row.verdict) == (1, "cannot tell")
    assert said(analysis).startswith("b had not reached the target when its runs ended (0 of 6)")
    page = Reading.of(bench.write_report(analysis, tmp_path / "r.html").read_text())
    (row,) = [row for row in page.rows("ERT (steps)", "up to") if row["variant"] == "b"]
    assert [row[name] for name in ("reached", "steps", "ERT (steps)")] == [
        "0 of 6",
        "not by 5",
        "not by 5",
    ]


def test_where_nobody_arrives_nothing_is_compared(analysed):
    analysis = analysed(log(a=[(None, 20)] * 4, b=[(None, 20), (None, 5), (None, 20), (None, 20)]))
    row = targets(analysis).loc["b"]
    assert math.isnan(row.p_value)
    assert (row.reached, row.running_epochs) == (0, math.inf)
    assert "no seed of either reaches the target" in said(analysis)


def test_seeds_that_only_one_has_do_not_unpair_the_others(analysed):
    runs = log(a=[(5, 20)] * 5 + [(None, 20)] * 3, b=[(None, 20)] * 7 + [(5, 20)])
    del runs["b", 7]
    row = targets(analysed(runs)).loc["b"]
    assert (row.share_test, row.only_variant, row.only_baseline) == ("McNemar", 0, 5)


def test_a_claim_about_what_was_not_watched_is_not_told():
    """A run that missed and ended at 20 says nothing about whether it takes less than 30."""
    from bench.analysis.contrast import contrast
    from bench.analysis.metrics import Values
    from bench.frames import METRICS

    values = Values(
        METRICS["epochs_to_target"],
        "a",
        dict.fromkeys(range(5), 20.0) | {5: 3.0},
        not_reached=frozenset(range(5)),
    )
    assert "watched for 20 epochs only" in contrast(values, 30.0).problem
    assert contrast(values, 10.0).problem is None


# --- laws --------------------------------------------------------------------------------------

values = st.sampled_from([0.1, 0.5, 0.8999999, 0.9, 0.95, math.nan, math.inf, -math.inf])
run = st.lists(values, min_size=1, max_size=7)
sides = st.lists(run, min_size=3, max_size=5)


def first(points):
    """By hand: the first finite value that meets .9 before the values are no longer finite to the end."""
    finite = [i for i, value in enumerate(points) if math.isfinite(value)]
    alive = points[: finite[-1] + 1] if finite else []
    return next((i for i, v in enumerate(alive, 1) if math.isfinite(v) and v >= 0.9), None)


@given(a=sides, b=sides, data=st.data())
@settings(deadline=None, max_examples=25)
def test_laws(a, b, data, tmp_path_factory):
    """Crossings are what they are by hand, and nothing that comes after one changes anything of them."""
    folder = tmp_path_factory.mktemp("laws")

    def measured(*lists):
        runs = {
            (name, seed): list(enumerate(points, 1))
            for name, side in zip("ab", lists, strict=True)
            for seed, points in enumerate(side)
        }
        (folder / "log.csv").write_text(text(runs))
        results = importers.read(
            folder / "log.csv",
            "csv",
            folder / "r",
            variant="m",
            seed="s",
            step="t",
            metrics=["acc:max"],
            target=("acc", 0.9),
        )
        return bench.analyse(results)

    analysis = measured(a, b)
    last = max(len(points) for points in [*a, *b])
    for name, side in (("a", a), ("b", b)):
        row, times = row_of(analysis, name), [first(points) for points in side]
        assert row.missed == {s for s, time in enumerate(times) if time is None}
        broken = {s for s, points in enumerate(side) if not math.isfinite(points[-1])}
        ends = [last if s in broken else len(points) for s, points in enumerate(side)]
        spent = [end if time is None else time for time, end in zip(times, ends, strict=True)]
        assert dict(row.arrivals) == dict(enumerate(spent))
        reached = sum(time is not None for time in times)
        total = sum(spent) / reached if reached else math.inf
        assert row.running_times["epochs_to_target"] == pytest.approx(total)
        both = [*zip(side, times, ends, strict=True)]
        if name == "b":
            other = [first(points) for points in a]
            alive = [last if not math.isfinite(p[-1]) else len(p) for p in a]
            both += [*zip(a, other, alive, strict=True)]
        tau = min([end for _, time, end in both if time is None], default=last)
        assert row.budget == tau, "no longer than any run that missed was watched"
        assert dict(row.spent) == {s: min(t, tau) for s, t in enumerate(spent)}
    longer = [
        [points if first(points) is None else points + data.draw(run) for points in side]
        for side in (a, b)
    ]
    shorter = [[points[: first(points)] for points in side] for side in (a, b)]  # None: as it is
    for other in (measured(*longer), measured(*shorter)):
        for name in "ab":
            before, after = row_of(analysis, name), row_of(other, name)
            assert arrivals(other, name) == arrivals(analysis, name)
            assert after.missed == before.missed


# --- the figure --------------------------------------------------------------------------------


def test_the_figure_shows_kaplan_meier_and_where_runs_stopped(analysed):
    """Of five runs one reaches at 2, one stops at 3; of the three left one reaches at 4, one at 6."""
    a = [(2, 20), (None, 3), (4, 20), (6, 20), (None, 20)]
    analysis = analysed(log(a=a, b=[(5, 20)] * 5))
    (data,) = figures.reached(analysis.questions[0]).spec["datasets"].values()
    mine = [row for row in data if row["variant"] == "a"]
    steps = {row["at"]: row["share"] for row in mine if not row["stopped"]}
    left = [0.8, 0.8 * 2 / 3, 0.8 / 3]
    shares = [100 * (1 - share) for share in left]
    expected = {0: 0, 2: shares[0], 4: shares[1], 6: shares[2], 20: shares[2]}
    assert steps == pytest.approx(expected, abs=1e-3)
    marks = [(row["at"], row["share"]) for row in mine if row["stopped"]]
    assert marks == [(3, pytest.approx(shares[0], abs=1e-3))], (
        "the run that had the whole time is no mark"
    )
    assert targets(analysis).share_reached["a"] == pytest.approx(1 - left[-1])
    assert "a 3 of 5 (1 ended early)" in figures.reached(analysis.questions[0]).alt

"""A file in, a results folder out: what the suite says, what came of each run, what is refused."""

from __future__ import annotations

import hashlib
import json
import math

import pandas as pd
import pytest

import bench
from bench import frames, importers
from bench.errors import BenchError, DatasetError, StoreError, UsageError
from bench.store import load_results

HEAD = "m,s,t,acc\n"
TWO = (
    HEAD
    + "a,0,1,0.5\na,0,2,0.6\na,1,1,0.4\na,1,2,0.7\nb,0,1,0.5\nb,0,2,0.8\nb,1,1,0.6\nb,1,2,0.9\n"
)


def trial(results, variant, seed):
    """The one trial of a variant and a seed."""
    rows = results.trials[(results.trials.variant == variant) & (results.trials.seed == seed)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_the_frames(imported):
    results = imported(TWO)
    names = [column.name for column in frames.CURVES]
    assert list(results.curves.columns) == [*names, "acc"]
    assert list(results.trials.columns) == [*(c.name for c in frames.TRIALS), "acc"]
    assert results.curves.acc.tolist() == [0.5, 0.6, 0.4, 0.7, 0.5, 0.8, 0.6, 0.9]
    assert results.curves.epoch.tolist() == [1, 2] * 4
    assert results.trials.acc.tolist() == [0.6, 0.7, 0.8, 0.9]
    assert set(results.trials.status) == {"completed"}
    assert results.planned == 4
    assert results.curves.test_accuracy.isna().all()


def test_the_suite(imported, log):
    results = imported(TWO, target=("acc", 0.65), margin=0.01)
    suite = results.suite
    assert list(suite.questions) == ["imported"]
    assert list(suite.variants("imported")) == ["a", "b"]
    assert suite.baseline("imported") == "a"
    assert suite.seed_list == [0, 1]
    assert (suite.primary, suite.target, suite.margin) == ("acc", {"acc": 0.65}, 0.01)
    assert suite.metric("acc").higher_is_better
    assert suite.metric("acc").worst == -math.inf
    assert suite.metric("epochs_to_target").unit == "steps"
    assert suite.dataset == "imported"
    assert load_results(results.folder).suite == suite


@pytest.mark.parametrize(("paired", "kept"), [(True, "seed"), (False, "no")])
def test_the_folder_keeps_whether_seeds_are_pairs(imported, paired, kept):
    results = imported(TWO, paired=paired)
    assert results.suite.paired == kept
    assert load_results(results.folder).suite.paired == kept


def test_where_it_came_from(imported, log):
    results = imported(TWO)
    source = results.suite.imported
    assert source.file == "log.csv"
    assert source.sha256 == hashlib.sha256(TWO.encode()).hexdigest()
    assert source.rows == 8
    assert source.columns == {"variant": "m", "seed": "s", "step": "t"}
    assert source.metrics == ["acc"]
    assert source.notes == []
    assert json.loads(results.trials.settings[0]) == {"m": "a", "s": "0"}


def test_the_whole_line(imported):
    analysis = bench.analyse(imported(TWO.replace("\nb,", "\nc,0,1,1\nb,", 1)))
    found = analysis.comparisons.set_index("variant")
    assert found.loc["b", "difference"] == pytest.approx(0.2)
    assert set(found.verdict) == {"cannot tell"}


def test_three_formats_say_the_same(log, tmp_path):
    given = {"variant": "m", "seed": "s", "step": "t", "metrics": ["acc:max"]}
    frame = pd.read_csv(log(TWO))
    frame.to_parquet(tmp_path / "log.parquet")
    frame.to_json(tmp_path / "log.jsonl", orient="records", lines=True)
    curves = []
    for kind in importers.KINDS:
        results = importers.read(tmp_path / f"log.{kind}", kind, tmp_path / kind, **given)
        curves.append(results.curves.drop(columns="trial_id"))
    pd.testing.assert_frame_equal(curves[0], curves[1])
    pd.testing.assert_frame_equal(curves[0], curves[2])


def test_groups_are_questions(imported):
    text = "d,m,s,t,acc\nx,a,0,1,0.5\nx,b,0,1,0.6\ny,b,0,1,0.7\ny,a,0,1,0.8\n"
    suite = imported(text, group="d", baseline="b").suite
    assert list(suite.questions) == ["x", "y"]
    assert [suite.baseline(q) for q in suite.questions] == ["b", "b"]
    assert suite.questions["y"].ask == "Which m ends with the highest acc on y?"
    assert len({*imported(text, group="d").trials.trial_id}) == 4


def test_names_are_kept_as_they_are(imported):
    name = "<script>alert('β')</script>, =1+1 [red]/x|y"
    text = f'm,s,t,acc\n"{name}",0,1,0.5\nb,0,1,0.6\n'
    assert list(imported(text).suite.variants("imported")) == [name, "b"]


def test_metrics_that_are_known_need_no_direction(imported):
    results = imported(
        "m,s,t,test_accuracy,test_loss\na,0,1,0.5,2\n", metrics=["test_accuracy", "test_loss:min"]
    )
    assert results.suite.metrics == {}
    assert results.curves.test_accuracy.tolist() == [0.5]
    assert results.trials.test_loss.tolist() == [2]


def test_a_column_may_be_called_almost_anything(imported):
    results = imported(
        "m,s,t,val/acc:top/1,value\na,0,1,0.5,7\n", metrics=["val/acc:top/1:max", "value:min"]
    )
    analysis = bench.analyse(results)
    assert analysis.questions[0].primary.name == "val/acc:top/1"
    assert results.trials.value.tolist() == [7]


# --- seeds ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seeds", "numbers"),
    [
        (["7", "3"], [7, 3]), (["1.0", "2.0"], [1, 2]), (["-1", "0"], [0, 1]),
        (["one", "two"], [0, 1]), (["1", "x"], [0, 1]), (["1", "01"], [0, 1]),
        (["2147483647", "5"], [2147483647, 5]), (["2147483648", "5"], [0, 1]),
        (["20240101120000123", "4"], [0, 1]), (["1.5", "2"], [0, 1]),
    ],
)  # fmt: skip
def test_seeds(imported, seeds, numbers):
    rows = "".join(f"a,{seed},1,0.5\n" for seed in seeds)
    results = imported(HEAD + rows)
    assert results.trials.seed.tolist() == numbers
    assert [json.loads(text)["s"] for text in results.trials.settings] == seeds
    said = any("Seeds are numbered" in note for note in results.suite.imported.notes)
    assert said == (numbers == [0, 1])


def test_too_many_seeds(imported):
    with pytest.raises(DatasetError, match="too many seeds"):
        imported(HEAD + "".join(f"a,{seed},1,0.5\n" for seed in range(10_001)))


# --- what came of a run -----------------------------------------------------------------------


def test_a_run_that_ends_in_nan_has_diverged(imported):
    results = imported(HEAD + "a,0,1,0.5\na,0,2,nan\na,0,3,inf\na,1,1,nan\na,1,2,0.5\n")
    assert trial(results, "a", 0).status == "diverged"
    assert trial(results, "a", 0).diverged_epoch == 2
    assert trial(results, "a", 1).status == "completed"
    assert results.suite.imported.notes[0].startswith("3 values were NaN or infinite")


def test_a_run_without_a_value_has_failed(imported):
    results = imported(HEAD + "a,0,1,\na,1,1,0.5\n")
    assert trial(results, "a", 0).status == "failed"
    assert trial(results, "a", 0).error == "no value of acc in the file"


def test_another_metric_that_ends_in_nan_is_the_worst_there_alone(imported):
    text = "m,s,t,acc,loss\na,0,1,0.5,1\na,0,2,0.6,nan\n"
    results = imported(text, metrics=["acc:max", "loss:min"])
    assert trial(results, "a", 0).status == "completed"
    assert trial(results, "a", 0).loss == math.inf


def test_the_final_value_is_the_last_there_is(imported):
    text = "m,s,t,acc,loss\na,0,10,0.5,\na,0,11,,2\na,0,12,,3\n"
    results = imported(text, metrics=["acc:max", "loss:min"])
    assert (trial(results, "a", 0).acc, trial(results, "a", 0).loss) == (0.5, 3)


def test_steps_that_are_no_whole_numbers(imported):
    results = imported(HEAD + "a,0,0.5,0.1\na,0,1.25,0.2\nb,0,-1,0.3\n")
    assert results.curves.epoch.tolist() == [0.5, 1.25, -1]
    assert results.curves.updates.tolist() == [1, 2, 0]
    assert bench.analyse(results).questions[0].variants[1].primary.by_seed == {0: 0.3}


def test_very_large_steps(imported):
    results = imported(HEAD + "a,0,0,0.1\na,0,5000000000000,0.2\n")
    assert results.curves.updates.tolist() == [0, 5_000_000_000_000]
    assert results.suite.epochs == 2**31 - 1


def test_without_steps(imported):
    results = imported("m,s,acc\na,0,0.5\nb,0,0.6\n", step=None)
    assert "Every row is a whole run" in results.suite.imported.notes[0]
    assert results.suite.step == "step"
    assert results.trials.acc.tolist() == [0.5, 0.6]


def test_repeated_rows_are_said(imported):
    results = imported(HEAD + "a,0,1,0.5\na,0,1,0.5\n")
    assert results.suite.imported.notes == [
        "1 cell repeats what another row says: the same run, step and value count once."
    ]


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"metrics": []}, "no metric"),
        ({"metrics": ["acc"]}, "which values of 'acc' are better is not known"),
        ({"metrics": ["acc:up"]}, "which values of 'acc:up' are better"),
        ({"metrics": ["test_accuracy:min"]}, "the direction of test_accuracy is known"),
        ({"metrics": ["epochs_to_target:min"]}, "a column that Seedwise computes"),
        ({"metrics": ["status:max"]}, "a column that Seedwise computes"),
        ({"metrics": ["acc:max", "acc:min"]}, "named twice"),
        ({"metrics": ["t:max"]}, "the column 't' is named twice"),
        ({"seed": "m"}, "the column 'm' is named twice"),
        ({"metrics": ["loss:min"]}, "no column 'loss'"),
        ({"variant": "M"}, "no column 'M'"),
        ({"group": "data"}, "no column 'data'"),
        ({"baseline": "c"}, "no variant is called 'c'"),
        ({"target": ("loss", 1.0)}, "no such target"),
        ({"target": ("acc", math.nan)}, "no such target"),
        ({"margin": 0.0}, "not a margin"),
        ({"variant": []}, "no variant"),
        ({"variant": ["m", "m"]}, "named twice"),
        ({"repeated": "all"}, "no such policy"),
        ({"empty": "zero"}, "no such policy"),
        ({"claims": ["a wins"]}, "not a claim"),
        ({"claims": ["a better than c"]}, "a claim about 'c'"),
        ({"encoding": "utf-99"}, "no such encoding"),
        ({"comment": ""}, "says nothing"),
        ({"margin": math.inf}, "not a margin"),
    ],
)
def test_options_that_do_not_fit(imported, options, problem, tmp_path):
    with pytest.raises(UsageError, match=problem) as caught:
        imported(TWO, **options)
    assert caught.value.expected
    assert caught.value.found
    assert not (tmp_path / "results").exists()


def test_a_baseline_that_is_not_in_every_group(imported):
    text = "d,m,s,t,acc\nx,a,0,1,0.5\nx,b,0,1,0.6\ny,b,0,1,0.7\n"
    with pytest.raises(UsageError, match="'a' is not in the group 'y'"):
        imported(text, group="d", baseline="a")
    suite = imported(text, group="d").suite
    assert [suite.baseline(q) for q in suite.questions] == ["b", "b"]
    with pytest.raises(UsageError, match="no variant is in every group"):
        imported("d,m,s,t,acc\nx,a,0,1,0.5\ny,b,0,1,0.7\n", group="d")


@pytest.mark.parametrize("column", ["m", "d"])
def test_a_column_mistaken_for_another(imported, column):
    cells = {"m": "a,{0}", "d": "{0},a"}[column]
    text = "m,d,s,t,acc\n" + "".join(f"{cells.format(i)},0,1,0.5\n" for i in range(1001))
    options = {"variant": "d"} if column == "m" else {"group": "m", "variant": "d"}
    with pytest.raises(DatasetError, match="too many"):
        imported(text, **options)


def test_an_import_takes_the_place_of_an_import(imported):
    imported(TWO, metrics=["acc:min"])
    results = imported(HEAD + "z,0,1,0.5\n")
    assert results.trials.variant.tolist() == ["z"]
    assert len(results.runs) == 1
    assert results.suite.metric("acc").higher_is_better


def test_trained_results_are_never_overwritten(tiny_results, log, tmp_path):
    before = load_results(tiny_results).trials
    with pytest.raises(StoreError, match="holds the results of a run"):
        importers.read(
            log(TWO), "csv", tiny_results, variant="m", seed="s", step="t", metrics=["acc:max"]
        )
    pd.testing.assert_frame_equal(load_results(tiny_results).trials, before)


def test_imported_results_cannot_be_trained(imported, tmp_path):
    with pytest.raises(BenchError, match="cannot be trained"):
        bench.run(imported(TWO).suite, tmp_path / "again")

"""Logs in the shapes that tools write them, each with what is to be read from it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest

import bench
from bench import importers
from bench.analysis.run_ends import run_ends
from bench.errors import DatasetError
from bench.report.blocks import Facts
from bench.report.sections import conditions
from bench.verify import verify

CASES = Path(__file__).parent / "cases"
PLAIN = "plain.csv"


@pytest.fixture
def case(tmp_path):
    """Import one of the logs by its usual columns."""

    def read(name, **options):
        given = {"variant": "method", "seed": "seed", "step": "step", "metrics": ["val_acc:max"]}
        kind = name.rpartition(".")[2]
        return importers.read(CASES / name, kind, tmp_path / "results", **(given | options))

    return read


def runs(results):
    """What was read: variant, seed, step and value of every evaluation."""
    columns = ["variant", "seed", "epoch", "val_acc", "status"]
    return results.curves[columns].reset_index(drop=True)


def notes(results):
    return results.suite.imported.notes


@pytest.mark.parametrize("name", ["pandas_nan.csv", "pandas_nan.jsonl"])
def test_nan_that_pandas_wrote(case, name):
    results = case(name, baseline="sgd")
    hot = results.trials[results.trials.variant == "adam_hot"]
    assert hot.status.tolist() == ["diverged"] * 3 + ["completed"] * 3
    assert hot.diverged_epoch.tolist()[:3] == [4, 4, 4]
    assert set(results.trials.status[results.trials.variant == "sgd"]) == {"completed"}
    assert notes(results)[0].startswith("3 runs end without a value of val_acc where one was due")
    reasons = [trial.reason for trial in bench.analyse(results).conditions.broken]
    assert reasons == ["val_acc was not finite at step 4"] * 3


def test_nan_that_pandas_wrote_counted_otherwise(case):
    results = case("pandas_nan.csv", empty="missing")
    assert set(results.trials.status) == {"completed"}
    assert notes(results) == ["Empty cells are values that were not recorded (--empty missing)."]


@pytest.mark.parametrize("empty", [None, "diverged"])
@pytest.mark.parametrize(
    "metrics",
    [["val_acc:max", "train_err:min"], ["train_err:min"], ["train_err:min", "val_acc:max"]],
)
def test_a_metric_that_was_never_recorded(case, metrics, empty):
    results = case("unrecorded_loss.csv", metrics=metrics, empty=empty)
    assert set(results.trials.status) == {"completed"}
    assert results.trials.train_err[results.trials.variant == "b"].isna().all()
    assert results.trials.train_err[results.trials.variant == "a"].notna().all()
    assert "train_err was never recorded for b." in notes(results)
    assert bench.analyse(results).conditions.broken == ()
    assert all(check.outcome != "differs" for check in verify(results.folder))


def test_what_was_never_recorded_has_no_rate(case):
    analysis = bench.analyse(case("unrecorded_loss.csv", metrics=["val_acc:max", "train_err:min"]))
    assert analysis.rates.variant.tolist() == ["a"]


@pytest.mark.parametrize("last", ["", "0.5", "nan"])
def test_a_rate_ends_with_the_last_value_on_record(tmp_path, last):
    rows = [f"a,{s},{t},0.5,{0.5**t if t % 2 else ''}" for s in range(3) for t in range(1, 20)]
    rows += [f"a,{s},20,0.6,{last}" for s in range(3)]
    (tmp_path / "log.csv").write_text("\n".join(["method,seed,step,val_acc,loss", *rows]))
    results = importers.read(
        tmp_path / "log.csv", "csv", tmp_path / "out",
        variant="method", seed="seed", step="step", metrics=["val_acc:max", "loss:min"],
    )  # fmt: skip
    (rate,) = bench.analyse(results).questions[0].rates
    curve = rate.curves[0]
    assert curve.k[-1] == (19 if last == "" else 20)
    assert math.isinf(curve.objective[-1]) == (last == "nan")


def test_a_loss_of_no_known_unit_and_an_accuracy_in_percent(case):
    results = case("test_loss_unit.csv", metrics=["test_loss", "test_accuracy"])
    loss, accuracy = (results.suite.metric(name) for name in ("test_loss", "test_accuracy"))
    assert (loss.unit, loss.higher_is_better) == ("", False)
    assert (accuracy.unit, accuracy.percent) == ("%", False)
    assert results.trials.test_accuracy.tolist() == [81.2, 80.9, 81.5, 83.0, 82.4, 82.9]


def test_percent_beside_shares(case):
    (found,) = case("mixed_percent.csv").suite.imported.mixed
    assert (list(found.percent), list(found.shares)) == (["adam"], ["sgd"])


def test_seeds_in_names(case):
    results = case("seed_42.csv")
    assert sorted(set(results.trials.seed)) == [0, 7, 42, 99, 123]
    assert json.loads(results.trials.settings[0])["seed"] == "seed_42"


def test_seeds_written_in_two_ways_are_paired(case):
    results = case("seed_both.csv")
    by_variant = results.trials.groupby("variant").seed.apply(sorted)
    assert by_variant["sgd"] == by_variant["adam"] == [0, 1, 2, 3, 4]
    assert bench.analyse(results).questions[0].decisive[0].found.contrast.paired


def test_a_resumed_run(case):
    with pytest.raises(
        DatasetError, match="two values of 'val_acc' for adam / 2 at step 200"
    ) as caught:
        case("resumed.csv")
    assert caught.value.where.endswith("lines 24 and 25")
    assert "--repeated last" in caught.value.hint


@pytest.mark.parametrize(
    ("repeated", "value"), [("last", 0.8534), ("first", 0.8524), ("mean", 0.8529)]
)
def test_a_resumed_run_by_policy(case, repeated, value):
    results = case("resumed.csv", repeated=repeated)
    curves = results.curves
    here = (curves.variant == "adam") & (curves.seed == 2) & (curves.epoch == 200)
    assert curves.val_acc[here].tolist() == pytest.approx([value])
    assert len(curves) == 30
    assert f"(--repeated {repeated}): 1 was settled so." in notes(results)[0]


def test_a_variant_of_two_columns(case):
    results = case("two_cols.csv", variant=["optimizer", "lr"])
    assert list(results.suite.variants("imported")) == [
        "optimizer=sgd lr=0.01", "optimizer=sgd lr=0.1", "optimizer=adam lr=0.01", "optimizer=adam lr=0.1",
    ]  # fmt: skip
    assert results.suite.questions["imported"].ask.startswith("Which optimizer and lr ends")
    assert json.loads(results.trials.settings[0]) == {"optimizer": "sgd", "lr": "0.01", "seed": "0"}
    assert all(check.outcome != "differs" for check in verify(results.folder))


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("comment.csv", "1 line beginning with # passed over, as comments."),
        ("utf16.csv", "The text is UTF-16, as its first bytes say."),
        ("header_twice.csv", "1 row that repeated the header passed over."),
    ],
)
def test_text_around_the_rows(case, name, note):
    plain = runs(case(PLAIN))
    results = case(name)
    pd.testing.assert_frame_equal(runs(results), plain)
    assert notes(results) == [note]


def test_runs_that_were_cut_short(case):
    results = case("crashed.csv")
    ends = run_ends(results)["imported"]
    assert ends.short == {"adam": {3: 100, 4: 100}}
    assert ends.sentences == ["adam: 2 of 5 runs ended before 300 steps, seeds 3 and 4 at 100."]
    assert set(results.trials.status) == {"completed"}
    assert run_ends(case(PLAIN)) == {}


def test_runs_that_stop_when_they_are_done(case):
    ends = run_ends(case("early_stop.csv"))["imported"]
    assert not ends.short
    assert ends.sentences[0].startswith("Runs end after different steps")


def test_names_and_values_for_the_analysis(case):
    results = case("names_ab.csv", metrics=["m:max"])
    assert results.trials.variant[results.trials.status == "diverged"].unique().tolist() == ["b"]
    assert len(case("names_about.csv", metrics=["m:max"]).trials) == 16
    results = case("names_sec.csv", metrics=["acc:max", "loss:min"])
    assert results.trials.loss.max() > 1e100
    assert math.isfinite(results.trials.loss.max())


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.iterdir()))
def test_the_report_says_how_each_was_taken(case, name):
    options = {"repeated": "last"}
    if name == "two_cols.csv":
        options["variant"] = ["optimizer", "lr"]
    if name.startswith("names_a"):
        options["metrics"] = ["m:max"]
    if name == "names_sec.csv":
        options["metrics"] = ["acc:max"]
    if name == "test_loss_unit.csv":
        options["metrics"] = ["test_loss", "test_accuracy"]
    results = case(name, **options)
    (section,) = conditions.build(bench.analyse(results))
    facts = [fact for block in section.blocks if isinstance(block, Facts) for fact in block.items]
    source = results.suite.imported
    assert [text for label, text in facts if label == "Note"] == source.notes
    assert [text for label, text in facts if label == "Caution"] == [
        m.caution for m in source.mixed
    ]
    ends = run_ends(results)
    said = [text for label, text in facts if label == "Ends"]
    assert said == (ends["imported"].sentences if ends else [])

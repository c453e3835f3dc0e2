"""Inputs of a trial that its id does not hold: a folder never mixes two of them under one name."""

from __future__ import annotations

import json
import shutil
import sqlite3

import numpy as np
import pytest

from bench import driver, load_results, load_suite
from bench.errors import StoreError, SuiteError
from bench.store import FILE, Store
from bench.verify import DIFFERS, NOT_CHECKED, verify

SUITE = """\
suite: own
title: Own code
dataset: {npz: x.npz}
seeds: 1
epochs: 1
base:
  model: {mlp: {hidden: [3]}}
  optimizer: {SGD: {learning_rate: 0.1}}
  batch_size: 20
questions:
  q:
    ask: Is mine better?
    variants:
      theirs: {}
      mine: {optimizer: {"mine:Own": {learning_rate: 0.1}}}
"""
MINE = """\
import keras
from parts import momentum


class Own(keras.optimizers.SGD):
    def __init__(self, learning_rate=0.1, **options):
        super().__init__(learning_rate, momentum=momentum.VALUE, **options)
"""
MOMENTUM = "VALUE = 0.0\n"


def write_data(path, shift=0.0):
    x = np.random.default_rng(0).normal(size=(60, 4)) + shift
    np.savez(
        path, x_train=x[:40], y_train=np.arange(40) % 2, x_test=x[40:], y_test=np.arange(20) % 2
    )


@pytest.fixture(scope="session")
def trained(tmp_path_factory, bench):
    """A suite with own code beside it, as the command line trained it."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own.yaml").write_text(SUITE)
    (folder / "mine.py").write_text(MINE)
    (folder / "parts").mkdir()
    (folder / "parts" / "momentum.py").write_text(MOMENTUM)
    write_data(folder / "x.npz")
    done = bench("run", "own.yaml", "--trust", "--workers", 0, "--out", "out", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def own(trained, tmp_path):
    """The same, to be changed."""
    return shutil.copytree(trained, tmp_path / "own")


def again(folder, **options):
    """Run it again, in this process: what is refused is refused before anything is imported."""
    size = {key: options.pop(key) for key in ("seeds", "epochs") if key in options}
    suite = load_suite(folder / "own.yaml").resized(**size)
    return driver.run(suite, folder / "out", workers=0, **options)


def momentum(folder, value):
    (folder / "parts" / "momentum.py").write_text(f"VALUE = {value}\n")


def delete(folder):
    (folder / "parts" / "momentum.py").unlink()


def shadow(folder):
    (folder / "keras.py").write_text("")


def edit(folder):
    (folder / "mine.py").write_text(MINE.replace("momentum.VALUE", "0.9"))


CHANGES = {
    "mine has changed": edit,
    "parts.momentum has changed": lambda folder: momentum(folder, 0.9),
    "parts.momentum is gone": delete,
    "keras is new": shadow,
}


class Told(driver.Silent):
    """Keeps what a person is told."""

    def __init__(self):
        self.notes = []

    def noted(self, text):
        self.notes.append(text)


def file(folder):
    return (folder / "out" / FILE).read_bytes()


# --- code -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{"seeds": 2, "trust": True}, {"trust": True}, {}, {"seeds": 2}]
)
@pytest.mark.parametrize("said", CHANGES)
def test_changed_code_is_refused_with_what_to_do(own, said, options):
    """Whether something is left to train or not, trusted or not."""
    before = file(own)
    CHANGES[said](own)
    with pytest.raises(StoreError, match="the code has changed") as caught:
        again(own, **options)
    assert said in caught.value.found
    assert "variants.mine" in caught.value.where
    assert "undo" in caught.value.hint
    assert "--out" in caught.value.hint
    assert file(own) == before


def test_a_change_that_is_undone_is_none(own):
    momentum(own, 0.9)
    with pytest.raises(StoreError):
        again(own)
    momentum(own, 0.0)
    assert len(again(own).trials) == 2


def test_other_files_of_the_folder_do_not_matter(own):
    (own / "notes.txt").write_text("x")
    (own / "unused.py").write_text("x = 1")
    write_data(own / "other.npz")
    assert len(again(own).trials) == 2


def test_variants_that_name_no_code_may_go_on(own):
    momentum(own, 0.9)
    text = SUITE.replace('      mine: {optimizer: {"mine:Own": {learning_rate: 0.1}}}\n', "")
    (own / "own.yaml").write_text(text)
    assert again(own, seeds=2).trials.variant.tolist() == ["theirs"] * 2


def test_seeds_that_are_not_planned_any_more_count_too(own):
    """One way of training is one program, whichever seeds are asked for today."""
    momentum(own, 0.9)
    with pytest.raises(StoreError, match="the code has changed"):
        again(own, seeds=[7], trust=True)


def test_what_trained_is_kept(own):
    trials = load_results(own / "out").trials.set_index("variant")
    assert trials.code.isna()["theirs"]
    assert set(json.loads(trials.code["mine"])) == {"mine", "parts.momentum"}


def test_the_command_line_says_it_and_goes_on_once_it_is_undone(own, bench):
    """The whole way: two seeds of one program, or none."""
    momentum(own, 0.9)
    arguments = ("run", "own.yaml", "--trust", "--workers", 0, "--out", "out", "--seeds", 2)
    refused = bench(*arguments, cwd=own)
    assert refused.returncode == 2
    assert "parts.momentum has changed" in refused.stderr
    assert "Traceback" not in refused.stderr
    momentum(own, 0.0)
    done = bench(*arguments, cwd=own)
    assert done.returncode == 0, done.stderr
    trials = load_results(own / "out").trials
    assert len(trials) == 4
    assert trials.code.nunique() == 1
    assert "parts.momentum" in (own / "out" / "report.html").read_text()


def test_timing_refuses_changed_code_too(own):
    momentum(own, 0.9)
    with pytest.raises(StoreError, match="the code has changed"):
        driver.time_epochs(load_suite(own / "own.yaml"), own / "out", rounds=1, trust=True)


def test_code_that_nobody_recorded_is_said_and_goes_on(own):
    """A folder of an earlier version."""
    with sqlite3.connect(own / "out" / FILE) as db:
        db.execute("ALTER TABLE trials DROP COLUMN code")
        db.execute("DROP TABLE data")
    db.close()
    told = Told()
    momentum(own, 0.9)
    again(own, observer=told)
    (note,) = told.notes
    assert "trained mine and did not record the code" in note


def test_verify_knows(own):
    where_it_was(own)
    assert not [c for c in verify(own / "out", trials=0) if c.outcome == DIFFERS]
    (same,) = (c for c in verify(own / "out", trials=0) if c.what == "code")
    assert same.outcome == "agrees"
    momentum(own, 0.9)
    (differs,) = (c for c in verify(own / "out", trials=0) if c.what == "code")
    assert (differs.outcome, differs.found) == (DIFFERS, "q / mine: parts.momentum has changed")
    with sqlite3.connect(own / "out" / FILE) as db:
        db.execute("UPDATE trials SET code = NULL")
    db.close()
    (unknown,) = (c for c in verify(own / "out", trials=0) if c.what == "code")
    assert unknown.outcome == NOT_CHECKED
    assert "of 1 trials" in unknown.found


def where_it_was(folder):
    """Let the results folder name the copy of the suite as its own."""
    with sqlite3.connect(folder / "out" / FILE) as db:
        db.execute("UPDATE runs SET path = ?", (str(folder),))
    db.close()


def test_code_that_changes_while_a_run_goes_on(own, monkeypatch, tmp_path):
    """A worker that imports it later trains with something else: its trial fails."""
    from bench import runner

    real = runner.run_trial

    def later(trial, **options):
        import dataclasses

        result = real(trial, **options)
        other = result.code and result.code.replace('"mine": "', '"mine": "0')
        return dataclasses.replace(result, code=other)

    monkeypatch.setattr(runner, "run_trial", later)
    suite = load_suite(own / "own.yaml")
    results = driver.run(suite, tmp_path / "out", workers=0, trust=True)
    failed = results.trials[results.trials.status == "failed"]
    assert failed.variant.tolist() == ["mine"]
    assert "other code than was checked" in failed.error.iloc[0]


def test_code_that_this_process_imported_before_it_changed(own, tmp_path):
    suite = load_suite(own / "own.yaml")
    driver.run(suite, tmp_path / "one", workers=0, trust=True)
    momentum(own, 0.9)
    with pytest.raises(SuiteError, match="not what lies there now") as caught:
        driver.run(suite, tmp_path / "two", workers=0, trust=True)
    assert caught.value.found.startswith("parts.momentum")
    assert "new process" in caught.value.hint


# --- data -------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"seeds": 2}])
def test_changed_data_is_refused_whether_something_is_left_or_not(own, options):
    before = file(own)
    write_data(own / "x.npz", shift=1.0)
    with pytest.raises(StoreError, match="the data has changed") as caught:
        again(own, trust=True, **options)
    assert "dataset" in caught.value.where
    assert file(own) == before


def test_data_of_a_finished_question_counts_while_others_train(own):
    """What is left to train is of another data set."""
    (own / "own.yaml").write_text(
        SUITE.replace('      mine: {optimizer: {"mine:Own": {learning_rate: 0.1}}}\n', "")
        + "  more:\n    ask: And there?\n    dataset: {npz: y.npz}\n    variants: {theirs: {}}\n"
    )
    write_data(own / "y.npz", shift=2.0)
    write_data(own / "x.npz", shift=1.0)
    with pytest.raises(StoreError, match="the data has changed"):
        again(own)
    write_data(own / "x.npz")
    assert len(again(own).trials) == 2


def test_data_that_is_not_here_has_not_changed(own):
    (own / "x.npz").unlink()
    told = Told()
    again(own, observer=told)
    (note,) = told.notes
    assert "whether the data has changed is not known" in note
    assert "x.npz: there is no such file" in note


def test_the_same_numbers_in_another_type_are_the_same_data(own):
    with np.load(own / "x.npz") as arrays:
        np.savez_compressed(own / "x.npz", **{k: v.astype("f4") for k, v in dict(arrays).items()})
    assert len(again(own).trials) == 2


# --- what is said of data ---------------------------------------------------------------------


def test_notes_on_the_data_are_told_kept_and_reported(tmp_path, bench):
    from bench import analyse, write_report

    x = np.random.default_rng(0).integers(0, 256, (60, 4))
    y = np.arange(60) % 2 + 1
    np.savez(tmp_path / "x.npz", x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])
    text = SUITE.replace('      mine: {optimizer: {"mine:Own": {learning_rate: 0.1}}}\n', "")
    (tmp_path / "own.yaml").write_text(text)
    told = Told()
    results = again(tmp_path, observer=told)
    assert any("data x: labels start at 1" in note for note in told.notes)
    assert any("data x: whole numbers from 0 to 255 are taken for pixels" in n for n in told.notes)
    (about,) = results.data.values()
    assert (about["scale"], about["train"], about["shape"]) == (1 / 255, 40, [4])
    page = write_report(analyse(results), tmp_path / "report.html").read_text()
    assert "multiplied by 1/255, since whole numbers from 0 to 255" in page
    assert "labels start at 1" in page
    said = bench("run", "own.yaml", "--out", "out", cwd=tmp_path)
    assert "note: data x: labels start at 1" in said.stdout


def test_a_class_that_was_not_drawn_is_told(tmp_path):
    write_data(tmp_path / "x.npz")
    text = SUITE.replace('      mine: {optimizer: {"mine:Own": {learning_rate: 0.1}}}\n', "")
    (tmp_path / "own.yaml").write_text(
        "train_images: 1\n" + text.replace("batch_size: 20", "batch_size: 1")
    )
    told = Told()
    results = again(tmp_path, observer=told)
    assert told.notes == ["data x: the training images that were drawn lack a class"]
    assert results.trials.notes.tolist() == ["the training images that were drawn lack a class"]


def test_tokens_train_alike_whatever_their_type(tmp_path):
    """An embedding of bytes that were divided by 255 knew one token, and was no better than chance."""
    tokens = np.random.default_rng(0).integers(7, 50, (200, 6))
    y = (tokens[:, 0] > 28).astype(int)
    text = SUITE.replace('      mine: {optimizer: {"mine:Own": {learning_rate: 0.1}}}\n', "")
    layers = "[{Embedding: {input_dim: 50, output_dim: 8}}, Flatten, {Dense: {units: 2}}]"
    text = text.replace("{mlp: {hidden: [3]}}", f"{{layers: {layers}}}").replace(
        "epochs: 1", "epochs: 8"
    )
    text = text.replace("{SGD: {learning_rate: 0.1}}", "{Adam: {learning_rate: 0.05}}")
    curves = []
    for dtype in ("uint8", "int64", "float32"):
        (tmp_path / dtype).mkdir()
        (tmp_path / dtype / "own.yaml").write_text(text)
        x = tokens.astype(dtype)
        arrays = {"x_train": x[:150], "x_test": x[150:], "y_train": y[:150], "y_test": y[150:]}
        np.savez(tmp_path / dtype / "x.npz", **arrays)
        results = again(tmp_path / dtype)
        assert results.trials.test_accuracy.item() > 0.85
        curves.append(results.curves.test_loss.tolist())
    assert curves[0] == curves[1] == curves[2]


def test_regression_from_a_table_is_run_and_reported(tmp_path):
    from bench import analyse, write_report

    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    rows = np.column_stack([x, x @ [1.0, -2.0, 0.5] + 3])
    np.savetxt(tmp_path / "t.csv", rows, delimiter=",", header="a,b,c,y", comments="")
    text = SUITE.replace("{npz: x.npz}", "{csv: t.csv, label: y}")
    text = text.replace('      mine: {optimizer: {"mine:Own": {learning_rate: 0.1}}}\n', "")
    text = text.replace("epochs: 1", "epochs: 60\nprimary: test_loss")
    text = text.replace(
        "{mlp: {hidden: [3]}}", "{layers: [{Dense: {units: 1}}]}\n  loss: MeanSquaredError"
    )
    (tmp_path / "own.yaml").write_text(text)
    results = again(tmp_path, seeds=3)
    assert (results.trials.test_loss < 1e-3).all()  # the targets are linear
    assert results.trials.test_accuracy.isna().all()
    page = write_report(analyse(results), tmp_path / "report.html").read_text()
    assert "real-valued targets" in page


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("", "primary"),
        ("primary: test_loss\ntarget: {test_accuracy: 0.5}\n", "target"),
        ("primary: train_accuracy\n", "primary"),
    ],
)
def test_an_accuracy_decides_nothing_where_targets_are_real(tmp_path, line, where):
    x = np.random.default_rng(0).normal(size=(60, 4))
    np.savez(tmp_path / "x.npz", x_train=x[:40], y_train=x[:40, 0], x_test=x[40:], y_test=x[40:, 0])
    text = SUITE.replace('      mine: {optimizer: {"mine:Own": {learning_rate: 0.1}}}\n', "")
    text = text.replace("base:\n", f"{line}base:\n  loss: MeanSquaredError\n")
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(SuiteError, match="where targets are real-valued") as caught:
        again(tmp_path)
    assert where in caught.value.where
    assert "test_loss" in caught.value.expected


def test_trials_of_different_versions_are_said(own):
    from bench.analysis.conditions import conditions

    assert conditions(load_results(own / "out")).cautions == ()
    with sqlite3.connect(own / "out" / FILE) as db:
        db.execute(
            'UPDATE trials SET versions = replace(versions, \'"keras": "\', \'"keras": "0.\')'
            " WHERE rowid = 1"
        )
    db.close()
    (caution,) = conditions(load_results(own / "out")).cautions
    assert caution.startswith("Trials were trained with different versions: keras (")


def test_a_results_folder_says_what_it_was_trained_on(own):
    with Store(own / "out") as store:
        kept = store.kept()
    assert kept.checksums.keys() == {'{"npz": "x.npz"}'}
    assert len(kept.code) == len(kept.unknown) == 1

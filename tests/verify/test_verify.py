"""What ``bench verify`` finds: nothing in a folder as it was written, and each thing that was changed in it."""

from __future__ import annotations

import itertools
import json
import shutil
import sqlite3

import numpy as np
import pytest

from bench import driver, importers, load_results, load_suite
from bench.errors import StoreError
from bench.store import FILE
from bench.verify import DIFFERS, NOT_CHECKED, _again, verify
from bench.verify._check import AGREES, SAID, Check


@pytest.fixture
def folder(tiny_results, tmp_path):
    """A finished run of the tiny suite, that may be changed."""
    shutil.copytree(tiny_results, tmp_path / "run")
    return tmp_path / "run"


def change(folder, *statements):
    db = sqlite3.connect(folder / FILE)
    for statement in statements:
        assert db.execute(statement).rowcount > 0
    db.commit()
    db.close()


def outcomes(checks):
    return {check.what: check.outcome for check in checks}


def differing(folder, **options):
    return [c for c in verify(folder, workers=0, **options) if c.outcome == DIFFERS]


SLOW = "(SELECT trial_id FROM plan WHERE variant = 'slow' AND seed = 1)"
NAME = "rates / slow / seed 1"


# --- all is well ------------------------------------------------------------------------------


def test_a_run_is_trained_again_to_the_same_bits(folder):
    before = (folder / FILE).read_bytes()
    checks = list(verify(folder, trials=4, workers=0))
    assert [check.what for check in checks[:5]] == ["file", "ids", "plan", "frames", "data digits"]
    assert set(outcomes(checks).values()) == {AGREES}
    again = checks[5:]
    assert len(again) == 4
    assert {check.what.rsplit(" / ", 1)[0] for check in again} == {
        "rates / fast",
        "rates / slow",
        "shared / wide",
    }
    assert all("the same bits: 3 evaluations" in check.found for check in again)
    assert all("predictions" in check.found for check in again)
    assert (folder / FILE).read_bytes() == before


def test_workers_train_them_to_the_same_bits(folder):
    checks = list(verify(folder, trials=2, workers=1))
    assert set(outcomes(checks).values()) == {AGREES}


def test_a_diverged_trial_is_compared_as_it_is(tiny, tmp_path):
    text = tiny.read_text().replace("learning_rate: 0.01}", "learning_rate: 1.0e+30}")
    tiny.write_text(text)
    suite = load_suite(tiny).resized(seeds=1, questions=["rates"])
    results = driver.run(suite, tmp_path / "out", workers=0)
    assert "diverged" in set(results.trials.status)
    assert set(outcomes(verify(tmp_path / "out", workers=0)).values()) == {AGREES}


def test_weights_are_compared(tiny, tmp_path):
    tiny.write_text("weights: true\n" + tiny.read_text())
    suite = load_suite(tiny).resized(seeds=1, questions=["shared"])
    results = driver.run(suite, tmp_path / "out", workers=0)
    checks = list(verify(tmp_path / "out", trials=1, workers=0))
    assert checks[-1].found.endswith("predictions, weights")
    first = results.weights.of(results.trials.trial_id[0])
    other = {path: array + 1 for path, array in first.items()}
    db = sqlite3.connect(tmp_path / "out" / FILE)
    from bench.weights import pack

    db.execute("UPDATE weights SET npz = ?", (pack(list(other.items())),))
    db.commit()
    db.close()
    (found,) = differing(tmp_path / "out", trials=1)
    assert "the weights dense_1/kernel are others" in found.found


# --- what was changed -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "said", "statement"),
    [
        ("ids", "settings are", "UPDATE trials SET settings = replace(settings, '0.01', '0.02')"),
        ("ids", "not those of a trial", "UPDATE trials SET settings = '{}'"),
        ("frames", "2 evaluations, not the 3", "DELETE FROM curves WHERE updates = 29"),
        ("frames", "predictions are not there", "DELETE FROM predictions"),
        ("frames", "no measure of the probe sparsity", "DELETE FROM probes"),
        ("frames", "predictions have the accuracy", "UPDATE curves SET test_accuracy = 0.5"),
        ("frames", "does not bear out", "UPDATE curves SET train_objective = NULL"),
        ("frames", "training time falls", "UPDATE curves SET train_time_s = -train_time_s"),
        ("frames", "does not say why", "UPDATE trials SET status = 'failed'"),
        ("frames", "makes no sense", "UPDATE curves SET epoch = 0"),
        ("data digits", "trained on content 0123", "UPDATE trials SET dataset_checksum = '0123'"),
    ],
)
def test_what_does_not_fit_together_is_found(folder, what, said, statement):
    change(folder, f"{statement} {'AND' if 'WHERE' in statement else 'WHERE'} trial_id = {SLOW}")
    found = {check.what: check.found for check in differing(folder, trials=0)}
    assert said in found[what]
    if not what.startswith("data"):
        assert NAME in found[what]


def test_what_cannot_be_read_is_found(folder):
    change(folder, f"UPDATE trials SET status = 'done' WHERE trial_id = {SLOW}")
    checks = list(verify(folder))
    assert [check.what for check in checks] == ["file", "frames"]
    assert checks[1].outcome == DIFFERS
    assert "the results file cannot be read" in checks[1].found
    assert "none of completed, diverged, failed" in checks[1].found


def test_a_suite_that_means_other_trials_is_found(folder):
    change(folder, "UPDATE runs SET suite = replace(suite, '0.01}', '0.02}')")
    (found,) = differing(folder, trials=0)
    assert found.what == "plan"
    assert f"{NAME}: the suite means another training" in found.found


def test_rows_without_their_trial_are_found(folder):
    change(folder, f"DELETE FROM trials WHERE trial_id = {SLOW}")
    checks = list(verify(folder))
    assert [check.what for check in checks] == ["file"]
    assert checks[0].outcome == DIFFERS
    assert "rows of curves without their trial: " in checks[0].found


@pytest.mark.parametrize(
    ("said", "statement"),
    [
        ("test_loss after 58 updates was", "UPDATE curves SET test_loss = test_loss * (1 + 1e-15)"),
        ("sparsity mean_abs at epoch 2 was", "UPDATE probes SET value = value * (1 + 1e-15)"),
        ("parameters was", "UPDATE trials SET parameters = parameters + 1"),
    ],
)
def test_a_changed_bit_is_found_by_training_again(folder, said, statement):
    where = {"curves": "AND updates = 58", "probes": "AND measure = 'mean_abs'"}
    table = statement.split()[1]
    change(folder, f"{statement} WHERE trial_id = {SLOW} {where.get(table, '')}")
    (found,) = differing(folder, trials=9)
    assert found.what == NAME
    assert "on the machine of then" in found.found
    assert said in found.found


def test_other_predictions_are_found(folder):
    """Packed anew with two images exchanged, so that the accuracy stays."""
    results = load_results(folder)
    (trial_id,) = results.trials.trial_id[
        (results.trials.variant == "slow") & (results.trials.seed == 1)
    ]
    wrong = results.predictions.predicted(trial_id) - results.predictions.labels(trial_id)
    first, second = np.flatnonzero(wrong == 0)[0], np.flatnonzero(wrong != 0)[0]
    wrong[[first, second]] = wrong[[second, first]]
    from bench.predictions import pack

    packed = pack(wrong, np.zeros_like(wrong), 10).wrong_by
    db = sqlite3.connect(folder / FILE)
    db.execute(f"UPDATE predictions SET wrong_by = ? WHERE trial_id = {SLOW}", (packed,))
    db.commit()
    db.close()
    (found,) = differing(folder, trials=9)
    assert "2 of 355 predictions are others" in found.found


def test_many_problems_are_not_all_spelt_out():
    found = Check.of("frames", [f"problem {n}" for n in range(1000)], "fine").found
    assert found.splitlines() == [*(f"problem {n}" for n in range(SAID)), "and 995 more"]
    assert len(Check.of("frames", ["x" * 10**6], "fine").found) < 2000


# --- on another machine -----------------------------------------------------------------------


OTHER = """UPDATE trials SET machine = replace(machine, '"processor": "', '"processor": "Other ')"""


@pytest.mark.parametrize(
    ("column", "factor", "where", "outcome", "said"),
    [
        ("test_loss", 1 + 1e-6, "1", AGREES, "the same but for rounding"),
        ("test_accuracy", 1 + 1e-3, "1", AGREES, "the same but for rounding"),
        ("test_loss", 1 + 1e-4, "updates = 0", DIFFERS, "test_loss after 0 updates was"),
        ("test_loss", 1.08, "updates = 58", AGREES, "no further apart than other seeds"),
        ("test_loss", 10, "updates = 58", DIFFERS, "test_loss after 58 updates was"),
        ("train_objective", 0.1, "updates = 29", DIFFERS, "train_objective after 29 updates was"),
        ("learning_rate", 1.001, "1", DIFFERS, "learning_rate after 0 updates was 0.01001, is"),
    ],
)
def test_rounding_alone_is_tolerated_from_another_machine(
    folder, column, factor, where, outcome, said
):
    changed = f"UPDATE curves SET {column} = {column} * {factor} WHERE trial_id = {SLOW}"
    change(folder, f"{changed} AND {where}", OTHER)
    found = {check.what: check for check in verify(folder, trials=9, workers=0)}
    assert found[NAME].outcome == outcome
    assert said in found[NAME].found
    assert found[NAME].found.endswith("(other processor)")
    assert sum("the same bits" in check.found for check in found.values()) == 8


def test_few_seeds_from_another_machine_do_not_tell(tiny, tmp_path):
    out = tmp_path / "out"
    driver.run(load_suite(tiny).resized(seeds=2, questions=["rates"]), out, workers=0)
    change(out, "UPDATE curves SET train_loss = 2 * train_loss WHERE updates = 58", OTHER)
    found = list(verify(out, workers=0))[-1]
    assert found.outcome == NOT_CHECKED
    assert "fewer than three seeds do not tell why" in found.found


def test_a_status_that_no_seed_had_differs(folder):
    change(
        folder,
        f"UPDATE trials SET status = 'diverged', diverged_epoch = 2 WHERE trial_id = {SLOW}",
        OTHER,
    )
    found = {check.what: check for check in verify(folder, trials=9, workers=0)}
    assert found["frames"].outcome == DIFFERS
    assert found[NAME].outcome == AGREES  # other seeds of the variant completed
    change(folder, "UPDATE trials SET status = 'diverged', diverged_epoch = 2")
    found = {check.what: check for check in verify(folder, trials=9, workers=0)}
    assert found[NAME].outcome == DIFFERS
    assert "it diverged, and now it completed" in found[NAME].found


def test_other_versions_are_said(folder):
    change(
        folder,
        "UPDATE curves SET test_loss = test_loss * 1.0001"
        f" WHERE updates = 58 AND trial_id = {SLOW}",
        'UPDATE trials SET versions = replace(versions, \'"keras": "\', \'"keras": "0.\')',
    )
    found = {check.what: check for check in verify(folder, trials=9, workers=0)}
    assert found[NAME].outcome == AGREES
    assert "(other keras)" in found[NAME].found


# --- which trials -----------------------------------------------------------------------------


def ids(rows):
    return {row["trial_id"] for row in rows}


def test_the_same_trials_are_chosen_and_more_begin_with_fewer(tiny_results):
    trials = load_results(tiny_results).trials
    chosen = [ids(_again.chosen(trials, count)) for count in range(11)]
    assert [len(found) for found in chosen] == [*range(10), 9]
    assert all(few <= more for few, more in itertools.pairwise(chosen))
    assert ids(_again.chosen(trials.sample(frac=1, random_state=1), 4)) == chosen[4]


def test_every_variant_has_its_turn(tiny_results):
    rows = _again.chosen(load_results(tiny_results).trials, 3)
    assert {row["variant"] for row in rows} == {"fast", "slow", "wide"}


def test_failed_trials_are_not_trained_again(folder):
    change(folder, "UPDATE trials SET status = 'failed', error = 'a bad day'")
    checks = list(verify(folder, workers=0))
    assert checks[-1] == Check("training", NOT_CHECKED, "no trial has finished")


# --- what cannot be checked, or cannot be repeated --------------------------------------------


def test_code_of_the_suite_needs_trust(tiny, tmp_path):
    (tmp_path / "ours.py").write_text(
        "import keras\n\n\nclass Mine(keras.optimizers.SGD):\n    pass\n"
    )
    tiny.write_text(tiny.read_text().replace("{SGD: {learning_rate: 0.01}}", '"ours:Mine"'))
    suite = load_suite(tiny).resized(seeds=1, questions=["rates"])
    driver.run(suite, tmp_path / "out", workers=0, trust=True)
    checks = list(verify(tmp_path / "out", workers=0))
    assert checks[-1].outcome == NOT_CHECKED
    assert "--trust" in checks[-1].found
    assert set(outcomes(verify(tmp_path / "out", workers=0, trust=True)).values()) == {AGREES}


def test_data_that_is_gone_is_said(tiny, tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"x_train": (40, 4), "x_test": (20, 4)}
    parts = {name: rng.normal(size=shape).astype("f4") for name, shape in arrays.items()}
    np.savez(tmp_path / "d.npz", **parts, y_train=np.arange(40) % 10, y_test=np.arange(20) % 10)
    text = tiny.read_text().replace("dataset: digits", "dataset: {npz: d.npz}")
    tiny.write_text(text.replace("batch_size: 50", "batch_size: 20"))
    driver.run(load_suite(tiny).resized(seeds=1), tmp_path / "out", workers=0)
    assert not differing(tmp_path / "out", trials=1)
    (tmp_path / "d.npz").unlink()
    data, training = differing(tmp_path / "out", trials=1)
    assert data.what == 'data {"npz": "d.npz"}'
    assert "d.npz" in data.found
    assert training.what == "training"


def test_imported_results(tmp_path):
    log = tmp_path / "log.csv"
    rows = [f"{m},{s},{k},{k * s + (m == 'b')}" for m in "ab" for s in (1, 2) for k in (0, 1)]
    log.write_text("\n".join(["method,seed,step,reward", *rows]))
    out = tmp_path / "out"
    importers.read(
        log, "csv", out, variant="method", seed="seed", step="step", metrics=["reward:max"]
    )
    checks = list(verify(out))
    assert [check.what for check in checks] == ["file", "ids", "frames", "data", "training"]
    assert [check.outcome for check in checks] == [*[AGREES] * 3, *[NOT_CHECKED] * 2]
    assert json.loads(load_results(out).runs.suite[0])["imported"]["sha256"] in checks[3].found
    change(out, "UPDATE trials SET settings = replace(settings, '\"2\"', '\"3\"')")
    (ids_,) = differing(out)
    assert ids_.what == "ids"
    assert "imported / a / seed 2" in ids_.found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ("master_worker", "the same bits"),
        ("multi_worker", "the same bits"),
        (
            "parameter_server",
            "the first evaluation alone, since parameter_server is not repeatable",
        ),
    ],
)
def test_several_workers(tiny, tmp_path, engine, said):
    text = tiny.read_text().replace(
        "  batch_size: 50", f"  batch_size: 50\n  engine: {{{engine}: {{workers: 2}}}}"
    )
    tiny.write_text(text)
    suite = load_suite(tiny).resized(seeds=1, questions=["rates"])
    driver.run(suite, tmp_path / "out", workers=0)
    checks = list(verify(tmp_path / "out", workers=0))
    assert set(outcomes(checks).values()) == {AGREES}
    assert said in checks[-1].found


# --- the command ------------------------------------------------------------------------------


def test_the_command_says_what_it_found(bench, folder, tmp_path):
    done = bench("verify", folder, "--trials", "1", "--workers", "0")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "1 trials; no workers, about" in done.stdout
    assert "the same bits" in done.stdout
    assert done.stdout.rstrip().endswith("nothing differs")

    change(folder, f"UPDATE curves SET test_accuracy = 0.5 WHERE trial_id = {SLOW}")
    done = bench("verify", folder, "--trials", "0")
    assert done.returncode == 1
    assert "1 of 5 checks differ" in done.stdout
    assert f"{NAME}: its predictions have the accuracy" in done.stdout

    done = bench("verify", tmp_path / "nowhere")
    assert done.returncode == 2
    assert "no results here" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / FILE).write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match="cannot be read"):
        list(verify(tmp_path))

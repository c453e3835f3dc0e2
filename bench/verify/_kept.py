"""What a results folder keeps, checked against itself and against the data it was trained on."""

from __future__ import annotations

import itertools
import json
import math
from typing import TYPE_CHECKING, Final

from bench import datasets, importers, own_code, plugins
from bench.errors import BenchError, StoreError, first_line
from bench.runner import stops
from bench.trial import Training, Trial, expand
from bench.verify._check import NOT_CHECKED, Check
from bench.weights import NOT_FINITE, not_finite

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence
    from typing import Any

    import pandas as pd

    from bench.store import Results
    from bench.suite import Imported

    Row = Mapping[Hashable, Any]  # of the frame ``trials``

NEAR: Final = 1e-3
"""By how much the accuracy of the predictions may differ from the last evaluation's, which another program
computes: where two classes are as likely but for rounding, they may choose differently."""


def checks(results: Results) -> Iterator[Check]:
    """Ids, plan, frames, data and code, in this order."""
    rows = results.trials.drop_duplicates("trial_id").to_dict("records")
    if results.suite.imported is not None:
        yield from _imported(results, results.suite.imported, rows)
        return
    wrong = [problem for row in rows if (problem := _id_problem(row))]
    yield Check.of(
        "ids", wrong, f"the ids of {len(rows):,} trials are those of their settings and seeds"
    )
    yield _plan(results)
    curves = dict(iter(once(results.curves).groupby("trial_id", sort=False)))
    probed: dict[str, set[str]] = {}
    for trial_id, probe in set(zip(results.probes.trial_id, results.probes.probe, strict=True)):
        probed.setdefault(trial_id, set()).add(probe)
    found = []
    for row in rows:
        try:
            problems = list(_problems(results, row, curves.get(row["trial_id"]), probed))
        except (ValueError, TypeError, LookupError, ArithmeticError) as error:  # broken numbers
            problems = [f"what is kept of it makes no sense: {first_line(error)}"]
        found += [f"{name_of(row)}: {problem}" for problem in problems]
    yield Check.of("frames", found, _said(results))
    yield from _data(results, rows)
    yield from _code(results, rows)


def once(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame with the rows of each trial once, where questions share it."""
    first = frame.drop_duplicates("trial_id")[["trial_id", "question", "variant"]]
    return frame.merge(first)


def name_of(row: Row) -> str:
    """How people know a trial."""
    return f"{row['question']} / {row['variant']} / seed {row['seed']}"


def training_of(row: Row) -> Training:
    """The settings of a trial as they are kept.

    Raises:
        ValueError, TypeError, LookupError: they are no such settings.
    """
    training = Training.from_canonical(row["settings"])
    _ = training.canonical
    return training


def _id_problem(row: Row) -> str | None:
    """What is wrong with the id of a trial, if something is."""
    try:
        now = Trial(training_of(row), int(row["seed"])).id
    except (ValueError, TypeError, LookupError):
        return f"{name_of(row)}: its settings are not those of a trial"
    kept = row["trial_id"]
    return None if now == kept else f"{name_of(row)}: kept as {kept}, but its settings are {now}"


def _plan(results: Results) -> Check:
    """Whether the suite, as it is kept, still means the trials that were planned."""
    try:
        uses = expand(results.suite)
    except BenchError as error:
        return Check("plan", NOT_CHECKED, str(error))
    now = {(use.question, use.variant, use.trial.seed): use.trial.id for use in uses}
    other = [
        f"{name_of(row)}: the suite means another training"
        for row in results.trials.to_dict("records")
        if now.get((row["question"], row["variant"], row["seed"])) != row["trial_id"]
    ]
    planned = len(set(now.values()))
    if planned != results.planned:
        other.append(f"{results.planned:,} trials were planned, the suite means {planned:,}")
    return Check.of("plan", other, f"the suite means the {planned:,} trials that were planned")


def _said(results: Results) -> str:
    trials = results.trials.trial_id.nunique()
    evaluations, measures = (len(once(f)) for f in (results.curves, results.probes))
    return (
        f"{trials:,} trials, {evaluations:,} evaluations and {measures:,} measures"
        " are complete and fit together"
    )


def _problems(
    results: Results, row: Row, curve: pd.DataFrame | None, probed: Mapping[str, set[str]]
) -> Iterator[str]:
    """What does not fit together in what is kept of a trial."""
    if row["status"] == "failed":
        if not isinstance(row["error"], str) or not row["error"].strip():
            yield "it failed, and does not say why"
        return
    if curve is None or curve.empty:
        yield "it has no evaluations"
        return
    training, completed = training_of(row), row["status"] == "completed"
    yield from _curve_problems(training, curve, row)
    if completed:
        yield from _prediction_problems(results, row, training)
        yield from _weight_problems(results, row, training)
        named = {plugins.named(spec)[0] for spec in training.probes}
        for probe in sorted(named - probed.get(row["trial_id"], set())):
            yield f"it has no measure of the probe {probe}"


def _curve_problems(training: Training, curve: pd.DataFrame, row: Row) -> Iterator[str]:
    updates, epochs = curve.updates.tolist(), curve.epoch.tolist()
    finite = [math.isfinite(value) for value in curve.train_objective]
    completed = row["status"] == "completed"
    unseen = not completed and NOT_FINITE in str(row["notes"])  # by the loss
    if not all(finite[:-1]) or finite[-1] != (completed or unseen):
        yield f"it {row['status']}, which its training objective does not bear out"
    if not completed and row["diverged_epoch"] != math.ceil(epochs[-1]):
        yield f"it diverged in epoch {row['diverged_epoch']}, and its curve ends at {epochs[-1]:g}"
    if any(b < a for a, b in itertools.pairwise([0.0, *curve.train_time_s])):
        yield "its training time falls"
    if len(updates) > 1:
        each = round(updates[-1] / epochs[-1])
        due = [0]
        for epoch in range(1, training.epochs + 1):
            due += [(epoch - 1) * each + stop for stop in stops(training, epoch, each)]
        if updates != (due if completed else due[: len(updates)]):
            yield f"{len(updates)} evaluations, not the {len(due)} that the suite asks for"
    elif completed:
        yield "it was evaluated once"


def _weight_problems(results: Results, row: Row, training: Training) -> Iterator[str]:
    trial_id = row["trial_id"]
    if (trial_id in results.weights) != training.weights:
        yield f"its weights are {'not ' if training.weights else ''}there"
    elif training.weights:
        try:
            broken = not_finite(results.weights.of(trial_id).items())
        except StoreError as error:
            yield f"its weights cannot be unpacked: {error.found}"
            return
        if broken:
            yield f"it completed with {NOT_FINITE}: {', '.join(broken)}"


def _prediction_problems(results: Results, row: Row, training: Training) -> Iterator[str]:
    trial_id, accuracy = row["trial_id"], row["test_accuracy"]
    classes = not math.isnan(accuracy)
    if (trial_id in results.predictions) != (training.predictions and classes):
        yield f"its predictions are {'not ' if training.predictions else ''}there"
    elif trial_id in results.predictions:
        try:
            share = float(results.predictions.correct(trial_id).mean())
        except Exception as error:  # noqa: BLE001 - whatever broken bytes make of it
            yield f"its predictions cannot be unpacked: {error}"
            return
        # One class for all images: outputs so large that rounding decides which one.
        says_one = len(set(results.predictions.predicted(trial_id).tolist())) == 1
        if abs(share - accuracy) > NEAR and not says_one:
            yield f"its predictions have the accuracy {share:.6f}, its curve ends at {accuracy:.6f}"


def _data(results: Results, rows: Sequence[Row]) -> Iterator[Check]:
    """Whether the data is still that of the trials, one check per data set."""
    kept: dict[str, set[str]] = {}
    for row in rows:
        if isinstance(row["dataset_checksum"], str) and not _id_problem(row):
            spec = json.dumps(training_of(row).dataset, sort_keys=True)
            kept.setdefault(spec, set()).add(row["dataset_checksum"])
    for spec, checksums in kept.items():
        named = json.loads(spec)
        said = named if isinstance(named, str) else spec
        try:
            now = datasets.load(named, folder=results.suite.folder.absolute()).checksum
        except BenchError as error:
            yield Check.of(f"data {said}", [str(error)], "")
            continue
        other = sorted(f"trained on content {c[:12]}, it is {now[:12]}" for c in checksums - {now})
        yield Check.of(f"data {said}", other, f"its content has the checksum {now[:12]} as then")


def _code(results: Results, rows: Sequence[Row]) -> Iterator[Check]:
    """Whether modules that the suite names are still those that trained, if it names some."""
    folder, unknown, changed = results.suite.folder.absolute(), 0, []
    known: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if _id_problem(row) or row["status"] == "failed" or not own_code.named(training_of(row)):
            continue
        if not isinstance(row["code"], str):
            unknown += 1
            continue
        key = row["settings"], row["code"]
        if key not in known:
            now = own_code.on_disk(training_of(row), folder)
            known[key] = own_code.differences(json.loads(row["code"]), now, folder)
            changed += [f"{row['question']} / {row['variant']}: {change}" for change in known[key]]
    if known:
        yield Check.of("code", changed, "modules that the suite names are as then")
    if unknown:
        yield Check(
            "code", NOT_CHECKED, f"of {unknown:,} trials, an earlier version did not record it"
        )


def _imported(results: Results, source: Imported, rows: Sequence[Row]) -> Iterator[Check]:
    """What can be said of results that were not trained here."""
    wrong = [
        f"{name_of(row)}: its id is not that of its place in {source.file}"
        for row in rows
        if importers.trial_id(source, row["settings"]) != row["trial_id"]
    ]
    yield Check.of("ids", wrong, f"the ids of {len(rows):,} runs are those of {source.file}")
    primary, found = results.suite.primary, []
    if len(rows) != results.planned:
        found.append(f"{results.planned:,} runs were read, {len(rows):,} are there")
    recorded = {(row["question"], row["variant"]) for row in rows if not math.isnan(row[primary])}
    found += [
        f"{name_of(row)}: completed, but its {primary} is not finite"
        for row in rows
        if row["status"] == "completed"
        and not math.isfinite(row[primary])
        and (row["question"], row["variant"]) in recorded
    ]
    yield Check.of("frames", found, f"the {len(rows):,} runs that were read are there")
    by_hand = f"{source.file} is not kept here; it is the same if its SHA-256 is {source.sha256}"
    yield Check("data", NOT_CHECKED, by_hand)

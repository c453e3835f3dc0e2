"""Finished trials, trained once more and compared with what was kept of them.

On the machine and with the versions of then, the same trial gives the same bits. On another machine, other
instructions add in another order, and training may amplify that until a trial is like one of another seed.
"""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from bench import driver, engines, plugins, scratch
from bench.errors import BenchError, TrustError
from bench.store import FINISHED
from bench.trial import CurvePoint, Trial, Use, generator
from bench.verify._check import AGREES, DIFFERS, NOT_CHECKED, Check
from bench.verify._kept import name_of, once, training_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence
    from typing import Any

    from bench.driver import Observer
    from bench.store import Results

    Row = Mapping[Hashable, Any]  # of the frame ``trials``

# What is asked of a curve from another machine; docs/reliability.md says what was measured.
START: Final = {"accuracy": 1e-3, "loss": 1e-5}  # before training: the same weights and data
TOLERANCE: Final = {"accuracy": 0.01, "loss": 0.05}  # afterwards, if rounding is not amplified
SEEDS: Final = 3.0  # if it is: so many times what other seeds and the new curve differ by at most
RATE: Final = 1e-6  # of learning rates, which depend on no weights
SMALL: Final = 1e-3  # losses are compared relative to their value, but not to less than this
COMPARED: Final = tuple(
    f.name for f in fields(CurvePoint) if f.name not in ("epoch", "updates", "train_time_s")
)
CONDITIONS: Final = ("host", "processor", "system")  # that make a machine the same


def checks(
    results: Results,
    count: int,
    *,
    workers: int | None,
    trust: bool,
    open_ports: bool,
    observer: Observer,
) -> Iterator[Check]:
    """Train ``count`` of the finished trials again; a check for each, in the order of the questions."""
    rows = {row["trial_id"]: row for row in chosen(results.trials, count)}
    if not rows:
        yield Check("training", NOT_CHECKED, "no trial has finished")
        return
    suite, folder = results.suite, results.suite.folder.absolute()
    uses = [
        Use(
            str(row["question"]),
            str(row["variant"]),
            Trial(training_of(row), int(row["seed"]), folder, trust),
        )
        for row in rows.values()
    ]
    with scratch.Folder() as folder_again:
        try:
            again = driver.train(
                suite,
                uses,
                folder_again,
                workers=workers,
                trust=trust,
                open_ports=open_ports,
                observer=observer,
            )
        except TrustError as error:
            yield Check("training", NOT_CHECKED, str(error))
            return
        except BenchError as error:
            yield Check.of("training", [str(error)], "")
            return
        trained = {row["trial_id"]: row for row in again.trials.to_dict("records")}
        for trial_id, row in rows.items():
            yield _compared(results, again, row, trained[trial_id])


def chosen(trials: pd.DataFrame, count: int) -> Sequence[Row]:
    """Up to ``count`` finished trials: drawn at random, always the same ones, from each variant in turn.

    More of them begin with the fewer ones.
    """
    finished = trials[trials.status.isin(FINISHED)].sort_values(["trial_id", "question", "variant"])
    finished = finished.drop_duplicates("trial_id")
    drawn = finished.iloc[generator("verify", *finished.trial_id).permutation(len(finished))]
    turn = drawn.groupby(["question", "variant"]).cumcount()
    kept = drawn.iloc[np.argsort(turn.to_numpy(), kind="stable")].head(count)
    return kept.sort_index().to_dict("records")


def _compared(results: Results, again: Results, kept: Row, now: Row) -> Check:
    """How what was kept of a trial and what came of it now compare."""
    name = name_of(kept)
    if now["status"] == "failed":
        return Check.of(name, [f"it {kept['status']}, and now it failed: {now['error']}"], "")
    old, new = (once(r.curves[r.curves.trial_id == kept["trial_id"]]) for r in (results, again))
    training = training_of(kept)
    if not engines.is_repeatable(training):
        engine, _ = plugins.named(training.engine)
        why = f"the first evaluation alone, since {engine} is not repeatable by design"
        return _nearly(name, old[:1], new[:1], old[:0], why)
    differs = _first_difference(results, again, kept, now)
    if differs is None:
        return Check(name, AGREES, f"the same bits: {_counted(again, kept['trial_id'])}")
    if _same_conditions(kept, now):
        return Check(name, DIFFERS, f"on the machine of then, {differs}")
    others = _other_seeds(results.curves, kept)
    if now["status"] not in {kept["status"], *others.status}:
        return Check(name, DIFFERS, f"it {kept['status']}, and now it {now['status']}")
    return _nearly(name, old, new, others, _changed(kept, now))


def _other_seeds(curves: pd.DataFrame, kept: Row) -> pd.DataFrame:
    """The curves of the variant's other seeds."""
    of_variant = (curves.question == kept["question"]) & (curves.variant == kept["variant"])
    others: pd.DataFrame = curves[of_variant & (curves.seed != kept["seed"])]
    return others


def _same_conditions(kept: Row, now: Row) -> bool:
    """Whether both were trained on one machine with the same versions."""
    then, here = (json.loads(row["machine"]) for row in (kept, now))
    same = all(then.get(name) == here.get(name) for name in CONDITIONS)
    return same and json.loads(kept["versions"]) == json.loads(now["versions"])


def _changed(kept: Row, now: Row) -> str:
    """What is not as it was then, of machine and versions."""
    facts = [json.loads(row["machine"]) | json.loads(row["versions"]) for row in (kept, now)]
    then, here = facts
    names = [n for n in (*CONDITIONS, *json.loads(now["versions"])) if then.get(n) != here.get(n)]
    return "other " + ", ".join(names)


def _counted(again: Results, trial_id: str) -> str:
    rows = [once(f[f.trial_id == trial_id]) for f in (again.curves, again.probes)]
    measures = len(_not_clocked(rows[1]))
    said = [f"{len(rows[0])} evaluations"]
    said += [f"{measures} measures of probes"] if measures else []
    said += ["predictions"] if trial_id in again.predictions else []
    said += ["weights"] if trial_id in again.weights else []
    return ", ".join(said)


def _not_clocked(probes: pd.DataFrame) -> pd.DataFrame:
    """Without what a clock measured."""
    return probes[~probes.measure.str.endswith("_s")]


# --- bit by bit -------------------------------------------------------------------------------


def _first_difference(results: Results, again: Results, kept: Row, now: Row) -> str | None:
    """The first thing that is not the same to the last bit, times aside; None if all is."""
    trial_id = kept["trial_id"]
    for column in ("status", "parameters", "dataset_checksum"):
        if not _is_same(kept[column], now[column]):
            return f"{column} was {kept[column]}, is {now[column]}"
    old, new = (once(r.curves[r.curves.trial_id == trial_id]) for r in (results, again))
    differs = _of_curves(old, new) or _of_probes(
        *(once(r.probes[r.probes.trial_id == trial_id]) for r in (results, again))
    )
    if differs:
        return differs
    if trial_id in results.predictions and trial_id in again.predictions:
        other = results.predictions.predicted(trial_id) != again.predictions.predicted(trial_id)
        if other.any():
            return f"{other.sum()} of {other.size} predictions are others"
    if trial_id in results.weights and trial_id in again.weights:
        was, is_ = results.weights.of(trial_id), again.weights.of(trial_id)
        for path, array in was.items():
            if path not in is_ or not np.array_equal(array, is_[path], equal_nan=True):
                return f"the weights {path} are others"
    return None


def _of_curves(old: pd.DataFrame, new: pd.DataFrame) -> str | None:
    if old.updates.tolist() != new.updates.tolist():
        return (
            f"the curve ends after {old.updates.max():,} updates, now after {new.updates.max():,}"
        )
    for index, update in enumerate(old.updates):
        for column in COMPARED:
            was, is_ = float(old[column].iloc[index]), float(new[column].iloc[index])
            if not _is_same(was, is_):
                return f"{column} after {update:,} updates was {was!r}, is {is_!r}"
    return None


def _of_probes(old: pd.DataFrame, new: pd.DataFrame) -> str | None:
    was, is_ = _by_place(old), _by_place(new)
    if was.keys() != is_.keys():
        return f"{len(was):,} measures of probes, now {len(is_):,}, or others"
    for place, value in was.items():
        if not _is_same(value, is_[place]):
            epoch, *names = place
            said = " ".join(name for name in names if name)
            return f"{said} at epoch {epoch:g} was {value!r}, is {is_[place]!r}"
    return None


def _by_place(probes: pd.DataFrame) -> dict[tuple[float, str, str, str], float]:
    """The value of each measure by epoch, probe, layer and name."""
    rows = _not_clocked(probes)
    places = zip(rows.epoch, rows.probe, rows.layer, rows.measure, strict=True)
    return dict(zip(places, rows.value.tolist(), strict=True))


def _is_same(one: Any, other: Any) -> bool:
    """Equal, or both not a number."""
    return bool(one == other or (one != one and other != other))  # noqa: PLR0124


# --- nearly -----------------------------------------------------------------------------------


def _nearly(
    name: str, old: pd.DataFrame, new: pd.DataFrame, others: pd.DataFrame, why: str
) -> Check:
    """Whether two curves agree but for rounding, where both have evaluations.

    others: the curves of the variant's other seeds; why: no more is asked for.
    """
    old, new = old.set_index("updates"), new.set_index("updates")
    both = old.index.intersection(new.index)
    old, new = old.loc[both], new.loc[both]
    amplified, few = False, others.seed.nunique() < 2
    spreads = _spread(pd.concat([others, new.reset_index()]))
    for column in COMPARED:
        apart = (new[column] - old[column]).abs()
        near = _near(column, old[column])
        spread = 0.0 if few or column == "learning_rate" else SEEDS * spreads[column]
        over = apart > near.where((both == 0) | (near > spread), spread)
        if over.any():
            at = both.tolist()[over.tolist().index(True)]
            said = f"{column} after {at:,} updates was {old[column][at]:g}, is {new[column][at]:g}"
            if few and at > 0 and column != "learning_rate":
                return Check(
                    name, NOT_CHECKED, f"{said}; fewer than three seeds do not tell why ({why})"
                )
            return Check(name, DIFFERS, f"{said} ({why})")
        amplified = amplified or bool((apart > near).any())
    said = "no further apart than other seeds" if amplified else "the same but for rounding"
    return Check(name, AGREES, f"{said} ({why})")


def _near(column: str, kept: pd.Series[float]) -> pd.Series[float]:
    """By how much each value may be off if rounding is not amplified; by index, the updates."""
    size = kept.abs().clip(lower=SMALL)
    if column == "learning_rate":
        return RATE * size
    kind = "accuracy" if column.endswith("accuracy") else "loss"
    scale = 1.0 + 0 * size if kind == "accuracy" else size
    return scale * np.where(kept.index == 0, START[kind], TOLERANCE[kind])


def _spread(curves: pd.DataFrame) -> dict[str, float]:
    """By column, what curves differ by at most, anywhere after the start; infinite if one diverged."""
    by_update = curves[curves.updates > 0].groupby("updates")[list(COMPARED)]
    largest = (by_update.max() - by_update.min()).max()
    return {name: 0.0 if math.isnan(largest[name]) else float(largest[name]) for name in COMPARED}

"""How the results came about: seeds planned and run, broken trials, machines, times, commands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench import standstill
from bench.analysis import wording
from bench.analysis.looks import Look, look_at
from bench.analysis.run_ends import run_ends
from bench.stats import FEWEST_FOR_INFERENCE
from bench.suite import parse_suite
from bench.weights import NOT_FINITE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from bench.analysis.run_ends import RunEnds
    from bench.store import Results
    from bench.suite import Suite


@dataclass(frozen=True)
class BrokenTrial:
    """A trial that diverged or failed, with the reason in a line and, if any, its traceback."""

    question: str
    variant: str
    seed: int
    status: str
    reason: str
    traceback: str


@dataclass(frozen=True)
class Conditions:
    """How a run was done.

    Attributes:
        seeds_planned: seeds that were planned before the first result.
        seeds_ran: seeds of which every question has at least one result.
        look: how p-values are to be judged, by how the number of seeds came about.
        epochs, epochs_declared: of the longest trials in this run, and in the suite as written.
        shortest: epochs of the shortest trials in this run, if questions differ in it.
        trials, trials_planned: distinct trials with a result, and in the plan.
        broken: diverged and failed trials.
        machines, versions: what ran them, each as name -> value.
        concurrent, alone: distinct trials timed while others ran on the machine, and alone.
        probe_costs: seconds that each probe took, over all trials; see ``probe_costs``.
        checksums: SHA-256 of the data, by its content.
        data: what is known of it, see ``plugins.Dataset.about``; nothing of what earlier versions trained on.
        code: fingerprints of the modules that the suite names, by name; see ``bench.own_code``.
        cautions: what to keep in mind of data, versions and times, in sentences.
        commands: the commands that wrote here with their times (UTC), oldest first.
        run_ends: of each question whose imported runs did not end together, when they did.
        clusters: the Dask clusters that they ran on, if any, as ``bench.cluster.compare`` describes them.
    """

    seeds_planned: tuple[int, ...]
    seeds_ran: tuple[int, ...]
    look: Look
    epochs: int
    epochs_declared: int
    shortest: int
    trials: int
    trials_planned: int
    broken: tuple[BrokenTrial, ...]
    machines: tuple[dict[str, str], ...]
    versions: tuple[dict[str, str], ...]
    concurrent: int
    alone: int
    probe_costs: Mapping[str, float]
    checksums: tuple[str, ...]
    data: tuple[Mapping[str, Any], ...]
    code: Mapping[str, tuple[str, ...]]
    cautions: tuple[str, ...]
    commands: tuple[tuple[str, str], ...]
    run_ends: Mapping[str, RunEnds]
    clusters: tuple[dict[str, Any], ...]

    @property
    def seed_label(self) -> str:
        """What p-values are labelled with: where seeds were not as planned, or the suite declared looks."""
        return self.look.label


def conditions(results: Results) -> Conditions:
    """Collect the conditions of a run from its frames."""
    suite, trials = results.suite, results.trials
    distinct = trials.drop_duplicates("trial_id")
    timed = distinct[distinct.status != "failed"]
    planned, looks = _planned(results)
    ran = tuple(sorted(int(seed) for seed in trials.seed.unique()))
    written = parse_suite(suite.text) if suite.text else suite
    epochs = [suite.epochs_of(question) for question in suite.questions]
    checksums = tuple(dict.fromkeys(str(c) for c in distinct.dataset_checksum.dropna()))
    data = tuple(results.data[c] for c in checksums if c in results.data)
    together = int(timed.concurrent.fillna(value=False).sum())
    return Conditions(
        seeds_planned=planned,
        seeds_ran=ran,
        look=look_at(ran, planned, looks),
        epochs=max(epochs),
        epochs_declared=max(written.epochs_of(question) for question in suite.questions),
        shortest=min(epochs),
        trials=len(distinct),
        trials_planned=results.planned,
        broken=tuple(_broken(suite, trials)),
        machines=tuple(_records(distinct.machine)),
        versions=tuple(_records(distinct.versions)),
        concurrent=together,
        alone=len(timed) - together,
        probe_costs=probe_costs(results),
        checksums=checksums,
        data=data,
        code=_values(timed.code),
        cautions=(*_of_data(data), *_of_versions(timed), *_of_times(timed)),
        commands=tuple((str(r.started_at), str(r.command)) for r in results.runs.itertuples()),
        run_ends=run_ends(results),
        clusters=tuple(json.loads(text) for text in dict.fromkeys(results.runs.cluster.dropna())),
    )


def probe_costs(results: Results) -> dict[str, float]:
    """Seconds that each probe took, over all trials, by its name; it is in no training time."""
    rows = results.probes[results.probes.measure == "cost_s"]
    once = rows.drop_duplicates(["trial_id", "epoch", "probe"])
    costs = once.groupby("probe", sort=False).value.sum()
    return {str(probe): float(cost) for probe, cost in costs.items()}


def _planned(results: Results) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Seeds and looks of the first run here of this size: what was declared before looking.

    A run of one or two seeds allows no test, and so is no look.
    """
    for text in results.runs.suite:
        ran = json.loads(text)
        if _is_this_size(results.suite, ran):
            each = (q.get("seeds") or ran.get("seeds", 10) for q in ran["questions"].values())
            listed = (range(some) if isinstance(some, int) else some for some in each)
            seeds = tuple(sorted(set().union(*listed)))
            if len(seeds) >= FEWEST_FOR_INFERENCE:
                return seeds, tuple(ran.get("looks") or ())
    return tuple(sorted(results.suite.seed_list)), tuple(results.suite.looks or ())


def _is_this_size(suite: Suite, ran: Mapping[str, Any]) -> bool:
    """Whether a run, as the suite that it wrote down, trained as long and on as many images as ``suite``."""
    both = [(q, suite.epochs_of(n)) for n, q in ran["questions"].items() if n in suite.questions]
    same_length = all(q.get("epochs", ran["epochs"]) == epochs for q, epochs in both)
    return ran.get("train_images") == suite.train_images and same_length


def _broken(suite: Suite, trials: pd.DataFrame) -> list[BrokenTrial]:
    what = "the loss" if suite.imported is None else suite.primary
    rows = trials[trials.status != "completed"]
    broken = []
    for row in rows.to_dict("records"):
        traceback = "" if not isinstance(row["error"], str) else row["error"].strip()
        if row["status"] == "diverged":
            of = "a weight" if NOT_FINITE in str(row["notes"]) else what
            reason = f"{of} was not finite at {suite.step} {row['diverged_epoch']}"
        else:
            lines = traceback.splitlines() or ["no reason was recorded"]
            reason = lines[-1] if lines[0].startswith("Traceback") else lines[0]
        if suite.imported is not None:
            traceback = ""  # the file has none, only the reason
        broken.append(
            BrokenTrial(
                str(row["question"]),
                str(row["variant"]),
                int(row["seed"]),
                str(row["status"]),
                reason,
                traceback,
            )
        )
    return broken


def _of_data(data: tuple[Mapping[str, Any], ...]) -> list[str]:
    return [f"Data {about['name']}: {note}." for about in data for note in about["notes"]]


def _of_versions(trained: pd.DataFrame) -> list[str]:
    """That not all trials had the same versions, if so: what differs between variants may be of these."""
    mixed = {name: found for name, found in _values(trained.versions).items() if len(found) > 1}
    if not mixed:
        return []
    named = wording.listed([f"{name} ({', '.join(found)})" for name, found in mixed.items()])
    return [f"Trials were trained with different versions: {named}."]


def _of_times(timed: pd.DataFrame) -> list[str]:
    """That some trials took longer than they trained, if so."""
    still = int(timed.notes.str.contains(standstill.NOTE, regex=False, na=False).sum())
    return [f"{wording.counted(still, 'trial')} {standstill.NOTE}."] if still else []


def _values(column: pd.Series[str]) -> dict[str, tuple[str, ...]]:
    """The distinct values of each name over the JSON objects of a column."""
    found: dict[str, dict[str, None]] = {}
    for record in _records(column):
        for name, value in record.items():
            found.setdefault(name, {})[value] = None
    return {name: tuple(values) for name, values in found.items()}


def _records(column: pd.Series[str]) -> list[dict[str, str]]:
    """The distinct JSON objects of a column, as text."""
    texts = dict.fromkeys(str(text) for text in column.dropna())
    return [{str(k): str(v) for k, v in json.loads(text).items()} for text in texts]


def shortened(suite: Suite, how: Conditions) -> str:
    """A sentence for runs that trained less than the suite as written; empty otherwise."""
    written = parse_suite(suite.text) if suite.text else suite
    fewer = suite.train_images != written.train_images
    if how.epochs >= how.epochs_declared and not fewer:
        return ""
    ran = wording.counted(how.epochs, "epoch")
    asked = f"{how.epochs_declared}"
    if fewer:
        ran += f" on {suite.train_images:,} training images" if suite.train_images else ""
        asked += f" on {written.train_images:,}" if written.train_images else " on all of them"
    return (
        f"A short run: {ran}, where the suite as written asks for {asked}. Its verdicts are about a"
        " training of this length."
    )

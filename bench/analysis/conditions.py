"""How the results came about: seeds planned and run, broken trials, machines, times, commands."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.analysis import wording
from bench.analysis.looks import look_at
from bench.suite import parse_suite

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

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
        seed_label: what p-values are labelled with where the two differ, or where the suite declared
            looks; empty otherwise.
        alpha: the largest Holm p that counts as a finding; below 0.05 at a declared look.
        epochs, epochs_declared: of the longest trials in this run, and in the suite as written.
        shortest: epochs of the shortest trials in this run, if questions differ in it.
        trials, trials_planned: distinct trials with a result, and in the plan.
        broken: diverged and failed trials.
        machines, versions: what ran them, each as name -> value.
        concurrent, alone: distinct trials timed while others ran on the machine, and alone.
        probe_costs: seconds that each probe took, over all trials; see ``probe_costs``.
        checksums: SHA-256 of the data, by its content.
        commands: the commands that wrote here with their times (UTC), oldest first.
        clusters: the Dask clusters that they ran on, if any, as ``bench.cluster.compare`` describes them.
    """

    seeds_planned: tuple[int, ...]
    seeds_ran: tuple[int, ...]
    seed_label: str
    alpha: float
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
    commands: tuple[tuple[str, str], ...]
    clusters: tuple[dict[str, Any], ...]


def conditions(results: Results) -> Conditions:
    """Collect the conditions of a run from its frames."""
    suite, trials = results.suite, results.trials
    distinct = trials.drop_duplicates("trial_id")
    timed = distinct[distinct.status != "failed"]
    planned, looks = _planned(results)
    ran = tuple(sorted(int(seed) for seed in trials.seed.unique()))
    look = look_at(ran, planned, looks)
    written = parse_suite(suite.text) if suite.text else suite
    epochs = [suite.epochs_of(question) for question in suite.questions]
    together = int(timed.concurrent.fillna(value=False).sum())
    return Conditions(
        seeds_planned=planned,
        seeds_ran=ran,
        seed_label=look.label,
        alpha=look.alpha,
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
        checksums=tuple(dict.fromkeys(str(c) for c in distinct.dataset_checksum.dropna())),
        commands=tuple((str(r.started_at), str(r.command)) for r in results.runs.itertuples()),
        clusters=tuple(json.loads(text) for text in dict.fromkeys(results.runs.cluster.dropna())),
    )


def probe_costs(results: Results) -> dict[str, float]:
    """Seconds that each probe took, over all trials, by its name; it is in no training time."""
    rows = results.probes[results.probes.measure == "cost_s"]
    once = rows.drop_duplicates(["trial_id", "epoch", "probe"])
    costs = once.groupby("probe", sort=False).value.sum()
    return {str(probe): float(cost) for probe, cost in costs.items()}


def _planned(results: Results) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Seeds and looks of the first run here of this size: what was declared before looking."""
    for text in results.runs.suite:
        ran = json.loads(text)
        if _is_this_size(results.suite, ran):
            each = (q.get("seeds") or ran.get("seeds", 10) for q in ran["questions"].values())
            listed = (range(seeds) if isinstance(seeds, int) else seeds for seeds in each)
            return tuple(sorted(set().union(*listed))), tuple(ran.get("looks") or ())
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
            unseen = suite.imported is None and math.isfinite(row["train_objective"])
            of = "a weight" if unseen else what
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


def _records(column: pd.Series[str]) -> list[dict[str, str]]:
    """The distinct JSON objects of a column, as text."""
    texts = dict.fromkeys(str(text) for text in column.dropna())
    return [{str(k): str(v) for k, v in json.loads(text).items()} for text in texts]


def shortened(suite: Suite, how: Conditions) -> str:
    """A sentence for runs that trained less than the suite as written; empty otherwise."""
    if how.epochs >= how.epochs_declared and suite.train_images is None:
        return ""
    images = f" on {suite.train_images:,} training images" if suite.train_images else ""
    return (
        f"A short run: {wording.counted(how.epochs, 'epoch')}{images}, where the suite as written"
        f" asks for {how.epochs_declared}. Its verdicts are about a training of this length."
    )

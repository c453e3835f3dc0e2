"""What a results file must say so that all else can rely on it; SQLite checks no more than the structure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench.reading import PARSED, Budget, parsed
from bench.suite import MAX_SEEDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from bench.suite import Suite

STATUSES: Final = frozenset({"completed", "diverged", "failed"})
_LONGEST_S: Final = 1e9  # of an epoch
_ID: Final = re.compile(r"[0-9a-f]{16}")  # it names folders, when weights are exported


def check(
    suite: Suite,
    *,
    runs: pd.DataFrame,
    plan: pd.DataFrame,
    trials: pd.DataFrame,
    curves: pd.DataFrame,
    extras: pd.DataFrame,
    probes: pd.DataFrame,
    timings: pd.DataFrame,
    data: Mapping[str, str],
) -> None:
    """Refuse tables, as SQLite holds them, that no run of ``suite`` writes.

    Raises:
        ValueError, TypeError, LookupError: says what is wrong.
        BudgetError: a text is too long to be parsed.
    """
    known = {(name, variant) for name in suite.questions for variant in suite.variants(name)}
    planned = set(plan[["question", "variant"]].itertuples(index=False, name=None))
    if not planned <= known:
        raise ValueError("a plan of variants that are not in the suite")
    if not all(map(_ID.fullmatch, [*plan.trial_id, *trials.trial_id])):
        raise ValueError("a trial whose id is not of sixteen hexadecimal digits")
    if not set(trials.status) <= STATUSES:
        raise ValueError(f"a trial that is none of {', '.join(sorted(STATUSES))}")
    if not np.isfinite(curves.epoch.to_numpy(float)).all():
        raise ValueError("an evaluation at no epoch")
    for column in (plan.seed, curves.updates, extras.updates):
        if len(column) and column.dtype.kind != "i":
            raise ValueError(f"{column.name} that are no whole numbers")
    budget = Budget()
    _check_told(runs, trials, timings, budget)
    _check_names(probes)
    took = timings[["seconds", "processor_s"]].to_numpy(float)
    if not ((took >= 0) & (took < _LONGEST_S)).all() or not timings.seconds.all():
        raise ValueError("a time that no epoch takes")
    for checksum, about in data.items():
        _check_data(checksum, parsed(about, budget))
        budget.hold(len(about) * PARSED)  # is kept


def _check_told(
    runs: pd.DataFrame, trials: pd.DataFrame, timings: pd.DataFrame, budget: Budget
) -> None:
    """What is kept as JSON."""
    if not {"started_at", "command"} <= set(runs.columns):
        raise ValueError("runs without a time or a command")
    told = {*trials.settings, *trials.versions, *timings.versions}
    if not all(isinstance(parsed(text, budget), dict) for text in told):
        raise ValueError("a setting or a version that is no JSON object")
    _check_machines({*trials.machine, *timings.machine}, budget)
    for text in set(trials.code.dropna()):
        code(text, budget)
    for text in set(runs.cluster.dropna()):
        cluster = parsed(text, budget)
        if not isinstance(cluster["scheduler"], dict) or not isinstance(cluster["cluster"], str):
            raise TypeError("a cluster without a scheduler")
        if not all(isinstance(cluster[count], int) for count in ("workers", "machines")):
            raise TypeError("a cluster of no number of workers and machines")
    for text in set(runs.suite):
        _check_earlier(parsed(text, budget))


def _check_machines(texts: set[str], budget: Budget) -> None:
    for text in texts:
        about = parsed(text, budget)
        if not isinstance(about, dict):
            raise TypeError("a machine that is no JSON object")
        if not isinstance(about.get("host", ""), str) or not _is_count(about.get("cores", 0)):
            raise TypeError("a machine whose name is no text, or whose cores are no number")


def code(text: str, budget: Budget) -> dict[str, str]:
    """The code that a trial was trained by, see ``own_code``.

    Raises:
        ValueError, TypeError, BudgetError: as ``check``.
    """
    found = parsed(text, budget)
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise TypeError("code that is no JSON object of texts")
    return found


def _is_count(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 2**31


def _check_names(probes: pd.DataFrame) -> None:
    from pandas.api.types import infer_dtype

    for name in ("probe", "layer", "measure") if len(probes) else ():
        if infer_dtype(probes[name], skipna=False) != "string":
            raise ValueError("a measure without a name")


_ABOUT: Final[Mapping[str, type | tuple[type, ...]]] = {
    "checksum": str,
    "name": str,
    "origin": str,
    "train": int,
    "test": int,
    "shape": list,
    "range": list,
    "classes": int,
    "scale": float,
    "scaling": str,
    "notes": list,
}


def _check_data(checksum: str, about: Any) -> None:
    """What is kept of data: see ``plugins.Dataset.about``."""
    if not isinstance(about, dict) or about.get("checksum") != checksum:
        raise ValueError("data that is not described as such")
    if not all(isinstance(about.get(name), kind) for name, kind in _ABOUT.items()):
        raise TypeError("a description of data that says too little")
    numbers = [*about["shape"], *about["range"]]
    if len(about["range"]) != 2 or not all(isinstance(number, int | float) for number in numbers):
        raise TypeError("data whose shape or range are no numbers")
    if not all(isinstance(note, str) for note in about["notes"]):
        raise TypeError("a note on data that is no text")


def _check_earlier(suite: Any) -> None:
    """What is asked of an earlier run, whose suite need not be valid today: its size."""
    sizes = [suite, *suite["questions"].values()]
    seeds = [size["seeds"] for size in sizes if size.get("seeds") is not None]
    counts = [n for s in seeds for n in (s if isinstance(s, list) else [s])]
    counts += [*(suite.get("looks") or ()), suite["epochs"]]
    many = [s for s in seeds if (len(s) if isinstance(s, list) else s) > MAX_SEEDS]
    if many or not all(isinstance(n, int) for n in counts):
        raise ValueError("a run of a size that no suite has")

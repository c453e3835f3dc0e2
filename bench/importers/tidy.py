"""A tidy file, one row per evaluation, as a results folder: CSV, Parquet or JSON lines.

What a row is: a variant, a seed, a step, perhaps a group (a data set), and one or more metrics.
Groups become questions. A cell may be empty: the metric was not recorded there. NaN and infinities
are results, the worst there are: a run whose primary metric ends so has diverged.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from bench.errors import DatasetError, UsageError, closest
from bench.frames import CURVE_METRICS, METRICS, TAKEN
from bench.importers._rows import rows
from bench.importers._table import Table, collect
from bench.store import Results, Store, load_results
from bench.suite import LARGEST, MAX_SEEDS, Imported, OwnMetric, Suite
from bench.trial import CurvePoint, TrialResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from bench.frames import Metric

KINDS: Final = ("csv", "parquet", "jsonl")
MAX_VARIANTS: Final = (
    1_000  # in the file, and as many groups: more is a column mistaken for another
)
_STANDARD: Final = (*CURVE_METRICS, "train_time_s")
_WHOLE: Final = re.compile(r"[0-9]{1,10}(\.0+)?")
_LISTED: Final = 20  # seeds that the provenance spells out


@dataclass(frozen=True)
class _Asked:
    """What to read from a file: columns by their role, metrics with the primary first."""

    columns: Mapping[str, str]
    metrics: tuple[str, ...]
    own: Mapping[str, OwnMetric]
    baseline: str | None
    target: tuple[str, float] | None
    margin: float | None
    paired: bool

    def metric(self, name: str) -> Metric:
        return self.own[name].metric(name) if name in self.own else METRICS[name]


@dataclass(frozen=True)
class _Seeds:
    """The file's seeds as numbers; ``numbered`` if they are no whole numbers themselves."""

    number: Mapping[str, int]
    numbered: bool


def read(
    path: str | Path,
    kind: str,
    out: str | Path,
    *,
    variant: str,
    seed: str,
    metrics: Sequence[str],
    step: str | None = None,
    group: str | None = None,
    baseline: str | None = None,
    target: tuple[str, float] | None = None,
    margin: float | None = None,
    paired: bool = True,
    command: str = "",
) -> Results:
    """Read a tidy file, write it as a results folder, and return the frames.

    Args:
        path: the file, one row per evaluation.
        kind: ``csv``, ``parquet`` or ``jsonl`` (one JSON object per line).
        out: results folder; what an import wrote there before is replaced.
        variant: the column that says what was trained.
        seed: the column that says which repetition of it.
        step: the column of steps or epochs; without one, a row is a whole run.
        group: the column of data sets, each of them a question; without one, there is one question.
        metrics: columns, each with ``:min`` or ``:max`` (which is better) unless Seedwise knows it;
            the first one decides.
        baseline: the variant that the others are compared with; default the first one in the file.
        target: a metric's column and the value to reach.
        margin: differences of the first metric below this do not matter.
        paired: whether runs of the same seed are pairs; False if they share only a number.
        command: how to repeat the import, for the report.

    Raises:
        UsageError: columns, metrics or names that do not fit the file.
        DatasetError: a file that cannot be read; names the line.
        StoreError: a folder that cannot be written.
    """
    columns = {"group": group, "variant": variant, "seed": seed, "step": step}
    asked = _Asked(
        columns={role: name for role, name in columns.items() if name is not None},
        metrics=tuple(_split(text)[0] for text in metrics),
        own=_own_metrics(metrics),
        baseline=baseline,
        target=target,
        margin=margin,
        paired=paired,
    )
    _check(asked)
    path = Path(path)
    cells = rows(path, kind, [*asked.columns.values(), *asked.metrics])
    unit = "row" if kind == "parquet" else "line"
    measured = [asked.metric(name) for name in asked.metrics]
    table = collect(str(path), cells, asked.columns, measured, unit=unit)
    seeds = _numbered(path, table)
    suite = _suite(path, table, asked, seeds)
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    results = list(_results(table, suite, seeds, now))
    with Store(Path(out)) as store:
        store.replace(suite, results, started_at=now, command=command or f"import of {path.name}")
    return load_results(out)


def _split(text: str) -> tuple[str, str | None]:
    """``COLUMN:min`` as column and direction; a column may have colons of its own."""
    name, colon, direction = text.rpartition(":")
    return (name, direction) if colon and name and direction in ("min", "max") else (text, None)


def _own_metrics(metrics: Sequence[str]) -> dict[str, OwnMetric]:
    """The metrics that Seedwise does not know, with the direction that each was given."""
    own = {}
    for text in metrics:
        name, direction = _split(text)
        if name in _STANDARD:
            better = "max" if METRICS[name].higher_is_better else "min"
            if direction not in (None, better):
                raise UsageError(
                    f"the direction of {name} is known",
                    where="--metric",
                    expected=f"{name} or {name}:{better}",
                    found=text,
                    hint=f"give the column another name if it is not the {METRICS[name].label}",
                )
        elif name in TAKEN:
            raise UsageError(
                f"{name!r} is a column that Seedwise computes",
                where="--metric",
                expected="another name",
                found=text,
                hint="rename the column in the file",
            )
        elif direction is None:
            raise UsageError(
                f"which values of {name!r} are better is not known",
                where="--metric",
                expected=f"--metric '{name}:max' if higher is better, --metric '{name}:min' if lower",
                found=text,
                hint=closest(name, _STANDARD),
            )
        else:
            own[name] = OwnMetric(better="higher" if direction == "max" else "lower")
    return own


def _check(asked: _Asked) -> None:
    metrics, target, margin = asked.metrics, asked.target, asked.margin
    if not metrics:
        raise UsageError(
            "no metric",
            where="--metric",
            expected="--metric COLUMN:max or COLUMN:min",
            found="none",
        )
    used = [*asked.columns.values(), *metrics]
    twice = next((name for name in used if used.count(name) > 1), None)
    if twice is not None:
        raise UsageError(
            f"the column {twice!r} is named twice",
            where="--variant, --seed, --step, --group, --metric",
            expected="a column for each of variant, seed, step, group and metric",
            found=", ".join(used),
        )
    if target is not None and (target[0] not in metrics or not math.isfinite(target[1])):
        raise UsageError(
            "no such target",
            where="--target",
            expected=f"METRIC=NUMBER, the metric one of {', '.join(metrics)}",
            found=f"{target[0]}={target[1]:g}",
            hint=closest(target[0], metrics),
        )
    if margin is not None and not 0 < margin < math.inf:
        raise UsageError(
            "not a margin", where="--margin", expected="a number above 0", found=f"{margin:g}"
        )


def _numbered(path: Path, table: Table) -> _Seeds:
    """Whole numbers stay what they are; other seeds are numbered in the order of the file."""
    texts = list(dict.fromkeys(seed for _, _, seed in table.runs))
    if len(texts) > MAX_SEEDS:
        raise DatasetError(
            "too many seeds",
            where=str(path),
            expected=f"at most {MAX_SEEDS:,} different ones",
            found=f"{len(texts):,}",
            hint="is --seed the right column?",
        )
    whole = [int(float(text)) for text in texts if _WHOLE.fullmatch(text)]
    if len(set(whole)) == len(texts) and max(whole) <= LARGEST:
        return _Seeds(dict(zip(texts, whole, strict=True)), numbered=False)
    return _Seeds({text: number for number, text in enumerate(texts)}, numbered=True)


def _suite(path: Path, table: Table, asked: _Asked, seeds: _Seeds) -> Suite:
    """The suite that the file answers: a question per group, with the variants that it has there."""
    groups = _groups(path, table)
    first = _baseline(path, groups, asked)
    primary = asked.metric(asked.metrics[0])
    label = primary.label
    heading = label if label == primary.name else label[:1].upper() + label[1:]
    best = f"the {'highest' if primary.higher_is_better else 'lowest'} {primary.label}"
    questions = {
        group or "imported": {
            "title": group or heading,
            "ask": f"Which {asked.columns['variant']} ends with {best}{f' on {group}' * bool(group)}?",
            "baseline": first,
            "variants": {name: {} for name in variants},
        }
        for group, variants in groups.items()
    }
    provenance = Imported(
        file=path.name,
        sha256=_digest(path),
        rows=table.rows,
        columns=dict(asked.columns),
        metrics=list(asked.metrics),
        notes=_notes(table, asked, seeds),
    )
    last = math.ceil(table.step.max(initial=1))
    suite = {
        "suite": "imported",
        "title": path.name if path.name.isprintable() else "Imported results",
        "dataset": "imported",
        "seeds": sorted(seeds.number.values()),
        "epochs": min(last, LARGEST),
        "primary": asked.metrics[0],
        "margin": asked.margin,
        "paired": "seed" if asked.paired else "no",
        "target": dict([asked.target]) if asked.target else None,
        "metrics": dict(asked.own),
        "imported": provenance,
        "questions": questions,
    }
    return Suite.model_validate(suite, context={"imported": True})


def _groups(path: Path, table: Table) -> dict[str, list[str]]:
    """The variants of each group, both in the order of the file."""
    groups: dict[str, dict[str, None]] = {}
    for group, variant, _ in table.runs:
        groups.setdefault(group, {})[variant] = None
    order = {name: None for _, name, _ in table.runs}
    for what, count in (("variants", len(order)), ("groups", len(groups))):
        if count > MAX_VARIANTS:
            raise DatasetError(
                f"too many {what}",
                where=str(path),
                expected=f"at most {MAX_VARIANTS:,}",
                found=f"{count:,}",
                hint=f"is --{what[:-1]} the right column?",
            )
    return {group: [name for name in order if name in found] for group, found in groups.items()}


def _baseline(path: Path, groups: Mapping[str, Sequence[str]], asked: _Asked) -> str:
    """The variant that was asked for, or the first one; it must be in every group."""
    wanted = asked.baseline
    everywhere = [n for n in next(iter(groups.values())) if all(n in g for g in groups.values())]
    if wanted is None and everywhere:
        return everywhere[0]
    if wanted in everywhere:
        return wanted
    known = list(dict.fromkeys(name for group in groups.values() for name in group))
    lacking = next((group for group, found in groups.items() if wanted not in found), "")
    if wanted is None:
        problem = "no variant is in every group, so none can be the baseline"
    elif wanted in known:
        problem = f"the baseline {wanted!r} is not in the group {lacking!r}"
    else:
        problem = f"no variant is called {wanted!r}"
    shown = everywhere or known
    raise UsageError(
        problem,
        where=f"{path}, column {asked.columns['variant']!r}",
        expected="one of " + ", ".join(shown[:30]) + (", ..." if len(shown) > 30 else ""),
        found=repr(wanted) if wanted else "none",
        hint=closest(wanted, known) if wanted and wanted not in known else None,
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _notes(table: Table, asked: _Asked, seeds: _Seeds) -> list[str]:
    """What the reader of a report should know about the file."""
    notes = []
    if seeds.numbered:
        listed = [f"{number} is {text}" for text, number in seeds.number.items()]
        shown = ", ".join(listed[:_LISTED]) + (", ..." if len(listed) > _LISTED else "")
        notes.append(f"Seeds are numbered in the order of the file: {shown}.")
    if "step" not in asked.columns:
        notes.append("Every row is a whole run: no column of steps was named.")
    if table.repeated:
        notes.append(f"{table.repeated:,} cells repeat what another row says; they count once.")
    infinite = sum(int(np.isinf(column).sum()) for column in table.values.values())
    if infinite:
        notes.append(f"{infinite:,} values were NaN or infinite: each counts as the worst result.")
    return notes


# --- what came of each run --------------------------------------------------------------------


def _results(
    table: Table, suite: Suite, seeds: _Seeds, now: str
) -> Iterator[tuple[str, str, TrialResult]]:
    """Question, variant and result of every run, in the order of the file."""
    ends = np.searchsorted(table.run, np.arange(len(table.runs) + 1))
    updates = _updates(table.step)
    columns = suite.imported.columns if suite.imported else {}
    sha = suite.imported.sha256 if suite.imported else ""
    for index, (group, variant, seed) in enumerate(table.runs):
        part = slice(ends[index], ends[index + 1])
        step = table.step[part].tolist()
        values = {name: column[part] for name, column in table.values.items()}
        status, since = _status(step, values[suite.primary])
        settings = {"variant": variant, "seed": seed, "group": group}
        yield (
            group or "imported",
            variant,
            TrialResult(
                trial_id=_trial_id(sha, group, variant, seed),
                seed=seeds.number[seed],
                settings=json.dumps(
                    {columns[role]: text for role, text in settings.items() if role in columns},
                    ensure_ascii=False,
                ),
                status=status,
                started_at=now,
                curve=_curve(step, updates[part], values),
                extras=_extras(updates[part], {n: values[n] for n in suite.metrics}),
                diverged_epoch=since,
                error=f"no value of {suite.primary} in the file" if status == "failed" else None,
            ),
        )


def _trial_id(sha256: str, group: str, variant: str, seed: str) -> str:
    """Sixteen hex digits of what says which run of which file it is."""
    identity = json.dumps([sha256, group, variant, seed])
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def trial_id(source: Imported, settings: str) -> str | None:
    """The id that a run of an imported file has, by the settings that are kept of it; None if by none."""
    try:
        kept, columns = json.loads(settings), source.columns
        texts = {role: kept[columns[role]] for role in ("variant", "seed")}
        group = kept[columns["group"]] if "group" in columns else ""
        return _trial_id(source.sha256, group, texts["variant"], texts["seed"])
    except (ValueError, LookupError, TypeError):
        return None


def _updates(step: NDArray[np.float64]) -> list[int]:
    """Whole steps as they are; others by their rank among all steps of the file."""
    if np.all(step == np.floor(step)):
        return [int(number) for number in step]
    ranks: list[int] = np.unique(step, return_inverse=True)[1].tolist()
    return ranks


def _status(step: list[float], primary: NDArray[np.float64]) -> tuple[str, int | None]:
    """What came of a run, and the step since which its primary metric was not finite."""
    there = np.flatnonzero(~np.isnan(primary))
    if not there.size:
        return "failed", None
    finite = there[np.isfinite(primary[there])]
    if finite.size and finite[-1] == there[-1]:
        return "completed", None
    first = there[there > finite[-1]][0] if finite.size else there[0]
    return "diverged", math.floor(step[first])


def _curve(
    step: list[float], updates: list[int], values: Mapping[str, NDArray[np.float64]]
) -> tuple[CurvePoint, ...]:
    nothing = [math.nan] * len(step)
    columns: dict[str, list[float]] = {"epoch": step, "updates": updates}  # type: ignore[dict-item]
    for point in fields(CurvePoint):
        if point.name in values:
            columns[point.name] = values[point.name].tolist()
    rows_ = zip(*(columns.get(f.name, nothing) for f in fields(CurvePoint)), strict=True)
    return tuple(CurvePoint(*row) for row in rows_)


def _extras(
    updates: list[int], values: Mapping[str, NDArray[np.float64]]
) -> tuple[tuple[int, str, float], ...]:
    return tuple(
        (update, name, value)
        for name, column in values.items()
        for update, value in zip(updates, column.tolist(), strict=True)
        if not math.isnan(value)
    )

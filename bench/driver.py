"""The driver: plans a suite's trials, has them trained, and is the only one that writes."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bench import executor, runner
from bench.errors import BenchError, DatasetError, StoreError, SuiteError, UsageError
from bench.machine import machine, versions
from bench.store import Results, Store, load_results
from bench.trial import Trial, TrialResult, Use, distinct, expand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.suite import Suite


@dataclass(frozen=True)
class Plan:
    """What a run has to do. ``trials`` are all distinct ones; ``todo`` those not finished yet, in order."""

    uses: tuple[Use, ...]
    trials: tuple[Trial, ...]
    todo: tuple[Trial, ...]


class Observer(Protocol):
    """Is told what happens, to show it."""

    def planned(self, plan: Plan, workers: int) -> None:
        """The run begins."""

    def finished(self, use: Use, result: TrialResult) -> None:
        """One trial was trained and written."""


class Silent:
    """Shows nothing."""

    def planned(self, plan: Plan, workers: int) -> None:
        """Show nothing."""

    def finished(self, use: Use, result: TrialResult) -> None:
        """Show nothing."""


def run(
    suite: Suite,
    out: str | Path,
    *,
    workers: int | None = None,
    trust: bool = False,
    observer: Observer | None = None,
    command: str = "",
) -> Results:
    """Train every trial of ``suite`` that ``out`` does not hold yet, and return the frames.

    Args:
        suite: in the size to run, see ``Suite.resized``.
        out: results folder; made if it does not exist. An interrupted run continues where it was.
        workers: processes of one thread each; default one per core; 0 trains in this process.
        trust: whether Python code that the suite names may be imported.
        observer: told of every trial.
        command: how to repeat the run, for the report.

    Raises:
        BenchError: bad input, before the first trial; or a results folder that cannot be written.
    """
    if workers is not None and workers < 0:
        raise UsageError("too few workers", expected="0 or more", found=str(workers))
    observer = observer or Silent()
    many = len(os.sched_getaffinity(0)) if workers is None else workers
    uses = expand(suite, trusted=trust)
    trials = distinct(uses)
    with Store(Path(out)) as store:
        done = store.finished()
        todo = [trial for trial in trials if trial.id not in done]
        plan = Plan(tuple(uses), tuple(trials), tuple(todo))
        many = min(many, len(todo))
        if todo:
            with _importable(suite.folder, trust=trust), executor.pool(many) as pool:
                _check(suite, plan, pool, store)
                store.begin(suite, uses, started_at=_now(), command=command or _command())
                observer.planned(plan, many)
                _train(plan, pool, store, observer)
        else:
            store.begin(suite, uses, started_at=_now(), command=command or _command())
            observer.planned(plan, many)
    return load_results(out)


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def _command() -> str:
    return f"bench.run(...) in {Path(sys.argv[0]).name or 'Python'}"


@contextlib.contextmanager
def _importable(folder: Path, *, trust: bool) -> Iterator[None]:
    """Let workers of a trusted suite import code that lies beside the suite file."""
    if not trust:
        yield
        return
    before = os.environ.get("PYTHONPATH")
    sys.path.insert(0, str(folder.resolve()))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder.resolve()), before]))
    try:
        yield
    finally:
        sys.path.remove(str(folder.resolve()))
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def _check(suite: Suite, plan: Plan, pool: executor.Pool, store: Store) -> None:
    """Build one trial of each kind, without training; refuse the run at the first that cannot be."""
    kinds = {use.trial.training.canonical: use for use in reversed(plan.uses)}
    known = store.checksums()
    todo = {trial.training.canonical for trial in plan.todo}
    items = {key: use.trial for key, use in kinds.items() if key in todo}
    for key, answer in pool.map(runner.check, dict(sorted(items.items()))):
        use = kinds[key]
        if isinstance(answer, DatasetError):
            raise _placed(answer, suite.where("dataset"))
        if isinstance(answer, SuiteError):
            raise _placed(answer, _where(suite, use, answer.where))
        if isinstance(answer, BaseException):
            raise answer
        before = known.get(_dataset_key(use.trial), answer)
        if answer != before:
            raise StoreError(
                "the data has changed since the trials in this folder were trained",
                where=suite.where("dataset"),
                expected=f"content with checksum {before[:12]}",
                found=answer[:12],
                hint="restore the data, or choose another folder with --out",
            )


def _dataset_key(trial: Trial) -> str:
    return json.dumps(trial.training.dataset, sort_keys=True)


def _placed(error: BenchError, where: str) -> BenchError:
    """The same error, said at its place in the suite file."""
    inside = f"{error.where}: " if error.where and error.where not in where else ""
    return type(error)(
        inside + error.problem,
        where=where,
        expected=error.expected,
        found=error.found,
        hint=error.hint,
    )


def _where(suite: Suite, use: Use, inside: str | None) -> str:
    """Where the suite says what Keras refuses: in the variant, or in what the variant starts from."""
    keys = (inside or "").split(".")
    variant = ("questions", use.question, "variants", use.variant)
    for start in (variant, ("questions", use.question, "base"), ("base",)):
        if suite.says(*start, keys[0]):
            return suite.where(*start, *keys)
    return suite.where(*variant)


def _train(plan: Plan, pool: executor.Pool, store: Store, observer: Observer) -> None:
    uses = {use.trial.id: use for use in reversed(plan.uses)}
    todo = {trial.id: trial for trial in plan.todo}
    train = functools.partial(runner.run_trial, concurrent=pool.workers > 1)
    for trial_id, answer in pool.map(train, todo):
        result = answer
        if isinstance(result, BaseException):  # the worker itself was lost
            result = _lost(todo[trial_id], result)
        store.append(result)
        observer.finished(uses[trial_id], result)


def _lost(trial: Trial, error: BaseException) -> TrialResult:
    return TrialResult(
        trial_id=trial.id,
        seed=trial.seed,
        settings=trial.training.canonical,
        status="failed",
        started_at=_now(),
        error=f"the worker was lost: {type(error).__name__}: {error}",
        machine=json.dumps(machine()),
        versions=json.dumps(versions()),
    )

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

from bench import engines, executor, runner, timing
from bench.errors import (
    BenchError,
    DatasetError,
    StoreError,
    SuiteError,
    UsageError,
    did_you_mean,
    first_line,
    listed,
    shown,
)
from bench.machine import machine, versions
from bench.store import Results, Store, load_results
from bench.trial import Timing, Trial, TrialResult, Use, distinct, expand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

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
    cluster: str | None = None,
    deadline_s: float | None = None,
    trust: bool = False,
    observer: Observer | None = None,
    command: str = "",
) -> Results:
    """Train every trial of ``suite`` that ``out`` does not hold yet, and return the frames.

    Args:
        suite: in the size to run, see ``Suite.resized``.
        out: results folder; made if it does not exist. An interrupted run continues where it was.
        workers: processes of one thread each; default one per core; 0 trains in this process.
        cluster: train on the workers of a Dask cluster instead: the address of its scheduler,
            ``tcp://HOST:PORT``, or a YAML file that says which job queue runs them: docs/cluster.md.
        deadline_s: how long a trial may take before it is ended and counts as failed; without one, as long as
            it takes.
        trust: whether Python code that the suite names may be imported.
        observer: told of every trial.
        command: how to repeat the run, for the report.

    Raises:
        BenchError: bad input, before the first trial; or a results folder that cannot be written.
    """
    if workers is not None and workers < 0:
        raise UsageError(
            "too few workers", where="--workers", expected="0 or more", found=str(workers)
        )
    if workers is not None and cluster is not None:
        raise UsageError(
            "a cluster has its own workers",
            where="--workers, --cluster",
            expected="a number of workers, or a cluster",
            found=f"{workers} workers and the cluster {cluster}",
            hint="leave out the number of workers",
        )
    if deadline_s is not None and (workers == 0 or not deadline_s > 0):
        raise UsageError(
            "a deadline that cannot be kept",
            where="--deadline",
            expected="seconds, more than 0, and workers, which can be ended",
            found=f"{deadline_s:g} s, {'no' if workers == 0 else 'some'} workers",
        )
    uses = expand(suite, trusted=trust)
    return train(
        suite,
        uses,
        out,
        workers=workers,
        cluster=cluster,
        deadline_s=deadline_s,
        trust=trust,
        observer=observer,
        command=command,
    )


def train(
    suite: Suite,
    uses: Sequence[Use],
    out: str | Path,
    *,
    workers: int | None = None,
    cluster: str | None = None,
    deadline_s: float | None = None,
    trust: bool = False,
    observer: Observer | None = None,
    command: str = "",
) -> Results:
    """Train those of ``uses``, some or all of ``suite``, that ``out`` does not hold yet; see ``run``."""
    observer = observer or Silent()
    many = len(os.sched_getaffinity(0)) if workers is None else workers
    trials = distinct(uses)
    with Store(Path(out)) as store:
        done = store.finished()
        todo = [trial for trial in trials if trial.id not in done]
        plan = Plan(tuple(uses), tuple(trials), tuple(todo))
        many = min(many, len(todo))
        if todo:
            with (
                _importable(suite.folder, trust=trust),
                executor.pool(many, cluster, deadline_s=deadline_s) as pool,
            ):
                checksums = _check(suite, _kinds(plan), pool, store.checksums())
                store.begin(
                    suite,
                    uses,
                    started_at=_now(),
                    command=command or _command(),
                    cluster=json.dumps(pool.about) if pool.about else None,
                )
                observer.planned(plan, pool.workers)
                _train(plan, pool, store, observer, checksums)
        else:
            store.begin(suite, uses, started_at=_now(), command=command or _command())
            observer.planned(plan, many)
    return load_results(out)


def time_epochs(
    suite: Suite,
    out: str | Path,
    *,
    rounds: int = 10,
    trust: bool = False,
    progress: Callable[[int], None] = lambda _: None,
    command: str = "",
) -> Results:
    """Time an epoch of each variant alone, in this process, and add the times to ``out``.

    Args:
        suite: in the size to time, see ``Suite.resized``; its first seed is trained.
        out: results folder of a run of the suite; without one it is made, and a later run continues it.
        rounds: epochs of each variant; each is written when it is done.
        trust: whether Python code that the suite names may be imported.
        progress: told how many rounds are done.
        command: how to repeat it, for the report.

    Raises:
        BenchError: bad input, before the first round; or a results folder that cannot be written.
    """
    if rounds < 1:
        raise UsageError(
            "too few rounds", where="--rounds", expected="1 or more", found=str(rounds)
        )
    every = expand(suite, trusted=trust)
    uses = ways(every)
    if not uses:
        raise UsageError(
            "there is nothing to time on one thread",
            where=suite.where("questions"),
            expected="a variant that is trained in one process",
            found="engines of several processes only",
            hint="their times stand with the trials of `bench run`",
        )
    with Store(Path(out)) as store, _importable(suite.folder, trust=trust):
        before = store.suite()
        if before is not None and not uses.keys() & ways(expand(before.resized(seeds=1))).keys():
            raise StoreError(
                "the run in this folder trains none of these variants",
                where=str(out),
                expected=f"a run of {suite.suite} in this size, or an empty folder",
                found=f"a run of {before.suite}",
                hint="choose another with --out",
            )
        about = {"machine": json.dumps(machine()), "versions": json.dumps(versions())}
        started_at = _now("milliseconds")
        for timings in timed(suite, uses, rounds, known=store.checksums()):
            if before is None and timings[0].round == 1:
                store.begin(suite, every, started_at=_now(), command=command or _command())
            store.append_timings(timings, started_at=started_at, **about)
            progress(timings[0].round)
    return load_results(out)


def ways(uses: Iterable[Use]) -> dict[str, Use]:
    """The first use of each way of training an epoch on one thread, by ``Training.of_an_epoch``."""
    first: dict[str, Use] = {}
    for use in uses:
        if not engines.is_several_processes(use.trial.training):
            first.setdefault(use.trial.training.of_an_epoch, use)
    return first


def timed(
    suite: Suite, uses: Mapping[str, Use], rounds: int, *, known: Mapping[str, str] | None = None
) -> Iterator[list[Timing]]:
    """Rounds of epochs, each alone in this process; see ``timing.rounds``.

    Args:
        suite: where the uses come from; errors say the place in it.
        uses: see ``ways``.
        rounds: how many, 1 or more.
        known: checksums that the data had before, by its spec as JSON.

    Raises:
        BenchError: something the suite names does not exist or does not fit, or the data has changed.
    """
    with executor.pool(0) as pool:
        _check(suite, uses, pool, known or {})
    yield from timing.rounds({key: use.trial for key, use in uses.items()}, rounds)


def trace_epoch(suite: Suite, name: str, folder: Path, *, trust: bool = False) -> Path:
    """Write a TensorBoard trace of an epoch and an evaluation of one variant, trained in this process.

    Args:
        suite: its first seed is trained.
        name: ``QUESTION/VARIANT``.
        folder: where the trace goes; made if it does not exist.
        trust: whether Python code that the suite names may be imported.

    Returns:
        The file written.

    Raises:
        BenchError: bad input, or a folder that cannot be written.
    """
    uses = {f"{use.question}/{use.variant}": use for use in reversed(expand(suite, trusted=trust))}
    if name not in uses:
        raise UsageError(
            "there is no such variant",
            where=suite.where("questions"),
            expected=f"QUESTION/VARIANT, one of {listed(sorted(uses))}",
            found=shown(name),
            hint=did_you_mean(name, uses),
        )
    use = uses[name]
    with _importable(suite.folder, trust=trust), executor.pool(0) as pool:
        _check(suite, {use.trial.training.canonical: use}, pool, {})
        try:
            timing.trace(use.trial, folder)
            return max(folder.rglob("*.xplane.pb"), key=lambda path: path.stat().st_mtime)
        except (OSError, ValueError) as error:
            raise UsageError(
                "the trace could not be written",
                where=str(folder),
                expected="a folder that can be written",
                found=getattr(error, "strerror", None) or first_line(error),
            ) from None


def _now(precision: str = "seconds") -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec=precision)


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


def _kinds(plan: Plan) -> dict[str, Use]:
    """The first use of each way of training that is still to be done, by its settings."""
    kinds = {use.trial.training.canonical: use for use in reversed(plan.uses)}
    todo = {trial.training.canonical for trial in plan.todo}
    return {key: use for key, use in sorted(kinds.items()) if key in todo}


def _check(
    suite: Suite, kinds: Mapping[str, Use], pool: executor.Pool, known: Mapping[str, str]
) -> dict[str, str]:
    """Build one trial of each kind, without training; refuse at the first that cannot be.

    known: checksums of the data before, by its spec as JSON. Returns the checksums now, likewise.
    """
    checksums = _check_data(suite, kinds, pool)
    for key, answer in pool.map(runner.check, {key: use.trial for key, use in kinds.items()}):
        use = kinds[key]
        if isinstance(answer, DatasetError):
            raise _placed(answer, _data_at(suite, use))
        if isinstance(answer, SuiteError):
            raise _placed(answer, _where(suite, use, answer.where))
        if isinstance(answer, BaseException):
            raise answer
        checksums[_dataset_key(use.trial)] = answer
        before = known.get(_dataset_key(use.trial), answer)
        if answer != before:
            raise StoreError(
                "the data has changed since the trials in this folder were trained",
                where=_data_at(suite, use),
                expected=f"content with checksum {before[:12]}",
                found=answer[:12],
                hint="restore the data, or choose another folder with --out",
            )
    return checksums


def _check_data(suite: Suite, kinds: Mapping[str, Use], pool: executor.Pool) -> dict[str, str]:
    """Refuse data that a worker of a cluster lacks, or has in another version.

    Returns the checksums that all workers agree on, by spec as JSON; none where they share this machine.
    """
    checksums: dict[str, str] = {}
    for use in {_dataset_key(use.trial): use for use in kinds.values()}.values():
        for worker, answer in pool.everywhere(runner.checksum, use.trial).items():
            if isinstance(answer, BenchError):
                raise _placed(answer, f"{_data_at(suite, use)}, on worker {worker}")
            if isinstance(answer, BaseException):
                raise answer
            first = checksums.setdefault(_dataset_key(use.trial), answer)
            if answer != first:
                raise DatasetError(
                    "workers have different data",
                    where=f"{_data_at(suite, use)}, on worker {worker}",
                    expected=f"content with checksum {first[:12]}, as other workers have",
                    found=answer[:12],
                    hint="copy the same files to every machine, or use a shared folder",
                )
    return checksums


def _dataset_key(trial: Trial) -> str:
    return json.dumps(trial.training.dataset, sort_keys=True)


def _data_at(suite: Suite, use: Use) -> str:
    """Where the suite names the data of a trial."""
    own = ("questions", use.question, "dataset")
    return suite.where(*own) if suite.says(*own) else suite.where("dataset")


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
    keys = [int(key) if key.isdigit() else key for key in (inside or "").split(".")]
    variant = ("questions", use.question, "variants", use.variant)
    if keys[0] == "probes":
        own = ("questions", use.question, *keys)
        return suite.where(*own) if suite.says(*own[:3]) else suite.where(*keys)
    for start in (variant, ("questions", use.question, "base"), ("base",)):
        if suite.says(*start, keys[0]):
            return suite.where(*start, *keys)
    return suite.where(*variant)


def _train(
    plan: Plan,
    pool: executor.Pool,
    store: Store,
    observer: Observer,
    checksums: Mapping[str, str],
) -> None:
    """Have the trials trained, and write each; one on other data than was checked counts as failed.

    checksums: of the data, by its spec as JSON.
    """
    uses = {use.trial.id: use for use in reversed(plan.uses)}
    todo = {trial.id: trial for trial in plan.todo}
    train = functools.partial(runner.run_trial, concurrent=pool.workers > 1 or bool(pool.about))
    for trial_id, answer in pool.map(train, todo, kind=lambda trial: trial.training.program):
        result = answer
        if isinstance(result, BaseException):  # the worker was lost, or not fit to train
            result = _lost(todo[trial_id], result)
        elif result.dataset_checksum not in (None, checksums[_dataset_key(todo[trial_id])]):
            result = _lost(todo[trial_id], _other_data(result))
        store.append(result)
        observer.finished(uses[trial_id], result)


def _other_data(result: TrialResult) -> BenchError:
    return DatasetError(
        "a worker trained on other data than was checked before the run",
        where=f"dataset on {json.loads(result.machine)['host']}",
        expected="the content that all workers had at the start",
        found=f"content with checksum {(result.dataset_checksum or '')[:12]}",
        hint="restore the data, then run the same command again",
    )


def _lost(trial: Trial, error: BaseException) -> TrialResult:
    return TrialResult(
        trial_id=trial.id,
        seed=trial.seed,
        settings=trial.training.canonical,
        status="failed",
        started_at=_now(),
        error=str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}",
        machine=json.dumps(machine()),
        versions=json.dumps(versions()),
    )

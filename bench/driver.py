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

from bench import backend, checking, engines, executor, own_code, runner, timing
from bench.errors import (
    BenchError,
    DatasetError,
    StoreError,
    SuiteError,
    UsageError,
    did_you_mean,
    listed,
    shown,
)
from bench.machine import machine, versions
from bench.store import Kept, Results, Store, load_results
from bench.trial import Inputs, Timing, Trial, TrialResult, Use, distinct, expand

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

    def noted(self, text: str) -> None:
        """Something that a person should know, before the run begins."""

    def planned(self, plan: Plan, workers: int) -> None:
        """The run begins."""

    def finished(self, use: Use, result: TrialResult) -> None:
        """One trial was trained and written."""


class Silent:
    """Shows nothing."""

    def noted(self, text: str) -> None:
        """Show nothing."""

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
    open_ports: bool = False,
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
        open_ports: whether TensorFlow's servers may listen to everybody where they cannot be kept apart:
            docs/distributed.md. For workers of a cluster, their environment says so.
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
        open_ports=open_ports,
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
    open_ports: bool = False,
    observer: Observer | None = None,
    command: str = "",
) -> Results:
    """Train those of ``uses``, some or all of ``suite``, that ``out`` does not hold yet; see ``run``."""
    observer = observer or Silent()
    many = len(os.sched_getaffinity(0)) if workers is None else workers
    trials = distinct(uses)
    with Store(Path(out)) as store, contextlib.ExitStack() as stack:
        done, kept = store.finished(), store.kept()
        todo = [trial for trial in trials if trial.id not in done]
        plan = Plan(tuple(uses), tuple(trials), tuple(todo))
        kinds = _kinds(plan, trials)
        checking.refuse_changed_code(suite, kinds.values(), kept)
        pool: executor.Pool | None = None
        checked: dict[str, Inputs] = {}
        if todo:
            many = min(many, len(todo))
            stack.enter_context(_importable(suite.folder, trust=trust))
            stack.enter_context(_reachable(open_ports=open_ports))
            pool = stack.enter_context(executor.pool(many, cluster, deadline_s=deadline_s))
            checked = checking.check(suite, _kinds(plan, todo), pool, kept)
        data, notes = checking.look_again(suite, kinds, checked, kept)
        store.describe(data)
        store.begin(
            suite,
            uses,
            started_at=_now(),
            command=command or _command(),
            cluster=json.dumps(pool.about) if pool and pool.about else None,
        )
        for note in notes:
            observer.noted(note)
        observer.planned(plan, pool.workers if pool else 0)
        if pool:
            _train(plan, pool, store, observer, checked)
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
        for timings in timed(suite, uses, rounds, kept=store.kept()):
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
    suite: Suite, uses: Mapping[str, Use], rounds: int, *, kept: Kept | None = None
) -> Iterator[list[Timing]]:
    """Rounds of epochs, each alone in this process; see ``timing.rounds``.

    Args:
        suite: where the uses come from; errors say the place in it.
        uses: see ``ways``.
        rounds: how many, 1 or more.
        kept: what finished trials were trained on and by.

    Raises:
        BenchError: something the suite names does not exist or does not fit, or data or code has changed.
    """
    checking.refuse_changed_code(suite, uses.values(), kept or Kept())
    with executor.pool(0) as pool:
        checking.check(suite, uses, pool, kept or Kept())
    yield from timing.rounds({key: use.trial for key, use in uses.items()}, rounds)


def trace_epoch(
    suite: Suite, name: str, folder: Path, *, trust: bool = False, open_ports: bool = False
) -> Path:
    """Write a TensorBoard trace of an epoch and an evaluation of one variant, trained in this process.

    Args:
        suite: its first seed is trained.
        name: ``QUESTION/VARIANT``.
        folder: where the trace goes; made if it does not exist.
        trust: whether Python code that the suite names may be imported.
        open_ports: see ``run``.

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
    with (
        _importable(suite.folder, trust=trust),
        _reachable(open_ports=open_ports),
        executor.pool(0) as pool,
    ):
        checking.check(suite, {use.trial.training.canonical: use}, pool, Kept())
        return timing.trace(use.trial, folder)


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
    path = str(folder.resolve())
    paths = os.pathsep.join(filter(None, [path, os.environ.get("PYTHONPATH")]))
    sys.path.insert(0, path)
    try:
        with backend.environment({"PYTHONPATH": paths}):
            yield
    finally:
        sys.path.remove(path)


def _reachable(*, open_ports: bool) -> contextlib.AbstractContextManager[None]:
    """Let servers that a trial starts in this process or in workers of this machine listen to everybody."""
    return backend.environment({engines.OPEN_PORTS: "1"} if open_ports else {})


def _kinds(plan: Plan, trials: Iterable[Trial]) -> dict[str, Use]:
    """The first use of each way of training among some trials of a plan, by its settings."""
    kinds = {use.trial.training.canonical: use for use in reversed(plan.uses)}
    wanted = {trial.training.canonical for trial in trials}
    return {key: use for key, use in sorted(kinds.items()) if key in wanted}


def _train(
    plan: Plan,
    pool: executor.Pool,
    store: Store,
    observer: Observer,
    checked: Mapping[str, Inputs],
) -> None:
    """Have the trials trained, and write each; one on other data or by other code than was checked failed.

    checked: what each kind is to be trained on and by, by its settings.
    """
    uses = {use.trial.id: use for use in reversed(plan.uses)}
    todo = {trial.id: trial for trial in plan.todo}
    train = functools.partial(runner.run_trial, concurrent=pool.workers > 1 or bool(pool.about))
    for trial_id, answer in pool.map(train, todo, kind=lambda trial: trial.training.program):
        result, inputs = answer, checked[todo[trial_id].training.canonical]
        if isinstance(result, BaseException):  # the worker was lost, or not fit to train
            result = _lost(todo[trial_id], result)
        elif result.dataset_checksum not in (None, inputs.checksum):
            result = _lost(todo[trial_id], _other_data(result))
        elif other := own_code.contradict(json.loads(result.code or "{}"), inputs.code):
            result = _lost(todo[trial_id], _other_code(result, other))
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


def _other_code(result: TrialResult, modules: Sequence[str]) -> BenchError:
    return SuiteError(
        "a worker trained with other code than was checked before the run",
        where=f"{listed(modules)} on {json.loads(result.machine)['host']}",
        expected="code that nobody changes while a run goes on",
        found="another content",
        hint="undo the change, then run the same command again",
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

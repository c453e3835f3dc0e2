"""Where trials run: in this process, or on Dask workers of one thread each. One path for both."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import signal
import threading
import time
import uuid
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from bench import cluster as clusters
from bench.errors import ClusterError
from bench.machine import program, versions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from distributed import Client, Future

Item = TypeVar("Item")
Answer = TypeVar("Answer")

RETRIES: Final = 3  # of an item whose worker died while it ran
AHEAD: Final = 2  # items that Dask is given per worker: the one that runs and the next
GRACE_S: Final = 2.0  # for the driver to take an item back before the worker that has it ends
COUNT_EVERY_S: Final = 5.0  # how often the workers are counted: they come and go


class Pool(Protocol):
    """Applies a function to items, somewhere.

    Attributes:
        workers: how many there are, at first; 0: this process.
        about: what the report says of a cluster, see ``cluster.compare``; empty on this machine.
    """

    workers: int
    about: Mapping[str, Any]

    def map(
        self,
        function: Callable[[Item], Answer],
        items: Mapping[str, Item],
        kind: Callable[[Item], str] | None = None,
    ) -> Iterator[tuple[str, Answer | BaseException]]:
        """Key and answer of each item, as they are done; an exception instead of an answer if it failed.

        Args:
            function: what is done.
            items: with what.
            kind: items of a kind share work, and are best done by one worker.

        Raises:
            ClusterError: the cluster is lost.
        """

    def everywhere(
        self, function: Callable[[Item], Answer], item: Item
    ) -> Mapping[str, Answer | BaseException]:
        """The answer of each worker of a cluster by its address; none where all are on this machine."""


@contextlib.contextmanager
def pool(
    workers: int, cluster: str | None = None, *, deadline_s: float | None = None
) -> Iterator[Pool]:
    """A pool of ``workers`` processes on this machine, or this process if 0; or the workers of a cluster.

    Everything that was started ends with the context, also after Ctrl-C.

    Args:
        workers: how many; for a cluster, which has its own, without a meaning.
        cluster: see ``cluster.connect``.
        deadline_s: how long an item may take before its worker is ended and it fails; in this process nothing
            ends it.

    Raises:
        UsageError, ClusterError: there is no such cluster, or it would not give the same results.
    """
    if cluster is not None:
        with clusters.connect(cluster) as client:
            about = clusters.compare(client, cluster)
            yield _Dask(client, about["workers"], about, deadline_s=deadline_s)
    elif workers == 0:
        yield _InProcess()
    else:
        from bench import local_cluster  # it imports Dask

        with local_cluster.started(workers, retries=RETRIES) as client:
            yield _Dask(client, workers, deadline_s=deadline_s)


class _InProcess:
    workers = 0
    about: Mapping[str, Any] = {}

    def map(
        self,
        function: Callable[[Item], Answer],
        items: Mapping[str, Item],
        kind: Callable[[Item], str] | None = None,
    ) -> Iterator[tuple[str, Answer | BaseException]]:
        del kind
        for key, item in items.items():
            try:
                answer: Answer | BaseException = function(item)
            except Exception as error:  # noqa: BLE001 - handed to the caller, as Dask does
                answer = error
            yield key, answer

    def everywhere(
        self, function: Callable[[Item], Answer], item: Item
    ) -> Mapping[str, Answer | BaseException]:
        del function, item
        return {}


class Turns:
    """Which item comes next on which worker: the first of a kind that it has had, or that none has had.

    A worker compiles a kind of training once, so that kinds should not wander. Nor should one worker get far
    ahead with its own: it chooses among the next items only, twice as many as there are kinds, and takes the
    first where all are of others' kinds.
    """

    def __init__(self, kinds: Mapping[str, str]) -> None:
        self._waiting = OrderedDict(kinds)  # a dict is slow to find its first when many have gone
        self._choice = 2 * len(set(kinds.values()))
        self._had: dict[str, set[str]] = {}  # by kind, the workers that had one

    def take(self, worker: str, there: Collection[str]) -> str | None:
        """The key of an item for ``worker``, one of those ``there``; None if none is left."""

        def suits(kind: str) -> bool:
            had = self._had.get(kind, set())
            return worker in had or not any(other in there for other in had)

        if not self._waiting:
            return None
        choice = itertools.islice(self._waiting.items(), self._choice)
        first = next(iter(self._waiting))
        key = next((key for key, kind in choice if suits(kind)), first)
        self._had.setdefault(self._waiting.pop(key), set()).add(worker)
        return key


class _Dask:
    """Workers of Dask, on this machine or of a cluster.

    Dask is given a few items per worker at a time, so that neither it nor this process holds a million, and so
    that two drivers on a cluster take turns.

    When a worker dies, Dask suspects every item that was on it, and fails those that it suspects too often; so
    an item that kills its workers would take what was queued behind with it. Therefore each item reports when
    it begins, before anything else, and when it ends; one that Dask fails although it did not run so often when
    a worker died is given to Dask again.

    An item that takes too long says so from its worker, which then ends itself: nothing else could stop it.
    """

    def __init__(
        self,
        client: Client,
        workers: int,
        about: Mapping[str, Any] | None = None,
        *,
        deadline_s: float | None = None,
    ) -> None:
        self.workers = workers
        self.about = about or {}
        self._client = client
        # What a worker that starts later must have: on a cluster the versions, here all that was there.
        self._own = versions() if about else None
        self._program = None if about else program()
        self._deadline_s = deadline_s
        self._run = uuid.uuid4().hex  # another driver may train the same trial on the same cluster
        self._serial = itertools.count()
        # By item, the attempts that run or died with their worker; and of all items, those that began.
        self._unended: Counter[str] = Counter()
        self._begun = 0
        self._running: dict[str, Future] = {}
        self._late: set[str] = set()  # items that took too long
        self._unfit: set[str] = set()  # workers of a cluster
        self._addresses: Mapping[str, int] = client.nthreads()
        self._counted_at = time.monotonic()
        client.subscribe_topic(self._run, self._report)

    def _report(self, event: tuple[float, tuple[str, int]]) -> None:
        _, (key, change) = event
        self._unended[key] += change
        self._begun += change > 0
        if change == 0 and key in self._running:  # too late
            self._late.add(key)
            # This is Dask's thread, which must not wait for itself.
            threading.Thread(target=self._running[key].cancel, daemon=True).start()

    def map(
        self,
        function: Callable[[Item], Answer],
        items: Mapping[str, Item],
        kind: Callable[[Item], str] | None = None,
    ) -> Iterator[tuple[str, Answer | BaseException]]:
        from distributed import as_completed

        turns = Turns({key: kind(item) if kind else key for key, item in items.items()})
        running: dict[Future, tuple[str, str]] = {}  # the item's key, and who was given it
        given: Counter[str] = Counter()  # by worker, how many of them
        begun: dict[str, int] = {}  # self._begun when an item was given to Dask
        done = as_completed(loop=self._client.loop, with_results=True, raise_errors=False)

        def submit(key: str, worker: str) -> None:
            future = self._submit(function, key, items[key], worker)
            running[future] = key, worker
            self._running[key] = future
            given[worker] += 1
            begun[key] = self._begun
            done.add(future)

        def give(workers: Iterable[str]) -> None:
            for worker in workers:
                if given[worker] < AHEAD and (key := turns.take(worker, there)) is not None:
                    submit(key, worker)

        there = self._there()
        give(AHEAD * list(there))
        for future, answer in done:
            key, worker = running.pop(future)
            self._running.pop(key, None)
            given[worker] -= 1
            again = self._again(key, future, answer, begun[key])
            outcome: Any = None if again else self._outcome(key, future, answer)
            before, there = there, self._there()
            give(there.keys() & {worker} if there is before else AHEAD * list(there))
            if again:
                submit(key, worker)
            else:
                yield key, outcome
            future.release()

    def _outcome(self, key: str, future: Future, answer: Any) -> Any:
        """The answer of an item that is done, or its error."""
        if future.status == "finished":
            return answer
        if key in self._late:
            return _too_late(self._deadline_s)
        if future.cancelled():
            raise _gone()
        return _explained(answer[1])

    def _again(self, key: str, future: Future, answer: Any, begun: int) -> bool:
        """Whether an item must be given once more."""
        if isinstance(answer, _Unfit):
            self._avoid(answer)
            return True
        failed = future.status == "error" and key not in self._late
        return failed and self._is_innocent(key, answer[1], begun)

    def _submit(
        self, function: Callable[[Item], Answer], key: str, item: Item, worker: str
    ) -> Future:
        inner = function.func if isinstance(function, functools.partial) else function
        name = getattr(inner, "__name__", "task")
        return self._client.submit(
            _attempt,
            function,
            item,
            key,
            self._run,
            own=self._own,
            driven_by=self._program,
            deadline_s=self._deadline_s,
            key=f"{name}-{next(self._serial)}-{key}-{self._run}",
            # On a cluster, whose workers come and go, Dask chooses: see OthersAllowed.
            workers=self._fit() if self.about else [worker],
            allow_other_workers=bool(self._unfit) or not self.about,
            pure=False,
            fifo_timeout="0 s",  # first come, first served: no driver overtakes another
        )

    def _is_innocent(self, key: str, error: BaseException, begun: int) -> bool:
        """Whether an item was only beside others that ran when their workers died.

        If none has begun since, ``begun``, the workers die of something else, and to go on would not end.
        """
        from distributed import KilledWorker

        killed = isinstance(error, KilledWorker)
        return killed and self._unended[key] <= RETRIES and self._begun > begun

    def _avoid(self, found: _Unfit) -> None:
        """Give nothing more to a worker that joined and is not fit, as long as a cluster has others."""
        self._unfit.add(found.worker)
        if not self.about or not self._fit():
            raise found.why

    def _fit(self) -> list[str] | None:
        """The workers to choose from; None: all."""
        return [w for w in self._addresses if w not in self._unfit] if self._unfit else None

    def _there(self) -> Mapping[str, int]:
        """The workers there are now, by address; another object if they were counted anew."""
        if time.monotonic() - self._counted_at > COUNT_EVERY_S:
            self._counted_at = time.monotonic()
            with contextlib.suppress(OSError):  # a lost scheduler is said when the items are
                self._addresses = self._client.nthreads() or self._addresses
        return self._addresses

    def everywhere(
        self, function: Callable[[Item], Answer], item: Item
    ) -> Mapping[str, Answer | BaseException]:
        if not self.about:
            return {}
        answers = self._client.run(function, item, on_error="return")
        return {worker: a for worker, a in answers.items() if not isinstance(a, OSError)}  # or gone


def _gone() -> ClusterError:
    return ClusterError(
        "the scheduler was lost; what was finished is kept",
        where="the Dask cluster",
        expected="a scheduler that runs until the end",
        found="a closed connection",
        hint="run the same command again: it continues",
    )


def _other_program(worker: str) -> ClusterError:
    return ClusterError(
        "Seedwise or a library was changed or upgraded in the middle of the run; what was finished is kept",
        where=f"worker {worker}, started in place of one that died",
        expected="the files and versions with which the run began",
        found="others",
        hint="undo the change, or run the same command again: it continues, and the report says which versions"
        " trained",
    )


def _too_late(deadline_s: float | None) -> ClusterError:
    return ClusterError(
        "the trial took too long; its worker was ended",
        where="--deadline",
        expected=f"an end within {deadline_s:g} s",
        found="none",
        hint="give it longer with --deadline, if it was not stuck",
    )


def _explained(error: BaseException) -> BaseException:
    """The error of an item; one of ours if its workers died."""
    from distributed import KilledWorker

    if not isinstance(error, KilledWorker):
        return error
    return ClusterError(
        "the worker was lost",
        where=f"worker {error.last_worker.address}",
        expected="a worker that lives until the trial ends",
        found=f"{error.allowed_failures + 1} workers that died while they had this trial",
        hint="often memory ran out: see what the workers' logs or the system's say",
    )


@dataclass(frozen=True)
class _Unfit:
    """The answer of a worker that must not train."""

    worker: str
    why: ClusterError


def _attempt(
    function: Callable[[Item], Answer],
    item: Item,
    key: str,
    run: str,
    *,
    own: Mapping[str, str] | None,
    driven_by: str | None,
    deadline_s: float | None,
) -> Answer | _Unfit:
    """On a worker: say that the item begins, and once that is known, begin; at last, say that it ended."""
    from distributed import get_worker
    from distributed.utils import sync

    worker = get_worker()
    if own is not None:
        try:
            clusters.fit(own, worker)
        except ClusterError as error:
            return _Unfit(worker.address, error)
    elif driven_by != program():
        return _Unfit(worker.address, _other_program(worker.address))
    report = functools.partial(sync, worker.loop, worker.scheduler.log_event, topic=run)
    report(msg=(key, 1))

    def end_worker() -> None:
        report(msg=(key, 0))
        time.sleep(GRACE_S)
        os.kill(os.getpid(), signal.SIGKILL)

    watch = None if deadline_s is None else threading.Timer(deadline_s, end_worker)
    if watch is not None:
        watch.daemon = True
        watch.start()
    try:
        return function(item)
    finally:
        if watch is not None:
            watch.cancel()
        worker.log_event(run, (key, -1))

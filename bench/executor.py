"""Where trials run: in this process, or on Dask workers of one thread each. One path for both."""

from __future__ import annotations

import contextlib
import functools
import itertools
import logging
import signal
import time
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from bench import cluster as clusters
from bench.backend import ENVIRONMENT
from bench.errors import ClusterError
from bench.machine import versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from distributed import Client, Future

Item = TypeVar("Item")
Answer = TypeVar("Answer")

RETRIES: Final = 3  # of an item whose worker died while it ran
AHEAD: Final = 4  # items that Dask is given per worker: the one that runs and some to follow
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
        self, function: Callable[[Item], Answer], items: Mapping[str, Item]
    ) -> Iterator[tuple[str, Answer | BaseException]]:
        """Key and answer of each item, as they are done; an exception instead of an answer if it failed.

        Raises:
            ClusterError: the cluster is lost.
        """

    def everywhere(
        self, function: Callable[[Item], Answer], item: Item
    ) -> Mapping[str, Answer | BaseException]:
        """The answer of each worker of a cluster by its address; none where all are on this machine."""


@contextlib.contextmanager
def pool(workers: int, cluster: str | None = None) -> Iterator[Pool]:
    """A pool of ``workers`` processes on this machine, or this process if 0; or the workers of a cluster.

    Everything that was started ends with the context, also after Ctrl-C.

    Args:
        workers: how many; for a cluster, which has its own, without a meaning.
        cluster: see ``cluster.connect``.

    Raises:
        UsageError, ClusterError: there is no such cluster, or it would not give the same results.
    """
    if cluster is not None:
        with clusters.connect(cluster) as client:
            about = clusters.compare(client, cluster)
            yield _Dask(client, about["workers"], about)
    elif workers == 0:
        yield _InProcess()
    else:
        with _local(workers) as client:
            yield _Dask(client, workers)


@contextlib.contextmanager
def _local(workers: int) -> Iterator[Client]:
    import dask
    from distributed import Client, LocalCluster, WorkerPlugin

    class IgnoreInterrupts(WorkerPlugin):  # type: ignore[misc]
        """Ctrl-C reaches every process of a terminal; ending the workers is the driver's business."""

        def setup(self, worker: object) -> None:
            del worker
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    settings = {
        # Before Python starts in a worker: native libraries read these when they are loaded.
        "distributed.nanny.pre-spawn-environ": ENVIRONMENT,
        "distributed.worker.memory.target": False,  # a trial holds what it needs; nothing to spill
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.scheduler.work-stealing": True,
        "distributed.scheduler.allowed-failures": RETRIES,
        "distributed.admin.tick.limit": "1h",  # a worker that compiles is busy, not lost
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address="localhost:0",  # None would still take port 8787, and warn if it is taken
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        client.register_plugin(IgnoreInterrupts())
        yield client


class _InProcess:
    workers = 0
    about: Mapping[str, Any] = {}

    def map(
        self, function: Callable[[Item], Answer], items: Mapping[str, Item]
    ) -> Iterator[tuple[str, Answer | BaseException]]:
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


class _Dask:
    """Workers of Dask, on this machine or of a cluster.

    Dask is given a few items per worker at a time, so that neither it nor this process holds a million, and so
    that two drivers on a cluster take turns.

    When a worker dies, Dask suspects every item that was on it, and fails those that it suspects too often; so
    an item that kills its workers would take what was queued behind with it. Therefore each item reports when
    it begins, before anything else, and when it ends; one that Dask fails although it did not run so often when
    a worker died is given to Dask again.
    """

    def __init__(
        self, client: Client, workers: int, about: Mapping[str, Any] | None = None
    ) -> None:
        self.workers = workers
        self.about = about or {}
        self._client = client
        self._own = versions() if about else None  # workers of this machine have them anyway
        self._run = uuid.uuid4().hex  # another driver may train the same trial on the same cluster
        self._serial = itertools.count()
        # By item, the attempts that run or died with their worker; and of all items, those that began.
        self._unended: Counter[str] = Counter()
        self._begun = 0
        self._there, self._counted_at = workers, time.monotonic()
        client.subscribe_topic(self._run, self._report)

    def _report(self, event: tuple[float, tuple[str, int]]) -> None:
        _, (key, change) = event
        self._unended[key] += change
        self._begun += change > 0

    def map(
        self, function: Callable[[Item], Answer], items: Mapping[str, Item]
    ) -> Iterator[tuple[str, Answer | BaseException]]:
        from distributed import as_completed

        todo = iter(items)
        running: dict[Future, str] = {}
        begun: dict[str, int] = {}  # self._begun when an item was given to Dask
        done = as_completed(loop=self._client.loop, with_results=True, raise_errors=False)

        def submit(key: str) -> None:
            future = self._submit(function, key, items[key])
            running[future] = key
            begun[key] = self._begun
            done.add(future)

        for key in itertools.islice(todo, self._at_once()):
            submit(key)
        for future, answer in done:
            key = running.pop(future)
            if future.cancelled():
                raise _gone()
            for following in itertools.islice(todo, max(self._at_once() - len(running), 0)):
                submit(following)
            if future.status != "error":
                yield key, answer
            elif self._is_innocent(key, answer[1], begun[key]):
                submit(key)
            else:
                yield key, _explained(answer[1])
            future.release()

    def _submit(self, function: Callable[[Item], Answer], key: str, item: Item) -> Future:
        inner = function.func if isinstance(function, functools.partial) else function
        name = getattr(inner, "__name__", "task")
        return self._client.submit(
            _attempt,
            function,
            item,
            key,
            self._run,
            self._own,
            key=f"{name}-{next(self._serial)}-{key}-{self._run}",
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

    def _at_once(self) -> int:
        """How many items Dask should hold now."""
        if time.monotonic() - self._counted_at > COUNT_EVERY_S:
            self._counted_at = time.monotonic()
            with contextlib.suppress(OSError):  # a lost scheduler is said when the items are
                self._there = len(self._client.nthreads())
        return AHEAD * max(self._there, 1)

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
        expected="a scheduler that runs until the end",
        found="a closed connection",
        hint="run the same command again: it continues",
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


def _attempt(
    function: Callable[[Item], Answer],
    item: Item,
    key: str,
    run: str,
    own: Mapping[str, str] | None,
) -> Answer:
    """On a worker: say that the item begins, and once that is known, begin; at last, say that it ended."""
    from distributed import get_worker
    from distributed.utils import sync

    worker = get_worker()
    sync(worker.loop, worker.scheduler.log_event, topic=run, msg=(key, 1))
    try:
        if own is not None:
            clusters.fit(own, worker)
        return function(item)
    finally:
        worker.log_event(run, (key, -1))

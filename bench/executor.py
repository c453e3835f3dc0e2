"""Where trials run: in this process, or on Dask workers of one thread each. One path for both."""

from __future__ import annotations

import contextlib
import logging
import signal
from typing import TYPE_CHECKING, Protocol, TypeVar

from bench.backend import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from distributed import Client

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Pool(Protocol):
    """Applies a function to items, somewhere."""

    workers: int

    def map(
        self, function: Callable[[Item], Answer], items: Mapping[str, Item]
    ) -> Iterator[tuple[str, Answer | BaseException]]:
        """Key and answer of each item, as they are done; an exception instead of an answer if it failed."""


@contextlib.contextmanager
def pool(workers: int) -> Iterator[Pool]:
    """A pool of ``workers`` processes on this machine, or this process if 0.

    Everything that was started ends with the context, also after Ctrl-C.
    """
    if workers == 0:
        yield _InProcess()
        return
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
        yield _Dask(client, workers)


class _InProcess:
    workers = 0

    def map(
        self, function: Callable[[Item], Answer], items: Mapping[str, Item]
    ) -> Iterator[tuple[str, Answer | BaseException]]:
        for key, item in items.items():
            try:
                answer: Answer | BaseException = function(item)
            except Exception as error:  # noqa: BLE001 - handed to the caller, as Dask does
                answer = error
            yield key, answer


class _Dask:
    def __init__(self, client: Client, workers: int) -> None:
        self._client = client
        self.workers = workers

    def map(
        self, function: Callable[[Item], Answer], items: Mapping[str, Item]
    ) -> Iterator[tuple[str, Answer | BaseException]]:
        from distributed import as_completed

        name = getattr(function, "__name__", "task")
        futures = {
            self._client.submit(
                function, item, key=f"{name}-{key}", pure=False, priority=-position
            ): key
            for position, (key, item) in enumerate(items.items())
        }
        for future in as_completed(list(futures)):
            key = futures.pop(future)
            yield key, future.exception() or future.result()
            future.release()

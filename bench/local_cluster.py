"""Workers of this machine: Dask's scheduler in this process, a process for each worker, and no open door.

Who reaches a scheduler of Dask can run code as its owner, and everybody on a machine reaches its loopback
address. So scheduler and workers talk in TLS, by a key that is made for the run and known to nobody else, and
there is no page of theirs to look at.
"""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING, Any, Final

import dask
from distributed import (
    Client,
    Nanny,
    Scheduler,
    SchedulerPlugin,
    Security,
    SpecCluster,
    Worker,
    WorkerPlugin,
)
from distributed.system import memory_limit

from bench import scratch
from bench.backend import ENVIRONMENT, SAFE_PATH, environment
from bench.cluster import SILENT

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST: Final = "127.0.0.1"


class _WithoutPages:
    """Of what Dask starts it leaves out the web server: ``dashboard: false`` would still listen."""

    def start_http_server(self, *_arguments: Any, **_options: Any) -> None:
        """Start none."""


class _Scheduler(_WithoutPages, Scheduler):  # type: ignore[misc]
    pass


class _Worker(_WithoutPages, Worker):  # type: ignore[misc]
    pass


class _IgnoreInterrupts(WorkerPlugin):  # type: ignore[misc]
    """Ctrl-C reaches every process of a terminal; ending the workers is the driver's business."""

    def setup(self, worker: object) -> None:
        del worker
        signal.signal(signal.SIGINT, signal.SIG_IGN)


class _OthersAllowed(SchedulerPlugin):  # type: ignore[misc]
    """Lets the next worker have what is kept for one that is dead, where there was none when it was due."""

    def __init__(self, scheduler: Any) -> None:
        self._scheduler = scheduler

    def transition(self, key: str, start: str, finish: str, **_options: Any) -> None:
        """Called after each change of an item's state."""
        del start
        if finish == "no-worker":
            self._scheduler.tasks[key].worker_restrictions = None


@contextlib.contextmanager
def started(workers: int, *, retries: int) -> Iterator[Client]:
    """A client of so many new workers of one thread each, which end with the context.

    Args:
        workers: 1 or more.
        retries: of an item whose worker died while it ran.
    """
    folder, security = scratch.Folder(), Security.temporary()
    settings = {
        "temporary-directory": str(folder.path),
        # Before Python starts in a worker: native libraries read these when they are loaded.
        "distributed.nanny.pre-spawn-environ": ENVIRONMENT,
        "distributed.worker.memory.target": False,  # a trial holds what it needs; nothing to spill
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.scheduler.work-stealing": True,
        "distributed.scheduler.allowed-failures": retries,
        # One that says nothing for minutes was stopped, as by Ctrl-Z or a sleep of the machine, and goes on
        # after it. One that ends is missed by who looks after it.
        "distributed.scheduler.worker-ttl": None,
        # A new one may take long to start on a busy machine; without it, none would be left to wait for.
        "distributed.deploy.lost-worker-timeout": "1h",
        "distributed.admin.tick.limit": "1h",  # a worker that compiles is busy, not lost
    }
    both = {"host": HOST, "protocol": "tls://", "security": security}
    worker = {
        "cls": Nanny,
        "options": both
        | {
            "worker_class": _Worker,
            "nthreads": 1,
            "memory_limit": memory_limit() // workers,
            "silence_logs": SILENT,
        },
    }
    with (
        folder,
        dask.config.set(settings),
        environment(SAFE_PATH),  # before: Python starts a helper of its own beside the workers
        SpecCluster(
            scheduler={"cls": _Scheduler, "options": both | {"dashboard": False}},
            workers=dict.fromkeys(range(workers), worker),
            security=security,
            silence_logs=SILENT,
        ) as cluster,
        Client(cluster) as client,
    ):
        client.register_plugin(_IgnoreInterrupts())
        cluster.scheduler.add_plugin(_OthersAllowed(cluster.scheduler))
        yield client

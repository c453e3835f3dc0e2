"""A Dask cluster that is not of this process's making: reached or started, and held to the driver's conditions.

The same trial gives the same bits on every worker only if the worker computes as a local one would: one thread,
the same versions, nothing else configured. So every worker is compared with the driver, when the run begins and
again before it trains, since workers come and go; one that differs is refused, not warned of.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.backend import ENVIRONMENT
from bench.errors import (
    ClusterError,
    SuiteError,
    UsageError,
    did_you_mean,
    first_line,
    listed,
    shown,
)
from bench.machine import machine, versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from distributed import Client
    from distributed.deploy import Cluster

CONNECT_S: Final = 30.0  # for a scheduler to answer, and for the first worker of a running one
SILENT: Final = logging.CRITICAL + 1
"""The level of Dask's log: what it would say of versions, or of a connection that was lost or is being closed
(as a critical error, with its traceback), is said by our errors, or is nothing."""
QUEUES: Final = ("htcondor", "lsf", "moab", "oar", "pbs", "sge", "slurm")
_QUIET: Final = {"TF_CPP_MIN_LOG_LEVEL"}  # changes what is said, not what is computed


@contextlib.contextmanager
def connect(cluster: str) -> Iterator[Client]:
    """A client of a running scheduler, or of one started here whose workers a job queue runs.

    Args:
        cluster: ``tcp://HOST:PORT``, ``tls://HOST:PORT``, or a YAML file: docs/cluster.md.

    Raises:
        UsageError: the file does not describe a cluster.
        ClusterError: no scheduler or no worker answers.
    """
    from distributed import Client

    logger = logging.getLogger("distributed")
    level = logger.level
    logger.setLevel(SILENT)
    try:
        with contextlib.ExitStack() as stack:
            queued = None if "://" in cluster else stack.enter_context(_queued(Path(cluster)))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    client = Client(queued or cluster, timeout=CONNECT_S, set_as_default=False)
                except (OSError, ValueError, TypeError, RuntimeError) as error:
                    raise ClusterError(
                        "no Dask scheduler answers",
                        where=cluster,
                        expected="the address of a running scheduler",
                        found=first_line(error),
                        hint="start one with `dask scheduler`; tls:// needs Dask's own settings for TLS",
                    ) from None
            stack.enter_context(client)
            _wait_for_workers(client, cluster, None if queued else CONNECT_S)
            yield client
    finally:
        logger.setLevel(level)


def _wait_for_workers(client: Client, cluster: str, timeout: float | None) -> None:
    try:
        client.wait_for_workers(1, timeout=timeout)
    except TimeoutError:
        raise ClusterError(
            "the cluster has no workers",
            where=cluster,
            expected="at least one worker",
            found=f"none within {CONNECT_S:.0f} s",
            hint=f"start some: dask worker {cluster} --nthreads 1 --nworkers auto",
        ) from None


@contextlib.contextmanager
def _queued(path: Path) -> Iterator[Cluster]:
    """A scheduler in this process, and workers as jobs of a queue; a job that ends is replaced."""
    queue, options, workers = _description(path)
    try:
        import dask_jobqueue
    except ImportError:
        raise UsageError(
            "a job queue needs dask-jobqueue",
            where=str(path),
            expected="the package dask-jobqueue",
            found="not installed",
            hint='pip install "seedwise[cluster]"',
        ) from None
    kinds = {name.removesuffix("Cluster").lower(): name for name in vars(dask_jobqueue)}
    try:
        cluster = getattr(dask_jobqueue, kinds[queue])(
            **_defaults(queue, options["cores"]) | options
        )
    except Exception as error:  # noqa: BLE001 - whatever it does not like about the options
        raise UsageError(
            "dask-jobqueue does not take this",
            where=f"{path}, at {queue}",
            expected=f"options of dask_jobqueue.{kinds[queue]}",
            found=first_line(error),
        ) from None
    with cluster:
        cluster.adapt(minimum=workers, maximum=workers)
        yield cluster


def _defaults(queue: str, cores: int) -> dict[str, Any]:
    """One thread per worker, which takes no modules from where it starts; a free port for the dashboard."""
    import dask

    python = dask.config.get(f"jobqueue.{queue}.python", None) or sys.executable
    scheduler = {"dashboard_address": ":0"}
    return {"processes": cores, "python": f"{python} -P", "scheduler_options": scheduler}


def _description(path: Path) -> tuple[str, dict[str, Any], int]:
    """Which queue, the options of its jobs, and how many workers, as the file says."""
    from bench import yaml_text

    def refuse(found: str, hint: str | None = None) -> UsageError:
        return UsageError(
            "this does not describe a cluster",
            where=str(path),
            expected="tcp://HOST:PORT, or a YAML file with `slurm: {cores: 8, memory: 16 GB, ...}`"
            " and `workers: 64`",
            found=found,
            hint=hint,
        )

    try:
        said, _ = yaml_text.read(yaml_text.of_file(path), path)
    except (OSError, ValueError) as error:
        raise refuse(first_line(error)) from None
    except SuiteError as error:  # how YAML is to be; its line stands in the place
        raise refuse(f"{error.where}: {error.problem}, {error.found}") from None
    if not isinstance(said, dict) or len(said) != 2 or "workers" not in said:
        raise refuse(f"the keys {listed(map(str, said))}" if isinstance(said, dict) else "other")
    queue = next(str(key) for key in said if key != "workers")
    options, workers = said.get(queue), said["workers"]
    if queue not in QUEUES:
        raise refuse(f"the queue {shown(queue)}", did_you_mean(queue, QUEUES))
    if not isinstance(options, dict) or not _counts(options.get("cores")):
        raise refuse(f"{queue} without a number of cores")
    if "memory" not in options:
        raise refuse(f"{queue} without memory")
    if not _counts(workers):
        raise refuse(f"workers: {shown(workers)}")
    return queue, options, workers


def _counts(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def compare(client: Client, cluster: str) -> dict[str, Any]:
    """Refuse a cluster on which results could differ from the driver's; describe one on which they cannot.

    Returns:
        What the report says of the cluster: its address, its workers and machines, the scheduler's versions.

    Raises:
        ClusterError: versions or the configuration of a worker or the scheduler differ.
    """
    found = client.get_versions()["scheduler"]["packages"]
    scheduler = {name: str(found[name]) for name in ("python", "dask", "distributed")}
    own = versions()
    _compare(own, scheduler, f"scheduler {client.scheduler.address}")
    hosts = []
    for address, answer in client.run(fit, own, on_error="return").items():
        if isinstance(answer, ClusterError):
            raise answer
        if isinstance(answer, OSError):  # it has just gone
            continue
        if isinstance(answer, BaseException):
            raise ClusterError(
                "a worker cannot run Seedwise",
                where=f"worker {address}",
                expected=f"Seedwise {own['seedwise']}",
                found=f"{type(answer).__name__}: {first_line(answer)}",
                hint="install the same packages on every machine",
            )
        hosts.append(answer)
    return {
        "cluster": cluster,
        "workers": len(hosts),
        "machines": len(set(hosts)),
        "scheduler": scheduler,
    }


def fit(own: Mapping[str, str], dask_worker: Any) -> str:
    """On a worker: make it compute as a local one does, or refuse it; returns its machine's name.

    Args:
        own: versions of the driver, as ``machine.versions``.
        dask_worker: the ``distributed.Worker``; Dask's name for it.

    Raises:
        ClusterError: it has several threads, other versions, or was configured in another way.
    """
    host = str(machine()["host"])
    where = f"worker {dask_worker.address} on {host}"
    if dask_worker.state.nthreads != 1:
        raise ClusterError(
            "a worker has several threads",
            where=where,
            expected="one thread per worker: the same trial then gives the same bits",
            found=f"{dask_worker.state.nthreads} threads",
            hint="start workers with --nthreads 1",
        )
    _compare(own, versions(), where)
    matter = {name: value for name, value in ENVIRONMENT.items() if name not in _QUIET}
    for name, value in matter.items():
        if os.environ.get(name, value) != value:
            raise ClusterError(
                "a worker computes in another way",
                where=where,
                expected=f"{name}={value}, or no such variable in its environment",
                found=f"{name}={os.environ[name]}",
                hint="unset it where the worker is started",
            )
    if matter.keys() - os.environ.keys():
        _set_up(where)
    return host


def _set_up(where: str) -> None:
    """Give a process the environment of a local worker, which only counts before libraries are loaded."""
    if "tensorflow" in sys.modules:
        raise ClusterError(
            "TensorFlow was loaded in a worker before Seedwise could configure it",
            where=where,
            expected="a worker that nothing else uses",
            found="tensorflow, loaded",
            hint="start new workers for Seedwise alone",
        )
    os.environ.update(ENVIRONMENT)


def _compare(own: Mapping[str, str], other: Mapping[str, str], where: str) -> None:
    """Refuse other versions than the driver's; the last number of Python's may differ."""
    for name in own.keys() & other.keys():
        parts = 2 if name == "python" else None
        if own[name].split(".")[:parts] != other[name].split(".")[:parts]:
            raise ClusterError(
                "versions differ in the cluster",
                where=where,
                expected=f"{name} {own[name]}, as the driver has it",
                found=f"{name} {other[name]}",
                hint="install the same packages on every machine, such as by one image or lock file",
            )

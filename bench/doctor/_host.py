"""Versions, processor, memory and disk, without starting anything."""

from __future__ import annotations

import os
import platform
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Final

from bench import scratch
from bench.backend import ENVIRONMENT
from bench.doctor._found import Found, Problem
from bench.errors import StoreError
from bench.machine import instruction_sets, machine, memory_bytes, versions
from bench.store import Store

GIB: Final = 2**30
WORKER_GIB: Final = 1.6  # what a worker came to need, docs/performance.md
DRIVER_GIB: Final = 0.7  # likewise
FREE_GIB: Final = 1.0  # disk: several times what the largest shipped run writes
BUSY: Final = 0.25  # load per core from which on times are not those of an idle machine


def examine(folder: Path) -> Found:
    """Facts of this machine, and what is too little or too old; ``folder`` is where results would go."""
    return _versions() + _cores() + _threads() + _memory() + _disk(folder)


def _versions() -> Found:
    said = ", ".join(f"{name} {version}" for name, version in versions().items())
    return Found((("system", platform.platform()), ("versions", said)), problems=tuple(_too_old()))


def _too_old() -> list[Problem]:
    """What is not installed as Seedwise asks for it."""
    from packaging.requirements import Requirement

    try:
        asked = [Requirement(text) for text in metadata.requires("seedwise") or ()]
    except metadata.PackageNotFoundError:  # used from a checkout without being installed
        return []
    problems = []
    for requirement in asked:
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            there = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            there = "none"
        if there == "none" or not requirement.specifier.contains(there, prereleases=True):
            problems.append(
                Problem(
                    f"{requirement.name}: {there} is installed, {requirement.specifier} is needed",
                    f'pip install "{requirement}"',
                    broken=True,
                )
            )
    return problems


def _cores() -> Found:
    import psutil
    from dask.system import cpu_count

    own = machine()["cores"]  # those that this process may run on
    allowed = min(own, cpu_count())  # a control group, as of a container, may give it less time
    load = psutil.getloadavg()[0]
    sets = instruction_sets()
    facts = (
        ("processor", machine()["processor"]),
        ("cores", f"{os.cpu_count()}, {own} of them usable; as much time as {allowed} would have"),
        ("load", f"{load:.1f} processes ran or waited on average in the last minute"),
        ("instruction sets", ", ".join(sets) or "none of those that matter, or not known"),
    )
    problems = []
    if allowed < own:
        what = f"a control group gives this process the time of {allowed} of {own} cores"
        problems.append(Problem(what, f"bench run ... --workers {allowed}"))
    if load > BUSY * own:
        what = "other programs are running, so training takes longer and its times mislead"
        problems.append(Problem(what, "wait for them before times are measured (bench time)"))
    if platform.machine() == "x86_64" and "avx2" not in sets:
        what = "the processor lacks AVX2, or the virtual machine hides it"
        problems.append(Problem(what, "expect much longer times than in docs/performance.md"))
    return Found(facts, problems=tuple(problems))


def _threads() -> Found:
    """What the shell says of threads and libraries; Seedwise sets only what is not set."""
    other = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    other = {name: value for name, value in other.items() if value != ENVIRONMENT[name]}
    said = ", ".join(f"{name}={value}" for name, value in other.items())
    problems = [
        Problem(
            f"{name} is {value!r} in this shell, workers have {ENVIRONMENT[name]!r}:"
            " what is trained without workers may be slower, or not the same to the bit",
            f"unset {name}",
        )
        for name, value in other.items()
        if name != "TF_CPP_MIN_LOG_LEVEL"
    ]
    return Found((("environment", said or "as Seedwise sets it"),), problems=tuple(problems))


def _memory() -> Found:
    import psutil

    limit, free = memory_bytes() / GIB, psutil.virtual_memory().available / GIB
    free = min(free, limit)
    workers = machine()["cores"]
    fit = int((free - DRIVER_GIB) // WORKER_GIB)
    facts = (("memory", f"{free:.1f} GiB free, of {limit:.1f} GiB that this process may have"),)
    if fit >= workers:
        return Found(facts)
    needed = DRIVER_GIB + workers * WORKER_GIB
    what = f"{workers} workers may need {needed:.1f} GiB of memory, {free:.1f} GiB are free"
    advice = f"bench run ... --workers {max(fit, 1)}, or end other programs"
    return Found(facts, problems=(Problem(what, advice),))


def _disk(folder: Path) -> Found:
    import psutil

    problems, said = [], []
    for path in dict.fromkeys([folder.absolute(), Path(tempfile.gettempdir())]):
        free = psutil.disk_usage(str(path)).free / GIB
        said.append(f"{free:.1f} GiB free in {path}")
        if free < FREE_GIB:
            problems.append(Problem(f"{free:.1f} GiB of disk are free in {path}", "make room"))
    try:
        with scratch.Folder(folder) as made:
            Store(made).close()
    except (OSError, StoreError) as error:
        what = f"results cannot be written in {folder.absolute()}: {error}"
        problems.append(Problem(what, "work in another folder, or choose one with --out"))
    return Found((("disk", "; ".join(said)),), problems=tuple(problems))

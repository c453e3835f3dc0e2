"""The machine and the software a trial ran on, as the report states them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import resource
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LIBRARIES: Final = (
    "tensorflow",
    "keras",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "distributed",
)


INSTRUCTION_SETS: Final = (
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_tile",
    "asimd",
    "sve",
)  # that matter for products of matrices, as the kernel of Linux calls them


@cache
def machine() -> dict[str, Any]:
    """Host, processor, cores and memory in GiB that this process may use, system."""
    return {
        "host": platform.node(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory_bytes() / 2**30, 1),
        "system": platform.platform(),
    }


def memory_bytes(proc: Path = Path("/proc/self")) -> int:
    """Memory that this process may have: the machine's, or what a container or ``ulimit -v`` leaves of it.

    proc: what Linux says of this process.
    """
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    own, _ = resource.getrlimit(resource.RLIMIT_AS)
    return min([whole, *_of_groups(proc), *([] if own == resource.RLIM_INFINITY else [own])])


def _of_groups(proc: Path) -> Iterator[int]:
    """What control groups (v1 and v2) allow: the one of this process, and those around it."""
    try:
        mounts = (proc / "mountinfo").read_text().splitlines()
        groups = (proc / "cgroup").read_text().splitlines()
    except OSError:  # another system
        return
    inside = dict(group.split(":", 2)[1:] for group in groups)  # controllers -> path
    v1 = next((path for names, path in inside.items() if "memory" in names.split(",")), None)
    for mount in mounts:
        place, _, about = mount.partition(" - ")
        (root, folder), (kind, _, options) = place.split()[3:5], about.split()[:3]
        if kind == "cgroup2":
            yield from _around(folder, root, inside.get(""), ("memory.max", "memory.high"))
        elif kind == "cgroup" and "memory" in options.split(","):
            yield from _around(folder, root, v1, ("memory.limit_in_bytes",))


def _around(folder: str, root: str, group: str | None, names: Iterable[str]) -> Iterator[int]:
    """The limits of a group and of all around it, as far as ``folder``, where ``root`` is, shows them."""
    if group is None:
        return
    path = Path(group)
    below = path.relative_to(root) if path.is_relative_to(root) else Path()
    for level in (below, *below.parents):
        for name in names:
            with contextlib.suppress(OSError, ValueError):  # not there, or "max": no limit
                yield int((Path(folder) / level / name).read_text())


@cache
def versions() -> dict[str, str]:
    """Versions of Seedwise, Python and the libraries that compute."""
    found = {"seedwise": _version("seedwise"), "python": platform.python_version()}
    return found | {name: _version(name) for name in LIBRARIES}


@cache
def program() -> str:
    """A checksum of ``versions`` and of Seedwise's source, as it lies there when a process first asks."""
    found = hashlib.sha256(json.dumps(versions()).encode())
    folder = Path(__file__).parent
    for path in sorted(folder.rglob("*.py")):
        found.update(f"\n{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return found.hexdigest()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def instruction_sets() -> tuple[str, ...]:
    """Those of ``INSTRUCTION_SETS`` that the processor has; none if the system does not say."""
    flags = (_cpuinfo("flags") or _cpuinfo("Features") or "").split()
    return tuple(name for name in INSTRUCTION_SETS if name in flags)


def _processor() -> str:
    found = _cpuinfo("model name")
    return platform.processor() if found is None else found or "unknown"


def _cpuinfo(key: str) -> str | None:
    """What the system says of the first processor; empty if not this; None if it says nothing."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    return next((x.split(":", 1)[1].strip() for x in lines if x.startswith(key)), "")

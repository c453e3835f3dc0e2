"""The machine and the software a trial ran on, as the report states them."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Final

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
    """Host, processor, cores this process may use, memory in GiB, system."""
    return {
        "host": platform.node(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory_bytes() / 2**30, 1),
        "system": platform.platform(),
    }


def memory_bytes() -> int:
    """Memory of the machine: nothing that is unpacked may be larger."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@cache
def versions() -> dict[str, str]:
    """Versions of Seedwise, Python and the libraries that compute."""
    found = {"seedwise": _version("seedwise"), "python": platform.python_version()}
    return found | {name: _version(name) for name in LIBRARIES}


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

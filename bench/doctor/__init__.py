"""Whether this machine is fit to train: what it has, how fast it is, and what to do about what is not well."""

from __future__ import annotations

from pathlib import Path

from bench.doctor import _host, _messages, _worker
from bench.doctor._found import Found, Problem

__all__ = ["Found", "Problem", "examine", "host", "tensorflow", "worker"]

host = _host.examine
tensorflow = _messages.examine
worker = _worker.examine


def examine(folder: Path | None = None) -> Found:
    """Examine the machine, TensorFlow as it comes, and a worker as ``bench run`` starts them.

    Args:
        folder: where results would be written; default the current one.
    """
    found = host(folder or Path()) + tensorflow()
    return found if found.is_broken else found + worker()

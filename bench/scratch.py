"""Folders for what need not stay, mostly in the system's folder for that; removed however their owner ends.

The owner keeps a file in it locked. After ``kill -9`` nobody does: then the next command removes the folder;
in another place, the next that makes one there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import TracebackType

PREFIX: Final = "seedwise-"
LOCK: Final = ".seedwise-owner"
_NAME: Final = re.compile(PREFIX + "[a-z0-9_]{8}")  # as ``tempfile`` makes them


class Folder:
    """A new folder, readable by its owner alone, until it is removed; as a context, until its end.

    Args:
        place: the folder in which it is made; None: the system's.

    Attributes:
        path: where it is.
        remove: removes it with all that is in it; at the latest when the process ends.
    """

    def __init__(self, place: Path | None = None) -> None:
        sweep(place)
        self.path, lock = _made(place)
        self.remove = weakref.finalize(self, _remove, self.path, lock)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.remove()


def sweep(place: Path | None = None) -> None:
    """Remove the folders of this user whose owners are gone, from the system's folder or another."""
    with contextlib.suppress(OSError), os.scandir(place or tempfile.gettempdir()) as entries:
        for entry in entries:
            if _NAME.fullmatch(entry.name):
                with contextlib.suppress(OSError):  # somebody else's, or gone meanwhile
                    _remove_if_left(Path(entry.path))


def _made(place: Path | None) -> tuple[Path, int]:
    """A folder and its lock."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        lock = os.open(path / LOCK, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        with contextlib.suppress(OSError):  # without locks there, nobody takes it for left either
            fcntl.flock(lock, fcntl.LOCK_EX)
        if os.fstat(lock).st_nlink:
            return path, lock
        os.close(lock)  # a command that began in between has taken it for left


def _remove_if_left(path: Path) -> None:
    """Remove a folder that is one of ours and that nobody has locked.

    Raises:
        OSError: it is not, or somebody has.
    """
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(folder).st_uid != os.geteuid():
            return
        lock = os.open(LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(lock)


def _remove(path: Path, lock: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    os.close(lock)

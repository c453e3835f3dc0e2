"""How every file is written: whole or not at all, in its folder, through no link and over nothing but a file.

A folder that a person names may be a link. Below it may lie what somebody else put there, so that no folder
there is entered, and no file written, through a link. Files are also opened here to be read where it matters
that they are files: neither a link nor a pipe, which would hang, nor a device, which may never end.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from typing import IO, TYPE_CHECKING, Final

from bench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# Not to block keeps a pipe that took a file's place from hanging whoever opens it.
_OLD: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_SYNC: Final = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
FAILING: Final = (errno.EIO, errno.ESTALE, errno.EREMOTEIO, errno.ETIMEDOUT)
"""What a disk that fails, or a network drive that is gone, answers."""
SEE_TO_IT: Final = "see to the disk, or to the connection to it; then give the same command again"
_KINDS: Final = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)


@contextlib.contextmanager
def writing(
    folder: Path, name: str, *, what: str = "file", mode: int = 0o666
) -> Iterator[IO[bytes]]:
    """A new file that takes its place, ``folder/name``, when the block ends well; else nothing is changed.

    Args:
        folder: that a person named, or ``subfolder``; made if it does not exist.
        name: of the file, perhaps in folders below, ``figures/losses.svg``; they are made.
        what: is written, in words of an error.
        mode: who may read and write it, less what the user's mask forbids.

    Raises:
        UsageError: it cannot be written, its place is not a file's, or a folder below is a link.
    """
    outermost = _outermost(folder, what)
    with _said(folder / name, what), contextlib.ExitStack() as stack:
        *folders, last = name.split("/")
        place = _entered(outermost, folders)
        stack.callback(os.close, place)
        refuse_all_but_files(last, place)
        begun = f".seedwise-{secrets.token_hex(8)}"
        with os.fdopen(os.open(begun, _NEW, mode, dir_fd=place), "wb") as file:
            stack.callback(_removed, begun, place)
            yield file
            file.flush()
            synced(file.fileno())
        os.replace(begun, last, src_dir_fd=place, dst_dir_fd=place)


def write(
    folder: Path, name: str, content: str | bytes, *, what: str = "file", mode: int = 0o666
) -> Path:
    """Write text (UTF-8) or bytes to ``folder/name`` as ``writing`` does, and return the path."""
    with writing(folder, name, what=what, mode=mode) as file:
        file.write(content.encode() if isinstance(content, str) else content)
    return folder / name


def subfolder(folder: Path, name: str) -> Path:
    """``folder/name``, which is made if it does not exist.

    Raises:
        UsageError: it cannot be made, or is a link.
    """
    outermost = _outermost(folder, "folder")
    with _said(folder / name, "folder"):
        os.close(_entered(outermost, name.split("/")))
    return folder / name


def synced(file: int) -> bool:
    """Wait until what was written is on the disk; False where the file system knows no such thing.

    Raises:
        OSError: it could not be written there.
    """
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
        return False
    return True


def held(folder: Path, name: str) -> bool:
    """Whether ``folder/name`` is a file in the folder, or a folder of files, to which no link leads."""
    root = folder.resolve()
    try:
        path = root / name
        inside = root in path.parents and path.resolve() == path
        return inside and all(map(_plain, [path, *path.rglob("*")]))
    except (OSError, ValueError):  # or no path at all
        return False


def _plain(path: Path) -> bool:
    return stat.S_IFMT(path.lstat().st_mode) in (stat.S_IFREG, stat.S_IFDIR)


def opened(path: Path, flags: int = os.O_RDONLY) -> int:
    """A descriptor of what is a file, which is neither cut off nor entered through a link.

    Raises:
        OSError: it cannot be opened, or is something else.
    """
    if not flags & os.O_CREAT or os.path.lexists(path):
        refuse_all_but_files(path)  # first, since to open a device may do something
    file = os.open(path, flags | _OLD, 0o666)
    try:
        _refuse(os.fstat(file))
    except OSError:
        os.close(file)
        raise
    return file


def refuse_all_but_files(path: str | Path, place: int | None = None) -> None:
    """Raise an OSError if what is there is no file; nothing at all is fine where a ``place`` is given."""
    try:
        found = os.stat(path, dir_fd=place, follow_symlinks=False)
    except FileNotFoundError:
        if place is None:
            raise
        return
    _refuse(found)


def _refuse(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(found.st_mode)), "a device")
        raise OSError(errno.EINVAL, f"{kind} in the place of a file")


def _outermost(folder: Path, what: str) -> int:
    """A descriptor of a folder that a person named, which is made if it does not exist."""
    with _said(folder, what):
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder, _FOLDER)


def _entered(place: int, names: list[str]) -> int:
    """A descriptor of the folder below ``place``, which is closed; all are made that do not exist."""
    for name in names:
        outer = place
        try:
            if name in ("", ".", ".."):
                raise OSError(errno.EINVAL, "no name of a folder")
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, dir_fd=outer)
            if stat.S_ISLNK(os.stat(name, dir_fd=outer, follow_symlinks=False).st_mode):
                raise OSError(errno.ELOOP, f"a link in the place of the folder {name}")
            place = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=outer)
        finally:
            os.close(outer)
    return place


def _removed(name: str, place: int) -> None:
    with contextlib.suppress(OSError):
        os.unlink(name, dir_fd=place)


@contextlib.contextmanager
def _said(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"the {what} cannot be written",
            where=str(path),
            expected="a place that can be written, where there is no link",
            found=error.strerror or str(error),
            hint=SEE_TO_IT
            if error.errno in FAILING
            else "remove what is there, or choose another place",
        ) from None

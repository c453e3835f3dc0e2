"""Standard output and standard error of a command: any text can be written, or one sentence says why not.

Commands print as they please. Where nothing can be written (a full disk, a reader who has gone, a closed file)
``Unwritable`` goes through them like Ctrl-C.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import TextIO

    from _typeshed import ReadableBuffer

SIGPIPE: Final = 141  # the exit code that a shell gives to a program whose reader has gone


class Unwritable(BaseException):  # no error of a suite's or a trial's, which are caught
    """Standard output cannot be written; ``error`` says why."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error)
        self.error = error

    @property
    def code(self) -> int:
        """The exit code."""
        return SIGPIPE if self.error.errno == errno.EPIPE else 2


class _Out(io.FileIO):
    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise Unwritable(error) from None


class _Err(io.FileIO):
    """What cannot be said is not said; the exit code says it."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(memoryview(data).cast("B"))


def open_both() -> None:
    """Make both streams such that text in any script can be written.

    Raises:
        Unwritable: standard output is closed.
    """
    closed = sys.stdout is None
    # Else the next file that is opened, such as the results, would be written as standard output.
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    sys.stdout = _text(_Out(1, "w", closefd=False), sys.stdout)
    sys.stderr = _text(_Err(2, "w", closefd=False), sys.stderr)
    if closed:
        raise Unwritable(OSError(errno.EBADF, "it is closed"))


def _text(raw: io.FileIO, given: TextIO | None) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        given.encoding if given else "utf-8",
        errors="backslashreplace",
        line_buffering=True,
    )


def give_up() -> None:
    """Write nothing more, so that what is still to be written fails no second time."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

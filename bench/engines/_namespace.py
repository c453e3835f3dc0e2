"""A network of their own for the processes of a trial: a loopback device, and nobody else who reaches it.

TensorFlow's servers listen on all addresses of the machine and ask nobody for a password. In a user and network
namespace of Linux these addresses are the namespace's alone. It is made by ``unshare`` and entered by
``nsenter`` (util-linux), needs no rights, and lasts as long as a process in it. Run as a program, this file is
the first of them.
"""

from __future__ import annotations

import contextlib
import functools
import subprocess
import sys
import weakref
from typing import TYPE_CHECKING, BinaryIO, Final, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

READY: Final = b"ready\n"
_BRING_UP, _UP = 0x8914, 1  # SIOCSIFFLAGS, IFF_UP: linux/sockios.h, linux/if.h


class NoNamespaceError(Exception):
    """The system does not allow one; the text is its reason."""


class Namespace:
    """A namespace, until it is closed and the processes in it have ended.

    Raises:
        NoNamespaceError: the system does not allow one.
    """

    def __init__(self) -> None:
        python = [sys.executable, "-I", "-S", __file__]
        try:
            self._first = subprocess.Popen(  # noqa: S603 - this file
                ["unshare", "--user", "--map-root-user", "--net", "--", *python],  # noqa: S607
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is the business of this process
            )
        except OSError as error:
            raise NoNamespaceError(f"unshare: {error.strerror}") from None
        self.close = weakref.finalize(self, _end, self._first)
        if cast("BinaryIO", self._first.stdout).readline() != READY:
            _, said = self._first.communicate()
            raise NoNamespaceError(said.decode(errors="replace").strip().rpartition("\n")[2])

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command that runs ``command`` in there, under the same process number."""
        entered = ["nsenter", f"--target={self._first.pid}", "--user", "--net"]
        return [*entered, "--preserve-credentials", "--", *command]


@functools.cache
def why_none() -> str | None:
    """Why this machine has no namespaces for its users; None: it has."""
    try:
        namespace = Namespace()
        done = subprocess.run(  # noqa: S603 - a program that does nothing
            namespace.inside(["true"]), capture_output=True, text=True, check=False
        )
        namespace.close()
    except NoNamespaceError as error:
        return str(error)
    except OSError as error:
        return f"nsenter: {error.strerror}"
    return done.stderr.strip() or None


def _end(first: subprocess.Popen[bytes]) -> None:
    for stream in (first.stdin, first.stdout, first.stderr):
        with contextlib.suppress(OSError):
            if stream is not None:
                stream.close()
    first.wait()


def _hold() -> None:
    """Bring the loopback device up, and stay until nobody writes to the input any more."""
    import fcntl
    import socket
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _BRING_UP, struct.pack("16sh14x", b"lo", _UP))
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    sys.stdin.buffer.read()


if __name__ == "__main__":
    _hold()

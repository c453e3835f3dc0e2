"""The one door for what others wrote: plain files only, and one budget of bytes and seconds for each.

Bytes are those of memory that come of a file, however small it is. Seconds are those of the processor in this
thread, so that a busy machine, a slow disk or a laptop that sleeps refuses nothing. No pickle is loaded.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import resource
import stat
import struct
import threading
import time
import tokenize
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

from bench.machine import memory_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator

    import numpy as np

UNREADABLE: Final = (  # what Python, NumPy and zipfile raise on what is damaged, encrypted, pickled or too much
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    RuntimeError,
    MemoryError,
    SyntaxError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
SHARE: Final = 2  # of the memory; the rest is for what is made of it, and for other processes
SECONDS: Final = 60.0
BYTES_PER_SECOND: Final = 1_000_000  # what is read in earnest is faster
WIDER: Final = 4  # bytes more that a number may take once it is checked and converted
PARSED: Final = 32  # bytes that come of a character of JSON, at most: [[],[],...
# Bytes of a zip file's list of parts, which Python reads whole: 300,000 parts.
_AT_ONCE: Final = 2**24
_BUFFER: Final = 2**18
_limited = threading.RLock()  # a limit is the whole process's


class BudgetError(OSError):
    """A file takes more than its budget; an ``OSError``, as whatever else keeps a file from being read."""


class Budget:
    """What may come of one file, or of several that are one thing.

    Args:
        bytes_: of memory; None: half of what this process may have.
        seconds: of the processor; reading a megabyte adds another.
    """

    def __init__(self, bytes_: int | None = None, seconds: float = SECONDS) -> None:
        self.bytes = memory_bytes() // SHARE if bytes_ is None else bytes_
        self._held = 0
        self._allowed = seconds
        self._begun = time.thread_time()

    @property
    def left(self) -> int:
        """Bytes that nothing has taken yet."""
        return self.bytes - self._held

    def hold(self, count: int) -> None:
        """Take bytes that are about to be held.

        Raises:
            BudgetError: so many are not left.
        """
        if count > self.left:
            raise self._too_large()
        self._held += count

    def parse(self, text: str) -> None:
        """Text is about to be parsed as JSON, which is forgotten before the next is.

        Raises:
            BudgetError: it is too long for the bytes that are left, or the time is over.
        """
        if len(text) * PARSED > self.left:
            raise self._too_large()
        self.read(len(text))

    def read(self, count: int = 0) -> None:
        """Look at the clock; ``count`` bytes were read.

        Raises:
            BudgetError: the time is over.
        """
        self._allowed += count / BYTES_PER_SECOND
        if time.thread_time() - self._begun > self._allowed:
            raise BudgetError(f"it takes more than {self._allowed:,.0f} seconds to read")

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Let others' code (pandas, Arrow) allocate no more than what is left: Linux sees to it.

        Raises:
            BudgetError: in place of a ``MemoryError``.
        """
        with _limited:
            before = resource.getrlimit(resource.RLIMIT_DATA)
            most = _allocated() + max(self.left, 0)
            bounds = [most, *(bound for bound in before if bound != resource.RLIM_INFINITY)]
            resource.setrlimit(resource.RLIMIT_DATA, (min(bounds), before[1]))
            try:
                yield
            except Exception as error:
                if isinstance(error, MemoryError) or "out of memory" in str(
                    error
                ):  # as pandas says
                    raise self._too_large() from None
                raise
            finally:
                resource.setrlimit(resource.RLIMIT_DATA, before)

    def _too_large(self) -> BudgetError:
        return BudgetError(f"it takes more than {self.bytes:,} bytes of memory")


def opened(
    path: Path, budget: Budget, *, gzipped: bool = False, held: bool = False
) -> io.BufferedReader:
    """A plain file to be read, as bytes. Links are followed.

    held: whether all that is read is held, by whoever reads it.

    Raises:
        OSError: it is no plain file, or cannot be opened. Reading may raise one of ``UNREADABLE``.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # no pipe is waited for
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode):
        os.close(descriptor)
        kind = "a folder" if stat.S_ISDIR(about.st_mode) else "a device or a pipe"
        raise OSError(f"{kind}, not a file")
    raw = os.fdopen(descriptor, "rb", buffering=0)
    if held and not gzipped and about.st_size > budget.left:  # perhaps a hole, which takes no disk
        raw.close()
        budget.hold(about.st_size)

    def count(read: int) -> None:
        budget.read(read)
        if held:
            budget.hold(read)

    if not gzipped:
        return io.BufferedReader(_Counted(raw, count, [raw]), _BUFFER)
    inside = _Counted(raw, budget.read)  # a file of nothing but empty parts takes time too
    whole = cast("IO[bytes]", gzip.GzipFile(fileobj=cast("IO[bytes]", inside)))
    return io.BufferedReader(_Counted(whole, count, [whole, raw]), _BUFFER)


def contents(path: Path, budget: Budget, *, gzipped: bool = False) -> bytearray:
    """All of a plain file.

    Raises:
        Exception: one of ``UNREADABLE``.
    """
    found = bytearray()
    with opened(path, budget, gzipped=gzipped, held=True) as file:
        while piece := file.read(_BUFFER):
            found += piece
    return found


def unpacked(data: bytes, most: int) -> bytes:
    """What zlib packed.

    Raises:
        zlib.error: it did not.
        BudgetError: it is more than ``most`` bytes.
    """
    raw = zlib.decompressobj().decompress(data, most + 1)
    if len(raw) > most:
        raise BudgetError(f"it unpacks to more than {most:,} bytes")
    return raw


def parsed(text: str, budget: Budget) -> Any:
    """What a text of JSON says.

    Raises:
        ValueError, TypeError, RecursionError: it is none, or too deep.
        BudgetError: see ``Budget.parse``.
    """
    if not isinstance(text, str):  # whatever a results file has in its place
        raise TypeError("something that is no JSON text")
    budget.parse(text)
    return json.loads(text)


def names(file: IO[bytes], budget: Budget) -> list[str]:
    """The names of the arrays in an ``.npz`` file.

    Raises:
        Exception: one of ``UNREADABLE``.
    """
    with _archive(file, budget) as packed:
        return [_name(part) for part in packed.infolist()]


def arrays(
    file: IO[bytes], budget: Budget, wanted: Container[str] | None = None
) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` file that are wanted, or all. No pickle is loaded.

    Raises:
        Exception: one of ``UNREADABLE``.
    """
    with _archive(file, budget) as packed:
        parts = {_name(part): part for part in packed.infolist()}
        return {
            name: _array(packed, part, budget)
            for name, part in parts.items()
            if wanted is None or name in wanted
        }


def _archive(file: IO[bytes], budget: Budget) -> zipfile.ZipFile:
    def count(read: int) -> None:
        if read > _AT_ONCE:
            raise BudgetError("its list of parts is too long")
        budget.read(read)

    return zipfile.ZipFile(cast("IO[bytes]", _Counted(file, count, before=True)))


def _name(part: zipfile.ZipInfo) -> str:
    return part.filename.removesuffix(".npy")


def _array(packed: zipfile.ZipFile, part: zipfile.ZipInfo, budget: Budget) -> np.ndarray:
    """One array, whose head is read before it: NumPy would make room for whatever that claims."""
    import numpy as np

    if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{part.filename}: packed in a way that NumPy does not use")
    with packed.open(part) as file:
        magic = file.read(np.lib.format.MAGIC_LEN)
        if magic[:-2] != np.lib.format.MAGIC_PREFIX or magic[-2] not in (1, 2):
            raise ValueError(f"{part.filename}: not numbers as NumPy writes them")
        read_head = (np.lib.format.read_array_header_1_0, np.lib.format.read_array_header_2_0)
        shape, _, dtype = read_head[magic[-2] - 1](file)
    count = math.prod(shape)
    if min(shape, default=0) < 0 or count * dtype.itemsize > part.file_size:
        raise ValueError(f"{part.filename}: {part.file_size:,} bytes, too few for shape {shape}")
    budget.hold(count * (dtype.itemsize + WIDER))
    with packed.open(part) as file:
        found: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
    return found


class _Counted(io.RawIOBase):
    """A file of which ``count`` hears how much is read; or, ``before`` that, how much is asked for.

    closes: what is closed with it, which is not its own.
    """

    def __init__(
        self,
        file: IO[bytes],
        count: Callable[[int], None],
        closes: Iterable[IO[bytes]] = (),
        *,
        before: bool = False,
    ) -> None:
        self._file, self._count, self._closes, self._before = file, count, closes, before

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._before:
            self._count(len(buffer))
        read: int | None = self._file.readinto(buffer)  # type: ignore[attr-defined]
        if read is None:  # it does not block
            raise OSError("nothing to be read now, as from a pipe")
        if not self._before:
            self._count(read)
        return read

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        for file in self._closes:
            file.close()
        super().close()


def _allocated() -> int:
    """Bytes of this process that count towards the limit; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[5])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")

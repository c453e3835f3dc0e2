"""Whether this process stood still: stopped (Ctrl-Z), frozen with its container, or without a processor.

Its clock goes on meanwhile, so that times contain it. A thread that only wakes now and then tells.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

NOTE: Final = (
    "stood still in training (stopped, frozen or without a processor); the times contain that"
)
LEAST_S: Final = 1.0  # of a gap that counts: busy machines are late by less
_EVERY_S: Final = 0.25


class Watch:
    """Looks at the clock until the end of the context."""

    def __init__(self) -> None:
        self._lock, self._over = threading.Lock(), threading.Event()
        self._seen, self._computed, self._still = time.monotonic(), time.process_time(), 0.0

    def __enter__(self) -> Self:
        threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()

    def still_s(self) -> float:
        """Seconds that the process stood still since the watch began, a quarter of one more or less."""
        with self._lock:
            now, computed = time.monotonic(), time.process_time()
            gap, busy = now - self._seen, computed - self._computed
            if (
                gap > LEAST_S and busy < gap / 2
            ):  # else it computed, and let no thread of Python's in
                self._still += gap
            self._seen, self._computed = now, computed
            return self._still

    def _look(self) -> None:
        while not self._over.wait(_EVERY_S):
            self.still_s()

"""Messages between an engine and the processes it started: plain data and arrays, never pickled.

A message is eight bytes of length, then a ``.npz`` file: named arrays, and under ``message`` JSON in UTF-8.
"""

from __future__ import annotations

import io
import json
import struct
import threading
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Message = dict[str, Any]
"""What was said; arrays stand in it by their names, beside what JSON can write."""

_LENGTH: Final = struct.Struct(">Q")


def write(stream: BinaryIO, message: Mapping[str, Any]) -> None:
    """Write one message; values are arrays, or what JSON can write."""
    arrays = {key: value for key, value in message.items() if isinstance(value, np.ndarray)}
    said = {key: value for key, value in message.items() if key not in arrays}
    content = io.BytesIO()
    text = np.frombuffer(json.dumps(said).encode(), np.uint8)
    np.savez(content, allow_pickle=False, message=text, **arrays)
    stream.write(_LENGTH.pack(content.getbuffer().nbytes))
    stream.write(content.getbuffer())
    stream.flush()


def read(stream: BinaryIO) -> Message | None:
    """The next message; None at the end of the stream, also within a message."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    content = stream.read(length)
    if len(content) < length:
        return None
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        message: Message = json.loads(arrays["message"].tobytes())
        return message | {name: arrays[name] for name in arrays.files if name != "message"}


def listen(stream: BinaryIO, heard: Callable[[Message | None], object]) -> None:
    """Read all messages in a thread of its own, the end (None) included; then close the stream."""

    def listening() -> None:
        with stream:
            message: Message | None = {}
            while message is not None:
                message = read(stream)
                heard(message)

    threading.Thread(target=listening, daemon=True).start()

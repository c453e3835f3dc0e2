"""What figures and tables are called in exports: names that stay, and that are paths."""

from __future__ import annotations

import re
import zlib
from typing import Final

WHOLE: Final = "report"  # in place of a question, of what is about all of them


def path(question: str, *parts: str) -> str:
    """``QUESTION/WHAT``: one slash, the rest fit for the names of files."""
    return f"{_plain(question)}/{_plain('-'.join(parts))}"


def _plain(text: str) -> str:
    """Fit for the name of a file, and none that is hidden; what is lost tells itself by a checksum."""
    plain = re.sub(r"^\.|[^A-Za-z0-9._=+-]+", "-", text)
    return plain if plain == text else f"{plain}-{zlib.crc32(text.encode()):08x}"

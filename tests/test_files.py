"""The one writer: whole files or none, and none but where they were named."""

from __future__ import annotations

import os

import pytest

from bench import files
from bench.errors import UsageError


def test_text_and_bytes_and_folders_below(tmp_path):
    path = files.write(tmp_path / "new" / "folder", "a/b/text.txt", "ü")
    assert path == tmp_path / "new" / "folder" / "a" / "b" / "text.txt"
    assert path.read_text(encoding="utf-8") == "ü"
    assert files.write(path.parent, path.name, b"bytes").read_bytes() == b"bytes"
    assert [found.name for found in path.parent.iterdir()] == ["text.txt"]


def test_rights_are_those_that_a_person_chose(tmp_path):
    before = os.umask(0o027)
    try:
        path = files.write(tmp_path, "x", "")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


def test_what_is_interrupted_changes_nothing(tmp_path):
    path = files.write(tmp_path, "x", "old")

    def interrupted():
        with files.writing(tmp_path, "x") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_a_person_names_may_be_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    files.write(tmp_path / "link", "x", "here")
    assert (tmp_path / "real" / "x").read_text() == "here"
    with pytest.raises(UsageError, match="a link in the place of the folder link"):
        files.write(tmp_path, "link/x", "there")
    with pytest.raises(UsageError, match="a link in the place of the folder link"):
        files.subfolder(tmp_path, "link")


@pytest.mark.parametrize("name", ["../x", "a/../x", "./x", "/x", ""])
def test_nothing_is_written_outside(tmp_path, name):
    with pytest.raises(UsageError, match="cannot be written"):
        files.write(tmp_path / "folder", name, "")
    assert not (tmp_path / "x").exists()


def test_what_is_no_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/dev/null")
    for name in ("pipe", "folder", "link"):
        with pytest.raises(UsageError, match="in the place of a file"):
            files.write(tmp_path, name, "")
        with pytest.raises(OSError, match="in the place of a file"):
            files.opened(tmp_path / name)
    assert {path.name for path in tmp_path.iterdir()} == {"pipe", "folder", "link"}


def test_what_a_folder_holds(tmp_path):
    (tmp_path / "a").mkdir()
    for name in ("x", "a/x"):
        (tmp_path / name).write_text("")
    (tmp_path / "l").symlink_to(tmp_path / "a")
    assert files.held(tmp_path, "x")
    assert files.held(tmp_path, "a")
    for name in (
        "",
        ".",
        "none",
        "l",
        "l/x",
        "a/../x",
        f"../{tmp_path.name}/x",
        "/etc/passwd",
        "\0",
    ):
        assert not files.held(tmp_path, name), name
    (tmp_path / "a" / "l").symlink_to("/etc/passwd")
    assert not files.held(tmp_path, "a")

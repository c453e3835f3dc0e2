"""What a stranger's suite says is refused, or shown by number, where it cannot be seen."""

from __future__ import annotations

import json

import pytest

from bench.datasets import load
from bench.errors import DatasetError, SuiteError
from bench.suite import is_printable, parse_suite
from bench.yaml_text import read

UNSEEN = ["\0", "\x1b", "\u200b", "\u202e", "\u2028", "\u3164", "\ufe0f", "\U000e0041"]


@pytest.mark.parametrize("sign", UNSEEN)
def test_a_file_of_data_whose_name_cannot_be_seen(sign, tmp_path):
    for source in ("csv", "npz", "idx"):
        spec = {source: f"a{sign}b"} | ({"label": "y"} if source == "csv" else {})
        with pytest.raises(DatasetError, match="signs that cannot be seen") as caught:
            load(spec, folder=tmp_path)
        assert sign not in str(caught.value)


@pytest.mark.parametrize("sign", UNSEEN)
def test_names_show_in_one_way_only(sign):
    assert not is_printable(f"a{sign}b")
    assert is_printable("añ 漢字 b")


@pytest.mark.parametrize("half", ["\\ud800", "\\udc00", "\\ud800x\\udc00"])
@pytest.mark.parametrize("text", ['{{"a": "{}"}}', '{{"{}": "a"}}'])
def test_half_a_sign_of_a_json_suite_is_refused(text, half):
    with pytest.raises(SuiteError) as caught:
        read(text.format(half), None)
    assert str(caught.value).encode()


def test_a_sign_in_two_halves_is_a_sign():
    assert read(json.dumps({"a": "😀"}), None)[0] == {"a": "😀"}


@pytest.mark.parametrize(
    "secret",
    [
        "TOKEN=hunter2\0HOME=/home/me\0LS=a,b\0",  # /proc/self/environ
        "machine github.com login me password hunter2\n",
        f"a,b{'x' * 80}hunter2\n",
    ],
)
def test_another_file_named_as_data_is_not_echoed(secret, tmp_path):
    (tmp_path / "secret").write_text(secret)
    with pytest.raises(DatasetError) as caught:
        load({"csv": "secret", "label": "y"}, folder=tmp_path)
    assert "hunter2" not in str(caught.value)
    assert "HOME" not in str(caught.value)


def test_what_is_found_in_a_suite_is_not_echoed_whole():
    secret = "TOKEN=" + "x" * 200
    with pytest.raises(SuiteError) as caught:
        parse_suite(f"{secret}\n")
    assert "x" * 80 not in str(caught.value)

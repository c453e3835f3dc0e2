"""The tree of errors: one root, every part shown, whole after a journey between processes."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from bench import errors
from bench.errors import (
    BenchError,
    closest,
    did_you_mean,
    first_line,
    listed,
    plain,
    printable,
    shown,
)

KINDS = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, BenchError)]


def test_the_tree_in_the_docstring_is_complete():
    for kind in KINDS:
        assert kind.__name__ in errors.__doc__


def test_a_statistics_error_is_a_value_error():
    assert issubclass(errors.StatsError, ValueError)


def test_every_part_is_shown():
    error = BenchError("no", where="a.yaml, line 3", expected="x", found="y", hint="z")
    assert str(error) == "a.yaml, line 3: no\n  expected: x\n  found: y\n  what to do: z"
    assert str(BenchError("no")) == "no"


@pytest.mark.parametrize("kind", KINDS)
def test_errors_cross_processes(kind):
    error = kind("no", where="here", expected="x", found="y", hint="z")
    error.add_note("seen by a worker")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == str(error)
    assert copy.args == error.args


@pytest.mark.parametrize(
    ("found", "known", "hint"),
    [
        ("optimiser", ["optimizer", "model"], "did you mean 'optimizer'?"),
        ("rmsprop", ["RMSprop", "Adam"], "did you mean 'RMSprop'?"),
        (
            "layer_normalization",
            ["LayerNormalization", "Dense"],
            "did you mean 'LayerNormalization'?",
        ),
        ("zzz", ["RMSprop", "Adam"], None),
        ("zzz", [], None),
    ],
)
def test_closest(found, known, hint):
    assert closest(found, known) == hint


def test_did_you_mean_lists_the_known_names_if_none_is_close():
    assert did_you_mean("zzz", ["b", "a"]) == "use one of a, b"
    assert did_you_mean("aa1", ["aa2", "zz"]) == "did you mean 'aa2'?"
    assert did_you_mean("zzz", []) is None
    assert did_you_mean("zzz", map(str, range(31))) is None


def test_first_line():
    assert first_line(ValueError("\n one\ntwo")) == "one"
    assert first_line(ValueError()) == "ValueError"
    assert first_line(FileNotFoundError(2, "No such file or directory", "/home/me")) == (
        "No such file or directory"
    )
    assert len(first_line(ValueError("x" * 10_000))) == 500


LONG = "a" * 5_000 + "\n" + "b" * 5_000


@pytest.mark.parametrize("part", ["problem", "where", "expected", "found"])
def test_no_part_of_a_message_is_long_or_has_lines(part):
    given = {"problem": "no", "where": "here", "expected": "x", "found": "y", part: LONG}
    error = BenchError(given.pop("problem"), **given)
    text = getattr(error, part)
    assert text.startswith("aaa")
    assert text.endswith("bbb")
    assert " ... " in text
    assert "\n" not in text
    assert len(str(error)) < 1_000


def test_a_message_is_short_in_all():
    error = BenchError(LONG, where=LONG, expected=LONG, found=LONG, hint=LONG)
    assert len(str(error)) - len(error.hint) < 4_000
    assert len(error.hint) == 4_000


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\u200bb", r"a\u200bb"),  # zero width
        ("a\u202eb", r"a\u202eb"),  # right to left from here
        ("a\u2028b", r"a\u2028b"),
        ("a\u3164b", r"a\u3164b"),  # a letter without a shape
        ("a\U000e0041b", r"a\U000e0041b"),  # a tag
        ("a\ufe0fb", r"a\ufe0fb"),
        ("a\xadb", r"a\xadb"),
        ("a\udcffb", r"a\udcffb"),  # of a file name that is not UTF-8
        ("é  漢\xa0%", "é  漢\xa0%"),
    ],
)
def test_what_cannot_be_seen_is_shown_by_number(text, seen):
    assert printable(text) == plain(text) == seen
    error = BenchError(text, where=text, expected=text, found=text, hint=text)
    assert str(error).count(seen) == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("None", "nothing"),
        ("", "nothing"),
        (f"a {int}", "a int"),
        pytest.param(f"{closest}, {KINDS[0]}", "closest, bench.errors.BenchError", id="objects"),
        ("[Errno 2] No such file", "No such file"),
    ],
)
def test_words_of_python_are_not_a_readers(text, said):
    assert plain(text) == said


def test_shown():
    class Thing:
        pass

    assert shown(None) == "nothing"
    assert shown("x") == "'x'"
    assert shown(np.float64(1.5)) == shown(1.5) == "1.5"
    assert shown(np.array([1, 2])) == "[1, 2]"
    assert shown(int) == "int"
    assert shown({"a": [Thing()]}).startswith("{'a': [")
    assert "0x" not in shown([Thing()])
    assert "0x" not in shown(test_shown)
    assert "0x" not in shown(Thing().__init__)
    assert len(shown("x" * 1000)) == 80


def test_of_many_names_the_first_are_listed():
    names = [f"n{i}" for i in range(1000)]
    assert listed(names).endswith("n29, ...")
    assert len(listed(["x" * 1000])) == 80

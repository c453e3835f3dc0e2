"""The tree of errors: one root, every part shown, whole after a journey between processes."""

from __future__ import annotations

import pickle

import pytest

from bench import errors
from bench.errors import BenchError, closest, did_you_mean, first_line

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

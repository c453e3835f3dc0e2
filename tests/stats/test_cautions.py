from __future__ import annotations

import copy
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.stats import Caution, compare_paired, compare_unpaired

HOSTILE = [
    "a",
    "b",
    "{a}",
    "{b}",
    "{",
    "}",
    "{n}",
    "a of b",
    " of a ",
    "{0}",
    "{a.x}",
    "%s",
    "",
    "n",
]
names = st.sampled_from(HOSTILE) | st.text(max_size=12)


def results():
    """A comparison for every kind of caution there is."""
    b = [0.1, 0.5, 0.3, 0.2, 0.7, 0.4, 0.6, 0.9]
    far = [x + e for x, e in zip(b, [0.1, 0.11, 0.09, 0.1, 0.12, 0.1, 0.11, 9.0], strict=True)]
    skewed = [-1.5, -1.2, -0.2, 0.6, -1.3, -1.3, -1.2, -1.5]
    few = [0.1, 0.2, 0.4, 0.3]
    steps = [x + e for x, e in zip(b, [0.01, 0.02, 0, 0.01, -0.01, 0.01, 0.01, 0.02], strict=True)]
    return {
        "few seeds": compare_paired([1.0], [2.0]),
        "diverged": compare_unpaired([-math.inf, *b], b),
        "disagreement": compare_paired([1.0, 1.1, 1.2, 1.15], few),
        "far out": compare_unpaired(far, far[::-1]),
        "skewed": compare_unpaired(far, b),
        "guarded": compare_paired(skewed, [0.0] * 8, guarded=True),
        "coarse": compare_paired(steps, b, guarded=True),
        "no spread": compare_paired([x + 0.1 for x in b], b),
        "after looking": compare_paired(far, b).looked(),
    }


def test_every_kind_can_be_said():
    for kind, result in results().items():
        assert kind in {caution.kind for caution in result.cautions}, kind


@given(a=names, b=names)
def test_names_are_put_in_once_whatever_they_are(a, b):
    # Apart from the names a sentence is what it is with two names that occur nowhere else.
    for kind, result in CAUTIONS.items():
        for caution in result.cautions:
            said = caution.say(a="\x00", b="\x01")
            pieces = said.replace("\x01", "\x00").split("\x00")
            order = [a if mark == "\x00" else b for mark in said if mark in "\x00\x01"]
            expected = pieces[0] + "".join(n + p for n, p in zip(order, pieces[1:], strict=True))
            assert caution.say(a=a, b=b) == expected, kind


CAUTIONS = results()


@pytest.mark.parametrize("kind", CAUTIONS)
def test_as_text_the_sides_are_a_and_b_and_nothing_is_left_open(kind):
    for caution in CAUTIONS[kind].cautions:
        assert str(caution) == caution == caution.say(a="a", b="b")
        assert "{" not in caution
        assert caution.endswith((".", "mean", "level"))


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))]
)
def test_a_copy_still_knows_its_roles(copied):
    caution = copied(Caution("diverged", "{n} runs of {a} diverged.", {"n": 3}))
    assert caution.kind == "diverged"
    assert caution.say(a="sgd", b="adam") == "3 runs of sgd diverged."


def test_values_are_not_read_as_templates():
    assert Caution("skewed", "{what}", {"what": "{a} {b}"}).say(a="x", b="y") == "{a} {b}"

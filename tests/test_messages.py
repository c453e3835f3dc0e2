"""Every error says where, what was expected and what was found: those in the source, and those raised in tests.

This file is collected last, so that the messages of all tests before it are there.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import bench
from bench import errors

PACKAGE = Path(bench.__file__).parent
CLASSES = {
    name
    for name, found in vars(errors).items()
    if isinstance(found, type) and issubclass(found, errors.BenchError)
}
MOST = 4_000  # characters; what other processes printed may follow as a hint
# What a reader cannot act on: Python's own words for things.
NOISE = re.compile(
    r"<class '|<function |<bound method| object at 0x|Traceback \(most|\[Errno|^None$|^$"
)


def made():
    """Every call in the package that makes one of our errors: file, line, class, arguments."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if named and node.func.id in CLASSES:
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node


def test_every_error_of_the_package_names_where_expected_and_found():
    calls = list(made())
    assert len(calls) > 200
    for place, call in calls:
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        assert len(call.args) == 1, place
        own = {"where"} if call.func.id == "StatsError" else set()  # which knows what was called
        assert {"where", "expected", "found"} - own <= given.keys(), place
        for value in given.values():
            assert not (isinstance(value, ast.Constant) and value.value in ("", None)), place


def test_no_other_exception_is_raised_for_a_person():
    """Of Python's own, only those that the package itself answers, or that its callers' code should."""
    internal = {
        "ValueError",
        "TypeError",
        "LookupError",
        "KeyError",
        "OSError",
        "RuntimeError",
        "EOFError",
    }
    raised = {
        node.exc.func.id
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and isinstance(node.exc.func, ast.Name)
        and node.exc.func.id[0].isupper()
    }
    assert raised - CLASSES <= internal | {"AttributeError", "Exit", "_TooLargeError"}


@pytest.fixture
def raised(request):
    """The messages of all errors that the package raised in this session, by their place in it."""
    return request.config.stash[request.config.messages]


def test_every_message_that_was_raised_can_be_acted_on(raised):
    assert {place: wrong for place, error in raised.items() if (wrong := list(_wrong(error)))} == {}


def _wrong(error):
    for part in ("problem", "where", "expected", "found"):
        text = getattr(error, part)
        if not isinstance(text, str) or NOISE.search(text):
            yield f"{part}: {text}"
    if "\n" in error.problem or error.problem[-1:] in ".!":
        yield f"not one plain problem: {error.problem}"
    if (length := len(str(error)) - len(error.hint or "")) > MOST:
        yield f"{length} characters"


def test_messages_are_collected(raised):
    from bench.suite import parse_suite

    with pytest.raises(errors.SuiteError):
        parse_suite("a: 1")
    assert any(place.startswith("suite.py") for place in raised)

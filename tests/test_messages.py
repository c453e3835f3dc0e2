"""Every error in the source says where, what was expected and what was found; conftest.py checks the rest."""

from __future__ import annotations

import ast
import pickle
from pathlib import Path

import pytest

import bench
from bench import errors, load_suite

PACKAGE = Path(bench.__file__).parent
CLASSES = {
    name
    for name, found in vars(errors).items()
    if isinstance(found, type) and issubclass(found, errors.BenchError)
}


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
    answered = {  # by our own code, or by the library that calls it
        "AttributeError",
        "BudgetError",
        "Exit",
        "NoNamespaceError",
        "TemplateNotFound",
        "Unwritable",
        "_TooLargeError",
    }
    assert raised - CLASSES <= internal | answered


def test_a_message_that_nobody_can_act_on_fails_its_test(messages_can_be_acted_on):
    raised, faults = messages_can_be_acted_on
    with pytest.raises(errors.SuiteError) as caught:
        load_suite("no_such_suite")
    assert raised == [caught.value]
    caught.value.problem, caught.value.expected, caught.value.found = "Bad.", "<class 'int'>", None
    assert len(list(faults(caught.value))) == 3
    raised.clear()


def test_errors_that_a_test_makes_are_its_own_business(messages_can_be_acted_on):
    raised, _ = messages_can_be_acted_on
    errors.BenchError("no")
    errors.StatsError("no")
    pickle.loads(pickle.dumps(errors.UsageError("no")))
    assert raised == []

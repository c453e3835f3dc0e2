"""Every public function of the package has a worked example, and all examples are right."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import bench.stats

MODULES = [module.name for module in pkgutil.iter_modules(bench.stats.__path__)]
FUNCTIONS = [name for name in bench.stats.__all__ if inspect.isfunction(getattr(bench.stats, name))]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of(name):
    module = importlib.import_module(f"bench.stats.{name}")
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_has_an_example(name):
    found = doctest.DocTestFinder(recurse=False).find(getattr(bench.stats, name), name)
    assert any(f"{name}(" in example.source for test in found for example in test.examples)


def test_what_no_report_calls_says_why_it_exists():
    package = Path(bench.__file__).parent
    sources = {path: path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    for name in FUNCTIONS:
        function = getattr(bench.stats, name)
        own = {Path(inspect.getsourcefile(function)), package / "stats" / "__init__.py"}
        mentioned = re.compile(rf"(?<!`)\b{name}\b")  # in backticks: by a docstring
        called = any(mentioned.search(text) for path, text in sources.items() if path not in own)
        assert called or "No report calls it: " in inspect.getdoc(function), name

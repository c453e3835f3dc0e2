"""Every public function of the package has a worked example, and all examples are right."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

import bench.stats

MODULES = [module.name for module in pkgutil.iter_modules(bench.stats.__path__)]
FUNCTIONS = [name for name in bench.stats.__all__ if inspect.isfunction(getattr(bench.stats, name))]
WITHOUT = ("compare_rates", "fit_rate", "fit_rates_over_seeds")
"""Functions that may still lack an example."""


@pytest.mark.parametrize("name", MODULES)
def test_examples_of(name):
    module = importlib.import_module(f"bench.stats.{name}")
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in WITHOUT])
def test_has_an_example(name):
    found = doctest.DocTestFinder(recurse=False).find(getattr(bench.stats, name), name)
    assert any(f"{name}(" in example.source for test in found for example in test.examples)

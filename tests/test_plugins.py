"""Plug-ins are found by name, and a named thing is one of two ways of writing."""

from __future__ import annotations

import pytest

from bench import plugins
from bench.errors import SuiteError, UsageError


def test_what_is_there():
    assert {"sparsity", "optimum"} <= set(plugins.available("probes"))
    assert {"compiled", "fit", "master_worker"} <= set(plugins.available("engines"))
    assert {"mnist", "digits", "idx", "npz", "csv"} <= set(plugins.available("datasets"))


def test_helpers_are_no_plugins():
    assert not [
        name
        for kind in ("datasets", "engines")
        for name in plugins.available(kind)
        if name[0] == "_"
    ]


def test_load():
    assert plugins.load("probes", "sparsity").__name__ == "bench.probes.sparsity"


@pytest.mark.parametrize("name", ["sparsitty", "_arrays", "", "os", "..cli"])
def test_nothing_else_is_loaded(name):
    with pytest.raises(UsageError, match="no probe is called") as caught:
        plugins.load("probes", name)
    assert caught.value.expected == "one of " + ", ".join(plugins.available("probes"))


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("SGD", ("SGD", {})),
        ({"SGD": None}, ("SGD", {})),
        ({"SGD": {}}, ("SGD", {})),
        ({"SGD": {"momentum": 0.9}}, ("SGD", {"momentum": 0.9})),
    ],
)
def test_named(spec, parts):
    assert plugins.named(spec) == parts


@pytest.mark.parametrize(
    "spec", [{}, {"a": {}, "b": {}}, {"L2": 0.01}, {"L2": [0.01]}, {1: {}}, 3, None, ["SGD"]]
)
def test_what_is_no_named_thing(spec):
    with pytest.raises(SuiteError, match="not a named thing") as caught:
        plugins.named(spec, where="model.0")
    assert caught.value.where == "model.0"

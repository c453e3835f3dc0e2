"""Keras objects by name; whatever a suite gets wrong is one SuiteError at its key path."""

from __future__ import annotations

import sys

import pytest

from bench import keras_objects
from bench.errors import SuiteError, TrustError


def build(kind, spec, **options):
    return keras_objects.build(kind, spec, path=(kind,), **options)


def refused(kind, spec, **options):
    with pytest.raises(SuiteError) as caught:
        build(kind, spec, **options)
    return caught.value


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module of the user's own, as a suite with --trust may name it."""
    (tmp_path / "own_code.py").write_text(
        "import keras\n"
        "class Half(keras.optimizers.SGD):\n"
        "    def __init__(self, rate=0.5):\n"
        "        super().__init__(learning_rate=rate)\n"
        "class Broken(keras.layers.Layer):\n"
        "    def __init__(self):\n"
        "        raise KeyError\n"
        "not_a_class = 3\n"
    )
    (tmp_path / "bad_code.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("own_code", None)


# --- by name ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "spec", "attributes"),
    [
        ("optimizer", {"SGD": {"learning_rate": 0.3, "momentum": 0.9}}, {"momentum": 0.9}),
        ("optimizer", "Adam", {"beta_1": 0.9}),
        ("loss", {"SparseCategoricalCrossentropy": {"from_logits": True}}, {}),
        ("layer", {"Dense": {"units": 3, "activation": "tanh"}}, {"units": 3}),
        ("layer", {"GaussianBlur": {"sigma": 2}}, {"sigma": 2.0}),
        ("regularizer", {"L1L2": {"l1": 0.5}}, {"l1": 0.5}),
        ("initializer", {"Constant": {"value": 2}}, {"value": 2}),
        ("schedule", {"ExponentialDecay": {"initial_learning_rate": 1.0, "decay_steps": 2, "decay_rate": 0.5}},
         {"decay_steps": 2}),
    ],
)  # fmt: skip
def test_by_its_own_name(kind, spec, attributes):
    made = build(kind, spec)
    assert type(made).__name__ == (spec if isinstance(spec, str) else next(iter(spec)))
    for name, value in attributes.items():
        assert getattr(made, name) == value


def test_specs_inside():
    dense = build("layer", {"Dense": {"units": 2, "kernel_regularizer": {"L2": {"l2": 0.25}}}})
    assert dense.kernel_regularizer.l2 == 0.25


def test_a_whole_learning_rate():
    """Keras wants a float; a person writes 1."""
    assert float(build("optimizer", {"SGD": {"learning_rate": 1}}).learning_rate) == 1.0


@pytest.mark.parametrize(("epochs", "updates"), [(1, 600), (2, 1200), (0.5, 300), (1e-9, 1)])
def test_epochs_are_counted_in_updates(epochs, updates):
    schedule = {
        "InverseTimeDecay": {
            "initial_learning_rate": 0.1,
            "decay_rate": 0.1,
            "decay_steps": {"epochs": epochs},
        }
    }
    made = build("optimizer", {"SGD": {"learning_rate": schedule}}, updates_per_epoch=600)
    assert made._learning_rate.decay_steps == updates


def test_epochs_in_a_list():
    pieces = {"boundaries": [{"epochs": 1}, {"epochs": 3}], "values": [0.1, 0.01, 0.001]}
    made = build("schedule", {"PiecewiseConstantDecay": pieces}, updates_per_epoch=10)
    assert list(made.boundaries) == [10, 30]


def test_arguments_of_the_caller_do_not_replace_the_suites():
    assert build("layer", {"Dense": {"units": 1, "name": "mine"}}, name="ours").name == "mine"
    assert build("layer", {"Dense": {"units": 1}}, name="ours").name == "ours"


# --- refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "spec", "where", "hint"),
    [
        ("optimizer", "SDG", "optimizer.SDG", "did you mean 'SGD'?"),
        ("optimizer", "adam", "optimizer.adam", "did you mean 'Adam'?"),
        ("optimizer", {"Adagrad": {"learning_rat": 1}}, "optimizer.Adagrad.learning_rat",
         "did you mean 'learning_rate'?"),
        ("layer", {"Dens": {}}, "layer.Dens", "did you mean 'Dense'?"),
        ("loss", "MSE", "loss.MSE", None),
        ("layer", {"Dense": {"units": 1, "kernel_regularizer": {"L3": {}}}},
         "layer.Dense.kernel_regularizer.L3", None),
        ("optimizer", {"SGD": {"learning_rate": {"InverseTime": {}}}},
         "optimizer.SGD.learning_rate.InverseTime", "did you mean 'InverseTimeDecay'?"),
    ],
)  # fmt: skip
def test_unknown_names(kind, spec, where, hint):
    error = refused(kind, spec)
    assert error.where == where
    assert error.expected
    assert error.found
    if hint:
        assert error.hint == hint


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("optimizer", {"SGD": {"learning_rate": "fast"}}),
        ("optimizer", {"SGD": {"momentum": 7}}),
        ("layer", {"Dense": {"units": -1}}),
        ("layer", {"Dense": {"units": 2.5}}),
        ("layer", "Dense"),
        ("layer", {"Dense": {"units": 1, "activation": "rellu"}}),
        ("layer", {"Dropout": {"rate": "a"}}),
        ("layer", {"BatchNormalization": {"axis": float("inf")}}),  # OverflowError
        ("layer", {"RandomShear": {"interpolation": "x"}}),  # NotImplementedError
        ("regularizer", {"L2": {"l2": -1}}),
        ("optimizer", {"SGD": {"learning_rate": {"InverseTimeDecay": {"decay_rate": 1}}}}),
    ],
)
def test_wrong_values(kind, spec):
    error = refused(kind, spec)
    assert "refuses its arguments" in error.problem
    assert error.where.startswith(f"{kind}.")
    assert error.found


@pytest.mark.parametrize("argument", [0.01, [0.01], "x", True])
def test_a_regularizers_strength_is_not_lost(argument):
    """{L2: 0.01} must not be taken for {L2: {}}, which has a strength of its own."""
    error = refused("layer", {"Dense": {"units": 1, "kernel_regularizer": {"L2": argument}}})
    assert error.where == "layer.Dense.kernel_regularizer"


@pytest.mark.parametrize("epochs", [0, -1, True, "1", None])
def test_no_such_count_of_epochs(epochs):
    refused("optimizer", {"SGD": {"learning_rate": {"epochs": epochs}}})


# --- a suite is data --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["Lambda", "TFSMLayer", "StringLookup", "IntegerLookup", "TextVectorization", "JaxLayer"],
)
def test_layers_that_hold_code_or_read_files(name):
    assert "that a suite may name" in refused("layer", {name: {}}, trusted=True).problem


@pytest.mark.parametrize(
    "smuggled",
    [
        {"class_name": "Lambda", "config": {}},
        {"class_name": "L2", "module": "keras.regularizers", "config": {}},
        {"class_name": "system"},
        {"module": "os"},
        {"config": {}},
        {},
    ],
)
@pytest.mark.parametrize(
    "argument", ["kernel_regularizer", "activation", "kernel_initializer", "dtype"]
)
def test_serialized_objects_are_not_taken(argument, smuggled):
    error = refused("layer", {"Dense": {"units": 1, argument: smuggled}}, trusted=True)
    assert error.where.startswith(f"layer.Dense.{argument}")
    refused("layer", {"Dense": {"units": 1, argument: [smuggled]}}, trusted=True)


@pytest.mark.parametrize("value", ["os:system", "os.system", "__lambda__", "keras.layers:Lambda"])
@pytest.mark.parametrize("argument", ["activation", "kernel_initializer", "kernel_constraint"])
def test_text_names_no_code(argument, value):
    refused("layer", {"Dense": {"units": 1, argument: value}}, trusted=True)


def test_code_needs_trust(own):
    error = refused("optimizer", "own_code:Half")
    assert isinstance(error, TrustError)
    assert "--trust" in error.hint
    assert "own_code" not in sys.modules


def test_code_inside_needs_trust_too(own):
    spec = {"Dense": {"units": 1, "kernel_regularizer": {"own_code:Half": {}}}}
    assert isinstance(refused("layer", spec), TrustError)


def test_trusted_code(own):
    made = build("optimizer", {"own_code:Half": {"rate": 0.25}}, trusted=True)
    assert float(made.learning_rate) == 0.25
    error = refused("optimizer", {"own_code:Half": {"rat": 1}}, trusted=True)
    assert error.hint == "did you mean 'rate'?"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("os:system", "not the right kind"),
        ("own_code:not_a_class", "not the right kind"),
        ("builtins:dict", "not the right kind"),
        ("own_code:Half", "not the right kind"),
        ("own_code:Nothing", "cannot be imported"),
        ("no_such_module:X", "cannot be imported"),
        ("bad_code:X", "cannot be imported"),
        (":X", "cannot be imported"),
        ("own_code:", "cannot be imported"),
        ("..own_code:X", "cannot be imported"),
        ("own_code:Broken", "refuses its arguments"),
    ],
)
def test_trusted_names_that_are_no_layers(own, name, problem):
    error = refused("layer", name, trusted=True)
    assert problem in error.problem
    assert error.where == f"layer.{name}"
    assert error.found

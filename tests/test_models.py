"""Networks: their sizes, and what their initial weights depend on."""

from __future__ import annotations

import random
import sys
import threading

import numpy as np
import pytest

from bench import models
from bench.errors import SuiteError, TrustError


def build(spec, *, shape=(28, 28), classes=10, seed=("data", 0), **options):
    return models.build(spec, input_shape=shape, outputs=classes, seed=seed, **options)


def kernels(model):
    return {v.path: v.numpy() for v in model.trainable_variables if v.path.endswith("kernel")}


def refused(spec, **options):
    with pytest.raises(SuiteError) as caught:
        build(spec, **options)
    return caught.value


@pytest.mark.parametrize(
    ("hidden", "parameters"), [([100], 79510), ([50, 50], 42310), ([25] * 4, 21835), ([], 7850)]
)
def test_parameters_of_the_source(hidden, parameters):
    assert build({"mlp": {"hidden": hidden}}).count_params() == parameters


def test_the_default_network():
    model = build("mlp")
    assert [layer.name for layer in model.layers[1:]] == ["flatten_1", "dense_1", "dense_2"]
    assert model.output_shape == (None, 10)
    assert model.layers[-1].activation.__name__ == "linear"


def test_every_part_of_an_mlp():
    spec = {
        "hidden": [5],
        "activation": "tanh",
        "initializer": "he_normal",
        "l1": 0.1,
        "l2": 0.2,
        "dropout": 0.3,
        "normalization": "batch",
        "blur": 1.5,
    }
    blur, _, dense, norm, dropout, out = build({"mlp": spec}).layers[1:]
    assert blur.sigma == 1.5
    assert dense.activation.__name__ == "tanh"
    assert type(dense.kernel_initializer).__name__ == "HeNormal"
    assert (dense.kernel_regularizer.l1, dense.kernel_regularizer.l2) == (0.1, 0.2)
    assert type(norm).__name__ == "BatchNormalization"
    assert dropout.rate == 0.3
    assert out.kernel_regularizer is None
    weight_norm = build({"mlp": {"normalization": "weight", "l2": 0.01}}).layers[2:]
    assert [type(layer).__name__ for layer in weight_norm] == ["StandardizedDense", "Dense"]
    assert weight_norm[0].kernel_regularizer is not None
    assert [layer.name for layer in weight_norm] == ["dense_1", "dense_2"]
    layer_norm = build({"mlp": {"normalization": "layer"}}).layers[3]
    assert type(layer_norm).__name__ == "LayerNormalization"


# --- initial weights --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"dropout": 0.2},
        {"normalization": "batch"},
        {"normalization": "layer"},
        {"normalization": "weight"},
        {"blur": 1.0},
        {"l1": 0.05, "l2": 0.0},
        {"activation": "tanh"},
    ],
)
def test_variants_start_alike(change):
    """What pairs variants: networks that differ elsewhere have the same dense weights."""
    plain, changed = kernels(build("mlp")), kernels(build({"mlp": change}))
    assert plain.keys() == changed.keys()
    for path, kernel in plain.items():
        assert np.array_equal(kernel, changed[path])


def test_seeds_differ():
    first, same, other, elsewhere = (
        kernels(build("mlp", seed=seed))["dense_1/kernel"]
        for seed in [("data", 0), ("data", 0), ("data", 1), ("other data", 0)]
    )
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, elsewhere)


def test_layers_of_a_network_differ():
    found = kernels(build({"mlp": {"hidden": [10, 10, 10]}}))
    assert not np.array_equal(found["dense_2/kernel"], found["dense_3/kernel"])


def test_mlp_is_short_for_layers():
    layers = ["Flatten", {"Dense": {"units": 100, "activation": "relu"}}, {"Dense": {"units": 10}}]
    short, long = kernels(build("mlp")), kernels(build({"layers": layers}))
    assert short.keys() == long.keys()
    assert all(np.array_equal(short[path], long[path]) for path in short)


def test_global_generators_are_left_alone():
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    before, numpy_before = random.getstate(), np.random.get_state()  # noqa: NPY002
    build({"mlp": {"dropout": 0.5}})
    refused({"mlp": {"hidden": [0]}})
    refused({"layers": ["Flatten", {"Dense": {"units": -1}}]})
    assert random.getstate() == before
    assert np.array_equal(np.random.get_state()[1], numpy_before[1])  # noqa: NPY002


def test_initial_weights_do_not_depend_on_other_threads():
    """A thread that draws from Python's global generator all the time, as a Dask worker's may."""

    def several():
        return [kernels(build({"mlp": {"hidden": [8, 8]}}, seed=("data", s))) for s in range(20)]

    alone = several()
    stop = threading.Event()

    def draw():
        while not stop.is_set():
            random.random()

    thread = threading.Thread(target=draw)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads take turns so often that a race is sure to show
    thread.start()
    try:
        together = several()
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(interval)
    for one, other in zip(alone, together, strict=True):
        assert all(np.array_equal(one[path], other[path]) for path in one)


def test_initial_weights_do_not_depend_on_global_generators():
    random.seed(1)
    first = kernels(build("mlp"))["dense_1/kernel"]
    random.seed(2)
    assert np.array_equal(first, kernels(build("mlp"))["dense_1/kernel"])


# --- lists of layers --------------------------------------------------------------------------


def test_a_convolution():
    layers = [
        {"Reshape": {"target_shape": [28, 28, 1]}},
        {"Conv2D": {"filters": 2, "kernel_size": 3}},
        "Flatten",
        {"Dense": {"units": 10}},
    ]
    model = build({"layers": layers})
    assert model.count_params() == (2 * 9 + 2) + (26 * 26 * 2 * 10 + 10)
    assert [layer.name for layer in model.layers[1:]] == [
        "reshape_1",
        "conv2d_1",
        "flatten_1",
        "dense_1",
    ]


def test_names_may_be_given():
    layers = ["Flatten", {"Dense": {"units": 10, "name": "out"}}]
    assert build({"layers": layers}).layers[-1].name == "out"


def test_code_needs_trust():
    with pytest.raises(TrustError):
        build({"layers": ["some.module:Layer"]})


# --- refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"hiden": [1]}, "hiden"),
        ({"hidden": 100}, "hidden"),
        ({"hidden": [0]}, "hidden"),
        ({"hidden": [1.5]}, "hidden"),
        ({"hidden": [True]}, "hidden"),
        ({"hidden": None}, "hidden"),
        ({"l1": -1}, "l1"),
        ({"l2": "a"}, "l2"),
        ({"l2": ""}, "l2"),
        ({"l2": False}, "l2"),
        ({"dropout": 1}, "dropout"),
        ({"dropout": -0.1}, "dropout"),
        ({"normalization": "group"}, "normalization"),
        ({"normalization": ["batch"]}, "normalization"),
        ({"blur": -1}, "blur"),
        ({"blur": 1e9}, "GaussianBlur"),
        ({"activation": "rellu"}, "Dense"),
        ({"activation": {"L2": {}}}, "Dense.activation"),
    ],
)
def test_wrong_arguments(arguments, where):
    error = refused({"mlp": arguments})
    assert error.where == f"model.mlp.{where}"
    assert error.expected
    assert error.found


def test_a_misspelt_argument():
    assert refused({"mlp": {"hiden": [1]}}).hint == "did you mean 'hidden'?"


@pytest.mark.parametrize(
    "spec",
    [
        "mpl",
        "layers",
        {"layers": None},
        {"layers": {"Dense": {}}},
        {"mlp": 3},
        {},
        {"mlp": {}, "x": {}},
    ],
)
def test_no_network(spec):
    assert refused(spec).where.startswith("model")


@pytest.mark.parametrize(
    ("layers", "where"),
    [
        ([{"Dense": {"units": 10}}], "model"),  # (batch, 28, 10)
        (["Flatten", {"Dense": {"units": 9}}], "model"),
        ([], "model"),
        ([{}], "model.layers.0"),
        ([3], "model.layers.0"),
        (["Flatten", {"Dens": {"units": 10}}], "model.layers.1.Dens"),
        (["Flatten", {"Dense": {"units": 0}}], "model.layers.1.Dense"),
        (["Flatten", {"Conv2D": {"filters": 1, "kernel_size": 3}}], "model.layers.1.Conv2D"),
        (["Concatenate"], "model.layers.0.Concatenate"),
        ([{"GRU": {"units": 3, "return_state": True}}], "model.layers.0.GRU"),
        ([{"GaussianBlur": {"sigma": "a"}}], "model.layers.0.GaussianBlur"),
        (["Flatten", {"GaussianBlur": {"sigma": 1}}], "model.layers.1.GaussianBlur"),
        (["Flatten", {"Dense": {"units": 10, "name": "a"}}, {"Dense": {"units": 10, "name": "a"}}], "model"),
    ],
)  # fmt: skip
def test_layers_that_do_not_fit(layers, where):
    error = refused({"layers": layers})
    assert error.where == where
    assert error.expected
    assert error.found

"""Names of layers and arrays, and the weights behind them, depend on the network alone."""

from __future__ import annotations

import collections
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import analyse, backend, driver, load_results, load_suite, models, write_report
from bench.cli import app
from bench.errors import SuiteError
from bench.verify import verify

CASES = Path(__file__).parent / "cases"


@pytest.fixture(autouse=True)
def _cases(monkeypatch):
    monkeypatch.syspath_prepend(str(CASES))


@pytest.fixture
def networks():
    import train_nested

    return train_nested.NETWORKS


def build(layers, seed=0):
    return models.build(
        {"layers": layers}, input_shape=(8, 8), outputs=10, seed=("data", seed), trusted=True
    )


def state(model):
    """Paths and initial values of all variables, seeds of random layers included."""
    return [(v.path, v.numpy()) for v in model.variables]


def same(one, other):
    return [path for path, _ in one] == [path for path, _ in other] and all(
        np.array_equal(a, b) for (_, a), (_, b) in zip(one, other, strict=True)
    )


def the_users_own_keras():
    import keras

    for _ in range(3):
        keras.Sequential([keras.layers.Dense(2), keras.layers.LSTM(3)])
        keras.random.normal((2,))
        keras.optimizers.Adam()
    keras.backend.get_uid("dense")
    random.random()


def test_names_and_initial_weights_are_those_of_a_new_process(networks):
    """Before and after all the others, a network that cannot be built, and what a user makes with Keras."""
    first = {name: state(build(layers)) for name, layers in networks.items()}
    with pytest.raises(SuiteError):
        build([{"SpectralNormalization": {"layer": {"Dense": {"units": 3}}}}])
    the_users_own_keras()
    for name, layers in reversed(networks.items()):
        assert same(first[name], state(build(layers))), name


def test_each_array_has_a_path_of_its_own_that_begins_with_its_layer(networks):
    for name, layers in networks.items():
        model = build(layers)
        paths = collections.Counter(v.path for v in model.variables)
        assert set(paths.values()) == {1}, (name, paths)
        for layer in model.layers:
            assert all(v.path.startswith(f"{layer.name}/") for v in layer.variables), name


def test_names_are_those_that_keras_gives_in_a_new_process(networks):
    def names(name):
        return [v.path for v in build(networks[name]).trainable_variables]

    assert names("plain") == [f"dense_{n}/{part}" for n in (1, 2, 3) for part in ("kernel", "bias")]
    assert names("spectral twice")[:4] == [
        "spectral_normalization_1/dense/kernel",
        "spectral_normalization_1/dense/bias",
        "spectral_normalization_2/dense_1/kernel",
        "spectral_normalization_2/dense_1/bias",
    ]
    assert names("both ways")[0] == "bidirectional_1/forward_lstm/lstm_cell/kernel"
    assert names("early")[:9] == [
        "early_1/variable",
        "early_1/dense/kernel",
        "early_1/dense/bias",
        "early_1/dense_1/kernel",
        "early_1/dense_1/bias",
        "early_1/inner/kernel",
        "early_1/inner/bias",
        "early_1/inner/kernel_1",
        "early_1/inner/bias_1",
    ]


def test_the_users_own_names_go_on_counting():
    import keras

    first = keras.layers.Dense(1).name
    build(["Flatten", {"SpectralNormalization": {"layer": {"Dense": {"units": 10}}}}])
    base, _, number = first.rpartition("_")
    following = f"{base}_{int(number) + 1}" if base and number.isdigit() else f"{first}_1"
    assert keras.layers.Dense(1).name == following
    with backend.fresh_names():
        assert keras.layers.Dense(1).name == "dense"


def test_what_draws_from_the_generator_of_the_process_is_refused():
    with pytest.raises(SuiteError, match="SeedGenerator") as caught:
        build(["nested:Unseeded", "Flatten", {"Dense": {"units": 10}}])
    assert caught.value.where == "model.layers.0.nested:Unseeded"


# --- after training, in other processes -------------------------------------------------------


def in_a_process(engine, *names):
    done = subprocess.run(
        [sys.executable, str(CASES / "train_nested.py"), engine, *names],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    return json.loads(done.stdout)


QUICK = ("spectral", "both ways", "early")


def compared(engine, names):
    """The networks in one order, in the other, and each engine's names of all its variables."""
    forwards = in_a_process(engine, *names)
    backwards = in_a_process(engine, *reversed(names))
    assert forwards.keys() == backwards.keys() == set(names)
    for name in names:
        assert forwards[name] == backwards[name], name
        assert any(path.startswith("adam/") for path in forwards[name])


@pytest.mark.parametrize("engine", ["compiled"])
def test_training_does_not_depend_on_what_was_trained_before(engine):
    compared(engine, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["compiled", "fit", "svrg"])
def test_no_training_depends_on_what_was_trained_before(engine, networks):
    compared(engine, list(networks))


# --- in the record ----------------------------------------------------------------------------

SUITE = """\
suite: wrapped
title: Layers inside layers
dataset: digits
epochs: 1
seeds: 4
train_images: 120
weights: true
probes: [sparsity, {gradient_norm: {every: 1, images: 64}}]
base:
  optimizer: {SGD: {learning_rate: 0.1}}
  batch_size: 60
questions:
  q:
    ask: Does spectral normalisation help?
    baseline: plain
    variants:
      plain: {model: {layers: [Flatten, {Dense: {units: 8}}, {Dense: {units: 10}}]}}
      spectral:
        model:
          layers: [Flatten, {SpectralNormalization: {layer: {Dense: {units: 8}}}}, {Dense: {units: 10}}]
      recurrent: {model: {layers: [{GRU: {units: 3}}, {Dense: {units: 10}}]}}
    claims:
      - says: The inner layer has weights that are 0
        test:
          metric: sparsity/spectral_normalization_1/dense/nonzero
          variant: spectral
          is: lower
          value: 1000
"""
LAYERS = {
    "plain": {"", "dense_1", "dense_2"},
    "spectral": {"", "spectral_normalization_1/dense", "dense_1"},
    "recurrent": {"", "gru_1/gru_cell", "dense_1"},
}
KERNELS = LAYERS | {
    "recurrent": {"", "gru_1/gru_cell/kernel", "gru_1/gru_cell/recurrent_kernel", "dense_1"}
}


@pytest.mark.parametrize("workers", [0, 2])
def test_all_seeds_of_a_variant_have_the_same_layers(workers, tmp_path):
    (tmp_path / "wrapped.yaml").write_text(SUITE)
    out = tmp_path / "out"
    results = driver.run(load_suite(tmp_path / "wrapped.yaml"), out, workers=workers)
    assert set(results.trials.status) == {"completed"}
    seeds = results.probes.groupby(["variant", "probe", "layer"]).seed.nunique()
    assert set(seeds) == {4}
    for variant, layers in LAYERS.items():
        assert set(seeds[variant, "gradient_norm"].index) == layers
        assert set(seeds[variant, "sparsity"].index) == KERNELS[variant]
    paths = {
        row.variant: list(results.weights.of(row.trial_id)) for row in results.trials.itertuples()
    }
    for row in results.trials.itertuples():
        assert list(results.weights.of(row.trial_id)) == paths[row.variant]
    assert {check.outcome for check in verify(out, trials=4, workers=workers)} == {"agrees"}
    page = write_report(analyse(load_results(out)), out / "report.html").read_text()
    assert "spectral_normalization_1/dense" in page


def test_their_weights_are_exported(tmp_path):
    from typer.testing import CliRunner

    (tmp_path / "wrapped.yaml").write_text(SUITE)
    out = tmp_path / "out"
    results = driver.run(load_suite(tmp_path / "wrapped.yaml").resized(seeds=1), out, workers=0)
    said = CliRunner().invoke(app, ["export", str(out), "--to", str(tmp_path / "x"), "--weights"])
    assert said.exit_code == 0, said.output
    (recurrent,) = results.trials.trial_id[results.trials.variant == "recurrent"]
    files = {path.name for path in (tmp_path / "x" / "weights" / recurrent).iterdir()}
    assert {"gru_1.gru_cell.kernel.csr.npz", "gru_1.gru_cell.recurrent_kernel.f32.gz"} <= files

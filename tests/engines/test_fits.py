"""Layers that take whole numbers, given others: refused wherever they stand, before the first trial."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from bench import datasets, engines, load_suite
from bench.errors import SuiteError
from bench.trial import expand

RNG = np.random.default_rng(0)
TOKENS = RNG.integers(7, 50, (60, 12))
SUITE = """\
suite: tokens
title: Tokens
dataset: {data}
seeds: 1
epochs: 1
base:
  model: {{layers: {layers}}}
  loss: {loss}
  optimizer: {{SGD: {{learning_rate: 0.1}}}}
  batch_size: 20
questions:
  q:
    ask: Does it fit?
    variants: {{a: {{}}}}
"""
OWN = '''
import keras


class Inside(keras.layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.inner = keras.layers.Embedding(50, 4)

    def call(self, x):
        return keras.ops.mean(self.inner(x), axis=1)


class Nested(keras.layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.model = keras.Sequential([keras.layers.Reshape((12,)), keras.layers.Embedding(50, 4)])

    def call(self, x):
        return keras.ops.mean(self.model(x), axis=1)


class Listed(keras.layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.parts = [Inside()]

    def call(self, x):
        return self.parts[0](x)


class Kind(keras.layers.Embedding):
    pass


class Lookup(keras.layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.table = keras.layers.IntegerLookup(vocabulary=list(range(7, 50)), output_mode="multi_hot")

    def call(self, x):
        return self.table(x)


class Places(keras.layers.Layer):
    """Takes an embedding of the place, not of the number."""

    def __init__(self, **options):
        super().__init__(**options)
        self.places = keras.layers.Embedding(12, 4)

    def call(self, x):
        return keras.ops.mean(x[:, :, None] * self.places(keras.ops.arange(12)), axis=1)


class Rounded(keras.layers.Layer):
    """Makes whole numbers of shares by itself."""

    def __init__(self, **options):
        super().__init__(**options)
        self.inner = keras.layers.Embedding(256, 4)

    def call(self, x):
        return keras.ops.mean(self.inner(keras.ops.round(x * 255)), axis=1)
'''
LAYERS = {
    "embedding": "[{Embedding: {input_dim: 50, output_dim: 4}}, Flatten, {Dense: {units: 2}}]",
    "behind a shape": "[{Reshape: {target_shape: [3, 4]}}, Flatten, {Embedding: {input_dim: 50,"
    " output_dim: 4}}, Flatten, {Dense: {units: 2}}]",
    "recurrent": "[{Embedding: {input_dim: 50, output_dim: 4, mask_zero: true}}, {LSTM: {units: 3}},"
    " {Dense: {units: 2}}]",
    "one for each time": "[{Reshape: {target_shape: [12, 1]}}, {TimeDistributed: {layer: {Embedding:"
    " {input_dim: 50, output_dim: 4}}}}, Flatten, {Dense: {units: 2}}]",
    "categories": "[{CategoryEncoding: {num_tokens: 50, output_mode: multi_hot}}, {Dense: {units: 2}}]",
    "counts": "[{CategoryEncoding: {num_tokens: 50, output_mode: count}}, {Dense: {units: 2}}]",
    "hashed": "[{Hashing: {num_bins: 9}}, {Embedding: {input_dim: 9, output_dim: 4}}, Flatten,"
    " {Dense: {units: 2}}]",
    "own": '["mine:Inside", {Dense: {units: 2}}]',
    "own with a model": '["mine:Nested", {Dense: {units: 2}}]',
    "own in a list": '["mine:Listed", {Dense: {units: 2}}]',
    "own kind": '[{"mine:Kind": {input_dim: 50, output_dim: 4}}, Flatten, {Dense: {units: 2}}]',
    "own table": '["mine:Lookup", {Dense: {units: 2}}]',
}  # fmt: skip


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Do what is done before a run with a network and its data."""
    (tmp_path / "mine.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)

    def call(
        layers,
        x,
        data="{npz: x.npz}",
        y=None,
        loss="{SparseCategoricalCrossentropy: {from_logits: true}}",
    ):
        y = np.arange(len(x)) % 2 if y is None else y
        np.savez(tmp_path / "x.npz", x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])
        path = tmp_path / "suite.yaml"
        path.write_text(SUITE.format(data=data, layers=layers, loss=loss))
        (use,) = expand(load_suite(path), trusted=True)
        loaded = datasets.load(use.trial.training.dataset, folder=tmp_path)
        engines.check(use.trial.training, loaded, trusted=True)

    return call


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("kind", LAYERS)
def test_tokens_as_they_are_train(check, kind, dtype):
    check(LAYERS[kind], TOKENS.astype(dtype))


@pytest.mark.parametrize("kind", LAYERS)
def test_tokens_that_are_scaled_are_refused(check, kind):
    with pytest.raises(SuiteError, match="takes whole numbers") as caught:
        check(LAYERS[kind], TOKENS, data="{npz: x.npz, scale: 0.5}")
    assert "scale: 1" in caught.value.hint
    assert "as the suite says" in caught.value.found
    index = {"behind a shape": 2, "one for each time": 1}.get(kind, 0)
    assert caught.value.where == f"model.layers.{index}"


def test_tokens_that_are_taken_for_pixels_are_refused(check):
    large = LAYERS["embedding"].replace("50", "256")
    tokens = RNG.integers(0, 256, (60, 12))
    with pytest.raises(SuiteError, match="takes whole numbers") as caught:
        check(large, tokens)
    assert "taken for pixels" in caught.value.found
    check(large, tokens, data="{npz: x.npz, scale: 1}")


@pytest.mark.parametrize("kind", ["embedding", "categories", "own"])
def test_fractions_are_refused_though_nothing_is_scaled(check, kind):
    with pytest.raises(SuiteError, match="takes whole numbers") as caught:
        check(LAYERS[kind], TOKENS / 10)
    assert "columns of whole numbers" in caught.value.hint


@pytest.mark.parametrize("kind", ["embedding", "categories", "counts", "own", "own kind"])
@pytest.mark.parametrize("row", [3, 57])  # of the training and of the test images
@pytest.mark.parametrize("beyond", [50, -1])
def test_numbers_beyond_its_size_are_refused(check, kind, row, beyond):
    """One is enough, wherever it stands: compiled code would take another row for it, silently."""
    x = TOKENS.copy()
    x[row, 5] = beyond
    with pytest.raises(SuiteError, match="from 0 to 49") as caught:
        check(LAYERS[kind], x)
    assert caught.value.found.startswith(f"{beyond},")


@pytest.mark.parametrize("layer", ["Places", "Rounded"])
def test_what_gets_whole_numbers_of_scaled_data_is_fine(check, layer):
    pixels = RNG.integers(0, 256, (60, 12))
    check(f'["mine:{layer}", {{Dense: {{units: 2}}}}]', pixels)


def test_networks_without_such_layers_take_anything(check):
    check("[Flatten, {Dense: {units: 2}}]", TOKENS / 7)


# --- losses -----------------------------------------------------------------------------------


ONE = "[Flatten, {Dense: {units: 1}}]"
REAL = np.linspace(-2, 3, 60)


@pytest.mark.parametrize(
    "loss",
    [
        "{SparseCategoricalCrossentropy: {from_logits: true}}",
        "CategoricalCrossentropy",
        "CategoricalFocalCrossentropy",
        "CategoricalHinge",
        "{BinaryCrossentropy: {from_logits: true}}",
    ],
)
def test_losses_for_classes_are_refused_for_real_targets(check, loss):
    with pytest.raises(SuiteError, match="a loss for classes") as caught:
        check(ONE, TOKENS, y=REAL, loss=loss)
    assert caught.value.where == "loss"
    assert "-2 to 1.3" in caught.value.found
    assert "MeanSquaredError" in caught.value.expected


@pytest.mark.parametrize("loss", ["MeanSquaredError", "MeanAbsoluteError", "Huber", "LogCosh"])
def test_losses_for_numbers_take_real_targets(check, loss):
    check(ONE, TOKENS, y=REAL, loss=loss)


def test_shares_may_have_a_loss_for_them(check):
    check(ONE, TOKENS, y=(REAL + 2) / 5, loss="{BinaryCrossentropy: {from_logits: true}}")

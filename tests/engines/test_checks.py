"""What is refused before the first trial, and what is said: losses, own classes, outputs taken otherwise."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench import analyse, datasets, engines, load_suite, run, write_report
from bench.engines import _network
from bench.engines._network import Job, Network, chunked
from bench.errors import SuiteError
from bench.plugins import Trained
from bench.probes import gradient_norm
from bench.runner import order
from bench.trial import Training
from tests.conformance import matrix

LOGITS = {"layers": ["Flatten", {"Dense": {"units": 10}}]}
SOFTMAX = {"layers": ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]}
SETTINGS = Training(
    dataset="digits",
    validation=0,
    train_images=37,
    model=LOGITS,
    optimizer={"SGD": {"learning_rate": 0.1}},
    loss={"SparseCategoricalCrossentropy": {"from_logits": True}},
    batch_size="full",
    engine="compiled",
    epochs=1,
)
OWN = '''
import keras

class Layer(keras.layers.Layer):
    """Adds the sum or the mean over the images, of the squares of what passes."""
    def __init__(self, over="mean", **options):
        super().__init__(**options)
        self.over = over
    def call(self, inputs):
        squares = keras.ops.sum(keras.ops.square(inputs), axis=-1)
        self.add_loss(0.01 * getattr(keras.ops, self.over)(squares))
        return inputs

class Plain(keras.Sequential):
    def __init__(self, **options):
        super().__init__([keras.layers.Dense(4)], **options)

class Steps(Plain):
    def train_step(self, data):
        return {}

class Losses(Plain):
    def compute_loss(self, *arguments, **named):
        return 2 * super().compute_loss(*arguments, **named)

class Applies(keras.optimizers.SGD):
    """Takes half of each gradient where Keras hands it over."""
    def apply_gradients(self, grads_and_vars):
        return super().apply_gradients([(g / 2, v) for g, v in grads_and_vars])

class Scales(keras.optimizers.SGD):
    def scale_loss(self, loss):
        return 3 * loss

class Finalises(keras.optimizers.SGD):
    def finalize_variable_values(self, var_list):
        super().finalize_variable_values(var_list)

class Wraps(keras.optimizers.Optimizer):
    """Keeps others in a list and in a mapping."""
    def __init__(self, optimizer=None):
        super().__init__(learning_rate=0.1)
        self.kept = {"inner": [optimizer]}

class Vector(keras.losses.Loss):
    def __call__(self, y_true, y_pred, sample_weight=None):
        return keras.ops.sum(keras.ops.square(y_true - y_pred), axis=-1)

class Elements(keras.losses.Loss):
    """As many numbers per image as there are outputs."""
    def call(self, y_true, y_pred):
        return keras.ops.square(y_true - y_pred)

class Total(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return keras.ops.sum(keras.ops.square(y_true - y_pred))

class Unreduced(Elements):
    def __init__(self):
        super().__init__(reduction=None)

def function(y_true, y_pred):
    return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)
'''


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits", folder=Path(), train_images=37)


@pytest.fixture(scope="module", autouse=True)
def own(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    (folder / "own_parts.py").write_text(OWN)
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))


def check(data, **changes):
    engines.check(replace(SETTINGS, **changes), data, trusted=True)


def refused(data, **changes):
    with pytest.raises(SuiteError) as caught:
        check(data, **changes)
    assert caught.value.expected
    assert caught.value.found
    return caught.value


def network(data, **changes):
    return Network.build(Job(replace(SETTINGS, **changes), data, 0, trusted=True))


def with_layer(spec):
    return {"layers": ["Flatten", {"Dense": {"units": 4}}, spec, {"Dense": {"units": 10}}]}


# --- losses -----------------------------------------------------------------------------------


def evaluated(made, data, monkeypatch, at_once):
    monkeypatch.setattr(_network, "CHUNK", at_once)
    found = made.evaluation(chunked(made.sums, data))
    return np.array([found.train_objective, found.train_loss, found.test_loss])


@pytest.mark.parametrize("model", [LOGITS, SOFTMAX], ids=["logits", "softmax"])
@pytest.mark.parametrize("name", matrix.classes("loss"))
def test_what_passes_is_evaluated_alike_however_many_at_once(name, model, digits, monkeypatch):
    try:
        check(digits, loss=name, model=model)
    except SuiteError:
        assert name in ("CTC", "Circle", "Dice", "Tversky")
        return
    made = network(digits, loss=name, model=model)
    few, all_of_them = (evaluated(made, digits, monkeypatch, n) for n in (5, 2000))
    np.testing.assert_allclose(few, all_of_them, rtol=1e-4)
    if name in ("Dice", "Tversky"):  # means only if the outputs of an image sum to 1
        return
    made = network(digits, loss=name, model=with_layer("own_parts:Layer"))
    few, all_of_them = (evaluated(made, digits, monkeypatch, n) for n in (5, 2000))
    np.testing.assert_allclose(few, all_of_them, rtol=1e-4)


@pytest.mark.parametrize("engine", ["compiled", "fit", "svrg", "sag"])
@pytest.mark.parametrize("reduction", ["sum", "none", None])
@pytest.mark.parametrize("name", ["SparseCategoricalCrossentropy", "MeanSquaredError"])
def test_reductions_that_are_no_mean_are_refused(name, reduction, engine, digits):
    error = refused(digits, loss={name: {"reduction": reduction}}, engine=engine)
    assert error.where == f"loss.{name}.reduction"
    assert error.found == f"reduction: {reduction or 'none'}"
    assert "times the learning rate" in error.hint


@pytest.mark.parametrize("reduction", ["mean", "mean_with_sample_weight"])
def test_the_other_means_are_the_mean(reduction, digits):
    loss = {"SparseCategoricalCrossentropy": {"from_logits": True, "reduction": reduction}}
    check(digits, loss=loss)
    ours, usual = network(digits, loss=loss), network(digits)
    np.testing.assert_array_equal(
        ours.sums(digits.x_train, digits.y_train), usual.sums(digits.x_train, digits.y_train)
    )


@pytest.mark.parametrize(
    ("changes", "problem", "where"),
    [
        ({"loss": "own_parts:Total"}, "is not the mean of theirs", "loss"),
        ({"loss": "own_parts:Vector"}, "no mean over images", "loss"),
        ({"loss": "own_parts:Unreduced"}, "no mean over images", "loss.Unreduced.reduction"),
        ({"loss": "own_parts:function"}, "not the right kind of class", "loss.own_parts:function"),
        ({"loss": "Dice"}, "is not the mean of theirs", "loss"),
        ({"model": with_layer({"own_parts:Layer": {"over": "sum"}})}, "of theirs", "model"),
        ({"model": with_layer({"Softmax": {"axis": 0}})}, "of theirs", "loss"),
        (
            {"loss": {"SparseCategoricalCrossentropy": {"ignore_class": 3}}},
            "leaves images out",
            "model and loss together",
        ),
        (
            {"model": {"layers": ["Flatten", "Masking", {"Dense": {"units": 10}}]}},
            "leaves images out",
            "model and loss together",
        ),
        (
            {"model": {"layers": ["Flatten", {"Dense": {"units": 10, "trainable": False}}]}},
            "nothing to train",
            "model",
        ),
        ({"model": with_layer("own_parts:Steps")}, "trains in its own way", "model"),
        ({"model": with_layer("own_parts:Losses")}, "trains in its own way", "model"),
        ({"optimizer": "own_parts:Finalises"}, "averaged by the optimizer", "optimizer"),
        (
            {"optimizer": {"own_parts:Wraps": {"optimizer": {"SGD": {"use_ema": True}}}}},
            "averaged by the optimizer",
            "optimizer",
        ),
        ({"model": with_layer("AugMix")}, "cannot be repeated", "model.layers.2.AugMix"),
        (
            {
                "model": with_layer({"Dense": {"units": 4, "kernel_constraint": {"NonNeg": {}}}}),
                "engine": {"parameter_server": {"workers": 1}},
            },
            "no constraints",
            "model",
        ),
        (
            {
                "model": with_layer({"Dense": {"units": 4, "dtype": "bfloat16"}}),
                "engine": {"multi_worker": {"workers": 1}},
            },
            "of several types",
            "model",
        ),
    ],
)
def test_what_engines_would_not_train_as_keras_is_refused(changes, problem, where, digits):
    error = refused(digits, **changes)
    assert problem in error.problem
    assert error.where == where


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "own_parts:Elements"},
        {"model": with_layer("own_parts:Plain")},
        {"model": with_layer("own_parts:Layer")},
        {"model": with_layer({"Dense": {"units": 4, "dtype": "mixed_float16"}})},
        {"model": with_layer({"Dense": {"units": 4, "dtype": "bfloat16"}})},
        {"model": with_layer({"Dense": {"units": 4, "trainable": False}})},
        {"optimizer": "own_parts:Applies"},
        {"optimizer": "own_parts:Scales"},
    ],
)
@pytest.mark.parametrize("engine", ["compiled", "fit"])
def test_what_they_train_passes(changes, engine, digits):
    check(digits, engine=engine, **changes)


def trained(data, **changes):
    settings = replace(SETTINGS, **changes)
    made = engines.prepare(settings, data, 0, trusted=True)
    before = [weights.copy() for _, weights in made.weights()]
    made.start_epoch(order(data, 0, 1))
    made.advance(0, 1)
    return before, made


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "own_parts:Applies"},
        {"optimizer": "own_parts:Scales"},
        {"model": with_layer("own_parts:Layer")},
        {"model": with_layer({"Dense": {"units": 4, "kernel_constraint": {"NonNeg": {}}}})},
    ],
)
def test_own_classes_do_to_all_engines_what_they_do_to_fit(changes, digits):
    _, reference = trained(digits, engine="fit", **changes)
    for engine in ("compiled", "svrg", "sag", {"master_worker": {"workers": 1}}):
        _, made = trained(digits, engine=engine, **changes)
        for (path, a), (_, b) in zip(made.weights(), reference.weights(), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5, rtol=0, err_msg=f"{engine} {path}")
        expected = reference.evaluate().train_objective
        assert made.evaluate().train_objective == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        "own_parts:Layer",
        {"ActivityRegularization": {"l2": 0.1}},
        {"Dense": {"units": 4, "activity_regularizer": {"L1": {"l1": 0.1}}}},
    ],
)
def test_probes_see_what_layers_add(layer, digits):
    """One step of all images has the length of their gradient times the learning rate."""
    settings = replace(SETTINGS, model=with_layer(layer), engine="fit")
    before, made = trained(digits, model=settings.model, engine="fit")
    moved = [a - b for a, (_, b) in zip(before, made.weights(), strict=True)]
    length = np.sqrt(sum(float(np.sum(np.square(part, dtype=np.float64))) for part in moved))
    fresh = engines.prepare(settings, digits, 0, trusted=True)
    found = gradient_norm.measure(Trained(fresh, digits, settings))
    assert found[-1].value == pytest.approx(length / 0.1, rel=1e-4)


# --- what is said -----------------------------------------------------------------------------


def ending(*layers):
    return {"layers": ["Flatten", *layers]}


DENSE = {"Dense": {"units": 10}}


@pytest.mark.parametrize(
    ("loss", "logits", "model", "said"),
    [
        ("SparseCategoricalCrossentropy", True, LOGITS, None),
        ("SparseCategoricalCrossentropy", False, SOFTMAX, None),
        ("SparseCategoricalCrossentropy", False, LOGITS, "the last activation is linear"),
        ("SparseCategoricalCrossentropy", False, {"mlp": {"hidden": [3]}}, "is linear"),
        ("SparseCategoricalCrossentropy", True, SOFTMAX, "but softmax makes probabilities"),
        ("CategoricalCrossentropy", True, ending(DENSE, "Softmax"), "but softmax makes"),
        ("CategoricalCrossentropy", False, ending(DENSE, "Softmax", {"Dropout": {"rate": 0}}), None),
        ("CategoricalFocalCrossentropy", False, ending(DENSE, "ReLU"), "activation is relu"),
        (
            "BinaryCrossentropy",
            True,
            ending(DENSE, {"Activation": {"activation": "sigmoid"}}),
            "but sigmoid makes",
        ),
        ("BinaryFocalCrossentropy", False, LOGITS, "the last activation is linear"),
        (
            "BinaryCrossentropy",
            False,
            ending({"Dense": {"units": 10, "activation": "sigmoid"}}, {"Reshape": {"target_shape": [10]}}),
            None,
        ),
        ("CategoricalCrossentropy", False, ending(DENSE, "BatchNormalization"), None),  # not known
    ],
)  # fmt: skip
def test_outputs_that_the_loss_takes_otherwise_are_said(loss, logits, model, said, digits):
    notes = network(digits, loss={loss: {"from_logits": logits}}, model=model).notes
    assert len(notes) == (said is not None)
    if said is not None:
        assert said in notes[0]
        assert f"from_logits: {str(logits).lower()}" in notes[0]


CASES = """\
suite: scales
title: Does loss scaling hurt?
dataset: digits
train_images: 300
epochs: 1
seeds: 1
base:
  model: {mlp: {hidden: [16]}}
  optimizer: {SGD: {learning_rate: 0.1}}
  batch_size: 30
questions:
  q:
    ask: Does loss scaling hurt?
    variants:
      plain: {}
      factor: {optimizer: {SGD: {loss_scale_factor: 1024}}}
      wrapper: {optimizer: {LossScaleOptimizer: {inner_optimizer: {SGD: {learning_rate: 0.1}}}}}
      prob: {loss: {SparseCategoricalCrossentropy: {from_logits: false}}}
"""


def test_loss_scales_change_nothing_and_a_note_reaches_the_report(tmp_path):
    (tmp_path / "scales.yaml").write_text(CASES)
    results = run(load_suite(tmp_path / "scales.yaml"), tmp_path / "out", workers=0)
    ends = results.trials.set_index("variant")
    assert set(ends.status) == {"completed"}
    for variant in ("factor", "wrapper"):
        for metric in ("train_objective", "train_loss", "test_loss"):
            expected = pytest.approx(ends.loc["plain", metric], rel=1e-5)
            assert ends.loc[variant, metric] == expected
    assert "from_logits: false" in ends.loc["prob", "notes"]
    assert ends.loc["plain", "notes"] == ""
    page = write_report(analyse(results), tmp_path / "report.html")
    assert "takes the outputs for probabilities" in Path(page).read_text()


def test_a_sum_is_refused_where_the_suite_says_it(tmp_path):
    said = CASES.replace("from_logits: false", "reduction: sum")
    (tmp_path / "scales.yaml").write_text(said)
    with pytest.raises(SuiteError) as caught:
        run(load_suite(tmp_path / "scales.yaml"), tmp_path / "out", workers=0)
    line = said.splitlines().index(next(row for row in said.splitlines() if "prob:" in row)) + 1
    assert f"scales.yaml, line {line}, at" in caught.value.where
    assert not list((tmp_path / "out").glob("*.html"))

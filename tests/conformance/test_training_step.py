"""The update of every engine is that of Keras's ``train_step``, whatever optimizers and layers ask of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench import datasets, engines
from bench.engines._network import Job, Network
from bench.errors import SuiteError
from bench.runner import order
from bench.trial import Training
from tests.conformance import matrix

UPDATES = 3
SETTINGS = Training(
    dataset="digits",
    validation=0,
    train_images=24,
    model={"mlp": {"hidden": [4], "activation": "tanh"}},
    optimizer={"SGD": {"learning_rate": 0.1}},
    loss={"SparseCategoricalCrossentropy": {"from_logits": True}},
    batch_size="full",
    engine="compiled",
    epochs=1,
)
# With all images in one update, each of these makes the update of `model.fit`.
ENGINES = {
    "compiled": "compiled",
    "svrg": "svrg",
    "sag": "sag",
    "master_worker": {"master_worker": {"workers": 1}},
}
SLOW = {"ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "RandAugment", "RandomElasticTransform"}
L2 = {"L2": {"l2": 0.05}}
# Keras warns where nothing is differentiated before a layer, and leaves the weights there alone.
pytestmark = pytest.mark.filterwarnings("ignore:Gradients do not exist")


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits", folder=Path(), train_images=24)


def optimizer_cases():
    """Each optimizer with each of its arguments; those that all have only for one of them, unless asked for."""
    every = matrix.optimizers()
    names = list(dict.fromkeys(name for name, _ in every))
    common = set.intersection(
        *({a for n, a in every if n == name} for name in names if name != "LossScaleOptimizer")
    )
    turns = {argument: names[i % len(names)] for i, argument in enumerate(sorted(common), 2)}
    for (name, argument), spec in every.items():
        if argument == "use_ema":
            continue
        now = turns.get(argument, name) == name or argument == "loss_scale_factor"
        marks = () if now else pytest.mark.slow
        yield pytest.param(spec, id=f"{name}-{argument}", marks=marks)


def layer_cases():
    """Each layer with all its regularizers; with each alone, if asked for."""
    for name in matrix.classes("layer"):
        if name in matrix.UNUSED:
            continue
        known = matrix.regularizers(name)
        marks = pytest.mark.slow if name in SLOW else ()
        yield pytest.param(name, known, id=f"{name}-all", marks=marks)
        for argument in known if len(known) > 1 else ():
            yield pytest.param(name, [argument], id=f"{name}-{argument}", marks=pytest.mark.slow)


def of_layer(name, regularizers):
    return matrix.model(name, matrix.dimensions(name), **dict.fromkeys(regularizers, L2))


def suited(settings, data):
    """The data, unscaled for a layer that takes whole numbers."""
    return replace(data, scale=1.0) if "Embedding" in settings.canonical else data


def beside_keras(settings, data):
    """Weights and objective after a few updates: ours, and Keras's own."""
    tf = matrix.backend.tensorflow()
    job = Job(settings, data, 0, trusted=False)
    ours, theirs = Network.build(job), Network.build(job)
    theirs.model.compile(optimizer=theirs.optimizer, loss=theirs.loss, run_eagerly=True)
    x, y = tf.constant(data.x_train), tf.constant(data.y_train)
    inputs, targets = tf.cast(x, settings.precision) * data.scale, theirs.targets(y)
    for _ in range(UPDATES):
        ours.update(x, y)
        theirs.model.train_step((inputs, targets))
    outputs = theirs.model(inputs, training=False)
    objective = theirs.model.compute_loss(x=inputs, y=targets, y_pred=outputs, training=False)
    found = ours.sums_at([v.value for v in ours.variables], x, y).numpy()[0] / len(y)
    return (ours.weights(), found), (theirs.weights(), float(objective))


def alike(ours, theirs, atol=2e-6):
    (weights, objective), (expected, other) = ours, theirs
    for (path, a), (_, b) in zip(weights, expected, strict=True):
        assert np.isfinite(b.astype(np.float32)).all(), path
        np.testing.assert_allclose(a, b, atol=atol, rtol=1e-5, err_msg=path)
    assert objective == pytest.approx(other, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("optimizer", [*optimizer_cases()])
def test_an_update_of_every_optimizer_is_that_of_keras(optimizer, digits):
    alike(*beside_keras(replace(SETTINGS, optimizer=optimizer), digits))


@pytest.mark.parametrize(("name", "regularizers"), [*layer_cases()])
def test_an_update_of_every_layer_is_that_of_keras(name, regularizers, digits):
    settings = replace(SETTINGS, model=of_layer(name, regularizers))
    data = suited(settings, digits)
    engines.check(settings, data)
    alike(*beside_keras(settings, data))


@pytest.mark.parametrize("name", sorted(matrix.UNUSED & matrix.classes("layer").keys()))
def test_the_layers_that_are_left_out_are_refused(name, digits):
    dimensions = matrix.dimensions(name)
    if dimensions is not None:
        with pytest.raises(SuiteError):
            engines.check(replace(SETTINGS, model=matrix.model(name, dimensions)), digits)


@pytest.mark.parametrize("name", [name for name, a in matrix.optimizers() if a == "use_ema"])
def test_averaged_weights_are_refused(name, digits):
    averaging = {name: {"learning_rate": 0.1, "use_ema": True}}
    for spec in (
        averaging,
        {"LossScaleOptimizer": {"inner_optimizer": averaging}},
        {"ProximalL1": {"optimizer": averaging}},
        {"LossScaleOptimizer": {"inner_optimizer": {"ProximalL1": {"optimizer": averaging}}}},
    ):
        with pytest.raises(SuiteError, match="averaged by the optimizer") as caught:
            engines.check(replace(SETTINGS, optimizer=spec), digits)
        assert name in caught.value.found


# --- compiled, as suites run them -------------------------------------------------------------

SGD = {"SGD": {"learning_rate": 0.1}}
WHOLE = {
    "factor": {"optimizer": {"SGD": {"learning_rate": 0.1, "loss_scale_factor": 1024.0}}},
    # Overflows in the first updates, which are then skipped.
    "dynamic": {
        "optimizer": {"LossScaleOptimizer": {"initial_scale": 1e38, "inner_optimizer": SGD}}
    },
    # Starts from the weights of its own seed, not from those of the seed before.
    "of the weights": {"optimizer": {"ScheduleFreeAdamW": {"learning_rate": 0.1}}},
    "proximal": {
        "optimizer": {
            "LossScaleOptimizer": {
                "inner_optimizer": {"ProximalL1": {"optimizer": matrix.ADAM, "l1": 0.01}}
            }
        }
    },
    "rows": {"model": of_layer("Embedding", []), "optimizer": {"Adam": {"learning_rate": 0.02}}},
    "looked up": {
        "model": of_layer("Embedding", ["embeddings_regularizer", "activity_regularizer"])
    },
}


def trained(settings, data, engine, seed=1, updates=UPDATES):
    """After so many epochs of one update; a seed before has used the same program."""
    settings, data = replace(settings, engine=engine), suited(settings, data)
    engines.check(settings, data)
    engines.prepare(settings, data, seed - 1)
    made = engines.prepare(settings, data, seed)
    for epoch in range(1, updates + 1):
        made.start_epoch(order(data, seed, epoch))
        made.advance(0, made.updates_per_epoch)
    return made.weights(), made.evaluate().train_objective


@pytest.fixture(scope="module")
def by_fit(digits):
    """What `model.fit` makes of settings."""
    known = {}

    def find(settings, updates=UPDATES):
        key = settings.canonical
        if key not in known:
            known[key] = trained(settings, digits, "fit", updates=updates)
        return known[key]

    return find


def all_or_slow():
    """Every optimizer, argument, layer and regularizer on every engine, if asked for."""
    for kind in (optimizer_cases(), layer_cases()):
        for case in kind:
            yield pytest.param(case.values, id=case.id)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", WHOLE)
def test_engines_train_as_fit(kind, engine, digits, by_fit):
    settings, updates = replace(SETTINGS, **WHOLE[kind]), 6 if kind == "dynamic" else UPDATES
    if kind == "rows" and engine in ("svrg", "sag"):
        with pytest.raises(SuiteError, match="looked up rows otherwise"):
            engines.check(replace(settings, engine=ENGINES[engine]), suited(settings, digits))
        return
    ours = trained(settings, digits, ENGINES[engine], updates=updates)
    alike(ours, by_fit(settings, updates), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("values", [*all_or_slow()])
def test_engines_train_everything_as_fit(values, digits, by_fit):
    changes = {"optimizer": values[0]} if len(values) == 1 else {"model": of_layer(*values)}
    settings = replace(SETTINGS, **changes)
    reference = by_fit(settings)
    network = Network.build(Job(settings, digits, 0, trusted=False))
    for name, engine in ENGINES.items():
        if network.is_random and name in ("svrg", "sag"):
            continue  # their other gradients draw other random numbers
        alike(trained(settings, digits, engine), reference, atol=1e-5)


def test_rows_of_several_workers_are_those_of_the_whole_batch(digits):
    """Two workers' rows are handed to Adam as one worker's would be."""
    settings = replace(SETTINGS, **WHOLE["rows"], engine={"master_worker": {"workers": 2}})
    one, two = (
        trained(settings, digits, {"master_worker": {"workers": workers}}) for workers in (1, 2)
    )
    alike(two, one, atol=1e-5)

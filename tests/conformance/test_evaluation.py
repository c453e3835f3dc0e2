"""Evaluations look, and the training goes on as if they had not: to the last bit, whatever has a state."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench import engines, runner, standstill
from bench.trial import Training, Trial

CASES = Path(__file__).parent.parent / "cases"
N_TRAIN = 180
PLANS = {
    "at the end": {"every": 2},
    "every epoch": {},
    "every update": {"per_epoch": N_TRAIN},
    "now and then": {"per_epoch": 2, "first": 1},
}
LAST = ["Flatten", {"Dense": {"units": 10}}]
IMAGES = [{"Reshape": {"target_shape": [8, 8, 1]}}, {"Conv2D": {"filters": 3, "kernel_size": 1}}]
SHARED = {"value_range": [0, 1]}

# Layers with a state, several of a kind in each network: seeds, statistics of batches, counters.
NETWORKS = {
    "flat": [
        "Flatten",
        {"Dense": {"units": 12, "activation": "selu"}},
        {"Dropout": {"rate": 0.2}},
        {"AlphaDropout": {"rate": 0.2}},
        {"GaussianDropout": {"rate": 0.2}},
        {"GaussianNoise": {"stddev": 0.1}},
        "BatchNormalization",
        {"SpectralNormalization": {"layer": {"Dense": {"units": 8}}}},
        *LAST,
    ],
    "recurrent": [
        {"SpatialDropout1D": {"rate": 0.2}},
        {"GRU": {"units": 4, "dropout": 0.2, "recurrent_dropout": 0.2, "return_sequences": True}},
        {"LSTM": {"units": 4, "dropout": 0.2, "recurrent_dropout": 0.2, "return_sequences": True}},
        {"Bidirectional": {"layer": {"SimpleRNN": {"units": 3, "dropout": 0.2}}}},
        *LAST,
    ],
    "attention": ["nested:Attending", "nested:Late", "nested:Chain", *LAST],
    "counting": [
        "nested:Counting",
        {"TimeDistributed": {"layer": {"Dropout": {"rate": 0.2}}}},
        *LAST,
    ],
    "convolutions": [
        *IMAGES,
        {"SpatialDropout2D": {"rate": 0.2}},
        "BatchNormalization",
        {"Reshape": {"target_shape": [2, 4, 8, 3]}},
        {"SpatialDropout3D": {"rate": 0.2}},
        {"ConvLSTM2D": {"filters": 2, "kernel_size": 2, "dropout": 0.2}},
        *LAST,
    ],
    "augmented": [
        *IMAGES,
        "RandomFlip",
        {"RandomRotation": {"factor": 0.1}},
        {"RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1}},
        {"RandomZoom": {"height_factor": 0.1}},
        {"RandomShear": {"x_factor": 0.1}},
        {"RandomContrast": {"factor": 0.3, **SHARED}},
        {"RandomBrightness": {"factor": 0.3, **SHARED}},
        {"RandomErasing": SHARED},
        {"RandomCrop": {"height": 6, "width": 6}},
        *LAST,
    ],
    "coloured": [
        *IMAGES,
        {"RandomColorJitter": {"brightness_factor": 0.2, **SHARED}},
        {"RandomHue": {"factor": 0.2, **SHARED}},
        {"RandomSaturation": {"factor": 0.2, **SHARED}},
        {"RandomSharpness": {"factor": 0.2, **SHARED}},
        {"RandomGrayscale": {"factor": 0.2}},
        {"RandomInvert": SHARED},
        {"RandAugment": SHARED},
        *LAST,
    ],
}
BASE = Training(
    dataset="digits",
    validation=0,
    train_images=N_TRAIN,
    model="mlp",
    optimizer={"Adam": {"learning_rate": 0.01}},
    loss={"SparseCategoricalCrossentropy": {"from_logits": True}},
    batch_size=60,
    engine="compiled",
    epochs=2,
)
ENGINES = {
    "compiled": ("compiled", 50),  # the last batch of an epoch is shorter
    "fit": ("fit", 50),
    "fit, full batches": ("fit", 60),
    "with replacement": ({"compiled": {"replacement": True}}, 60),
    "svrg": ("svrg", 60),
    "sag": ("sag", 60),
    "master_worker": ({"master_worker": {"workers": 2}}, 60),
}


@pytest.fixture(autouse=True)
def _cases(monkeypatch):
    monkeypatch.syspath_prepend(str(CASES))


def state(engine):
    """Everything that training depends on, by path."""
    variables = [*engine.network.model.variables, *engine.network.optimizer.variables]
    return [(v.path, v.numpy()) for v in variables]


def metrics(engine):
    """What Keras and layers count beside it, from the last call of ``fit`` on."""
    return [(v.path, v.numpy()) for v in engine.network.model.metrics_variables]


def trained(training, layers):
    trial = Trial(replace(training, model={"layers": layers}), 0, trusted=True)
    data = runner.data_of(trial)
    engine = engines.prepare(trial.training, data, 0, trusted=True)
    course = runner._Course(engine, trial, data, standstill.Watch())
    course.run()
    return engine, course.curve[-1]


def equal(one, other):
    assert [path for path, _ in one] == [path for path, _ in other]
    changed = [p for (p, a), (_, b) in zip(one, other, strict=True) if not np.array_equal(a, b)]
    assert changed == []


def alike(network, engine):
    """Whatever is evaluated in between, all is the same in the end; and looking again changes nothing."""
    name, size = ENGINES[engine]
    training = replace(BASE, engine=name, batch_size=size)
    seen = {}
    for plan, evaluate in PLANS.items():
        made, last = trained(replace(training, evaluate=evaluate), NETWORKS[network])
        seen[plan] = state(made), replace(last, train_time_s=0)
        before = state(made) + metrics(made)
        made.evaluate()
        made.predict()
        made.weights()
        equal(before, state(made) + metrics(made))
    first, ended = seen["at the end"]
    for found, point in seen.values():
        equal(first, found)
        assert point == ended


@pytest.mark.parametrize(
    ("network", "engine"),
    [("recurrent", "fit"), ("flat", "fit"), ("counting", "fit"), ("counting", "compiled")],
)
def test_evaluations_change_nothing(network, engine):
    alike(network, engine)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("network", NETWORKS)
def test_evaluations_change_nothing_of_any_layer_in_any_engine(network, engine):
    alike(network, engine)


def test_fit_and_compiled_draw_the_same_numbers_in_recurrent_layers():
    """Evaluations moved the seeds under ``fit``, so that it trained otherwise than the other engines."""
    ends = [
        trained(replace(BASE, engine=engine), NETWORKS["recurrent"])[1].train_objective
        for engine in ("fit", "compiled")
    ]
    assert ends[0] == pytest.approx(ends[1], rel=1e-4)

"""Every probe keeps the contract: it looks, and the training goes on as if it had not."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench import datasets, engines, plugins, probes, runner, standstill
from bench.errors import SuiteError
from bench.trial import Training, Trial

# Everything that a probe could disturb: statistics of batches, random numbers, momentum.
DELICATE = Training(
    dataset="digits",
    validation=0,
    train_images=1440,
    model={
        "layers": [
            "Flatten",
            {"Dense": {"units": 16, "activation": "relu", "kernel_regularizer": {"L2": {}}}},
            "BatchNormalization",
            {"Dropout": {"rate": 0.3}},
            {"Dense": {"units": 10}},
        ]
    },
    optimizer={"SGD": {"learning_rate": 0.1, "momentum": 0.9}},
    loss={"SparseCategoricalCrossentropy": {"from_logits": True}},
    batch_size=96,  # all full: fit traces a shorter last one anew, and rounds otherwise from then on
    engine="compiled",
    epochs=3,
)
LINEAR = replace(DELICATE, model={"layers": ["Flatten", {"Dense": {"units": 10}}]})
SPECIMENS = {"optimum": LINEAR}  # what a probe measures, if not everything
TIMES = ({"every": 1}, {"updates": 6}, {"updates": [0, 7, 15, 16]})


def trained(training, engine="compiled"):
    """What one trial came to: the curve without its times, all variables, all measures."""
    trial = Trial(replace(training, engine=engine), seed=0)
    data = runner.data_of(trial)
    prepared = engines.prepare(trial.training, data, 0)
    course = runner._Course(prepared, trial, data, standstill.Watch())
    course.run()
    network = prepared.network
    curve = [replace(point, train_time_s=0.0) for point in course.curve]
    variables = [*network.model.variables, *network.optimizer.variables]
    named = {f"{i} {v.name}": v.numpy() for i, v in enumerate(variables)}
    return curve, named, course.measures


@pytest.fixture(scope="module")
def undisturbed():
    """The same without probes, by (training, engine)."""
    known = {}

    def find(training, engine):
        key = (training.canonical, engine)
        if key not in known:
            known[key] = trained(training, engine)
        return known[key]

    return find


def global_state():
    """Of the generators that whole processes share."""
    return random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002 - to see it untouched


@pytest.mark.parametrize("when", TIMES, ids=str)
@pytest.mark.parametrize("engine", ["compiled", "fit"])
@pytest.mark.parametrize("probe", plugins.available("probes"))
def test_training_is_the_same_to_the_last_bit(probe, engine, when, undisturbed):
    training = SPECIMENS.get(probe, DELICATE)
    curve, variables, _ = undisturbed(training, engine)
    state = global_state()
    seen_curve, seen_variables, measures = trained(
        replace(training, probes=({probe: when},)), engine
    )
    assert global_state() == state
    assert seen_curve == curve
    assert seen_variables.keys() == variables.keys()
    for name, values in variables.items():
        np.testing.assert_array_equal(seen_variables[name], values, err_msg=name)
    moving = [name for name in variables if "moving" in name or "seed" in name]
    assert bool(moving) == (training is DELICATE)
    due = probes.due(when, training.epochs, 15)
    assert {round(15 * epoch) for epoch, _, _ in measures} == due


@pytest.mark.parametrize("probe", plugins.available("probes"))
def test_what_it_measures(probe):
    """The same for the same trial; numbers with names, each once; and what each call cost."""
    training = replace(SPECIMENS.get(probe, DELICATE), probes=({probe: {"every": 1}},))
    probes.check(training, datasets.load("digits", folder=Path()))
    _, _, measures = trained(training)
    _, _, again = trained(training)
    costs = [m.value for _, _, m in measures if m.measure == "cost_s"]
    assert len(costs) == 4
    assert all(cost > 0 for cost in costs)

    def rows(found):
        return [(e, p, m.layer, m.measure, m.value) for e, p, m in found if m.measure != "cost_s"]

    assert rows(measures) == rows(again)
    keys = [row[:-1] for row in rows(measures)]
    assert len(set(keys)) == len(keys) > 0
    assert all(isinstance(row[-1], float) for row in rows(measures))
    assert not any("/" in m.measure for _, _, m in measures)


@pytest.mark.parametrize("probe", plugins.available("probes"))
def test_unknown_arguments_are_refused(probe):
    training = replace(SPECIMENS.get(probe, DELICATE), probes=("sparsity", {probe: {"evry": 1}}))
    with pytest.raises(SuiteError, match="evry") as caught:
        probes.check(training, datasets.load("digits", folder=Path()))
    assert caught.value.where == f"probes.1.{probe}.evry"
    assert "every" in caught.value.hint

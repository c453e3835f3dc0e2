"""Every engine keeps the contract, and trains as ``model.fit`` does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench import datasets, engines, plugins
from bench.engines._network import Job
from bench.engines._subsets import subsets
from bench.errors import SuiteError
from bench.runner import order
from bench.suite import load_suite
from bench.trial import Training, expand

SETTINGS = {
    "validation": 0,
    "train_images": None,
    "loss": {"SparseCategoricalCrossentropy": {"from_logits": True}},
    "batch_size": 100,
    "engine": "compiled",
    "epochs": 1,
    "optimizer": {"SGD": {"learning_rate": 0.1}},
}
MLP = {"hidden": [100], "activation": "relu", "l2": 0.01}


def training(mlp=None, dataset="mnist", **changes):
    model = {"mlp": {**MLP, **(mlp or {})}}
    return Training(**{**SETTINGS, "dataset": dataset, "model": model, **changes})


def inverse_time(steps, *, staircase=False):
    return {
        "SGD": {
            "learning_rate": {
                "InverseTimeDecay": {
                    "initial_learning_rate": 0.1,
                    "decay_rate": 0.1,
                    "decay_steps": steps,
                    "staircase": staircase,
                }
            }
        }
    }


# Every kind of variant of the six questions but dropout, whose random numbers differ by design.
KINDS = {
    "plain": training(),
    "batch-1": training(batch_size=1, optimizer={"SGD": {"learning_rate": 0.001}}),
    "batch-10": training(batch_size=10),
    "batch-1000": training(batch_size=1000),
    "diminishing-epoch": training(optimizer=inverse_time({"epochs": 1}, staircase=True)),
    "diminishing-update": training(optimizer=inverse_time(1)),
    "momentum": training(optimizer={"SGD": {"learning_rate": 0.01, "momentum": 0.9}}),
    "adagrad": training(optimizer={"Adagrad": {"learning_rate": 0.01}}),
    "rmsprop": training(optimizer={"RMSprop": {"learning_rate": 0.001}}),
    "adam": training(optimizer={"Adam": {"learning_rate": 0.001}}),
    "deep": training({"hidden": [25, 25, 25, 25]}),
    "no-penalty": training({"l2": 0}),
    "l1": training({"l2": 0, "l1": 0.001}),
    "batch-norm": training({"normalization": "batch"}),
    "layer-norm": training({"normalization": "layer"}),
    "weight-norm": training({"normalization": "weight"}),
    "blur": training({"blur": 1.0}),
    "convolution": training(
        model={
            "layers": [
                {"Reshape": {"target_shape": [28, 28, 1]}},
                {"Conv2D": {"filters": 4, "kernel_size": 5, "strides": 2, "activation": "relu"}},
                "Flatten",
                {"Dense": {"units": 10, "activation": "softmax"}},
            ]
        },
        loss="SparseCategoricalCrossentropy",
    ),
    "one-hot loss": training(loss={"CategoricalCrossentropy": {"from_logits": True}}),
    "activity penalty": training(
        model={
            "layers": [
                "Flatten",
                {"Dense": {"units": 20, "activity_regularizer": {"L2": {"l2": 0.01}}}},
                {"Dense": {"units": 10}},
            ]
        }
    ),
}


@pytest.fixture(scope="module")
def mnist():
    return datasets.load("mnist", folder=Path())


def trained(settings, data, engine, *, updates=None, epochs=1, seed=0):
    """An engine after some updates of the first epoch, or after whole epochs."""
    made = engines.prepare(replace(settings, engine=engine), data, seed)
    for epoch in range(1, epochs + 1):
        made.start_epoch(order(data, seed, epoch))
        made.advance(0, updates or made.updates_per_epoch)
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_compiled_equals_fit_after_50_updates(kind, mnist):
    ours = trained(KINDS[kind], mnist, "compiled", updates=50)
    reference = trained(KINDS[kind], mnist, "fit", updates=50)
    for (path, a), (other, b) in zip(ours.weights(), reference.weights(), strict=True):
        assert path == other
        np.testing.assert_allclose(a, b, atol=1e-5, rtol=0, err_msg=path)
    assert ours.notes == ()
    assert ours.evaluate().learning_rate == pytest.approx(reference.evaluate().learning_rate)


def objectives(settings, data, engine, *, twin=0):
    """Training objective after each of three epochs; a twin starts one unit in the last place away."""
    made = engines.prepare(replace(settings, engine=engine), data, 0)
    if twin:
        first = made.network.model.trainable_variables[0]
        up = np.random.default_rng(twin).random(first.shape) < 0.5
        first.assign(np.nextafter(first.numpy(), np.where(up, 9, -9).astype(np.float32)))
    found = []
    for epoch in (1, 2, 3):
        made.start_epoch(order(data, 0, epoch))
        made.advance(0, made.updates_per_epoch)
        found.append(made.evaluate().train_objective)
    return np.array(found)


@pytest.mark.parametrize("kind", ["plain", "adam", "batch-norm", "l1"])
def test_compiled_agrees_with_fit_over_three_epochs(kind, mnist):
    """Within 1e-3 after one epoch; then within what rounding alone does to the reference.

    Training amplifies rounding: two runs of ``fit`` that start one unit in the last place apart differ by
    20 % after three epochs with batch normalisation, by 0.01 % without. Three such twins measure it.
    """
    ours = objectives(KINDS[kind], mnist, "compiled")
    twins = np.array([objectives(KINDS[kind], mnist, "fit", twin=t) for t in range(4)])
    noise = np.ptp(twins, axis=0)
    np.testing.assert_allclose(ours[0], twins[0, 0], rtol=1e-3)
    allowed = np.maximum(1e-3 * twins[0], 2 * noise)
    assert (np.abs(ours - twins[0]) <= allowed).all(), (ours, twins)


def test_both_start_from_the_same_weights(mnist):
    ours = engines.prepare(KINDS["plain"], mnist, 3)
    reference = trained(KINDS["plain"], mnist, "fit", epochs=0, seed=3)
    for (_, a), (_, b) in zip(ours.weights(), reference.weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_short_last_batch_is_trained_too():
    digits = datasets.load("digits", folder=Path())
    settings = training(dataset="digits", batch_size=100)
    ours = trained(settings, digits, "compiled", epochs=2)
    reference = trained(settings, digits, "fit", epochs=2)
    assert ours.updates_per_epoch == -(-len(digits.y_train) // 100)
    for (path, a), (_, b) in zip(ours.weights(), reference.weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5, rtol=0, err_msg=path)


def test_evaluation_equals_numpy_by_hand(mnist):
    engine = trained(KINDS["plain"], mnist, "compiled")
    w = dict(engine.weights())

    def by_hand(x, y):
        flat = x.reshape(len(x), -1).astype(np.float64) / 255
        hidden = np.maximum(flat @ w["dense_1/kernel"] + w["dense_1/bias"], 0)
        logits = hidden @ w["dense_2/kernel"] + w["dense_2/bias"]
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return -log_p[np.arange(len(y)), y].mean(), (logits.argmax(axis=1) == y).mean()

    found = engine.evaluate()
    loss, accuracy = by_hand(mnist.x_train, mnist.y_train)
    assert found.train_loss == pytest.approx(loss, rel=1e-5)
    assert found.train_accuracy == pytest.approx(accuracy, abs=2 / 60_000)
    penalty = 0.01 * np.sum(w["dense_1/kernel"].astype(np.float64) ** 2)
    assert found.train_objective == pytest.approx(loss + penalty, rel=1e-5)
    loss, accuracy = by_hand(mnist.x_test, mnist.y_test)
    assert found.test_loss == pytest.approx(loss, rel=1e-5)
    assert found.test_accuracy == pytest.approx(accuracy, abs=2 / 10_000)


SEVERAL_PROCESSES = {
    "multi_worker",
    "parameter_server",
}  # tests/engines: they take seconds to start
ENGINES = {
    **{name: name for name in plugins.available("engines") if name not in SEVERAL_PROCESSES},
    "master_worker": {"master_worker": {"workers": 5}},
    "split by labels": {"master_worker": {"workers": 5, "split": "labels"}},
    "with replacement": {"compiled": {"replacement": True}},
}


@pytest.mark.parametrize("engine", ENGINES)
def test_contract(engine, mnist):
    made = trained(KINDS["plain"], mnist, ENGINES[engine], updates=3)
    assert made.parameters == 79_510
    assert made.updates_per_epoch == 600
    before = made.weights()
    made.evaluate()
    made.start_epoch(order(mnist, 0, 2))
    for (_, a), (_, b) in zip(before, made.weights(), strict=True):
        np.testing.assert_array_equal(a, b)  # nothing but advance trains
    made.advance(0, 1)
    assert any((a != b).any() for (_, a), (_, b) in zip(before, made.weights(), strict=True))


@pytest.fixture(scope="module")
def digits():
    """1440 images: what every engine can divide."""
    return datasets.load("digits", folder=Path(), train_images=1440)


SMALL = training({"hidden": [16]}, dataset="digits", batch_size=120)


@pytest.mark.parametrize("engine", ENGINES)
def test_pieces_of_an_epoch_are_the_epoch(engine, digits):
    """Whatever is evaluated in between, the weights are the same to the last bit."""
    settings = replace(SMALL, engine=ENGINES[engine])
    whole = engines.prepare(settings, digits, 0)
    for epoch in (1, 2):
        whole.start_epoch(order(digits, 0, epoch))
        whole.advance(0, whole.updates_per_epoch)
    expected = whole.weights()
    pieces = engines.prepare(settings, digits, 0)
    for epoch in (1, 2):
        pieces.start_epoch(order(digits, 0, epoch))
        for start, stop in ((0, 1), (1, 5), (5, 11), (11, pieces.updates_per_epoch)):
            pieces.advance(start, stop)
            pieces.evaluate()
    for (path, a), (_, b) in zip(expected, pieces.weights(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=path)


@pytest.mark.parametrize("engine", ["compiled", "svrg"])
def test_pieces_with_a_shorter_last_batch(engine, digits):
    settings = replace(SMALL, engine=engine, batch_size=100)
    found = []
    for stops in ((15,), (3, 14, 15), tuple(range(1, 16))):
        made = engines.prepare(settings, digits, 0)
        assert made.updates_per_epoch == 15
        made.start_epoch(order(digits, 0, 1))
        for start, stop in zip((0, *stops), stops, strict=False):
            made.advance(start, stop)
        found.append(made.weights())
    for other in found[1:]:
        for (_, a), (_, b) in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_seed_in_between_leaves_no_trace(engine, digits):
    """Programs are used again for other seeds: what a rule keeps must be forgotten."""
    settings = replace(SMALL, engine=ENGINES[engine])
    first = trained(settings, digits, ENGINES[engine], epochs=2, seed=1).weights()
    trained(settings, digits, ENGINES[engine], epochs=1, seed=2)
    again = trained(settings, digits, ENGINES[engine], epochs=2, seed=1).weights()
    for (_, a), (_, b) in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("engine", ENGINES)
def test_float64_throughout(engine, digits):
    settings = replace(SMALL, precision="float64", optimizer={"Adam": {"learning_rate": 0.01}})
    made = trained(settings, digits, ENGINES[engine])
    assert {w.dtype for _, w in made.weights()} == {np.dtype(np.float64)}
    assert made.evaluate().learning_rate == 0.01  # not its nearest float32
    single = trained(replace(settings, precision="float32"), digits, ENGINES[engine])
    assert {w.dtype for _, w in single.weights()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("engine", ENGINES)
def test_all_images_in_one_update(engine, digits):
    settings = replace(SMALL, batch_size="full")
    made = trained(settings, digits, ENGINES[engine])
    assert made.updates_per_epoch == 1
    if engine != "with replacement":  # whose one update has some images twice
        reference = trained(settings, digits, "fit")
        for (path, a), (_, b) in zip(made.weights(), reference.weights(), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5, rtol=0, err_msg=path)


@pytest.mark.parametrize("kind", ["plain", "batch-norm", "adam", "dropout"])
def test_the_same_trial_gives_the_same_bits(kind, mnist):
    settings = training({"dropout": 0.2}) if kind == "dropout" else KINDS[kind]
    first = trained(settings, mnist, "compiled", seed=1)
    weights, evaluation = first.weights(), first.evaluate()
    trained(settings, mnist, "compiled", seed=2)  # another seed in between uses the same program
    again = trained(settings, mnist, "compiled", seed=1)
    assert again.evaluate() == evaluation
    for (_, a), (_, b) in zip(weights, again.weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_dropout_says_that_it_is_not_compiled_by_xla(mnist):
    settings = training({"dropout": 0.2})
    assert "not by XLA" in engines.prepare(settings, mnist, 0).notes[0]


def test_dropout_only_while_training(mnist):
    settings = training({"dropout": 0.5})
    engine = trained(settings, mnist, "compiled", updates=10)
    assert engine.evaluate() == engine.evaluate()


# --- six workers ------------------------------------------------------------------------------


def test_six_averaged_gradients_are_the_gradient_of_the_union(mnist):
    """The mean over six batches of 16 is the mean over their 96 images: one worker, same images."""
    settings = training(batch_size=96)
    six = {"master_worker": {"workers": 6}}
    master = trained(settings, mnist, six, updates=50)
    owner = subsets(Job(replace(settings, engine=six), mnist, 0, trusted=False)).owner
    sequence = order(mnist, 0, 1)
    union = np.concatenate(
        [sequence[owner[sequence] == w].reshape(625, 16) for w in range(6)], axis=1
    ).ravel()
    assert len(np.unique(union)) == 60_000
    one = engines.prepare(settings, mnist, 0)
    one.start_epoch(union)
    one.advance(0, 50)
    for (path, a), (_, b) in zip(master.weights(), one.weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5, rtol=0, err_msg=path)


@pytest.mark.parametrize(
    ("engine", "batch", "where"),
    [
        ({"master_worker": {"workers": 7}}, 100, "batch_size"),
        ({"master_worker": {"workers": 0}}, 100, "engine.master_worker.workers"),
        ({"master_worker": {}}, 100, "engine.master_worker.workers"),
        ({"master_worker": {"wrokers": 2}}, 100, "engine.master_worker.wrokers"),
        ({"master_worker": {"workers": 6}}, 120_000, "batch_size"),
        ({"master_worker": {"workers": 5, "split": "label"}}, 100, "engine.master_worker.split"),
        (
            {"master_worker": {"workers": 5, "split": {"dirichlet": 0}}},
            100,
            "engine.master_worker.split",
        ),
        ({"multi_worker": {"workers": 65}}, 100, "engine.multi_worker.workers"),
        ({"multi_worker": {"workers": 6}}, 100, "batch_size"),
        ({"multi_worker": {"workers": 5, "deadline_s": 0}}, 100, "engine.multi_worker.deadline_s"),
        ({"parameter_server": {"workers": 6}}, 10_001, "batch_size"),
        ("compiled", 60_001, "batch_size"),
        ("compield", 100, "engine.compield"),
        ({"compiled": {"threads": 2}}, 100, "engine.compiled.threads"),
        ({"compiled": {"replacement": 1}}, 100, "engine.compiled.replacement"),
        ("svrg", 60_001, "batch_size"),
        ("sag", 60_001, "batch_size"),
        ("sag", 7000, "batch_size"),
        ({"sag": {"table": 2}}, 100, "engine.sag.table"),
    ],
)
def test_impossible_engines_are_refused(engine, batch, where, mnist):
    with pytest.raises(SuiteError) as caught:
        engines.check(training(engine=engine, batch_size=batch), mnist)
    assert caught.value.where == where
    assert caught.value.expected
    assert caught.value.found


RATES = [({}, {"SGD": {"learning_rate": rate}}) for rate in (0.5, 0.1)]
STRENGTHS = [
    ({"l1": l1, "l2": l2}, {"SGD": {"learning_rate": 0.5}})
    for l1, l2 in ((0.001, 0.01), (0.1, 0.2))
]


@pytest.mark.parametrize("pair", [RATES, STRENGTHS], ids=["rate", "strength of the penalty"])
def test_variants_that_differ_in_a_number_share_a_program_and_train_as_if_alone(pair, mnist):
    from bench.engines import compiled

    def forget():
        compiled._PROGRAMS.clear()
        compiled._JUDGES.clear()

    def of(numbers, optimizer):
        settings = training({"hidden": [9], **numbers}, optimizer=optimizer)
        return trained(settings, mnist, "compiled", updates=5)

    one, two = pair
    forget()
    alone = of(*one)
    weights, evaluation = alone.weights(), alone.evaluate()
    forget()
    assert of(*two).evaluate() != evaluation
    again = of(*one)
    assert len(compiled._PROGRAMS) == 1
    assert again.evaluate() == evaluation
    for (_, a), (_, b) in zip(again.weights(), weights, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"mlp": {"normalization": "batch"}}, "model"),
        ({"mlp": {"dropout": 0.2}}, "model"),
        ({"optimizer": {"SGD": {"learning_rate": 0.1, "momentum": 0.9}}}, "optimizer"),
        ({"optimizer": "Adam"}, "optimizer"),
    ],
)
def test_what_asynchronous_workers_cannot_train_is_refused(changes, where, mnist):
    with pytest.raises(SuiteError) as caught:
        engines.check(training(**changes, engine={"parameter_server": {"workers": 6}}), mnist)
    assert caught.value.where == where


def test_what_xla_cannot_compile_falls_back_with_a_note(mnist, monkeypatch):
    from bench import backend
    from bench.engines import compiled

    tf = backend.tensorflow()

    def refused(compile_it):
        def compiled_so(*kind, jit, note):
            if jit:
                raise tf.errors.InvalidArgumentError(None, None, "no kernel for this op")
            return compile_it(*kind, jit=jit, note=note)

        return compiled_so

    monkeypatch.setattr(compiled, "_trainer", refused(compiled._trainer))
    monkeypatch.setattr(compiled, "_evaluator", refused(compiled._evaluator))
    engine = trained(training({"hidden": [7]}), mnist, "compiled", updates=5)
    assert len(engine.notes) == 1
    assert "XLA refused: no kernel for this op" in engine.notes[0]
    reference = trained(training({"hidden": [7]}), mnist, "fit", updates=5)
    for (_, a), (_, b) in zip(engine.weights(), reference.weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5, rtol=0)


def test_the_suite_of_six_questions_passes_the_check(mnist):
    suite = load_suite("ep3260_ca7")
    kinds = {use.trial.training.canonical: use.trial.training for use in expand(suite)}
    variants = sum(len(suite.variants(question)) for question in suite.questions)
    assert len(kinds) < variants  # questions share some
    for settings in kinds.values():
        engines.check(settings, mnist)

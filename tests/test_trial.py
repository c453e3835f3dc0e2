"""A trial's identity: everything that can change its result, and nothing else."""

from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import trial as trial_module
from bench.errors import SuiteError
from bench.suite import parse_suite
from bench.trial import Training, Trial, Use, distinct, expand, generator

BASE = Training(
    dataset="mnist",
    validation=0,
    train_images=None,
    model={"mlp": {"hidden": [100], "l2": 0.01}},
    optimizer={"SGD": {"learning_rate": 0.1}},
    loss={"SparseCategoricalCrossentropy": {"from_logits": True}},
    batch_size=100,
    engine="compiled",
    epochs=50,
    probes=("sparsity",),
)
SUITE = """\
suite: s
title: t
dataset: digits
seeds: 3
epochs: 2
base: {model: mlp, optimizer: SGD}
questions:
  one:
    ask: first
    variants: {a: {}, b: {batch_size: 10}}
  two:
    ask: second
    variants: {c: {}, d: {batch_size: 20}, e: {optimizer: {SGD: {}}}}
"""

finite = st.floats(allow_nan=False, allow_infinity=False)
values = st.none() | st.booleans() | st.integers() | finite | st.text(max_size=5)
specs = st.text(max_size=5) | st.dictionaries(
    st.text(max_size=5), st.dictionaries(st.text(max_size=5), values, max_size=3), max_size=1
)
trainings = st.builds(
    Training,
    dataset=specs,
    validation=st.integers(0, 9),
    train_images=st.none() | st.integers(1, 9),
    model=specs,
    optimizer=specs,
    loss=specs,
    batch_size=st.integers(1, 9) | st.just("full"),
    engine=specs,
    epochs=st.integers(1, 9),
    probes=st.lists(specs, max_size=2).map(tuple),
    precision=st.sampled_from(["float32", "float64"]),
    evaluate=st.dictionaries(st.sampled_from(["per_epoch", "first", "every"]), st.integers(1, 9)),
)


def test_a_question_with_its_own_seeds_changes_no_id():
    own = parse_suite(SUITE.replace("    ask: second", "    ask: second\n    seeds: [5, 1]"))
    every = {use.trial.id for use in expand(parse_suite(SUITE))}
    seeds = {"one": [0, 1, 2], "two": [5, 1]}
    for use in expand(own):
        assert use.trial.seed in seeds[use.question]
        assert (use.trial.id in every) == (use.trial.seed < 3)
    assert len(expand(own)) == 2 * 3 + 3 * 2


def test_an_id_that_must_never_change():
    """If it does, results folders of before are trained again: raise ``trial.SCHEMA`` if you mean it."""
    assert Trial(BASE, 3).id == "898c0ceeb84dc0ca"


@given(trainings, st.integers(0, 3))
def test_equal_settings_have_equal_ids(training, seed):
    again = Training(**{f.name: getattr(training, f.name) for f in dataclasses.fields(training)})
    assert Trial(again, seed, Path("/elsewhere"), trusted=True).id == Trial(training, seed).id
    assert Trial(training, seed + 1).id != Trial(training, seed).id


@given(trainings, trainings)
def test_different_settings_have_different_ids(first, second):
    for field in dataclasses.fields(Training):
        value = getattr(second, field.name)
        changed = dataclasses.replace(first, **{field.name: value})
        same = json.dumps(value, sort_keys=True) == json.dumps(
            getattr(first, field.name), sort_keys=True
        )
        assert (Trial(changed, 0).id == Trial(first, 0).id) == same


@given(trainings)
def test_canonical_round_trip(training):
    back = Training.from_canonical(training.canonical)
    assert back == training
    assert back.canonical == training.canonical
    assert "\n" not in training.canonical


def test_the_order_of_keys_does_not_matter():
    turned = dataclasses.replace(BASE, model={"mlp": {"l2": 0.01, "hidden": [100]}})
    assert Trial(turned, 3).id == Trial(BASE, 3).id


def test_the_id_has_sixteen_hex_digits():
    name = Trial(BASE, 0).id
    assert len(name) == 16
    assert int(name, 16) >= 0


def test_what_does_not_change_the_result():
    assert Trial(BASE, 0, Path("/a"), trusted=True) == Trial(BASE, 0, Path("/b"))


def test_a_trial_crosses_processes():
    trial = Trial(BASE, 7, Path("/data"), trusted=True)
    for one in (trial, pickle.loads(pickle.dumps(trial))):
        copy = pickle.loads(pickle.dumps(one))
        assert copy == trial
        assert (copy.id, copy.folder, copy.trusted) == (trial.id, Path("/data"), True)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"x"])
def test_only_plain_finite_data_is_canonical(value):
    with pytest.raises((TypeError, ValueError)):
        _ = dataclasses.replace(BASE, optimizer={"SGD": {"learning_rate": value}}).canonical


# --- from a suite -----------------------------------------------------------------------------


def test_uses_stand_in_the_suites_order():
    uses = expand(parse_suite(SUITE))
    assert [(u.question, u.variant, u.trial.seed) for u in uses] == [
        (question, variant, seed)
        for question, variants in (("one", "ab"), ("two", "cde"))
        for variant in variants
        for seed in range(3)
    ]


def test_a_trial_has_all_that_the_suite_says():
    text = SUITE + "validation: 5\ntrain_images: 50\nprobes: [sparsity]\n"
    training = expand(parse_suite(text))[3].trial.training
    assert training == Training(
        dataset="digits",
        validation=5,
        train_images=50,
        model="mlp",
        optimizer="SGD",
        loss={"SparseCategoricalCrossentropy": {"from_logits": True}},
        batch_size=10,
        engine="compiled",
        epochs=2,
        probes=("sparsity",),
    )


def test_questions_with_validation_and_weights_of_their_own():
    more = "ask: second\n    validation: 20\n    weights: true"
    suite = parse_suite(SUITE.replace("ask: second", more) + "validation: 5\n")
    by_question = {u.question: u.trial.training for u in expand(suite)}
    assert (by_question["one"].validation, by_question["one"].weights) == (5, False)
    assert (by_question["two"].validation, by_question["two"].weights) == (20, True)
    none = parse_suite(SUITE.replace("ask: second", "ask: second\n    validation: 0"))
    assert none.validation_of("two") == 0
    kept = dataclasses.replace(BASE, weights=True)
    assert Trial(kept, 0).id != Trial(BASE, 0).id
    assert "weights" not in BASE.canonical
    assert kept.of_an_epoch == BASE.of_an_epoch


def test_questions_of_their_own_data_length_and_evaluations():
    text = SUITE.replace(
        "ask: second",
        "ask: second\n    dataset: mnist\n    epochs: 7\n    evaluate: {per_epoch: 3, first: 2}",
    )
    by_question = {u.question: u.trial.training for u in expand(parse_suite(text))}
    first, second = by_question["one"], by_question["two"]
    assert (first.dataset, first.epochs, first.evaluate) == ("digits", 2, {})
    assert (second.dataset, second.epochs) == ("mnist", 7)
    assert second.evaluate == {"per_epoch": 3, "first": 2}
    assert Training.from_canonical(second.canonical) == second
    short = parse_suite(text).resized(epochs=1)
    assert {u.trial.training.epochs for u in expand(short)} == {1}


def test_questions_of_their_own_probes():
    """In place of the suite's; a question's claims may name their measures."""
    text = "probes: [sparsity]\n" + SUITE.replace(
        "ask: second",
        "ask: second\n    probes: [{gradient_norm: {every: 1}}]\n    claims:"
        "\n      - {says: steep, test: {metric: gradient_norm//norm, variant: c, is: higher, value: 1}}",
    )
    by_question = {u.question: u.trial.training for u in expand(parse_suite(text))}
    assert by_question["one"].probes == ("sparsity",)
    assert by_question["two"].probes == ({"gradient_norm": {"every": 1}},)
    with pytest.raises(SuiteError, match="no probe 'gradient_norm'"):
        parse_suite(text.replace("probes: [{gradient_norm", "probes: [{sparsity"))


def test_paths_start_at_the_suite_and_trust_is_handed_on(tmp_path):
    suite = parse_suite(SUITE, path=tmp_path / "s.yaml")
    assert {u.trial.folder for u in expand(suite)} == {tmp_path}
    assert {u.trial.trusted for u in expand(suite, trusted=True)} == {True}


def test_names_and_words_do_not_change_an_id():
    renamed = SUITE.replace("{a: {}", "{zzz: {about: words}").replace("ask: first", "ask: other")
    renamed = renamed.replace("suite: s", "suite: other") + "margin: 0.5\nprimary: test_loss\n"
    ids = [[u.trial.id for u in expand(parse_suite(text))] for text in (SUITE, renamed)]
    assert ids[0] == ids[1]


def test_ways_of_writing_the_same_have_one_id():
    """SGD, {SGD: {}} and {SGD: null}; a batch as large as the default."""
    ids = {
        expand(parse_suite(SUITE.replace("{a: {}", "{a: {" + change + "}")))[0].trial.id
        for change in (
            "",
            "optimizer: SGD",
            "optimizer: {SGD: {}}",
            "optimizer: {SGD: null}",
            "batch_size: 100",
            "model: {mlp: {}}",
            "loss: SparseCategoricalCrossentropy",
        )
    }
    assert len(ids) == 1


@pytest.mark.parametrize("value", [".nan", ".inf"])
def test_numbers_that_are_not_finite(value):
    text = SUITE.replace("b: {batch_size: 10}", f"b: {{optimizer: {{SGD: {{momentum: {value}}}}}}}")
    with pytest.raises(SuiteError, match="not plain data") as caught:
        expand(parse_suite(text))
    assert caught.value.where == "suite, line 10, at questions.one.variants.b"
    assert caught.value.found


def test_too_many_trials(monkeypatch):
    monkeypatch.setattr(trial_module, "MAX_USES", 14)
    with pytest.raises(SuiteError, match="too many trials"):
        expand(parse_suite(SUITE))


# --- the order of trials ----------------------------------------------------------------------


def test_shared_trials_run_once():
    uses = expand(parse_suite(SUITE))
    trials = distinct(uses)
    assert len(uses) == 15
    assert len(trials) == 9
    assert {t.id for t in trials} == {u.trial.id for u in uses}


def test_seeds_are_blocks_in_a_shuffled_order():
    variants = ", ".join(f"v{i}: {{batch_size: {i}}}" for i in range(1, 13))
    suite = parse_suite(SUITE.replace("{a: {}, b: {batch_size: 10}}", "{" + variants + "}"))
    trials = distinct(expand(suite))
    seeds = [t.seed for t in trials]
    assert seeds == sorted(seeds)
    orders = {
        tuple(t.training.batch_size for t in trials if t.seed == seed) for seed in suite.seed_list
    }
    assert len(orders) == 3
    assert distinct(expand(suite)) == trials


def test_a_list_of_seeds():
    trials = distinct(expand(parse_suite(SUITE.replace("seeds: 3", "seeds: [7, 2]"))))
    assert {t.seed for t in trials} == {2, 7}


def test_many_uses_are_sorted_quickly():
    """It was quadratic: 20,000 trials took two seconds and 100,000 a minute."""
    uses = [Use("q", "v", Trial(BASE, seed)) for seed in range(20_000)]
    assert [t.seed for t in distinct(uses)] == list(range(20_000))


# --- random generators ------------------------------------------------------------------------


def draw(*role):
    return generator(*role).integers(2**62, size=4).tolist()


def test_a_generator_depends_on_its_role_alone():
    assert draw("data", 0, "order", 1) == draw("data", 0, "order", 1)
    roles = [("data", 0, "order", 1), ("data", 0, "order", 2), ("data", 1, "order", 1)]
    roles += [
        ("other", 0, "order", 1),
        ("data", 0, "layer", 1),
        ("data", 0),
        ("data", "0", "order", 1),
    ]
    assert len({tuple(draw(*role)) for role in roles}) == len(roles)


def test_a_generator_that_must_never_change():
    """If it does, the same seed trains differently: raise ``trial.SCHEMA``."""
    assert draw("data", 0)[:2] == [975012687096616823, 2032206384148488869]


def test_the_time_of_an_epoch_does_not_depend_on_how_many_there_are():
    longer = dataclasses.replace(
        BASE, epochs=99, probes=("sparsity",), predictions=False, evaluate={"every": 3}
    )
    assert longer.of_an_epoch == BASE.of_an_epoch
    for change in ({"batch_size": 7}, {"train_images": 7}, {"precision": "float64"}):
        assert dataclasses.replace(BASE, **change).of_an_epoch != BASE.of_an_epoch


def test_constant_rates_of_an_optimizer_share_a_program():
    def by(optimizer):
        return dataclasses.replace(BASE, optimizer=optimizer)

    assert by({"SGD": {"learning_rate": 0.1}}).program == by({"SGD": {"learning_rate": 1}}).program
    others = [
        "SGD",
        {"SGD": {"learning_rate": 0.1, "momentum": 0.9}},
        {"Adam": {"learning_rate": 0.1}},
        {"SGD": {"learning_rate": {"ExponentialDecay": {"initial_learning_rate": 0.1}}}},
        {"SGD": {"learning_rate": {"ExponentialDecay": {"initial_learning_rate": 0.2}}}},
        {"own.module:SGD": {"learning_rate": 0.1}},
        {"own.module:SGD": {"learning_rate": 0.2}},
    ]
    assert len({by(optimizer).program for optimizer in others}) == len(others)


def test_strengths_of_a_penalty_share_a_program_but_none_is_not_some():
    def with_(**numbers):
        return dataclasses.replace(BASE, model={"mlp": {"hidden": [9], **numbers}})

    assert with_(l1=0.1, l2=0.2).program == with_(l1=1, l2=2).program
    others = [
        with_(),
        with_(l1=1),
        with_(l2=1),
        with_(l1=1, l2=1),
        with_(dropout=0.1),
        with_(dropout=0.2),
    ]
    assert len({training.program for training in others}) == len(others)

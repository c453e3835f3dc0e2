"""What the learning rate matters to each method."""

from __future__ import annotations

import math

import numpy as np
import pytest
from synthetic import SCAN, Outcome, noise, scanned, written

from bench.analysis import analyse
from bench.analysis.methods import grids
from bench.analysis.metrics import Values
from bench.analysis.sensitivity import frame, sensitivities
from bench.analysis.whole_curves import metric_of
from bench.suite import parse_suite

SGD, MOMENTUM, ADAM = (
    "SGD: {learning_rate: %s}",
    "SGD: {learning_rate: %s, momentum: 0.9}",
    "Adam: {learning_rate: %s}",
)


def suite(methods, *, more=""):
    """A question with a variant for each rate of each method: a0, a1, ..., b0, ..."""
    lines = [
        f"      {letter}{i}: {{optimizer: {{{optimizer % rate}}}}}"
        for letter, (optimizer, rates) in zip("abcdef", methods, strict=False)
        for i, rate in enumerate(rates)
    ]
    head = SCAN.partition("    variants:")[0].replace("questions:", f"{more}questions:")
    return parse_suite(f"{head}    baseline: a0\n    variants:\n" + "\n".join(lines) + "\n")


class Made:
    """Measurements of a suite: ``values[variant]`` are its final values by seed, None for a diverged one."""

    def __init__(self, of, values):
        self.suite, self.values = of, values

    def of(self, question, variant, name):
        given = self.values.get(variant, {})
        diverged = frozenset(seed for seed, value in given.items() if value is None)
        metric = metric_of(self.suite, question, name)
        worst = 0.0 if metric.higher_is_better else math.inf
        by_seed = {seed: worst if value is None else value for seed, value in given.items()}
        return Values(metric, variant, by_seed, diverged=diverged)


def made(methods, ends, *, seeds=6, scale=0.001, more="", **changes):
    """ends: by letter the mean at each rate; changes: by variant, seed -> value (``"missing"``: no result)."""
    of = suite(methods, more=more)
    values = {
        f"{letter}{i}": {s: end + noise(f"{letter}{i}", s, scale) for s in range(seeds)}
        for letter, means in ends.items()
        for i, end in enumerate(means)
    }
    for variant, changed in changes.items():
        values[variant] |= changed
        values[variant] = {s: v for s, v in values[variant].items() if v != "missing"}
    found = sensitivities(Made(of, values), "q")
    return {method.name: method for method in found}


def rows(methods):
    return frame(list(methods.values()))


RATES = (0.01, 0.1, 1.0)
LAYERS = "[{Dense: {units: 99, activation: relu}}, {Dense: {units: 10}}]"


def test_methods_are_variants_that_differ_in_the_rate_alone(tmp_path):
    question = analyse(written(tmp_path, scanned, suite=SCAN)).questions[0]
    assert {method.name: method.by_rate for method in question.methods} == {
        "SGD": {0.1: "plain", 0.3: "plain-0.3", 1.0: "plain-1"},
        "SGD, normalization layer": {
            0.1: "normed",
            0.3: "normed-0.3",
            1.0: "normed-1",
            3.0: "normed-3",
        },
    }
    last = question.methods[1]
    assert last.diverged == {3.0: frozenset(range(5))}
    assert last.means[3.0].value is None  # no invented mean


@pytest.mark.parametrize(
    ("one", "other", "names"),
    [
        ("optimizer: {SGD: {learning_rate: %s}}", "optimizer: {Adam: {learning_rate: %s}}", ["SGD", "Adam"]),
        (
            "optimizer: {SGD: {learning_rate: %s}}",
            "optimizer: {SGD: {learning_rate: %s, momentum: 0.9, nesterov: true}}",
            ["SGD", "SGD, momentum 0.9, nesterov true"],
        ),
        (
            "optimizer: {SGD: {learning_rate: %s, momentum: 0.9}}",
            "optimizer: {RMSprop: {learning_rate: %s, momentum: 0.9}}",
            ["SGD", "RMSprop"],
        ),
        (
            "optimizer: {SGD: {learning_rate: %s}}, batch_size: 10",
            "optimizer: {SGD: {learning_rate: %s}}, batch_size: 100",
            ["SGD, batch size 10", "SGD, batch size 100"],
        ),
        (
            "optimizer: {'mine:Sign': {learning_rate: %s}}",
            "optimizer: {'other.mine:Sign': {learning_rate: %s}}",
            ["mine:Sign", "other.mine:Sign"],
        ),
        (
            "optimizer: {'mine:Sign': {learning_rate: %s}}",
            "optimizer: {ProximalL1: {optimizer: {SGD: {learning_rate: %s}}, l1: 0.1}}",
            ["Sign", "ProximalL1 of SGD, l1 0.1"],
        ),
        (
            "engine: fit, optimizer: {SGD: {learning_rate: %s}}",
            "engine: {echoing: {times: 2}}, optimizer: {SGD: {learning_rate: %s}}",
            ["SGD, engine fit", "SGD, echoing times 2"],
        ),
        (
            f"model: {{layers: {LAYERS}}}, optimizer: {{SGD: {{learning_rate: %s}}}}",
            "optimizer: {SGD: {learning_rate: %s}}",
            ["SGD, layers of a0", "SGD, hidden [10]"],
        ),
    ],
)  # fmt: skip
def test_methods_have_the_names_of_their_optimizers_and_of_what_else_differs(one, other, names):
    lines = [
        f"      {name}{i}: {{{text % rate}}}\n"
        for name, text in (("a", one), ("b", other))
        for i, rate in enumerate((0.1, 1))
    ]
    head = SCAN.partition("    variants:")[0]
    of = parse_suite(head + "    baseline: a0\n    variants:\n" + "".join(lines))
    assert [grid.name for grid in grids(of.variants("q"), "a0")] == names


def test_a_matrix_names_its_methods_by_the_other_settings(tmp_path):
    start, _, _ = SCAN.partition("    variants:")
    matrix = "    matrix: {optimizer.SGD.learning_rate: [0.1, 1.0], model.mlp.normalization: [batch, layer]}\n"
    results = written(tmp_path, lambda _v, _s: Outcome(), suite=start + matrix)
    assert [method.name for method in analyse(results).questions[0].methods] == [
        "SGD, normalization batch",
        "SGD, normalization layer",
    ]


def test_nothing_where_the_rate_is_the_same(tmp_path):
    text = SCAN.replace("0.3}", "0.1}").replace("learning_rate: 1", "learning_rate: 0.1")
    text = text.replace("0.1.0", "0.1").replace("3.0", "0.1")
    question = analyse(written(tmp_path, scanned, suite=text)).questions[0]
    assert question.methods == ()


def test_each_method_over_its_own_rates_by_the_choice_of_the_other_seeds():
    found = made(
        [(SGD, RATES), (ADAM, (0.0001, 0.001))], {"a": (0.3, 0.95, 0.8), "b": (0.93, 0.95)}
    )
    sgd, adam = found["SGD"], found["Adam"]
    assert sgd.lost.mean.value == pytest.approx(0.65, abs=0.003)
    assert adam.lost.mean.value == pytest.approx(0.02, abs=0.003)
    for method in found.values():
        table = method.lost.table
        seeds = []
        for seed in range(len(table)):
            others = np.delete(table, seed, axis=0).mean(axis=0)
            seeds.append(table[seed, others.argmax()] - table[seed, others.argmin()])
        assert method.lost.mean.value == pytest.approx(np.mean(seeds))
        assert method.lost.mean.low < method.lost.mean.value < method.lost.mean.high
    assert (sgd.best, adam.best) == (0.1, 0.001)


def test_only_methods_of_one_optimizer_with_the_same_rates_are_compared():
    wide = (0.001, *RATES)
    methods = [
        (SGD, RATES),
        (ADAM, RATES),
        (MOMENTUM, wide),
        (MOMENTUM.replace("0.9", "0.5"), RATES),
    ]
    means = (0.5, 0.9, 0.9)
    found = made(methods, {"a": (0.3, 0.9, 0.9), "b": means, "c": (0.2, *means), "d": means})
    against = {name: method.against and method.against.baseline for name, method in found.items()}
    assert against == {
        "SGD": None,
        "Adam": None,  # the same rates, another optimizer
        "SGD, momentum 0.9": None,  # the same optimizer, other rates
        "SGD, momentum 0.5": "SGD",
    }
    compared = found["SGD, momentum 0.5"].against
    assert compared.verdict == "better"
    assert compared.mean.value == pytest.approx(-0.2, abs=0.003)
    assert compared.mean.high < 0


def test_the_baseline_is_what_its_kind_is_compared_with_and_else_the_first():
    methods = [(ADAM, RATES), (SGD, RATES), (MOMENTUM, RATES)]
    found = made(methods, dict.fromkeys("abc", (0.5, 0.9, 0.9)))
    assert found["SGD, momentum 0.9"].against.baseline == "SGD"
    assert [m.against is None for m in found.values()] == [True, True, False]


def test_a_method_that_diverges_at_a_rate_loses_everything():
    gone = dict.fromkeys(range(6))
    found = made(
        [(SGD, RATES), (MOMENTUM, RATES)], {"a": (0.3, 0.9, 0.9), "b": (0.8, 0.9, 0.5)}, b2=gone
    )
    method = found["SGD, momentum 0.9"]
    assert method.diverged == {1.0: frozenset(range(6))}
    assert method.lost.rates == (0.01, 0.1)
    assert method.lost.mean.value == pytest.approx(0.1, abs=0.003)
    assert method.against.by == "divergence"
    assert method.against.found is None
    assert (method.against.fewer, method.against.more) == (0, 6)
    assert method.against.p_value == 2 * 0.5**6  # exact signed ranks of 6 seeds
    assert method.against.verdict == "worse"
    table = rows(found)
    assert set(table[table.method == method.name].lost) == {math.inf}
    assert table.difference.isna().all()


def test_a_rate_that_diverges_in_some_seeds_has_no_mean_and_no_test_is_made_up():
    found = made(
        [(SGD, RATES), (MOMENTUM, RATES)],
        {"a": (0.3, 0.9, 0.9), "b": (0.8, 0.9, 0.5)},
        b2={0: None, 3: None},
    )
    method = found["SGD, momentum 0.9"]
    assert method.means[1.0].value is None
    assert method.best == 0.1
    assert (method.against.fewer, method.against.more) == (0, 2)
    assert method.against.verdict == "cannot tell"


def test_methods_that_diverge_alike_are_compared_by_their_other_rates():
    gone = dict.fromkeys(range(6))
    found = made(
        [(SGD, RATES), (MOMENTUM, RATES)],
        {"a": (0.3, 0.9, 0.9), "b": (0.8, 0.9, 0.5)},
        a2=gone,
        b2=gone,
    )
    against = found["SGD, momentum 0.9"].against
    assert against.by == "range"
    assert against.mean.value == pytest.approx(-0.5, abs=0.003)
    assert against.verdict == "better"


def test_what_is_shared_is_paired_and_the_rest_is_counted():
    found = made(
        [(SGD, RATES), (MOMENTUM, RATES)],
        {"a": (0.3, 0.9, 0.9), "b": (0.8, 0.9, 0.9)},
        a1={2: "missing"},
        b0={4: "missing"},
        b2=dict.fromkeys(range(4), "missing"),
    )
    sgd, other = found.values()
    assert sgd.lost.seeds == (0, 1, 3, 4, 5)
    assert other.lost.rates == (0.01, 0.1)  # the last has a result of a third of the seeds
    assert other.lost.seeds == (0, 1, 2, 3, 5)
    assert other.against.seeds == (0, 1, 3, 5)
    assert other.against.verdict == "better"


def test_where_nothing_can_be_paired_nothing_is_said():
    missing = dict.fromkeys(range(6), "missing")
    found = made([(SGD, RATES)], {"a": (0.3, 0.9, 0.9)}, a0=missing, a1=missing)
    assert found["SGD"].lost.mean.value is None
    found = made([(SGD, RATES)], {"a": (0.3, 0.9, 0.9)}, a0=missing, a1=missing, a2=missing)
    assert found["SGD"].best is None
    assert rows(found).lost.isna().all()


def test_rates_near_the_best():
    rates = (0.001, 0.01, 0.03, 0.1, 0.3, 1)
    ends = {"a": (0.5, 0.946, 0.949, 0.95, 0.93, 0.945)}
    near = made([(SGD, rates)], ends, scale=0.0005)["SGD"].tolerance
    assert (near.low, near.high, near.margin, near.declared) == (0.01, 0.1, 0.01, False)
    assert near.factor == pytest.approx(10)
    assert near.shown == {
        0.001: "beyond",
        0.01: "within",
        0.03: "within",
        0.1: "within",
        0.3: "beyond",
        1: "within",  # but not next to the others
    }
    near = made([(SGD, rates)], ends, scale=0.0005, more="margin: 0.002\n")["SGD"].tolerance
    assert (near.low, near.high, near.declared) == (0.03, 0.1, True)


def test_few_and_noisy_seeds_show_nothing_of_rates_near_the_best():
    found = made([(SGD, RATES)], {"a": (0.93, 0.95, 0.94)}, seeds=3, scale=0.01)
    assert set(found["SGD"].tolerance.shown.values()) == {"cannot tell"}


def test_of_losses_less_is_better_and_no_margin_is_made_up():
    found = made([(SGD, RATES)], {"a": (0.2, 0.1, 0.8)}, more="primary: test_loss\n")
    method = found["SGD"]
    assert method.best == 0.1
    assert method.lost.mean.value == pytest.approx(0.7, abs=0.003)
    assert method.tolerance is None
    found = made([(SGD, RATES)], {"a": (0.2, 0.1, 0.8)}, more="primary: test_loss\nmargin: 0.15\n")
    assert found["SGD"].tolerance.high == 0.1
    assert found["SGD"].tolerance.shown == {0.01: "within", 0.1: "within", 1.0: "beyond"}


def test_the_frame():
    found = made([(SGD, RATES), (MOMENTUM, RATES)], {"a": (0.3, 0.9, 0.9), "b": (0.5, 0.9, 0.8)})
    table = rows(found)
    assert list(zip(table.method, table.rate, strict=True)) == [
        (method, rate) for method in ("SGD", "SGD, momentum 0.9") for rate in RATES
    ]
    assert set(table.optimizer) == {"SGD"}
    assert list(table.verdict.dropna().unique()) == ["better"]
    assert table.best.sum() == 2
    assert (table.lost == table.lost_elsewhere).all()
    assert ((table.lost_low < table.lost) & (table.lost < table.lost_high)).all()
    compared = table[table.baseline == "SGD"]
    assert (
        (compared.ci_low < compared.difference) & (compared.difference < compared.ci_high)
    ).all()
    assert (compared.ci_high < 0).all()


@pytest.mark.parametrize(
    "studies",
    [pytest.param(60, id="short"), pytest.param(1_000, id="long", marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_noise_is_not_worse(seeds, studies):
    """Three methods that no rate matters to, one with three times the noise: one family of two tests."""
    of = suite([(SGD, RATES), (MOMENTUM, RATES), (MOMENTUM.replace("0.9", "0.5"), RATES)])
    rng = np.random.default_rng(seeds)
    wrong, lost = 0, []
    for _ in range(studies):
        values = {
            f"{letter}{i}": dict(enumerate(0.9 + sd * rng.normal(size=seeds)))
            for letter, sd in (("a", 0.002), ("b", 0.006), ("c", 0.002))
            for i in range(3)
        }
        found = sensitivities(Made(of, values), "q")
        wrong += any(m.against is not None and m.against.verdict != "cannot tell" for m in found)
        lost.append(found[1].lost.mean.value)
    assert wrong / studies <= 0.02
    assert abs(np.mean(lost)) < 4 * np.std(lost) / math.sqrt(studies)

"""Results folders with known numbers, written through the real store."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, field

import numpy as np

from bench.plugins import Measure
from bench.store import Store, load_results
from bench.suite import parse_suite
from bench.trial import CurvePoint, TrialResult, expand

SUITE = """\
suite: made-up
title: Known numbers
source: A document
dataset: digits
seeds: 5
epochs: 3
margin: 0.002
target: {test_accuracy: 0.9}
probes: [sparsity]
base:
  model: {mlp: {hidden: [10], l2: 0.01}}
  optimizer: {SGD: {learning_rate: 0.1}}
questions:
  rates:
    title: Rates
    ask: Which rate ends best?
    baseline: base
    variants:
      base: {}
      high: {optimizer: {SGD: {learning_rate: 0.2}}, about: twice the rate}
      low: {optimizer: {SGD: {learning_rate: 0.05}}}
      same: {optimizer: {SGD: {learning_rate: 0.11}}}
    reported:
      base: {test_accuracy: 0.95, train_time_s: 100}
      high: {sparsity/dense_1/mean_abs: 0.02}
    claims:
      - says: The high rate ends higher
        test: {metric: test_accuracy, variant: high, against: base, is: better}
      - says: The low rate ends higher
        test: {metric: test_accuracy, variant: low, against: base, is: better}
"""


@dataclass(frozen=True)
class Outcome:
    """What a trial is to have done: test accuracies after each epoch, and the rest."""

    accuracies: tuple = (0.85, 0.92, 0.95)
    status: str = "completed"
    epoch_time: float = 0.1
    concurrent: bool = False
    probes: dict = field(default_factory=dict)  # by name: at the end, or by epoch
    error: str | None = None
    notes: str = ""
    objectives: tuple = ()  # training objective from epoch 0 on; empty: what follows from the accuracies
    rates: tuple = ()  # learning rate at each evaluation; empty: 0.1 throughout


def curve(outcome):
    """Evaluations of an outcome; the training accuracy is one point above the test accuracy."""
    if outcome.objectives:
        return _falling(outcome)
    points = [CurvePoint(0, 0, 0.0, 0.1, 2.5, 2.4, 0.1, 2.4, 0.1)]
    for epoch, accuracy in enumerate(outcome.accuracies, start=1):
        time, loss = epoch * outcome.epoch_time, 1 - accuracy
        points.append(
            CurvePoint(
                epoch, epoch * 10, time, 0.1, loss + 0.5, loss, accuracy + 0.01, loss, accuracy
            )
        )
    return tuple(points)


def _falling(outcome):
    rates = outcome.rates or (0.1,) * len(outcome.objectives)
    return tuple(
        CurvePoint(epoch, epoch * 10, epoch * 0.1, rate, value, value, 0.9, value, 0.9)
        for epoch, (value, rate) in enumerate(zip(outcome.objectives, rates, strict=True))
    )


def written(folder, outcome, *, suite=SUITE, earlier_seeds=None):
    """Results of a suite (its text) in which ``outcome(variant, seed)`` came of each trial.

    An outcome of None is a trial that has not run. ``earlier_seeds``: of a run before this one.
    """
    suite = parse_suite(suite) if isinstance(suite, str) else suite
    uses = expand(suite)
    with Store(folder) as store:
        if earlier_seeds is not None:
            store.begin(
                suite.resized(seeds=earlier_seeds),
                [],
                started_at="2026-01-01",
                command="bench run a",
            )
        store.begin(suite, uses, started_at="2026-01-02", command="bench run b")
        done = set()
        for use in uses:
            came = outcome(use.variant, use.trial.seed)
            if came is None or use.trial.id in done:
                continue
            done.add(use.trial.id)
            store.append(_result(use.trial, came))
    return load_results(folder)


def _result(trial, came):
    probes = tuple(
        (float(epoch), name.split("/")[0], Measure(*name.split("/")[1:], measured))
        for name, value in came.probes.items()
        for epoch, measured in (value if isinstance(value, dict) else {3.0: value}).items()
    )
    return TrialResult(
        trial_id=trial.id,
        seed=trial.seed,
        settings=trial.training.canonical,
        status=came.status,
        started_at="2026-01-02",
        curve=() if came.status == "failed" else curve(came),
        probes=probes,
        diverged_epoch=2 if came.status == "diverged" else None,
        concurrent=came.concurrent,
        parameters=79510,
        dataset_checksum="abc",
        notes=came.notes,
        error=came.error,
        machine='{"cores": 2}',
        versions='{"python": "3.11"}',
    )


def noise(name, seed, scale=0.001):
    """Reproducible noise for a variant and a seed."""
    return float(np.random.default_rng([zlib.crc32(name.encode()), seed]).normal(0, scale))


def usual(variant, seed):
    """High ends two points higher than base, low three lower, same differs by noise alone."""
    shift = {"base": 0.0, "high": 0.02, "low": -0.03, "same": 0.0}[variant]
    final = 0.95 + shift + noise("seed", seed, 0.003) + noise(variant, seed)
    time = (
        0.1
        * {"base": 1, "high": 2, "low": 1, "same": 1}[variant]
        * np.exp(noise(variant + "t", seed, 0.01))
    )
    probes = {
        "sparsity/dense_1/mean_abs": 0.02 + noise(variant, seed),
        "sparsity//gzip_bytes": 1000.0,
    }
    return Outcome((0.85, 0.92, final), epoch_time=float(time), concurrent=True, probes=probes)


PROBED = SUITE.replace(
    "probes: [sparsity]", "probes: [sparsity, {landscape: {updates: 3}}, {curvature: {updates: 3}}]"
)
BETA, LAMBDA = "landscape//effective_beta", "curvature//lambda_max"
FACTOR = {"base": 1.0, "high": 0.5, "low": 3.0, "same": 1.0}


def smooth(variant, seed, *, common=1.0, rougher=()):
    """High is twice as smooth and reaches the target sooner; low three times as rough, and later."""
    course = {
        0.1: 8.0,
        1.0: 2.0 * math.exp(noise(variant + "smooth", seed, 0.05)),
        3.0: 1.0,
    }
    factor = dict.fromkeys((BETA, LAMBDA), FACTOR[variant])
    for name in rougher:
        factor[name] = 1 / FACTOR[variant]
    probes = {
        name: {epoch: value * factor[name] for epoch, value in course.items()} for name in factor
    }
    probes[f"{BETA}_common"] = {e: v * common for e, v in probes[BETA].items()}
    for end, size in (("low", 1.0), ("high", 2.0)):
        probes[f"landscape//loss_{end}"] = dict.fromkeys(course, size)
        probes[f"landscape//change_{end}"] = dict.fromkeys(course, 10 * size)
    usually = usual(variant, seed)
    early = {"base": 0.89, "high": 0.95, "low": 0.85, "same": 0.89}[variant]
    late = 0.85 if variant == "low" or (variant, seed) == ("base", 4) else 0.95
    values = (early, late, usually.accuracies[-1])
    return Outcome(values, probes={**usually.probes, **probes})


SCAN = """\
suite: scan
title: Two methods at three rates
dataset: digits
seeds: 5
epochs: 3
base:
  model: {mlp: {hidden: [10]}}
  optimizer: {SGD: {learning_rate: 0.1}}
questions:
  q:
    ask: Which method tolerates more rates?
    variants:
      plain: {}
      plain-0.3: {optimizer: {SGD: {learning_rate: 0.3}}}
      plain-1: {optimizer: {SGD: {learning_rate: 1}}}
      normed: {model: {mlp: {normalization: layer}}}
      normed-0.3: {model: {mlp: {normalization: layer}}, optimizer: {SGD: {learning_rate: 0.3}}}
      normed-1: {model: {mlp: {normalization: layer}}, optimizer: {SGD: {learning_rate: 1.0}}}
      normed-3: {model: {mlp: {normalization: layer}}, optimizer: {SGD: {learning_rate: 3.0}}}
      once: {model: {mlp: {dropout: 0.5}}}
      scheduled:
        optimizer: {SGD: {learning_rate: {CosineDecay: {initial_learning_rate: 0.1, decay_steps: 9}}}}
"""
SCAN_ENDS = {"plain": 0.9, "plain-0.3": 0.8, "plain-1": 0.5, "normed": 0.9, "normed-0.3": 0.92}


def scanned(variant, seed):
    final = SCAN_ENDS.get(variant, 0.88) + noise(variant, seed)
    if variant == "normed-3":
        return Outcome((0.5,), status="diverged")
    return Outcome((0.5, 0.6, final))

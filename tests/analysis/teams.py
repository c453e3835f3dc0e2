"""A question whose variants several workers train, with made-up measures of their engines."""

from __future__ import annotations

from synthetic import Outcome

SUITE = """\
suite: workers
title: Several workers
dataset: digits
seeds: 4
epochs: 3
base:
  model: {mlp: {hidden: [10]}}
  optimizer: {SGD: {learning_rate: 0.1}}
questions:
  team:
    ask: What do they gain?
    variants:
      one: {engine: {multi_worker: {workers: 1}}}
      six: {engine: {multi_worker: {workers: 6}}, about: on two cores}
      exact: {engine: {master_worker: {workers: 6}}}
      late: {engine: {parameter_server: {workers: 2, split: labels}}}
      alone: {}
    claims:
      - says: Somebody is late
        test: {metric: parameter_server//mean_staleness, variant: late, is: higher, value: 0}
"""
TIMES = {"one": 0.5, "six": 2.0, "exact": 0.1, "late": 0.3, "alone": 0.1}


def parts(engine, workers, **whole):
    """What an engine measures of its parts, and of the whole."""
    found = {f"{engine}//{name}": value for name, value in whole.items()}
    found |= {f"{engine}//images_in_common": 0.0, f"{engine}//images_left_out": 0.0}
    for n in range(workers):
        found |= {f"{engine}/worker {n}/images": 100.0 + n, f"{engine}/worker {n}/classes": 10.0}
    return found


def came(variant, seed):
    mirrored = {"computing_s": 1.0 + seed, "communicating_s": 2.0, "waiting_s": 0.5}
    late = {"staleness_0": 10, "staleness_1": 4, "staleness_12": 1, "mean_staleness": 1 + seed / 10}
    probes = {
        "one": parts("multi_worker", 1, **mirrored, copies_differ_by=0.0),
        "six": parts("multi_worker", 6, **mirrored, copies_differ_by=seed * 1e-9),
        "exact": parts("master_worker", 6),
        "late": parts("parameter_server", 2, **mirrored, **late),
        "alone": {},
    }[variant]
    slower = 1 + 0.01 * seed * (variant == "six")
    return Outcome(epoch_time=TIMES[variant] * slower, probes=probes)

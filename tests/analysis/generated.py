"""Results of all kinds, made up at random: for what must hold whatever came of a run."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from synthetic import Outcome, written

from bench.suite import parse_suite

HEAD = """\
suite: generated
title: Anything
dataset: digits
seeds: {seeds}
epochs: 3
{extras}
base:
  model: {{mlp: {{hidden: [4]}}}}
  optimizer: {{SGD: {{learning_rate: 0.1}}}}
questions:
"""
IS = ("better", "worse", "not better", "not worse", "no practical difference", "higher", "lower")


@st.composite
def runs(draw):
    """A suite as text, and what comes of each of its trials."""
    seeds, rng = draw(st.integers(3, 8)), np.random.default_rng(draw(st.integers(0, 10**6)))
    extras = [
        draw(st.sampled_from(["", "margin: 0.004", "margin: 0.02"])),
        draw(st.sampled_from(["", "target: {test_accuracy: 0.9}"])),
        draw(st.sampled_from(["", "compare: all pairs", "paired: no"])),
    ]
    text = HEAD.format(seeds=seeds, extras="\n".join(filter(None, extras)))
    shift, spread, breaks = {}, {}, {}
    for q in range(draw(st.integers(1, 2))):
        names = [f"v{q}{i}" for i in range(draw(st.integers(2, 4)))]
        grid = draw(st.booleans())
        text += f"  q{q}:\n    ask: Which?\n    baseline: {names[0]}\n"
        if grid:
            names = [f"batch_size={b} hidden={h}" for b in (10, 20) for h in (4, 8)]
            text = text.replace(f"    baseline: v{q}0\n", f"    baseline: {names[0]}\n")
            text += "    matrix: {batch_size: [10, 20], model.mlp.hidden: [[4], [8]]}\n"
        else:
            text += "    variants:\n" + "".join(
                f"      {name}: {{optimizer: {{SGD: {{learning_rate: {0.1 + 0.01 * i + q}}}}}}}\n"
                for i, name in enumerate(names)
            )
        for name in names:
            shift[name] = draw(st.sampled_from([0.0, 0.0, 0.003, -0.02, 0.05]))
            spread[name] = draw(st.sampled_from([0.0, 0.001, 0.01]))
            breaks[name] = draw(st.sampled_from([0.0, 0.0, 0.0, 0.3, 1.0]))
        pairs = st.tuples(st.sampled_from(names), st.sampled_from(names), st.sampled_from(IS))
        claims = draw(st.lists(pairs, max_size=4))
        lines = [
            f"      - says: claim {i}\n        test: {{metric: test_accuracy, variant: {a}, against: {b},"
            f" is: {kind}{', margin: 0.004' if kind.startswith('no p') else ''}}}\n"
            for i, (a, b, kind) in enumerate(claims)
            if a != b
        ]
        text += f"    claims:\n{''.join(lines)}" if lines else ""
    coarse = draw(st.booleans())
    table = {}
    for name, by in shift.items():
        for seed in range(seeds):
            end = 0.9 + by + spread[name] * rng.normal()
            end = round(end, 2) if coarse else end
            lost = rng.random() < breaks[name]
            failed = rng.random() < 0.03
            status = "failed" if failed else "diverged" if lost else "completed"
            table[name, seed] = Outcome(
                (0.5, 0.7, float(np.clip(end, 0, 1))), status, error="Boom" if failed else None
            )
    return text, table


def results(folder, run):
    """The frames of such a run."""
    text, table = run
    return written(folder, lambda variant, seed: table[variant, seed], suite=parse_suite(text))

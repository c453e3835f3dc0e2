"""Whole pages on which nothing differs: how often any primary verdict is wrong, and how much else is found.

A page of six questions with five variants each and fourteen metrics, as that of the shipped suite: 24 primary
comparisons, six of them claims too, and thirteen exploratory families.
"""

from __future__ import annotations

import numpy as np
import pytest

from bench.analysis.comparisons import compare_values
from bench.analysis.families import Families, totals
from bench.analysis.isolation import Troubles
from bench.analysis.metrics import Values
from bench.frames import Metric

QUESTIONS, VARIANTS, METRICS = 6, 5, 14


def page(rng, seeds, draw):
    """Families of a page whose variants are alike, and its judged findings."""
    primary, exploratory = [], {}
    for q in range(QUESTIONS):
        shared = rng.normal(size=seeds)
        common = shared + draw(rng, (VARIANTS, seeds))  # what the metrics of a run have in common
        for m in range(METRICS):
            metric = Metric(f"m{m}", f"metric {m}", "", m % 2 == 0, "")
            own = common + draw(rng, (VARIANTS, seeds))
            names = [f"v{i}" for i in range(VARIANTS)]
            values = {
                n: Values(metric, n, dict(enumerate(x.tolist())), trials=frozenset([f"{q}{n}"]))
                for n, x in zip(names, own, strict=True)
            }
            pairs = [(n, names[0]) for n in names[1:]]
            found = [c.found for c in compare_values("q", values, pairs, Troubles())]
            (primary if m == 0 else exploratory.setdefault(metric.label, [])).extend(found)
    families = Families([*primary, *primary[::4]], exploratory)
    judged = [families.judged(f).test.verdict for f in primary]
    others = {
        name: [families.judged(f, name).test.verdict for f in found]
        for name, found in exploratory.items()
    }
    return families, judged, others


def normal(rng, shape):
    return rng.normal(size=shape)


def coarse(rng, shape):
    return np.round(rng.normal(size=shape))


@pytest.mark.parametrize("draw", [normal, coarse])
@pytest.mark.parametrize(
    ("pages", "seeds"),
    [
        (12, 5),
        pytest.param(500, 5, marks=pytest.mark.slow),
        pytest.param(500, 10, marks=pytest.mark.slow),
    ],
)
def test_pages_on_which_nothing_differs(draw, pages, seeds, record_property):
    rng = np.random.default_rng(seeds)
    wrong, false, found = [], [], []
    for _ in range(pages):
        families, judged, others = page(rng, seeds, draw)
        assert (families.primary.size, len(families.exploratory)) == (24, METRICS - 1)
        wrong.append(any(v != "cannot tell" for v in judged))
        some = [any(v != "cannot tell" for v in verdicts) for verdicts in others.values()]
        false.append(sum(some))
        found.append(sum(f.found for f in families.exploratory.values()))
    noise = 3 * np.sqrt(0.05 * 0.95 / pages)
    record_property("pages with a wrong primary verdict", float(np.mean(wrong)))
    record_property("exploratory families with a finding", float(np.mean(false)))
    assert np.mean(wrong) <= 0.05 + noise
    assert np.mean(false) <= 0.05 * (METRICS - 1) * (1 + 10 * noise)
    said = " ".join(totals([families.primary, *families.exploratory.values()]))
    assert "24 primary tests on this page" in said
    assert "13 exploratory families of 312 tests: if nothing differed, about 0.7 of them" in said

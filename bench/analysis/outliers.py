"""Whether one seed makes an effect: what is left of it without that seed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from bench import stats

if TYPE_CHECKING:
    from bench.analysis.contrast import Finding

_FEWEST: Final = stats.FEWEST_FOR_INFERENCE + 1
_MUCH: Final = 0.5  # of the difference: as much of it is one seed's


def one_seed(found: Finding) -> tuple[int, Finding] | None:
    """The seed that lies far from the others and makes an effect, and the finding without it; else None.

    It makes it where without that seed there is no such verdict, or less than half of the difference.
    """
    between, test = found.contrast, found.test
    if test is None or not between.paired or between.problem or not between.seeds:
        return None
    if not any(caution.kind == "far out" for caution in test.cautions) or between.a.size < _FEWEST:
        return None
    differences = between.a - between.b
    at = int(np.argmax(np.abs(differences - np.median(differences))))
    a, b = (np.delete(side, at) for side in (between.a, between.b))
    seeds = (*between.seeds[:at], *between.seeds[at + 1 :])
    without = replace(between, a=a, b=b, seeds=seeds)
    margin = test.equivalence.margin if test.equivalence else None
    left = replace(found, contrast=without, test=without.test(margin=margin)).judged(found.family)
    whole, rest = test.mean_difference or 0.0, (left.test and left.test.mean_difference) or 0.0
    same = left.test is not None and left.test.verdict == test.verdict
    if same and abs(rest) >= _MUCH * abs(whole) and whole * rest > 0:
        return None
    return between.seeds[at], left

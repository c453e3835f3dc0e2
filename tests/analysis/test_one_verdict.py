"""One comparison, one verdict: no two places of a page disagree, whatever came of a run."""

from __future__ import annotations

import math
import re
import tempfile
from pathlib import Path

import pytest
from generated import results, runs
from hypothesis import given, settings

from bench.analysis import analyse

DECIDED = ("better", "worse")


@given(runs())
@settings(max_examples=15, deadline=None)
def test_no_two_places_of_a_page_disagree(run):
    with tempfile.TemporaryDirectory() as folder:
        analysis = analyse(results(Path(folder), run))
    for question in analysis.questions:
        seen = {}
        for c in question.compared:
            agrees_with_its_interval(c.found, c.verdict)
            seen[c.variant, c.baseline, c.metric.name] = c
        for effect in question.factors.effects if question.factors else ():
            agrees_with_its_interval(effect.found, effect.verdict)
        for claim in question.claims:
            wanted = claim.claim.test
            agrees_with_its_interval(claim.found, None)
            key = (wanted.variant, wanted.against, wanted.metric)
            for (a, b, metric), c in seen.items():
                if (a, b, metric) == key:
                    agree(claim, c, turned=False)
                elif (b, a, metric) == key:
                    agree(claim, c, turned=True)
        answers_repeat_their_verdicts(question)


def agrees_with_its_interval(found, verdict):
    """Better or worse exactly where the interval leaves zero out; alike only inside the margin."""
    test = found.test
    if test is None:
        assert verdict in ("cannot tell", None)
        return
    equal = test.verdict == "no practical difference"
    if test.ci_low is not None and test.p_value is not None:
        apart = test.ci_low > 0 or test.ci_high < 0
        assert equal or (test.verdict in DECIDED) == apart, found
    if equal:
        inner = test.equivalence
        assert -inner.margin <= inner.ci_low <= inner.ci_high <= inner.margin
    if verdict is not None:
        assert verdict == test.verdict


def agree(claim, compared, *, turned):
    """A claim that is the same comparison has its p, its interval, and no other verdict."""
    one, other = claim.found, compared.found
    assert one.family == other.family
    if one.test is None or other.test is None:
        assert one.test is other.test is None
        return
    assert one.test.p_value == other.test.p_value
    assert one.test.p_adjusted == other.test.p_adjusted
    if one.ci_low is not None:
        ends = (-other.ci_high, -other.ci_low) if turned else (other.ci_low, other.ci_high)
        assert (one.ci_low, one.ci_high) == pytest.approx(ends)
    said = compared.verdict
    if turned:
        said = {"better": "worse", "worse": "better"}.get(said, said)
    wanted = claim.claim.test.is_
    better = {"higher": "better", "lower": "worse"}.get(wanted, wanted)
    denied = better.startswith("not ")
    better = better.removeprefix("not ")
    if better == "no practical difference":
        expected = {"no practical difference": "holds"}
        if claim.margin == compared.margin and said in expected:
            assert claim.verdict == expected[said]
        return
    opposite = "worse" if better == "better" else "better"
    positive, negative = ("does not hold", "holds") if denied else ("holds", "does not hold")
    if said == opposite:
        assert claim.verdict == negative
    elif said == better and claim.margin in (None, compared.margin):
        assert claim.verdict == positive
    elif said == "no practical difference" and claim.margin == compared.margin:
        assert claim.verdict == negative
    elif said == "cannot tell":
        assert claim.verdict != positive


def answers_repeat_their_verdicts(question):
    for c, sentence in zip(question.decisive, question.sentences, strict=True):
        if c.found.test is not None:
            assert f": {c.verdict}." in sentence
        k = c.found.contrast.diverged_a
        if k and c.found.test is not None:
            assert f"{c.variant} diverged in {k} of" in sentence or "cannot be compared" in sentence
    headline = question.headline
    if question.factors is not None and "one setting at a time" in headline:
        return
    for c in question.decisive:
        k, name = c.found.contrast.diverged_a, re.escape(c.variant)
        if k and c.found.test is not None and "Nothing can be told" not in headline:
            assert re.search(rf"Diverged: .*{name} in {k} of|variants diverged in", headline), (
                headline
            )
        named = re.search(rf"(?:^|[,;:] |and |for ){name}(?: \([^)]*\))?(?=[,;. ]|$)", headline)
        if named and len(question.decisive) <= 3 and c.verdict in DECIDED:
            assert re.search(rf"{name}(?: \([^)]*\))?[^;]* (?:is|are) {c.verdict}", headline), (
                headline
            )


def test_an_exploratory_interval_belongs_to_its_verdict_too(analysed):
    rows = analysed.comparisons.query("not primary and verdict.notna()")
    assert set(rows.family) > {"test loss", "time per epoch"}
    for row in rows.itertuples():
        if not math.isnan(row.ci_low) and not math.isinf(row.ci_low):
            nothing = 1.0 if row.scale == "ratio" else 0.0
            apart = row.ci_low > nothing or row.ci_high < nothing
            assert apart == (row.verdict in DECIDED) == (row.p_value <= row.level)


def test_a_comparison_that_a_claim_names_is_primary_wherever_it_stands(tmp_path):
    from synthetic import SUITE, usual, written

    claim = (
        "      - says: It arrives earlier\n"
        "        test: {metric: epochs_to_target, variant: high, against: base, is: better}\n"
    )
    analysis = analyse(written(tmp_path, usual, suite=SUITE + claim))
    row = analysis.comparisons.query("metric == 'epochs_to_target' and variant == 'high'").iloc[0]
    mine = analysis.claims.iloc[-1]
    assert (row.family, row.tests) == (mine.family, mine.tests) == ("primary", 4)
    other = analysis.comparisons.query("metric == 'epochs_to_target' and variant == 'low'").iloc[0]
    assert other.family == "epochs to target"

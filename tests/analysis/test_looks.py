from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import SUITE, Outcome, noise, usual, written

from bench.analysis import analyse
from bench.analysis.conditions import conditions
from bench.analysis.looks import Look, look_at
from bench.errors import SuiteError
from bench.stats import anytime_sign_test, sequential_boundaries
from bench.suite import parse_suite

LOOKS = SUITE.replace("seeds: 5", "seeds: 5\nlooks: [5, 10, 15, 20]")


def test_as_planned_there_is_no_label_and_the_usual_level():
    assert look_at(range(5), range(5), ()) == look_at((0, 1), (0, 1), ())
    assert look_at(range(5), range(5), ()).alpha == 0.05


@given(st.integers(1, 30), st.sampled_from([(5, 10, 15, 20), (4, 8), (7,)]))
@settings(deadline=None)  # the boundaries of each are simulated once
def test_a_look_is_never_more_lenient_than_it_was_declared(count, looks):
    found = look_at(range(count), range(looks[-1]), looks)
    levels = dict(zip(looks, sequential_boundaries(looks).nominal_p, strict=True))
    assert found.alpha == levels.get(count, 0.05)
    assert found.looked == (count not in looks)
    assert found.label.startswith(
        "declared looks" if count in looks else "seed count not as planned"
    )


def test_a_declared_look_has_its_own_level_and_label(tmp_path):
    how = conditions(written(tmp_path, usual, suite=LOOKS))
    assert how.look.alpha == sequential_boundaries().nominal_p[0]
    assert how.seed_label == (
        "declared looks, 1 of 4, at 5 seeds: an adjusted p of at most .000041 counts"
    )


def test_verdicts_and_claims_are_held_against_it(tmp_path):
    def outcome(variant, seed):  # p about .001 for high: enough alone, not at the first look
        shift = {"high": 0.002, "low": -0.03}.get(variant, 0)
        return Outcome((0.85, 0.92, 0.95 + shift + noise(variant, seed, 0.0004)))

    usually = analyse(written(tmp_path / "a", outcome)).comparisons
    analysis = analyse(written(tmp_path / "b", outcome, suite=LOOKS))
    high = analysis.comparisons.query("primary and variant == 'high'").iloc[0]
    plain = usually.query("primary and variant == 'high'").iloc[0]
    assert high.p_adjusted == plain.p_adjusted
    assert 0.0001 < high.p_adjusted < 0.05
    assert plain.verdict == "better"
    assert high.verdict == "cannot tell"
    assert analysis.claims.verdict.iloc[0] == "cannot tell"
    assert high.ci_low < 0 < plain.ci_low, "an interval belongs to its verdict"


def test_looks_that_were_declared_after_the_first_run_are_not(tmp_path):
    written(tmp_path, usual, suite=SUITE)
    how = conditions(
        written(tmp_path, lambda *_: None, suite=LOOKS.replace("seeds: 5", "seeds: 6"))
    )
    assert how.look == Look()


def test_the_anytime_sign_test_stands_beside(analysed):
    for row in analysed.comparisons.query("primary").itertuples():
        assert row.anytime_e == pytest.approx(anytime_sign_test(row.wins, row.losses).e_value)


@pytest.mark.parametrize("looks", ["[10, 5]", "[5, 5]", "[2, 5]", "[]"])
def test_looks_that_are_none_are_refused(looks):
    with pytest.raises(SuiteError):
        parse_suite(SUITE.replace("seeds: 5", f"seeds: 5\nlooks: {looks}"))


@pytest.mark.slow
@pytest.mark.parametrize("variants", [1, 4])
def test_a_family_at_four_declared_looks_keeps_its_level(variants):
    """Standard error of the rate below 0.15 percentage points."""
    rng = np.random.default_rng(5)
    base, others = rng.normal(size=(20_000, 1, 20)), rng.normal(size=(20_000, variants, 20))
    differences, wrong = others - base, np.zeros(20_000, dtype=bool)
    boundaries = sequential_boundaries()
    from scipy import special

    for n, level in zip(boundaries.looks, boundaries.nominal_p, strict=True):
        seen = differences[:, :, :n]
        t = seen.mean(axis=2) / seen.std(axis=2, ddof=1) * n**0.5
        p = 2 * special.stdtr(n - 1, -np.abs(t))
        wrong |= p.min(axis=1) * variants <= level  # Holm's first step
    assert wrong.mean() <= 0.054

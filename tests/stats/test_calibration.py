"""Do the procedures keep their promises? Simulated, with the functions that the reports call.

Each test draws studies whose truth is known and counts wrong answers. Bands allow for at least
three Monte Carlo standard errors: at 10,000 studies a rate of 0.05 has one of 0.0022, at 4,000 one
of 0.0034.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.stats import (
    adjust,
    anytime_sign_test,
    bootstrap_interval,
    compare_paired,
    compare_to_value,
    compare_unpaired,
    critical_difference,
    friedman,
    minimal_detectable_effect,
    restricted_mean_difference,
    restricted_times,
    sequential_boundaries,
    wilcoxon_over_datasets,
)

pytestmark = pytest.mark.slow

STUDIES = 10_000
FEWER = 4_000


@pytest.fixture
def measured(request):
    """Note a figure for `--junitxml`, from which docs/statistics.md quotes."""
    return lambda name, value: request.node.user_properties.append((name, f"{value:.4f}"))


def seeds(n):
    return f"{n} seeds"


def rate(wrong, studies, seed=0):
    """How often `wrong(rng)` is true."""
    rng = np.random.default_rng(seed)
    return np.mean([wrong(rng) for _ in range(studies)])


def two_variants(rng, n, difference=0.0):
    """Paired results: what a seed does to both, and noise of each variant's own."""
    shared = rng.normal(size=n)
    return shared + rng.normal(difference, 1, size=n), shared + rng.normal(size=n)


def any_true(*answers):
    return np.array([bool(answer) for answer in answers])


# --- what the reports print ----------------------------------------------------------------------


@pytest.mark.parametrize("n", [3, 5, 10, 20], ids=seeds)
def test_paired_comparison_of_equals(n, measured):
    def study(rng):
        result = compare_paired(*two_variants(rng, n))
        covers = result.ci_low <= 0 <= result.ci_high
        return any_true(result.verdict != "cannot tell", covers, result.p_sign_flip <= 0.05)

    rng = np.random.default_rng(n)
    found, covered, flipped = np.mean([study(rng) for _ in range(STUDIES)], axis=0)
    measured("false positives", found)
    measured("coverage", covered)
    measured("sign flip", flipped)
    assert 0.04 <= found <= 0.06
    assert 0.93 <= covered <= 0.97
    assert flipped <= 0.057  # exact tests may be below alpha, never above


@pytest.mark.parametrize(
    ("n_a", "n_b", "sd"),
    [(5, 5, 1), (5, 10, 4), (10, 20, 0.25)],
    ids=["5 and 5", "5 and 10 four times noisier", "10 and 20 four times calmer"],
)
def test_unpaired_comparison_of_equals(n_a, n_b, sd, measured):
    def study(rng):
        result = compare_unpaired(rng.normal(size=n_a), rng.normal(scale=sd, size=n_b))
        return any_true(result.verdict != "cannot tell", result.ci_low <= 0 <= result.ci_high)

    rng = np.random.default_rng(n_a)
    found, covered = np.mean([study(rng) for _ in range(STUDIES)], axis=0)
    measured("false positives", found)
    measured("coverage", covered)
    assert 0.035 <= found <= 0.06
    assert 0.93 <= covered <= 0.97


def holm_family(rng, n, noises):
    """Whether Holm over variants against one baseline, all alike, finds any difference."""
    shared = rng.normal(size=n)
    baseline = shared + rng.normal(size=n)
    family = [compare_paired(shared + rng.normal(scale=s, size=n), baseline) for s in noises]
    adjusted = adjust([c.p_value for c in family])
    judged = [c.with_adjusted_p(p) for c, p in zip(family, adjusted, strict=True)]
    return any(c.verdict != "cannot tell" for c in judged)


@pytest.mark.parametrize("noises", [(1, 1, 1, 1), (1, 1, 1, 4)], ids=["alike", "one noisier"])
@pytest.mark.parametrize("n", [5, 10], ids=seeds)
def test_holm_family_of_four(n, noises, measured):
    found = rate(lambda rng: holm_family(rng, n, noises), FEWER)
    measured("family-wise error", found)
    assert 0.03 <= found <= 0.06


@pytest.mark.parametrize("n", [5, 10], ids=seeds)
@pytest.mark.parametrize("side", [-1, 1], ids=["below", "above"])
@pytest.mark.parametrize(("margin", "least"), [(1.0, 0.0), (5.0, 0.04)], ids=["narrow", "wide"])
def test_no_practical_difference_at_the_edge_of_the_margin(n, side, margin, least, measured):
    # The differences have a standard deviation of 1.41, so the narrow margin is often out of reach.
    def wrong(rng):
        a, b = two_variants(rng, n, side * margin)
        return compare_paired(a, b, margin=margin).verdict == "no practical difference"

    found = rate(wrong, FEWER)
    measured("wrong", found)
    assert least <= found <= 0.06


@pytest.mark.parametrize("n", [5, 10, 20], ids=seeds)
def test_eighty_per_cent_power_at_the_detectable_difference(n, measured):
    # The differences have a standard deviation of root two.
    difference = minimal_detectable_effect(n) * 2**0.5
    found = rate(
        lambda rng: compare_paired(*two_variants(rng, n, difference)).verdict == "better", FEWER
    )
    measured("power", found)
    assert 0.78 <= found <= 0.82


def test_declared_looks(measured):
    boundaries = sequential_boundaries()

    def wrong(rng):
        a, b = two_variants(rng, boundaries.looks[-1])
        looks = zip(boundaries.looks, boundaries.nominal_p, strict=True)
        return any(compare_paired(a[:n], b[:n]).p_value <= p for n, p in looks)

    found = rate(wrong, FEWER)
    measured("false positives", found)
    assert 0.035 <= found <= 0.06


def test_anytime_sign_test_looked_at_after_each_of_200_seeds(measured):
    rejects = [
        [anytime_sign_test(k, n - k).e_value >= 20 for k in range(n + 1)] for n in range(201)
    ]
    wins = np.random.default_rng(0).integers(0, 2, size=(FEWER, 200)).cumsum(axis=1)
    found = np.mean([any(rejects[n + 1][k] for n, k in enumerate(row)) for row in wins])
    measured("false positives", found)
    assert found <= 0.05


@pytest.mark.parametrize("n", [10, 20], ids=seeds)
@pytest.mark.parametrize("draw", ["normal", "exponential"])
def test_studentized_bootstrap_covers(n, draw, measured):
    truth = {"normal": 0.0, "exponential": 1.0}[draw]

    def wrong(rng):
        found = bootstrap_interval(getattr(rng, draw)(size=n), n_resamples=999, rng=rng)
        return not found.ci_low <= truth <= found.ci_high

    missed = rate(wrong, FEWER)
    measured("missed", missed)
    assert 0.03 <= missed <= (0.07 if draw == "normal" else 0.09)


def test_restricted_mean_difference_needs_about_twenty_runs(measured):
    def wrong(n):
        def study(rng):
            times = rng.exponential(20, size=(2, n))
            budgets = rng.uniform(45, 80, size=(2, n))  # unequal, and none below tau
            (ta, tb), (ea, eb) = np.minimum(times, budgets), times <= budgets
            return restricted_mean_difference(ta, ea, tb, eb, tau=40).p_value <= 0.05

        return study

    few, many = rate(wrong(5), FEWER), rate(wrong(20), FEWER)
    measured("n = 5", few)
    measured("n = 20", many)
    assert few > 0.07
    assert 0.04 <= many <= 0.075


# --- why not the usual ---------------------------------------------------------------------------


def percentile_bootstrap_rejects(rng, n):
    d = np.subtract(*two_variants(rng, n))
    means = rng.choice(d, size=(1_000, n)).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return low > 0 or high < 0


@pytest.mark.parametrize(
    ("n", "expected"), [(3, 0.25), (5, 0.16), (10, 0.10)], ids=["3 seeds", "5 seeds", "10 seeds"]
)
def test_percentile_bootstrap_fails_on_few_seeds(n, expected, measured):
    found = rate(lambda rng: percentile_bootstrap_rejects(rng, n), FEWER)
    measured("false positives", found)
    assert found == pytest.approx(expected, abs=0.02)


def test_looking_after_every_seed_fails(oracle, measured):
    published = oracle("effects_and_bootstrap")["optional_stopping_demo"]
    d = np.random.default_rng(0).normal(size=(20_000, 50))
    n = np.arange(1, 51)
    mean = d.cumsum(axis=1) / n
    squares = (d**2).cumsum(axis=1) - n * mean**2
    with np.errstate(divide="ignore", invalid="ignore"):
        t = mean / np.sqrt(squares / (n - 1) / n)
        significant = 2 * stats.t.sf(np.abs(t), n - 1) < 0.05
    for seeds, expected in (
        (range(3, 51), published["fpr_peek_every_seed_3_to_50"]),
        (range(5, 21), published["fpr_peek_every_seed_5_to_20"]),
        ((5, 10, 15, 20), published["fpr_looks_5_10_15_20"]),
    ):
        found = significant[:, [s - 1 for s in seeds]].any(axis=1).mean()
        measured(f"{len(seeds)} looks", found)
        assert found == pytest.approx(expected, abs=0.012)


def test_one_sided_after_seeing_the_winner_doubles_the_error(measured):
    def wrong(rng):
        a, b = two_variants(rng, 10)
        winner, loser = (a, b) if a.mean() > b.mean() else (b, a)
        return stats.ttest_rel(winner, loser, alternative="greater").pvalue <= 0.05

    found = rate(wrong, FEWER)
    measured("false positives", found)
    assert found == pytest.approx(0.10, abs=0.02)


def test_mean_ranks_judge_a_pair_by_its_company(measured):
    # A beats B by a standard deviation. The same two columns, once among three variants that fall
    # in between, once among three that are far better than both.
    datasets = 10
    cd = critical_difference(5, datasets)

    def study(rng):
        pair = rng.normal([1.0, 0.0], 0.7, size=(datasets, 2))
        company = rng.normal(0.5, 0.1, size=(datasets, 3))
        found = [
            np.abs(np.subtract(*friedman(np.hstack([pair, others])).average_ranks[:2])) > cd
            for others in (company, company + 100)
        ]
        return any_true(*found, wilcoxon_over_datasets(*pair.T).p_value <= 0.05)

    rng = np.random.default_rng(0)
    between, far, wilcoxon = np.mean([study(rng) for _ in range(FEWER)], axis=0)
    measured("company in between", between)
    measured("company far away", far)
    measured("Wilcoxon, any company", wilcoxon)
    assert between > 0.5
    assert far < 0.01


def test_best_over_epochs_rewards_the_noisier_curve(measured):
    # Ten seeds, fifty epochs on one plateau; one variant's epochs jump twice as far.
    def study(rng):
        level = rng.normal(scale=0.3, size=(2, 10, 1))
        calm, jumpy = level + rng.normal(size=(2, 10, 50)) * [[[0.1]], [[0.2]]]
        best = compare_paired(jumpy.max(axis=1), calm.max(axis=1))
        final = compare_paired(jumpy[:, -1], calm[:, -1])
        return any_true(best.verdict == "better", final.verdict == "better")

    rng = np.random.default_rng(0)
    best, final = np.mean([study(rng) for _ in range(FEWER)], axis=0)
    measured("best epoch", best)
    measured("final epoch", final)
    assert best > 0.2
    assert final == pytest.approx(0.025, abs=0.01)


def test_dropping_runs_that_miss_prefers_the_variant_that_fails(measured):
    # a reaches in 20 epochs or so, always. b does in 15, but only six times of ten: its restricted
    # mean is 25 epochs of a budget of 40.
    def study(rng):
        a, b = rng.normal(20, 4, size=10), rng.normal(15, 4, size=10)
        reached = rng.random(10) < 0.6
        spent = restricted_times(np.maximum(b, 1), reached, 40)
        kept = compare_paired(spent, a, higher_is_better=False)
        dropped = compare_unpaired(b[reached], a, higher_is_better=False) if reached.any() else kept
        return any_true(dropped.verdict == "better", kept.verdict == "better")

    rng = np.random.default_rng(0)
    dropped, kept = np.mean([study(rng) for _ in range(FEWER)], axis=0)
    measured("dropped", dropped)
    measured("kept", kept)
    assert dropped > 0.3
    assert kept < 0.01


def test_pooled_dunnett_fails_where_one_variant_is_noisier(measured):
    def wrong(rng):
        groups = [rng.normal(scale=s, size=10) for s in (1, 1, 1, 4)]
        control = rng.normal(size=10)
        spread = np.sqrt(np.mean([g.var(ddof=1) for g in (*groups, control)]) * 2 / 10)
        t = [(g.mean() - control.mean()) / spread for g in groups]
        return max(map(abs, t)) > critical

    critical = dunnett_critical_value(groups=4, df=45)
    found = rate(wrong, FEWER)
    measured("family-wise error", found)
    assert found > 0.08


def dunnett_critical_value(groups, df):
    """Two-sided 5 % point for equal sizes, by simulation (standard error about 0.01)."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=(groups + 1, 400_000))
    sd = np.sqrt(rng.chisquare(df, size=400_000) / df)
    t = np.abs(means[1:] - means[0]).max(axis=0) / sd / 2**0.5
    return np.quantile(t, 0.95)


def test_skewed_differences_are_where_the_t_interval_gives_way(measured):
    # A difference of log-normal spread: the caution about skew exists for this.
    def study(rng):
        result = compare_to_value(rng.lognormal(size=10), float(np.exp(0.5)))
        misses = not result.ci_low <= 0 <= result.ci_high
        return any_true(misses, any("skewed" in c or "far from" in c for c in result.cautions))

    rng = np.random.default_rng(0)
    missed, warned = np.mean([study(rng) for _ in range(FEWER)], axis=0)
    measured("missed", missed)
    measured("warned", warned)
    assert missed > 0.1
    assert warned > 0.3

from __future__ import annotations

import math

import numpy as np
import pytest
import scikit_posthocs
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.errors import StatsError
from bench.stats import adjust, critical_difference, friedman, quade, wilcoxon_over_datasets


def test_demsar_friedman(oracle):
    case = oracle("demsar2006")
    found = friedman(case["ranks_paper"], higher_is_better=False)
    expected = case["recomputed"]
    assert found.average_ranks == pytest.approx(expected["avg_ranks"])
    assert found.average_ranks == pytest.approx(case["expected_paper"]["avg_ranks"], abs=5e-4)
    assert found.chi2 == pytest.approx(expected["chi2_tie_corrected_on_paper_ranks"])
    assert found.p_value == pytest.approx(expected["p_tie_corrected"])

    # The paper's own number has no correction for ties; from the same ranks:
    k, n = 4, 14
    uncorrected = 12 * n / (k * (k + 1)) * ((found.average_ranks**2).sum() - k * (k + 1) ** 2 / 4)
    assert uncorrected == pytest.approx(expected["chi2_F_uncorrected"])
    assert uncorrected == pytest.approx(case["expected_paper"]["chi2_F"], abs=0.005)
    iman_davenport = (n - 1) * uncorrected / (n * (k - 1) - uncorrected)
    assert iman_davenport == pytest.approx(expected["F_F"])
    assert stats.f.sf(iman_davenport, k - 1, (k - 1) * (n - 1)) == pytest.approx(expected["p_FF"])


def test_demsar_nemenyi(oracle):
    case = oracle("demsar2006")
    for alpha, name in ((0.05, "05"), (0.10, "10")):
        cd = critical_difference(4, 14, alpha=alpha)
        assert cd == pytest.approx(case["recomputed"][f"nemenyi_CD{name}"], rel=1e-6)
        ranks = np.array(case["recomputed"]["avg_ranks"])
        far = [
            [case["algorithms"][i], case["algorithms"][j]]
            for i in range(4)
            for j in range(i + 1, 4)
            if abs(ranks[i] - ranks[j]) > cd
        ]
        assert far == case["expected_paper"][f"nemenyi_sig_pairs_at_0_{name}"]


def test_demsar_critical_values(oracle):
    table = oracle("demsar2006")["table5_recomputed_k2_to_10"]
    for alpha in ("0.05", "0.10"):
        for k, q in enumerate(table[f"nemenyi_q{alpha}"], start=2):
            # Six data sets make sqrt(k (k + 1) / 36) the standard error.
            found = critical_difference(k, 6, alpha=float(alpha)) * 6 / math.sqrt(k * (k + 1))
            assert found == pytest.approx(q, rel=1e-6)


def test_demsar_holm_against_a_control(oracle):
    case = oracle("demsar2006")["recomputed"]
    ranks = np.array(case["avg_ranks"])
    z = (ranks[0] - ranks[[3, 1, 2]]) / case["SE"]
    assert z == pytest.approx(case["holm_z"])
    p = 2 * stats.norm.sf(z)
    assert adjust(p) == pytest.approx(case["holm_p_adjusted"])
    assert [q <= 0.05 for q in adjust(p)] == case["holm_reject"]


def test_demsar_wilcoxon(oracle):
    case = oracle("demsar2006")
    auc = np.array(case["auc_printed"])
    found = wilcoxon_over_datasets(auc[:, 1], auc[:, 0])
    expected = case["expected_paper"]["wilcoxon_C45_vs_C45m"]
    assert (found.n, found.rank_sum_plus, found.rank_sum_minus) == (
        expected["N"],
        expected["R_plus"],
        expected["R_minus"],
    )
    # scipy's "exact" does not see the ties; ours does, and both reject.
    published = case["recomputed"]["wilcoxon_scipy"]["zsplit/exact"][1]
    assert found.p_value == pytest.approx(published, rel=0.1)


def test_demsar_sign_test_table_is_one_tailed(oracle):
    case = oracle("demsar2006")
    exact = case["table3_exact_two_sided_binomial"]["0.05"]
    for n, wins in zip(range(5, 26), exact, strict=True):
        p = [stats.binomtest(k, n).pvalue for k in range(n // 2 + 1, n + 1)]
        first = next((n // 2 + 1 + i for i, value in enumerate(p) if value <= 0.05), None)
        assert first == wins
    assert case["table3_sign_test_critical_paper"]["0.05"]["14"] == 11
    assert stats.binomtest(11, 14).pvalue == pytest.approx(0.0574, abs=5e-5)


def test_rounding_times(oracle):
    case = oracle("paired_and_rank_tests")["friedman_RoundingTimes"]
    found = friedman(case["data"], higher_is_better=False)
    assert found.chi2 == pytest.approx(case["R"]["chi2"], abs=5e-4)
    assert found.p_value == pytest.approx(case["R"]["p"], abs=5e-7)


@given(st.integers(0, 2**32 - 1), st.integers(3, 6), st.integers(5, 20))
@settings(deadline=None, max_examples=10)
def test_critical_difference_agrees_with_scikit_posthocs(seed, k, n):
    scores = np.random.default_rng(seed).normal(size=(n, k))
    p = scikit_posthocs.posthoc_nemenyi_friedman(scores).to_numpy()
    ranks = friedman(scores).average_ranks
    gaps = np.abs(ranks[:, None] - ranks)
    cd = critical_difference(k, n)
    clear = ~np.isclose(gaps, cd, rtol=1e-6)
    assert ((p <= 0.05) == (gaps >= cd))[clear].all()


@given(st.lists(st.integers(-5, 5), min_size=8, max_size=10))
@settings(deadline=None, max_examples=30)
def test_wilcoxon_agrees_with_scipy(differences):
    d = np.array(differences, dtype=float)
    exact = stats.PermutationMethod(n_resamples=np.inf)
    found = wilcoxon_over_datasets(d, d * 0)
    expected = stats.wilcoxon(d, zero_method="zsplit", method=exact)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert min(found.rank_sum_plus, found.rank_sum_minus) == pytest.approx(expected.statistic)


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=25)
def test_friedman_has_no_direction_and_no_unit(seed):
    scores = np.random.default_rng(seed).integers(0, 5, size=(8, 4)).astype(float)
    assume((scores != scores[:, :1]).any())
    one, other = friedman(scores), friedman(-scores * 3 + 1, higher_is_better=False)
    assert one.chi2 == pytest.approx(other.chi2)
    assert one.average_ranks == pytest.approx(other.average_ranks)
    assert one.average_ranks.sum() == pytest.approx(10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wilcoxon_over_datasets(np.arange(7.0), np.ones(7)), "8 or more"),
        (lambda: wilcoxon_over_datasets(np.arange(8.0), np.ones(9)), "not paired"),
        (lambda: friedman([[1.0, 2.0]] * 4), "3 columns"),
        (lambda: friedman([1.0, 2.0, 3.0]), "3 columns"),
        (lambda: friedman([[1.0, 2.0, math.nan]] * 3), "NaN"),
        (lambda: friedman([[1.0, 1.0, 1.0]] * 3), "all variants tie"),
        (lambda: critical_difference(1, 10), "2 or more"),
        (lambda: critical_difference(3, 10, alpha=2.0), "alpha"),
    ],
)
def test_refused(call, message):
    with pytest.raises(StatsError, match=message):
        call()


def test_quade(oracle):
    case = oracle("paired_and_rank_tests")["quade_hand_lotion"]
    found = quade(case["data"])
    assert found.statistic == pytest.approx(case["R"]["F"], abs=5e-5)
    assert found.p_value == pytest.approx(case["R"]["p"], abs=5e-6)
    assert found.statistic == pytest.approx(case["recomputed"]["F"], rel=1e-9)


def test_quade_of_two_variants_would_be_wilcoxons_squared_and_is_refused():
    with pytest.raises(StatsError, match="table"):
        quade([[1.0, 2.0], [2.0, 1.0]])
    with pytest.raises(StatsError, match="tie"):
        quade([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]])


def test_quade_of_perfect_agreement():
    assert quade([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]).p_value == 0.0

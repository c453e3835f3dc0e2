"""scipy's Dunnett test, which the package does not use: it drops the pairing by seed and pools
variances. Its published numbers are kept as the yardstick for anyone who wants to add it.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats


def test_published_cases(oracle):
    for case in oracle("dunnett")["cases"]:
        found = stats.dunnett(
            *case["samples"], control=case["control"], rng=np.random.default_rng(0)
        )
        assert found.statistic == pytest.approx(case["R_statistic"], rel=5e-5)
        # Both sides integrate by random points, so small p agree only roughly.
        assert found.pvalue == pytest.approx(case["R_pvalues"]["twosided"], rel=0.01, abs=2e-4)


def test_balanced_case_by_quadrature(oracle):
    published = oracle("dunnett")
    t = published["cases"][2]["R_statistic"]
    exact = [1 - equicorrelated_t(abs(value), 3, 8) for value in t]
    assert exact == pytest.approx(published["balanced_case3_exact_quadrature_p"], abs=2e-5)


def test_critical_values(oracle):
    for row in oracle("dunnett")["critical_values_dunnett1955"]:
        two_sided = row["alternative"] == "two-sided"
        inside = equicorrelated_t(row["critical"], row["n_groups"], row["df"], two_sided=two_sided)
        assert 1 - inside == pytest.approx(row["p_exact_recomputed"], abs=1e-6)


def equicorrelated_t(limit, groups, df, *, two_sided=True):
    """P(all t of equal sizes stay below the limit): integral over control mean and pooled SD."""
    nodes, weights = np.polynomial.legendre.leggauss(300)
    z = 8.5 * nodes
    sd = np.sqrt(stats.chi2.ppf(np.clip((nodes + 1) / 2, 1e-15, 1 - 1e-15), df) / df)[:, None]
    upper = special.ndtr(limit * sd * np.sqrt(2) + z)
    lower = special.ndtr(-limit * sd * np.sqrt(2) + z) if two_sided else 0.0
    given_sd = 8.5 * ((upper - lower) ** groups * stats.norm.pdf(z)) @ weights
    return float(weights @ given_sd / 2)

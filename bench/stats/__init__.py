"""Statistics for comparing training algorithms over seeds. Needs numpy and scipy only.

    from bench.stats import adjust, compare_paired

`docs/statistics.md` says in plain words what each procedure assumes and where it comes from.
"""

from bench.stats._inputs import FEWEST_FOR_INFERENCE
from bench.stats.bayes import RopeProbabilities, bayesian_rope
from bench.stats.bootstrap import BootstrapInterval, bootstrap_interval, interquartile_mean
from bench.stats.cautions import Caution
from bench.stats.comparison import (
    Comparison,
    Verdict,
    compare_paired,
    compare_to_value,
    compare_unpaired,
    probability_of_superiority,
)
from bench.stats.cross_fitting import (
    LevelRange,
    RangeDifference,
    compare_ranges,
    cross_fitted_range,
    near_best,
)
from bench.stats.crossed import TwoLevelInterval, two_level_interval
from bench.stats.datasets import (
    Friedman,
    Quade,
    WilcoxonOverDatasets,
    critical_difference,
    friedman,
    quade,
    wilcoxon_over_datasets,
)
from bench.stats.equivalence import Equivalence, equivalence_test
from bench.stats.factorial import FactorialContrast, factorial_contrasts
from bench.stats.failures import failure_rate_interval
from bench.stats.multiple import adjust
from bench.stats.power import (
    exaggeration_ratio,
    minimal_detectable_effect,
    power_paired,
    power_unpaired,
    seeds_for_superiority,
    seeds_needed,
)
from bench.stats.profiles import PerformanceProfile, performance_profile
from bench.stats.rates import FamilyFit, RateFit, fit_rate
from bench.stats.rates_over_seeds import (
    RateComparison,
    RatesOverSeeds,
    compare_rates,
    fit_rates_over_seeds,
)
from bench.stats.ratios import Product, Ratio, product_of_means, ratio_of_means
from bench.stats.sequential import (
    AnytimeSignTest,
    SequentialBoundaries,
    anytime_sign_test,
    sequential_boundaries,
)
from bench.stats.shares import Shares, compare_shares
from bench.stats.sign_flip import sign_flip_test, signed_rank_test
from bench.stats.survival import (
    LogRank,
    RestrictedMeanDifference,
    SurvivalCurve,
    logrank,
    restricted_mean_difference,
    restriction_time,
    survival_curve,
)
from bench.stats.time_to_target import (
    McNemar,
    TimeToTarget,
    expected_running_time,
    mcnemar_exact,
    restricted_mean_time,
    restricted_times,
    time_to_target,
)

__all__ = [
    "FEWEST_FOR_INFERENCE",
    "AnytimeSignTest",
    "BootstrapInterval",
    "Caution",
    "Comparison",
    "Equivalence",
    "FactorialContrast",
    "FamilyFit",
    "Friedman",
    "LevelRange",
    "LogRank",
    "McNemar",
    "PerformanceProfile",
    "Product",
    "Quade",
    "RangeDifference",
    "RateComparison",
    "RateFit",
    "RatesOverSeeds",
    "Ratio",
    "RestrictedMeanDifference",
    "RopeProbabilities",
    "SequentialBoundaries",
    "Shares",
    "SurvivalCurve",
    "TimeToTarget",
    "TwoLevelInterval",
    "Verdict",
    "WilcoxonOverDatasets",
    "adjust",
    "anytime_sign_test",
    "bayesian_rope",
    "bootstrap_interval",
    "compare_paired",
    "compare_ranges",
    "compare_rates",
    "compare_shares",
    "compare_to_value",
    "compare_unpaired",
    "critical_difference",
    "cross_fitted_range",
    "equivalence_test",
    "exaggeration_ratio",
    "expected_running_time",
    "factorial_contrasts",
    "failure_rate_interval",
    "fit_rate",
    "fit_rates_over_seeds",
    "friedman",
    "interquartile_mean",
    "logrank",
    "mcnemar_exact",
    "minimal_detectable_effect",
    "near_best",
    "performance_profile",
    "power_paired",
    "power_unpaired",
    "probability_of_superiority",
    "product_of_means",
    "quade",
    "ratio_of_means",
    "restricted_mean_difference",
    "restricted_mean_time",
    "restricted_times",
    "restriction_time",
    "seeds_for_superiority",
    "seeds_needed",
    "sequential_boundaries",
    "sign_flip_test",
    "signed_rank_test",
    "survival_curve",
    "time_to_target",
    "two_level_interval",
    "wilcoxon_over_datasets",
]

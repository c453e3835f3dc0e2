"""Several data sets, one question each: what can be said of data sets in general, if anything.

The replicate is the data set, with one number per variant: its mean over seeds. Eight or more allow
Wilcoxon's test over them (Demsar 2006): these tests are then what is primary on the page. Fewer allow no
claim about data sets in general; each has its own section.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bench import frames, stats
from bench.analysis.comparisons import pairs_of
from bench.analysis.contrast import Mean, mean_over_seeds
from bench.analysis.families import Family

if TYPE_CHECKING:
    import pandas as pd

    from bench.analysis.metrics import Measurements
    from bench.frames import Metric
    from bench.suite import Suite

FEWEST = 8  # as in bench.stats, which refuses fewer


@dataclass(frozen=True)
class OverDatasets:
    """Two variants over all data sets; better and worse count data sets by their means.

    direction: 1 where the ranks speak for the variant, -1 where for the baseline, 0 for neither.
    """

    variant: str
    baseline: str
    n: int
    better: int
    worse: int
    median_difference: float | None
    direction: int = 0
    test: str | None = None
    p_value: float | None = None
    family: Family = Family()  # noqa: RUF009  # it is frozen

    @property
    def p_adjusted(self) -> float | None:
        """Its p as one of the page's primary tests."""
        return self.family.adjusted(self.p_value)

    @property
    def verdict(self) -> stats.Verdict:
        """Better or worse over data sets, or cannot tell."""
        p = self.p_adjusted
        if p is None or p > self.family.alpha or self.direction == 0:
            return "cannot tell"
        return "better" if self.direction > 0 else "worse"


@dataclass(frozen=True)
class Datasets:
    """The same variants on several data sets.

    Attributes:
        names: the data sets, which are the questions.
        means: of the primary metric over seeds, by (data set, variant).
        pairs: variants compared over the data sets that both have a result on.
        says: what is, or is not, claimed about data sets in general.
    """

    metric: Metric
    names: tuple[str, ...]
    variants: tuple[str, ...]
    means: dict[tuple[str, str], Mean]
    pairs: tuple[OverDatasets, ...]
    says: str

    @property
    def p_values(self) -> tuple[float, ...]:
        """Of the tests over data sets; none where they are too few."""
        return tuple(pair.p_value for pair in self.pairs if pair.p_value is not None)

    def judged(self, family: Family) -> Datasets:
        """The same as members of a family."""
        return replace(self, pairs=tuple(replace(pair, family=family) for pair in self.pairs))


def over_datasets(measured: Measurements) -> Datasets | None:
    """Compare variants over the data sets of an imported file; None where it has no several ones."""
    suite = measured.suite
    if not _has_groups(suite):
        return None
    names = tuple(suite.questions)
    variants = tuple(dict.fromkeys(v for name in names for v in suite.variants(name)))
    metric = suite.metric(suite.primary)
    values = {(n, v): measured.of(n, v, metric.name) for n in names for v in variants}
    means = {key: mean_over_seeds(found) for key, found in values.items()}
    centres = {
        key: _centre(means[key], metric) if found.by_seed else np.nan
        for key, found in values.items()
    }
    pairs = pairs_of(list(variants), suite.baseline(names[0]), every=suite.all_pairs(names[0]))
    return Datasets(
        metric=metric,
        names=names,
        variants=variants,
        means=means,
        pairs=tuple(_compare(pair, names, centres, metric) for pair in pairs),
        says=_says(len(names)),
    )


def _has_groups(suite: Suite) -> bool:
    grouped = suite.imported is not None and "group" in suite.imported.columns
    return grouped and len(suite.questions) > 1


def _centre(mean: Mean, metric: Metric) -> float:
    """The mean, or the worst there is where a run diverged."""
    return metric.worst if mean.value is None else mean.value


def _compare(
    pair: tuple[str, str],
    names: tuple[str, ...],
    centres: dict[tuple[str, str], float],
    metric: Metric,
) -> OverDatasets:
    a, b = (np.array([centres[name, variant] for name in names]) for variant in pair)
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    sign = 1 if metric.higher_is_better else -1
    better, worse = int((sign * a > sign * b).sum()), int((sign * a < sign * b).sum())
    bare = OverDatasets(*pair, n=int(a.size), better=better, worse=worse, median_difference=None)
    finite = bool(np.isfinite(a).all() and np.isfinite(b).all())
    if finite and a.size:
        bare = replace(bare, median_difference=float(np.median(a - b)))
    if a.size < FEWEST:
        return bare
    ranks = stats.wilcoxon_over_datasets(a, b)
    direction = sign * int(np.sign(ranks.rank_sum_plus - ranks.rank_sum_minus))
    return replace(bare, direction=direction, test="Wilcoxon", p_value=ranks.p_value)


def _says(count: int) -> str:
    if count < FEWEST:
        return (
            f"{count} data sets are too few for a claim about data sets in general, and none is made:"
            " each has its own results."
        )
    return (
        f"The replicate here is the data set: {count} of them, each with the mean over its seeds."
        " The claim is about data sets like these."
    )


def frame(found: Datasets | None) -> pd.DataFrame:
    """The frame ``datasets``: one row per pair of variants; empty without several data sets."""
    pairs = found.pairs if found else ()
    names = [column.name for column in frames.DATASETS]
    return frames.typed([{n: getattr(p, n) for n in names} for p in pairs], frames.DATASETS)

"""Which statistics were used, where they come from, and what the words mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bench.analysis.families import totals
from bench.report.blocks import Block, Facts, Prose, Section

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.analysis import Analysis, QuestionAnalysis

_SCOPE: Final = (
    "The replicate is the seed. Every statement is about running again with new seeds on this data"
    " set and this split; none is about other data."
)
_TRAINED: Final = (
    " A seed sets the initialisation, the order of the images, dropout and, where there is one, the"
    " split."
)
_IMPORTED: Final = (
    " What a seed sets was decided by the program that wrote the file; where one number means different"
    " things for two variants, pairing is still valid, but costs a little power."
)


@dataclass(frozen=True)
class Method:
    """What is said of a method, with its references as ``Dunn 1961``, and which reports use it."""

    term: str
    text: str
    is_used: Callable[[Analysis], object]


def _some(has: Callable[[QuestionAnalysis], object]) -> Callable[[Analysis], bool]:
    """Whether a question has something."""
    return lambda analysis: any(has(question) for question in analysis.questions)


def _always(_: Analysis) -> bool:
    return True


METHODS: Final = (
    Method(
        "Difference, interval, p",
        (
            "Mean of the differences between a variant and the baseline, seed by seed on the seeds that both "
            "have; paired t test (Student 1908). As groups, where seeds mean nothing or are hardly shared:"
            " Welch "
            "(1947). Strong skew: what is found, a t test that corrects for it (Hall 1992) finds too."
            " Differences "
            "of a step or two of the metric: the exact sign-flip test and its interval."
        ),
        _always,
    ),
    Method(
        "Runs that diverged",
        (
            "Worse than any number: exact signed-rank test with these differences at the largest rank"
            " (Wilcoxon "
            "1945), for every metric. There is no mean then, and no interval. How often a variant fails: exact "
            "interval (Clopper and Pearson 1934)."
        ),
        _some(
            lambda question: any(
                c.found.contrast.diverged_a or c.found.contrast.diverged_b
                for c in question.compared
            )
        ),
    ),
    Method(
        "Tests judged together",
        (
            "What compares variants on the metric that decides a question, main effects, and all"
            " conclusions are "
            "one family over the whole page: their intervals hold all at once with 95 % (Dunn 1961), and every "
            "verdict is read from its interval. All else is exploratory, a family for each metric: at most"
            " 5 % of "
            "what it finds is false on average (Benjamini and Hochberg 1995), with the intervals of"
            " Benjamini and "
            "Yekutieli (2005)."
        ),
        _always,
    ),
    Method(
        "Sign-flip p",
        (
            "Exact test that uses only which sign each seed's difference could have had (Fisher "
            "1935). With n seeds it cannot fall below 2^(1−n). Where it disagrees with the t test, a "
            "note says so."
        ),
        _always,
    ),
    Method(
        "d_z",
        ("Effect size: mean of the paired differences over their standard deviation (Cohen 1988)."),
        _always,
    ),
    Method(
        "Verdicts",
        (
            "better or worse: the interval leaves zero out. No practical difference: two one-sided tests show "
            "the difference to be within the declared margin (Schuirmann 1987), at the same level. "
            "Else cannot tell: p above .05 never means that two variants are alike."
        ),
        _always,
    ),
    Method(
        "Conclusions",
        (
            "Holds: the difference claimed is shown. Does not hold: it is shown that there is no such "
            "difference as large as the margin (without a margin: that it goes the other way), or, "
            "for no practical difference, that the margin is exceeded. Cannot tell: neither is shown."
        ),
        _some(lambda question: question.claims),
    ),
    Method(
        "What could have been detected",
        (
            "The smallest true difference that a test with so many seeds and this spread finds in 80 "
            "% of cases (Cohen 1988), at the level of one of so many tests. Numbers of "
            "seeds needed take the difference seen for the true one."
        ),
        _always,
    ),
    Method(
        "Time to target",
        (
            "First evaluation that meets the target, whatever becomes of the run then, averaged over "
            "seeds. A seed that never does, or that diverges before, counts the whole budget "
            "(restricted mean); it is not left out. Where one side never does in any seed there is no "
            "time to compare, and the shares that reached decide. ERT: all that was spent until the "
            "target or the end, over the seeds that reached (Hansen et al. 2021). Shares that reached: "
            "exact test of McNemar (1947) by seed; of two groups that of Fisher (1922)."
        ),
        _some(lambda question: question.reaching),
    ),
    Method(
        "Runs that ended early",
        (
            "A run that ended before the longest one, and had not met the target, is no miss: what it "
            "would have done is not known. Shares are those of Kaplan and Meier (1958). Means go up to "
            "the shortest end of such a run, of the variant or of the baseline, so that every run is "
            "known; where nobody met the target before that, the exact log-rank test decides (Mantel "
            "1966), which uses each run as far as it goes."
        ),
        _some(lambda question: any(row.stopped for row in question.reaching)),
    ),
    Method(
        "Seeds and looks",
        (
            "p-values suppose that the number of seeds was fixed beforehand. At looks that the suite "
            "declares, p must be smaller (O'Brien and Fleming 1979). Where the seeds are not those that were "
            "planned, verdicts are those of the anytime sign test (Ville 1939), with its interval of the"
            " median."
        ),
        _always,
    ),
    Method(
        "Times",
        (
            "Compared as logarithms: ratios of geometric means with a paired t interval. Of epochs "
            "that were timed alone the replicate is the round, in which every variant trains an "
            "epoch: what is said of them is about this machine. Time to target in seconds is epochs "
            "to target by time per epoch; on the logarithmic scale the variances of the two means "
            "add."
        ),
        _some(lambda question: question.speeds or any(c.metric.ratio for c in question.compared)),
    ),
    Method(
        "Several settings at once",
        (
            "Main effects and interactions of a grid of settings, computed seed by seed (Fisher "
            "1935), each with an error of its own (Maxwell and Delaney 2004)."
        ),
        _some(lambda question: question.factors),
    ),
    Method(
        "Convergence rates",
        (
            "Laws fitted to each seed's curve by variable projection (Golub and Pereyra 1973). One is "
            "excluded where what it leaves over is not noise: F test over seeds of Shen and Faraway "
            "(2004) with degrees of freedom of Box (1954), at 1 %; named if it alone is left."
        ),
        _some(lambda question: any(rate.fitted.best_family for rate in question.rates)),
    ),
    Method(
        "Learning rates",
        (
            "What a method loses by its rate: best minus worst rate, chosen for each seed on the other "
            "seeds. One of two methods loses more where that exceeds what lies between every pair of "
            "the other's rates (Berger 1982). Only methods of one optimizer with the same rates are "
            "compared, with a false discovery rate of 5 % (Benjamini and Hochberg 1995)."
        ),
        _some(lambda question: question.methods),
    ),
    Method(
        "Smoothness of the landscape",
        (
            "How loss and gradient change along a step, and the effective β (Santurkar et al. 2018); "
            "of each seed the median over the training of the logarithm."
        ),
        _some(lambda question: question.landscape),
    ),
    Method(
        "Single test images",
        (
            "The wider interval treats seeds and test images as crossed random effects (Searle, "
            "Casella and McCulloch 1992), with the degrees of freedom of Satterthwaite (1946). Two "
            "trained networks: exact test of McNemar (1947)."
        ),
        lambda analysis: len(analysis.by_example.examples),
    ),
    Method(
        "Several data sets",
        (
            "Eight or more: exact signed-rank test (Wilcoxon 1945) over the data sets, one number of "
            "each (Demšar 2006). These tests are then what is primary. Fewer: no claim about data sets in"
            " general."
        ),
        lambda analysis: analysis.datasets,
    ),
)


def used(analysis: Analysis) -> list[Method]:
    """The methods that a report on this uses; none where nothing was compared."""
    if analysis.comparisons.empty:
        return []
    return [method for method in METHODS if method.is_used(analysis)]


def build(analysis: Analysis) -> tuple[Block, ...] | None:
    """The statistics in plain words; None where nothing was compared."""
    if analysis.comparisons.empty:
        return None
    facts = tuple((method.term, method.text) for method in used(analysis))
    scope = _SCOPE + (_TRAINED if analysis.suite.imported is None else _IMPORTED)
    sentences = (scope, *totals(analysis.families))
    return (Section("methods", "Statistics used", (Prose(sentences), Facts(facts))),)

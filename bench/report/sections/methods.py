"""Which statistics were used, where they come from, and what the words mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bench.report.blocks import Block, Facts, Prose, Section

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.analysis import Analysis, QuestionAnalysis

_SCOPE: Final = (
    "The replicate is the seed. Every statement is about running again with new seeds on this data"
    " set and this split; none is about other data. Variants are paired by seed."
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
    """What is said of a method, with its references as ``Holm 1979``, and which reports use it."""

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
            "Mean of the differences between a variant and the baseline, seed by seed, with its t "
            "interval; paired t test (Student 1908). Where seeds are missing on one side: Welch "
            "(1947)."
        ),
        _always,
    ),
    Method(
        "Holm p",
        (
            "p adjusted for all comparisons of a question on a metric, or for all conclusions of the "
            "suite, so that the chance of even one false finding stays below 5 % (Holm 1979)."
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
            "better or worse: Holm p at most .05. No practical difference: two one-sided tests show "
            "the difference to be within the declared margin (Schuirmann 1987), Holm-adjusted too. "
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
            "% of cases (Cohen 1988), at the level that Holm asks of one of so many tests. Numbers of "
            "seeds needed take the difference seen for the true one."
        ),
        _always,
    ),
    Method(
        "Time to target",
        (
            "First evaluation that meets the target, averaged over seeds. A seed that never does, or "
            "that diverges, counts the whole budget (restricted mean); it is not left out. ERT: all "
            "that was spent, over the seeds that reached (Hansen et al. 2021). Shares that reached: "
            "exact test of McNemar (1947)."
        ),
        _some(lambda question: question.reaching),
    ),
    Method(
        "Seeds and looks",
        (
            "p-values suppose that the number of seeds was fixed beforehand. At looks that the suite "
            "declares, p must be smaller (O'Brien and Fleming 1979). Where seeds were added after "
            "looking, p-values are labelled; the anytime sign test holds all the same (Ville 1939)."
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
            "1935), each with an error of its own (Maxwell and Delaney 2004); Holm over all of them."
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
            "each, Holm over the pairs (Demšar 2006). Fewer: no claim about data sets in general."
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
    return (Section("methods", "Statistics used", (Prose((scope,)), Facts(facts))),)

"""Which statistics were used, where they come from, and what the words mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bench.report.blocks import Block, Facts, Prose, Section

if TYPE_CHECKING:
    from bench.analysis import Analysis

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
_METHODS: Final = (
    (
        "Difference, interval, p",
        (
            "Mean of the differences between a variant and the baseline, seed by seed, with its t"
            " interval; paired t test (Student 1908). Where seeds are missing on one side: Welch (1947)."
        ),
    ),
    (
        "Holm p",
        (
            "p adjusted for all comparisons of a question on a metric, or for all conclusions of"
            " the suite, so that the chance of even one false finding stays below 5 % (Holm 1979)."
        ),
    ),
    (
        "Sign-flip p",
        (
            "Exact test that uses only which sign each seed's difference could have had (Fisher 1935)."
            " With n seeds it cannot fall below 2^(1−n). Where it disagrees with the t test, a note says"
            " so."
        ),
    ),
    (
        "d_z",
        "Effect size: mean of the paired differences over their standard deviation (Cohen 1988).",
    ),
    (
        "Verdicts",
        (
            "better or worse: Holm p at most .05. No practical difference: two one-sided tests show the"
            " difference to be within the declared margin (Schuirmann 1987), Holm-adjusted too. Else"
            " cannot tell: p above .05 never means that two variants are alike."
        ),
    ),
    (
        "Conclusions",
        (
            "Holds: the difference claimed is shown. Does not hold: it is shown that there is no such"
            " difference as large as the margin (without a margin: that it goes the other way), or, for"
            " no practical difference, that the margin is exceeded. Cannot tell: neither is shown."
        ),
    ),
    (
        "What could have been detected",
        (
            "The smallest true difference that a test with so many seeds and this spread finds in 80 %"
            " of cases (Cohen 1988), at the level that Holm asks of one of so many tests. Numbers of"
            " seeds needed take the difference seen for the true one."
        ),
    ),
    (
        "Time to target",
        (
            "First evaluation that meets the target, averaged over seeds. A seed that never does, or"
            " that diverges, counts the whole budget (restricted mean); it is not left out. ERT: all"
            " that was spent, over the seeds that reached (Hansen et al. 2021). Shares that reached:"
            " exact McNemar test (1947)."
        ),
    ),
    (
        "Seeds and looks",
        (
            "p-values suppose that the number of seeds was fixed beforehand. At looks that the suite"
            " declares, p must be smaller (O'Brien and Fleming 1979). Where seeds were added after"
            " looking, p-values are labelled; the anytime sign test holds all the same (Ville 1939)."
        ),
    ),
    (
        "Times",
        (
            "Compared as logarithms: ratios of geometric means with a paired t interval. Of epochs that"
            " were timed alone the replicate is the round, in which every variant trains an epoch:"
            " what is said of them is about this machine. Time to target in seconds is epochs to target"
            " by time per epoch; on the logarithmic scale the variances of the two means add."
        ),
    ),
)


def build(analysis: Analysis) -> tuple[Block, ...] | None:
    """The statistics in plain words; None where nothing was compared."""
    if analysis.comparisons.empty:
        return None
    scope = _SCOPE + (_TRAINED if analysis.suite.imported is None else _IMPORTED)
    return (Section("methods", "Statistics used", (Prose((scope,)), Facts(_METHODS))),)

"""What the terms on a page mean, one line each: of all terms here only those that the page uses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bench.report.blocks import Block, Column, Facts, Section, parts

if TYPE_CHECKING:
    from collections.abc import Sequence

_NUMBER: Final = re.compile(r"[\d.e+−-]+")  # a level that heads its own column


@dataclass(frozen=True)
class Term:
    """A term with its meaning.

    Attributes:
        pattern: a regular expression that finds it; case counts, since ERT and n are terms.
        headings: columns of tables that are called after it.
    """

    name: str
    meaning: str
    pattern: str
    headings: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """What the term is called in an address."""
        return "term-" + re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


TERMS: Final = (
    Term(
        "AICc",
        "How well a law fits a curve, less a price for each number that was fitted; smaller is better.",
        r"\bAICc\b",
    ),
    Term(
        "all-reduce",
        "Workers pass numbers on until each of them has the sum of all.",
        r"\ball-reduce\b",
    ),
    Term(
        "anytime e",
        "Evidence against `as often better as worse` that one may look at after every seed; 20 or more counts.",
        r"\banytime e\b",
        ("anytime e",),
    ),
    Term(
        "baseline", "The variant of a question that all others are compared with.", r"\bbaseline\b"
    ),
    Term(
        "budget",
        "What a run may spend before it counts as not having reached the target.",
        r"\bbudget\b",
    ),
    Term(
        "95 % CI",
        "Interval, or band, that contains the true value in 95 % of experiments like this one.",
        r"\bCI\b",
        ("95 % CI",),
    ),
    Term(
        "CSR",
        "Compressed sparse rows: only the weights that are not 0 are kept, with their places.",
        r"\bCSR\b|sparse rows",
        ("CSR", "then CSR"),
    ),
    Term(
        "d_z",
        "Size of an effect: mean of the paired differences over their standard deviation.",
        r"\bd_z\b",
        ("d_z",),
    ),
    Term(
        "diverged",
        "The loss of a run stopped being finite; it counts as the worst result there is.",
        r"\bdiverged\b",
    ),
    Term(
        "effective β",
        "How fast the gradient changes along a step: change of the gradient over the length of the step.",
        r"effective β",
        ("effective β",),
    ),
    Term(
        "epoch",
        "One pass over all training images.",
        r"\bepochs?\b",
    ),
    Term(
        "equivalence",
        "Two one-sided tests that show a difference to be smaller than the margin.",
        r"\bequivalence\b|no practical difference",
    ),
    Term(
        "ERT",
        "Expected running time: all that was spent, by the seeds that missed the target too, over the seeds"
        " that reached it.",
        r"\bERT\b",
        ("ERT (epochs)", "ERT"),
    ),
    Term(
        "f*",
        "The smallest value that the objective can take.",
        r"\bf\*",
    ),
    Term(
        "generalisation gap",
        "Training accuracy minus test accuracy.",
        r"generalisation gap",
        ("generalisation gap",),
    ),
    Term(
        "geometric mean",
        "The mean of times and ratios: twice as long and half as long cancel.",
        r"\b[Gg]eometric(?= means?\b|,| over)",
    ),
    Term(
        "Gini",
        "Inequality of the sizes of weights. 0: all alike; 1: one has everything.",
        r"\bGini\b",
        ("Gini",),
    ),
    Term(
        "gradient predictiveness",
        "How far the gradient moves from itself along a step; less is smoother.",
        r"gradient predictiveness",
        ("gradient predictiveness",),
    ),
    Term(
        "Hessian, λ max",
        "The largest curvature of the objective at the weights; smaller is smoother.",
        r"\bHessian\b",
        ("λ max of the Hessian",),
    ),
    Term(
        "adjusted p",
        "p for all tests judged together: at 5 % it holds the chance of any wrong verdict; of exploratory ones,"
        " their share.",
        r"\badjusted p\b",
        ("adjusted p",),
    ),
    Term(
        "Hoyer",
        "Sparseness of weights. 0: all alike; 1: all but one are 0.",
        r"\bHoyer\b",
        ("Hoyer",),
    ),
    Term(
        "interaction",
        "How much the effect of one setting changes with another setting.",
        r"\b[Ii]nteractions?\b|depend on each other",
    ),
    Term(
        "law (geometric, power, hyperbolic, …)",
        "The formula that an objective falls by: a fixed share per epoch, a power of the epochs, and so on.",
        r"\bhyperbolic\b|\bpower law\b|\blaw\b",
        ("law",),
    ),
    Term(
        "loss variation",
        "Between which values the loss ranges along a step; less is smoother.",
        r"loss variation",
        ("loss variation",),
    ),
    Term(
        "main effect",
        "What one setting does, averaged over all the others that it was combined with.",
        r"\bmain effects?\b|one setting at a time",
    ),
    Term(
        "margin",
        "The difference below which it does not matter which variant is taken, declared before the run.",
        r"\bmargin\b",
    ),
    Term(
        "McNemar p",
        "p of a test that counts only the seeds, or the images, in which one of the two succeeds and the other"
        " does not.",
        r"\bMcNemar\b",
        ("McNemar p",),
    ),
    Term("n", "The number of seeds that have a result.", r"(?!)", ("n",)),
    Term(
        "nats",
        "The unit of a cross-entropy loss: 0 if the true class gets probability 1, 2.3 for guessing among ten.",
        r"\bnats\b",
    ),
    Term(
        "objective",
        "What is minimised: the loss on the training images with all penalties.",
        r"\bobjective\b",
    ),
    Term(
        "p",
        "How often chance alone would give a difference at least as large as the one seen, if there were none.",
        r"\bp [=<]|p-values?\b",
        ("p",),
    ),
    Term(
        "paired",
        "Compared seed by seed, so that what a seed brings to both variants cancels.",
        r"\b[Pp]aire?d?(?:ing)?\b",
    ),
    Term(
        "percentage points",
        "Unit of a difference of two percentages: from 94 % to 95 % is 1 point.",
        r"\bpoints?\b",
    ),
    Term(
        "power",
        "The chance that a test finds a difference that is there.",
        r"\d % power\b|with 80 %",
    ),
    Term(
        "probe",
        "What measures a network beside its training, outside the time that counts.",
        r"\b[Pp]robes?\b",
    ),
    Term(
        "rms",
        "Root of the mean square of a layer's weights.",
        r"\brms\b",
    ),
    Term(
        "seed",
        "The number that all chance of a run follows from. Another seed is another run of the same training.",
        r"\bseeds?\b",
        ("seeds",),
    ),
    Term(
        "sign-flip p",
        "p of an exact test that uses only which sign each seed's difference could have had.",
        r"\b[Ss]ign-flip\b",
        ("sign-flip p",),
    ),
    Term(
        "staleness",
        "How many updates of others lie between a worker's reading of the weights and its writing.",
        r"\bstaleness\b|updates late",
        ("updates late",),
    ),
    Term(
        "t interval, t test",
        "The usual interval and test for a mean, from the spread of the seeds.",
        r"\bt (?:interval|test)\b",
    ),
    Term(
        "target",
        "What a run is to reach, such as 94 % test accuracy.",
        r"\btarget\b",
    ),
    Term(
        "time to target",
        "Until the first evaluation that meets the target; a seed that never does counts the whole budget.",
        r"[Tt]ime to target|epochs to target|reach(?:es)? the target",
    ),
    Term(
        "trial",
        "One training of one variant with one seed.",
        r"\b[Tt]rials?\b",
    ),
    Term(
        "update",
        "One change of the weights, from one mini-batch.",
        r"\bupdates?\b",
    ),
    Term(
        "variant",
        "One way to train, among those that a question compares.",
        r"\bvariants?\b",
    ),
    Term(
        "Welch's test",
        "A t test of two groups that are not paired and may spread differently.",
        r"\bWelch\b",
    ),
    Term(
        "wins",
        "In how many seeds the variant is better than the baseline.",
        r"\bwins\b",
        ("wins",),
    ),
)


def of(blocks: Sequence[Block]) -> tuple[Term, ...]:
    """The terms that these blocks use, in the order of the alphabet."""
    said = list(parts(tuple(blocks), str))
    whole, alone = "\n".join(said), set(said)
    used = [t for t in TERMS if re.search(t.pattern, whole) or alone & set(t.headings)]
    return tuple(sorted(used, key=lambda term: term.name.lower()))


def section(terms: Sequence[Term], blocks: Sequence[Block]) -> Section:
    """The last part of a page: its terms, and what the headings of its tables mean beside them."""
    facts = Facts(tuple((t.name, t.meaning) for t in terms), tuple(t.anchor for t in terms))
    known = {heading for term in terms for heading in term.headings}
    meanings: dict[str, dict[str, None]] = {}
    for column in parts(tuple(blocks), Column):
        if column.meaning and column.title not in known and not _NUMBER.fullmatch(column.title):
            meanings.setdefault(column.title, {})[column.meaning] = None
    columns = tuple(
        (title, "; or: ".join(meanings[title])) for title in sorted(meanings, key=str.lower)
    )
    inside: list[Block] = [facts]
    if columns:
        inside.append(Section("glossary-columns", "Columns of tables", (Facts(columns),), level=3))
    return Section(
        "glossary", "Glossary", tuple(inside), lead="The terms of this page, a line each."
    )

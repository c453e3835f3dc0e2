"""Which tests of a page are judged together, so that a comparison has one verdict wherever it stands.

* The *primary* tests of the whole page are one family: what compares a question's variants on the metric that
  decides it, the main effects of its grid, and every claim. Their intervals hold all at once, with 95 %
  (Bonferroni; Dunn 1961), and verdicts are read from these intervals: the chance that any verdict of the
  page is wrong is at most 5 %. What two parts of a page compare alike is one test, and counts once.
* Everything else is *exploratory*: each metric by itself, over all questions. At most 5 % of what is found in a
  family is false on average (Benjamini and Hochberg 1995); intervals belong to it (Benjamini and Yekutieli
  2005).

Both have one property that a page needs: an interval leaves zero out exactly where the verdict says better
or worse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from bench import frames, stats
from bench.analysis import wording
from bench.analysis.looks import ALPHA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from bench.analysis.contrast import Finding

PRIMARY: Final = "primary"
"""Name of the family of a page's primary tests; others have the name of what they compare."""


@dataclass(frozen=True)
class Family:
    """Tests that are judged together.

    Attributes:
        name: ``PRIMARY``, or what an exploratory family compares, in words.
        p_values: of its tests, ascending; each distinct test once.
        alpha: what an adjusted p is held against; below 0.05 at a declared look.
    """

    name: str = PRIMARY
    p_values: tuple[float, ...] = ()
    alpha: float = ALPHA

    @property
    def primary(self) -> bool:
        """Whether the chance of any wrong verdict is held, and not the share of wrong ones."""
        return self.name == PRIMARY

    @property
    def size(self) -> int:
        """How many tests it has."""
        return len(self.p_values)

    @property
    def found(self) -> int:
        """How many differences its tests find."""
        adjusted = stats.adjust(self.p_values, "bonferroni" if self.primary else "bh")
        return sum(p is not None and p <= self.alpha for p in adjusted)

    @property
    def level(self) -> float:
        """The p up to which one of its tests finds something, and one less the level of its interval."""
        tests = max(self.size, 1)
        return self.alpha / tests if self.primary else self.alpha * max(self.found, 1) / tests

    def adjusted(self, p: float | None) -> float | None:
        """A test's p, to be read against ``alpha``."""
        if p is None:
            return None
        if self.primary:
            return min(1.0, p * max(self.size, 1))
        ranked = np.array(self.p_values)
        least = ranked.size * ranked / np.arange(1, ranked.size + 1)
        return max(p, min(1.0, float(least[np.searchsorted(ranked, p) :].min(initial=1.0))))

    def judge(self, test: stats.Comparison) -> stats.Comparison:
        """The test as one of the family."""
        return test.judged(self.alpha, level=self.level, p_adjusted=self.adjusted(test.p_value))


class Families:
    """The families of a page, by what their tests compare.

    Args:
        primary: what is primary on the page.
        exploratory: what else was compared, by the name of its family.
        others: p of further primary tests, which are no comparison of two variants' seeds.
        alpha: what an adjusted p is held against.
    """

    def __init__(
        self,
        primary: Iterable[Finding],
        exploratory: Mapping[str, Iterable[Finding]],
        *,
        others: Sequence[float] = (),
        alpha: float = ALPHA,
    ) -> None:
        first = _tests(primary)
        self.primary = Family(PRIMARY, tuple(sorted([*first.values(), *others])), alpha)
        self._decisive = first.keys()
        self.exploratory: dict[str, Family] = {}
        for name, findings in exploratory.items():
            rest = {key: p for key, p in _tests(findings).items() if key not in first}
            if rest:
                self.exploratory[name] = Family(name, tuple(sorted(rest.values())), alpha)

    def judged(self, finding: Finding, name: str = PRIMARY) -> Finding:
        """A finding as one of its family: ``name``, unless something primary compares the same."""
        own = self.exploratory.get(name)
        if own is None or finding.contrast.identity in self._decisive:
            own = self.primary
        return finding.judged(own)


def _tests(findings: Iterable[Finding]) -> dict[tuple[object, ...], float]:
    """The p of each distinct test."""
    return {
        finding.contrast.identity: finding.test.p_value
        for finding in findings
        if finding.test is not None and finding.test.p_value is not None
    }


def frame(families: Sequence[Family]) -> pd.DataFrame:
    """The frame ``families``: one row per family."""
    return frames.typed([_row(family) for family in families], frames.FAMILIES)


def _row(family: Family) -> dict[str, object]:
    return {
        "family": family.name,
        "controls": "any wrong verdict" if family.primary else "share of wrong ones",
        "tests": family.size,
        "found": family.found,
        "alpha": family.alpha,
        "level": family.level,
    }


def totals(families: Sequence[Family]) -> tuple[str, ...]:
    """How many tests a page makes, and how many false findings to expect, in sentences."""
    primary, *others = families
    said = []
    if primary.size:
        at_look = "" if primary.alpha == ALPHA else f", at this look {wording.level(primary.alpha)}"
        said.append(
            f"{wording.counted(primary.size, 'primary test')} on this page, judged together: the chance that"
            f" any of their verdicts is wrong is at most 5 %{at_look}."
        )
    if others:
        tests, found = sum(f.size for f in others), sum(f.found for f in others)
        count = (
            "1 exploratory family" if len(others) == 1 else f"{len(others)} exploratory families"
        )
        said.append(
            f"Beside them {count} of {wording.counted(tests, 'test')}: if nothing differed,"
            f" {_expected(ALPHA * len(others))} of them would be expected to find something all the same;"
            + (
                f" of the {wording.counted(found, 'difference')} that they found,"
                f" {_expected(ALPHA * found)} may be false."
                if found
                else " they found nothing."
            )
        )
    return tuple(said)


def _expected(number: float) -> str:
    """A number of things to expect, in two digits at most."""
    return f"about {number:.1f}" if number >= 0.05 else "next to none"

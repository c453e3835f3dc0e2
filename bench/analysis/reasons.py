"""Why a comparison cannot be told, and what would settle it: seeds, a quiet machine, a margin."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from scipy import special

from bench.analysis import wording
from bench.analysis.looks import ALPHA
from bench.stats import FEWEST_FOR_INFERENCE
from bench.stats.power import POWER

if TYPE_CHECKING:
    from bench.analysis.contrast import Finding

_MANY_SEEDS: Final = 1_000
_COUNTED: Final = ("sign flip", "signed rank", "McNemar", "log-rank")


@dataclass(frozen=True)
class Reason:
    """Both without a full stop, to stand in a cell or in a sentence.

    Attributes:
        seeds: how many the remedy names; None if it names none.
    """

    why: str
    remedy: str
    seeds: int | None = None

    @property
    def columns(self) -> dict[str, object]:
        """What frames say of it."""
        return {"reason": self.why, "remedy": self.remedy, "seeds_to_settle": self.seeds}

    def __str__(self) -> str:
        return f"{self.why[:1].upper()}{self.why[1:]}. What would settle it: {self.remedy}."


def reason(found: Finding, margin: float | None = None) -> Reason:
    """Of a finding that cannot tell; margin: as declared, in the metric's unit."""
    test, between = found.test, found.contrast
    if test is None:
        return Reason(between.problem or "there is nothing to compare", "runs that have a result")
    if test.n < FEWEST_FOR_INFERENCE:
        allow = "allows" if test.n == 1 else "allow"
        return Reason(
            f"{wording.counted(test.n, 'seed')} {allow} no test", "three seeds or more", 3
        )
    if test.after_looking:
        return Reason(
            "the number of seeds is not the planned one, so that only a test counts that holds however"
            " often one looked",
            "the planned seeds, new ones whose number is fixed beforehand, or looks that the suite declares",
        )
    least = _fewest(found)
    if test.p_value is None or least > test.n:
        return Reason(
            f"{wording.counted(test.n, 'seed')} cannot reach p ≤ {wording.level(found.family.level)},"
            f" whatever they show{_among(found)}",
            f"{least} seeds or more",
            least,
        )
    seeds = seeds_to_settle(found, margin)
    return Reason(_why(found, margin), _remedy(found, margin, seeds), seeds)


def _fewest(found: Finding) -> int:
    """Seeds with which a test that counts signs or ranks can find something; else those that any test needs."""
    test = found.test
    if test is None or not test.paired or test.test not in _COUNTED:
        return FEWEST_FOR_INFERENCE
    return max(FEWEST_FOR_INFERENCE, math.ceil(1 - math.log2(found.family.level)))


def _why(found: Finding, margin: float | None) -> str:
    test = found.test
    if test is not None and test.p_value is not None and found.family.level < test.p_value <= ALPHA:
        p = wording.p_equals(test.p_value)
        if found.family.alpha < ALPHA:
            return f"by itself {p}, at a declared look that asks for {wording.level(found.family.level)}"
        return f"by itself {p}, which is not enough as one of {found.family.size} comparisons"
    if found.contrast.decision is not None:
        return found.contrast.decision.why_open
    if found.difference is None:
        return "runs diverged on either side, and their ranks do not tell"
    if margin is None or found.detectable is None:
        return f"a difference of zero lies in the interval{_among(found)}"
    return f"zero lies in the interval, and so do differences beyond the margin{_among(found)}"


def _among(found: Finding) -> str:
    size = found.family.size
    return f", as one of {size} comparisons" if size > 1 else ""


def _remedy(found: Finding, margin: float | None, seeds: int | None) -> str:
    ways, decision = [], found.contrast.decision
    if decision is not None and (decision.stopped or decision.test == "log-rank"):
        ways.append("runs that go on until they meet the target")
    if found.contrast.together:
        ways.append("bench time on a quiet machine")
    if seeds is not None and found.test is not None and seeds > found.test.n:
        many = f"about {seeds:,} seeds" if seeds <= _MANY_SEEDS else "over 1,000 seeds"
        ways.append(f"{many} in a new run")
    elif seeds is not None:
        ways.append("a new run, of some more seeds")
    means = decision is None and not found.contrast.together
    if margin is None and found.metric.higher_is_better is not None and means:
        ways.append("a margin that says which differences do not matter")
    return ", or ".join(ways) or "more seeds"


def seeds_to_settle(found: Finding, margin: float | None) -> int | None:
    """Seeds that decide one way or the other with 80 % power, if what was seen is the truth; None if unknown.

    A difference is found with ``Finding.seeds_needed``; one of d is shown to lie within the margin m with
    ((z(1 - level) + z(.8)) s / (m - |d|))^2, s being the standard deviation of the differences: the normal
    approximation to two one-sided tests (Chow, Shao and Wang 2008, ch. 3).
    """
    test, ways = found.test, [found.seeds_needed]
    if test is not None and margin is not None and test.effect_size and test.mean_difference:
        room = found.contrast.scaled(margin) - abs(test.mean_difference)
        spread = abs(test.mean_difference / test.effect_size)
        if room > 0:
            z = special.ndtri(1 - found.family.level) + special.ndtri(POWER)
            sides = 1 if test.paired else 2
            ways.append(math.ceil(min(sides * (z * spread / room) ** 2, 1e9)))
    return min((n for n in ways if n is not None), default=None)

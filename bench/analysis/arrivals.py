"""Times to a target of one side, or of two brought together: how far they are known, and what decides.

A run that missed the target was watched up to its end, and no longer. Means go up to the shortest such end (of
both sides, where two are compared): up to there min(T, end) is known of every run, so the usual tests of means
hold. Where they can say nothing, who arrived decides:

* no run of one side ever reaches the target: the exact test of the shares that do. A budget spent in vain is no
  time, and the difference to it no difference.
* nobody arrives before the shortest such end: the exact log-rank test, which uses each run as far as it goes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from bench import stats
from bench.analysis import wording
from bench.analysis.looks import ALPHA
from bench.errors import StatsError
from bench.stats import FEWEST_FOR_INFERENCE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from bench.analysis.metrics import Values

CLOCK: Final = "epochs_to_target"
"""By which runs are watched; the other clocks only run where all have the same epochs."""
_EVER: Final = 1e300
_LISTED: Final = 6  # short runs of a variant that are named one by one


@dataclass(frozen=True)
class Decision:
    """Which of two sides reaches the target, where no means of times can be compared.

    Attributes:
        test: of the shares of two groups, of those of pairs, or of all that was seen of the times.
        n_a, n_b: runs of each; reached_a, reached_b: of them reached the target.
        wins, losses: pairs in which a, or b, was seen to be the first; None if unpaired.
        superiority: how often a run of a was seen to be before one of b, ties counting half.
        p_value: None below three runs a side.
        stopped: whether runs of a side that never arrives ended before the other side's last crossing.
    """

    test: Literal["McNemar", "Fisher", "log-rank"]
    n_a: int
    reached_a: int
    n_b: int
    reached_b: int
    wins: int | None
    losses: int | None
    superiority: float
    p_value: float | None
    stopped: bool = False

    @property
    def direction(self) -> int:
        """1 where a did better than b, -1 where it did worse, 0 where neither."""
        return int(np.sign(self.superiority - 0.5))

    @property
    def identity(self) -> tuple[object, ...]:
        """What tells it from others, whichever side is named first."""
        sides = frozenset(((self.n_a, self.reached_a), (self.n_b, self.reached_b)))
        return self.test, self.p_value, sides, frozenset((self.wins, self.losses))

    @property
    def why_open(self) -> str:
        """Why it may not tell, as the end of a sentence."""
        if self.test == "log-rank":
            return (
                "runs ended before the target was reached, and what was seen of them does not tell"
            )
        shares = f"{self.reached_a} of {self.n_a} against {self.reached_b} of {self.n_b}"
        return f"so few seeds do not tell the shares that reach the target apart: {shares}"

    def predicate(self, other: str) -> str:
        """What a does, beside ``other``: ``never reaches the target (0 of 5), x does in 5 of 5``."""
        of_a, of_b = f"{self.reached_a} of {self.n_a}", f"{self.reached_b} of {self.n_b}"
        if not self.reached_a:
            never = "had not reached the target when its runs ended"
            never = never if self.stopped else "never reaches the target"
            return f"{never} ({of_a}), {other} does in {of_b}"
        if not self.reached_b:
            never = "had not when its runs ended" if self.stopped else "never does"
            return f"reaches the target in {of_a}, {other} {never} ({of_b})"
        when = {1: "earlier than", -1: "later than", 0: "neither earlier nor later than"}
        return f"reaches the target {when[self.direction]} {other}, as far as the runs were watched"

    def comparison(self, *, told: bool = True, looked: bool = False) -> stats.Comparison:
        """The same as ``bench.stats`` says it of other comparisons: without mean difference and interval.

        told: whether it answers what is asked; a difference of so many epochs, say, it does not. looked:
        whether the number of seeds was not fixed beforehand, so that only the anytime sign test counts.
        """
        wins, losses = self.wins, self.losses
        pairs = wins is not None and losses is not None
        found = stats.Comparison(
            paired=pairs,
            higher_is_better=False,
            alpha=ALPHA,
            level=ALPHA,
            n=min(self.n_a, self.n_b),
            n_a=self.n_a,
            n_b=self.n_b,
            mean_difference=None,
            wins=wins,
            losses=losses,
            ties=self.n_a - wins - losses if wins is not None and losses is not None else None,
            probability_of_superiority=self.superiority,
            test=self.test if told and self.p_value is not None else None,
            p_value=self.p_value if told else None,
        )
        if not looked:
            return found
        found = found.looked()
        if self.p_value is None or not told or wins is None or losses is None:
            return found
        e = stats.anytime_sign_test(wins, losses).e_value
        return replace(found, test="anytime sign test", p_value=min(1.0, 1 / e))


def arrivals(values: Values) -> Mapping[int, float]:
    """By seed, when it reached the target, or how long it was watched without."""
    return values.by_seed if values.arrivals is None else values.arrivals


def known_until(*sides: Values) -> float:
    """Up to when all runs were watched; infinite where none of them missed the target."""
    return min((end for values in sides for end in _missed_at(values)), default=math.inf)


def together(*sides: Values) -> tuple[Values, ...]:
    """Values up to when all runs of all sides are known; what is no number of epochs to a target as it is."""
    if any(values.metric.name != CLOCK for values in sides):
        return sides
    limit = known_until(*sides)
    return tuple(_up_to(values, limit) for values in sides)


def decide(
    a: Values, b: Values, seeds_a: Collection[int], seeds_b: Collection[int], *, paired: bool
) -> Decision | None:
    """What decides between two sides where the means of ``together`` cannot; None where they can.

    seeds_a, seeds_b: those that are compared, the same ones if paired. None also where nobody of either
    reaches the target: there is nothing to compare.
    """
    if not seeds_a or not seeds_b:
        return None
    first, second = _Side.of(a, sorted(seeds_a)), _Side.of(b, sorted(seeds_b))
    if not (first.reached.any() or second.reached.any()):
        return None
    if not (first.reached.any() and second.reached.any()):
        return _by_shares(first, second, paired=paired)
    limit = min(first.until, second.until)
    if min(first.times.min(), second.times.min()) < limit:
        return None
    return _by_log_rank(first, second, paired=paired)


def budget_spent(*sides: Values, decided: bool = False) -> list[tuple[str, str]]:
    """What a reader should know of the runs that missed the target: by variant, as a sentence.

    decided: whether means are not what the sides are compared by.
    """
    limit, ends = known_until(*sides), [sorted(_missed_at(values)) for values in sides]
    cut = any(values.late for values in sides) or any(end > limit for side in ends for end in side)
    said = []
    for values, missed in zip(sides, ends, strict=True):
        if not missed:
            continue
        of, unit = f"{len(missed)} of {len(values.by_seed)} seeds", values.metric.unit
        if values.metric.name == CLOCK and cut:
            what = f"had not reached the target when they ended, at {_span(missed)} {unit}."
            counted = f" Means go up to {limit:g} {unit}."
        else:
            what, counted = "never reached the target", "; they count the whole budget."
            counted = "." if decided else counted
        said.append((values.variant, f"{of} {what}{'' if decided and cut else counted}"))
    return said


def short_in_words(
    short: Mapping[str, Mapping[int, float]], runs: Mapping[str, int], end: float, unit: str
) -> str:
    """Which runs ended before the longest one: ``adam: seeds 3 and 4 at 100``.

    short: by variant and seed, when it ended; runs: how many each variant has; end: of the longest.
    """
    said = []
    for variant, by_seed in short.items():
        by_end: dict[float, list[int]] = {}
        for seed, at in sorted(by_seed.items()):
            by_end.setdefault(at, []).append(seed)
        if len(by_seed) > _LISTED:
            ends = f"at {_span(sorted(by_end))}"
            said.append(f"{variant}: {len(by_seed)} of {runs.get(variant, 0)} runs {ends}")
            continue
        parts = [f"{_seeds(seeds)} at {at:g}" for at, seeds in sorted(by_end.items())]
        said.append(f"{variant}: {', '.join(parts)}")
    return f"Runs that ended before the longest one, of {end:g} {unit}: {'; '.join(said)}."


@dataclass(frozen=True)
class _Side:
    times: NDArray[np.float64]
    reached: NDArray[np.bool_]

    @classmethod
    def of(cls, values: Values, seeds: Sequence[int]) -> _Side:
        known, missed = arrivals(values), _missed(values)
        reached = np.array([seed not in missed for seed in seeds])
        times = np.array([known[seed] for seed in seeds], dtype=np.float64)
        if values.metric.name != CLOCK:  # all had the same epochs, if not the same seconds
            times[~reached] = _EVER
        return cls(times, reached)

    @property
    def until(self) -> float:
        """The shortest end of a run that missed."""
        return stats.restriction_time((self.times, self.reached))


def _by_shares(a: _Side, b: _Side, *, paired: bool) -> Decision:
    found = stats.compare_shares(a.times, a.reached, b.times, b.reached, paired=paired)
    within = found.reached_a / found.n_a - found.reached_b / found.n_b
    return _decision(
        found.test,
        a,
        b,
        (found.only_a, found.only_b),
        superiority=0.5 + within / 2,
        p_value=found.p_value,
    )


def _by_log_rank(a: _Side, b: _Side, *, paired: bool) -> Decision | None:
    try:
        found = stats.logrank(a.times, a.reached, b.times, b.reached, paired=paired)
    except StatsError:  # all at one time: as early as the other
        return None
    before, after = _first(a, b), _first(b, a)
    lead = float(before.mean() - after.mean())
    agree = np.sign(lead) == np.sign(found.lead)  # else what was seen points both ways
    pairs = (int(np.trace(before)), int(np.trace(after))) if paired else (None, None)
    return _decision(
        "log-rank",
        a,
        b,
        pairs,
        superiority=0.5 + lead / 2 if agree else 0.5,
        p_value=found.p_exact,
    )


def _decision(
    test: Literal["McNemar", "Fisher", "log-rank"],
    a: _Side,
    b: _Side,
    pairs: tuple[int | None, int | None],
    *,
    superiority: float,
    p_value: float | None,
) -> Decision:
    last = max(side.times[side.reached].max(initial=0.0) for side in (a, b))
    never = [side.until for side in (a, b) if not side.reached.any()]
    few = min(a.times.size, b.times.size) < FEWEST_FOR_INFERENCE
    return Decision(
        test=test,
        n_a=a.times.size,
        reached_a=int(a.reached.sum()),
        n_b=b.times.size,
        reached_b=int(b.reached.sum()),
        wins=pairs[0],
        losses=pairs[1],
        superiority=superiority,
        p_value=None if few else p_value,
        stopped=bool(min(never, default=math.inf) < last),
    )


def _first(a: _Side, b: _Side) -> NDArray[np.bool_]:
    """Whether the i-th run of a was seen to reach the target before the j-th of b, shape (n_a, n_b)."""
    earlier = a.times[:, None] < b.times
    still_watched = (a.times[:, None] == b.times) & ~b.reached
    first: NDArray[np.bool_] = a.reached[:, None] & (earlier | still_watched)
    return first


def _missed(values: Values) -> Iterable[int]:
    return values.not_reached & values.by_seed.keys()


def _missed_at(values: Values) -> list[float]:
    return [arrivals(values)[seed] for seed in _missed(values)]


def _up_to(values: Values, limit: float) -> Values:
    known, missed = arrivals(values), values.not_reached
    return replace(
        values,
        by_seed={seed: min(known[seed], limit) for seed in values.by_seed},
        late=frozenset(
            seed for seed in values.by_seed if known[seed] > limit and seed not in missed
        ),
        arrivals=known,
    )


def _span(ends: Sequence[float]) -> str:
    return f"{ends[0]:g}" if ends[0] == ends[-1] else f"{ends[0]:g} to {ends[-1]:g}"


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed{'s' * (len(seeds) > 1)} {wording.listed([str(seed) for seed in seeds])}"

"""Findings as sentences that a non-statistician reads rightly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bench.analysis import wording
from bench.analysis.crossings import SPENT
from bench.analysis.outliers import one_seed

if TYPE_CHECKING:
    from bench import stats
    from bench.analysis.claims import JudgedClaim
    from bench.analysis.comparisons import Compared
    from bench.analysis.contrast import Finding, Mean
    from bench.frames import Metric

_NOT_AN_END: Final = ("generalisation_gap", "area_under_curve", "selected")


def answer(compared: Compared) -> str:
    """One comparison: direction, difference with unit and interval, adjusted p, wins, verdict."""
    found, test = compared.found, compared.found.test
    if test is None:
        problem = found.contrast.problem
        return f"{compared.variant} cannot be compared with {compared.baseline}: {problem}."
    said = f"{compared.variant} {predicate(found, compared.baseline)}"
    if test.p_value is None:
        lost = _diverged(found, compared.variant, compared.baseline)
        said += f" ({lost})" if lost else ""
        return f"{said}: {compared.verdict}. {compared.open}{_short(found)}"
    facts = [interval(found)]
    if compared.verdict == "no practical difference" and test.equivalence:
        facts.append(f"inside the margin of {margin_text(compared.margin, found.metric)}")
        facts.append(adjusted(found, test.equivalence.p_adjusted, "equivalence "))
    else:
        facts.append(adjusted(found, test.p_adjusted))
    facts += [
        wins(found),
        _diverged(found, compared.variant, compared.baseline),
        _one_seed(found),
        _named(test),
    ]
    more = "" if compared.open is None else f" {compared.open}"
    return f"{said} ({_joined(facts)}): {compared.verdict}.{more}{_short(found)}"


def _short(found: Finding) -> str:
    """Which runs ended before the longest one: what ends earlier may be no match for what ends later."""
    return f" {found.contrast.short}" if found.contrast.short else ""


def evidence(judged: JudgedClaim) -> str:
    """The finding behind a claim's verdict: numbers, interval, the p that decided, and why."""
    wanted, found, test = judged.claim.test, judged.found, judged.found.test
    if test is None:
        return f"It could not be tested: {judged.problem}."
    if wanted.against is not None:
        said, ends = f"{wanted.variant} {predicate(found, wanted.against)}", interval(found)
    else:
        mean, value = (
            mean_text(judged.mean, judged.metric),
            wording.exact(wanted.value, judged.metric),
        )
        article = "an" if judged.metric.label[0] in "aeiou" else "a"
        said = f"{wanted.variant} has {article} {judged.metric.label} of {mean}, against {value}"
        ends = mean_interval_text(judged.own, judged.metric, level=f"{interval_name(found)} ")
    if judged.problem is not None:
        return f"{said}. It could not be tested: {judged.problem}."
    facts = [ends, adjusted(found, judged.p_deciding)]
    facts.append(wins(found) if wanted.against else None)
    facts.append(_diverged(found, wanted.variant, wanted.against))
    facts.append(_one_seed(found))
    facts.append(_named(test))
    return f"{said} ({_joined(facts)}).{_why(judged)}{_short(found)}"


def interval_name(found: Finding) -> str:
    """What the interval of a finding is called: it belongs to the family that its verdict belongs to."""
    if found.family.size <= 1:
        return "95 % CI"
    return "simultaneous 95 % CI" if found.family.primary else "95 % CI of what was found"


def adjusted(found: Finding, p: float | None, kind: str = "") -> str:
    """A p that is held against alpha: ``adjusted p = .003``; of a test that stands alone ``p = .003``."""
    return wording.p_equals(p, f"{kind}{'adjusted ' if found.family.size > 1 else ''}p")


def _one_seed(found: Finding) -> str | None:
    """``without seed 4, far from the others, 0.1 percentage points higher``."""
    made = one_seed(found)
    if made is None:
        return None
    seed, left = made
    if left.difference is None:
        return None
    if found.metric.ratio:
        much = f"{wording.number(left.difference, ratio_places(left.half_width))} times"
    else:
        amount = amount_of(abs(left.difference), left.metric, left.half_width)
        much = "no difference" if is_zero(amount) else f"{amount} {_direction(left)}"
    verdict = left.test.verdict if left.test else "cannot tell"
    return f"without seed {seed}, which lies far from the others, {much}: {verdict}"


def _diverged(found: Finding, variant: str, other: str | None) -> str | None:
    """``b diverged in 3 of 6 seeds and a in 1``: in every verdict that it touches."""
    between = found.contrast
    sides = [(variant, between.diverged_a, between.a.size)]
    if other is not None:
        sides.append((other, between.diverged_b, between.b.size))
    said = [
        f"{name} diverged in {count} of {wording.counted(size, 'seed')}"
        for name, count, size in sides
        if count
    ]
    return " and ".join(said) or None


def _named(test: stats.Comparison) -> str | None:
    """Which test it was, where it is not the usual one."""
    if test.test in ("McNemar", "Fisher"):
        return f"{test.test}'s exact test of the shares"
    if test.test == "log-rank":
        return "exact log-rank test"
    return None if test.paired else "not paired by seed"


def predicate(found: Finding, other: str) -> str:
    """A difference as a predicate: ``ends 1.2 percentage points lower in test accuracy than x``."""
    metric, difference = found.metric, found.difference
    if found.contrast.decision is not None:
        return found.contrast.decision.predicate(other)
    if difference is None:
        return f"has no mean {metric.label} to set against {other}, because runs diverged"
    if metric.ratio:
        ratio = wording.number(difference, ratio_places(found.half_width))
        if not metric.timed:
            return f"has {ratio} times the {metric.label} of {other}"
        what = "per epoch" if metric.name == "epoch_time_s" else "to train"
        return f"takes {ratio} times as long {what} as {other}"
    if metric.name in SPENT:
        return _arrival(found, other)
    amount = amount_of(abs(difference), metric, found.half_width)
    held = "/" in metric.name or metric.name in _NOT_AN_END
    if is_zero(amount):
        return f"{'has' if held else 'ends at'} about the same {metric.label} as {other}"
    if held:
        return f"has a {_direction(found)} {metric.label} than {other}, by {amount}"
    return f"ends {amount} {_direction(found)} in {metric.label} than {other}"


def _arrival(found: Finding, other: str) -> str:
    """When a variant reaches the target, beside another; a seed that never does is not glossed over."""
    between, metric = found.contrast, found.metric
    size = abs(found.difference or 0.0)
    amount = amount_of(size, metric, found.half_width)
    amount += " of training" if metric.timed else ""
    when = f"{amount} {_direction(found)} than {other}"
    said = f"as early as {other}" if is_zero(amount) else when
    if between.late_a or between.late_b:
        limit = wording.exact(max(between.a.max(), between.b.max()), metric)
        said += f" on average, {limit} counted for each of the seeds that had not met it by then"
    elif between.missed_a or between.missed_b:
        said += f" on average, the budget counted for {_misses(found, other)}"
    return f"reaches the target {said}"


def _misses(found: Finding, other: str) -> str:
    between = found.contrast
    own = (
        f"its {between.missed_a} of {wording.counted(between.a.size, 'seed')}"
        if between.missed_a
        else ""
    )
    others = (
        f"{between.missed_b} of {wording.counted(between.b.size, 'seed')} of {other}"
        if between.missed_b
        else ""
    )
    return f"{' and '.join(part for part in (own, others) if part)} that missed it"


def interval(found: Finding) -> str | None:
    """The interval beside it: ``95 % CI 0.9 to 1.5``, or ``0.4 lower to 0.2 higher``."""
    low, high, half = found.ci_low, found.ci_high, found.half_width
    if low is None or high is None or half is None:
        return None
    level = interval_name(found)
    if found.metric.ratio:
        places = ratio_places(half)
        return f"{level} {wording.number(low, places)} to {wording.number(high, places)}"
    scale = wording.percent_scale(found.metric)
    places = wording.decimals(half * scale)
    near, far = sorted((abs(low), abs(high)))
    if low < 0 < high:
        less, more = _words(found.metric)
        below, above = wording.number(-low * scale, places), wording.number(high * scale, places)
        return f"{level} {below} {less} to {above} {more}"
    return (
        f"{level} {wording.number(near * scale, places)} to {wording.number(far * scale, places)}"
    )


def mean_text(mean: Mean, metric: Metric) -> str:
    """A mean with its unit, rounded by its own interval."""
    return wording.quantity(mean.value, metric, half_width=mean.half_width)


def mean_interval_text(mean: Mean, metric: Metric, level: str = "95 % CI ") -> str | None:
    """The interval of a mean, in the unit of the mean beside it: ``95 % CI 94.0 to 94.3``."""
    if mean.half_width is None:
        return None
    low, high = (
        wording.quantity(end, metric, half_width=mean.half_width, units=False)
        for end in (mean.low, mean.high)
    )
    return f"{level}{low} to {high}"


def amount_of(size: float, metric: Metric, half: float | None) -> str:
    """A difference without its sign, with its unit: ``1.2 percentage points``."""
    scale = wording.percent_scale(metric)
    text = wording.number(size * scale, wording.places_of_difference(size, metric, half))
    return wording.with_unit(text, wording.unit_of_difference(metric))


def margin_text(margin: float | None, metric: Metric) -> str:
    """A margin with its unit: ``±0.2 percentage points``; for times ``a factor 1.1``."""
    if margin is None:
        return "none"
    if metric.ratio:
        return f"a factor {margin:g}"
    text = f"{margin * wording.percent_scale(metric):g}"
    return f"±{wording.with_unit(text, wording.unit_of_difference(metric))}"


def ratio_places(half: float | None) -> int:
    """Decimals of a ratio of times: as many as its interval allows, one to three."""
    return 2 if half is None else max(1, min(3, wording.decimals(half)))


def wins(found: Finding) -> str | None:
    """In how many seeds it went the way of its mean: ``lower in 10 of 10 seeds``."""
    test = found.test
    if test is None or test.wins is None or test.losses is None:
        return None
    if test.mean_difference is None:
        return (
            f"better in {test.wins} and worse in {test.losses} of {wording.counted(test.n, 'seed')}"
        )
    if test.direction == 0:
        return None
    alike = test.wins if test.direction > 0 else test.losses
    return f"{_direction(found)} in {alike} of {wording.counted(test.n, 'seed')}"


def _direction(found: Finding) -> str:
    up = found.test is not None and (found.test.mean_difference or 0.0) > 0
    return _words(found.metric)[up]


def _words(metric: Metric) -> tuple[str, str]:
    if metric.ratio:
        return "faster", "slower"
    return ("earlier", "later") if metric.name in SPENT else ("lower", "higher")


def _why(judged: JudgedClaim) -> str:
    """What tipped the scale, where the numbers alone do not say so."""
    margin = margin_text(judged.margin, judged.metric)
    equal = judged.claim.test.is_ == "no practical difference"
    if judged.verdict == "cannot tell":
        return f" {judged.open}"
    if equal:
        beyond = "more than" if judged.verdict == "does not hold" else "within"
        return f" The difference is {beyond} {margin}."
    if (judged.verdict == "holds") != judged.denies:
        return ""
    if judged.margin is None:
        return " The difference goes the other way."
    direction = "denied" if judged.denies else "claimed"
    return f" Any difference in the direction {direction} is below the margin of {margin}."


def is_zero(amount: str) -> bool:
    """Whether an amount rounds to nothing."""
    return float(amount.partition(" ")[0].replace(",", "")) == 0


def _joined(facts: list[str | None]) -> str:
    return "; ".join(fact for fact in facts if fact)

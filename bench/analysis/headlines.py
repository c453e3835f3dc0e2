"""A question's answer in a sentence or two: what a busy reader takes away. The findings say the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bench.analysis import answers, factors, wording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.analysis.comparisons import Compared
    from bench.analysis.contrast import Finding
    from bench.analysis.factors import Effect, Factorial

_ORDER: Final = ("better", "worse", "no practical difference", "cannot tell")
_NAMED: Final = 3  # of one verdict; of more it says how many there are, and the least and the most

_Judged = tuple[str, "Finding", str]
"""Who, by how much, and the verdict."""


def headline(compared: Sequence[Compared], crossed: Factorial | None = None) -> str:
    """The answer, from a question's comparisons on the primary metric; of a grid, from its effects.

    Where every variant is a cell of the grid ``crossed``, the question asks for what its settings do, not
    for each of their combinations.
    """
    if not compared:
        return "There is only one variant, so nothing is compared."
    first = compared[0]
    base = f"{first.baseline} in {first.metric.label}"
    if first.mean_baseline.value is not None:
        mean = answers.mean_text(first.mean_baseline, first.metric)
        base = f"{first.baseline} ({mean} {first.metric.label})"
    if not any(c.found.test and c.found.test.p_value is not None for c in compared):
        return f"Nothing can be told apart from {base}: too few seeds have a result for any test."
    if crossed is not None and crossed.values[0].size == len(compared) + 1:
        said = _of_grid(crossed)
        if said:
            return said
    said = _by_verdict([(c.variant, c.found, c.verdict or "") for c in compared])
    return f"Against {base}: {said}.{_diverged(compared)}"


def _diverged(compared: Sequence[Compared]) -> str:
    """Which variants diverged, and in how many seeds: no verdict stands without it."""
    sides = [
        (
            compared[0].baseline,
            compared[0].found.contrast.diverged_b,
            compared[0].found.contrast.b.size,
        )
    ]
    sides += [(c.variant, c.found.contrast.diverged_a, c.found.contrast.a.size) for c in compared]
    said = [f"{name} in {count} of {size} seeds" for name, count, size in sides if count]
    if len(said) > _NAMED:
        counts = [count / size for _, count, size in sides if count]
        least, most = (f"{100 * share:.0f} %" for share in (min(counts), max(counts)))
        return f" {len(said)} of {len(sides)} variants diverged in {least} to {most} of seeds."
    return f" Diverged: {wording.listed(said)}." if said else ""


def _of_grid(crossed: Factorial) -> str | None:
    """Each setting's own effect, and the clearest of those that depend on another setting."""
    mains = [effect for effect in crossed.effects if effect.is_main]
    if not any(e.found.test and e.found.test.p_value is not None for e in mains):
        return None
    said = _by_verdict([(f"{e.name} {e.change}", e.found, e.verdict or "") for e in mains])
    depending = [e for e in crossed.effects if not e.is_main and factors.is_shown(e)]
    label = crossed.metric.label
    whole = (
        f"{label[:1].upper()}{label[1:]}, one setting at a time, averaged over the others: {said}."
    )
    lost = [
        f"{e.name} {f.levels[e.levels[0]]} in {e.found.contrast.diverged_a} of {len(crossed.seeds)} seeds"
        for e in mains
        for f in e.factors
        if e.found.contrast.diverged_a
    ]
    if lost:
        whole += f" Runs diverged with {wording.listed(lost)}."
    if not depending:
        return whole
    clearest = min(depending, key=_p)
    return f"{whole} Settings depend on each other: {factors.interaction(clearest)}."


def _p(effect: Effect) -> float:
    test = effect.found.test
    return 1.0 if test is None or test.p_adjusted is None else test.p_adjusted


def _by_verdict(judged: list[_Judged]) -> str:
    groups = [(verdict, [j for j in judged if j[2] == verdict]) for verdict in _ORDER]
    return "; ".join(_group(*group, len(judged)) for group in groups if group[1])


def _group(verdict: str, group: list[_Judged], total: int) -> str:
    decided = verdict in ("better", "worse")
    if len(group) > _NAMED:
        some = f"all {total}" if len(group) == total else f"{len(group)} of {total}"
        return f"{some} are {verdict}{_ends(group)}" if decided else f"{verdict} for {some}"
    names = wording.listed([f"{name}{_by_how_much(found, verdict)}" for name, found, _ in group])
    if decided:
        return f"{names} {'is' if len(group) == 1 else 'are'} {verdict}"
    return f"{verdict} for {names}"


def _ends(group: list[_Judged]) -> str:
    """``, from x (−0.3 points) to y (−93 points)``: the smallest difference and the largest one."""
    known = sorted(
        (j for j in group if j[1].difference is not None), key=lambda j: abs(_distance(j[1]))
    )
    if len(known) < 2:
        return ""
    least, most = (f"{name}{_by_how_much(found, v)}" for name, found, v in (known[0], known[-1]))
    return f", from {least} to {most}"


def _distance(found: Finding) -> float:
    return found.contrast.scaled(found.difference or 0.0)  # of ratios the logarithm


def _by_how_much(found: Finding, verdict: str) -> str:
    difference = found.difference
    if difference is None or verdict not in ("better", "worse"):
        return ""
    if found.metric.ratio:
        places = answers.ratio_places(found.half_width)
        return f" ({wording.number(difference, places)} times)"
    amount = answers.amount_of(abs(difference), found.metric, found.half_width)
    sign = "+" if difference > 0 else "−"
    return f" ({sign}{wording.in_short(amount)})"

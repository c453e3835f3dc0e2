"""How much the learning rate matters to each method: questions whose variants differ in it.

Two variants are of one method if their settings differ in the learning rate of the optimizer alone. What a
method loses by the rate is, seed by seed, its best minus its worst final value over the rates that all
methods were trained with: the smaller, the more rates it tolerates.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from bench import frames
from bench.analysis.comparisons import Compared, compare_values
from bench.analysis.contrast import Mean, mean_over_seeds
from bench.analysis.metrics import Values, primary_of
from bench.analysis.whole_curves import metric_of
from bench.plugins import named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from bench.analysis.isolation import Troubles
    from bench.analysis.metrics import Measurements
    from bench.suite import Settings

FAMILY: Final = "rate sensitivity"
FEWEST: Final = 2  # rates of a method, below which nothing is said


@dataclass(frozen=True)
class Method:
    """Variants that differ in the learning rate alone.

    Attributes:
        by_rate: the variant at each rate, ascending.
        finals: the question's primary metric at each rate, by seed; means: over seeds.
        best: the rate with the best mean; optimistic, so it is shown and never tested. None without a result.
        lost: best minus worst over the common rates, by seed, in the metric's unit.
        mean_lost: over seeds.
        against: ``lost`` against the baseline's method; None for that itself.
    """

    question: str
    name: str
    by_rate: Mapping[float, str]
    finals: Mapping[float, Values]
    means: Mapping[float, Mean]
    best: float | None
    lost: Values
    mean_lost: Mean
    against: Compared | None = None


def sensitivities(
    measured: Measurements, question: str, troubles: Troubles, *, looked: bool = False
) -> tuple[Method, ...]:
    """The methods of a question that were trained at several rates, the baseline's first; or none."""
    groups = [g for g in _groups(measured.suite.variants(question)) if len(g) >= FEWEST]
    if not groups:
        return ()
    baseline = measured.suite.baseline(question)
    groups.sort(key=lambda group: baseline not in group.values())
    common = [rate for rate in groups[0] if all(rate in group for group in groups)]
    methods = [_method(measured, question, group, common) for group in groups]
    first = methods[0]
    values = {method.name: method.lost for method in methods}
    pairs = [(method.name, first.name) for method in methods[1:]]
    compared = compare_values(question, values, pairs, troubles, looked=looked) if common else []
    against = {c.variant: c for c in compared}
    return tuple(replace(method, against=against.get(method.name)) for method in methods)


def _groups(variants: Mapping[str, Settings]) -> list[dict[float, str]]:
    """Variants by learning rate, in a group for each method; of twins the first."""
    groups: dict[str, dict[float, str]] = {}
    for name, settings in variants.items():
        rate, method = _without_rate(settings)
        if rate is not None:
            groups.setdefault(method, {}).setdefault(rate, name)
    return [dict(sorted(group.items())) for group in groups.values()]


def _without_rate(settings: Settings) -> tuple[float | None, str]:
    """The constant learning rate, if it is one that the settings name, and all the rest as text."""
    given = settings.model_dump(exclude_none=True, exclude={"about"})
    optimizer, arguments = named(given.get("optimizer", ""))
    rate: Any = arguments.pop("learning_rate", None)
    if not isinstance(rate, int | float) or isinstance(rate, bool):
        return None, ""
    rest = {**given, "optimizer": {optimizer: arguments}}
    return float(rate), json.dumps(rest, sort_keys=True)


def _method(
    measured: Measurements, question: str, group: Mapping[float, str], common: Sequence[float]
) -> Method:
    primary = primary_of(measured.suite, question)
    metric = metric_of(measured.suite, question, primary)
    finals = {rate: measured.of(question, name, primary) for rate, name in group.items()}
    means = {rate: mean_over_seeds(values) for rate, values in finals.items()}
    known = {rate: mean.value for rate, mean in means.items() if mean.value is not None}
    sign = 1 if metric.higher_is_better else -1
    lost_metric = replace(
        metric,
        name="lost_by_rate",
        label=f"{metric.label} between best and worst rate",
        higher_is_better=False,
        ratio=False,
        meaning="best minus worst final value of a seed over the common rates",
    )
    seeds = set.intersection(*(set(finals[rate].by_seed) for rate in common)) if common else set()
    lost = {
        seed: max(values) - min(values)
        for seed in sorted(seeds)
        for values in [[finals[rate].by_seed[seed] for rate in common]]
    }
    baseline = measured.suite.baseline(question)
    values = Values(lost_metric, _name(list(group.values()), baseline), lost)
    return Method(
        question=question,
        name=values.variant,
        by_rate=group,
        finals=finals,
        means=means,
        best=max(known, key=lambda rate: sign * known[rate]) if known else None,
        lost=values,
        mean_lost=mean_over_seeds(values),
    )


def _name(variants: Sequence[str], baseline: str) -> str:
    """What a method is called: the parts of a matrix's names but the rate; the baseline; the shortest name."""
    cells = [
        " ".join(part for part in name.split() if not part.startswith("learning_rate="))
        for name in variants
    ]
    if cells[0] and len(set(cells)) == 1:
        return cells[0]
    return baseline if baseline in variants else min(variants, key=len)


def frame(methods: Sequence[Method]) -> pd.DataFrame:
    """The frame ``sensitivities``: one row per question, method and rate."""
    rows = [_row(method, rate) for method in methods for rate in method.by_rate]
    return frames.typed(rows, frames.SENSITIVITIES)


def _row(method: Method, rate: float) -> dict[str, object]:
    mean, against = method.means[rate], method.against
    found = against.found if against else None
    test = found.test if found else None
    return {
        "question": method.question,
        "method": method.name,
        "rate": rate,
        "variant": method.by_rate[rate],
        "n": len(method.finals[rate].by_seed),
        "diverged": len(method.finals[rate].diverged),
        "mean": mean.value,
        "low": mean.low,
        "high": mean.high,
        "best": rate == method.best,
        "lost": method.mean_lost.value,
        "baseline": against.baseline if against else None,
        "difference": found.difference if found else None,
        "ci_low": found.ci_low if found else None,
        "ci_high": found.ci_high if found else None,
        "p_value": test.p_value if test else None,
        "p_adjusted": test.p_adjusted if test else None,
        "verdict": against.verdict if against else None,
    }

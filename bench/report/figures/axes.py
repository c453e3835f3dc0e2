"""Axes that follow the page's switches: linear or logarithmic, and made for the variants that are shown."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
from altair.utils.schemapi import debug_mode

from bench.report.frame import frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Ends = list[float | None]
"""The least and the greatest value of every variant in turn; None where it has none."""
Reach = list[list[Ends]]
"""What a linear axis is to show, then a logarithmic one: of most variants, and of all where those are more."""


def quoted(text: str) -> str:
    """A text as an expression. Vega fails at literals such as "constructor", so none is the text itself."""
    return f"slice({json.dumps('=' + text)}, 1)"


def switched(
    log: str, domain: str, *, grid: bool, **axis: str | float
) -> tuple[alt.Axis, alt.Scale]:
    """An axis that is linear or logarithmic, by the parameter ``log``; the rest: expressions of its options.

    Vega cannot change the type of a scale, but the constant of a symlog one, which is log(1 + x / constant).
    """
    scale = alt.Scale(
        type="symlog",
        constant=alt.ExprRef(f"{log} ? 1e-30 : 1e30"),
        domain=alt.ExprRef(domain),
        nice=False,
    )
    return written(grid=grid, **axis), scale


def written(*, grid: bool, **options: str | float) -> alt.Axis:
    """An axis whose options are expressions, since they follow a switch."""
    follows: dict[str, Any] = {
        key: alt.ExprRef(option) if isinstance(option, str) else option
        for key, option in options.items()
    }
    with debug_mode(False):  # a title as an expression is valid, but not to Altair
        return alt.Axis(grid=grid, labelExpr="format(datum.value, ',.6~g')", **follows)


def follow(
    axis: str, ends: str, names: Sequence[str], log: str, *, room: float, zoom: bool
) -> list[alt.Parameter]:
    """Parameters that end in ``{axis}_domain``: what is to be seen of the variants that are not hidden.

    Args:
        axis: how the parameters' names begin.
        names: of the variants.
        ends: expression of what ``reach`` gives for a linear or a logarithmic axis.
        log: expression: whether the axis is logarithmic.
        room: beside the data, as a share of the axis.
        zoom: whether there can be variants for which the axis is not made until they are alone.
    """

    def extent(which: str) -> str:
        each = (
            f"shown[{i}] ? {axis}_{which}[{2 * i + end}] : null"
            for i in range(len(names))
            for end in (0, 1)
        )
        return f"extent([{', '.join(each)}])"

    e, near = f"{axis}_ends", f"{axis}_near"
    rest = f"{axis}_far" if zoom else near
    expressions = {
        f"{axis}_most": f"{ends}[0]",
        near: extent("most"),
        **({f"{axis}_all": f"peek({ends})", rest: extent("all")} if zoom else {}),
        e: f"isValid({near}[0]) ? {near} : isValid({rest}[0]) ? {rest} : [0, 1]",
        f"{axis}_factor": f"{log} ? pow({e}[1] / {e}[0], {room}) : 1",
        f"{axis}_room": f"{log} ? 0 : {room} * ({e}[1] - {e}[0]) || {0.5 if room else 0}",
        f"{axis}_domain": f"[{e}[0] / {axis}_factor - {axis}_room, {e}[1] * {axis}_factor + {axis}_room]",
    }
    return [alt.param(name=name, expr=expr) for name, expr in expressions.items()]


def reach(
    seen: Mapping[str, Sequence[float]],
    names: Sequence[str],
    *,
    linear: Mapping[str, Sequence[float]] | None = None,
    zoom: bool = True,
) -> Reach:
    """What ``follow`` wants of values by variant.

    Args:
        seen: all values; those above zero have a place on a logarithmic axis.
        names: of the variants.
        linear: what a linear axis is to show, if not all.
        zoom: whether a variant so far off that the others look alike is left out, while there are others.
    """
    above = {name: [v for v in values if v > 0] for name, values in seen.items()}
    both = ((seen if linear is None else linear, False), (above, True))
    found = []
    for values, log in both:
        outside = far(values, log=log) if zoom else ()
        near = [_ends(values, names, outside)]
        found.append([*near, _ends(values, names)] if outside else near)
    return found


def shown(names: Sequence[str]) -> alt.Parameter:
    """Which variants are not hidden, in their order: a parameter that ``follow`` refers to."""
    each = (f"indexof(hidden, {quoted(name)}) < 0" for name in names)
    return alt.param(name="shown", expr=f"[{', '.join(each)}]")


def far(seen: Mapping[str, Sequence[float]], *, log: bool) -> tuple[str, ...]:
    """Variants so far off that the others would look alike; the last value is what places one."""
    some = {name: values for name, values in seen.items() if values}
    if log:
        some = {name: np.log10(values).tolist() for name, values in some.items()}
    return frame(some, {name: values[-1] for name, values in some.items()}).outside


def _ends(
    seen: Mapping[str, Sequence[float]], names: Sequence[str], leave_out: Sequence[str] = ()
) -> Ends:
    ends: Ends = []
    for name in names:
        values = () if name in leave_out else seen.get(name, ())
        ends += [min(values), max(values)] if values else [None, None]
    return ends


def log_ticks(values: list[float]) -> list[float]:
    """1, 2 and 5 of every power of ten that the values span; only 1 where they span many."""
    if not values:
        return []
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    steps = (1, 2, 5) if high - low <= 2 else (1,)
    return [step * 10.0**power for power in range(low, high + 1) for step in steps]

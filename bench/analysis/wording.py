"""Numbers and findings in words. Rounding happens here and in the templates, nowhere else.

A difference is rounded by the width of its interval: more digits than the seeds can tell are noise.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.frames import Metric

POINTS: Final = "percentage points"
_DIGITS: Final = 3  # significant digits of a number whose uncertainty is not known
_LONG: Final = 1e12  # from here on, and with more places than the next, a number has a power of 10
_PLACES: Final = 12


def decimals(half_width: float | None, value: float = 0.0) -> int:
    """Decimal places that an uncertainty of +-``half_width`` leaves meaningful.

    Two significant digits of it. Without one, three digits of value.
    """
    if half_width is not None and 0 < half_width < math.inf:
        exponent = int(f"{half_width:.1e}".partition("e")[2])
        return max(0, 1 - exponent)
    if value == 0 or not math.isfinite(value):
        return 0
    return max(0, _DIGITS - 1 - math.floor(math.log10(abs(value))))


def places_of_difference(value: float, metric: Metric, half_width: float | None) -> int:
    """Decimals of a difference as shown; of percentages without an interval two, unless that is 0."""
    scale = percent_scale(metric)
    if half_width is None and scale == 100.0 and abs(value) >= 1e-4:
        return 2
    return decimals(None if half_width is None else half_width * scale, value * scale)


def number(value: float | None, places: int) -> str:
    """A number with so many decimals, a true minus sign, and words for what is none."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    rounded = round(value, places) + 0.0  # no negative zero
    if rounded and (abs(rounded) >= _LONG or places > _PLACES):
        digits = max(0, min(_DIGITS, places + math.floor(math.log10(abs(value))) + 1) - 1)
        mantissa, _, power = f"{value:.{digits}e}".partition("e")
        return f"{mantissa} · 10^{int(power)}".replace("-", "−")
    return f"{rounded:,.{min(places, _PLACES)}f}".replace("-", "−")


def percent_scale(metric: Metric) -> float:
    """What the metric's numbers are multiplied by to be shown."""
    return 100.0 if metric.percent or metric.unit == "share" else 1.0


def unit(metric: Metric) -> str:
    """The unit of a value as shown. A metric that is itself a difference of shares has points."""
    if metric.percent and metric.higher_is_better is None:
        return POINTS
    return "%" if percent_scale(metric) == 100.0 else metric.unit


def unit_of_difference(metric: Metric) -> str:
    """The unit of a difference as shown."""
    if metric.ratio:
        return "times"
    return POINTS if unit(metric) in ("%", POINTS) else metric.unit


def quantity(
    value: float | None, metric: Metric, *, half_width: float | None = None, units: bool = True
) -> str:
    """A value of the metric as a reader wants it: ``95.61 %``, ``0.23 s``, ``3.4 epochs``."""
    if value is None:
        return "–"
    scale = percent_scale(metric)
    if half_width is None and value * scale == round(value * scale, 0):
        places = 0
    elif half_width is None and scale == 100.0:
        places = 2
    else:
        places = decimals(None if half_width is None else half_width * scale, value * scale)
    text = number(value * scale, places)
    return f"{text} {unit(metric)}".rstrip() if units else text


def exact(value: float | None, metric: Metric) -> str:
    """A number that somebody declared, as declared: ``95.6 %``, ``133 s``."""
    if value is None:
        return "–"
    return with_unit(f"{value * percent_scale(metric):.10g}", unit(metric))


def with_unit(text: str, name: str) -> str:
    """A number with its unit, in the singular where it is one: ``1 epoch``."""
    singular = text == "1" and name in (POINTS, "epochs", "steps", "seeds")
    return f"{text} {name[:-1] if singular else name}".rstrip()


def in_short(amount: str) -> str:
    """The same where there is little room: ``1.2 points``."""
    return amount.replace("percentage point", "point")


def p_value(p: float | None) -> str:
    """``p`` without its name: ``.0003``, ``.032``, ``.41``, ``< .0001``."""
    if p is None:
        return "–"
    if p < 0.0001:
        return "< .0001"
    if p > 0.995:
        return "1"
    places = 4 if p < 0.00095 else 3 if p < 0.0995 else 2
    return f"{p:.{places}f}".lstrip("0")


def level(alpha: float) -> str:
    """A level that p is held against, two digits of it: ``.05``, ``.0037``, ``.000041``."""
    places = max(2, 1 - math.floor(math.log10(alpha)))
    return f"{alpha:.{places}f}".lstrip("0")


def p_equals(p: float | None, name: str = "p") -> str:
    """``p = .0003``, or with a name ``adjusted p < .0001``."""
    text = p_value(p)
    return f"{name} {text}" if text.startswith("<") else f"{name} = {text}"


def listed(names: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def counted(count: int, thing: str) -> str:
    """``1 seed``, ``2 seeds``."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def counted_between(counts: Iterable[float], thing: str) -> str:
    """``5 seeds``, or ``4 to 5 seeds`` where counts differ."""
    some = sorted({int(count) for count in counts})
    if len(some) < 2:
        return counted(some[0] if some else 0, thing)
    return f"{some[0]:,} to {some[-1]:,} {thing}s"


def seeds(numbers: list[int]) -> str:
    """A list of seeds, shortened where it has no gaps: ``0 to 9``."""
    ordered = sorted(numbers)
    if len(ordered) > 2 and ordered == list(range(ordered[0], ordered[-1] + 1)):
        return f"{ordered[0]} to {ordered[-1]}"
    return listed([str(seed) for seed in ordered]) or "none"

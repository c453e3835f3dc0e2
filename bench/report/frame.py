"""What an axis shows. One variant that fails utterly must not flatten all the others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CROWDED: Final = 0.15


@dataclass(frozen=True)
class Frame:
    """The ends of an axis, and the variants that lie outside of it."""

    low: float
    high: float
    outside: tuple[str, ...] = ()

    @property
    def ends(self) -> list[float]:
        """As a Vega-Lite domain."""
        return [self.low, self.high]


def frame(
    values: Mapping[str, Iterable[float]], centres: Mapping[str, float], extra: Iterable[float] = ()
) -> Frame:
    """An axis over all values, without variants so far off that the others look alike.

    A variant is left outside if without it the rest would fill less than 15 % of the axis.

    Args:
        values: per variant, what is to be seen of it.
        centres: per variant, the number that places it.
        extra: numbers that must be seen, such as 0.
    """
    must = list(extra)
    kept = {name: c for name, c in centres.items() if math.isfinite(c)}
    while len(kept) > 2:
        middle = sorted(kept.values())[len(kept) // 2]
        far = max(kept, key=lambda name: abs(kept[name] - middle))
        rest = [*(v for name in kept if name != far for v in values[name]), *must]
        if max(rest) - min(rest) >= _CROWDED * abs(kept[far] - middle):
            break
        del kept[far]
    seen = [v for name in kept for v in values[name] if math.isfinite(v)] + must
    low, high = (min(seen), max(seen)) if seen else (0.0, 1.0)
    room = 0.06 * (high - low) or 0.5
    return Frame(low - room, high + room, tuple(name for name in centres if name not in kept))

"""How large a p may be, given how the number of seeds came about: as planned, at a declared look, or not."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bench import stats
from bench.analysis import wording

if TYPE_CHECKING:
    from collections.abc import Sequence

ALPHA: Final = 0.05


@dataclass(frozen=True)
class Look:
    """A look at the seeds that have run.

    Attributes:
        alpha: the largest Holm p that counts as a finding at this look.
        label: what p-values are labelled with; empty where exactly the planned seeds ran.
    """

    alpha: float = ALPHA
    label: str = ""


def look_at(ran: Sequence[int], planned: Sequence[int], declared: Sequence[int]) -> Look:
    """How the p-values of the seeds that ran are to be judged.

    Args:
        ran: the seeds that have run, ascending.
        planned: the seeds that were to run, ascending.
        declared: numbers of seeds at which the suite said beforehand that it would look, ascending;
            empty if it said nothing. Between two of them the stricter, earlier one decides.
    """
    if not declared:
        return Look(label="" if tuple(ran) == tuple(planned) else _changed(ran, planned))
    levels = stats.sequential_boundaries(declared).nominal_p
    at = max(bisect_right(declared, len(ran)) - 1, 0)
    counts = f"a Holm p of at most {wording.level(levels[at])} counts"
    if len(ran) in declared:
        label = f"declared looks, {at + 1} of {len(declared)}, at {len(ran)} seeds: {counts}"
    else:
        seeds = wording.listed([str(n) for n in declared])
        label = (
            f"seed count changed after looking ({len(ran)} seeds are no declared look, which are"
            f" {seeds}): {counts}"
        )
    return Look(levels[at], label)


def _changed(ran: Sequence[int], planned: Sequence[int]) -> str:
    return (
        f"seed count changed after looking (planned {wording.seeds(list(planned))},"
        f" ran {wording.seeds(list(ran))})"
    )

"""How large a p may be, given how the number of seeds came about: as planned, at a declared look, or not."""

from __future__ import annotations

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
        alpha: the largest adjusted p that counts as a finding at this look.
        looked: whether it was not planned, so that only tests count that allow any number of looks.
        label: what p-values are labelled with; empty where exactly the planned seeds ran.
    """

    alpha: float = ALPHA
    looked: bool = False
    label: str = ""


def look_at(ran: Sequence[int], planned: Sequence[int], declared: Sequence[int]) -> Look:
    """How the p-values of the seeds that ran are to be judged.

    Args:
        ran: the seeds that have run, ascending.
        planned: the seeds that were to run, ascending.
        declared: numbers of seeds at which the suite said beforehand that it would look, ascending; empty if it
            said nothing.
    """
    if len(ran) in declared:
        at = declared.index(len(ran))
        level = stats.sequential_boundaries(declared).nominal_p[at]
        return Look(
            level,
            label=(
                f"declared looks, {at + 1} of {len(declared)}, at {len(ran)} seeds: an adjusted p of at most"
                f" {wording.level(level)} counts"
            ),
        )
    if not declared and tuple(ran) == tuple(planned):
        return Look()
    expected = (
        f"looks declared at {wording.listed([str(n) for n in declared])} seeds, this is one at {len(ran)}"
        if declared
        else f"planned {wording.seeds(list(planned))}, ran {wording.seeds(list(ran))}"
    )
    return Look(
        looked=True,
        label=(
            f"seed count not as planned ({expected}): verdicts are those of a test that holds however often one"
            " looked"
        ),
    )

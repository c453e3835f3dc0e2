"""Which images a probe looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench.errors import SuiteError, shown
from bench.trial import generator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.plugins import Dataset

IMAGES: Final = 1024  # unless the suite says


def fixed(data: Dataset, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The same ``count`` training images for every variant and seed, or all if there are fewer."""
    return drawn(data, count, data.checksum, "images of probes")


def drawn(data: Dataset, count: int, *role: object) -> tuple[np.ndarray, np.ndarray]:
    """``count`` training images and labels, without replacement, by a generator of this role."""
    n = len(data.y_train)
    rows = np.sort(generator(*role).permutation(n)[: min(count, n)])
    return data.x_train[rows], data.y_train[rows]


def check_count(arguments: Mapping[str, Any], name: str, least: int) -> None:
    """Refuse an argument that is not a whole number from ``least``.

    Raises:
        SuiteError: says what was expected.
    """
    value = arguments.get(name, least)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise SuiteError(
            "not a valid value",
            where=name,
            expected=f"a whole number from {least}",
            found=shown(value),
        )

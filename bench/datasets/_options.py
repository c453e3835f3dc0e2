"""What a suite may say of any file of numbers: by what x is multiplied, and what the targets are."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

from bench.errors import DatasetError, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

Targets = Literal["real", "classes"]
OPTIONS: Final = ("scale", "targets")  # keys that a suite may leave out
_SMALLEST, _LARGEST = 1e-30, 1e30  # float32 has no more


class Said(TypedDict):
    """The options as ``_arrays.dataset`` takes them; None where the suite does not say."""

    scale: float | None
    targets: Targets | None


def of(arguments: Mapping[str, Any]) -> Said:
    """The options among the arguments of a source, which ``check`` has looked at."""
    scale = arguments.get("scale")
    return {
        "scale": None if scale is None else _factor(scale),
        "targets": arguments.get("targets"),
    }


def check(source: str, arguments: Mapping[str, Any]) -> None:
    """Refuse values of options that have no meaning.

    Raises:
        DatasetError: no factor, or neither ``real`` nor ``classes``.
    """
    if "scale" in arguments and _factor(arguments["scale"]) is None:
        raise DatasetError(
            "not a factor",
            where=f"dataset {source}.scale",
            expected="a number above 0, or a fraction such as 1/255; 1: the numbers as they are",
            found=shown(arguments["scale"]),
        )
    if "targets" in arguments and arguments["targets"] not in ("real", "classes"):
        raise DatasetError(
            "not a kind of targets",
            where=f"dataset {source}.targets",
            expected="real or classes",
            found=shown(arguments["targets"]),
        )


def _factor(said: Any) -> float | None:
    """The number that is meant, None if it is none: ``0.5``, ``"0.5"`` or ``"1/255"``."""
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        return None
    try:
        over, _, under = str(said).partition("/")
        value = float(over) / float(under) if under else float(said)
    except (ValueError, ArithmeticError):
        return None
    return value if _SMALLEST <= value <= _LARGEST else None


def factor_text(factor: float) -> str:
    """A factor as people write it: 1/255, 2, 0.3141."""
    near = Fraction(factor).limit_denominator(1000)
    exact = math.isclose(float(near), factor, rel_tol=1e-12)
    return str(near) if exact and (near.numerator < 10 or near.denominator == 1) else f"{factor:g}"

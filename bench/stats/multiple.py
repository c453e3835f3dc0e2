"""p-values of a declared family, adjusted so that they can be read against alpha one by one.

Holm is what the reports use. The others are here for readers who know why they want them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np
from scipy import stats

from bench.errors import StatsError, did_you_mean, listed, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

Method = Literal[
    "bonferroni",
    "sidak",
    "holm",
    "holm-sidak",
    "shaffer",
    "hochberg",
    "hommel",
    "bh",
    "by",
]
_Array: TypeAlias = "NDArray[np.float64]"


def adjust(
    p_values: Sequence[float | None] | _Array, method: Method = "holm"
) -> tuple[float | None, ...]:
    """Adjusted p-values, in the order given, none below its raw p and none above 1.

    A None or NaN is a comparison that no test was possible for (too few seeds). It stays None and
    does not count: what is never tested is never rejected by mistake.

    =============  =======================================================  ==================
    method         what it controls, and when                               source
    =============  =======================================================  ==================
    bonferroni     family-wise error, always                                Dunn 1961
    sidak          family-wise error, independence or positive dependence   Sidak 1967
    holm           family-wise error, always; better than bonferroni        Holm 1979
    holm-sidak     as sidak, stepping down                                  Holland 1987
    shaffer        family-wise error over *all pairs* of some variants      Shaffer 1986 (S1)
    hochberg       family-wise error, independence or positive dependence   Hochberg 1988
    hommel         as hochberg, never worse                                 Hommel 1988
    bh             false discovery rate, positive dependence                Benjamini 1995
    by             false discovery rate, always                             Benjamini 2001
    =============  =======================================================  ==================

    Raises StatsError for an unknown method, a p outside [0, 1], and for shaffer unless the family
    is that of all k (k - 1) / 2 pairs, each of them tested.

    >>> adjust([0.01, 0.04, None, 0.03, 0.005])  # Holm: 0.005 counts four times, 0.01 three times, ...
    (0.03, 0.06, None, 0.06, 0.02)
    >>> [round(p, 3) for p in adjust([0.01, 0.04, 0.03, 0.005], "bh")]
    [0.02, 0.04, 0.04, 0.02]
    """
    if method not in get_args(Method):
        raise StatsError(
            f"unknown method {shown(method)}",
            expected=f"one of {listed(get_args(Method))}",
            found=shown(method),
            hint=did_you_mean(str(method), get_args(Method)),
        )
    raw = np.array([np.nan if p is None else p for p in p_values], dtype=np.float64)
    tested = ~np.isnan(raw)
    if ((raw < 0) | (raw > 1)).any():
        raise StatsError(
            "a p-value lies outside 0 to 1",
            expected="0 to 1, or None where nothing was tested",
            found=str(raw[(raw < 0) | (raw > 1)][0]),
        )
    if method == "shaffer" and not tested.all():
        raise StatsError(
            "shaffer needs every pair tested",
            expected="a p-value for every pair",
            found=f"{int((~tested).sum())} without one",
            hint="holm takes what there is",
        )
    result: list[float | None] = [None] * raw.size
    order = np.flatnonzero(tested)[np.argsort(raw[tested], kind="stable")]
    if order.size:
        adjusted = np.clip(_METHODS[method](raw[order]), raw[order], 1.0)
        for position, p in zip(order, adjusted, strict=True):
            result[position] = float(p)
    return tuple(result)


# Each takes the m p-values in ascending order, m >= 1, and may return numbers above 1.


def _bonferroni(p: _Array) -> _Array:
    return p * p.size


def _sidak(p: _Array) -> _Array:
    return _at_least_one(p, p.size)


def _holm(p: _Array) -> _Array:
    return np.maximum.accumulate(_hypotheses_left(p) * p)


def _holm_sidak(p: _Array) -> _Array:
    return np.maximum.accumulate(_at_least_one(p, _hypotheses_left(p)))


def _hochberg(p: _Array) -> _Array:
    return np.minimum.accumulate((_hypotheses_left(p) * p)[::-1])[::-1]


def _hommel(p: _Array) -> _Array:
    """Wright (1992), the algorithm of R's p.adjust."""
    m = p.size
    adjusted = np.full(m, (m * p / np.arange(1, m + 1)).min())
    for size in range(m - 1, 1, -1):
        head, tail = p[: m - size + 1], p[m - size + 1 :]
        least = (size * tail / np.arange(2, size + 1)).min()
        candidate = np.minimum(size * head, least)
        adjusted[: head.size] = np.maximum(adjusted[: head.size], candidate)
        adjusted[head.size :] = np.maximum(adjusted[head.size :], candidate[-1])
    return adjusted


def _shaffer(p: _Array) -> _Array:
    k = round((1 + (1 + 8 * p.size) ** 0.5) / 2)
    if k * (k - 1) // 2 != p.size:
        raise StatsError(
            "shaffer is for all pairs of k variants",
            expected="1, 3, 6, 10, 15, ... p-values",
            found=str(p.size),
        )
    possible = sorted(_true_pairs(k))
    still_true = [max(s for s in possible if s <= left) for left in range(p.size, 0, -1)]
    return np.maximum.accumulate(np.array(still_true) * p)


def _true_pairs(k: int) -> set[int]:
    """How many of the pairs of k means can be equal: one sum of C(size, 2) per way to group k."""
    counts: list[set[int]] = [{0}]
    for variants in range(1, k + 1):
        sizes = range(1, variants + 1)
        counts.append({j * (j - 1) // 2 + rest for j in sizes for rest in counts[variants - j]})
    return counts[k]


def _at_least_one(p: _Array, times: int | _Array) -> _Array:
    """The chance of a p this small among so many independent ones: 1 - (1 - p)^times."""
    with np.errstate(divide="ignore"):  # p = 1 gives -inf, and then 1
        return -np.expm1(times * np.log1p(-p))


def _hypotheses_left(p: _Array) -> _Array:
    return np.arange(p.size, 0, -1, dtype=np.float64)


_METHODS: dict[str, Callable[[_Array], _Array]] = {
    "bonferroni": _bonferroni,
    "sidak": _sidak,
    "holm": _holm,
    "holm-sidak": _holm_sidak,
    "shaffer": _shaffer,
    "hochberg": _hochberg,
    "hommel": _hommel,
    "bh": lambda p: stats.false_discovery_control(p, method="bh"),
    "by": lambda p: stats.false_discovery_control(p, method="by"),
}

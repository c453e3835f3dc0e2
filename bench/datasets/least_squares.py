"""Least squares made so that every constant of the theory is known: curvature, minimum and minimiser.

For the mean squared error of a linear model without bias, f(w) = mean_i (x_i . w - y_i)^2, the Hessian is
H = (2 / n) X^T X. Here X = sqrt(n / 2) U diag(sqrt(lambda)) V^T with orthonormal columns in U (n, rank) and
V (d, rank), so that H has exactly the eigenvalues lambda_1 >= ... >= lambda_rank > 0, and 0 beyond rank:

    geometric   lambda_i = condition^(-(i - 1) / (rank - 1)): L = 1, and mu = 1 / condition where rank = d
    power       lambda_i = i^-2: L = 1; meant for rank < d, where f is convex but not strongly convex

The targets are y = X w* + e with e orthogonal to the columns of X and mean(e^2) = noise^2: f is smallest at w*,
and there f* = noise^2. w* = V c with

    geometric   c_i = 1
    power       c_i = 10 / sqrt(i)

With the power law, started at w = 0 with step 1 / L, after k steps of gradient descent

    f - f* = 1/2 sum_i i^-2 (1 - i^-2)^(2 k) c_i^2 = 50 sum_i i^-3 (1 - i^-2)^(2 k)

of which the terms with i^2 > 2 k are still there. They sum to about 12.5 / k: the excess falls like 1 / k, as
slowly as the theory of convex functions allows, while 2 k < rank^2. Nesterov's method has damped the terms with
i < k, and its excess falls like 1 / k^2 while k < rank. Initial weights much smaller than c change this little.

The test set is a fresh draw from the same model: n / 5 rows (at least 1) x = V diag(sqrt(lambda / 2)) z with z
standard normal, and y = x . w* + noise times a standard normal number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench.datasets import _arrays
from bench.errors import DatasetError, did_you_mean, shown
from bench.trial import generator

if TYPE_CHECKING:
    from pathlib import Path

    from bench.plugins import Dataset

ARGUMENTS = ("least_squares",)
DEFAULTS: Final[Mapping[str, Any]] = {
    "spectrum": "geometric",
    "condition": 100,
    "n": 500,
    "d": 50,
    "rank": None,
    "noise": 1.0,
}
LARGEST: Final = 20_000_000  # numbers in X


def load(arguments: Mapping[str, Any], folder: Path) -> Dataset:
    """``{least_squares: {condition: 100, n: 500, d: 50, spectrum: geometric, noise: 1.0, rank: 50}}``.

    Args:
        arguments: what differs from ``DEFAULTS``. condition: largest over smallest eigenvalue (not 0) of
            a geometric spectrum; n: training rows; d: columns; rank: eigenvalues that are not 0, default d;
            noise: square root of f*.
        folder: not used; nothing is read.

    Returns:
        float64 arrays; the same for the same arguments, whatever the trial's seed.

    Raises:
        DatasetError: values that make no such problem.
    """
    del folder
    given = {**DEFAULTS, **(arguments["least_squares"] or {})}
    n, d, noise = given["n"], given["d"], float(given["noise"])
    rank = given["rank"] or d
    eigenvalues, c = spectrum(given["spectrum"], rank, given["condition"])
    rng = generator("least squares", n, d, rank)
    u, _ = np.linalg.qr(rng.standard_normal((n, rank)))
    v, _ = np.linalg.qr(rng.standard_normal((d, rank)))
    minimiser = v @ c
    x = np.sqrt(n / 2) * (u * np.sqrt(eigenvalues)) @ v.T
    e = rng.standard_normal(n)
    e -= u @ (u.T @ e)
    y = x @ minimiser + noise * e / np.sqrt(np.mean(e**2))
    fresh = rng.standard_normal((max(n // 5, 1), rank)) @ (v * np.sqrt(eigenvalues / 2)).T
    fresh_y = fresh @ minimiser + noise * rng.standard_normal(len(fresh))
    shown = ", ".join(f"{key} {given[key]}" for key in arguments["least_squares"] or {})
    return _arrays.dataset(
        f"least squares ({shown})" if shown else "least squares",
        (x, y),
        (fresh, fresh_y),
        origin="made for this trial: linear targets with known curvature, see "
        "bench/datasets/least_squares.py",
        where="least_squares",
        usual_scale=1.0,
        targets="real",
        precision=np.float64,
    )


def spectrum(kind: str, rank: int, condition: float) -> tuple[np.ndarray, np.ndarray]:
    """(rank,) eigenvalues of the Hessian, descending from 1, and (rank,) coefficients of w* along them."""
    i = np.arange(1, rank + 1)
    if kind == "power":
        return i**-2.0, 10 / np.sqrt(i)
    return float(condition) ** (-(i - 1) / max(rank - 1, 1)), np.ones(rank)


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse what makes no such problem.

    Raises:
        DatasetError: an unknown key, or a value out of its range.
    """
    written = arguments["least_squares"]
    if written is not None and not isinstance(written, Mapping):
        raise DatasetError(
            "not a least-squares problem",
            where="dataset least_squares",
            expected="{least_squares: {condition: 100, n: 500, d: 50}}",
            found=shown(written),
        )
    given = {**DEFAULTS, **(written or {})}
    for key in given:
        if key not in DEFAULTS:
            raise DatasetError(
                f"unknown key {shown(key)}",
                where="dataset least_squares",
                expected="one of " + ", ".join(DEFAULTS),
                found=shown(key),
                hint=did_you_mean(key, DEFAULTS),
            )
    rules: list[tuple[str, Callable[[Any], bool], str]] = [
        ("spectrum", lambda v: v in ("geometric", "power"), "geometric or power"),
        ("condition", lambda v: _number(v) and 1 <= v <= 1e12, "a number from 1 to 1e12"),
        ("n", lambda v: _count(v) and v <= LARGEST, f"a whole number from 1 to {LARGEST}"),
        ("d", lambda v: _count(v) and v < given["n"], "a whole number from 1 to below n"),
        ("rank", lambda v: v is None or (_count(v) and v <= given["d"]), "1 to d"),
        ("noise", lambda v: _number(v) and 0 <= v <= 1e6, "a number from 0 to 1e6"),
    ]
    for key, fits, expected in rules:
        if not fits(given[key]):
            raise DatasetError(
                f"not a value for {shown(key)}",
                where="dataset least_squares",
                expected=expected,
                found=shown(given[key]),
            )
    if given["n"] * given["d"] > LARGEST:
        raise DatasetError(
            "this problem is too large",
            where="dataset least_squares",
            expected=f"n times d up to {LARGEST}",
            found=f"{given['n']} times {given['d']}",
        )


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(value: Any) -> bool:
    return type(value) is int and value >= 1

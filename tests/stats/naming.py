"""How often a law is named, rightly or wrongly: simulated studies of curves whose law is known.

    python -m tests.stats.naming          # the tables of docs/convergence.md, written into it

A study is some seeds' curves. *Right* is the law that drew them; where no law drew them every name
is wrong, also that of the nearest law.
"""

from __future__ import annotations

import math
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import lfilter

from bench.stats import fit_rates_over_seeds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SPAN = 50.0  # epochs
SIZE = 0.02  # of the noise, relative
DOCUMENT = Path(__file__).parents[2] / "docs" / "convergence.md"


@dataclass(frozen=True)
class Truth:
    """A curve, of k and the speed of a seed, and the law that it follows."""

    curve: Callable[[np.ndarray, float], np.ndarray]
    law: str | None = None
    rate: float = math.nan
    floor: float | None = None
    """If it is known to who fits."""
    size: float = SIZE
    """Of the noise."""


def geometric(a, rho, **more):
    return Truth(lambda k, v: a + 2 * rho ** (v * k), "geometric", -math.log(rho), **more)


def power(a, p, **more):
    return Truth(lambda k, v: a + 2 * (k + 1) ** (-p * v), "power", p, **more)


def hyperbolic(a, c, **more):
    return Truth(lambda k, v: a + 2 / (1 + c * v * k), "hyperbolic", c, **more)


def stretched(a, c, beta, **more):
    return Truth(lambda k, v: a + 2 * np.exp(-((c * v * k) ** beta)), "stretched", c, **more)


def two_rate(a, slow, fast, **more):
    def curve(k, v):
        return a + slow ** (v * k) + fast ** (v * k)

    return Truth(curve, "two-rate", -math.log(slow), **more)


LAWS = {
    "geometric": geometric(0.2, 0.9),
    "geometric, fast": geometric(0.5, 0.75),
    "geometric, slow, no floor": geometric(0.0, 0.95),
    "power, p = 0.5": power(0.1, 0.5),
    "power, p = 2": power(0.02, 2.0),
    "power, p = 1.5, no floor": power(0.0, 1.5),
    "hyperbolic": hyperbolic(0.1, 0.2),
    "hyperbolic, c = 0.5": hyperbolic(0.1, 0.5),
    "hyperbolic, no floor": hyperbolic(0.0, 0.1),
    "stretched, β = 0.5": stretched(0.1, 0.2, 0.5),
    "stretched, β = 0.7": stretched(0.1, 0.15, 0.7),
    "stretched, β = 2": stretched(0.1, 0.06, 2.0),
    "two-rate": two_rate(0.1, 0.9, 0.4),
    "two-rate, no floor": two_rate(0.0, 0.97, 0.7),
    "geometric, floor known": geometric(0.3, 0.9, floor=0.3),
    "power, floor known": power(0.3, 0.5, floor=0.3),
    "hyperbolic, floor known": hyperbolic(0.3, 0.3, floor=0.3),
}

HARD = {  # no law need be named; a wrong one must not
    "geometric, little of it seen": geometric(0.2, 0.99),
    "geometric, high floor": geometric(20.0, 0.9),
    "geometric, 10 % noise": geometric(0.2, 0.9, size=0.1),
    "power, 10 % noise": power(0.1, 0.5, size=0.1),
    "hyperbolic, 10 % noise": hyperbolic(0.1, 0.2, size=0.1),
    "stretched, 10 % noise": stretched(0.1, 0.2, 0.5, size=0.1),
    "two-rate, 10 % noise": two_rate(0.1, 0.9, 0.4, size=0.1),
    "power, p = 1.02": power(0.02, 1.02),
    "power, p = 1.1": power(0.1, 1.1),
    "power, flat": power(0.5, 0.2),
    "hyperbolic, c = 1.05": hyperbolic(0.0, 1.05),
    "stretched, β = 0.95": stretched(0.1, 0.1, 0.95),
    "stretched, little of it seen": stretched(0.0, 0.005, 0.5),
    "two rates that are close": two_rate(0.1, 0.95, 0.8),
}


def _three(a, *rates):
    return Truth(lambda k, v: a + sum(rho ** (v * k) for rho in rates))


def _sigmoid(a, middle, width):
    return Truth(lambda k, v: a + 2 / (1 + np.exp((v * k - middle) / width)))


NO_LAWS = {
    "1 / log(k + 2)": Truth(lambda k, v: 1 / np.log(v * k + 2)),
    "1 / log(k + e)": Truth(lambda k, v: 1 / np.log(v * k + math.e)),
    "1 / log(k + 10)": Truth(lambda k, v: 1 / np.log(v * k + 10)),
    "0.1 + 2 / log(k + e)": Truth(lambda k, v: 0.1 + 2 / np.log(v * k + math.e)),
    "1 / (1 + log(1 + k))": Truth(lambda k, v: 1 / (1 + np.log1p(v * k))),
    "1 / log(k + 2)²": Truth(lambda k, v: np.log(v * k + 2) ** -2),
    "1 / √log(k + 2)": Truth(lambda k, v: np.log(v * k + 2) ** -0.5),
    "log(k + 2) / (k + 1)": Truth(lambda k, v: np.log(v * k + 2) / (v * k + 1)),
    "sigmoid": _sigmoid(0.1, 20, 4),
    "sigmoid, early": _sigmoid(0.1, 10, 3),
    "sigmoid, at once": _sigmoid(0.1, 2, 3),
    "sigmoid, late": _sigmoid(0.0, 30, 5),
    "three exponentials": _three(0.1, 0.97, 0.8, 0.4),
    "three exponentials, no floor": _three(0.0, 0.98, 0.9, 0.5),
    "three exponentials, near": _three(0.1, math.exp(-0.04), math.exp(-0.2), math.exp(-1)),
    "a drop at half": Truth(
        lambda k, v: 0.1 + np.where(k < 25, 0.5 + 2 * 0.9 ** (v * k), 0.2 + 0.3 * 0.8 ** (k - 25))
    ),
    "two small drops": Truth(
        lambda k, v: (0.2 + 2 * 0.9 ** (v * k)) * np.where(k < 20, 1, np.where(k < 35, 0.9, 0.8))
    ),
    "plateau, then fall": Truth(lambda k, v: 0.1 + 2 * 0.85 ** np.maximum(v * k - 15, 0)),
    "waves": Truth(lambda k, v: 0.2 + 2 * 0.9 ** (v * k) * (1 + 0.2 * np.cos(k / 2))),
    "a straight line": Truth(lambda k, v: 2 - 1.5 * v * k / 60),
    "constant": Truth(lambda k, v: 1 + 0 * k * v),
    "random walk": Truth(lambda k, v: 1 + 0 * k * v),
}

TRUTHS = LAWS | HARD | NO_LAWS


def _ar(rng, shape, phi):
    shocks = rng.normal(size=shape) * math.sqrt(1 - phi**2)
    return lfilter([1], [1, -phi], shocks, axis=1, zi=phi * rng.normal(size=(shape[0], 1)))[0]


NOISES = {
    "independent": 0.0,
    "AR(1) 0.5": 0.5,
    "AR(1) 0.7": 0.7,
    "AR(1) 0.9": 0.9,
    "AR(1) 0.9 and white": 0.9,
    "long tails": 0.0,
    "additive": 0.5,
    "own speeds": 0.5,
}
"""The coefficient of each. *Additive* noise has the same size all along, a share of the mean; with
*own speeds* the rates of the seeds differ by 10 %; *long tails* are those of Student's t with three
degrees of freedom."""


def study(name, noise, rng, *, seeds=8, points=51):
    """The curves of some seeds, each (k, values)."""
    truth, k = TRUTHS[name], np.linspace(0, SPAN, points)
    errors = _ar(rng, (seeds, points), NOISES[noise])
    if noise == "AR(1) 0.9 and white":
        errors = (errors + rng.normal(size=errors.shape)) / math.sqrt(2)
    if noise == "long tails":
        errors = rng.standard_t(3, size=errors.shape) / math.sqrt(3)
    errors *= truth.size
    if name == "random walk":
        errors = 0.05 * np.cumsum(rng.normal(size=errors.shape), axis=1)
    speeds = np.exp(0.1 * rng.normal(size=seeds) * (noise == "own speeds"))
    clean = np.array([truth.curve(k, speed) for speed in speeds])
    if noise == "additive":
        return [(k, values) for values in clean + errors * clean.mean()]
    floor = truth.floor or 0.0
    return [(k, values) for values in floor + (clean - floor) * np.exp(errors)]


@dataclass(frozen=True)
class Outcome:
    """Shares of so many studies; `covered` of those with an interval of the true law's rate."""

    right: float
    wrong: float
    covered: float


def outcome(name, noise, studies, *, seeds=8, points=51):
    """Of studies that have a generator of their own."""
    truth = TRUTHS[name]
    rng = np.random.default_rng([seeds, points, [*NOISES].index(noise), [*TRUTHS].index(name)])
    found = [
        fit_rates_over_seeds(study(name, noise, rng, seeds=seeds, points=points), floor=truth.floor)
        for _ in range(studies)
    ]
    covered = [
        one.rate_low <= truth.rate <= one.rate_high
        for one in found
        if one.best_family == truth.law and one.rate_low is not None
    ]
    named = [one.family for one in found if one.family != "cannot be determined"]
    right = sum(family == truth.law for family in named)
    return Outcome(
        right / studies,
        (len(named) - right) / studies,
        float(np.mean(covered)) if covered else math.nan,
    )


# --- the tables of the documentation ---------------------------------------------------------------

STUDIES = 40
SHOWN = ("independent", "AR(1) 0.5", "AR(1) 0.9", "additive", "own speeds")
FEW = (  # for other numbers of seeds and points
    "geometric",
    "power, p = 0.5",
    "hyperbolic",
    "stretched, β = 0.5",
    "1 / log(k + 2)",
    "sigmoid",
    "three exponentials",
    "a drop at half",
)


def _all(jobs: Iterable[tuple]) -> list[Outcome]:
    with ProcessPoolExecutor() as pool:
        return list(pool.map(_outcome, jobs))


def _outcome(job: tuple) -> Outcome:
    name, noise, seeds, points = job
    return outcome(name, noise, STUDIES, seeds=seeds, points=points)


def _share(values: Iterable[float]) -> str:
    return f"{100 * np.nanmean(list(values)):.0f}"


def _rows(head: list[str], rows: Iterable[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def by_truth() -> str:
    """Two tables: of laws the share named rightly and wrongly, of other curves the share named."""
    jobs = [(name, noise, 8, 51) for name in TRUTHS for noise in SHOWN]
    found = dict(zip(jobs, _all(jobs), strict=True))
    of = {name: [found[name, noise, 8, 51] for noise in SHOWN] for name in TRUTHS}
    laws = [
        [
            name,
            *(f"{_share([one.right])} / {_share([one.wrong])}" for one in of[name]),
            _share(one.covered for one in of[name]),
        ]
        for name in [*LAWS, *HARD]
    ]
    others = [[name, *(_share([one.wrong]) for one in of[name])] for name in NO_LAWS]
    first = _rows(["law: right / wrong, %", *SHOWN, "interval holds the rate, %"], laws)
    return f"{first}\n\n{_rows(['no law: named, %', *SHOWN], others)}"


def by_size() -> str:
    """A table of numbers of seeds and points, under AR(1) noise of 0.7."""
    sizes = [(seeds, points) for seeds in (3, 5, 8, 10) for points in (12, 51, 200)]
    jobs = [(name, "AR(1) 0.7", *size) for size in sizes for name in FEW]
    found = dict(zip(jobs, _all(jobs), strict=True))

    def shares(size: tuple[int, int]) -> list[str]:
        of = {name: found[name, "AR(1) 0.7", *size] for name in FEW}
        laws = [of[name] for name in FEW if name in LAWS]
        return [
            _share(one.right for one in laws),
            _share(one.wrong for one in laws),
            _share(of[name].wrong for name in FEW if name in NO_LAWS),
            _share(one.covered for one in laws),
        ]

    head = [
        "seeds",
        "points",
        "right, %",
        "wrong, %",
        "named without a law, %",
        "interval holds, %",
    ]
    return _rows(head, [[f"{n}", f"{points}", *shares((n, points))] for n, points in sizes])


def main() -> None:
    """Measure again, and write what was measured into the documentation."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, table in (("by truth", by_truth), ("by size", by_size)):
        before, begin, rest = text.partition(f"<!-- {name}: python -m tests.stats.naming -->")
        _, end, after = rest.partition(f"<!-- end of {name} -->")
        text = f"{before}{begin}\n\n{table()}\n\n{end}{after}"
        DOCUMENT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

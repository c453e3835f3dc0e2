"""Our engine against other ways to train the same network: ``tox -e peers``; docs/performance.md says how.

Not named ``test_*.py``, so that the tests do not run it. All ways are measured in one interleaved run, by
``measured_ways``; the benchmarks below only hand their seconds to pytest-benchmark, by a clock that shows them.
"""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import driver
import pytest
import table

FOLDER = Path("bench-results/peers")
# The mean objective over six epochs varies over seeds by about 1.6 % (one standard deviation), so two of them
# differ by 8 % once in 2,000 times. Half the penalty changes it by 32 %; twice the penalty by 5 %, unseen.
TOLERANCE = 0.08


@dataclass
class Clock:
    """Goes forward by the seconds that are played."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now

    def play(self, seconds: float) -> None:
        self.now += seconds


CLOCK = Clock()


@dataclass(frozen=True)
class Run:
    """What was measured, and each worker's mean objective over the epochs that all have trained."""

    measured: dict[driver.Way, list[driver.Measured]]
    objectives: dict[driver.Way, float]
    left_out: dict[str, str]
    targets: list[table.Target]


def is_judged(way: driver.Way) -> bool:
    """Whether it trains what all train; others train something else, or do not train."""
    return way.library != "blas" and not way.options.keys() & {"variant", "evaluates"}


@pytest.fixture(scope="module")
def run(pytestconfig) -> Run:
    """Prepare every worker, measure all ways round by round, save and show the table."""
    number = pytestconfig.getoption("benchmark_min_rounds")
    found: dict[str, Any] = {"circumstances": table.circumstances(), "rounds": number}
    with driver.prepared([*table.WAYS, table.REFERENCE]) as (team, left_out):
        timed = {way: workers for way, workers in team.items() if way != table.REFERENCE}
        measured = driver.rounds(timed, left_out, number)
        for _ in range(number):
            driver.measure(table.REFERENCE, team[table.REFERENCE])
    objectives = {
        way: statistics.mean(o for w in team[way] for o in w.objectives[: number + 1])
        for way in (*measured, table.REFERENCE)
        if is_judged(way)
    }
    rows = table.rows(measured, objectives)
    targets = table.targets({way: row["seconds"] for way, row in zip(measured, rows, strict=True)})
    found |= {"rows": rows, "targets": [asdict(t) for t in targets], "left_out": left_out}
    text = table.save(FOLDER, found)
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\n\n{text}\nsaved in {FOLDER}")  # noqa: T201
    return Run(measured, objectives, left_out, targets)


def measured(run: Run, way: driver.Way) -> list[driver.Measured]:
    if way.name in run.left_out:
        pytest.skip(f"{way.name}: {run.left_out[way.name]}")
    return run.measured[way]


@pytest.mark.benchmark(timer=CLOCK, group="seconds per seed-epoch")
@pytest.mark.parametrize("way", table.WAYS, ids=lambda way: way.name)
def test_seconds_per_seed_epoch(run, way, benchmark):
    found = measured(run, way)
    seconds = iter([m.seconds for m in found])
    benchmark.extra_info |= asdict(way) | {"busy": [m.busy for m in found]}
    benchmark.pedantic(lambda: CLOCK.play(next(seconds)), rounds=len(found))


@pytest.mark.parametrize("way", list(filter(is_judged, table.WAYS)), ids=lambda w: w.name)
def test_everybody_trains_the_same(run, way):
    measured(run, way)
    same = table.REFERENCE if way.library == "sklearn" else table.OURS_ONE
    assert run.objectives[way] == pytest.approx(run.objectives[same], rel=TOLERANCE)


def test_targets(run, pytestconfig):
    missed = [t.says for t in run.targets if not t.met]
    if not pytestconfig.getoption("enforce"):
        pytest.skip("the table says which are met; --enforce fails if one is not")
    assert not missed

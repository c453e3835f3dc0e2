"""For pytest: ``pytest suite.yaml --benchmark-only`` times each variant of a suite, alone on the machine.

A suite that is named on the command line (a YAML file with a top-level key ``suite``) is collected; every
distinct way of training in it is an item, ``question/variant``. The first item that runs has all that were
selected measured, in rounds; then each reports its own through pytest-benchmark, with all that offers.
``--benchmark-min-rounds`` says how many rounds. Other files are never touched, and nothing is imported
before a suite is collected.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.errors import BenchError
    from bench.suite import Suite
    from bench.trial import Use

_MOST: Final = 10_000_000  # characters of a suite
_OURS: Final = re.compile(r"^suite\s*:", re.MULTILINE)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SuiteFile | None:
    """Collect a suite that was named on the command line."""
    if file_path.suffix != ".yaml" or not parent.session.isinitpath(file_path):
        return None
    with file_path.open(
        encoding="utf-8", errors="replace"
    ) as file:  # pytest gives plain files alone
        if not _OURS.search(file.read(_MOST)):
            return None
    suite: SuiteFile = SuiteFile.from_parent(parent, path=file_path)
    return suite


class SuiteFile(pytest.File):
    """A suite with its distinct ways of training."""

    def collect(self) -> Iterator[pytest.Item]:
        """An item for each, under the name of its first use."""
        if not self.config.pluginmanager.hasplugin("benchmark"):
            raise self.CollectError("a suite is timed by pytest-benchmark, which is not installed")
        from bench import driver
        from bench.errors import BenchError
        from bench.suite import load_suite
        from bench.trial import expand

        try:
            self._suite: Suite = load_suite(self.path)
            self._uses: dict[str, Use] = driver.ways(expand(self._suite))
        except BenchError as error:
            raise self.CollectError(str(error)) from None
        self._clock = _Clock()
        self._measured: dict[str, list[float]] | BenchError | None = None
        for settings, use in self._uses.items():
            item: VariantItem = VariantItem.from_parent(
                self, name=f"{use.question}/{use.variant}", callobj=_report
            )
            item.settings = settings
            item.add_marker(pytest.mark.benchmark(timer=self._clock, group=use.question))
            yield item

    def play(self, settings: str, benchmark: Any) -> None:
        """Hand the seconds of a variant to pytest-benchmark, by a clock that shows them."""
        rounds = self.config.getoption("benchmark_min_rounds") if benchmark.enabled else 1
        seconds = iter(self._seconds(rounds)[settings])
        benchmark.pedantic(lambda: self._clock.forward(next(seconds, 0.0)), rounds=rounds)

    def _seconds(self, rounds: int) -> dict[str, list[float]]:
        """Seconds by round of every item of this file that was selected; measured once."""
        from bench.errors import BenchError

        if self._measured is None:
            try:
                self._measured = self._measure(rounds)
            except BenchError as error:
                self._measured = error
        if isinstance(self._measured, BenchError):
            raise self._measured
        return self._measured

    def _measure(self, rounds: int) -> dict[str, list[float]]:
        from bench import driver

        items = (item for item in self.session.items if isinstance(item, VariantItem))
        chosen = {i.settings: self._uses[i.settings] for i in items if i.parent is self}
        found: dict[str, list[float]] = {settings: [] for settings in chosen}
        for timings in driver.timed(self._suite, chosen, rounds):
            for timing in timings:
                found[timing.settings].append(timing.seconds)
        return found


class VariantItem(pytest.Function):
    """A way of training; ``settings`` is its ``Training.of_an_epoch``."""

    settings: str

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it is: in the suite, not in this module."""
        return self.path, 0, self.name

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]
        """An error of Seedwise speaks for itself."""
        from bench.errors import BenchError

        if isinstance(excinfo.value, BenchError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


def _report(request: pytest.FixtureRequest, benchmark: Any) -> None:
    item = request.node
    item.parent.play(item.settings, benchmark)


class _Clock:
    """Goes forward by the seconds that are played."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        return self._now

    def forward(self, seconds: float) -> None:
        self._now += seconds

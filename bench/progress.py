"""Progress of a run on the terminal: a live line, or plain lines where there is none."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final, Self

from bench import estimate
from bench.frames import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from rich.console import Console
    from rich.progress import Progress as Bar

    from bench.driver import Plan
    from bench.trial import Trial, TrialResult, Use

PLAIN_EVERY_S: Final = 10.0  # between lines where there is no terminal
LEAST_S: Final = 0.2  # of any trial, whose arithmetic is not all


def duration(seconds: float) -> str:
    """A time for people: 8 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Progress:
    """An observer of a run: trials done, epochs per second, time left, the best so far.

    Trials weigh as much as they are expected to take, so that the time left is not fooled by short ones.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Bar | None = None
        self._begin = self._said = time.monotonic()
        self._total = self._done = self._epochs = 0
        self._weight = self._weight_done = 0.0
        self._weights: dict[str, float] = {}
        self._noted = {""}  # said once each; the report says them at every variant
        self._best = ""
        self._best_value: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def noted(self, text: str) -> None:
        """Say what to know before the run begins."""
        self._console.print(f"note: {text}", soft_wrap=True)

    def planned(self, plan: Plan, workers: int) -> None:
        """Say what will be done, and begin to count."""
        kept = len(plan.trials) - len(plan.todo)
        seconds = estimate.seconds(plan.todo, workers)
        text = f"{len(plan.trials)} trials"
        text += f", {kept} of them finished before" if kept else ""
        if plan.todo:
            text += f"; {workers or 'no'} worker{'s' * (workers != 1)}"
            text += f", about {duration(seconds)}" if seconds else ""
        self._console.print(text)
        self._total = len(plan.todo)
        self._weights = _weights(plan.todo)
        self._weight = sum(self._weights.values())
        self._begin = self._said = time.monotonic()
        if self._console.is_terminal and plan.todo:
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                BarColumn(), TextColumn("{task.description}", markup=False), console=self._console
            )
            self._bar.add_task(f"0 of {self._total} trials", total=self._weight)
            self._bar.start()

    def finished(self, use: Use, result: TrialResult) -> None:
        """Count one trial."""
        self._done += 1
        self._weight_done += self._weights.get(result.trial_id, 0.0)
        self._epochs += int(result.curve[-1].epoch) if result.curve else 0
        self._keep_best(use, result)
        if result.status != "completed":
            name = f"{use.question} / {use.variant} / seed {result.seed}"
            self._console.print(f"{result.status}: {name}")
        if result.notes not in self._noted:
            self._noted.add(result.notes)
            self._console.print(
                f"note: {use.question} / {use.variant}: {result.notes}", markup=False
            )
        text = self._text()
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._weight_done, description=text)
        elif time.monotonic() - self._said >= PLAIN_EVERY_S or self._done == self._total:
            self._said = time.monotonic()
            self._console.print(text)

    def _text(self) -> str:
        spent = max(time.monotonic() - self._begin, 1e-9)
        left = spent * (self._weight / self._weight_done - 1) if self._weight_done else 0.0
        time_left = f"{duration(left)} left" if self._done < self._total else duration(spent)
        rate = f"{self._epochs / spent:.1f} epochs/s"
        return f"{self._done} of {self._total} trials · {rate} · {time_left}{self._best}"

    def _keep_best(self, use: Use, result: TrialResult) -> None:
        if result.status != "completed" or not result.curve:
            return
        value = result.curve[-1].test_accuracy
        if math.isnan(value):  # real-valued targets
            return
        if self._best_value is None or value > self._best_value:
            self._best_value = value
            label = METRICS["test_accuracy"].label
            self._best = f" · best {label} {100 * value:.2f} % ({use.variant}, seed {result.seed})"


def _weights(trials: Sequence[Trial]) -> dict[str, float]:
    """Expected seconds by id; a trial that cannot be estimated weighs as much as the mean of the others."""
    seconds = {trial.id: estimate.trial_seconds(trial.training) for trial in trials}
    known = [found for found in seconds.values() if found is not None]
    usual = math.fsum(known) / len(known) if known else LEAST_S
    return {id_: max(usual if s is None else s, LEAST_S) for id_, s in seconds.items()}

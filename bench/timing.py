"""The time of an epoch as a measurement of its own: each way of training alone on the machine, on one thread.

Everything is built, compiled and has trained an epoch before the first round. A round is one epoch of
each, in random order, so that slow drift of the machine falls on all alike and rounds can be paired. Those that
differ in a learning rate only share a compiled program and so their weights, whose values cost no time.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from bench import backend, engines, files, runner, scratch
from bench.errors import UsageError
from bench.trial import Timing, generator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bench.trial import Trial


def rounds(trials: Mapping[str, Trial], count: int) -> Iterator[list[Timing]]:
    """Prepare every trial, then measure ``count`` rounds; yields each as it is done, by ``trials``' keys.

    Args:
        trials: what to time, by ``Training.of_an_epoch``. All are in memory at once, about 10 MB each.
        count: how many rounds, 1 or more.

    Raises:
        SuiteError, DatasetError: what a trial names does not exist or does not fit.
        UsageError: this process has begun to compute on several threads.
    """
    _one_thread()
    with contextlib.ExitStack() as stack:
        ready = {
            settings: stack.enter_context(contextlib.closing(_Ready(trial)))
            for settings, trial in trials.items()
        }
        names = sorted(ready)
        for number in range(1, count + 1):
            turns = generator("order of timing", number).permutation(len(names))
            yield [Timing(names[i], number, *ready[names[i]].epoch()) for i in turns]


def trace(trial: Trial, folder: Path) -> Path:
    """Train an epoch and evaluate, under TensorFlow's profiler, and write what took how long to ``folder``.

    The trace is for TensorBoard; it is compiled and warmed up as for ``rounds``, and slower for being traced.

    Returns:
        The file written.

    Raises:
        SuiteError, DatasetError: what the trial names does not exist or does not fit.
        UsageError: this process has begun to compute on several threads, or the folder cannot be written.
    """
    _one_thread()
    profiler = backend.tensorflow().profiler.experimental
    ready = _Ready(trial)
    with scratch.Folder() as made:  # TensorFlow follows links
        with profiler.Profile(str(made), profiler.ProfilerOptions(host_tracer_level=2)):
            with profiler.Trace("train an epoch"):
                ready.epoch()
            with profiler.Trace("evaluate"):
                ready.evaluate()
        (path,) = made.rglob("*.xplane.pb")
        name = path.relative_to(made).as_posix()
        return files.write(folder, name, path.read_bytes(), what="trace")


class _Ready:
    """A network that has been compiled and has trained one epoch."""

    def __init__(self, trial: Trial) -> None:
        self._trial, self._data = trial, runner.data_of(trial)
        self._engine = engines.prepare(
            trial.training, self._data, trial.seed, trusted=trial.trusted
        )
        self._epochs = 0
        self.epoch()

    def close(self) -> None:
        """End what the engine started."""
        self._engine.close()

    def epoch(self) -> tuple[float, float]:
        """Train the next epoch: what it took in s, by the clock and of the processor."""
        self._epochs += 1
        backend.use(self._trial.training.precision)  # the networks take turns
        self._engine.start_epoch(runner.order(self._data, self._trial.seed, self._epochs))
        begin, computed = time.perf_counter(), time.process_time()
        self._engine.advance(0, self._engine.updates_per_epoch)
        return time.perf_counter() - begin, time.process_time() - computed

    def evaluate(self) -> None:
        """Evaluate as after an epoch of a run."""
        self._engine.evaluate()


def _one_thread() -> None:
    threads = backend.tensorflow().config.threading.get_intra_op_parallelism_threads()
    if threads != 1:
        raise UsageError(
            "TensorFlow has been used in this process before, and not on one thread",
            where="this process",
            expected="1 thread",
            found=f"{threads} threads" if threads else "as many as there are cores",
            hint="time the suite in a process of its own",
        )

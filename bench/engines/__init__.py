"""Engines: how a network is trained. One file per engine, found by the name a suite gives.

``compiled`` (the default) runs a whole epoch as one compiled call. ``fit`` is plain ``model.fit``, the
reference that the others must agree with. ``master_worker`` is synchronous data parallelism, exact and in
one process; ``multi_worker`` and ``parameter_server`` are TensorFlow's own, with real processes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import backend, plugins
from bench.engines import _fits
from bench.engines._cluster import OPEN_PORTS
from bench.engines._network import Job, Network
from bench.errors import SuiteError, UsageError, did_you_mean, shown

if TYPE_CHECKING:
    from bench.plugins import Dataset, Engine
    from bench.trial import Training

__all__ = ["OPEN_PORTS", "check", "is_repeatable", "is_several_processes", "prepare"]


def prepare(training: Training, data: Dataset, seed: int, *, trusted: bool = False) -> Engine:
    """Everything up to the first update: network built, initialised by ``seed``, compiled, warmed up.

    Raises:
        SuiteError: settings that Keras or the engine refuses.
    """
    module = plugins.load("engines", _name(training))
    with backend.fresh_names():
        engine: Engine = module.prepare(Job(training, data, seed, trusted))
    return engine


def check(training: Training, data: Dataset, *, trusted: bool = False) -> None:
    """Build what ``training`` names, evaluate and update with a few images, to find errors before any trial.

    Raises:
        SuiteError: settings that Keras or the engine refuses; ``where`` is the key path in the settings.
    """
    from bench.engines import _checks  # it imports TensorFlow

    name = _name(training)
    module = plugins.load("engines", name)
    _, options = plugins.named(training.engine)
    for option in options:
        if option not in module.ARGUMENTS:
            raise SuiteError(
                f"the engine {name} takes no argument {shown(option)}",
                where=f"engine.{name}.{option}",
                expected="one of " + ", ".join(module.ARGUMENTS) if module.ARGUMENTS else "none",
                found=shown(option),
                hint=did_you_mean(option, module.ARGUMENTS),
            )
    job = Job(training, data, 0, trusted)
    module.updates_per_epoch(job)
    with backend.fresh_names():
        network = Network.build(job)
        _fits.check(network, data)
        _checks.try_out(network, data, getattr(module, "update", Network.update))


def is_several_processes(training: Training) -> bool:
    """Whether the engine starts processes of its own: what it takes is no time of one thread."""
    return _says(training, "SEVERAL_PROCESSES", default=False)


def is_repeatable(training: Training) -> bool:
    """Whether the engine trains the same trial to the same bits again, on the same machine."""
    return _says(training, "REPEATABLE", default=True)


def _says(training: Training, what: str, *, default: bool) -> bool:
    """What an engine's module says of itself."""
    name, _ = plugins.named(training.engine)
    known = name in plugins.available("engines")  # or it is refused where its place can be told
    return bool(getattr(plugins.load("engines", name), what, default)) if known else default


def _name(training: Training) -> str:
    name, _ = plugins.named(training.engine)
    try:
        plugins.load("engines", name)
    except UsageError as error:
        raise SuiteError(
            error.problem,
            where=f"engine.{name}",
            expected=error.expected,
            found=error.found,
            hint=error.hint,
        ) from None
    return name

"""The contracts of what can be added as one file (a data set, an engine, a probe), and their loader.

Plug-ins are leaves: nobody imports them by name, they are found by the name a suite gives.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from bench.errors import SuiteError, UsageError, did_you_mean, shown

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np

    from bench.engines._network import Network
    from bench.trial import Training


@dataclass(frozen=True, eq=False)  # compared and hashed by identity: arrays have no truth value
class Dataset:
    """Arrays of one data set, as they stay in memory.

    Attributes:
        name: how reports call it.
        x_train: (n_train, ...) uint8, float32 or float64; engines cast it to the training's precision
            and multiply by ``scale``.
        y_train: (n_train,) int32 class numbers from 0; or real-valued targets, float64.
        x_test, y_test: the same for the test images.
        classes: number of classes; 0 where the targets are real-valued.
        scale: factor that brings the stored numbers to what the network sees (1/255 for images).
        checksum: hex digest of the content of all arrays; equal content, equal checksum.
        origin: where the data came from, for the report.
        x_validation, y_validation: images held out of training, empty if none.
        scaling: what is done with the numbers before the network sees them, and why, for the report.
        notes: what to know of the data, such as a class without training images.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: int
    scale: float
    checksum: str
    origin: str
    x_validation: np.ndarray | None = None
    y_validation: np.ndarray | None = None
    scaling: str = ""
    notes: tuple[str, ...] = ()

    @property
    def outputs(self) -> int:
        """Numbers that a network gives each image: one per class, or the prediction of the target."""
        return self.classes or 1

    @property
    def about(self) -> dict[str, Any]:
        """What a results file keeps of it, as plain values: what it is and what was done with it."""
        return {
            "checksum": self.checksum,
            "name": self.name,
            "origin": self.origin,
            "train": len(self.y_train),
            "test": len(self.y_test),
            "shape": list(self.x_train.shape[1:]),
            "range": [float(self.x_train.min()), float(self.x_train.max())],
            "classes": self.classes,
            "scale": self.scale,
            "scaling": self.scaling,
            "notes": list(self.notes),
        }

    @property
    def parts(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Images and labels by part: train, test, and validation if images are held out."""
        parts = {"train": (self.x_train, self.y_train), "test": (self.x_test, self.y_test)}
        if self.x_validation is not None and self.y_validation is not None:
            parts["validation"] = (self.x_validation, self.y_validation)
        return parts


@dataclass(frozen=True)
class Evaluation:
    """What an engine says of the current weights; objectives include regularisation.

    Accuracies are NaN where the targets are real-valued.
    """

    train_objective: float
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    learning_rate: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None


class Engine(Protocol):
    """Trains one network. The runner holds the clock: only ``advance`` is timed.

    A module in ``bench/engines`` offers ``prepare(job) -> Engine``, which builds, compiles and warms up, so
    that ``advance`` does nothing but train; and ``ARGUMENTS``, the names of the options it takes.

    Attributes:
        parameters: number of trainable weights.
        updates_per_epoch: updates that one pass over the training images takes.
        notes: what the report should say of this run, such as a fallback.
        network: what is trained, with its present weights, for probes that take gradients.
    """

    network: Network
    parameters: int
    updates_per_epoch: int
    notes: tuple[str, ...]

    def start_epoch(self, order: np.ndarray) -> None:
        """Take the epoch's permutation of the training images, (n_train,) int32; untimed."""

    def advance(self, start: int, stop: int) -> None:
        """Do updates ``start`` to ``stop`` (exclusive) of this epoch; return when they are done."""

    def evaluate(self) -> Evaluation:
        """Objective, loss and accuracy over all training and test images; untimed."""

    def predict(self) -> np.ndarray:
        """(n_test,) the class that the network gives each test image; untimed. For data with classes."""

    def weights(self) -> list[tuple[str, np.ndarray]]:
        """Path (``dense_1/kernel``) and value of every trainable array, in the model's order."""

    def measures(self) -> list[Measure]:
        """What else it knows at the end, such as how its time was spent; kept as a probe of its name."""
        return []

    def close(self) -> None:
        """End what it started; most have started nothing."""
        return


@dataclass(frozen=True)
class Trained:
    """What a probe looks at: an engine between two updates, and what it is trained on.

    Attributes:
        seed: of the trial.
        updates: how many updates there have been.
        arguments: what the suite gives the probe, without the keys that say when it is due.
    """

    engine: Engine
    data: Dataset
    training: Training
    seed: int = 0
    updates: int = 0
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Measure:
    """One number of a probe: which layer ("" for the whole network), what, how much."""

    layer: str
    measure: str
    value: float


def available(kind: str) -> list[str]:
    """Names of the plug-ins of a kind (``datasets``, ``engines``, ``probes``)."""
    package = importlib.import_module(f"bench.{kind}")
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.name[0] != "_")


def load(kind: str, name: str) -> ModuleType:
    """Import one plug-in by name.

    Raises:
        UsageError: there is none of that name.
    """
    known = available(kind)
    if name not in known:
        raise UsageError(
            f"no {kind.removesuffix('s')} is called {shown(name)}",
            where=f"{kind.removesuffix('s')} {name}",
            expected="one of " + ", ".join(known),
            found=shown(name),
            hint=did_you_mean(name, known),
        )
    return importlib.import_module(f"bench.{kind}.{name}")


def named(spec: str | Mapping[str, Any], *, where: str | None = None) -> tuple[str, dict[str, Any]]:
    """Split what a suite writes for a named thing, ``Name`` or ``{Name: {argument: value}}``.

    Raises:
        SuiteError: it is neither.
    """
    written = {spec: None} if isinstance(spec, str) else spec
    single = isinstance(written, Mapping) and len(written) == 1
    name, arguments = next(iter(written.items())) if single else (None, None)
    if not isinstance(name, str) or not (arguments is None or isinstance(arguments, Mapping)):
        raise SuiteError(
            "not a named thing",
            where=where,
            expected="Name, or {Name: {argument: value}}",
            found=shown(spec),
        )
    return name, dict(arguments or {})

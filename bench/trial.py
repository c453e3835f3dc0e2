"""A trial: one way of training with one seed, addressed by its content; and what came of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from bench.errors import SuiteError, first_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.plugins import Measure
    from bench.predictions import Packed
    from bench.suite import Settings, Suite

SCHEMA: Final = 1  # part of every id: raise it when the same settings begin to train differently
_LATER: Final[Mapping[str, object]] = {"precision": "float32", "evaluate": {}, "weights": False}
MAX_USES: Final = 1_000_000  # seeds times variants, over all questions


@dataclass(frozen=True)
class Training:
    """Everything that can change a result, but the seed. Specs are as the suite wrote them."""

    dataset: str | Mapping[str, Any]
    validation: int
    train_images: int | None
    model: str | Mapping[str, Any]
    optimizer: str | Mapping[str, Any]
    loss: str | Mapping[str, Any]
    batch_size: int | Literal["full"]
    engine: str | Mapping[str, Any]
    epochs: int
    probes: tuple[str | Mapping[str, Any], ...] = ()
    predictions: bool = True
    precision: str = "float32"
    evaluate: Mapping[str, int] = field(default_factory=dict)
    weights: bool = False

    @cached_property
    def canonical(self) -> str:
        """The settings as JSON with sorted keys: equal settings, equal text.

        Settings that came later are left out at their defaults, so that the ids of before stay.
        """
        values = asdict(self)
        for name, default in _LATER.items():
            if values[name] == default:
                del values[name]
        return json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @property
    def of_an_epoch(self) -> str:
        """What the time of an epoch depends on, as JSON: not how many follow, nor what is kept of them."""
        same = replace(self, epochs=0, evaluate={}, probes=(), predictions=False, weights=False)
        return same.canonical

    @property
    def rate(self) -> float | None:
        """The constant learning rate that the suite gives an optimizer, which keeps it in a variable."""
        rate = self._of_optimizer.get("learning_rate")
        return rate if isinstance(rate, int | float) and not isinstance(rate, bool) else None

    @cached_property
    def program(self) -> str:
        """What a program compiled for it depends on, as JSON: as an epoch's time, but any constant rate
        and any strength of ``mlp``'s penalties above 0.
        """
        same = self
        if self.rate is not None:
            any_rate = {**self._of_optimizer, "learning_rate": "any"}
            same = replace(same, optimizer={next(iter(self.optimizer)): any_rate})
        if isinstance(self.model, Mapping) and isinstance(mlp := self.model.get("mlp"), Mapping):
            any_strength = {key: "any" for key in ("l1", "l2") if mlp.get(key)}
            same = replace(same, model={"mlp": {**mlp, **any_strength}})
        return same.of_an_epoch

    @property
    def _of_optimizer(self) -> Mapping[str, Any]:
        """The arguments of an optimizer of Keras or of ours; what others make of theirs is not known."""
        spec = self.optimizer
        ours = isinstance(spec, Mapping) and len(spec) == 1 and ":" not in next(iter(spec))
        arguments = next(iter(spec.values())) if ours else None  # type: ignore[union-attr]
        return arguments if isinstance(arguments, Mapping) else {}

    @classmethod
    def from_canonical(cls, text: str) -> Training:
        """The inverse of ``canonical``."""
        values = json.loads(text)
        values["probes"] = tuple(values["probes"])
        return cls(**values)


@dataclass(frozen=True)
class Trial:
    """One training with one seed. ``folder`` is where relative paths of data sets start."""

    training: Training
    seed: int
    folder: Path = field(default_factory=Path.cwd, compare=False)
    trusted: bool = field(default=False, compare=False)

    @property
    def id(self) -> str:
        """Sixteen hex digits of the SHA-256 of all that can change the result."""
        text = f"{SCHEMA}\n{self.seed}\n{self.training.canonical}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Use:
    """Where a suite uses a trial: a trial that two questions share has two uses."""

    question: str
    variant: str
    trial: Trial


@dataclass(frozen=True)
class CurvePoint:
    """One evaluation; units as in ``frames.CURVES``."""

    epoch: float
    updates: int
    train_time_s: float
    learning_rate: float
    train_objective: float
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None


@dataclass(frozen=True)
class TrialResult:
    """What came of a trial; fields as in ``frames.TRIALS``. Plain values: it crosses processes."""

    trial_id: str
    seed: int
    settings: str
    status: str
    started_at: str
    curve: tuple[CurvePoint, ...] = ()
    probes: tuple[tuple[float, str, Measure], ...] = ()
    extras: tuple[
        tuple[int, str, float], ...
    ] = ()  # updates, one of the suite's own metrics, value
    predictions: Packed | None = None
    weights: bytes | None = None  # see bench.weights.pack
    diverged_epoch: int | None = None
    prepare_time_s: float | None = None
    evaluate_time_s: float | None = None
    wall_time_s: float | None = None
    concurrent: bool = False
    parameters: int | None = None
    dataset_checksum: str | None = None
    notes: str = ""
    error: str | None = None
    machine: str = "{}"
    versions: str = "{}"
    code: str | None = None  # see bench.own_code


@dataclass(frozen=True)
class Inputs:
    """What a trial is trained on and by that its id does not hold, only names.

    Attributes:
        data: see ``plugins.Dataset.about``.
        code: of modules that the settings name; see ``bench.own_code``.
    """

    data: Mapping[str, Any]
    code: Mapping[str, str]

    @property
    def checksum(self) -> str:
        """Of the data's content."""
        return str(self.data["checksum"])


@dataclass(frozen=True)
class Timing:
    """One epoch of one way of training, timed alone on the machine; fields as in ``frames.TIMINGS``.

    Attributes:
        settings: ``Training.of_an_epoch`` of what was trained.
    """

    settings: str
    round: int
    seconds: float
    processor_s: float


def count(suite: Suite) -> int:
    """How many uses of trials ``expand`` would make: seeds times variants, over all questions."""
    return sum(len(suite.seeds_of(name)) * len(suite.variants(name)) for name in suite.questions)


def expand(suite: Suite, *, trusted: bool = False) -> list[Use]:
    """All uses of trials in a suite, questions in order, seeds as blocks within a question.

    Raises:
        SuiteError: settings that cannot be written down as JSON, or too many trials.
    """
    if suite.imported is not None:
        raise SuiteError(
            "imported results cannot be trained here",
            where=suite.where(),
            expected="a suite that says how its variants are trained",
            found=f"results read from {suite.imported.file}",
            hint="write a suite: docs/suites.md",
        )
    if count(suite) > MAX_USES:
        raise SuiteError(
            "too many trials",
            where=suite.where(),
            expected=f"at most {MAX_USES:,} seeds of variants",
            found=f"{count(suite):,}",
            hint="split the suite, or plan fewer seeds",
        )
    uses: list[Use] = []
    folder = suite.folder.absolute()  # workers of a cluster may start elsewhere
    for question in suite.questions:
        seeds = suite.seeds_of(question)
        for variant, settings in suite.variants(question).items():
            training = _training(suite, question, settings)
            place = ("questions", question, "variants", variant)
            try:
                _ = training.canonical
            except (TypeError, ValueError) as error:
                raise SuiteError(
                    "settings that are not plain data",
                    where=suite.where(*place),
                    expected="finite numbers, text, true, false, lists and mappings",
                    found=first_line(error),
                ) from None
            uses += [
                Use(question, variant, Trial(training, seed, folder, trusted)) for seed in seeds
            ]
    return uses


def _training(suite: Suite, question: str, settings: Settings) -> Training:
    given = {f.name: getattr(settings, f.name, None) for f in fields(Training)}
    return Training(
        **given
        | {
            "dataset": suite.dataset_of(question),
            "validation": suite.validation_of(question),
            "train_images": suite.train_images,
            "epochs": suite.epochs_of(question),
            "evaluate": suite.evaluate_of(question),
            "probes": tuple(suite.probes_of(question)),
            "predictions": suite.predictions,
            "weights": suite.weights_of(question),
        }
    )


def distinct(uses: Sequence[Use]) -> list[Trial]:
    """The trials behind the uses, each once, in the order they should run.

    A seed is a block: all variants of a seed run before the next seed, in an order drawn at random,
    so that slow drift of a machine falls on all variants alike and a broken-off run is balanced.
    """
    trials = list({use.trial.id: use.trial for use in uses}.values())
    rng = generator("order of trials")
    shuffled = [trials[i] for i in rng.permutation(len(trials))]
    return sorted(shuffled, key=lambda trial: trial.seed)


def generator(*role: object) -> np.random.Generator:
    """A random generator that depends on its role alone, such as (data set, seed, "order", 3)."""
    digest = hashlib.sha256(json.dumps(role, default=str).encode()).digest()
    return np.random.Generator(np.random.Philox(int.from_bytes(digest[:16], "little")))

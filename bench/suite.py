"""Suites: what a person writes, read from YAML 1.2 and validated. Needs neither Keras nor the data.

A suite is data. Reading one runs no code; names of Keras objects are checked when a run starts.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema  # noqa: TC002  # pydantic reads the annotation

from bench import resources, yaml_text
from bench.errors import SuiteError, closest, first_line, listed, printable, shown
from bench.frames import CURVE_METRICS, METRICS, TAKEN, Metric, probe_metric
from bench.yaml_text import Keys, located

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MAX_VARIANTS: Final = 10_000  # of a question
MAX_VARIANTS_OF_ALL: Final = 100_000
MAX_EXCLUDED: Final = 1_000  # rules of a question
MAX_SEEDS: Final = 10_000
LARGEST: Final = 2**31 - 1
MAX_NAME: Final = 120  # characters
NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._=+ -]*$"


def _one_name(spec: Any) -> Any:
    """A named thing, in one way of writing it: ``Name`` if there are no arguments."""
    if isinstance(spec, str):
        return spec
    if not isinstance(spec, Mapping) or len(spec) != 1:
        raise ValueError("one name, or {Name: {argument: value}}")
    ((name, arguments),) = spec.items()
    if not (arguments is None or isinstance(arguments, Mapping)):
        raise ValueError(f"arguments of {name} as a mapping, {{argument: value}}")
    return {name: arguments} if arguments else name


def _network(spec: Any) -> Any:
    """A named thing, or ``{layers: [...]}``, which are named things."""
    if spec != "layers" and not (isinstance(spec, Mapping) and "layers" in spec):
        return _one_name(spec)
    layers = None if isinstance(spec, str) or len(spec) > 1 else spec["layers"]
    if not isinstance(layers, list) or not layers:
        raise ValueError("layers: a list of Keras layers")
    return {"layers": [_one_name(layer) for layer in layers]}


def _name(name: str, info: ValidationInfo) -> str:
    """A name that a person gives here; other programs' names, when imported, may be any printable text."""
    if info.context is None or not info.context.get("imported"):
        if not re.fullmatch(NAME, name):
            raise ValueError("a name of letters, digits, spaces and . _ = + -")
    elif not is_printable(name):
        raise ValueError("printable text, without spaces at its ends")
    return name


def is_printable(name: str) -> bool:
    """Whether ``name`` can name something imported: it shows, and in one way only."""
    seen = name.isprintable() and name == printable(name)
    return bool(name) and len(name) <= MAX_NAME and seen and name == name.strip()


Name = Annotated[
    str,
    Field(max_length=MAX_NAME, json_schema_extra={"pattern": NAME}),
    AfterValidator(_name),
]
Spec = Annotated[str | dict[str, Any], AfterValidator(_one_name)]
Network = Annotated[str | dict[str, Any], AfterValidator(_network)]
Data = str | dict[str, Any]
Closed: Final = Field(json_schema_extra={"additionalProperties": False})
Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=LARGEST)]
Seed = Annotated[int, Field(ge=0, le=LARGEST)]
Held = Annotated[int, Field(ge=0, le=LARGEST)]


def _different(seeds: int | list[int]) -> int | list[int]:
    if isinstance(seeds, list) and len(set(seeds)) < len(seeds):
        raise ValueError("different seeds")
    return seeds


Family = Literal["baseline", "all pairs"]


def _ascending(looks: list[int]) -> list[int]:
    if any(low >= high for low, high in itertools.pairwise(looks)):
        raise ValueError("ascending numbers of seeds, such as [5, 10, 15, 20]")
    return looks


Looks = Annotated[
    list[Annotated[int, Field(ge=3, le=MAX_SEEDS)]],
    Field(min_length=1, max_length=50),
    AfterValidator(_ascending),
]
Seeds = Annotated[
    Annotated[int, Field(ge=1, le=MAX_SEEDS)]
    | Annotated[list[Seed], Field(min_length=1, max_length=MAX_SEEDS)],
    AfterValidator(_different),
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, strict=True)


def _each_once(probes: list[Any]) -> list[Any]:
    if len({next(iter(_named(probe))) for probe in probes}) < len(probes):
        raise ValueError("each probe once")
    return probes


def _named(spec: str | dict[str, Any]) -> dict[str, Any]:
    """A named thing as ``{Name: arguments}``."""
    return {spec: {}} if isinstance(spec, str) else spec


Probes = Annotated[list[Spec], AfterValidator(_each_once)]


class Settings(_Model):
    """How a network is trained. In ``base`` for all variants; a variant changes what it names.

    A named thing is ``Name`` or ``{Name: {argument: value}}``. Naming the same thing again changes the
    arguments given; naming another replaces it.
    """

    model: Network | None = Field(
        default=None, description="a network: mlp, or a list of Keras layers"
    )
    optimizer: Spec | None = Field(default=None, description="a Keras optimizer by its name")
    loss: Spec | None = Field(default=None, description="a Keras loss by its name")
    batch_size: Count | Literal["full"] | None = Field(
        default=None,
        description="training images per update, over all workers; full: all of them",
    )
    engine: Spec | None = Field(
        default=None,
        description="compiled, fit, master_worker, multi_worker, parameter_server, svrg or sag",
    )
    precision: Literal["float32", "float64"] | None = Field(
        default=None, description="of weights, images, loss and optimizer"
    )


class Variant(Settings):
    """One way of training, as a difference from ``base``."""

    about: str | None = Field(default=None, description="free text, shown in the report")


class ClaimTest(_Model):
    """What decides a claim: a metric of a variant against another variant, or against a number."""

    metric: str = Field(description="a metric, or probe/layer/measure")
    variant: Name
    against: Name | None = None
    value: Number | None = Field(default=None, description="instead of another variant: a number")
    is_: Literal[
        "better", "worse", "not better", "not worse", "higher", "lower", "no practical difference"
    ] = Field(alias="is")
    margin: Annotated[Number, Field(gt=0)] | None = Field(
        default=None, description="for 'no practical difference'; for times a ratio above 1"
    )

    @model_validator(mode="after")
    def _one_opponent(self) -> Self:
        if (self.against is None) == (self.value is None):
            raise ValueError("either 'against: VARIANT' or 'value: NUMBER'")
        return self


class Claim(_Model):
    """A conclusion somebody drew, and the test that decides whether it holds."""

    says: str
    test: ClaimTest


class Evaluate(_Model):
    """When the curves are measured. Without it: before training, and after every epoch."""

    per_epoch: Count | None = Field(
        default=None, description="so many times an epoch, at equal shares of its updates"
    )
    first: Count | None = Field(
        default=None, description="per_epoch holds for so many first epochs; default: for all"
    )
    every: Count | None = Field(
        default=None, description="beyond those, only after every so many epochs and the last"
    )

    @model_validator(mode="after")
    def _one_rule_per_epoch(self) -> Self:
        if self.first is not None and self.per_epoch is None:
            raise ValueError("per_epoch: N, where there is first: M")
        if self.every is not None and self.per_epoch is not None and self.first is None:
            raise ValueError("first: M, the epochs in which per_epoch holds and every does not")
        return self


class Question(_Model):
    """One question: its variants, the baseline they are compared with, and what was claimed."""

    title: str | None = None
    ask: str = Field(description="the question, in words")
    about: str | None = Field(default=None, description="free text, shown in the report")
    baseline: Name | None = Field(default=None, description="default: the first variant")
    primary: str | None = Field(default=None, description="primary metric, if not the suite's")
    margin: Annotated[Number, Field(gt=0)] | None = Field(
        default=None, description="if not the suite's"
    )
    target: dict[str, Number] | None = Field(default=None, description="if not the suite's")
    compare: Family | None = Field(default=None, description="if not the suite's")
    dataset: Data | None = Field(default=None, description="if not the suite's")
    seeds: Seeds | None = Field(default=None, description="if not the suite's")
    epochs: Count | None = Field(default=None, description="if not the suite's")
    evaluate: Evaluate | None = Field(default=None, description="if not the suite's")
    probes: Probes | None = Field(default=None, description="if not the suite's")
    validation: Held | None = Field(default=None, description="if not the suite's")
    weights: bool | None = Field(default=None, description="if not the suite's")
    base: Settings = Settings()
    variants: Annotated[dict[Name, Variant], Closed] = Field(default_factory=dict)
    matrix: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(
        default_factory=dict, description="a grid over dotted settings, such as batch_size"
    )
    include: list[Annotated[dict[str, Any], Field(min_length=1)]] = Field(default_factory=list)
    exclude: Annotated[
        list[Annotated[dict[str, Any], Field(min_length=1)]], Field(max_length=MAX_EXCLUDED)
    ] = Field(default_factory=list)
    reported: Annotated[dict[Name, dict[str, Number]], Closed] = Field(
        default_factory=dict, description="what the source printed, per variant"
    )
    claims: list[Claim] = Field(default_factory=list)


class OwnMetric(_Model):
    """A number of every evaluation that only this suite knows."""

    better: Literal["higher", "lower"]
    label: str | None = Field(default=None, description="in words; default: its name")
    unit: str = Field(default="", max_length=40)
    percent: bool = Field(default=False, description="a share, 0 to 1, shown as percent")

    def metric(self, name: str) -> Metric:
        """What the frames and the report say of it. Without a bound, the worst is infinite."""
        higher = self.better == "higher"
        return Metric(
            name,
            label=self.label or name,
            unit=self.unit or ("share" if self.percent else ""),
            higher_is_better=higher,
            meaning="final value",
            percent=self.percent,
        )


class MixedUnits(_Model):
    """Runs of one metric that seem to be in percent, beside others that seem to be shares, 0 to 1."""

    question: Name
    metric: str
    percent: Annotated[dict[Name, list[Seed]], Closed] = Field(
        description="seeds by variant whose values lie in 1 to 100"
    )
    shares: Annotated[dict[Name, list[Seed]], Closed] = Field(
        description="seeds by variant whose values lie in 0 to 1"
    )

    @property
    def caution(self) -> str:
        """What to keep in mind, in a sentence; seeds are named where a variant has runs of both kinds."""
        split = self.percent.keys() & self.shares.keys()
        larger, smaller = (
            " and ".join(
                f"{variant} (seeds {', '.join(map(str, seeds))})" if variant in split else variant
                for variant, seeds in side.items()
            )
            for side in (self.percent, self.shares)
        )
        return (
            f"{self.metric} of {larger} looks like percent, that of {smaller} like shares (0 to 1);"
            " nothing was converted: if so, bring them to one unit in the file."
        )


class Imported(_Model):
    """Where results come from that were not trained here."""

    file: str = Field(description="name of the file")
    sha256: str = Field(description="of its content")
    rows: int = Field(description="rows of data in it")
    columns: dict[str, str | list[str]] = Field(
        description="variant, seed, step, group: the columns that were read as these"
    )
    metrics: list[str] = Field(description="columns that were read as metrics, the primary first")
    percent: list[str] = Field(
        default_factory=list, description="metrics of docs/frames.md that the file has in percent"
    )
    notes: list[str] = Field(default_factory=list, description="what the file made necessary")
    mixed: list[MixedUnits] = Field(default_factory=list, description="percent beside shares")

    def columns_of(self, role: str) -> list[str]:
        """The columns that were read as variant, seed, step or group; none where none was named."""
        named = self.columns.get(role, [])
        return [named] if isinstance(named, str) else named

    def metric(self, metric: Metric) -> Metric:
        """A metric with a name of ours, as the file has it: a loss of no known unit, a share or percent."""
        if metric.unit == "nats":
            return replace(metric, unit="")
        accuracies = ("test_accuracy", "train_accuracy")
        gap = metric.name == "generalisation_gap" and set(accuracies) <= set(self.percent)
        if metric.name in self.percent or gap:
            return replace(metric, unit="%", percent=False)
        return metric


class Size(_Model):
    """How much of a question, or of all, is trained."""

    seeds: Seeds | None = None
    epochs: Count | None = None


class Profile(Size):
    """A size of the same suite. ``seeds`` and ``epochs`` replace the questions' own, but for ``questions``."""

    questions: Annotated[dict[Name, Size], Closed] = Field(
        default_factory=dict, description="other sizes of single questions"
    )
    train_images: Count | None = None
    about: str | None = None


class Suite(_Model):
    """A whole suite: questions, each with variants over the same seeds."""

    suite: Name = Field(description="name of the suite")
    title: str
    source: str | None = Field(default=None, description="the document whose claims are tested")
    about: str | None = Field(default=None, description="free text, shown in the report")
    dataset: Data = Field(description="mnist, digits, {idx: F}, {npz: F}, {csv: F, label: C}, ...")
    validation: Held = Field(default=0, description="training images held out")
    train_images: Count | None = Field(
        default=None, description="use only so many training images (a random part, by seed)"
    )
    seeds: Seeds = Field(default=10, description="how many (0 to N-1), or a list")
    epochs: Count
    evaluate: Evaluate = Field(
        default=Evaluate(), description="when the curves are measured; default: after every epoch"
    )
    primary: str = Field(default="test_accuracy", description="the metric that decides")
    final: Count = Field(
        default=1, description="a final value is the mean over so many last epochs"
    )
    margin: Annotated[Number, Field(gt=0)] | None = Field(
        default=None, description="differences of the primary metric below this do not matter"
    )
    target: dict[str, Number] | None = Field(default=None, description="{metric: value} to reach")
    compare: Family = Field(
        default="baseline",
        description="the tests of a question: against the baseline, or all pairs",
    )
    paired: Literal["seed", "no"] = Field(
        default="seed",
        description="seed: runs of the same seed are pairs; no: they share only a number",
    )
    looks: Looks | None = Field(
        default=None, description="numbers of seeds at which results are looked at; default: once"
    )
    probes: Probes = Field(default_factory=list, description="measured beside the curves")
    predictions: bool = Field(
        default=True,
        description="keep what every trained network says of every test image, where there are classes",
    )
    weights: bool = Field(
        default=False,
        description="keep the weights of every trained network; they take the most space",
    )
    base: Settings = Settings()
    profiles: Annotated[dict[Name, Profile], Closed] = Field(default_factory=dict)
    metrics: Annotated[dict[Name, OwnMetric], Closed] = Field(
        default_factory=dict, description="metrics beyond those of docs/frames.md"
    )
    imported: SkipJsonSchema[Imported | None] = None
    questions: Annotated[dict[Name, Question], Field(min_length=1), Closed]

    _path: Path | None = PrivateAttr(default=None)
    _text: str = PrivateAttr(default="")
    _lines: dict[Keys, int] = PrivateAttr(default_factory=dict)

    @property
    def text(self) -> str:
        """The suite file as it was read."""
        return self._text

    @property
    def folder(self) -> Path:
        """The folder that relative paths in the suite start from."""
        return self._path.parent if self._path else Path.cwd()

    @property
    def seed_list(self) -> list[int]:
        """The planned seeds of all questions, each once."""
        every = [seed for question in self.questions for seed in self.seeds_of(question)]
        return list(dict.fromkeys(every))

    def where(self, *path: str | int) -> str:
        """File, line and key path of the deepest part of ``path`` that the suite spells out."""
        return located(self._path, self._lines, path)

    def says(self, *path: str | int) -> bool:
        """Whether the suite file spells out the key at ``path``."""
        return path in self._lines

    def variants(self, question: str) -> dict[str, Settings]:
        """The question's variants with their complete settings, matrix expanded.

        Raises:
            SuiteError: settings that no network could be trained with.
        """
        return _expand(self, question)

    def cells(self, question: str) -> dict[str, dict[str, Any]]:
        """The variants that come from the question's matrix, each with its levels by dotted setting."""
        matrix = self.questions[question].matrix
        return {_cell_name(cell, matrix): cell for _, cell in _cells(self, question)}

    def dataset_of(self, question: str) -> str | dict[str, Any]:
        """The data set of a question: its own, or the suite's."""
        return self.questions[question].dataset or self.dataset

    def seeds_of(self, question: str) -> list[int]:
        """The planned seeds of a question: its own, or the suite's."""
        seeds = self.questions[question].seeds or self.seeds
        return list(range(seeds)) if isinstance(seeds, int) else list(seeds)

    def epochs_of(self, question: str) -> int:
        """How long the variants of a question are trained: its own number, or the suite's."""
        return self.questions[question].epochs or self.epochs

    def evaluate_of(self, question: str) -> dict[str, int]:
        """When the curves of a question are measured, as ``Training`` writes it down."""
        plan = self.questions[question].evaluate or self.evaluate
        return plan.model_dump(exclude_none=True)

    def probes_of(self, question: str) -> list[str | dict[str, Any]]:
        """What is measured beside the curves of a question."""
        own = self.questions[question].probes
        return self.probes if own is None else own

    def validation_of(self, question: str) -> int:
        """How many training images are held out in a question."""
        own = self.questions[question].validation
        return self.validation if own is None else own

    def weights_of(self, question: str) -> bool:
        """Whether the weights of a question's networks are kept."""
        own = self.questions[question].weights
        return self.weights if own is None else own

    def metric(self, name: str) -> Metric:
        """The metric of that name: the suite's own, one of ``METRICS``, or ``probe/layer/measure``.

        Raises:
            SuiteError: there is none of that name.
        """
        if name in self.metrics:
            return self.metrics[name].metric(name)
        if name == "epochs_to_target" and self.imported is not None:
            label = f"{self.steps} to target"
            return replace(METRICS[name], label=label, unit=self.steps)
        if name in METRICS:
            known = METRICS[name]
            return known if self.imported is None else self.imported.metric(known)
        if name.count("/") >= 2:
            return probe_metric(name)
        raise _no_metric(self, name, self.where("metrics"))

    @property
    def curve_metrics(self) -> tuple[str, ...]:
        """Metrics that an evaluation can have: those of the frames, then the suite's own."""
        return (*CURVE_METRICS, *self.metrics)

    @property
    def step(self) -> str:
        """What the frames' column ``epoch`` counts: ``epoch``, or an imported file's own column."""
        if self.imported is None:
            return "epoch"
        return next(iter(self.imported.columns_of("step")), "step")

    @property
    def steps(self) -> str:
        """The unit of ``epoch``: epochs, or steps of what an imported file counts."""
        return "epochs" if self.step.casefold() in ("epoch", "epochs") else "steps"

    def baseline(self, question: str) -> str:
        """Name of the variant that the others of the question are compared with."""
        return self.questions[question].baseline or next(iter(self.variants(question)))

    def all_pairs(self, question: str) -> bool:
        """Whether each variant of the question is compared with each other one."""
        return (self.questions[question].compare or self.compare) == "all pairs"

    def as_ran(self, ran: Suite) -> Suite:
        """The same suite in the size of ``ran``, which was made of it."""
        sized = ("seeds", "epochs", "train_images", "questions")
        return self.model_copy(update={name: getattr(ran, name) for name in sized})

    def resized(
        self,
        *,
        profile: str | None = None,
        questions: list[str] | None = None,
        seeds: int | list[int] | None = None,
        epochs: int | None = None,
    ) -> Suite:
        """The suite in another size: a profile first, then what is given explicitly.

        Raises:
            SuiteError: an unknown profile or question, or numbers that make no sense.
        """
        changes: dict[str, Any] = {}
        single: dict[str, dict[str, Any]] = {}
        if profile is not None:
            _check_name("profile", profile, self.profiles, self.where("profiles"))
            chosen = self.profiles[profile]
            changes |= chosen.model_dump(exclude_none=True, exclude={"about", "questions"})
            single = {n: size.model_dump(exclude_none=True) for n, size in chosen.questions.items()}
        given = {"seeds": seeds, "epochs": epochs}
        try:
            explicit = Size.model_validate(given).model_dump(exclude_none=True)
        except ValidationError as error:
            raise _explained(error, given, None, {}) from None
        if questions:
            for name in questions:
                _check_name("question", name, self.questions, self.where("questions"))
        kept = {n: q for n, q in self.questions.items() if not questions or n in questions}
        whole = dict.fromkeys(
            {"seeds", "epochs"} & (changes | explicit).keys()
        )  # no question's own
        changes["questions"] = {
            n: q.model_copy(update=whole | single.get(n, {}) | dict.fromkeys(explicit))
            for n, q in kept.items()
        }
        return self.model_copy(update=changes | explicit)


def load_suite(name: str | Path) -> Suite:
    """Read a suite: a shipped one by its name, or a file.

    Raises:
        SuiteError: no such suite, or one that is not valid; says file, line, key and what was expected.
    """
    path = Path(name)
    if not path.suffix and not path.exists():
        shipped = {p.stem: p for p in resources.folder("suites").glob("*.yaml")}
        if str(name) not in shipped:
            raise SuiteError(
                f"no suite {str(name)!r}",
                where=str(path.absolute()),
                expected="a shipped suite or the path of a YAML file",
                found=f"shipped are {listed(sorted(shipped))}",
                hint=closest(str(name), shipped),
            )
        path = shipped[str(name)]
    try:
        text = yaml_text.of_file(path)
    except (OSError, ValueError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise SuiteError(
                "the suite is not text",
                where=str(path),
                expected="YAML in UTF-8",
                found="other bytes",
            ) from None
        raise SuiteError(
            "the suite cannot be read",
            where=str(path),
            expected="a readable YAML file",
            found=first_line(error),
            hint="give the path of a suite file, or a name that `bench list` shows",
        ) from None
    return parse_suite(text, path=path)


def parse_suite(text: str, *, path: Path | None = None) -> Suite:
    """Read a suite from YAML text; ``path`` is only for messages and relative paths.

    Raises:
        SuiteError: as ``load_suite``.
    """
    data, lines = yaml_text.read(text, path)
    if not isinstance(data, dict):
        raise SuiteError(
            "not a suite",
            where=located(path, lines, ()),
            expected="a mapping with the keys suite, title, dataset, epochs, questions, ...",
            found=shown(data),
        )
    if "imported" in data:
        raise SuiteError(
            "unknown key 'imported'",
            where=located(path, lines, ("imported",)),
            expected="one of " + ", ".join(_fields_at(())),
            found="'imported'",
            hint="`bench import` reads other programs' results",
        )
    try:
        suite = Suite.model_validate(data)
    except ValidationError as error:
        raise _explained(error, data, path, lines) from None
    suite._path, suite._text, suite._lines = path, text, lines  # noqa: SLF001
    _check_count(suite)
    _check_metrics(suite)
    for profile, size in suite.profiles.items():
        for name in size.questions:
            place = suite.where("profiles", profile, "questions", name)
            _check_name("question", name, suite.questions, place)
    for question in suite.questions:
        _check_question(suite, question)
    return suite


def schema() -> str:
    """The JSON schema of a suite, ``suites/schema.json``, by which editors complete and check."""
    page = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Suite.model_json_schema()}
    return json.dumps(page, indent=2) + "\n"


# --- errors -----------------------------------------------------------------------------------


def _explained(
    error: ValidationError,
    data: Any,
    path: Path | None,
    lines: Mapping[Keys, int],
    start: Keys = (),
) -> SuiteError:
    """The most telling of pydantic's complaints about ``data``, which stands at ``start``."""
    problems = error.errors(include_url=False)
    # A union reports every branch it tried: the most deeply placed problem is the telling one.
    first = max(problems, key=lambda p: (p["type"] == "extra_forbidden", len(p["loc"])))
    inside = _keys(first, data)
    keys = (*start, *inside)
    hint = None
    if first["type"] == "extra_forbidden":
        known = _fields_at(keys[:-1])
        problem = f"unknown key {shown(keys[-1])}"
        hint = closest(str(keys[-1]), known)
        expected, found = "one of " + ", ".join(known), shown(keys[-1])
    elif first["type"] == "missing":
        problem, expected, found = (
            f"the key {shown(keys[-1])} is missing",
            f"{keys[-1]}: ...",
            "nothing",
        )
    else:
        same = [p for p in problems if _keys(p, data) == inside]
        # If one branch of a union takes the type, only its complaint about the value matters.
        telling = [p for p in same if not p["type"].endswith("_type")] or same
        problem, expected = "not a valid value", " or ".join(map(_expected, telling))
        found = shown(first["input"])
    # The right spelling of a misspelt key is missing, which is no second problem.
    mistyped = first["type"] == "extra_forbidden"
    elsewhere = {_keys(p, data) for p in problems if not (mistyped and p["type"] == "missing")}
    others = sum(keys != inside[: len(keys)] for keys in elsewhere)
    if others:
        hint = f"{hint or ''} (and {others} more problem{'s' * (others > 1)})".strip()
    return SuiteError(
        problem, where=located(path, lines, keys), expected=expected, found=found, hint=hint
    )


def _keys(problem: ErrorDetails, data: Any) -> Keys:
    """The suite's own keys in pydantic's location, without the branches of unions it names."""
    keys: list[str | int] = []
    for part in problem["loc"]:
        item = isinstance(data, list) and isinstance(part, int)
        if item or (isinstance(data, dict) and part in data):
            data = data[part]
        elif problem["type"] != "missing" or part != problem["loc"][-1]:
            continue
        keys.append(part)
    return tuple(keys)


def _expected(problem: ErrorDetails) -> str:
    if problem["type"] in ("dict_type", "model_type"):
        return "a mapping, {key: value}"
    if problem["type"] == "too_short":
        return f"at least {problem['ctx']['min_length']}"
    return re.sub(r"^(Value error, |Input should be )", "", problem["msg"])


_PLACES: Final[Mapping[Keys, type[_Model]]] = {
    (): Suite,
    ("base",): Settings,
    ("evaluate",): Evaluate,
    ("profiles", "*"): Profile,
    ("profiles", "*", "questions", "*"): Size,
    ("metrics", "*"): OwnMetric,
    ("questions", "*"): Question,
    ("questions", "*", "base"): Settings,
    ("questions", "*", "evaluate"): Evaluate,
    ("questions", "*", "variants", "*"): Variant,
    ("questions", "*", "claims", "*"): Claim,
    ("questions", "*", "claims", "*", "test"): ClaimTest,
}


def _fields_at(keys: Keys) -> list[str]:
    model = next(
        model
        for place, model in _PLACES.items()
        if len(place) == len(keys) and all(p in ("*", k) for p, k in zip(place, keys, strict=True))
    )
    fields = [field.alias or name for name, field in model.model_fields.items()]
    return [name for name in fields if name != "imported"]  # never written by a person


def _check_name(kind: str, name: str, known: Mapping[str, Any], where: str) -> None:
    if name not in known:
        raise SuiteError(
            f"no {kind} {shown(name)}",
            where=where,
            expected=f"one of {listed(known)}" if known else f"a suite with {kind}s",
            found=shown(name),
            hint=closest(name, known),
        )


def _check_metrics(suite: Suite) -> None:
    """What metrics the suite declares, and which ones it names beside its questions' claims."""
    for name in suite.metrics:
        if name in TAKEN:
            raise SuiteError(
                f"{name} is taken",
                where=suite.where("metrics", name),
                expected="a name that no metric and no column of docs/frames.md has",
                found=shown(name),
                hint="a metric of docs/frames.md can be used as it is" if name in METRICS else None,
            )
    _check_primary(suite, suite.primary, ("primary",))
    _check_target(suite, suite.target, ("target",))
    for key, question in suite.questions.items():
        if question.primary is not None:
            _check_primary(suite, question.primary, ("questions", key, "primary"))
        _check_target(suite, question.target, ("questions", key, "target"))


def _check_primary(suite: Suite, name: str, place: Keys) -> None:
    directed = [
        known
        for known in (*METRICS, *suite.metrics)
        if suite.metric(known).higher_is_better is not None
    ]
    if name not in directed:
        raise SuiteError(
            "not a valid value",
            where=suite.where(*place),
            expected=f"a metric, one of {listed(directed)}",
            found=shown(name),
            hint=closest(name, directed),
        )


def _check_target(suite: Suite, target: dict[str, float] | None, place: Keys) -> None:
    if target is not None and (len(target) != 1 or next(iter(target)) not in suite.curve_metrics):
        raise SuiteError(
            "not a valid value",
            where=suite.where(*place),
            expected=f"one metric with its value; one of {listed(suite.curve_metrics)}",
            found=shown(target),
            hint=closest(next(iter(target), ""), suite.curve_metrics),
        )


def _no_metric(suite: Suite, name: str, where: str) -> SuiteError:
    known = (*METRICS, *suite.metrics)
    return SuiteError(
        f"no metric {shown(name)}",
        where=where,
        expected=f"a metric, one of {listed(known)}, or probe/layer/measure",
        found=shown(name),
        hint=closest(name, known),
    )


def _check_question(suite: Suite, key: str) -> None:
    """What no single field can know: names that refer to other parts, settings that are complete."""
    question = suite.questions[key]
    variants = suite.variants(key)
    here = ("questions", key)
    named: list[tuple[Keys, str | None]] = [(("baseline",), question.baseline)]
    measured: list[tuple[Keys, str]] = []
    for name, values in question.reported.items():
        named.append((("reported", name), name))
        measured += [(("reported", name, metric), metric) for metric in values]
    for index, claim in enumerate(question.claims):
        test: Keys = ("claims", index, "test")
        named.append(((*test, "variant"), claim.test.variant))
        named.append(((*test, "against"), claim.test.against))
        measured.append(((*test, "metric"), claim.test.metric))
    for place, variant in named:
        if variant is not None:
            _check_name("variant", variant, variants, suite.where(*here, *place))
    for place, metric in measured:
        _check_measured(suite, key, metric, suite.where(*here, *place))
    for index, claim in enumerate(question.claims):
        _check_direction(suite, claim.test, suite.where(*here, "claims", index, "test"))


def _check_direction(suite: Suite, test: ClaimTest, where: str) -> None:
    directed = suite.metric(test.metric).higher_is_better is not None
    if test.is_.endswith(("better", "worse")) and not directed:
        raise SuiteError(
            "not a valid value",
            where=where,
            expected=f"'higher' or 'lower': {test.metric} has no good direction of its own",
            found=shown(test.is_),
        )


def _check_measured(suite: Suite, question: str, metric: str, where: str) -> None:
    if metric in METRICS or metric in suite.metrics:
        return
    if metric.count("/") < 2:
        raise _no_metric(suite, metric, where)
    engines = [given.engine or "" for given in suite.variants(question).values()]
    probes = {next(iter(_named(spec))) for spec in [*suite.probes_of(question), *engines]}
    _check_name("probe", metric.partition("/")[0], dict.fromkeys(sorted(probes)), where)


# --- variants ---------------------------------------------------------------------------------

DEFAULTS: dict[str, Any] = {
    "loss": {"SparseCategoricalCrossentropy": {"from_logits": True}},
    "batch_size": 100,
    "engine": "compiled",
    "precision": "float32",
}


def _expand(suite: Suite, name: str) -> dict[str, Settings]:
    question = suite.questions[name]
    if suite.imported is not None:  # how they were trained is not known
        return {variant: Settings() for variant in question.variants}
    base = DEFAULTS
    for layer in (suite.base, question.base):
        base = _overlaid(base, _given(layer))
    settings = {
        key: _complete(suite, _overlaid(base, _given(variant)), (name, "variants", key))
        for key, variant in question.variants.items()
    }
    for place, cell in _cells(suite, name):
        key = _cell_name(cell, question.matrix)
        if key in settings:
            raise SuiteError(
                f"two variants are called {shown(key)}",
                where=suite.where("questions", *place),
                expected="values that can be told apart by their letters, digits and . _ = + -",
                found=listed(f"{k}: {shown(v)}" for k, v in cell.items()),
                hint="write these variants under `variants`, with names of their own",
            )
        change = _nested(cell, suite.where("questions", *place))
        settings[key] = _complete(suite, _overlaid(base, change), place)
    if not settings:
        raise SuiteError(
            "a question without variants",
            where=suite.where("questions", name),
            expected="variants or a matrix",
            found="neither",
        )
    return settings


def _complete(suite: Suite, settings: dict[str, Any], place: Keys) -> Settings:
    start = ("questions", *place)
    try:
        complete = Settings.model_validate(settings)
    except ValidationError as error:
        raise _explained(error, settings, suite._path, suite._lines, start) from None  # noqa: SLF001
    for part in ("model", "optimizer"):
        if getattr(complete, part) is None:
            raise SuiteError(
                f"the variant has no {part}",
                where=suite.where(*start),
                expected=f"{part}: in the suite's base or in the variant",
                found="neither",
            )
    return complete


def _given(settings: Settings) -> dict[str, Any]:
    given = {key: getattr(settings, key) for key in Settings.model_fields}
    return {key: value for key, value in given.items() if value is not None}


def _overlaid(settings: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Settings or arguments with what ``change`` names instead."""
    return {**settings, **{k: _respecified(settings.get(k), v) for k, v in change.items()}}


def _respecified(old: Any, new: Any) -> Any:
    """A setting or argument ``old`` when ``new`` is given: a thing of the same name keeps its arguments.

    Both are values, or named things, ``Name`` or ``{Name: {argument: value}}``.
    """
    if not isinstance(old, Mapping) or len(old) != 1:
        return new
    ((name, arguments),) = old.items()
    if new == name:
        return old
    if not isinstance(new, Mapping) or set(new) != {name}:
        return new
    if not isinstance(arguments, Mapping) or not isinstance(new[name], Mapping):
        return new
    return {name: _overlaid(arguments, new[name])}


def _check_count(suite: Suite) -> None:
    """Count what the matrices would make, before any of them is expanded."""
    every = 0
    for name, question in suite.questions.items():
        cells = math.prod(map(len, question.matrix.values())) if question.matrix else 0
        many = cells + len(question.include) + len(question.variants)
        every += many
        if many > MAX_VARIANTS or every > MAX_VARIANTS_OF_ALL:
            of_all = many <= MAX_VARIANTS
            raise SuiteError(
                "too many variants",
                where=suite.where("questions", *(() if of_all else (name, "matrix"))),
                expected=f"at most {MAX_VARIANTS_OF_ALL:,} over all questions"
                if of_all
                else f"at most {MAX_VARIANTS:,}, those to exclude counted too",
                found="more" if of_all else _size(many),
                hint="split the suite, or list the variants that matter",
            )


def _size(number: int) -> str:
    """A number for people, however large."""
    digits = number.bit_length() * math.log10(2)
    return f"{number:,}" if digits < 15 else f"about 10^{digits:.0f}"


def _cells(suite: Suite, name: str) -> list[tuple[Keys, dict[str, Any]]]:
    """The cells of a question's matrix, each with the place in the suite that makes it."""
    question = suite.questions[name]
    for index, rule in enumerate(question.exclude):
        for key in rule:
            place = suite.where("questions", name, "exclude", index, key)
            _check_name("matrix setting", key, question.matrix, place)
    cells = [
        dict(zip(question.matrix, values, strict=True))
        for values in itertools.product(*question.matrix.values())
        if question.matrix
    ]
    kept = [
        cell
        for cell in cells
        if not any(all(cell[k] == v for k, v in rule.items()) for rule in question.exclude)
    ]
    added = [((name, "include", i), cell) for i, cell in enumerate(question.include)]
    return [((name, "matrix"), cell) for cell in kept] + [
        (place, cell) for place, cell in added if cell not in kept
    ]


def _cell_name(cell: Mapping[str, Any], matrix: Mapping[str, Any]) -> str:
    lasts = [key.rsplit(".", 1)[-1] for key in {**matrix, **cell}]
    parts = []
    for key, value in cell.items():
        last = key.rsplit(".", 1)[-1]
        shown = re.sub(r"[^A-Za-z0-9._+-]+", "-", str(value)).strip("-")
        parts.append(f"{last if lasts.count(last) == 1 else key}={shown}")
    return " ".join(parts)


def _nested(cell: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The change that a cell with dotted keys stands for."""
    tree: dict[str, Any] = {}
    for dotted, value in cell.items():
        *path, last = dotted.split(".")
        first = (path or [last])[0]
        _check_name("setting", first, Settings.model_fields, where)
        branch = tree
        for key in path:
            branch = branch.setdefault(key, {})
            if not isinstance(branch, dict):
                break
        if not isinstance(branch, dict) or last in branch:
            raise SuiteError(
                f"{shown(dotted)} lies inside another setting of the matrix",
                where=where,
                expected="settings apart from each other",
                found=listed(cell),
            )
        branch[last] = value
    return tree

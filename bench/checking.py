"""Before a run: all that it names exists and fits, and is what finished trials were trained on and by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bench import own_code, runner
from bench.errors import BenchError, ClusterError, DatasetError, StoreError, SuiteError, listed
from bench.frames import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bench.executor import Pool
    from bench.store import Kept
    from bench.suite import Suite
    from bench.trial import Inputs, Trial, Use


def check(suite: Suite, kinds: Mapping[str, Use], pool: Pool, kept: Kept) -> dict[str, Inputs]:
    """Build one trial of each kind, without training; refuse at the first that cannot be.

    Args:
        suite: where the uses come from; errors say the place in it.
        kinds: a use of each kind of training.
        pool: where they will be trained.
        kept: what finished trials were trained on and by.

    Returns:
        What each kind will be trained on and by, by the keys of ``kinds``.

    Raises:
        BenchError: something does not exist or does not fit, or is not as it was, or as it is elsewhere.
    """
    everywhere = _check_workers(suite, kinds, pool)
    found: dict[str, Inputs] = {}
    for key, answer in pool.map(runner.check, {key: use.trial for key, use in kinds.items()}):
        use = kinds[key]
        if isinstance(answer, DatasetError):
            raise _placed(answer, _data_at(suite, use))
        if isinstance(answer, SuiteError):
            raise _placed(answer, _where(suite, use, answer.where))
        if isinstance(answer, BaseException):
            raise answer
        found[key] = answer
        refuse_changed_data(suite, use, answer.checksum, kept)
        before = everywhere.get(dataset_key(use.trial), answer.checksum)
        if answer.checksum != before:
            raise _different_data(f"{_data_at(suite, use)}, on a worker", before, answer.checksum)
        _check_imported(suite, use, answer)
        _check_measured(suite, use, answer)
    return found


def refuse_changed_data(suite: Suite, use: Use, checksum: str, kept: Kept) -> None:
    """Refuse data that is not what finished trials of the folder were trained on.

    Raises:
        StoreError: it has changed, or is scaled in another way.
    """
    before = kept.checksums.get(dataset_key(use.trial), checksum)
    if checksum != before:
        raise StoreError(
            "the data has changed since the trials in this folder were trained",
            where=_data_at(suite, use),
            expected=f"content with checksum {before[:12]}",
            found=checksum[:12],
            hint="restore the data, or choose another folder with --out. If the file is the same, an earlier"
            " version of Seedwise scaled it by its type: see scale in docs/suites.md",
        )


def refuse_changed_code(suite: Suite, uses: Iterable[Use], kept: Kept) -> None:
    """Refuse code that is not what finished trials of the folder were trained with; nothing of it is run.

    Raises:
        StoreError: a module has changed, or another version of a package is installed.
    """
    on_disk: dict[tuple[str, ...], dict[str, str]] = {}
    for use in uses:
        training, folder = use.trial.training, use.trial.folder
        for then in kept.code.get(training.canonical, ()):
            names = own_code.named(training)
            if names not in on_disk:
                on_disk[names] = own_code.on_disk(training, folder)
            if changes := own_code.differences(then, on_disk[names], folder):
                raise StoreError(
                    "the code has changed since trials in this folder were trained",
                    where=_code_at(suite, use),
                    expected=f"the code that {use.variant} was trained with",
                    found=listed(changes),
                    hint="undo the change, or choose another folder with --out: trials of two programs"
                    " would stand under one name",
                )


def look_again(
    suite: Suite, kinds: Mapping[str, Use], checked: Mapping[str, Inputs], kept: Kept
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Compare data that finished trials alone use with what it was, in this process.

    Args:
        suite: where the uses come from.
        kinds: a use of each kind of training, those with finished trials too, by their settings.
        checked: what ``check`` found.
        kept: what finished trials were trained on and by.

    Returns:
        What each data set is, those of ``checked`` too; and what a person should know. Data that cannot be
        read here has not changed.

    Raises:
        StoreError: it has changed.
    """
    data: dict[str, Mapping[str, Any]] = {}
    for inputs in checked.values():
        known = data.setdefault(inputs.checksum, inputs.data)
        every = dict.fromkeys([*known["notes"], *inputs.data["notes"]])
        data[inputs.checksum] = {**known, "notes": list(every)}
    seen = {dataset_key(kinds[key].trial) for key in checked}
    said = []
    for key, use in {dataset_key(use.trial): use for use in kinds.values()}.items():
        if key in seen:
            continue
        try:
            about = runner.about(use.trial)
        except BenchError as error:
            reason = f"{error.where}: {error.problem}" if error.where else error.problem
            said.append(f"whether the data has changed is not known: {reason}")
        else:
            refuse_changed_data(suite, use, about["checksum"], kept)
            data[about["checksum"]] = about
    of_data = [
        f"data {about['name']}: {note}" for about in data.values() for note in about["notes"]
    ]
    return list(data.values()), [*of_data, *said, *_not_recorded(kinds.values(), kept)]


def _not_recorded(uses: Iterable[Use], kept: Kept) -> list[str]:
    unknown = [u for u in uses if u.trial.training.canonical in kept.unknown]
    variants = dict.fromkeys(u.variant for u in unknown if own_code.named(u.trial.training))
    said = (
        f"an earlier version of Seedwise trained {listed(variants)} and did not record the code: whether it"
        " is the same is not known"
    )
    return [said] if variants else []


def dataset_key(trial: Trial) -> str:
    """A data set's spec as JSON, by which ``Kept.checksums`` go."""
    return json.dumps(trial.training.dataset, sort_keys=True)


def _check_workers(suite: Suite, kinds: Mapping[str, Use], pool: Pool) -> dict[str, str]:
    """Refuse data or code that a worker of a cluster lacks, or has in another version.

    Returns the checksums that all workers agree on, by spec as JSON; none where they share this machine.
    """
    checksums: dict[str, str] = {}
    different = {
        (dataset_key(u.trial), own_code.named(u.trial.training)): u for u in kinds.values()
    }
    for (key, _), use in different.items():
        own = own_code.on_disk(use.trial.training, use.trial.folder)
        for worker, answer in pool.everywhere(runner.inputs, use.trial).items():
            where = f"{_data_at(suite, use)}, on worker {worker}"
            if isinstance(answer, BenchError):
                raise _placed(answer, where)
            if isinstance(answer, BaseException):
                raise answer
            first = checksums.setdefault(key, answer.checksum)
            if answer.checksum != first:
                raise _different_data(where, first, answer.checksum)
            if changes := own_code.differences(own, answer.code, use.trial.folder):
                raise ClusterError(
                    "a worker has other code than the driver",
                    where=f"{_code_at(suite, use)}, on worker {worker}",
                    expected="the same modules and versions on every machine",
                    found=listed(changes),
                    hint="copy the same files to every machine, or use a shared folder",
                )
    return checksums


def _different_data(where: str, first: str, other: str) -> DatasetError:
    return DatasetError(
        "workers have different data",
        where=where,
        expected=f"content with checksum {first[:12]}, as other workers have",
        found=other[:12],
        hint="copy the same files to every machine, or use a shared folder",
    )


def _check_imported(suite: Suite, use: Use, found: Inputs) -> None:
    """Refuse modules that a process imported before they became what they are now."""
    now = own_code.on_disk(use.trial.training, use.trial.folder)
    if stale := own_code.contradict(found.code, now):
        raise SuiteError(
            "code that was imported is not what lies there now",
            where=_code_at(suite, use),
            expected="modules as they were when this process imported them",
            found=f"{listed(stale)}, changed since, or another module of this name",
            hint="begin in a new process; on a cluster, give every machine the same files",
        )


def _check_measured(suite: Suite, use: Use, found: Inputs) -> None:
    """Refuse questions that an accuracy decides, where targets are real-valued and have none."""
    if found.data["classes"]:
        return
    question = suite.questions[use.question]
    own, target = question.primary or suite.primary, question.target or suite.target or {}
    for key, name in (("primary", own), *(("target", name) for name in target)):
        if name.endswith("accuracy") and name in METRICS:
            place = ("questions", use.question, key)
            raise SuiteError(
                f"no {name} where targets are real-valued",
                where=suite.where(*place) if suite.says(*place) else suite.where(key),
                expected=f"{key} with another metric, such as test_loss",
                found=f"{name}, and real-valued targets of {found.data['name']}",
                hint="or write targets: classes beside the data's file, if they name classes",
            )


# --- places in the suite ----------------------------------------------------------------------


def _data_at(suite: Suite, use: Use) -> str:
    """Where the suite names the data of a trial."""
    own = ("questions", use.question, "dataset")
    return suite.where(*own) if suite.says(*own) else suite.where("dataset")


def _code_at(suite: Suite, use: Use) -> str:
    """Where the suite names a variant that its own code trains."""
    return suite.where("questions", use.question, "variants", use.variant)


def _placed(error: BenchError, where: str) -> BenchError:
    """The same error, said at its place in the suite file."""
    inside = f"{error.where}: " if error.where and error.where not in where else ""
    return type(error)(
        inside + error.problem,
        where=where,
        expected=error.expected,
        found=error.found,
        hint=error.hint,
    )


def _where(suite: Suite, use: Use, inside: str | None) -> str:
    """Where the suite says what Keras refuses: in the variant, or in what the variant starts from."""
    keys = [int(key) if key.isdigit() else key for key in (inside or "").split(".")]
    variant = ("questions", use.question, "variants", use.variant)
    if keys[0] == "probes":
        own = ("questions", use.question, *keys)
        return suite.where(*own) if suite.says(*own[:3]) else suite.where(*keys)
    for start in (variant, ("questions", use.question, "base"), ("base",)):
        if suite.says(*start, keys[0]):
            return suite.where(*start, *keys)
    return suite.where(*variant)

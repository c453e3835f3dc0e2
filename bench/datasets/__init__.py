"""Data sets: what a suite names becomes checked arrays. One file per source, found by its name.

A source ``bench/datasets/x.py`` offers

    ARGUMENTS: tuple[str, ...]                 keys a suite must write, () for a plain name
    load(arguments, folder) -> Dataset         built with ``bench.datasets._arrays.dataset``

and may offer ``NAMES``, plain names that it answers to besides its own; ``OPTIONS``, keys that a suite may
write too, those of ``bench.datasets._options``; and ``check(arguments)``, which raises a DatasetError for
values that it does not take; without one, the value of every argument is a text.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench import plugins
from bench.datasets import _options
from bench.errors import DatasetError, did_you_mean, printable, shown
from bench.trial import generator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.plugins import Dataset

__all__ = ["check_spec", "load", "source_of"]


def load(
    spec: str | Mapping[str, Any],
    *,
    folder: Path,
    validation: int = 0,
    train_images: int | None = None,
    seed: int = 0,
) -> Dataset:
    """The data set that a suite names, with some training images held out if asked for.

    Args:
        spec: ``mnist``, ``digits``, ``{idx: FOLDER}``, ``{npz: FILE, scale: 1/255}``,
            ``{csv: FILE, label: COLUMN, targets: real}``, ``{least_squares: {condition: 100}}`` or a name in
            ``keras.datasets``.
        folder: the suite's folder, to which relative paths in ``spec`` refer.
        validation: number of training images to hold out as ``x_validation``, ``y_validation``.
            Which ones depends on the data set's content and ``seed`` only; both parts keep
            their order.
        train_images: use only so many training images, drawn in the same way.
        seed: the trial's seed.

    Returns:
        Read-only arrays. The checksum is that of the whole data set, whatever is held out.
        The last data sets read stay in memory, so that a worker reads its files once.

    Raises:
        DatasetError: the spec is wrong, or the data is missing, damaged or not what it should be.
    """
    source, arguments = _resolve(spec)
    text = json.dumps(arguments, sort_keys=True, default=str)
    named = (value for key, value in arguments.items() if key not in _options.OPTIONS)
    files = [folder / value for value in named if isinstance(value, str | Path)]
    data = _read(source, text, folder, tuple(map(_state, files)))
    return _with_lost(data, _thin_out(_hold_out(data, validation, seed), train_images, seed))


def check_spec(spec: str | Mapping[str, Any]) -> None:
    """Refuse a spec that cannot name a data set, without touching files or importing Keras.

    Raises:
        DatasetError: unknown or misspelt name or key, missing key, or a value that it does not take.
    """
    _resolve(spec)


def source_of(spec: str | Mapping[str, Any]) -> str:
    """The name of the source that a spec means, the file of this package that reads it.

    Raises:
        DatasetError: as of ``check_spec``.
    """
    return _resolve(spec)[0]


def _resolve(spec: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The source a spec means, and the arguments its ``load`` takes."""
    sources = {name: plugins.load("datasets", name) for name in plugins.available("datasets")}
    if isinstance(spec, str):
        aliases = {a: name for name, s in sources.items() for a in getattr(s, "NAMES", ())}
        if spec in aliases:
            return aliases[spec], {aliases[spec]: spec}
        if spec not in sources:
            raise _unknown(spec, {*sources, *aliases})
        arguments: dict[str, Any] = {}
        source = spec
    elif isinstance(spec, Mapping) and spec:
        arguments = dict(spec)
        source = next((str(key) for key in arguments if key in sources), "")
        if not source:
            raise _unknown(str(next(iter(arguments))), sources)
    else:
        raise DatasetError(
            "this names no data set",
            where="dataset",
            expected="a name such as mnist, or a mapping such as {npz: FILE}",
            found=shown(spec),
        )
    keys, options = sources[source].ARGUMENTS, getattr(sources[source], "OPTIONS", ())
    _check_keys(source, keys, options, arguments)
    check = getattr(sources[source], "check", None)
    if check is None:
        _check_texts(source, {key: arguments[key] for key in keys})
    else:
        check(arguments)
    _options.check(source, arguments)
    return source, arguments


def _unknown(name: str, known: Iterable[str]) -> DatasetError:
    return DatasetError(
        f"no data set is called {shown(name)}",
        where="dataset",
        expected="the name of a data set, or {keras: NAME} for any other of Keras's own",
        found=shown(name),
        hint=did_you_mean(name, known),
    )


def _usage(source: str, keys: Iterable[str], options: Iterable[str] = ()) -> str:
    may = f", and if you like {' and '.join(options)}" if options else ""
    return "{" + ", ".join(f"{key}: TEXT" for key in keys) + "}" + may if keys else source


def _check_keys(
    source: str, keys: tuple[str, ...], options: tuple[str, ...], arguments: Mapping[str, Any]
) -> None:
    missing = [key for key in keys if key not in arguments]
    unknown = [key for key in arguments if key not in (*keys, *options)]
    if unknown or missing:
        raise DatasetError(
            f"unknown key {shown(unknown[0])}"
            if unknown
            else f"key {shown(missing[0])} is missing",
            where=f"dataset {source}",
            expected=_usage(source, keys, options),
            found="the keys " + ", ".join(arguments) if arguments else f"the name {source} alone",
            hint=did_you_mean(str(unknown[0]), [*missing, *options]) if unknown else None,
        )


def _check_texts(source: str, arguments: Mapping[str, Any]) -> None:
    for key, value in arguments.items():
        if not isinstance(value, str | Path) or not str(value):
            raise DatasetError(
                f"the value of {shown(key)} is not a text",
                where=f"dataset {source}",
                expected=_usage(source, arguments),
                found=shown(value),
                hint="put it in quotes",
            )
        if printable(str(value)) != str(value):
            raise DatasetError(
                f"the value of {shown(key)} has signs that cannot be seen",
                where=f"dataset {source}",
                expected="a name of a file, folder or column that shows",
                found=shown(str(value)),
            )


def _state(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Name, time and size of a file or of a folder's files, so that a rewritten file is reread."""
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        stats = [(file.name, file.stat()) for file in files]
    except (OSError, ValueError):  # no such file, or no path at all: the source will say so
        return ()
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


@functools.lru_cache(maxsize=8)  # a suite's questions may be about several
def _read(
    source: str,
    arguments: str,
    folder: Path,
    state: tuple[tuple[tuple[str, int, int], ...], ...],
) -> Dataset:
    del state  # part of the cache's key only
    data: Dataset = plugins.load("datasets", source).load(json.loads(arguments), folder)
    return data


def _hold_out(data: Dataset, validation: int, seed: int) -> Dataset:
    """Move ``validation`` training images, drawn without replacement, to the validation arrays."""
    n_train = len(data.y_train)
    if not 0 <= validation < n_train:
        raise DatasetError(
            "this many training images cannot be held out for validation",
            where=f"dataset {data.name}",
            expected=f"0 to {n_train - 1}",
            found=str(validation),
        )
    if validation == 0:
        return data
    held = _drawn(data, validation, seed, "validation")
    x_train, x_validation = data.x_train[~held], data.x_train[held]
    y_train, y_validation = data.y_train[~held], data.y_train[held]
    for array in (x_train, y_train, x_validation, y_validation):
        array.flags.writeable = False
    return dataclasses.replace(
        data,
        x_train=x_train,
        y_train=y_train,
        x_validation=x_validation,
        y_validation=y_validation,
    )


def _thin_out(data: Dataset, train_images: int | None, seed: int) -> Dataset:
    """Keep only ``train_images`` training images, drawn without replacement."""
    if train_images is None:
        return data
    if train_images > len(data.y_train):
        raise DatasetError(
            "there are not so many training images",
            where=f"dataset {data.name}",
            expected=f"train_images up to {len(data.y_train)}",
            found=str(train_images),
        )
    kept = _drawn(data, train_images, seed, "train_images")
    return dataclasses.replace(data, x_train=data.x_train[kept], y_train=data.y_train[kept])


def _with_lost(whole: Dataset, part: Dataset) -> Dataset:
    """``part``, with a note if no training image of some class was drawn."""
    if part is whole or not whole.classes:
        return part
    if len(np.unique(part.y_train)) == len(np.unique(whole.y_train)):
        return part
    return dataclasses.replace(part, notes=(*part.notes, LOST))


LOST: Final = "the training images that were drawn lack a class"


def _drawn(data: Dataset, count: int, seed: int, role: str) -> np.ndarray:
    """(n_train,) bool: ``count`` training images, depending on the content, the seed and the role."""
    drawn = np.zeros(len(data.y_train), dtype=bool)
    rng = generator(data.checksum, seed, role)
    drawn[rng.choice(len(drawn), size=count, replace=False)] = True
    return drawn

"""A folder of four IDX files, the format of MNIST and of what was made to replace it.

Each file may be gzipped or raw. The format: two zero bytes, a type code, the number of dimensions,
each dimension as a big-endian 32-bit number, then the values in C order
(http://yann.lecun.com/exdb/mnist, "File formats").
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import reading
from bench.datasets import _arrays, _options
from bench.errors import DatasetError, first_line, listed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.plugins import Dataset

ARGUMENTS = ("idx",)
OPTIONS = _options.OPTIONS
TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def load(arguments: Mapping[str, Any], folder: Path) -> Dataset:
    """Read ``{idx: FOLDER}``, with ``scale`` and ``targets`` if the suite says them. Bytes are pixels.

    Raises:
        DatasetError: a file is missing, damaged or no IDX file, or its arrays do not fit.
    """
    where = folder / arguments["idx"]
    budget = reading.Budget()

    def part(*prefixes: str) -> tuple[np.ndarray, np.ndarray]:
        images = _read(_find(where, prefixes, "images", 3), budget)
        return images, _read(_find(where, prefixes, "labels", 1), budget)

    train, test = part("train"), part("t10k", "test")
    return _arrays.dataset(
        where.name,
        train,
        test,
        origin=f"IDX files in {arguments['idx']}",
        where=str(where),
        usual_scale=_arrays.PIXEL if train[0].dtype == np.uint8 else None,
        **_options.of(arguments),
    )


def _read(path: Path, budget: reading.Budget) -> np.ndarray:
    values = parse(read_bytes(path, budget), path)
    budget.hold(values.size * reading.WIDER)
    return values


def _find(folder: Path, prefixes: tuple[str, ...], kind: str, dimensions: int) -> Path:
    """The first of the usual names that exists, raw before gzipped."""
    stems = [f"{p}-{kind}{dot}idx{dimensions}-ubyte" for p in prefixes for dot in "-."]
    for name in [*stems, *(f"{stem}.gz" for stem in stems)]:
        if (folder / name).is_file():
            return folder / name
    raise DatasetError(
        f"the file of {prefixes[0]} {kind} is missing",
        where=str(folder),
        expected=" or ".join(stems) + ", raw or with .gz",
        found=_listing(folder),
        hint="relative paths start at the suite's folder",
    )


def _listing(folder: Path) -> str:
    if not folder.is_dir():
        return "a file, not a folder" if folder.exists() else "no such folder"
    return listed(sorted(path.name for path in folder.iterdir())) or "an empty folder"


def read_bytes(path: Path, budget: reading.Budget) -> bytearray:
    """The file's content, decompressed if its name ends in .gz.

    Raises:
        DatasetError: it cannot be read, its compression is damaged, or it takes too much.
    """
    try:
        return reading.contents(path, budget, gzipped=path.suffix == ".gz")
    except reading.UNREADABLE as error:
        raise DatasetError(
            "this file cannot be read",
            where=str(path),
            expected="a whole gzip file" if path.suffix == ".gz" else "a readable file",
            found=first_line(error),
            hint="fetch or install it again",
        ) from error


def parse(raw: bytes | bytearray, path: Path) -> np.ndarray:
    """The array in an IDX file.

    Args:
        raw: the file's decompressed content.
        path: what errors point to.

    Returns:
        An array of the shape and type that the file's header states, in native byte order.

    Raises:
        DatasetError: wrong magic number, or the content is not as long as the header states.
    """
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in TYPES:
        raise DatasetError(
            "this is no IDX file: wrong magic number",
            where=str(path),
            expected="0x0000, a type code from 0x08 to 0x0e, the number of dimensions",
            found="0x" + raw[:4].hex() if raw else "an empty file",
            hint="a gzipped file must have a name that ends in .gz"
            if raw[:2] == b"\x1f\x8b"
            else None,
        )
    dtype, dimensions = np.dtype(TYPES[raw[2]]), raw[3]
    start = 4 + 4 * dimensions
    shape = [int.from_bytes(raw[i : i + 4], "big") for i in range(4, start, 4)]
    if len(raw) != start + math.prod(shape) * dtype.itemsize:
        raise DatasetError(
            "this IDX file is truncated or has bytes too many",
            where=str(path),
            expected=f"{start + math.prod(shape) * dtype.itemsize} bytes for shape {tuple(shape)}",
            found=f"{len(raw)} bytes",
            hint="fetch it again",
        )
    try:
        values = np.frombuffer(raw, dtype, offset=start).reshape(shape)
    except ValueError as error:  # of none or very many dimensions
        raise DatasetError(
            "the shape of this IDX file is none that an array has",
            where=str(path),
            expected="up to 32 dimensions, none of them 0",
            found=f"{dimensions} dimensions, {listed(map(str, shape))}",
        ) from error
    return values.astype(dtype.newbyteorder("="), copy=False)

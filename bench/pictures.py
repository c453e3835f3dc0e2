"""The test images that a report shows, read from the data that a suite names where that is at hand.

The results hold what networks say of the images, not the images. A report reads no data set; whoever writes
one, such as the command line, may lend it the few that it shows. A results folder may come from anybody and
name any file of the reader's. So only data is read that needs no file or lies in that folder; other files that
the suite names, if the reader says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bench import datasets, files, plugins
from bench.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from bench.analysis import Analysis
    from bench.store import Results


def with_pictures(analysis: Analysis, *, named: bool = False) -> Analysis:
    """The same analysis with the hardest and the easiest images of each question, where they can be had.

    They cannot where the data set is not here any more, is another by its checksum, has no images of rows and
    columns, or is one of Keras's, which would have to be imported for it.

    Args:
        analysis: of any results.
        named: also from files that the suite names, wherever they lie.
    """
    found = analysis.by_example
    images: dict[str, dict[int, NDArray[np.uint8]]] = {}
    for question, rows in found.hard.groupby("question", sort=False):
        tests = _test_images(analysis.results, str(question), named=named)
        if tests is not None:
            easy = found.easy.example[found.easy.question == question]
            images[str(question)] = {int(i): _grey(tests[int(i)]) for i in (*rows.example, *easy)}
    return replace(analysis, by_example=replace(found, images=images))


def left_out(analysis: Analysis) -> list[str]:
    """Questions without pictures because their data is a file that only the suite names."""
    results = analysis.results
    return [
        question
        for question in dict.fromkeys(analysis.by_example.hard.question)
        if _source(results, question) not in (None, "keras") and not _place(results, question)
    ]


def _source(results: Results, question: str) -> str | None:
    try:
        return datasets.source_of(results.suite.dataset_of(question))
    except DatasetError:
        return None


def _place(results: Results, question: str) -> Path | None:
    """The folder that names in the data set's spec refer to; None if it names what the results folder lacks."""
    spec, source = results.suite.dataset_of(question), _source(results, question)
    if source is None or not plugins.load("datasets", source).ARGUMENTS:
        return results.suite.folder  # it needs no file
    name = spec.get(source) if isinstance(spec, Mapping) else None
    folder = results.folder.resolve()
    if not isinstance(name, str) or not files.held(folder, name):
        return None
    return folder


def _test_images(results: Results, question: str, *, named: bool) -> NDArray[np.float64] | None:
    """(n_test, height, width), as the network sees them; None if they cannot be had."""
    place = _place(results, question) or (results.suite.folder if named else None)
    if place is None or _source(results, question) in (None, "keras"):
        return None
    try:
        data = datasets.load(results.suite.dataset_of(question), folder=place)
    except DatasetError:
        return None
    trained_on = results.trials.dataset_checksum[results.trials.question == question]
    images = data.x_test[..., 0] if data.x_test.shape[3:] == (1,) else data.x_test
    if images.ndim != 3 or set(trained_on.dropna()) != {data.checksum}:
        return None
    return images * data.scale


def _grey(image: NDArray[np.float64]) -> NDArray[np.uint8]:
    """From 0, the least that an image may be, to 1."""
    return np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)

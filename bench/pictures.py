"""The test images that a report shows, read from the data that a suite names where that is at hand.

The results hold what networks say of the images, not the images. A report reads no data set; whoever writes
one, such as the command line, may lend it the few that it shows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bench import datasets
from bench.errors import DatasetError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.analysis import Analysis
    from bench.store import Results


def with_pictures(analysis: Analysis) -> Analysis:
    """The same analysis with the hardest and the easiest images of each question, where they can be had.

    They cannot where the data set is not here any more, is another by its checksum, has no images of rows and
    columns, or is one of Keras's, which would have to be imported for it.
    """
    found = analysis.by_example
    images: dict[str, dict[int, NDArray[np.uint8]]] = {}
    for question, rows in found.hard.groupby("question", sort=False):
        tests = _test_images(analysis.results, str(question))
        if tests is not None:
            easy = found.easy.example[found.easy.question == question]
            images[str(question)] = {int(i): _grey(tests[int(i)]) for i in (*rows.example, *easy)}
    return replace(analysis, by_example=replace(found, images=images))


def _test_images(results: Results, question: str) -> NDArray[np.float64] | None:
    """(n_test, height, width), as the network sees them; None if they cannot be had."""
    spec = results.suite.dataset_of(question)
    try:
        if datasets.source_of(spec) == "keras":
            return None
        data = datasets.load(spec, folder=results.suite.folder)
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

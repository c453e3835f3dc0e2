"""Test images of a real run, lent to its report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench import analyse, datasets, load_results
from bench.pictures import with_pictures
from bench.report.render import render


def test_the_images_are_those_of_the_data(tiny_results):
    analysis = with_pictures(analyse(load_results(tiny_results)))
    data = datasets.load("digits", folder=tiny_results)
    hard, easy = analysis.by_example.hard, analysis.by_example.easy
    for name, images in analysis.by_example.images.items():
        assert list(images) == [
            *hard.example[hard.question == name],
            *easy.example[easy.question == name],
        ]
        for position, image in images.items():
            shown = np.rint(255 * data.scale * data.x_test[position].astype(float))
            np.testing.assert_array_equal(image, shown)
    assert set(analysis.by_example.images) == {q.name for q in analysis.questions}
    page = render(analysis)
    assert page.count("taken for") >= 10
    assert page.count("To compare: of each class") == len(analysis.questions)


def test_images_of_other_data_are_not_shown(tiny_results):
    results = load_results(tiny_results)
    analysis = analyse(results)
    assert "-hardest" not in render(analysis)  # nobody lent any
    changed = results.trials.assign(dataset_checksum="of other data")
    other = replace(analysis, results=replace(results, trials=changed))
    assert with_pictures(other).by_example.images == {}


def test_data_that_is_gone_or_keras_s_own_shows_none(tiny_results):
    results = load_results(tiny_results)
    for spec in ("fashion_mnist", {"npz": "gone.npz"}):
        suite = results.suite.model_copy(update={"dataset": spec})
        analysis = replace(analyse(results), results=replace(results, suite=suite))
        assert with_pictures(analysis).by_example.images == {}

"""What the page says of single test images, from a real run."""

from __future__ import annotations

from bench import analyse, load_results
from bench.report.render import render


def test_a_run_with_predictions_has_its_fold(tiny_results):
    analysis = analyse(load_results(tiny_results))
    page = render(analysis).replace("\xa0", " ").replace("&nbsp;", " ")
    assert page.count("Image by image") == 2  # a fold in each question
    assert "other seeds and images" in page
    hardest = analysis.by_example.hard.iloc[0]
    assert f"{round(100 * hardest.wrong)} %" in page
    row = analysis.by_example.examples.iloc[0]
    assert f"{100 * row.difference:+.2f}".replace("-", "−") in page

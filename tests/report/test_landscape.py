"""What the page says of the landscape."""

from __future__ import annotations

import pytest
import synthetic
from reading import Reading

from bench.analysis import analyse
from bench.report import figures
from bench.report.render import render


@pytest.fixture(scope="module")
def smooth(tmp_path_factory):
    folder = tmp_path_factory.mktemp("smooth")
    return analyse(synthetic.written(folder, synthetic.smooth, suite=synthetic.PROBED))


def rows_of(panel):
    return [row for rows in panel.spec["datasets"].values() for row in rows]


def test_the_answer_and_the_ratios(smooth):
    page = Reading.of(render(smooth))
    assert "How smooth the landscape is" in page.text
    assert smooth.questions[0].landscape.answer[0] in page.text
    table = {row["variant"].strip(): row for row in page.rows("variant", "effective β")}
    assert float(table["base"]["effective β"]) == pytest.approx(2, rel=0.05)
    assert float(table["high"]["effective β"].split()[1]) == pytest.approx(0.5, rel=0.05)
    assert "better" in table["high"]["effective β"]
    assert "worse" in table["low"]["λ max of the Hessian"]
    assert not [row for row in page.rows("variant", "training accuracy") if "effective β" in row]


def test_the_course_has_a_band_for_both_ends_of_the_range(smooth):
    loss, change, beta, curvature = figures.landscape(smooth.questions[0])
    rows = [r for r in rows_of(loss) if r["variant"] == "high"]
    assert [(r["updates"], r["low"], r["high"]) for r in rows] == [
        (1, 1, 2),
        (10, 1, 2),
        (30, 1, 2),
    ]
    assert "30" in change.alt
    course = smooth.questions[0].landscape.course
    expected = course[(course.measure == "landscape/effective_beta") & (course.variant == "low")]
    found = [r["mean"] for r in rows_of(beta) if r["variant"] == "low"]
    assert found == pytest.approx(list(expected["mean"]), rel=1e-5)
    assert "λ max" in str(curvature.spec)


def test_neither_where_there_is_nothing_to_say(tmp_path):
    text = synthetic.SUITE
    for rate in ("0.2", "0.05", "0.11"):
        text = text.replace(f"SGD: {{learning_rate: {rate}}}", f"Adam: {{epsilon: {rate}}}")
    page = Reading.of(render(analyse(synthetic.written(tmp_path, synthetic.usual, suite=text))))
    assert "landscape" not in page.text
    assert "What the learning rate matters" not in page.text

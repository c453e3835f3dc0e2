"""The part of a question about its workers: words, pictures, numbers."""

from __future__ import annotations

import pytest
from reading import Reading
from synthetic import Outcome, written
from teams import SUITE, came

from bench.analysis import analyse
from bench.report import figures, render, workers


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    return analyse(written(tmp_path_factory.mktemp("workers"), came, suite=SUITE))


@pytest.fixture(scope="module")
def page(analysed):
    return Reading.of(render.render(analysed))


def test_each_strategy_is_told_in_words(page):
    assert "one server has the weights" in page.text
    assert "pass their gradients round a ring" in page.text
    assert "Nothing is sent; the picture shows what would be." in page.text


def test_what_they_gain_and_where_their_time_goes(page):
    gained = {row["variant"]: row for row in page.rows("variant", "speed-up", "efficiency")}
    assert gained["six"]["speed-up"] == "× 0.25"
    assert gained["six"]["efficiency"] == "4 %"
    assert gained["six"]["images"] == "100 to 105"
    assert gained["one"]["speed-up"] == "1"
    assert gained["late"]["speed-up"] == "–"
    spent = {row["variant"]: row for row in page.rows("variant", "communicating", "waiting")}
    assert spent["six"]["computing"] == "2.5 s (50 %)"
    assert spent["six"]["sent per update"] == "530 KB"
    assert spent["late"]["updates late"] == "1.07"
    assert spent["late"]["at most"] == "12"
    assert set(spent) == {"one", "six", "late"}
    assert "share one machine with 2 cores" in page.text
    assert "in six they wait for a core" in page.text
    assert "weights differ by up to 3e-09 in the end" in page.text
    assert "no image was with two workers, and none was left out" in page.text


def test_the_picture_has_an_edge_with_its_bytes_for_each_worker(page):
    pictures = [svg for svg in page.all("svg") if svg.get("class") == "topology"]
    assert len(pictures) == 3  # one for each strategy
    assert "6 workers; each sends 530 KB" in pictures[0]["aria-label"]
    assert "2 workers; gradients of 318 KB go up" in pictures[2]["aria-label"]
    assert sum("marker-end" in line for line in page.all("line")) == 6 + 6 + 2
    assert page.text.count("2 × 318 KB") == 6 + 2
    assert page.text.count("530 KB") == 6 + 1  # edges of the ring, and the table


def test_nothing_of_a_picture_lies_outside_of_it(analysed):
    (section,) = workers.blocks(analysed.questions[0])
    drawn = next(b for b in section.blocks if b.template == "topologies.html")
    for topology in drawn.items:
        for node in topology.nodes:
            assert abs(node.x) + 28 < 170
            assert abs(node.y) + 28 < 135
        for edge in topology.edges:
            for node in topology.nodes:  # lines end outside of the circles
                for x, y in ((edge.x1, edge.y1), (edge.x2, edge.y2)):
                    assert (x - node.x) ** 2 + (y - node.y) ** 2 > 28**2


def test_shares_of_the_updates_by_how_late_they_were(analysed):
    panel = figures.staleness(analysed.questions[0])
    rows = [row for rows in panel.spec["datasets"].values() for row in rows]
    late = {row["late"]: row["share"] for row in rows if row["variant"] == "late"}
    assert late[0] == pytest.approx(100 * 40 / 60, rel=1e-4)
    assert late[figures.LATEST] == pytest.approx(100 * 4 / 60, rel=1e-4)  # 12 late, and more
    assert sum(late.values()) == pytest.approx(100, rel=1e-4)


def test_a_question_without_workers_says_nothing_of_them(tmp_path):
    page = Reading.of(render.render(analyse(written(tmp_path, lambda *_: Outcome(), suite=SUITE))))
    assert "The workers" not in page.text
    assert not [svg for svg in page.all("svg") if svg.get("class") == "topology"]

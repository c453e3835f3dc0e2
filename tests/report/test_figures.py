from __future__ import annotations

import json
import re

import altair as alt
import pytest
import synthetic
from reading import Reading

from bench.analysis import analyse
from bench.analysis.sizes import Network, Sizes
from bench.report import figures, palette, render
from bench.report.blocks import Panel, parts
from bench.report.contents import contents
from bench.report.figures import drawing
from bench.report.frame import frame


def rows_of(panel):
    """All data of a chart."""
    return [row for rows in panel.spec["datasets"].values() for row in rows]


def panels_of(analysis):
    """All charts of a report, wherever they lie."""
    return list(parts(tuple(contents(analysis)), Panel))


def test_an_axis_spans_what_is_to_be_seen():
    axis = frame({"a": [1, 2], "b": [3]}, {"a": 1.5, "b": 3})
    assert axis.low < 1 < 3 < axis.high
    assert axis.outside == ()


def test_one_that_fails_utterly_does_not_flatten_the_others():
    values = {"a": [94.0, 95.0], "b": [93.0], "c": [11.0], "d": [96.0]}
    axis = frame(values, {"a": 94.5, "b": 93, "c": 11, "d": 96})
    assert axis.outside == ("c",)
    assert axis.low > 92


def test_two_variants_are_both_shown_however_far_apart():
    assert frame({"a": [1], "b": [1000]}, {"a": 1, "b": 1000}).outside == ()


def test_values_that_are_no_numbers_lie_outside():
    assert frame({"a": [1], "b": [float("inf")]}, {"a": 1, "b": float("inf")}).outside == ("b",)
    assert frame({}, {}).ends == [-0.06, 1.06]
    assert frame({"a": [2.0, 2.0]}, {"a": 2.0}).ends == [1.5, 2.5]


def test_the_curves_are_the_means_of_the_analysis(analysed):
    question = analysed.questions[0]
    shown = figures.convergence(question)
    accuracy = shown.panels[0]
    row = next(r for r in rows_of(accuracy) if r["variant"] == "high" and "seed" not in r)
    curve = question.curves.query("variant == 'high' and epoch == 3 and metric == 'test_accuracy'")
    assert row["epoch"] == [0, 1, 2, 3]
    assert row["mean/0"][-1] == pytest.approx(float(curve["mean"].iloc[0]) * 100)
    assert row["low/0"][-1] == pytest.approx(float(curve["low"].iloc[0]) * 100, rel=1e-5)
    assert row["updates"][-1] == pytest.approx(float(curve["updates"].iloc[0]))
    assert not shown.thinned


def test_single_seeds_are_the_runs_themselves(analysed):
    question = analysed.questions[0]
    shown = figures.convergence(question)
    rows = [r for r in rows_of(shown.panels[0]) if "seed" in r]
    assert len(rows) == len(question.runs.groupby(["variant", "seed"]))
    one = next(r for r in rows if (r["variant"], r["seed"]) == ("base", 2))
    run = question.runs.query("variant == 'base' and seed == 2")
    assert one["mean/0"] == pytest.approx((run.test_accuracy * 100).tolist(), rel=1e-3)
    assert shown.seeds == 5


def test_seeds_that_a_page_cannot_hold_are_left_out_and_counted(analysed, monkeypatch):
    question = analysed.questions[0]
    monkeypatch.setattr(figures.curves, "_MOST_OF_SEEDS", 4 * 4 * 8 * 3)
    shown = figures.convergence(question)
    assert shown.seeds == 3
    assert {r["seed"] for r in rows_of(shown.panels[0]) if "seed" in r} == {0, 1, 2}
    monkeypatch.setattr(figures.curves, "_MOST_OF_SEEDS", 10)
    assert figures.convergence(question).seeds == 0
    assert [s.signal for s in figures.convergence(question).switches] == ["x", "log_x"]


def test_stills_of_the_curves_show_each_metric_and_no_seeds(analysed):
    stills = {}
    for panel in figures.convergence(analysed.questions[0]).panels:
        stills |= panel.stills()
    assert set(stills) >= {
        f"rates/convergence-{name}" for name in ("test_accuracy", "train_objective", "test_loss")
    }
    loss = stills["rates/convergence-test_loss"]
    first = {p["name"]: p.get("value") for p in loss["params"]}
    assert first["titles"][int(first["y"])] == "test loss (nats)"
    assert first["log"] is True
    assert set(loss["datasets"]) == {"mean"}


def test_every_seed_is_a_dot(analysed):
    rows = [r for r in rows_of(figures.seeds(analysed.questions[0])) if "seed" in r]
    base = {(r["variant"], r["seed"]) for r in rows if r["variant"] == "base"}
    assert len(base) == 5


def test_the_forest_has_differences_and_the_margin(analysed):
    question = analysed.questions[0]
    rows = rows_of(figures.forest(question))
    high = next(r for r in rows if r.get("variant") == "high")
    found = next(c for c in question.decisive if c.variant == "high").found
    assert high["difference"] == pytest.approx(found.difference * 100)
    assert high["low"] == pytest.approx(found.ci_low * 100, rel=1e-5)
    assert {"low": -0.2, "high": 0.2} in rows


def test_a_forest_of_times_has_the_margin_as_a_ratio(tmp_path):
    text = synthetic.SUITE.replace("margin: 0.002", "margin: 1.25\nprimary: epoch_time_s")
    question = analyse(synthetic.written(tmp_path, synthetic.usual, suite=text)).questions[0]
    rows = rows_of(figures.forest(question))
    assert {"low": 0.8, "high": 1.25} in rows
    assert "takes" in question.sentences[0]


def test_colours_of_a_variant_are_the_same_in_all_charts(analysed):
    question = analysed.questions[0]
    panels = [
        *figures.convergence(question).panels,
        figures.seeds(question),
        figures.forest(question),
    ]
    expected = [palette.colour(i) for i in range(4)]
    for panel in panels:
        text = json.dumps(panel.spec)
        assert json.dumps(expected)[1:-1] in text
        assert json.dumps(["base", "high", "low", "same"])[1:-1] in text


def test_a_variant_has_one_look_in_all_legends(analysed):
    """Those of methods are that of a variant of theirs; levels of a setting have no variant's colour."""
    page = Reading.of(render.render(analysed))
    looks = {}
    for tag, attributes in page.tags:
        if tag == "button" and attributes.get("class") == "key":
            name = attributes["data-name"]
        if tag == "svg" and attributes.get("class") == "sample":
            looks.setdefault(name, set()).add(attributes["style"])
    names = [v.name for v in analysed.questions[0].variants]
    assert [looks[name] for name in names] == [{f"color: var(--c{i})"} for i in range(4)]
    assert looks.keys() == {*names, *(m.name for m in analysed.questions[0].methods)}
    assert figures.places(analysed.questions[0]) == (0,)
    assert not {palette.level(i) for i in range(8)} & {palette.colour(i) for i in range(8)}


def test_shares_rise_in_steps_to_those_that_reached(analysed):
    question = analysed.questions[0]
    panel = figures.reached(question)
    for row in question.reaching:
        mine = [r for r in rows_of(panel) if r["variant"] == row.variant]
        steps = [r for r in mine if r["clock"] == "epochs_to_target"]
        assert (steps[0]["at"], steps[0]["share"]) == (0, 0)
        assert [s["share"] for s in steps] == sorted(s["share"] for s in steps)
        assert (steps[-1]["at"], steps[-1]["share"]) == (3, 100 * row.reached / row.n)
        by_updates = [r for r in mine if r["clock"] == "updates_to_target"]
        assert {r["at"] for r in by_updates} == {0, 30, *row.by_clock["updates_to_target"].values()}
    assert "low 4 of 5" in panel.alt


def test_charts_are_plain_json_without_addresses(analysed):
    for panel in figures.convergence(analysed.questions[0]).panels:
        text = json.dumps(panel.spec, allow_nan=False)
        assert "http" not in text


def test_every_chart_has_a_name_of_its_own_that_is_a_path(analysed):
    names = [panel.name for panel in panels_of(analysed)]
    assert len(names) == len(set(names))
    assert {"rates/seeds", "rates/differences", "rates/target"} <= set(names)


def test_names_stay_apart_where_characters_are_lost():
    panel = drawing.panel(("über all/das", "a b"), "", [alt.Chart().mark_point()], 1, "")
    other = drawing.panel(("über-all-das", "a-b"), "", [alt.Chart().mark_point()], 1, "")
    assert panel.name != other.name
    assert re.fullmatch(r"[\w.=+-]+/[\w.=+-]+", panel.name, re.ASCII)


def test_a_still_leaves_out_what_cannot_be_seen():
    chart = alt.Chart().mark_point()
    unseen = chart.encode(opacity=alt.value(0))
    panel = drawing.panel(("q", "a"), "", [chart, unseen], 100, "")
    ((name, still),) = panel.stills().items()
    assert (name, len(still["layer"]), len(panel.spec["layer"])) == ("q/a", 1, 2)


@pytest.mark.parametrize("theme", [palette.LIGHT, palette.DARK])
def test_colours_have_contrast(theme):
    page = "#ffffff" if theme is palette.LIGHT else "#14181d"
    for colour in theme:
        lighter, darker = sorted((luminance(colour), luminance(page)), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 3, colour


def luminance(colour):
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_long_names_of_a_matrix_are_set_word_by_word(tmp_path):
    """Cut off, they could not be told apart."""
    text = (
        synthetic.SUITE.partition("questions:")[0]
        + """questions:
  q:
    ask: Which?
    matrix: {optimizer.SGD.learning_rate: [0.1, 0.2], model.mlp.hidden: [[10], [20, 20]]}
"""
    )
    written = synthetic.written(tmp_path, lambda *_: synthetic.Outcome(), suite=text)
    panel = figures.seeds(analyse(written).questions[0])
    assert ">learning_rate=0.2<" in render._static_svg(panel)
    assert ">hidden=20-20<" in render._static_svg(panel)
    assert panel.height > 4 * drawing.ROW


def test_shapes_tell_apart_what_shares_a_colour():
    looks = {(palette.colour(i), palette.shape(i)) for i in range(24)}
    assert len(looks) == 24
    assert len({(palette.colour(i), palette.dash(i)) for i in range(24)}) == 24


def test_networks_of_nothing_have_no_picture(analysed):
    question = analysed.questions[0]
    names = [v.name for v in question.variants]
    network = Network("base", 0, pruned=False, accuracy=0.1, nonzero=0, gzip_bytes=0)
    empty = Sizes({}, {}, (network,), {name: {} for name in names}, {}, None)
    assert figures.magnitudes(question, empty) is None
    assert figures.pareto(question, empty) == []


def test_sizes_that_differ_by_one_weight_are_marked_once_each(analysed):
    question = analysed.questions[0]
    names = [v.name for v in question.variants]
    networks = tuple(
        Network("base", s, pruned=False, accuracy=0.9, nonzero=79_399 + s, gzip_bytes=9)
        for s in (0, 1)
    )
    sizes = Sizes({}, {}, networks, {name: {} for name in names}, {}, None)
    (panel,) = figures.pareto(question, sizes)  # gzipped, they are the same
    axes = [layer["encoding"]["x"]["axis"] for layer in panel.spec["layer"]]
    assert all(axis["values"] == [79_399, 79_400] for axis in axes)

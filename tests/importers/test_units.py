"""Shares and percentages: told apart, and said where they are mixed."""

from __future__ import annotations

import pytest

import bench
from bench.analysis import wording

HEAD = "m,s,t,acc\n"


def log(name="acc", **values):
    """A run per value, with seeds from 0."""
    rows = [f"{m},{s},1,{v}" for m, all_ in values.items() for s, v in enumerate(all_)]
    return f"m,s,t,{name}\n" + "\n".join(rows) + "\n"


SHARES, PERCENT = [0.81, 0.82, 0.8], [85.1, 84.7, 85.9]


def mixed(results):
    return [(m.metric, m.percent, m.shares) for m in results.suite.imported.mixed]


def test_percent_of_one_variant_beside_shares_of_another(imported):
    results = imported(log(sgd=SHARES, adam=PERCENT))
    assert mixed(results) == [("acc", {"adam": [0, 1, 2]}, {"sgd": [0, 1, 2]})]
    caution = results.suite.imported.mixed[0].caution
    assert caution.startswith("acc of adam looks like percent, that of sgd like shares (0 to 1)")
    assert results.trials.acc.tolist() == [*SHARES, *PERCENT], "nothing is converted"
    assert bench.load_results(results.folder).suite.imported.mixed == results.suite.imported.mixed


def test_within_a_variant(imported):
    (found,) = imported(log(sgd=SHARES, adam=[0.85, 84.7, 0.86])).suite.imported.mixed
    assert found.percent == {"adam": [1]}
    assert found.shares == {"sgd": [0, 1, 2], "adam": [0, 2]}
    assert "adam (seeds 1) looks like percent" in found.caution
    assert "sgd and adam (seeds 0, 2) like shares" in found.caution


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ({"a": SHARES, "b": [0.1, 0.2, 0.3]}, {}),
        ({"a": PERCENT, "b": [12, 3, 99.5]}, {}),
        ({"a": SHARES, "b": [850, 860, 870]}, {}),
        ({"a": SHARES, "b": [-85, 85, 85]}, {}),
        ({"a": SHARES, "b": [1.5, 1.6, 1.7]}, {}),
        ({"a": [0.02, 2.3, 0.03], "b": [0.01, 0.02, 0.02]}, {"metrics": ["acc:min"]}),
        ({"a": ["nan"] * 3, "b": PERCENT}, {}),
    ],
)
def test_what_is_not_mixed(imported, values, options):
    assert mixed(imported(log(**values), **options)) == []


def test_a_learning_curve_in_percent(imported):
    rows = [
        f"{m},{s},{t},{k * t / 10}"
        for m, k in (("a", 1), ("b", 100))
        for s in (0, 1)
        for t in range(1, 10)
    ]
    assert mixed(imported(HEAD + "\n".join(rows))) == [("acc", {"b": [0, 1]}, {"a": [0, 1]})]


def test_groups_are_looked_at_one_by_one(imported):
    text = "d,m,s,t,acc\nx,a,0,1,0.8\nx,b,0,1,0.9\ny,a,0,1,80\ny,b,0,1,90\n"
    assert mixed(imported(text, group="d")) == []
    text = text.replace("y,a,0,1,80", "y,a,0,1,0.8")
    assert [m.question for m in imported(text, group="d").suite.imported.mixed] == ["y"]


def test_an_accuracy_in_percent_is_shown_so(imported):
    results = imported(
        log("test_accuracy", a=[81.2, 80.9], b=[83.0, 82.4]), metrics=["test_accuracy"]
    )
    metric = results.suite.metric("test_accuracy")
    assert (metric.unit, metric.percent, metric.higher_is_better) == ("%", False, True)
    assert results.suite.imported.notes == [
        "test_accuracy is in percent in the file, since some values are above 1, and shown so."
    ]
    assert wording.quantity(results.trials.test_accuracy[0], metric) == "81.2 %"
    assert wording.unit_of_difference(metric) == wording.POINTS


def test_an_accuracy_as_share_is_shown_in_percent(imported):
    results = imported(log("test_accuracy", a=[0.812, 1.0000001]), metrics=["test_accuracy"])
    metric = results.suite.metric("test_accuracy")
    assert wording.quantity(0.812, metric) == "81.20 %"
    assert results.suite.imported.notes == []


@pytest.mark.parametrize("name", ["test_loss", "train_loss", "validation_loss", "train_objective"])
def test_an_imported_loss_has_no_known_unit(imported, name):
    results = imported(log(name, a=[912.4, 905.1], b=[871.0, 868.3]), metrics=[name])
    assert results.suite.metric(name).unit == ""
    analysis = bench.analyse(results)
    assert analysis.questions[0].primary.unit == ""
    assert (
        "nats"
        not in bench.write_report(analysis, results.folder / "r.html")
        .read_text()
        .split("Statistics used")[0]
    )

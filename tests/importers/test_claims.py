"""Claims in a person's words: what they test, and what is not understood."""

from __future__ import annotations

import pytest

import bench
from bench import importers
from bench.errors import UsageError
from bench.importers._claims import Known, claims

KNOWN = Known({"": ["sgd", "adam", "optimizer=adam lr=0.1"]}, ["val_acc", "val_loss"], margin=False)
GROUPS = Known({"x": ["a", "b"], "y": ["a", "b"], "z": ["a", "c"]}, ["acc"], margin=True)


def claimed(text, known=KNOWN):
    """The one test that a claim makes, without what it leaves open."""
    ((claim,),) = [found for found in claims([text], known).values() if found]
    assert claim["says"] == " ".join(text.split())
    return {key: value for key, value in claim["test"].items() if value is not None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("adam val_acc better than 0.93", ("adam", "val_acc", "better", 0.93)),
        ("adam better than 0.93", ("adam", "val_acc", "better", 0.93)),
        ("adam val_acc is better than 0.93", ("adam", "val_acc", "better", 0.93)),
        ("adam better than sgd", ("adam", "val_acc", "better", "sgd")),
        ("adam val_loss worse than sgd", ("adam", "val_loss", "worse", "sgd")),
        ("adam val_loss worse than sgd val_loss", ("adam", "val_loss", "worse", "sgd")),
        ("adam not  better than sgd", ("adam", "val_acc", "not better", "sgd")),
        ("adam is NOT WORSE than sgd", ("adam", "val_acc", "not worse", "sgd")),
        ("adam val_acc higher than -1e-3", ("adam", "val_acc", "higher", -1e-3)),
        ("adam val_loss < 0.5", ("adam", "val_loss", "lower", 0.5)),
        ("adam val_loss > sgd", ("adam", "val_loss", "higher", "sgd")),
        ("optimizer=adam lr=0.1 val_acc < sgd", ("optimizer=adam lr=0.1", "val_acc", "lower", "sgd")),
        ("sgd worse than optimizer=adam lr=0.1", ("sgd", "val_acc", "worse", "optimizer=adam lr=0.1")),
        ("adam area_under_curve better than sgd", None),
    ],
)  # fmt: skip
def test_what_is_understood(text, expected):
    if expected is None:
        with pytest.raises(UsageError, match="a claim about 'adam area_under_curve'"):
            claimed(text)
        return
    variant, metric, is_, other = expected
    against = {"against": other} if isinstance(other, str) else {"value": other}
    assert claimed(text) == {"variant": variant, "metric": metric, "is": is_, **against}


def test_equivalence_needs_a_margin():
    found = claimed("adam has no practical difference from sgd within 0.01")
    assert (found["is"], found["against"], found["margin"]) == (
        "no practical difference",
        "sgd",
        0.01,
    )
    with pytest.raises(UsageError, match="not a claim") as caught:
        claimed("adam no practical difference from sgd")
    assert "within 0.01" in caught.value.hint
    known = Known(KNOWN.groups, KNOWN.metrics, margin=True)
    assert "margin" not in claimed("adam no practical difference from sgd", known)
    with pytest.raises(UsageError, match="not a claim"):
        claimed("adam val_loss no practical difference from sgd", known)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "no relation"),
        ("adam wins", "no relation"),
        ("adam >= 0.9", "no relation"),
        ("adam better sgd", "no relation"),
        ("adam val_acc better than 93%", "'93%'"),
        ("adam val_acc better than nan", "'nan'"),
        ("adam val_acc better than 1_000", "'1_000'"),
        ("adam better than adam", "after it"),
        ("adam val_acc better than sgd val_loss", "after it"),
        ("adm better than sgd", "'adam'"),
        ("adam val_ac better than sgd", "'adam val_acc'"),
        ("adam better than sdg", "'sgd'"),
        (" better than sgd", "nothing"),
        ("adam no practical difference from sgd within much", "much"),
        ("adam no practical difference from sgd within -1", "-1"),
    ],
)
def test_what_is_not_understood(text, found):
    with pytest.raises(UsageError) as caught:
        claimed(text)
    error = caught.value
    assert "--claim" in error.where
    assert error.expected
    assert found in str(error)


def test_groups():
    found = claims(["b better than a", "a better than 0.5 on z"], GROUPS)
    assert {group: [c["says"][:1] for c in those] for group, those in found.items()} == {
        "x": ["b"], "y": ["b"], "z": ["a"],
    }  # fmt: skip
    with pytest.raises(UsageError, match="not a claim") as caught:
        claims(["b better than c"], GROUPS)
    assert "no group with both b, c" in str(caught.value)


def test_names_that_hold_a_relation():
    known = Known({"": ["a better than b", "c"]}, ["acc"], margin=False)
    assert claimed("a better than b better than c", known)["variant"] == "a better than b"
    assert claimed("c worse than a better than b", known)["against"] == "a better than b"


def test_they_stand_in_the_suite_and_are_judged(imported):
    rows = [f"sgd,{s},1,{0.8 + s / 1000}\nadam,{s},1,{0.95 + s * s % 5 / 1000}" for s in range(6)]
    results = imported(
        "m,s,t,acc\n" + "\n".join(rows),
        claims=["adam acc better than 0.93", "sgd better than adam", "sgd acc > 0.8025"],
    )
    kept = bench.load_results(results.folder).suite.questions["imported"].claims
    assert [claim.says for claim in kept] == [
        "adam acc better than 0.93", "sgd better than adam", "sgd acc > 0.8025",
    ]  # fmt: skip
    judged = bench.analyse(results).claims
    assert judged.verdict.tolist() == ["holds", "does not hold", "cannot tell"]
    html = bench.write_report(bench.analyse(results), results.folder / "r.html").read_text()
    assert "adam acc better than 0.93" in html


def test_what_is_computed_can_be_claimed(imported):
    rows = [
        f"{m},{s},{t},{t * k}"
        for m, k in (("a", 1), ("b", 2))
        for s in range(4)
        for t in range(1, 9)
    ]
    said = ["b epochs_to_target lower than a", "b area_under_curve better than 4"]
    results = imported("m,s,t,acc\n" + "\n".join(rows), claims=said, target=("acc", 6.0))
    assert bench.analyse(results).claims.metric.tolist() == ["epochs_to_target", "area_under_curve"]
    with pytest.raises(UsageError, match="a claim about 'b epochs_to_target'"):
        imported("m,s,t,acc\n" + "\n".join(rows), claims=said)


def test_what_no_file_can_hold_is_refused_before_it_is_read(tmp_path):
    with pytest.raises(UsageError, match="not a claim"):
        importers.read(
            tmp_path / "none.csv", "csv", tmp_path / "out",
            variant="m", seed="s", metrics=["acc:max"], claims=["adam wins"],
        )  # fmt: skip

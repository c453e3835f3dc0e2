"""What cannot be computed costs its own place: every comparison, every part of a page, stands alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic import PROBED, SUITE, Outcome, noise, smooth, usual, written

from bench.analysis import analyse, analysis, comparisons, isolation
from bench.report.render import render
from bench.report.sections import conditions, questions, summary

PARTS = {
    "factorial": "the settings one by one",
    "sensitivities": "what the learning rate matters",
    "reachings": "time to the target",
    "reported_numbers": "reported numbers",
    "convergence_rates": "convergence rates",
    "speeds": "times alone",
    "epoch_times": "times of epochs",
    "landscape": "the landscape",
    "sizes": "sizes",
    "capacities": "capacity",
    "teams": "workers",
    "pairing": "what sharing seeds is worth",
}
SHOWN = [
    "factors",
    "sizes",
    "capacity",
    "reaching",
    "speed",
    "workers",
    "rates",
    "sensitivity",
    "landscape",
]


def boom(*_, **__):
    raise ZeroDivisionError("the sky fell")


@pytest.fixture(autouse=True)
def isolated(monkeypatch):
    monkeypatch.setattr(isolation, "CAUGHT", (Exception,))


@pytest.fixture(scope="module")
def probed(tmp_path_factory):
    return written(tmp_path_factory.mktemp("probed"), smooth, suite=PROBED)


@pytest.mark.parametrize("name", PARTS)
def test_a_part_of_the_analysis_that_fails_is_said_in_its_place(name, probed, monkeypatch):
    whole = analyse(probed)
    assert not whole.troubles.found
    monkeypatch.setattr(analysis, name, boom)
    found = analyse(probed)
    said = f"rates: {PARTS[name]} could not be computed: the sky fell"
    assert [str(trouble) for trouble in found.troubles.found] == [said]
    assert f"<p>{said}.</p>" in render(found)
    assert found.comparisons.equals(whole.comparisons)
    assert found.questions[0].headline == whole.questions[0].headline


@pytest.mark.parametrize("name", [*SHOWN, "details", "by_example"])
def test_a_part_of_the_page_that_fails_leaves_the_others(name, probed, monkeypatch):
    found = analyse(probed)
    before = render(found)
    part = getattr(questions, name)
    monkeypatch.setattr(part, "folds" if hasattr(part, "folds") else "blocks", boom)
    page = render(found)
    (trouble,) = found.troubles.found
    assert f"<p>{trouble}.</p>" in page
    assert "could not be computed: the sky fell" in str(trouble)
    for heading in ("Answers", "What was compared", "Which conclusions survive", "Statistics used"):
        assert (heading in page) == (heading in before)


@pytest.mark.parametrize("section", [summary, conditions])
def test_a_section_that_fails_leaves_the_others(section, probed, monkeypatch):
    monkeypatch.setattr(section, "build", boom)
    page = render(analyse(probed))
    assert "could not be computed: the sky fell" in page
    assert "What was compared" in page


@pytest.mark.parametrize("metric", ["test_accuracy", "test_loss", "epoch_time_s"])
def test_a_comparison_that_fails_leaves_the_others(metric, probed, monkeypatch):
    whole = analyse(probed).comparisons
    compare = comparisons.contrast

    def failing(a, b, **more):
        found = compare(a, b, **more)
        broken = a.metric.name == metric and a.variant == "low"
        return replace(found, a=np.array(["no number"] * found.a.size)) if broken else found

    monkeypatch.setattr(comparisons, "contrast", failing)
    found = analyse(probed)
    mine = found.comparisons.query("metric == @metric and variant == 'low'").iloc[0]
    assert mine.verdict == "cannot tell"
    assert "could not be computed" in mine.reason
    assert found.troubles.found
    others = "not (metric == @metric and variant == 'low') and not primary"
    columns = ["question", "variant", "metric", "difference", "p_value"]
    assert found.comparisons.query(others)[columns].equals(whole.query(others)[columns])
    assert "could not be computed" in render(found)


@pytest.mark.parametrize("value", [1e200, -1e200, 1e300, 1.7e308, 1e-200, 5e-324])
@pytest.mark.parametrize("own", ["loss_like", "score"])
def test_one_huge_or_tiny_value_of_a_secondary_metric_costs_its_own_comparison_at_most(
    value, own, tmp_path
):
    """The sums and squares of such numbers leave what a float can hold."""
    text = SUITE.replace("seeds: 5", f"seeds: 5\nmetrics: {{{own}: {{better: lower}}}}")
    results = written(tmp_path, usual, suite=text)
    plain = results.curves.assign(**{own: [1 + noise("x", i) for i in range(len(results.curves))]})
    last = (plain.variant == "high") & (plain.seed == 2) & (plain.epoch == 3)
    changed = replace(results, curves=plain.assign(**{own: plain[own].where(~last, value)}))
    before, after = analyse(replace(results, curves=plain)), analyse(changed)
    assert not after.troubles.found
    columns = ["variant", "metric", "difference", "ci_low", "ci_high", "p_value", "verdict"]
    kept = before.comparisons.metric != own
    assert after.comparisons[kept][columns].equals(before.comparisons[kept][columns])
    render(after)


@pytest.mark.parametrize("scale", [1e-200, 1e200, 1e300])
def test_values_of_any_size_are_compared_as_others_are(scale, tmp_path):
    text = SUITE.replace("seeds: 5", "seeds: 5\nmetrics: {own: {better: lower}}\nprimary: own")
    text = text.replace("margin: 0.002\n", "").replace("target: {test_accuracy: 0.9}\n", "")
    results = written(tmp_path, usual, suite=text)

    def scaled(by):
        curves = results.curves.assign(own=(1 - results.curves.test_accuracy) * by)
        return analyse(replace(results, curves=curves))

    plain, other = scaled(1.0), scaled(scale)
    for column in ("p_value", "p_adjusted", "verdict", "effect_size"):
        mine, theirs = (a.comparisons.query("primary")[column] for a in (other, plain))
        if column == "verdict":
            assert list(mine) == list(theirs)
        else:
            assert list(mine) == pytest.approx(list(theirs), rel=1e-6)
    assert not other.troubles.found
    render(other)


def test_commands_end_with_1_and_say_what_is_missing(tmp_path, monkeypatch, capsys):
    from typer.testing import CliRunner

    from bench.cli import app

    results = written(tmp_path, lambda v, s: usual(v, s) if s else Outcome())
    monkeypatch.setattr(analysis, "convergence_rates", boom)
    said = "rates: convergence rates could not be computed: the sky fell"
    for command in (["report"], ["report", "--format", "markdown"], ["export"]):
        done = CliRunner().invoke(app, [command[0], str(results.folder), *command[1:]])
        assert done.exit_code == 1, done.output
        assert said in done.output
    assert (tmp_path / "report.html").exists()
    status = CliRunner().invoke(app, ["status", str(results.folder)])
    assert (status.exit_code, said in status.output) == (0, True)

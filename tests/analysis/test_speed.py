"""Epochs timed alone: means, ratios and times to the target, by hand; and what the report makes of them."""

from __future__ import annotations

import numpy as np
import pytest
from reading import Reading
from scipy import stats as scipy_stats
from synthetic import SUITE, Outcome, written

from bench import stats
from bench.analysis import analyse
from bench.frames import SPEEDS
from bench.report import write_report
from bench.store import Store, load_results
from bench.suite import parse_suite
from bench.trial import Timing, expand

ROUNDS = 6
NOISE = np.random.default_rng(5).normal(0, 0.02, (4, ROUNDS))
FACTORS = {"base": 0.2, "high": 0.21, "low": 0.4, "same": 0.2}
SECONDS = {name: factor * np.exp(NOISE[row]) for row, (name, factor) in enumerate(FACTORS.items())}
RUNS = {"base": (0.91, 0.95, 0.95), "high": (0.8, 0.92, 0.95), "low": (0.5, 0.6, 0.7)}


def outcome(variant, seed):
    late = variant == "base" and seed in (1, 3)
    return Outcome(accuracies=(0.8, 0.91, 0.95) if late else RUNS.get(variant, (0.8, 0.8, 0.91)))


def add(folder, seconds, *, started_at="2026-03-04T05:06:07.000+00:00", busy=1.0):
    keys = {u.variant: u.trial.training.of_an_epoch for u in expand(parse_suite(SUITE))}
    with Store(folder) as store:
        for number in range(len(next(iter(seconds.values())))):
            store.append_timings(
                [
                    Timing(keys[v], number + 1, float(s[number]), busy * float(s[number]))
                    for v, s in seconds.items()
                ],
                started_at=started_at,
                machine='{"processor": "A processor"}',
                versions="{}",
            )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("speed")
    written(folder, outcome)
    add(folder, SECONDS)
    return folder


@pytest.fixture(scope="module")
def analysis(folder):
    return analyse(load_results(folder))


@pytest.fixture(scope="module")
def rows(analysis):
    return analysis.speeds.set_index("variant")


def test_the_frame(rows, analysis):
    assert list(analysis.speeds.columns) == [c.name for c in SPEEDS]
    assert list(rows.index) == ["base", "high", "low", "same"]
    assert set(rows.rounds) == {ROUNDS}
    for name, seconds in SECONDS.items():
        assert rows.seconds[name] == pytest.approx(scipy_stats.gmean(seconds))
        assert rows.shortest[name] == seconds.min()
        assert rows.p95[name] == pytest.approx(np.quantile(seconds, 0.95))
        assert rows.busy[name] == pytest.approx(1)


def test_rounds_are_paired(rows):
    expected = scipy_stats.ttest_rel(np.log(SECONDS["low"]), np.log(SECONDS["base"]))
    assert rows.p_value["low"] == pytest.approx(expected.pvalue)
    raw = rows.p_value.dropna()
    found = (stats.adjust(list(raw), "bh") <= np.array(0.05)).sum()
    interval = np.exp(expected.confidence_interval(1 - 0.05 * found / len(raw)))
    assert (rows.ci_low["low"], rows.ci_high["low"]) == pytest.approx(tuple(interval))
    assert rows.p_adjusted.isna().to_dict() == dict.fromkeys(SECONDS, False) | {"base": True}
    assert list(rows.p_adjusted.dropna()) == pytest.approx(list(stats.adjust(list(raw), "bh")))
    assert rows.verdict["low"] == "worse"
    assert rows.verdict["same"] == "cannot tell"


def test_time_to_target_has_the_uncertainty_of_both(rows):
    found = stats.product_of_means([1, 2, 1, 2, 1], SECONDS["base"])
    assert rows.to_target_s["base"] == pytest.approx(1.4 * scipy_stats.gmean(SECONDS["base"]))
    assert rows.to_target_low["base"] == pytest.approx(found.ci_low)
    alone = np.log([rows.seconds_low["base"], rows.seconds_high["base"]])
    assert np.log(rows.to_target_high["base"] / rows.to_target_low["base"]) > np.ptp(alone)
    assert np.isnan(rows.to_target_s["low"])  # nobody reached it


def test_the_last_measurement_of_the_whole_question_counts(tmp_path):
    written(tmp_path, outcome)
    assert analyse(load_results(tmp_path)).speeds.empty
    twice = {name: 2 * seconds for name, seconds in SECONDS.items()}
    add(tmp_path, SECONDS)
    add(tmp_path, twice, started_at="2026-04-01T00:00:00.000+00:00")
    add(tmp_path, {"base": SECONDS["base"]}, started_at="2026-05-01T00:00:00.000+00:00")
    found = analyse(load_results(tmp_path)).speeds.set_index("variant")
    assert found.seconds["base"] == pytest.approx(2 * scipy_stats.gmean(SECONDS["base"]))


def table(analysis, tmp_path):
    html = write_report(analysis, tmp_path / "report.html").read_text()
    reading = Reading.of(html)
    found = [t for t in reading.tables if "time to target" in t[0]]
    return html, {row[0]: row[1:] for row in found[0][1:]} if found else None


def test_the_report_shows_them(analysis, tmp_path):
    html, shown = table(analysis, tmp_path)
    assert "Time per epoch, alone on the machine" in html
    assert "2026-03-04, A processor" in html
    assert "6 rounds" in html
    assert shown["base"][0] == "baseline"
    assert shown["low"][2] == "× 1.991"
    assert shown["low"][-2:] == ["never", "–"]
    assert shown["base"][-2] == "0.28\xa0s"
    assert "was not idle" not in html
    assert "measures each variant alone" not in html


def test_without_them_the_report_says_how(usual_results, tmp_path):
    html, shown = table(analyse(usual_results), tmp_path)
    assert shown is None
    assert "`bench time` measures each variant alone." in html
    assert "alone on the machine" not in html


def test_a_busy_machine_is_said(tmp_path):
    written(tmp_path / "run", outcome)
    add(tmp_path / "run", {name: s[:2] for name, s in SECONDS.items()}, busy=0.6)
    html, shown = table(analyse(load_results(tmp_path / "run")), tmp_path)
    assert "The machine was not idle" in html
    assert "base 60\xa0%" in html
    assert shown["low"][3:5] == ["–", "–"]  # two rounds are no sample: no interval, no p


def test_times_before_any_training(tmp_path):
    written(tmp_path / "run", lambda variant, seed: None)
    add(tmp_path / "run", SECONDS)
    analysis = analyse(load_results(tmp_path / "run"))
    assert analysis.speeds.to_target_s.isna().all()
    html, _ = table(analysis, tmp_path)
    assert "Time per epoch, alone on the machine" in html

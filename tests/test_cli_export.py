"""``bench export``: frames as before, and what papers need."""

from __future__ import annotations

from bench.cli_export import export


def test_without_a_choice_it_writes_frames(tiny_results, tmp_path):
    export(tiny_results, to=tmp_path)
    assert (tmp_path / "trials.parquet").exists()
    assert not (tmp_path / "figures").exists()


def test_what_a_paper_needs_and_nothing_else(tiny_results, tmp_path, capsys):
    export(tiny_results, to=tmp_path, figures="svg", tables="latex", bibtex=True)
    assert {path.name for path in tmp_path.iterdir()} == {"figures", "tables", "references.bib"}
    assert (tmp_path / "figures" / "rates" / "differences.svg").exists()
    assert (tmp_path / "tables" / "rates" / "comparisons.tex").exists()
    assert (tmp_path / "tables" / "report" / "scoreboard.tex").exists()
    said = capsys.readouterr().out
    for folder in ("figures", "tables"):
        count = sum(path.is_file() for path in (tmp_path / folder).rglob("*"))
        assert f"{tmp_path / folder}, {count} {folder}" in said


def test_both_at_once(tiny_results, tmp_path):
    export(tiny_results, to=tmp_path, format_="csv", tables="csv")
    assert (tmp_path / "trials.csv").exists()
    assert (tmp_path / "tables" / "rates" / "comparisons.csv").exists()


def test_an_unknown_format_is_said(bench, tmp_path):
    done = bench("export", tmp_path, "--to", tmp_path / "x", "--figures", "gif")
    assert done.returncode == 2
    assert "'pdf', 'svg', 'png'" in done.stderr
    assert list(tmp_path.iterdir()) == []

"""What is cited has a reference, and a report gives those of the methods that it used."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import synthetic

from bench import load_suite
from bench.analysis import analyse, theory
from bench.report.references import cited, entries, used, write_references
from bench.report.sections import methods

BIBTEX = shutil.which("bibtex")


def keys_of(path):
    return re.findall(r"^@\w+\{([\w-]+),$", path.read_text(encoding="utf-8"), re.MULTILINE)


def test_citations_are_found():
    text = (
        "Bach and Moulines 2011; paired t test (Student 1908). Welch (1947); O'Brien and Fleming 1979;"
        " Hansen et al. 2021, Schmidt, Le Roux and Bach 2017; Nesterov 1983 and 2004; Demšar 2006; in 1979"
    )
    assert cited(text) == [
        "bach2011", "student1908", "welch1947", "obrien1979", "hansen2021", "schmidt2017",
        "nesterov1983", "nesterov2004", "demsar2006",
    ]  # fmt: skip


def test_every_year_in_the_sentences_of_the_methods_is_a_citation_with_a_reference():
    for method in methods.METHODS:
        keys = cited(method.text)
        assert len(keys) == len(re.findall(r"\b(?:18|19|20)\d\d\b", method.text)), method.text
        assert set(keys) <= entries().keys()


def test_every_law_of_theory_has_a_reference():
    sources = set(
        re.findall(r'"([A-Z][^"]* (?:19|20)\d\d[^"]*)"', Path(theory.__file__).read_text())
    )
    assert len(sources) > 5
    for source in sources:
        assert cited(source), source
        assert set(cited(source)) <= entries().keys(), source


@pytest.mark.parametrize("page", ["statistics.md", "convergence.md"])
def test_what_the_documents_cite_has_a_reference(repository, page):
    text = " ".join((repository / "docs" / page).read_text(encoding="utf-8").split())
    keys = set(cited(text))
    assert len(keys) > 5
    assert not keys - entries().keys()


def test_entries_are_complete():
    for key, entry in entries().items():
        assert re.fullmatch(r"[a-z]+[12]\d{3}", key)
        assert f"year = {{{key[-4:]}}}" in entry
        assert all(f"  {name} = {{" in entry for name in ("author", "title"))
        assert entry.count("{") == entry.count("}")


def test_a_report_cites_the_methods_that_it_used(analysed, tmp_path):
    keys = keys_of(write_references(analysed, tmp_path / "new" / "references.bib"))
    assert keys[:2] == ["seedwise", "source-made-up"]
    assert {"student1908", "dunn1961", "hansen2021", "mcnemar1947"} <= set(keys)
    assert not {"maxwell2004", "searle1992"} & set(keys), "of methods it did not use"
    assert len(set(keys)) == len(keys)


def test_without_a_target_no_reference_for_it(tmp_path):
    text = synthetic.SUITE.replace("target: {test_accuracy: 0.9}\n", "")
    analysis = analyse(synthetic.written(tmp_path, synthetic.usual, suite=text))
    terms = [method.term for method in methods.used(analysis)]
    assert "Time to target" not in terms
    assert "Verdicts" in terms
    assert not any("hansen2021" in entry for entry in used(analysis))


def test_the_sources_of_a_suite_that_are_papers_are_among_them():
    source = load_suite("convex_rates").source
    assert {"polyak1964", "nesterov1983", "nesterov2004", "bach2011"} <= set(cited(source))


@pytest.mark.skipif(BIBTEX is None, reason="no BibTeX on this machine")
def test_bibtex_reads_all_entries(analysed, tmp_path):
    write_references(analysed, tmp_path / "some.bib")
    own = [e for e in (tmp_path / "some.bib").read_text().split("\n\n") if e.startswith("@misc")]
    assert len(own) == 2
    every = [*own, *entries().values()]
    (tmp_path / "all.bib").write_text("\n".join(every), encoding="utf-8")
    (tmp_path / "a.aux").write_text("\\citation{*}\n\\bibstyle{plain}\n\\bibdata{all}\n")
    done = subprocess.run(
        [BIBTEX, "a"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, "Warning" in done.stdout) == (0, False), done.stdout
    assert (tmp_path / "a.bbl").read_text().count("\\bibitem") == len(every)

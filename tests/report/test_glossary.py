from __future__ import annotations

import re

import pytest
from reading import Reading

from bench.report import glossary
from bench.report.blocks import Column, Prose, Table


@pytest.fixture(scope="module")
def page(report):
    return Reading.of(report.read_text(encoding="utf-8"))


def test_only_the_terms_of_the_page(page):
    ids = {a["id"] for _, a in page.tags if "id" in a}
    assert {"term-adjusted-p", "term-d-z", "term-ert", "term-margin", "term-seed"} <= ids
    other = {"term-staleness", "term-anytime-e", "term-all-reduce"}
    assert ids & other == set()


def test_headings_lead_to_their_meanings(page):
    ids = {a["id"] for _, a in page.tags if "id" in a}
    links = [a["href"] for a in page.all("a") if a["href"].startswith("#term-")]
    assert len(links) > 10
    assert {link.removeprefix("#") for link in links} <= ids


def test_a_term_is_found_where_it_stands_alone_or_in_a_sentence():
    def named(*blocks):
        return [term.name for term in glossary.of(blocks)]

    assert named(Prose(("Its adjusted p is .01.",))) == ["adjusted p"]
    assert named(Prose(("ERT: all that was spent",))) == ["ERT"]
    assert named(Table("t", "", (Column("n"), Column("d_z")), ())) == ["d_z", "n"]
    assert named(Prose(("A sentence with nothing in it.",))) == []


def test_every_heading_with_a_meaning_is_in_the_glossary():
    blocks = (
        Table("t", "", (Column("lost", "the best minus the worst"), Column("0.1", "a rate")), ()),
    )
    section = glossary.section(glossary.of(blocks), blocks)
    assert section.blocks[-1].blocks[0].items == (("lost", "the best minus the worst"),)


def test_terms_are_one_line_each_and_have_addresses_of_their_own():
    anchors = [term.anchor for term in glossary.TERMS]
    assert len(set(anchors)) == len(anchors)
    for term in glossary.TERMS:
        assert len(term.meaning) < 130
        assert term.meaning.endswith(".")
        re.compile(term.pattern)

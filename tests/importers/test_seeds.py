"""Seeds as numbers: those in their names where these are clear, and paired across variants."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import DatasetError
from bench.importers._seeds import seeds_of


def seeds(*texts, **variants):
    """The seeds of one variant, or of several by their names."""
    variants = {"a": texts} if texts else variants
    return seeds_of(
        Path("log.csv"), [("", name, seed) for name, all_ in variants.items() for seed in all_]
    )


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["seed_42", "seed_7", "seed_123"], [42, 7, 123]),
        (["s3", "s4"], [3, 4]),
        (["seed=3", "seed=4"], [3, 4]),
        (["run-7", "run-8"], [7, 8]),
        (["Seed 3", "seed 4"], [3, 4]),
        (["#3", "#4"], [3, 4]),
        (["seed_10", "seed_11"], [10, 11]),
        (["seed_007", "seed_42"], [7, 42]),
        (["seed_42.0", "seed_7.0"], [42, 7]),
        (["lr0.1_s3", "lr0.1_s4"], [3, 4]),
        (["lr0.1_seed3", "lr0.2_seed4"], [3, 4]),
        (["seed3_lr0.1", "seed4_lr0.1"], [3, 4]),
        (["seed3.ckpt", "seed4.ckpt"], [3, 4]),
        (["runs/seed_3", "runs/seed_4"], [3, 4]),
        (["seed_5"], [5]),
    ],
)
def test_numbers_in_names(texts, numbers):
    found = seeds(*texts)
    assert found.origin == "found"
    assert [found.number[text] for text in texts] == numbers
    assert f"{texts[0]} is {numbers[0]}" in found.note


@pytest.mark.parametrize("texts", [["0042", "7"], ["42.0", "7.0"], ["0", "1"], ["2147483647", "3"]])
def test_whole_numbers_are_written_so(texts):
    found = seeds(*texts)
    assert (found.origin, found.note) == ("written", None)
    assert [found.number[text] for text in texts] == [int(float(text)) for text in texts]


@pytest.mark.parametrize(
    "texts",
    [
        ["-1", "0"], ["seed_-1", "seed_-2"], ["1.5", "2"], ["seed1.5", "seed1.6"], ["1", "01"],
        ["seed_1", "seed_01"], ["a", "b"], ["a3f9", "b7c2"], ["a3", "b7"], ["3abc", "7def"],
        ["2024-01-01", "2024-01-02"], ["s1_2", "s2_1"], ["seed_2147483648", "seed_1"],
        ["stellar-sun-17", "misty-moon-18"], ["run_1", "seed_2"], ["1e3", "2e3"], ["seed1e3", "seed2e3"],
        ["20240101120000123", "4"], ["seed_1", "best"], ["True", "False"],
    ],
)  # fmt: skip
def test_what_is_not_clear_is_numbered(texts):
    found = seeds(*texts)
    assert found.origin == "numbered"
    assert found.number == {text: number for number, text in enumerate(texts)}
    assert found.note.startswith("Seeds are numbered in the order of the file")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["0", "1"], ["seed_0", "seed_1"]),
        (["seed_0", "seed_1"], ["Seed-1", "seed=0"]),
        (["a-0", "a-1"], ["b-0", "b-1"]),
        (["run_3"], ["run_3"]),
    ],
)
def test_variants_are_paired_by_number(first, second):
    found = seeds(a=first, b=second)
    assert found.origin == "found"
    assert {found.number[text] for text in first} == {found.number[text] for text in second}


def test_a_number_twice_in_a_variant_is_no_seed():
    assert seeds(a=["3", "seed_3"], b=["3"]).origin == "numbered"


def test_too_many():
    with pytest.raises(DatasetError, match="too many seeds"):
        seeds(*map(str, range(10_001)))


@given(
    st.sampled_from(["seed_", "s", "run-", "seed=", "trial ", "rep#"]),
    st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=8, unique=True),
    st.sampled_from(["", ".json", "_final"]),
)
def test_any_label(label, numbers, end):
    texts = [f"{label}{number}{end}" for number in numbers]
    assert [seeds(*texts).number[text] for text in texts] == numbers


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=8, unique=True))
def test_any_text_is_a_seed_of_its_own(texts):
    found = seeds(*texts)
    assert found.number.keys() == set(texts)
    assert len(set(found.number.values())) == len(texts)
    assert all(0 <= number < 2**31 for number in found.number.values())

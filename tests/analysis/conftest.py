from __future__ import annotations

import sys
from pathlib import Path

import pytest

here = Path(__file__).parent
sys.path += [str(here), str(here.parent / "report")]  # for `synthetic` and `reading`


@pytest.fixture(scope="session")
def usual(tmp_path_factory):
    """Results of five seeds with known effects."""
    import synthetic

    return synthetic.written(tmp_path_factory.mktemp("usual"), synthetic.usual)


@pytest.fixture(scope="session")
def analysed(usual):
    """The analysis of them."""
    from bench.analysis import analyse

    return analyse(usual)


@pytest.fixture(scope="session")
def usual_results(usual):
    """The same, for modules that import the outcomes of that name."""
    return usual


@pytest.fixture(scope="session")
def usual_conditions(usual):
    """How they came about."""
    from bench.analysis.conditions import conditions

    return conditions(usual)

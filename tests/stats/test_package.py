from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys

import pytest

import bench.stats


def test_needs_numpy_and_scipy_only():
    code = (
        "import sys, bench.stats\n"
        "heavy = {'pandas', 'sklearn', 'tensorflow', 'keras', 'altair', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_all_is_sorted_and_complete():
    names = bench.stats.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name))
    imported = {
        name
        for name, value in vars(bench.stats).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert imported == set(names)


@pytest.mark.parametrize(
    "name", [n for n in bench.stats.__all__ if n != "Verdict" and not n.isupper()]
)
def test_every_public_name_says_what_it_is(name):
    value = getattr(bench.stats, name)
    assert len(inspect.getdoc(value)) > 30
    if value is bench.stats.Caution:
        assert issubclass(value, str)  # which cannot be changed either
    elif inspect.isclass(value):
        assert dataclasses.is_dataclass(value)
        assert value.__dataclass_params__.frozen
    else:
        doc = " ".join(value.__doc__.split())
        assert "Raises StatsError" in doc or "errors as in" in doc
        assert inspect.signature(value).return_annotation is not inspect.Signature.empty

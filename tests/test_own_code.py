"""Which code a suite names, without running it, and whether it is still the same."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import zipfile
from dataclasses import replace

import pytest

from bench import own_code
from bench.trial import Training

TRAINING = Training(
    dataset="digits",
    validation=0,
    train_images=None,
    model={"mlp": {"hidden": [4]}},
    optimizer={"mine:Own": {}},
    loss="MeanSquaredError",
    batch_size=10,
    engine="compiled",
    epochs=1,
)


def named(**settings):
    return own_code.named(replace(TRAINING, **settings))


@pytest.mark.parametrize(
    ("settings", "modules"),
    [
        ({}, ("mine",)),
        ({"optimizer": "a.b:C"}, ("a.b",)),
        ({"optimizer": "SGD"}, ()),
        ({"optimizer": "SGD", "loss": "losses:Mine"}, ("losses",)),
        ({"optimizer": {"Wrap": {"inner": {"deep:Er": {"x": [1, {"er:Y": None}]}}}}}, ("deep", "er")),
        (
            {"model": {"layers": ["l:A", {"l:B": {}}, {"m:C": {"kernel_initializer": {"n:D": {}}}}]}},
            ("l", "m", "mine", "n"),
        ),
        ({"optimizer": {"SGD": {"name": "no: module", "other": ":x", "third": "x:"}}}, ()),
    ],
)  # fmt: skip
def test_modules_that_settings_name(settings, modules):
    assert named(**settings) == modules


@pytest.fixture
def write(tmp_path):
    """Write modules beside a suite; a fingerprint of those that ``mine`` is made of."""

    def call(files=None, **more):
        for name, text in {**(files or {}), **more}.items():
            path = tmp_path / f"{name.replace('-', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        return own_code.on_disk(TRAINING, tmp_path)

    return call


IMPORTS = {
    "import helper": {"helper"},
    "import helper as h, math": {"helper"},
    "from helper import a, b": {"helper"},
    "from helper import *": {"helper"},
    "def late():\n    import helper": {"helper"},
    "try:\n    import helper\nexcept ImportError:\n    import other": {"helper", "other"},
    "import importlib\nimportlib.import_module('helper')": {"helper"},
    "__import__('helper')": {"helper"},
    "import pack": {"pack"},
    "import pack.part": {"pack", "pack.part"},
    "from pack import part": {"pack", "pack.part"},
    "from pack import absent": {"pack"},
    "import pack.deep.leaf": {"pack", "pack.deep", "pack.deep.leaf", "pack.part"},
    "import bare.leaf": {"bare.leaf"},
    "import helper\nimport helper": {"helper"},
    "import chain": {"chain", "helper", "other"},
    "import circle": {"circle"},
    "import os, json, numpy, keras": set(),
    "import helper.nothing": {"helper"},
    "x = 'helper'": set(),
}


@pytest.mark.parametrize("text", IMPORTS)
def test_own_modules_are_followed_wherever_they_are_imported(write, text):
    found = write(
        {
            "mine": text,
            "helper": "a = b = 1",
            "other": "",
            "unused": "",
            "pack-__init__": "",
            "pack-part": "",
            "pack-deep-__init__": "",
            "pack-deep-leaf": "from .. import part\nfrom ...outside import x",
            "bare-leaf": "",
            "chain": "import helper, other, chain",
            "circle": "import mine",
        }
    )
    assert found.keys() - {"mine"} == IMPORTS[text]
    assert all(len(value) == 64 for value in found.values())


def test_nothing_is_run(write, tmp_path):
    ran = tmp_path / "ran"
    text = f"open({str(ran)!r}, 'w')\n"
    found = write({"mine": text + "import pack.part", "pack-__init__": text, "pack-part": text})
    assert found.keys() == {"mine", "pack", "pack.part"}
    assert not ran.exists()
    assert not {"mine", "pack"} & sys.modules.keys()


@pytest.mark.parametrize(
    "text", ["def f(:", "\0", "import ", "ä".encode("latin-1").decode("latin-1")]
)
def test_what_is_no_python_is_a_content_like_others(write, tmp_path, text):
    (tmp_path / "mine.py").write_bytes(text.encode("latin-1"))
    assert own_code.on_disk(TRAINING, tmp_path).keys() == {"mine"}


def test_the_suites_folder_comes_first_and_its_environment_is_installed(write, tmp_path):
    assert "random" in write(mine="import random", random="")
    (tmp_path / "lib" / "site-packages").mkdir(parents=True)
    (tmp_path / "lib" / "site-packages" / "inside.py").write_text("")
    write(mine="import inside, random")
    sys.path.append(str(tmp_path / "lib" / "site-packages"))
    try:
        assert own_code.on_disk(TRAINING, tmp_path).keys() == {"mine", "random"}
    finally:
        sys.path.pop()


def test_other_places_of_the_path_are_own_too(write, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "shared_by_us.py").write_text("")
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr("packed_by_us.py", "x = 1")
    monkeypatch.syspath_prepend(elsewhere)
    monkeypatch.syspath_prepend(tmp_path / "packed.zip")
    found = write(mine="import shared_by_us, packed_by_us")
    assert found.keys() == {"mine", "shared_by_us", "packed_by_us"}


def test_of_installed_packages_the_version_is_kept(write):
    from importlib import metadata

    found = write(mine="import typer, tensorflow, bench.layers\nfrom rich.table import Table")
    assert {k: v for k, v in found.items() if k != "mine"} == {
        "package typer": metadata.version("typer"),
        "package rich": metadata.version("rich"),
    }


def test_a_package_that_the_suite_names(tmp_path):
    from importlib import metadata

    training = replace(TRAINING, optimizer="rich.table:Table")
    assert own_code.on_disk(training, tmp_path) == {"package rich": metadata.version("rich")}
    assert own_code.on_disk(replace(TRAINING, optimizer="nowhere.at.all:X"), tmp_path) == {}
    assert own_code.on_disk(replace(TRAINING, optimizer="os.path:X"), tmp_path) == {}


def test_paths_do_not_matter(tmp_path):
    found = []
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "mine.py").write_text("x = 1")
        found.append(own_code.on_disk(TRAINING, tmp_path / place))
    assert found[0] == found[1]


# --- changes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"mine": "import helper  # the same"}, ["mine has changed"]),
        ({"helper": "a = 2"}, ["helper has changed"]),
        ({"unused": "a = 2"}, []),
        ({"mine": "import unused"}, ["mine has changed", "unused is new"]),
        ({"math": "pi = 3"}, ["math is new"]),
    ],
)
def test_changes_are_named(write, tmp_path, change, said):
    before = write(mine="import helper, math", helper="a = 1", unused="")
    after = write(**change)
    assert own_code.differences(before, after, tmp_path) == said


def test_what_is_gone_is_named(write, tmp_path):
    before = write(mine="import helper", helper="a = 1")
    (tmp_path / "helper.py").unlink()
    after = own_code.on_disk(TRAINING, tmp_path)
    assert own_code.differences(before, after, tmp_path) == ["helper is gone"]


def test_versions_are_named(tmp_path):
    before, after = {"package x": "1.0", "package y": "2"}, {"package x": "1.1"}
    found = own_code.differences(before, after, tmp_path)
    assert found == ["package x 1.0 is 1.1", "package y is gone"]


# --- as it was imported -----------------------------------------------------------------------


def told(tmp_path, *lines):
    """What a process says in which code is imported, edited and asked for."""
    code = "\n".join(
        [
            "from pathlib import Path; from dataclasses import replace; import sys",
            "from bench import own_code; from bench.trial import Training",
            "own_code.backend.tensorflow = lambda: None",  # which is slow to load, and not asked here
            f"training = Training(**{ {f: getattr(TRAINING, f) for f in TRAINING.__dataclass_fields__}!r})",
            f"folder = Path({str(tmp_path)!r}); sys.path.insert(0, str(folder))",
            "now = lambda: own_code.on_disk(training, folder)",
            "imported = lambda: own_code.imported(training, folder)",
            *lines,
        ]
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_modules_of_computed_names_are_known_once_they_are_imported(write, tmp_path):
    write(
        mine="import importlib\nfor n in '12':\n    importlib.import_module('part' + n)",
        part1="",
        part2="",
    )
    assert told(
        tmp_path,
        "print(*now())",
        "print(*imported())",
        "print(*imported())",  # again, when nothing is imported any more
    ) == ["mine", *["mine", "part1", "part2"] * 2]
    known = dict.fromkeys(("mine", "part1", "part2"), "") | own_code.on_disk(TRAINING, tmp_path)
    assert own_code.differences(known, own_code.on_disk(TRAINING, tmp_path), tmp_path) == [
        "part1 has changed",
        "part2 has changed",
    ]


def test_code_that_is_edited_after_it_was_imported_is_as_it_was(write, tmp_path):
    write(mine="import helper", helper="a = 1")
    assert told(
        tmp_path,
        "first = imported()",
        "(folder / 'helper.py').write_text('a = 2')",
        "print(imported() == first, *own_code.contradict(imported(), now()))",
    ) == ["True", "helper"]


def test_another_module_of_the_same_name_is_seen(write, tmp_path):
    write(mine="x = 1")
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.py").write_text("x = 2")
    assert told(
        tmp_path,
        "import mine",
        "folder = folder / 'other'",
        "print(*own_code.contradict(imported(), now()))",
    ) == ["mine"]


def test_what_cannot_be_imported_is_left_to_be_said(write, tmp_path):
    write(mine="raise RuntimeError('no')")
    assert told(tmp_path, "print(imported() == now())") == ["True"]

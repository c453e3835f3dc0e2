"""What the report says of the machine and the software; where shipped files lie."""

from __future__ import annotations

import json
import os
from importlib import metadata
from pathlib import Path

import pytest

from bench import machine, resources


def test_machine():
    found = machine.machine()
    assert found["cores"] == len(os.sched_getaffinity(0))
    assert 0 < found["memory_gib"] < 1e6
    assert all(isinstance(found[key], str) for key in ("host", "processor", "system"))
    assert json.loads(json.dumps(found)) == found


def test_versions():
    found = machine.versions()
    assert found["numpy"] == metadata.version("numpy")
    assert set(machine.LIBRARIES) <= set(found)
    assert {"python", "seedwise"} <= set(found)


def test_what_is_not_installed():
    assert machine._version("no-such-distribution-anywhere") == "not installed"


@pytest.mark.parametrize(
    ("content", "name"), [("a: b\nmodel name\t: Fast 3000\n", "Fast 3000"), ("a: b\n", "unknown")]
)
def test_processor(monkeypatch, content, name):
    monkeypatch.setattr(Path, "read_text", lambda self: content)
    assert machine._processor() == name


def test_no_list_of_processors(monkeypatch):
    def missing(self):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert isinstance(machine._processor(), str)


@pytest.mark.parametrize(("name", "kind"), [("suites", "*.yaml"), ("report_templates", "*")])
def test_shipped_files(name, kind):
    assert list(resources.folder(name).glob(kind))


def test_in_a_wheel_they_lie_inside_the_package(monkeypatch, tmp_path):
    (tmp_path / "bench" / "suites").mkdir(parents=True)
    monkeypatch.setattr(resources, "__file__", str(tmp_path / "bench" / "resources.py"))
    assert resources.folder("suites") == tmp_path / "bench" / "suites"


GIB = 2**30
V1 = "31 23 0:28 {root} {at} rw,relatime - cgroup cgroup rw,memory"
V2 = "41 31 0:38 {root} {at} rw,relatime - cgroup2 cgroup2 rw"
LIMITS = {"v1": "memory.limit_in_bytes", "v2": "memory.max"}


@pytest.mark.parametrize(
    ("kind", "root", "group", "limits", "expected"),
    [
        # In a container: its group is the root of what it sees, whatever it is called outside.
        ("v1", "/docker/1f", "/docker/1f", {"": GIB // 4}, GIB // 4),
        ("v1", "/", "/docker/1f", {"": GIB // 4}, GIB // 4),
        ("v2", "/", "/", {"": GIB // 4}, GIB // 4),
        # On the host, or in a unit of systemd: groups inside groups, of which the least counts.
        ("v1", "/", "/a/b", {"": 2**63 - 4096, "a": GIB // 8, "a/b": GIB // 4}, GIB // 8),
        ("v2", "/", "/a/b", {"a": "max", "a/b": GIB // 4}, GIB // 4),
        ("v1", "/docker/1f", "/docker/1f/in", {"": GIB // 4, "in": GIB // 8}, GIB // 8),
        # None of its own, and no limit at all.
        ("v2", "/", "/a", {"b": GIB // 8}, None),
        ("v1", "/", "/", {"": 2**63 - 4096}, None),
    ],
)
def test_the_memory_is_what_a_container_leaves(tmp_path, kind, root, group, limits, expected):
    for below, limit in limits.items():
        (tmp_path / "groups" / below).mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / below / LIMITS[kind]).write_text(f"{limit}\n")
    mount = {"v1": V1, "v2": V2}[kind].format(root=root, at=tmp_path / "groups")
    (tmp_path / "mountinfo").write_text(f"25 1 8:1 / / rw - ext4 /dev/sda rw\n{mount}\n")
    names = {"v1": "4:memory", "v2": "0:"}[kind]
    (tmp_path / "cgroup").write_text(f"9:name=systemd:/\n{names}:{group}\n")
    (tmp_path / "none").mkdir()
    whole = machine.memory_bytes(tmp_path / "none")
    assert machine.memory_bytes(tmp_path) == (expected or whole)

"""Who may import whom: only downwards. Read from the source, imports inside functions included."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import bench

PACKAGE = Path(bench.__file__).parent
LAYERS = (  # from below; modules of one layer do not import each other
    {"errors", "frames", "resources", "machine", "scratch", "standstill"},
    {"reading"},
    {"yaml_text", "files"},
    {"stats", "suite", "backend", "predictions", "weights", "results_file"},
    {"trial", "cluster", "consistency", "own_code"},
    {"plugins", "store", "local_cluster"},
    {"datasets", "keras_objects", "estimate"},
    {"layers", "models", "optimizers"},
    {"engines", "probes"},
    {"runner", "executor"},
    {"timing", "checking"},
    {"driver"},
    {"analysis", "importers"},
    {"report", "export", "progress", "pictures", "verify", "doctor"},
    {"cli_common"},
    {"cli_checks", "cli_export", "cli_import", "cli_output", "cli_report"},
    {"cli", "pytest_plugin"},
    {"__main__"},
)
RUNNING = {
    "runner",
    "cluster",
    "local_cluster",
    "executor",
    "timing",
    "checking",
    "driver",
    "engines",
    "models",
    "keras_objects",
    "datasets",
}
READING = {"analysis", "importers", "report", "stats", "export"}
LEAVES = {"datasets", "engines", "probes"}  # their modules are found by name


def imports(path):
    """Every bench module that a file imports, as (first part, whole name)."""
    inside_type_checking = set()
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            inside_type_checking |= set(ast.walk(node))
    for node in ast.walk(tree):
        if node in inside_type_checking:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "bench":
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole.split(".")[1], whole
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("bench."):
                    yield alias.name.split(".")[1], alias.name


def modules():
    return [p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py"]


def home(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def level(name):
    return next(i for i, layer in enumerate(LAYERS) if name in layer)


def test_every_module_has_its_layer():
    assert {home(path) for path in modules()} == set().union(*LAYERS)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down(path):
    here = home(path)
    for there, whole in imports(path):
        assert there == here or level(there) < level(here), f"{here} imports {whole}"
        assert not (here in RUNNING and there in READING), f"{here} imports {whole}"
        assert not (here in READING and there in RUNNING), f"{here} imports {whole}"
        if there in LEAVES and there != here:
            inside = whole.split(".")[2:]
            leaf = inside and (PACKAGE / there / f"{inside[0]}.py").exists()
            assert not leaf, f"{here} names the plug-in {whole}"

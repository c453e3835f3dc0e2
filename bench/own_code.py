"""Code that a suite names and that no trial's id holds: which modules it is, and a fingerprint of each.

A module is somebody's own unless it lies in Python's library or among the installed packages: beside the
suite, on ``PYTHONPATH``, in a package installed for editing. Own modules are known by the SHA-256 of their
source, and those that they import are followed; of installed packages the version is kept. Files that they read
are not known, nor modules that they import later by a name that they compute.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import importlib
import importlib.util
import json
import re
import sys
import sysconfig
from collections.abc import Mapping
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench import backend, reading
from bench.machine import LIBRARIES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec

    from bench.trial import Training

_NAMED: Final = re.compile(r"([A-Za-z_][\w.]*):[A-Za-z_]\w*")
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
_BY_NAME: Final = frozenset({"import_module", "__import__", "find_spec", "run_module"})
_HERE: Final = Path(__file__).parent
_PREFIX: Final = "package "  # of an installed one, where others have the name of a module

_imported: dict[str, str] = {}
"""SHA-256 of the own modules that this process has imported, as they were then."""
_brought: dict[str, frozenset[str]] = {}
"""Own modules that came with the first import of another, by whatever name it computed."""


def named(training: Training) -> tuple[str, ...]:
    """The modules in ``module:Class`` of a trial's settings, sorted."""
    parts = (training.model, training.optimizer, training.loss)
    return tuple(sorted({module for part in parts for module in _modules_in(part)}))


def _modules_in(settings: Any) -> Iterator[str]:
    if isinstance(settings, str):
        if found := _NAMED.fullmatch(settings):
            yield found[1]
    elif isinstance(settings, Mapping):
        for key, value in settings.items():
            yield from _modules_in(key)
            yield from _modules_in(value)
    elif isinstance(settings, list | tuple):
        for value in settings:
            yield from _modules_in(value)


def on_disk(training: Training, folder: Path) -> dict[str, str]:
    """The code that a process which starts now would train with; nothing of it is run.

    Args:
        training: whose settings name it.
        folder: the suite's, where imports look first.

    Returns:
        SHA-256 by name of module, versions by ``package NAME``; empty if the settings name no code.
    """
    found: dict[str, str] = {}
    waiting = list(named(training))
    while waiting:
        module = waiting.pop()
        if module in found or not all(part.isidentifier() for part in module.split(".")):
            continue
        if "." in module:
            waiting.append(module.rpartition(".")[0])
        spec = _spec(module, folder)
        if spec is None:
            continue
        if not _is_own(spec, folder):
            found |= _version(module)
        elif spec.origin is not None and (source := _source(spec)) is not None:
            found[module] = hashlib.sha256(source).hexdigest()
            waiting += _imports(
                source, module, is_package=spec.submodule_search_locations is not None
            )
    return dict(sorted(found.items()))


def imported(training: Training, folder: Path) -> dict[str, str]:
    """The code that this process trains with: as it was when it was imported, which is done now if it was not.

    Raises nothing: what cannot be imported is said by whoever builds the trial's network.
    """
    expected = on_disk(training, folder)
    brought = [_brought_by(module, folder) for module in named(training)]
    own = {name for name in expected if not name.startswith(_PREFIX)}.union(*brought)
    for name in own:
        source = _source(getattr(sys.modules.get(name), "__spec__", None))
        if source is not None:
            _imported.setdefault(name, hashlib.sha256(source).hexdigest())
    seen = {name: _imported[name] for name in own if name in _imported}
    return dict(sorted((expected | seen).items()))


def _brought_by(module: str, folder: Path) -> frozenset[str]:
    """Import a module, if this process has not; the own modules that came with it."""
    if module not in _brought:
        backend.tensorflow()  # in our way, before a module of others imports it in another
        before = set(sys.modules)
        try:
            importlib.import_module(module)
        except Exception:  # noqa: BLE001 - said when the network is built
            return frozenset()
        new = sys.modules.keys() - before
        _brought[module] = frozenset(name for name in new if _lies_in(name, folder))
    return _brought[module]


def contradict(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """The names that both know, and not as the same."""
    return sorted(name for name in one.keys() & other.keys() if one[name] != other[name])


def as_text(code: Mapping[str, str]) -> str | None:
    """As a results file keeps it, JSON; None for no code."""
    return json.dumps(code, sort_keys=True) if code else None


def differences(kept: Mapping[str, str], now: Mapping[str, str], folder: Path) -> list[str]:
    """What has changed, in words, from the code that was ``kept`` to that of ``now``.

    Modules that are only known to have been imported, since their name was computed, are looked up.
    """
    changes = []
    for name in sorted({*kept, *now}):
        then, here = kept.get(name), now.get(name)
        if here is None and not name.startswith(_PREFIX):
            source = _source(_spec(name, folder))
            here = None if source is None else hashlib.sha256(source).hexdigest()
        if then == here:
            continue
        if then is None:
            changes.append(f"{name} is new")
        elif here is None:
            changes.append(f"{name} is gone")
        elif name.startswith(_PREFIX):
            changes.append(f"{name} {then} is {here}")
        else:
            changes.append(f"{name} has changed")
    return changes


# --- where modules are ------------------------------------------------------------------------


def _spec(module: str, folder: Path) -> ModuleSpec | None:
    """Where a module is, without importing it or its packages; the suite's folder comes first."""
    top, *rest = module.split(".")
    found = PathFinder.find_spec(top, [str(folder)])
    if found is None:
        with contextlib.suppress(ImportError, ValueError):
            found = importlib.util.find_spec(top)
    for depth, _ in enumerate(rest, 1):
        if found is None or found.submodule_search_locations is None:
            return None
        name = ".".join([top, *rest[:depth]])
        found = PathFinder.find_spec(name, list(found.submodule_search_locations))
    return found


def _is_own(spec: ModuleSpec, folder: Path) -> bool:
    """Whether somebody wrote it for this: neither Python's, nor installed, nor Seedwise's."""
    places = [spec.origin] if spec.has_location else list(spec.submodule_search_locations or ())
    if not places or places[0] is None:
        return False  # built in
    path = Path(places[0]).resolve()
    if path.is_relative_to(_HERE):
        return False
    inside = (
        path.relative_to(folder.resolve()).parts if path.is_relative_to(folder.resolve()) else None
    )
    if inside is not None:
        return not _INSTALLED & {*inside}
    return not (_INSTALLED & {*path.parts} or any(map(path.is_relative_to, _library())))


@functools.cache
def _library() -> tuple[Path, ...]:
    """The folders of Python's own library."""
    return tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib"))


def _lies_in(module: str, folder: Path) -> bool:
    """Whether a module that was imported is an own one of the suite's folder."""
    spec = getattr(sys.modules.get(module), "__spec__", None)
    origin = getattr(spec, "origin", None)
    if spec is None or not isinstance(origin, str) or not spec.has_location:
        return False
    return Path(origin).resolve().is_relative_to(folder.resolve()) and _is_own(spec, folder)


def _source(spec: ModuleSpec | None) -> bytes | None:
    """The bytes of a module's file; None if it has none that can be read."""
    read = getattr(spec.loader, "get_data", None) if spec else None
    if spec is None or read is None or spec.origin is None:
        return None
    try:
        if not Path(spec.origin).exists():  # it is in an archive
            return bytes(read(spec.origin))
        return bytes(reading.contents(Path(spec.origin), reading.Budget()))
    except reading.UNREADABLE:
        return None


@functools.cache
def _distributions() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()


def _version(module: str) -> dict[str, str]:
    """The version of an installed package, unless it is Python's, or one that all results tell."""
    names = _distributions().get(module.partition(".")[0], [])
    return {
        f"{_PREFIX}{n}": metadata.version(n) for n in names if n not in (*LIBRARIES, "seedwise")
    }


def _imports(source: bytes, module: str, *, is_package: bool) -> list[str]:
    """The modules that a source may import, anywhere in it; names that are no modules among them."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # said when it is imported
        return []
    package = module if is_package else module.rpartition(".")[0]
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute("." * node.level + (node.module or ""), package)
            found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Call) and _called(node) in _BY_NAME:
            names = [a.value for a in node.args if isinstance(a, ast.Constant)]
            found += [_absolute(name, package) for name in names if isinstance(name, str)]
    return found


def _called(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def _absolute(name: str, package: str) -> str:
    """``.name`` inside a package, in full; empty if it lies outside."""
    try:
        return importlib.util.resolve_name(name, package) if name.startswith(".") else name
    except ImportError:
        return ""

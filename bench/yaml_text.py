"""YAML 1.2 as plain values, with the line of each: no tags, no merge keys, every key once, and not too much.

What is too large or too deep is refused while it is read, whatever aliases stand for.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import YAMLError

from bench.errors import SuiteError, first_line, shown
from bench.reading import Budget, BudgetError, opened

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ruamel.yaml.nodes import Node

Keys = tuple[str | int, ...]

MAX_CHARACTERS: Final = 10_000_000
MAX_NODES: Final = 200_000  # values, those behind aliases counted each time
MAX_DEPTH: Final = 50
_HALVES: Final = re.compile("[\ud800-\udfff]")
_CORE: Final = {f"tag:yaml.org,2002:{kind}" for kind in ("bool", "float", "int", "null")}
_TEXT: Final = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "timestamp", "value")}
_NESTED: Final = {f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq")}


def of_file(path: Path) -> str:
    """The text of a plain file, or what is too much of it.

    Raises:
        OSError: it cannot be read, or is no plain file.
        UnicodeDecodeError: it is not UTF-8.
    """
    with io.TextIOWrapper(opened(path, Budget()), encoding="utf-8") as file:
        return file.read(MAX_CHARACTERS + 1)


def read(text: str, path: Path | None) -> tuple[Any, dict[Keys, int]]:
    """The values in ``text``, and the line, from 1, of each key and item.

    Raises:
        SuiteError: not YAML 1.2, not plain, or too large; ``path`` is for the message.
    """
    reader = _Reader(path)
    return reader.read(text), reader.lines


def written(values: Any) -> str:
    """Plain values as YAML, in their order."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.allow_unicode, yaml.width = False, True, 100
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = io.StringIO()
    yaml.dump(values, text)
    return text.getvalue()


def located(path: Path | None, lines: Mapping[Keys, int], keys: Keys) -> str:
    """File, line of the deepest of ``keys`` that the file spells out, and the keys."""
    line = next((lines[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in lines), None)
    where = str(path) if path else "suite"
    if line or (not keys and lines):
        where += f", line {line or lines[()]}"
    return f"{where}, at {'.'.join(_short(key) for key in keys)}" if keys else where


def _short(key: str | int) -> str:
    text = str(key)
    return text if len(text) <= 80 else text[:77] + "..."


def _whole(text: str) -> str:
    """Text in which JSON's two halves of a sign are the sign; UnicodeError if a half is alone."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16") if _HALVES.search(text) else text


class _TooLargeError(YAMLError):
    def __init__(self, mark: Any) -> None:
        self.problem_mark = mark


class _Bounded(Composer):
    """Stops at the first value too many, or too deep, and when the time is over."""

    nodes = depth = 0

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self.budget = Budget()

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.budget.read()
        self.nodes += 1
        self.depth += 1
        if self.nodes > MAX_NODES or self.depth > MAX_DEPTH + 1:
            raise _TooLargeError(self.parser.peek_event().start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Reader:
    def __init__(self, path: Path | None) -> None:
        self.lines: dict[Keys, int] = {}
        self._path = path
        self._nodes = 0
        self._yaml = YAML(typ="safe", pure=True)
        self._yaml.Composer = _Bounded

    def read(self, text: str) -> Any:
        if len(text) > MAX_CHARACTERS:
            raise self._too_large(())
        try:
            node = self._yaml.compose(text)
        except (YAMLError, ValueError, RecursionError, BudgetError) as error:
            mark = getattr(error, "problem_mark", None)
            self.lines[()] = mark.line + 1 if mark else 1
            if isinstance(error, _TooLargeError | RecursionError | BudgetError):
                raise self._too_large(()) from None
            found = getattr(error, "problem", None) or first_line(error)
            raise self._error("not valid YAML", (), expected="YAML 1.2", found=str(found)) from None
        return None if node is None else self._value(node, ())

    def _value(self, node: Node, keys: Keys) -> Any:
        self.lines.setdefault(keys, node.start_mark.line + 1)
        self._nodes += 1
        if self._nodes > MAX_NODES or len(keys) > MAX_DEPTH:
            raise self._too_large(keys[:3])
        if node.tag not in _CORE | _TEXT | _NESTED:
            raise self._error("a tag", keys, expected="data without tags", found=str(node.tag))
        if isinstance(node.value, str):
            return self._scalar(node, keys)
        if node.tag.endswith("map"):
            return self._mapping(node, keys)
        return [self._value(item, (*keys, index)) for index, item in enumerate(node.value)]

    def _scalar(self, node: Node, keys: Keys) -> Any:
        kind = str(node.tag).rpartition(":")[2]
        try:
            if node.tag not in _CORE:
                kind = "text that UTF-8 can write"
                return _whole(node.value)
            value = self._yaml.constructor.construct_object(node)
        except (YAMLError, ValueError, LookupError) as error:
            raise self._error(
                "not valid YAML", keys, expected=kind, found=first_line(error)
            ) from None
        if isinstance(value, int) and abs(value) > 2**63 - 1:
            raise self._error(
                "a number too large", keys, expected="a number of 64 bits", found="more digits"
            )
        return value

    def _mapping(self, node: Node, keys: Keys) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key, value in node.value:
            plain = isinstance(key.value, str) and key.tag in _CORE | _TEXT
            plain = plain and not _HALVES.search(key.value)
            here = (*keys, key.value if plain else "?")
            self.lines[here] = key.start_mark.line + 1
            if not plain:
                raise self._error(
                    "not a key",
                    here,
                    expected="text before the colon; YAML 1.2 has no merge keys (<<)",
                    found=shown(key.value if isinstance(key.value, str) else key.tag),
                )
            if key.value in mapping:
                raise self._error(
                    f"the key {shown(key.value)} stands here twice",
                    here,
                    expected="each key once",
                    found="two",
                )
            mapping[key.value] = self._value(value, here)
        return mapping

    def _too_large(self, keys: Keys) -> SuiteError:
        return self._error(
            "the suite is too large",
            keys,
            expected=f"at most {MAX_NODES} values, {MAX_DEPTH} levels and {MAX_CHARACTERS} characters",
            found="more",
        )

    def _error(self, problem: str, keys: Keys, *, expected: str, found: str) -> SuiteError:
        where = located(self._path, self.lines, keys)
        return SuiteError(problem, where=where, expected=expected, found=found)

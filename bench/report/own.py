"""A user's folder for reports: templates in place of ours, and sections beside ours.

FOLDER/blocks/table.html    takes the place of report_templates/blocks/table.html, and so on
FOLDER/sections/energy.py   has build(analysis), as bench/report/sections have
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from jinja2 import TemplateSyntaxError

from bench.errors import TrustError, UsageError, first_line
from bench.report.blocks import Block

if TYPE_CHECKING:
    from types import ModuleType

    from bench.analysis import Analysis


@dataclass(frozen=True)
class Own:
    """What a user adds to reports: nothing, unless there is a folder."""

    folder: Path | None = None
    sections: tuple[ModuleType, ...] = ()

    @classmethod
    def of(cls, folder: Path, *, trust: bool = False) -> Self:
        """Read such a folder.

        Args:
            folder: with templates, and with ``sections/NAME.py`` for sections, in the order of their names.
            trust: whether those may be imported, which runs them. Templates run in Jinja's sandbox.

        Raises:
            UsageError: there is no such folder, or a section in it is none.
            TrustError: there are sections, and they are not trusted.
        """
        if not folder.is_dir():
            raise UsageError(
                "no folder of templates",
                where=str(folder),
                expected="a folder with templates, with sections, or both",
                found="a file" if folder.exists() else "nothing",
            )
        paths = sorted((folder / "sections").glob("*.py"))
        if paths and not trust:
            raise TrustError(
                "sections are Python code, which is not run unless it is trusted",
                where=str(paths[0]),
                expected="--trust",
                found="a section without it",
                hint="read it, then give --trust",
            )
        return cls(folder, tuple(map(_imported, paths)))

    def blocks(self, analysis: Analysis) -> list[Block]:
        """What the user's sections say of it.

        Raises:
            UsageError: a section fails, or makes something else than blocks.
        """
        return [block for section in self.sections for block in _built(section, analysis)]


def _imported(path: Path) -> ModuleType:
    name = f"seedwise_section_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:  # only of a file that is not called x.py
        raise UsageError(
            "not a Python file", where=str(path), expected="sections/NAME.py", found=path.name
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look themselves up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise _broken("the section cannot be imported", path, error) from error
    if not callable(getattr(module, "build", None)):
        raise UsageError(
            "not a section",
            where=str(path),
            expected="a function build(analysis) that returns blocks, or None",
            found="no function build",
        )
    return module


def _built(section: ModuleType, analysis: Analysis) -> tuple[Block, ...]:
    path = Path(section.__file__ or section.__name__)
    try:
        blocks: Any = section.build(analysis) or ()
    except Exception as error:
        raise _broken("the section cannot be built", path, error) from error
    if not isinstance(blocks, tuple) or not all(isinstance(block, Block) for block in blocks):
        raise UsageError(
            "the section's build returned something else than blocks",
            where=str(path),
            expected="a tuple of blocks (bench.report.blocks), or None",
            found=f"{type(blocks).__name__}: {str(blocks)[:80]}",
        )
    return blocks


def _broken(problem: str, path: Path, error: Exception) -> UsageError:
    return UsageError(
        problem,
        where=place_of(error, path) or str(path),
        expected="a section that works on this analysis",
        found=f"{type(error).__name__}: {first_line(error)}",
    )


def place_of(error: BaseException, path: Path) -> str | None:
    """``FILE:LINE`` of a file, or of one in a folder, that an error came from last."""
    if isinstance(error, SyntaxError | TemplateSyntaxError):
        return f"{error.filename}:{error.lineno}"
    found, trace = None, error.__traceback__
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if path in (file, *file.parents):
            found = f"{file}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found

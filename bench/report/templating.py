"""Templates for blocks: ours, or a user's in their place. One folder and one way of escaping per format."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateNotFound,
)
from jinja2.loaders import split_template_path
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from bench import reading, resources
from bench.errors import BenchError, UsageError, first_line
from bench.report import escaping
from bench.report.blocks import Block
from bench.report.own import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from bench.report.own import Own

Format = Literal["html", "markdown", "latex"]


_LARGEST: Final = 1_000_000  # bytes of a template


@dataclass(frozen=True)
class _Medium:
    folder: str
    ending: str
    escape: Callable[[str], str] | None  # None: Jinja's own, for HTML


_MEDIA: Final[dict[Format, _Medium]] = {
    "html": _Medium("blocks", ".html", None),
    "markdown": _Medium("markdown", ".md", escaping.markdown),
    "latex": _Medium("latex", ".tex", escaping.latex),
}


def environment(form: Format, own: Own) -> Environment:
    """The templates of a format: all that they put out is escaped, and a name that is missing is an error.

    Templates have ``show(block)`` and ``show_all(blocks)``. A user's folder may hold templates of the same
    names, which are used in place of ours, and can extend or include ours as ``seedwise/NAME``. All run in
    Jinja's sandbox, since whoever hands on a folder of templates hands on no program: they change nothing that
    they are given, read no file outside their folder, and what they call takes blocks alone.
    """
    medium = _MEDIA[form]
    env = ImmutableSandboxedEnvironment(
        loader=_loader(own),
        autoescape=medium.escape is None,
        finalize=escaping.once(medium.escape) if medium.escape else None,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def show(block: Block) -> Markup:
        if not isinstance(block, Block):
            raise TypeError("show takes a block, nothing else")
        name = block.template.removesuffix(".html")
        text = render(env, f"{medium.folder}/{name}{medium.ending}", own, block=block)
        return Markup(text if form == "html" else text.strip())  # noqa: S704  # escaped

    def show_all(blocks: Iterable[Block]) -> Markup:
        return Markup("\n\n".join(map(show, blocks)))  # noqa: S704  # escaped

    env.globals.update(show=show, show_all=show_all)
    return env


def render(env: Environment, name: str, own: Own, **values: Any) -> str:
    """A template with these values.

    Raises:
        UsageError: a user's template is wrong, or there is none for a block of theirs.
    """
    try:
        return env.get_template(name).render(values)
    except Exception as error:
        if own.folder is None or isinstance(error, BenchError):
            raise
        raise UsageError(
            "the template cannot be used",
            where=place_of(error, own.folder) or name,
            expected="a Jinja template that suits its block; report_templates has one for each of ours",
            found=f"{type(error).__name__}: {first_line(error)}",
        ) from error


def _loader(own: Own) -> BaseLoader:
    ours = FileSystemLoader(resources.folder("report_templates"))
    if own.folder is None:
        return ours
    return ChoiceLoader([_Inside(own.folder), ours, PrefixLoader({"seedwise": ours})])


class _Inside(BaseLoader):
    """Templates of a folder that somebody handed on: plain files in it, no links out of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        del environment
        path = self._folder.joinpath(*split_template_path(template))
        if not os.path.lexists(path):
            raise TemplateNotFound(template)
        try:
            real = path.resolve(strict=True)
            if not real.is_relative_to(self._folder.resolve()):
                raise OSError("a link out of the folder")
            text = reading.contents(real, reading.Budget(_LARGEST)).decode()
        except (*reading.UNREADABLE, UnicodeError) as error:
            raise UsageError(
                "the template cannot be read",
                where=str(path),
                expected=f"a text file in {self._folder}, of at most {_LARGEST:,} bytes",
                found=getattr(error, "strerror", None) or first_line(error),
            ) from None
        return text, str(path), lambda: True

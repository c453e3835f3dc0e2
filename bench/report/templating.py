"""Templates for blocks: ours, or a user's in their place. One folder and one way of escaping per format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
)
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from bench import resources
from bench.errors import BenchError, UsageError, first_line
from bench.report import escaping
from bench.report.own import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bench.report.blocks import Block
    from bench.report.own import Own

Format = Literal["html", "markdown", "latex"]


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
    Jinja's sandbox, since whoever hands on a folder of templates hands on no program.
    """
    medium = _MEDIA[form]
    env = SandboxedEnvironment(
        loader=_loader(own),
        autoescape=medium.escape is None,
        finalize=escaping.once(medium.escape) if medium.escape else None,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def show(block: Block) -> Markup:
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
    return ChoiceLoader([FileSystemLoader(own.folder), ours, PrefixLoader({"seedwise": ours})])

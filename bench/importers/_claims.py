"""Claims as a person says them, ``adam val_acc better than 0.93``, as those of a suite."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bench.errors import UsageError, closest, listed, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_FORM: Final = (
    "VARIANT [METRIC] RELATION VARIANT or NUMBER, the relation '[not] better than', '[not] worse than',"
    " 'higher than', 'lower than' or 'no practical difference from'"
)
_RELATION: Final = re.compile(
    r"(?<=\s)(?:(?:is|are|has|shows)\s+)?"
    r"(?:(?P<than>(?:not\s+)?(?:better|worse)|higher|lower)\s+than"
    r"|(?P<none>no\s+practical\s+difference)\s+(?:from|to)"
    r"|(?P<sign>[<>]))(?=\s)",
    re.IGNORECASE,
)
_WITHIN: Final = re.compile(r"(.*\S)\s+within\s+(\S+)", re.DOTALL)
_SIGNS: Final = {">": "higher", "<": "lower"}


def check(texts: Iterable[str]) -> None:
    """Refuse what can be no claim, whatever the file holds.

    Raises:
        UsageError: it has no relation.
    """
    for text in texts:
        if not _RELATION.search(text):
            raise _misunderstood(text, "no relation in it")


@dataclass(frozen=True)
class Known:
    """What claims may speak of: variants by group, and metrics, the primary first; whether it has a margin."""

    groups: Mapping[str, Sequence[str]]
    metrics: Sequence[str]
    margin: bool


def claims(texts: Iterable[str], known: Known) -> dict[str, list[dict[str, Any]]]:
    """The claims of each group, as a suite has them. One is about every group that has its variants.

    Raises:
        UsageError: a claim that is not understood, or about what the file does not hold.
    """
    found: dict[str, list[dict[str, Any]]] = {group: [] for group in known.groups}
    for text in texts:
        test, groups = _read(text, known)
        for group in groups:
            found[group].append({"says": " ".join(text.split()), "test": test})
    return found


def _read(text: str, known: Known) -> tuple[dict[str, Any], list[str]]:
    """The test of a claim, and the groups that it is about."""
    problem: UsageError | None = None
    for relation in _RELATION.finditer(text):  # names may hold one too
        try:
            return _parsed(text, relation, known)
        except UsageError as error:
            problem = problem or error
    raise problem or _misunderstood(text, "no relation in it")


def _parsed(text: str, relation: re.Match[str], known: Known) -> tuple[dict[str, Any], list[str]]:
    said = relation["than"] or relation["none"] or _SIGNS[relation["sign"]]
    is_ = " ".join(said.casefold().split())
    left, right = text[: relation.start()].strip(), text[relation.end() :].strip()
    variant, metric = _variant(text, left, known)
    right, groups = _on_group(right, known)
    margin = None
    if relation["none"] and (within := _WITHIN.fullmatch(right)):
        right, margin = within[1], _number(within[2])
        if margin is None or margin <= 0:
            raise _misunderstood(text, f"a margin of {within[2]}")
    metric = metric or known.metrics[0]
    if relation["none"] and margin is None and not (known.margin and metric == known.metrics[0]):
        hint = "say which differences do not matter: end it with 'within 0.01'"
        raise _misunderstood(text, "no margin", hint)
    opponent = _opponent(text, right, known, (variant, metric))
    test = {"variant": variant, "metric": metric, "is": is_, "margin": margin, **opponent}
    names = {variant, str(opponent.get("against", variant))}
    there = [group for group in groups if names <= set(known.groups[group])]
    if not there:
        raise _misunderstood(text, f"no group with both {listed(sorted(names))}")
    return test, there


def _on_group(right: str, known: Known) -> tuple[str, list[str]]:
    """What stands before ``on GROUP``, and that group; all groups where none is named."""
    for group in known.groups:
        rest = right.removesuffix(f" on {group}")
        if group and rest != right:
            return rest.strip(), [group]
    return right, list(known.groups)


def _opponent(
    text: str, right: str, known: Known, about: tuple[str, str]
) -> dict[str, str | float]:
    """The other side: a variant, by the same metric, or a number."""
    variant, metric = about
    number = _number(right)
    if number is not None and right not in _variants(known):
        return {"value": number}
    against, by = _variant(text, right, known, or_number=True)
    if against == variant or by not in (None, metric):
        raise _misunderstood(text, f"{shown(right)} after it")
    return {"against": against}


def _variant(
    text: str, side: str, known: Known, *, or_number: bool = False
) -> tuple[str, str | None]:
    """A side as a variant and perhaps a metric."""
    variants = _variants(known)
    if side in variants:
        return side, None
    for metric in known.metrics:
        rest = side.removesuffix(f" {metric}").strip()
        if rest != side and rest in variants:
            return rest, metric
    spoken = [*variants, *(f"{v} {m}" for v in variants[:100] for m in known.metrics)]
    expected = f"{'a number, ' * or_number}a variant, {listed(variants)}, perhaps with a metric, "
    raise UsageError(
        f"a claim about {shown(side)}" if side else "a claim about nothing",
        where="--claim",
        expected=expected + listed(known.metrics),
        found=text,
        hint=closest(side, spoken),
    )


def _variants(known: Known) -> list[str]:
    return list(dict.fromkeys(name for names in known.groups.values() for name in names))


def _number(text: str) -> float | None:
    try:
        number = float(text.replace("_", "x"))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _misunderstood(text: str, found: str, hint: str | None = None) -> UsageError:
    return UsageError(
        "not a claim that is understood",
        where=f"--claim {shown(text)}",
        expected=_FORM,
        found=found,
        hint=hint
        or "such as --claim 'adam val_acc better than 0.93' or --claim 'adam better than sgd'",
    )

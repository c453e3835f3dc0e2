"""What a report's answers say, and which of their numbers no exported frame has."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.report.tables import anchor

CONSTANTS = re.compile(r"95 % CI|80 % power|at most 10\^9")
NUMBER = re.compile(r"(?P<sign>[<>] |more than )?(?<![\w.,−-])(?P<digits>\d[\d,]*(?:\.\d+)?|\.\d+)")
HEADLINE = re.compile(r'<div class="prose answer">\s*<p>(.*?)</p>', re.DOTALL)
FINDING = re.compile(r'<li class="finding"(?: id="([^"]*)")?>(.*?)</li>', re.DOTALL)


def texts(found):
    """What is to be read in pieces of HTML."""
    return [" ".join(html.unescape(re.sub("<[^>]*>", " ", one)).split()) for one in found]


def part(page, name):
    """The HTML of a section of the page itself."""
    begin = page.index(f'<section id="{name}"')
    following = re.search(r'<section id="[^"]*" class="level-2"', page[begin + 1 :])
    return page[begin : begin + 1 + following.start()] if following else page[begin:]


def missing(text, rows, counts=(), names=()):
    """Numbers of a text that are in no numeric cell of these rows, rounded as the text rounds them."""
    text = CONSTANTS.sub(" ", text.translate(str.maketrans("", "", "±×≥")))
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", " ", text)
    is_p = rows.columns.str.match("p_|alpha$|level$")
    numbers, p = (
        abs(cells[~np.isnan(cells)])
        for chosen in (~is_p, is_p)
        for cells in [rows.loc[:, chosen].select_dtypes("number").to_numpy(float)]
    )
    found = NUMBER.finditer(re.sub(r"[−+](?=[\d.])", "", text))
    return [m[0] for m in found if not _known(m, [*numbers, *counts], p)]


def _known(match, numbers, p):
    """A p-value has no digit before its point, but where it is 1."""
    digits, sign = match["digits"].replace(",", ""), (match["sign"] or "").strip()
    value, places = float(digits), len(digits.partition(".")[2])
    if sign == "<":
        return any(one < value for one in p)
    if sign:
        return any(one > value for one in numbers)
    half = 0.5000001 * 10.0**-places  # of the last digit
    if any(abs(one - value) <= half for one in p) and (digits[0] == "." or digits == "1"):
        return True
    as_shown = (scale * one for one in numbers for scale in (1.0, 100.0))  # percentages too
    return digits[0] != "." and any(abs(one - value) <= half for one in as_shown)


@dataclass(frozen=True)
class Checked:
    """A sentence of the page, and its numbers that are in no frame."""

    kind: str
    text: str
    missing: list


def check(page, analysis, folder):
    """Every answer sentence of a report against the CSV files in a folder, those of ``bench export``."""
    frames = {
        name: pd.read_csv(folder / f"{name}.csv") for name in ("comparisons", "claims", "factors")
    }
    claims = frames["claims"]
    everywhere = part(page, "answers")
    score = re.search(r'<p class="score">(.*?)</p>', everywhere, re.DOTALL)
    checked = []
    if score:
        counts = [len(claims), *claims.verdict.value_counts()]
        (text,) = texts([score[1]])
        checked.append(Checked("score", text, missing(text, claims[:0], counts)))
        checked += _scoreboard(page, analysis, claims)
    for question in analysis.questions:
        checked += _question(page, everywhere, question, frames)
    return checked


def _scoreboard(page, analysis, claims):
    table = part(page, "scoreboard")
    for question in analysis.questions:
        for claim in question.claims:
            row = re.search(
                rf'<a href="#{anchor(question.name, claim.position)}">.*?</a>(.*?)</tr>',
                table,
                re.DOTALL,
            )
            (text,) = texts([row[1]])
            own = claims[(claims.question == question.name) & (claims.claim == claim.position)]
            yield Checked("row", text, missing(text, own))


def _question(page, everywhere, question, frames):
    own = {name: frame[frame.question == question.name] for name, frame in frames.items()}
    against = own["comparisons"]
    against = against[against.primary & (against.baseline == question.baseline)]
    mains = own["factors"][own["factors"].effect == "main effect"]
    metrics = {*own["claims"].metric, question.primary.name}
    names = [
        *(v.name for v in question.variants),
        *(question.metric(name).label for name in metrics),
        *(step for row in own["factors"].itertuples() for step in _steps(row)),
    ]
    counts = [n for f in (against, mains) for n in (len(f), *f.verdict.value_counts())]
    both = pd.concat([against, own["factors"]])
    here = part(page, anchor(question.name))
    card = re.search(
        rf'<a href="#{anchor(question.name)}">.*?<p>(.*?)</p>(.*?)</article>', everywhere, re.DOTALL
    )
    headlines = texts([card[1], HEADLINE.search(here)[1]])
    yield from (Checked("headline", text, missing(text, both, counts, names)) for text in headlines)
    (tally,) = texts([card[2]])
    yield Checked("tally", tally, missing(tally, both[:0], own["claims"].verdict.value_counts()))
    for place, inside in FINDING.findall(here):
        (text,) = texts(re.findall(r"<p>(.*?)</p>", inside, re.DOTALL))
        rows = own["factors"]
        if place:
            rows = own["claims"][own["claims"].claim == int(place.rpartition("-")[2])]
        elif text.startswith(tuple(f"{v} " for v in against.variant)):
            of = max((v for v in against.variant if text.startswith(f"{v} ")), key=len)
            rows = against[against.variant == of]
        yield Checked("finding", text, missing(text, rows, names=names))


def _steps(effect):
    """What the frame has as text, as sentences say it: ``0 → 0.2``, ``with l2 0.01 than with 0``."""
    settings, changes = effect.factors.split(" x "), effect.change.split(", ")
    for setting, change in zip(settings, changes, strict=True):
        before, after = change.split(" -> ")
        yield from (f"{before} → {after}", f"{setting.rpartition('.')[2]} {after}")
        yield f"than with {before}"

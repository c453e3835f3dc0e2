"""What opens on demand about single test images: another test set, classes, the hardest images."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

from PIL import Image

from bench.analysis import wording
from bench.report import figures, naming, tables
from bench.report.blocks import Block, Cell, Column, Figure, Fold, Picture, Pictures, Table
from bench.report.figures import spoken

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from bench.analysis import Analysis, QuestionAnalysis

SHOWN = 10  # of the hardest images


def folds(analysis: Analysis, question: QuestionAnalysis) -> list[Block]:
    """One fold, if the networks' predictions were kept."""
    found = analysis.by_example
    frames = (found.examples, found.classes, found.confusions, found.hard)
    parts = [f[f.question == question.name] for f in frames]
    makers = (_another_test_set, _classes, _confusions, _hardest)
    made: list[Block] = [
        make(question, part) for make, part in zip(makers, parts, strict=True) if len(part)
    ]
    if question.name in found.images:
        easy = found.easy[found.easy.question == question.name]
        made += _pictures(question, parts[-1], easy, found.images[question.name])
    return (
        [
            Fold(
                "Image by image: another test set, classes and their confusions, the hardest images",
                tuple(made),
            )
        ]
        if made
        else []
    )


def _another_test_set(question: QuestionAnalysis, rows: pd.DataFrame) -> Table:
    return Table(
        name=naming.path(question.name, "another-test-set"),
        caption=(
            "How far another test set would move the answer: test accuracy against"
            f" {question.baseline}, in percentage points"
        ),
        columns=(
            Column("variant"),
            Column("difference", "variant minus baseline", "number"),
            Column("other seeds", "95 % interval for other seeds on this very test set", "number"),
            Column(
                "other seeds and images",
                "95 % interval for other seeds and another test set of this size",
                "number",
            ),
            Column(
                "right alone", "one pair of networks: images only one of them gets right", "number"
            ),
            Column("McNemar p", "exact, about that one pair of networks only", "number"),
        ),
        rows=tuple(
            (
                tables.variant(question, str(row["variant"])),
                *map(tables.number, _another(row)),
                tables.number(f"{row['only_variant']} against {row['only_baseline']}"),
                tables.number(wording.p_value(row["p_mcnemar"])),
            )
            for row in rows.to_dict("records")
        ),
        notes=(
            (
                "Verdicts are about other seeds on this test set. The wider interval treats the test"
                " images as drawn at random too. McNemar's test says whether two trained networks"
                " differ, not whether two ways of training do."
            ),
        ),
    )


def _classes(question: QuestionAnalysis, rows: pd.DataFrame) -> Table:
    shares = rows.pivot_table(index="variant", columns="class", values="accuracy", sort=False)
    labels = sorted(shares.columns)
    return Table(
        name=naming.path(question.name, "classes"),
        caption="Test accuracy per class in %, mean over seeds",
        columns=(Column("variant"), *(Column(str(label), kind="number") for label in labels)),
        rows=tuple(
            (
                tables.variant(question, str(name)),
                *(
                    tables.number(wording.number(100 * shares.loc[name, label], 1))
                    for label in labels
                ),
            )
            for name in shares.index
        ),
    )


def _confusions(question: QuestionAnalysis, rows: pd.DataFrame) -> Figure:
    count = wording.counted_between(rows.n, "seed")
    return Figure(
        anchor=tables.anchor(question.name, "confusions"),
        caption=(
            f"What the test images of each class (rows) are taken for, in % of the class, mean over {count}."
            " Grey: right; the stronger the colour, the more errors, on one scale for all variants."
            " Choose any two variants above the matrices."
        ),
        panels=tuple(figures.confusions(question, rows)),
    )


def _hardest(question: QuestionAnalysis, rows: pd.DataFrame) -> Table:
    first = rows.head(SHOWN).to_dict("records")
    return Table(
        name=naming.path(question.name, "hardest-images"),
        caption=f"The images that most of the {first[0]['networks']} networks of this question get wrong",
        columns=(
            Column("image", "its position in the test set, from 0", "number"),
            Column("true class", kind="number"),
            Column("mostly taken for", kind="number"),
            Column("wrong in", "share of the networks", "number"),
        ),
        rows=tuple(
            (
                tables.number(f"{row['example']:,}"),
                Cell(str(row["label"]), "number"),
                Cell(str(row["mostly_taken_for"]), "number"),
                tables.number(f"{wording.number(100 * row['wrong'], 0)} %"),
            )
            for row in first
        ),
        notes=("Chosen by these networks themselves, so others will get them wrong less often.",),
    )


def _pictures(
    question: QuestionAnalysis,
    hard: pd.DataFrame,
    easy: pd.DataFrame,
    images: Mapping[int, NDArray[np.uint8]],
) -> list[Pictures]:
    """The hardest images, and easy ones to compare them with; dark on light, as they were written."""

    def shown(kind: str, rows: pd.DataFrame, says: str) -> tuple[Picture, ...]:
        return tuple(
            Picture(
                naming.path(question.name, kind, str(row["example"])),
                says.format_map(row),
                _png(255 - images[row["example"]]),
                spoken.of_question(
                    question.name,
                    f"test image {row['example']}, a {row['label']}, which {100 * row['wrong']:.0f} % of the"
                    f" {row['networks']} networks get wrong ({kind}).",
                ),
            )
            for row in rows.to_dict("records")
        )

    hardest = shown("hardest", hard.head(SHOWN), "{label}, taken for {mostly_taken_for}")
    easiest = shown("easiest", easy, "{label}")
    captions = {
        "hardest": f"The same {len(hardest)} images: the true class, and what the wrong networks mostly say.",
        "easiest": "To compare: of each class the first of the images that most networks get right"
        + (" (here: all networks)." if (easy.wrong == 0).all() else "."),
    }
    return [
        Pictures(tables.anchor(question.name, kind), captions[kind], items)
        for kind, items in (("hardest", hardest), ("easiest", easiest))
        if items
    ]


def _png(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels, "L").save(file, "PNG", optimize=True)
    return file.getvalue()


def _another(row: Mapping[Hashable, Any]) -> tuple[str, ...]:
    """The difference and its two intervals in percentage points, rounded by the wider one."""
    half = 50 * (row["both_high"] - row["both_low"])
    places = wording.decimals(None if math.isnan(half) else half, 100 * row["difference"])

    def points(share: float) -> str:
        sign = "+" if round(100 * share, places) > 0 else ""
        return sign + wording.number(100 * share, places)

    intervals = (
        f"{points(row[f'{name}_low'])} to {points(row[f'{name}_high'])}"
        for name in ("seeds", "both")
    )
    if math.isnan(half):
        return points(row["difference"]), "–", "–"
    return points(row["difference"]), *intervals

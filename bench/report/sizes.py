"""How small the networks are: accuracy against size, the weights' magnitudes, what neurons look at."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from bench.analysis import sizes, wording
from bench.report import figures, naming, tables
from bench.report.blocks import (
    Block,
    Cell,
    Column,
    Figure,
    Fold,
    Picture,
    Pictures,
    Prose,
    Section,
    Table,
)
from bench.report.figures import spoken

if TYPE_CHECKING:
    from bench.analysis import QuestionAnalysis
    from bench.analysis.contrast import Mean
    from bench.analysis.sizes import Sizes

_HEADINGS: Final = {
    "exact_zeros": Column("exactly 0", "share of the weights", "number"),
    "below_1e-3_rms": Column("nearly 0", "share below a thousandth of the layer's rms", "number"),
    "hoyer": Column("Hoyer", "sparseness, 0: all alike, 1: all but one are 0", "number"),
    "gini": Column("Gini", "inequality of |w|, likewise", "number"),
    "nonzero": Column("not 0", "number of weights", "number"),
    "bytes": Column("dense", "bytes, 4 for each weight", "number"),
    "csr_bytes": Column("CSR", "bytes of the files, compressed sparse rows", "number"),
    "gzip_bytes": Column("gzip", "bytes of the files, level 9", "number"),
    "prunable": Column("can go", "share that pruning sets to 0 at no loss", "number"),
    "pruned_accuracy": Column("then accuracy", "on the test images, once pruned", "number"),
    "pruned_nonzero": Column("then not 0", "number of weights, once pruned", "number"),
    "pruned_csr_bytes": Column("then CSR", "bytes, once pruned", "number"),
    "pruned_gzip_bytes": Column("then gzip", "bytes, once pruned", "number"),
    "mean_abs": Column("mean |w|", kind="number"),
}
_SCALE: Final = 0.995  # quantile of |w| that has the full colour
_BLUE, _ORANGE = (0x2A, 0x7F, 0xC4), (0xD5, 0x5E, 0x00)  # seen on a light page and on a dark one


def blocks(question: QuestionAnalysis) -> list[Block]:
    """A part of the question's section; nothing where the question is not about sizes."""
    found = question.sizes
    if found is None:
        return []
    inside: list[Block] = [
        Prose((sizes.sentence(found, "gzip_bytes", question.margin),)),
        *_pareto(question, found),
        _table(question, found),
        *_histogram(question, found),
        *_filters(question, found),
        _layers(question, found),
    ]
    title = "Size of the networks"
    return [Section(tables.anchor(question.name, "sizes"), title, tuple(inside), level=3)]


def _pareto(question: QuestionAnalysis, found: Sizes) -> list[Block]:
    panels = tuple(figures.pareto(question, found))
    if not panels:
        return []
    seeds = wording.counted_between((v.seeds for v in question.variants), "seed")
    dots = f"Full dots: trained networks, one for each of {seeds}."
    if found.is_pruned:
        dots += " Rings: the same, pruned at no loss."
    caption = (
        f"{dots} The line joins the means than which no other is as small and as accurate (Pareto"
        " frontier). What is most accurate or smallest was chosen by these means: optimistic, not tested. Sizes"
        " on a logarithmic scale."
    )
    outside = figures.outside_of_pareto(found)
    if outside:
        caption += f" So far below that the axis leaves it out: {wording.listed(list(outside))}."
    figure = Figure(
        anchor=tables.anchor(question.name, "sizes", "pareto"),
        caption=caption,
        panels=panels,
        legend=figures.keys([v.name for v in question.variants], lines=False),
    )
    return [figure]


def _table(question: QuestionAnalysis, found: Sizes) -> Table:
    names = [name for name in _HEADINGS if any(name in means for means in found.means.values())]
    notes = ["Kernels of all layers; neither biases nor normalisations. Means over seeds."]
    if found.is_pruned:
        notes.append(
            "At no loss: the share is the largest tried whose validation accuracy stays within the probe's"
            " delta of the trained network's; the test images had no say in it."
        )
    return Table(
        name=naming.path(question.name, "sizes"),
        caption="Sparsity and size of the whole network; dense, CSR and gzip in bytes",
        columns=(Column("variant"), *(_HEADINGS[name] for name in names)),
        rows=tuple(
            (tables.variant(question, name), *(_cell(question, m, means[m]) for m in names))
            for name, means in found.means.items()
        ),
        notes=tuple(notes),
    )


def _cell(question: QuestionAnalysis, measure: str, mean: Mean) -> Cell:
    """Bytes and weights are whole, whatever their spread."""
    if measure in ("nonzero", "pruned_nonzero") or measure.endswith("bytes"):
        return tables.number(wording.number(mean.value, 0))
    return tables.mean_of(mean, question.metric(f"{sizes.PROBE}//{measure}"))


def _histogram(question: QuestionAnalysis, found: Sizes) -> list[Block]:
    panel = figures.magnitudes(question, found)
    if panel is None:
        return []
    seeds = wording.counted_between((v.seeds for v in question.variants), "seed")
    caption = (
        f"Histograms of |w| over all kernels, a quarter of a power of ten to a bar, means over {seeds}; all to"
        " one scale. Weights that are exactly 0 have no place on a logarithmic axis: their share stands at the"
        " left."
    )
    return [Figure(tables.anchor(question.name, "sizes", "histogram"), caption, (panel,))]


def _filters(question: QuestionAnalysis, found: Sizes) -> list[Block]:
    if not found.filters:
        return []
    ordered = [v.name for v in question.variants if v.name in found.filters]
    side = next(iter(found.filters.values())).shape[1]
    count = max(len(filters) for filters in found.filters.values())
    items = tuple(
        Picture(
            naming.path(question.name, "filters", name),
            name,
            picture(found.filters[name]),
            _of_filters(question, found, name),
        )
        for name in ordered
    )
    caption = (
        f"What the first {count} hidden neurons weigh in the image, {side} x {side} each, seed"
        f" {found.filters_seed}: blue above 0, orange below, blank 0. Each picture has a scale of its own."
        " Neurons at the same place began from the same weights."
    )
    return [Pictures(tables.anchor(question.name, "sizes", "filters"), caption, items)]


def _of_filters(question: QuestionAnalysis, found: Sizes, name: str) -> str:
    """What is to be seen of a variant's neurons."""
    filters = found.filters[name]
    count, side, _ = filters.shape
    zero, above = 100 * float((filters == 0).mean()), 100 * float((filters > 0).mean())
    return spoken.of_question(
        question.name,
        f"weights of the first {count} hidden neurons of {name}, {side} x {side} each, seed"
        f" {found.filters_seed}: {above:.0f} % of them above 0, {zero:.0f} % exactly 0.",
    )


def picture(filters: np.ndarray) -> bytes:
    """(count, side, side) weights as a PNG: a square of squares, colour by sign, opacity by size."""
    count, side, _ = filters.shape
    across = int(np.ceil(np.sqrt(count)))
    sheet = np.zeros((across * (side + 1) - 1, across * (side + 1) - 1))
    for i, one in enumerate(filters):
        top, left = (side + 1) * (i // across), (side + 1) * (i % across)
        sheet[top : top + side, left : left + side] = one
    most = float(np.quantile(np.abs(filters), _SCALE)) or float(np.abs(filters).max()) or 1.0
    opacity = np.clip(np.abs(sheet) / most, 0, 1) * 255
    colours = np.where(sheet[..., None] > 0, _BLUE, _ORANGE)
    pixels = np.dstack([colours, np.rint(opacity)]).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(file, "PNG", optimize=True)
    return file.getvalue()


def _layers(question: QuestionAnalysis, found: Sizes) -> Fold:
    names = [name for name in _HEADINGS if any(name in means for means in found.layers.values())]
    table = Table(
        name=naming.path(question.name, "sizes-of-layers"),
        caption="Sparsity and size of each layer; dense, CSR and gzip in bytes",
        columns=(Column("variant"), Column("layer"), *(_HEADINGS[name] for name in names)),
        rows=tuple(
            (
                tables.variant(question, variant),
                Cell(layer),
                *(_cell(question, name, means[name]) for name in names),
            )
            for (variant, layer), means in found.layers.items()
            if any(mean.value is not None for mean in means.values())  # it has this layer
        ),
    )
    return Fold("Layer by layer", (table,))

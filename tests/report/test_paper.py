"""Figures and tables for papers: all that the page shows, by stable names, fit for a column."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import unicodedata
from xml.etree import ElementTree as ET

import pytest
import synthetic
from reading import Reading

from bench.analysis import analyse
from bench.errors import UsageError
from bench.report.blocks import (
    Cell,
    Column,
    Figure,
    Node,
    Panel,
    Picture,
    Pictures,
    Table,
    Topologies,
    Topology,
    parts,
)
from bench.report.contents import contents
from bench.report.paper import write_figures, write_tables
from bench.report.stills import COLUMN, drawings_of, figures_in

PDFLATEX = shutil.which("pdflatex")
SVG = "{http://www.w3.org/2000/svg}"

HOSTILE = r"=1+1 \input{/etc/passwd} 5 % $x_1$ #~^ <script> | a & b"
ODD = Table(
    name="report/odd",
    caption=HOSTILE,
    columns=(Column(HOSTILE), Column("n", kind="number"), Column("verdict")),
    rows=(
        (Cell(HOSTILE),),
        (Cell(HOSTILE), Cell("−1,234.5", "number", mark="worse"), Cell("holds", "verdict")),
        (Cell("-1"), Cell("+1.2 to +1.5", "number", mark="better"), Cell("–")),
    ),
    notes=(HOSTILE,),
)


@pytest.fixture(scope="module")
def blocks(analysed):
    return contents(analysed)


@pytest.fixture(scope="module")
def svgs(blocks, tmp_path_factory):
    return write_figures(blocks, tmp_path_factory.mktemp("svg"), "svg")


def names(paths):
    return {f"{path.parent.name}/{path.stem}" for path in paths}


def test_every_figure_has_a_file(svgs, blocks):
    panels = parts(tuple(blocks), Panel)
    assert names(svgs) == {name for panel in panels for name in panel.stills()}
    assert {"rates/seeds", "rates/differences", "rates/target"} <= names(svgs)
    assert len(names(svgs)) == len(svgs)


def test_a_figure_is_as_wide_as_a_column_and_its_letters_can_be_read(svgs):
    for path in svgs:
        root = ET.fromstring(path.read_text())
        assert root.get("width") == f"{COLUMN}pt"
        scale = COLUMN / float(root.get("viewBox").split()[2])
        sizes = {float(s) for s in re.findall(r'font-size="([\d.]+)(?:px)?"', path.read_text())}
        assert sizes
        assert 6 <= min(sizes) * scale <= max(sizes) * scale <= 10


def test_something_is_drawn_in_every_figure(svgs):
    for path in svgs:
        marks = ET.fromstring(path.read_text()).iterfind(f".//{SVG}g[@class]")
        drawn = [g for g in marks if "role-mark" in g.get("class") and g.findall(f".//{SVG}path")]
        assert drawn, path


def test_a_figure_for_print_has_colours_and_a_legend_of_its_own(svgs, analysed):
    text = next(p for p in svgs if p.stem.startswith("target")).read_text()
    assert "var(" not in text
    for variant in analysed.questions[0].variants:
        assert f">{variant.name}</text>" in text


@pytest.mark.parametrize(("kind", "begins"), [("pdf", b"%PDF"), ("png", b"\x89PNG")])
def test_other_formats(blocks, tmp_path, kind, begins):
    one = list(parts(tuple(blocks), Figure))[:1]
    for path in write_figures(one, tmp_path, kind):
        assert path.suffix == f".{kind}"
        content = path.read_bytes()
        assert content.startswith(begins)
        if kind == "pdf":
            assert re.search(rb"/MediaBox ?\[0 0 240 ", content)
        else:
            assert int.from_bytes(content[16:20]) == pytest.approx(240 / 72 * 300, abs=2)


def test_pictures_and_drawings_are_figures_too():
    png = b"\x89PNG\r\n\x1a\n"
    pictures = Pictures("p", "caption", (Picture("q/filters-a", "a", png, HOSTILE),))
    nodes = (Node(0, 0, "<hub>", hub=True), Node(0, -100, "worker 0", hub=False))
    topology = Topologies("t", "caption", (Topology("q/topology-x", "x", nodes, (), HOSTILE),))
    found = {d.name: d for block in figures_in((pictures, topology)) for d in drawings_of(block)}
    assert set(found) == {"q/filters-a", "q/topology-x"}
    for drawing in found.values():
        assert ET.fromstring(drawing.svg).find(f"{SVG}title").text == HOSTILE
    assert "var(" not in found["q/topology-x"].svg


def test_a_csv_table_says_what_the_page_says(blocks, report, tmp_path):
    paths = {f"{p.parent.name}/{p.stem}": p for p in write_tables(blocks, tmp_path, "csv")}
    page = Reading.of(report.read_text(encoding="utf-8"))
    shown = page.rows("adjusted p", "sign-flip p")
    with paths["rates/comparisons"].open(newline="") as file:
        written = list(csv.DictReader(file))
    for there, here in zip(shown, written, strict=True):
        for name, text in there.items():
            if name != "verdict":  # which has a sign on the page
                assert here[name].replace("-", "−").replace(",", "") == text.replace(
                    ",", ""
                ).replace("-", "−")
    assert float(written[1]["difference"])
    with paths["report/scoreboard"].open(newline="") as file:
        assert {row["group"] for row in csv.DictReader(file)} == {"Rates"}


def test_an_odd_table_as_csv(tmp_path):
    (path,) = write_tables((ODD,), tmp_path, "csv")
    with path.open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["group", f"'{HOSTILE}", "n", "n: verdict", "verdict"]
    assert rows == [
        [f"'{HOSTILE}", f"'{HOSTILE}", "-1234.5", "worse", "holds"],
        [f"'{HOSTILE}", "'-1", "+1.2 to +1.5", "better", "–"],
    ]


def test_an_odd_table_as_markdown(tmp_path):
    from markdown_it import MarkdownIt

    (path,) = write_tables((ODD,), tmp_path, "markdown")
    page = Reading.of(MarkdownIt("commonmark").enable("table").render(path.read_text()))
    flat = " ".join(HOSTILE.split())
    assert page.tables == [
        [
            [flat, "n", "verdict"],
            [flat, "", ""],
            [flat, "−1,234.5 ▼", "holds"],
            ["-1", "+1.2 to +1.5 ▲", "–"],
        ]
    ]
    assert page.text.count(flat) == 5  # caption, heading, group, cell, note
    assert "script" not in {tag for tag, _ in page.tags}


def test_a_latex_table_by_hand(tmp_path):
    table = Table(
        name="q/a",
        caption="A_1",
        columns=(Column("variant"), Column("p", kind="number")),
        rows=((Cell("x & y"), Cell("< .001", "number", mark="cannot tell")),),
    )
    (path,) = write_tables((table,), tmp_path, "latex")
    lines = path.read_text().splitlines()
    assert r"\caption{A\_1.}" in lines
    assert r"\label{tab:q/a}" in lines
    assert any(line.endswith(r"\begin{tabular}{lr}") for line in lines)
    assert r"x \& y & \ensuremath{<} .001\textsuperscript{?} \\" in lines
    assert [x for x in lines if x.endswith("rule")] == [r"\toprule", r"\midrule", r"\bottomrule"]


@pytest.mark.skipif(PDFLATEX is None, reason="no pdfLaTeX on this machine")
def test_latex_sets_every_table_without_an_error(blocks, tmp_path):
    signs = [chr(code) for code in range(0x20, 0x3000) if chr(code).isprintable()]
    rows = tuple((Cell(sign), Cell(unicodedata.name(sign, ""))) for sign in signs)
    columns = (Column("sign"), Column("name"))
    parts_of = [rows[i : i + 60] for i in range(0, len(rows), 60)]
    every = [Table(f"report/{i}", "x", columns, some) for i, some in enumerate(parts_of)]
    paths = write_tables((*blocks, ODD, *every), tmp_path, "latex")
    inputs = [rf"\input{{{path.relative_to(tmp_path)}}}\clearpage" for path in paths]
    packages = r"\usepackage[T1]{fontenc}\usepackage{array,booktabs,graphicx}"
    head = rf"\documentclass[twocolumn]{{article}}{packages}\begin{{document}}"
    (tmp_path / "all.tex").write_text("\n".join([head, *inputs, r"\end{document}"]))
    done = subprocess.run(
        [PDFLATEX, "-interaction=nonstopmode", "-halt-on-error", "all.tex"],
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]


def test_names_are_the_same_after_more_seeds(tmp_path):
    def tables(seeds):
        text = synthetic.SUITE.replace("seeds: 5", f"seeds: {seeds}")
        results = synthetic.written(tmp_path / str(seeds), synthetic.usual, suite=text)
        return [t.name for t in parts(tuple(contents(analyse(results))), Table)]

    assert tables(3) == tables(6)
    assert len(set(tables(3))) == len(tables(3)) > 5


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        write_tables((ODD,), tmp_path / "file", "csv")

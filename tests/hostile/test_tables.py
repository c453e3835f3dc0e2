"""Texts of suites and logs in CSV, LaTeX and Markdown: no formula, no command, no link."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import re
import sys
import time
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pylatexenc import latexwalker

sys.path.append(str(Path(__file__).parent.parent / "analysis"))

import synthetic

from bench import export, importers
from bench.analysis import analyse
from bench.export import write_frames
from bench.frames import without_formula
from bench.report import escaping, paper
from bench.report.as_markdown import write_markdown
from bench.report.blocks import Cell, Column, Table
from bench.report.contents import contents
from bench.report.own import Own
from bench.report.references import write_references
from bench.suite import is_printable

FORMULAS = [
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1", "  =1+1", '"=1+1', "'=1+1", "\xa0=1",
    "\ufeff=1", "\u200b=1", "＝1+1", "＋1+1", "－1+1", "＠SUM(A1)", "﹦1", "a;=1+1", "a\t=1+1", 'a; "=1+1"',
    "a\n=cmd|' /C calc'!A0\nb", "a\r+1+1", '=HYPERLINK("http://127.0.0.1:9","x")', '";=1+1;"', ";;-1+1", "= 1",
]  # fmt: skip
COMMANDS = [
    r"\input{/etc/passwd}", r"\immediate\write18{id}", "a % b", "a & b", r"^^5cinput{x}", "}{", "{", "}",
    r"\end{tabular}", r"\\", r"a\\", "a\n\n\\par b", r"\begin{verbatim}", "$x$", r"\(x\)", r"\catcode`\%=12",
    "a\x7fb", "[1ex] a", "* a", "# a", "~", "\u2028\\input{x}", "\\def\\a{}", "a -- b --- c", "``a''", ",,a",
    "?`!`",
]  # fmt: skip
MARKUP = [
    "[a](http://x)", "![a](http://x)", "<img src=x>", "<script>x</script>", "a | b", r"a \| b", "a\n| b |",
    "<javascript:x>", "[a](javascript:x)", "`a", "```\na", "~~~", "<!-- a", "--> a", "<!-- --> a", "# a", "- a",
    "1. a", "> a", "    a", "---", "===", "[a]: javascript:x", "[a]", "http://127.0.0.1:9/", "HTTPS://x.y",
    "www.x.y", "_www.x.y", "a@b.cc", "@somebody", "#1", "javascript:x", "&lt;img src=x>", "&#60;img>", "**a**",
    "\\", "\\\\|", "$a$", "a  \nb",
]  # fmt: skip
ALL = [*FORMULAS, *COMMANDS, *MARKUP]
TEXT = (
    st.sampled_from(ALL)
    | st.text("=+-@;\t\r\n \"'＝a1,", max_size=12)
    | st.text("\\{}[]()%&#_^~$-`',\"|<>!*:/@.wab \n", max_size=30)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30)
)


def tables(text):
    """A table that says a text wherever it can."""
    cells = (Cell(text), Cell(text, "number", mark="worse"), Cell(text, "verdict", href="#a"))
    columns = (Column(text), Column(text, kind="number"), Column("verdict"))
    return Table("q/a", text, columns, ((Cell(text),), cells), notes=(text,))


LATEX, MARKDOWN = (paper._template(kind, Own()) for kind in ("latex", "markdown"))

# --- CSV --------------------------------------------------------------------------------------

UNSEEN = "".join(sign for sign in map(chr, range(0x10000)) if not sign.isprintable() or sign == " ")
NUMBER = re.compile(
    r"[-+]?([0-9,]*[.]?[0-9]+(e[-+]?[0-9]+)?|inf)( to [-+]?[0-9.e+-]+)?( ?(%|[a-z]+))?"
)


def formulas(text):
    """Cells that a spreadsheet computes, whichever sign it takes for the end of a cell."""
    return {
        cell
        for separator in ",;\t"
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        for cell in row
        if (begins := cell if cell.startswith("'") else cell.lstrip(UNSEEN + '"'))
        and begins[0] in "=+-@＝＋－＠﹦﹢﹣﹫"
        and not NUMBER.fullmatch(begins if separator == "," else begins.split(",")[0])
    }


def test_the_rule_finds_what_it_should():
    for text in FORMULAS:
        file = io.StringIO()
        csv.writer(file).writerow(["x", text])
        assert text.startswith("'") or formulas(file.getvalue()), text
    assert not formulas("a,-0.5,+1.2 to +1.5,-3 %,-inf\n")


@given(TEXT)
def test_no_cell_of_csv_is_a_formula(text):
    assert not formulas(paper._csv(tables(text)))
    frame = pd.DataFrame({text: [text, "x"], "number": [-0.5, 1e-9]})
    file = io.StringIO()
    export._plain(frame).to_csv(file, index=False)
    assert not formulas(file.getvalue())
    assert without_formula(text).replace("'", "") == text.replace("'", "")


def test_negative_numbers_stay_numbers(tmp_path):
    frame = pd.DataFrame({"n": [-0.5, -1e-300, -math.inf], "t": ["-0.5", "a; -1", "a-1"]})
    (path,) = write_frames({"f": frame}, tmp_path, "csv")
    assert path.read_text() == "n,t\n-0.5,'-0.5\n-1e-300,a; '-1\n-inf,a-1\n"


def test_long_runs_are_looked_at_once():
    begun = time.process_time()
    for sign in "\n\t;' ":
        without_formula(sign * 10**6)
        escaping.markdown_source(f"]({sign}" * 10**5)
        escaping.markdown_source("](" + sign * 10**6)
    assert time.process_time() - begun < 20


# --- LaTeX ------------------------------------------------------------------------------------

OURS = {
    "addlinespace", "arraybackslash", "bottomrule", "caption", "centering", "else", "emph", "fi",
    "footnotesize", "ifdim", "label", "linewidth", "midrule", "multicolumn", "par", "raggedright",
    "resizebox", "setlength", "smallskip", "tabcolsep", "textsuperscript", "toprule", "width", "\\",
}  # fmt: skip
COMMANDS_OF_TEX = "input include write immediate openin read def let catcode csname par newline \\"


def nodes_of(node, kind):
    """All nodes of a kind in a node, or in a list of them."""
    if isinstance(node, kind):
        yield node
    if isinstance(node, latexwalker.LatexNode):
        given = getattr(node, "nodeargd", None)
        node = [*(getattr(node, "nodelist", None) or ()), *(getattr(given, "argnlist", None) or ())]
    for part in node or ():
        yield from nodes_of(part, kind)


def names_of(nodes):
    return {node.macroname for node in nodes_of(nodes, latexwalker.LatexMacroNode)}


@cache
def signs():
    """What signs alone are written with."""
    every = " ".join(map(chr, [*range(0x20, 0x7F), *range(0xA0, 0x2300)]))
    nodes, _, _ = latexwalker.LatexWalker(escaping.latex(every)).get_latex_nodes()
    return names_of(nodes)


def check_latex(source):
    """TeX reads a table and signs: no other command, comment, formula or environment. Rows and cells' ends."""
    assert re.fullmatch(r"[ -~\n]*", source)
    assert "^^" not in source
    nodes, _, _ = latexwalker.LatexWalker(source, tolerant_parsing=False).get_latex_nodes()
    assert names_of(nodes) <= OURS | signs()
    assert not list(nodes_of(nodes, latexwalker.LatexMathNode))
    assert len(list(nodes_of(nodes, latexwalker.LatexCommentNode))) == 2
    special = {node.specials_chars for node in nodes_of(nodes, latexwalker.LatexSpecialsNode)}
    assert special <= {"&", "--", "''"}
    environments = list(nodes_of(nodes, latexwalker.LatexEnvironmentNode))
    names = [node.environmentname.strip("*") for node in environments]
    assert names in (["table", "tabular"], ["table", "tabular", "minipage"])
    inside = environments[1].nodelist
    rows = sum(getattr(node, "macroname", "") == "\\" for node in inside)
    return rows, sum(getattr(node, "specials_chars", "") == "&" for node in inside)


def test_signs_are_written_without_commands():
    assert not signs() & set(COMMANDS_OF_TEX.split())
    assert {"textbackslash", "ensuremath", "%"} <= signs()


@given(TEXT)
def test_latex_is_the_table_and_nothing_else(text):
    assert check_latex(LATEX(tables(text))) == (3, 4)


@pytest.mark.parametrize("text", ["--", "---", "``", "''", ",,", "?`", "!`", "'\"", "\"'"])
def test_two_signs_do_not_become_one(text):
    shown = escaping.latex(text).replace("{''}", "{}")
    assert not re.search(r"--|``|''|,,|[?!]`", shown)


def test_a_sign_that_tex_does_not_read():
    assert escaping.latex("a\x7fb\x80") == r"a{\bfseries ?}b{\bfseries ?}"


# --- Markdown ---------------------------------------------------------------------------------

SHOWN = {"paragraph", "text", "inline", "strong", "em", "softbreak", "list_item", "bullet_list"}
SHOWN |= {"table", "thead", "tbody", "tr", "th", "td", "heading", "hr", "blockquote", "fence"}
OUR_HTML = re.compile(
    r'<!-- -->|<a id="[a-z0-9_-]+">|</a>|</details>\n?|<details>\n<summary>[^<]*</summary>\n',
    re.IGNORECASE,
)


def tokens_of(source):
    """As a reader that follows whatever link there is."""
    reader = MarkdownIt("commonmark").enable("table")
    reader.validateLink = lambda _: True
    for token in reader.parse(source):
        yield token
        yield from token.children or ()


def check_markdown(source):
    """Nothing but text in blocks of ours, and links to places in it."""
    for token in tokens_of(source):
        kind = re.sub("_(open|close)$", "", token.type)
        if kind == "link":
            assert str(token.attrGet("href") or "#").startswith("#")
        elif kind.startswith("html"):
            assert OUR_HTML.fullmatch(token.content), token.content
        else:
            assert kind in SHOWN
        if kind == "text":
            assert not re.search(r"://|www[.]|[@#]\w", token.content, re.IGNORECASE)


@given(TEXT)
@example("@_")
def test_markdown_is_the_table_and_nothing_else(text):
    source = MARKDOWN(tables(text))
    check_markdown(source)
    kinds = [token.type for token in tokens_of(source)]
    assert kinds.count("tr_open") == 3
    assert kinds.count("td_open") + kinds.count("th_open") == 9


@given(st.lists(TEXT, max_size=3).map("\n".join))
@example("[a](java&#115;cript:x)")
@example("[a](<javascript:x>) [b]( javascript:x ) [c](\tjavascript:x)")
@example("[a]\n\n> [a]:\n  javascript:x")
@example("[a](data:text/html,x) [a](vbscript:x) [a](JAVASCRIPT:x) [a](javascript&colon;x)")
@example("```\nnever closed")
def test_free_text_keeps_to_its_place(text):
    source = f"before\n\n{escaping.markdown_source(text)}\n\n# after"
    found = list(tokens_of(source))
    blocks = [t.tag for t in found if t.block and t.level == 0 and t.nesting == 1]
    assert blocks == ["p", "blockquote", "h1"]
    for token in found:
        assert not token.type.startswith(("html", "image"))
        if token.type == "link_open":
            assert re.match(r"https?://|mailto:|[^:]*$", token.attrGet("href"), re.IGNORECASE)


def test_links_to_pages_stay():
    text = "[a](https://x.y/z?q=1&r=2), [b](#part), [c](docs/d.md) and [d].\n\n[d]: http://x"
    links = [t.attrGet("href") for t in tokens_of(escaping.markdown_source(text)) if t.tag == "a"]
    assert list(filter(None, links)) == ["https://x.y/z?q=1&r=2", "#part", "docs/d.md", "http://x"]


# --- whole reports ----------------------------------------------------------------------------


def suite(say):
    """A suite that says something hostile wherever it may: ``say()`` tells what."""
    optimizer = {say(): {say(): say()}}
    test = {"metric": "test_accuracy", "variant": "b", "against": "a", "is": "better"}
    return {
        "suite": "hostile",
        "title": say(),
        "source": say(),
        "about": say(),
        "dataset": "digits",
        "seeds": 5,
        "epochs": 3,
        "margin": 0.01,
        "target": {"test_accuracy": 0.9},
        "metrics": {"own": {"better": "higher", "label": say(), "unit": say()[:40]}},
        "base": {"model": {"mlp": {"hidden": [10]}}, "optimizer": {"SGD": {"learning_rate": 0.1}}},
        "questions": {
            "q a.b": {
                "title": say(),
                "ask": say(),
                "about": say(),
                "variants": {"a": {"about": say()}, "b": {"optimizer": optimizer}},
                "reported": {"a": {"test_accuracy": 0.9}},
                "claims": [{"says": say(), "test": test}],
            }
        },
    }


def trained(folder, start):
    say = itertools.cycle(ALL[start:] + ALL[:start]).__next__

    def outcome(variant, seed):
        if seed == 4:
            return synthetic.Outcome(status="failed", error=f"{say()}\n{say()}")
        layer = re.sub("[/\0]", "", say())
        final = 0.9 + synthetic.noise(variant, seed, 0.01)
        probes = {f"sparsity/{layer}/exact_zeros": 0.5}
        return synthetic.Outcome((0.8, 0.85, final), notes=say(), probes=probes)

    return synthetic.written(folder, outcome, suite=json.dumps(suite(say)))


def imported(folder, start):
    """A log whose variants, groups, columns and metrics are called hostile things."""
    names = [text for text in ALL if is_printable(text)]
    asked, metrics = names[start : start + 3], names[start + 3 :: 25]
    rows = [
        {
            asked[0]: variant,
            asked[1]: seed,
            asked[2]: group,
            **dict.fromkeys(metrics, seed / 10 + place / 100),
        }
        for place, variant in enumerate(names[start::3])
        for seed in range(2)
        for group in names[3:5]
    ]
    folder.mkdir()
    path = folder / "=1+1.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return importers.read(
        path, "csv", folder / "out", variant=asked[0], seed=asked[1], group=asked[2],
        metrics=[f"{metric}:max" for metric in metrics], command="=1+1",
    )  # fmt: skip


MADE = [(trained, 0), (trained, 30), (trained, 60), (imported, 0), (imported, 1), (imported, 2)]


@pytest.fixture(scope="module", params=MADE, ids=lambda given: f"{given[0].__name__}{given[1]}")
def analysis(request, tmp_path_factory):
    make, start = request.param
    return analyse(make(tmp_path_factory.mktemp("hostile") / "results", start))


def test_frames(analysis, tmp_path):
    for path in write_frames(analysis.frames, tmp_path, "csv"):
        assert formulas(path.read_text(encoding="utf-8")) == set(), path.name


def test_tables_and_the_report(analysis, tmp_path):
    blocks = contents(analysis)
    for kind, check in (("latex", check_latex), ("markdown", check_markdown)):
        for path in paper.write_tables(blocks, tmp_path, kind):
            check(path.read_text(encoding="utf-8"))
    for path in paper.write_tables(blocks, tmp_path, "csv"):
        assert formulas(path.read_text(encoding="utf-8")) == set(), path.name
    assert len(list(tmp_path.rglob("*.csv"))) > 3
    source = write_markdown(analysis, tmp_path / "report.md", figures=False).read_text("utf-8")
    check_markdown(source)
    assert [t.tag for t in tokens_of(source) if t.type == "heading_open"].count("h1") == 1


def test_references(analysis, tmp_path):
    text = write_references(analysis, tmp_path / "a.bib").read_text(encoding="utf-8")
    nodes, _, _ = latexwalker.LatexWalker(text, tolerant_parsing=False).get_latex_nodes()
    assert names_of(nodes) <= signs()
    assert text.count("@misc{") == (2 if analysis.suite.source else 1)

"""Suites: what is read, how variants are made of it, and every mistake as one SuiteError."""

from __future__ import annotations

import io
import json
import math

import jsonschema
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from bench import resources
from bench import suite as suite_module
from bench.errors import SuiteError
from bench.suite import Settings, Suite, load_suite, parse_suite, schema

TEXT = """\
suite: small
title: A small suite
dataset: digits
epochs: 2
base:
  model: {mlp: {hidden: [16], l2: 0.01}}
  optimizer: {SGD: {learning_rate: 0.1}}
questions:
  q:
    ask: What works?
    variants:
      a: {}
      b: {batch_size: 10}
"""
SHIPPED = sorted(p.stem for p in resources.folder("suites").glob("*.yaml"))


def edited(*changes):
    """The small suite with pieces replaced; what stands alone is added at its end."""
    text = TEXT
    for change in changes:
        if isinstance(change, str):
            text += change + "\n"
        else:
            assert change[0] in text
            text = text.replace(*change)
    return text


def parsed(*changes):
    return parse_suite(edited(*changes))


def refused(*changes):
    with pytest.raises(SuiteError) as caught:
        parsed(*changes)
    return caught.value


def variants(*changes, question="q"):
    return parsed(*changes).variants(question)


# --- reading ----------------------------------------------------------------------------------


def test_a_small_suite():
    suite = parsed()
    assert (suite.suite, suite.title, suite.dataset, suite.epochs) == (
        "small",
        "A small suite",
        "digits",
        2,
    )
    assert suite.seed_list == list(range(10))
    assert suite.baseline("q") == "a"
    assert suite.text == TEXT
    assert list(suite.variants("q")) == ["a", "b"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("0o17", 15),
        ("0x1f", 31),
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("~", None),
        ("1:30", "1:30"),
        ("2020-01-01", "2020-01-01"),
        ("'1'", "1"),
        ("!!str 5", "5"),
        ("=", "="),
        ("012", 12),
    ],
)
def test_yaml_1_2(written, read):
    suite = parsed(("learning_rate: 0.1", f"learning_rate: {written}"))
    value = suite.base.optimizer["SGD"]["learning_rate"]
    assert value == read
    assert type(value) is type(read)


def test_keys_are_the_text_that_is_written():
    names = "{1: {}, true: {}, null: {}, 1.50: {}, 2020-01-01: {}, no: {}}"
    suite = parsed(("      a: {}\n      b: {batch_size: 10}", "      " + names))
    assert list(suite.variants("q")) == ["1", "true", "null", "1.50", "2020-01-01", "no"]


def test_anchors():
    suite = parsed(("a: {}", "a: &same {batch_size: 7}"), "      c: *same")
    assert suite.variants("q")["c"].batch_size == 7


def test_a_byte_order_mark_and_windows_lines(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    assert load_suite(path).suite == "small"


def test_reading_runs_no_code(tmp_path):
    trap = tmp_path / "trap"
    error = refused(("A small suite", f'!!python/object/apply:os.mkdir ["{trap}"]'))
    assert "tag" in error.problem
    assert not trap.exists()


# --- every mistake names file, line, key, expected and found ------------------------------------

MISTAKES = [
    # change, line, keys, problem, found, hint
    (("epochs: 2", "epoch: 2"), 4, "epoch", "unknown key 'epoch'", "'epoch'", "did you mean 'epochs'?"),
    (("b: {batch_size: 10}", "b: {batchsize: 10}"), 13, "questions.q.variants.b.batchsize",
     "unknown key", "'batchsize'", "did you mean 'batch_size'?"),
    (("  optimizer:", "  optimiser:"), 7, "base.optimiser", "unknown key", "'optimiser'",
     "did you mean 'optimizer'?"),
    (("b: {batch_size: 10}", "claims: {batchsize: 1}"), 13, "questions.q.variants.claims.batchsize",
     "unknown key", "'batchsize'", "did you mean 'batch_size'?"),
    (("b: {batch_size: 10}", "int: {batchsize: 1}"), 13, "questions.q.variants.int.batchsize",
     "unknown key", "'batchsize'", "did you mean 'batch_size'?"),
    (("b: {batch_size: 10}", "b: {zzz: 1}"), 13, "questions.q.variants.b.zzz", "unknown key", "'zzz'", None),
    ("5: 1", 14, "5", "unknown key '5'", "'5'", None),
    (("epochs: 2\n", ""), None, "epochs", "is missing", "nothing", None),
    (("epochs: 2", "epochs: 0"), 4, "epochs", "not a valid value", "0", None),
    (("epochs: 2", "epochs: '2'"), 4, "epochs", "not a valid value", "'2'", None),
    (("epochs: 2", "epochs: 2.0"), 4, "epochs", "not a valid value", "2.0", None),
    (("epochs: 2", "epochs: true"), 4, "epochs", "not a valid value", "True", None),
    (("epochs: 2", "epochs: 3000000000"), 4, "epochs", "not a valid value", "3000000000", None),
    (("epochs: 2", "epochs: " + "9" * 30), 4, "epochs", "a number too large", "more digits", None),
    (("epochs: 2", "epochs: !!int two"), 4, "epochs", "not valid YAML", None, None),
    (("A small suite", "5"), 2, "title", "not a valid value", "5", None),
    (("A small suite", '"\\ud800"'), 2, "title", "not valid YAML", None, None),
    (("A small suite", "!mine x"), 2, "title", "a tag", "!mine", None),
    (("suite: small", "suite: ../small"), 1, "suite", "not a valid value", "'../small'", None),
    (("b: {batch_size: 10}", "b: {batch_size: 0}"), 13, "questions.q.variants.b.batch_size",
     "not a valid value", "0", None),
    (("b: {batch_size: 10}", "b: {batch_size: ten}"), 13, "questions.q.variants.b.batch_size",
     "not a valid value", "'ten'", None),
    (("b: {batch_size: 10}", "b: [1]"), 13, "questions.q.variants.b", "not a valid value", "[1]", None),
    (("b: {batch_size: 10}", "[1, 2]: {}"), 13, "questions.q.variants.?", "not a key", None, None),
    (("b: {batch_size: 10}", "{x: y}: {}"), 13, "questions.q.variants.?", "not a key", None, None),
    (("b: {batch_size: 10}", "<<: {x: 1}"), 13, "questions.q.variants.?", "not a key", "'<<'", None),
    (("b: {batch_size: 10}", "b/c: {}"), 13, "questions.q.variants.b/c", "not a valid value", "'b/c'", None),
    (("b: {batch_size: 10}", "a: {}"), 13, "questions.q.variants.a", "stands here twice", "two", None),
    ("epochs: 3", 14, "epochs", "stands here twice", "two", None),
    (("  optimizer: {SGD: {learning_rate: 0.1}}", "  optimizer: 3"), 7, "base.optimizer",
     "not a valid value", "3", None),
    (("{SGD: {learning_rate: 0.1}}", "{SGD: {}, Adam: {}}"), 7, "base.optimizer", "not a valid value",
     "{'SGD': {}, 'Adam': {}}", None),
    (("{SGD: {learning_rate: 0.1}}", "{}"), 7, "base.optimizer", "not a valid value", "{}", None),
    (("{SGD: {learning_rate: 0.1}}", "{SGD: 0.1}"), 7, "base.optimizer", "not a valid value",
     "{'SGD': 0.1}", None),
    (("{mlp: {hidden: [16], l2: 0.01}}", "layers"), 6, "base.model", "not a valid value", "'layers'", None),
    (("{mlp: {hidden: [16], l2: 0.01}}", "{layers: {Dense: {}}}"), 6, "base.model",
     "not a valid value", "{'layers': {'Dense': {}}}", None),
    (("{mlp: {hidden: [16], l2: 0.01}}", "{layers: []}"), 6, "base.model", "not a valid value",
     "{'layers': []}", None),
    (("{mlp: {hidden: [16], l2: 0.01}}", "{layers: [{}]}"), 6, "base.model", "not a valid value",
     "{'layers': [{}]}", None),
    (("{mlp: {hidden: [16], l2: 0.01}}", "{layers: [Flatten, 3]}"), 6, "base.model",
     "not a valid value", "{'layers': ['Flatten', 3]}", None),
    ("probes: [sparsity, {}]", 14, "probes.1", "not a valid value", "{}", None),
    ("probes: [sparsity, {sparsity: {every: 1}}]", 14, "probes", "not a valid value", None, None),
    ("seeds: 0", 14, "seeds", "not a valid value", "0", None),
    ("seeds: true", 14, "seeds", "not a valid value", "True", None),
    ("seeds: 10001", 14, "seeds", "not a valid value", "10001", None),
    ("seeds: []", 14, "seeds", "not a valid value", "[]", None),
    ("seeds: [1, 1]", 14, "seeds", "not a valid value", "[1, 1]", None),
    ("seeds: [0, -1]", 14, "seeds.1", "not a valid value", "-1", None),
    ("profiles: {p: {seeds: 0}}", 14, "profiles.p.seeds", "not a valid value", "0", None),
    ("profiles: {p: {sedes: 1}}", 14, "profiles.p.sedes", "unknown key", "'sedes'", "did you mean 'seeds'?"),
    ("margin: .nan", 14, "margin", "not a valid value", "nan", None),
    ("margin: 0", 14, "margin", "not a valid value", "0", None),
    ("primary: test_acuracy", 14, "primary", "not a valid value", "'test_acuracy'", None),
    ("primary: generalisation_gap", 14, "primary", "not a valid value", "'generalisation_gap'", None),
    ("target: {test_accuracy: 1, test_loss: 0}", 14, "target", "not a valid value", None, None),
    ("target: {epoch_time_s: 1}", 14, "target", "not a valid value", None, None),
    ("    baseline: c", 14, "questions.q.baseline", "no variant 'c'", "'c'", None),
    ("    reported: {c: {test_loss: 1}}", 14, "questions.q.reported.c", "no variant 'c'", "'c'", None),
    ("    reported: {a: {test_los: 1}}", 14, "questions.q.reported.a.test_los", "no metric 'test_los'",
     "'test_los'", None),
    ("    reported: {a: {sparsity//bytes: 1}}", 14, "questions.q.reported.a.sparsity//bytes",
     "no probe 'sparsity'", "'sparsity'", None),
    ("    reported: {a: {test_loss: .inf}}", 14, "questions.q.reported.a.test_loss",
     "not a valid value", "inf", None),
    ("    claims: no", 14, "questions.q.claims", "not a valid value", "'no'", None),
    ("    claims:\n    - says: x\n      test: {metric: test_loss, variant: a, is: worse, against: c}", 16,
     "questions.q.claims.0.test.against", "no variant 'c'", "'c'", None),
    ("    claims:\n    - says: x\n      test: {metric: test_loss, variant: c, is: worse, against: a}", 16,
     "questions.q.claims.0.test.variant", "no variant 'c'", "'c'", None),
    ("    claims:\n    - says: x\n      test: {metric: test_loss, varaint: a, is: worse}", 16,
     "questions.q.claims.0.test.varaint", "unknown key", "'varaint'", "did you mean 'variant'?"),
    ("    claims:\n    - says: x\n      test: {metric: a/b/c, variant: a, is: lower, value: 0}", 16,
     "questions.q.claims.0.test.metric", "no probe 'a'", "'a'", None),
    ("    claims:\n    - says: x\n      test: {metric: test_loss, variant: a, is: worse}", 16,
     "questions.q.claims.0.test", "not a valid value", None, None),
    ("    claims:\n    - says: x\n      test: {metric: generalisation_gap, variant: a, is: worse, value: 0}",
     16, "questions.q.claims.0.test", "not a valid value", None, None),
    ("    claims:\n    - says: x", 15, "questions.q.claims.0.test", "is missing", "nothing", None),
    ("profiles: null", 14, "profiles", "not a valid value", "nothing", None),
    ("\tx: 1", 14, None, "not valid YAML", None, None),
    ("x: *nowhere", 14, None, "not valid YAML", "found undefined alias 'nowhere'", None),
    ("---\nsuite: other", 14, None, "not valid YAML", None, None),
    ("x: &x [*x]", 14, "x.0.0", "too large", "more", None),
    ("x: " + "{a: " * 100 + "1" + "}" * 100, 14, "", "too large", "more", None),
]  # fmt: skip


@pytest.mark.parametrize(("change", "line", "keys", "problem", "found", "hint"), MISTAKES)
def test_a_mistake(change, line, keys, problem, found, hint, tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(edited(change))
    with pytest.raises(SuiteError) as caught:
        load_suite(path)
    error = caught.value
    place = str(path) + (f", line {line}" if line else "") + (f", at {keys}" if keys else "")
    assert error.where == place
    assert problem in error.problem
    assert error.expected
    assert error.found
    if found:
        assert error.found == found
    if hint:
        assert error.hint == hint


def test_more_than_one_mistake_is_said():
    assert refused(("epochs: 2", "epoch: 2"), "seed: 3").hint.endswith("(and 1 more problem)")
    assert refused(("epochs: 2", "epochs: 0"), "seed: 3", "margin: 0").hint.endswith(
        "2 more problems)"
    )


@pytest.mark.parametrize("text", ["", "~", "- 1", "hello", "3", "# nothing\n", "---\n...\n"])
def test_not_a_suite(text):
    with pytest.raises(SuiteError, match="not a suite"):
        parse_suite(text)


def test_aliases_that_multiply():
    """A billion laughs: refused by its count, before it fills the memory."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{c}: &{c} [{', '.join(['*' + p] * 10)}]"
        for p, c in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    with pytest.raises(SuiteError, match="too large"):
        parse_suite("\n".join(lines))


@pytest.mark.parametrize(
    "text",
    [
        "- " * 3000 + "x",
        "[" * 3000,
        "{a: " * 60 + "}" * 60,
        "[" + "[]," * 200_001 + "]",
        "#" * 10_000_001,
    ],
    ids=["deep", "open", "nested", "many", "long"],
)
def test_what_is_too_large_or_too_deep(text):
    with pytest.raises(SuiteError, match=r"too large|not valid YAML") as caught:
        parse_suite(text)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "line",
    ["primary: {}", "target: {{{}: 1}}", "{}: 1",
     "    claims: [{{says: a, test: {{metric: {}, variant: a, value: 1, is: higher}}}}]",
     "    reported: {{a: {{{}: 1}}}}", "    matrix: {{{}: [1]}}", "    exclude: [{{{}: 1}}]"],
)  # fmt: skip
def test_what_is_found_is_cut_off_where_it_is_long(line):
    assert len(str(refused(line.format("x" * 10_000)))) < 1500


def test_an_endless_file_is_not_read_to_its_end():
    with pytest.raises(SuiteError, match="a device or a pipe, not a file"):
        load_suite("/dev/zero")


def test_a_message_is_never_long():
    many = ", ".join(f"v{i}: {{}}" for i in range(5000))
    error = refused(
        f"      {many[:-4].replace(', ', chr(10) + '      ')}: {{}}", "    baseline: " + "x" * 100
    )
    assert error.expected.endswith(", ...")
    assert len(str(error)) < 1000


# --- files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_suites(name):
    suite = load_suite(name)
    for profile in [None, *suite.profiles]:
        sized = suite.resized(profile=profile)
        for question in sized.questions:
            assert sized.baseline(question) in sized.variants(question)


def test_a_suite_that_is_not_shipped():
    with pytest.raises(SuiteError, match="no suite 'ep3260_ca'") as caught:
        load_suite("ep3260_ca")
    assert caught.value.hint == "did you mean 'ep3260_ca7'?"
    assert "ep3260_ca7" in caught.value.found


@pytest.mark.parametrize(
    "content", [None, b"\x80\x81\x82", b"\x00\x01\x02", b"\x89PNG\r\n\x1a\n\0", b"\xff\xfes\0u\0"]
)
def test_files_that_are_no_suites(tmp_path, content):
    path = tmp_path / "s.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SuiteError) as caught:
        load_suite(path)
    assert caught.value.where.startswith(str(path))
    assert caught.value.expected


def test_a_folder_is_no_suite(tmp_path):
    with pytest.raises(SuiteError, match="cannot be read"):
        load_suite(tmp_path)


def test_paths_start_at_the_suites_folder(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(TEXT)
    assert load_suite(path).folder == tmp_path


def test_where():
    suite = parsed()
    assert (
        suite.where("questions", "q", "variants", "b")
        == "suite, line 13, at questions.q.variants.b"
    )
    assert suite.where("base", "optimizer", "SGD", "nesterov").startswith(
        "suite, line 7, at base.opt"
    )
    assert suite.says("base", "optimizer")
    assert not suite.says("base", "loss")


# --- variants ---------------------------------------------------------------------------------


def test_defaults():
    assert variants()["a"] == Settings(
        model={"mlp": {"hidden": [16], "l2": 0.01}},
        optimizer={"SGD": {"learning_rate": 0.1}},
        loss={"SparseCategoricalCrossentropy": {"from_logits": True}},
        batch_size=100,
        engine="compiled",
        precision="float32",
    )


@pytest.mark.parametrize(
    ("base", "change", "result"),
    [
        # the same thing: its arguments are merged
        ("{SGD: {learning_rate: 0.1}}", "{SGD: {momentum: 0.9}}",
         {"SGD": {"learning_rate": 0.1, "momentum": 0.9}}),
        ("{SGD: {learning_rate: 0.1}}", "{SGD: {learning_rate: 1}}", {"SGD": {"learning_rate": 1}}),
        ("{SGD: {learning_rate: 0.1}}", "{SGD: {}}", {"SGD": {"learning_rate": 0.1}}),
        ("{SGD: {learning_rate: 0.1}}", "{SGD: null}", {"SGD": {"learning_rate": 0.1}}),
        ("{SGD: {learning_rate: 0.1}}", "SGD", {"SGD": {"learning_rate": 0.1}}),
        ("SGD", "{SGD: {momentum: 0.9}}", {"SGD": {"momentum": 0.9}}),
        # another thing replaces it
        ("{SGD: {learning_rate: 0.1}}", "{Adam: {beta_1: 0.5}}", {"Adam": {"beta_1": 0.5}}),
        ("{SGD: {learning_rate: 0.1}}", "Adam", "Adam"),
        ("SGD", "Adam", "Adam"),
        # arguments that are things themselves
        ("{SGD: {learning_rate: {A: {x: 1, y: 2}}}}", "{SGD: {learning_rate: {A: {y: 3}}}}",
         {"SGD": {"learning_rate": {"A": {"x": 1, "y": 3}}}}),
        ("{SGD: {learning_rate: {A: {x: 1}}}}", "{SGD: {learning_rate: {B: {y: 3}}}}",
         {"SGD": {"learning_rate": {"B": {"y": 3}}}}),
        ("{SGD: {learning_rate: {A: {x: 1}}}}", "{SGD: {learning_rate: 0.5}}", {"SGD": {"learning_rate": 0.5}}),
        ("{SGD: {learning_rate: 0.5}}", "{SGD: {learning_rate: {A: {x: 1}}}}",
         {"SGD": {"learning_rate": {"A": {"x": 1}}}}),
        ("{SGD: {learning_rate: {A: {x: 1}}}}", "{SGD: {learning_rate: A}}",
         {"SGD": {"learning_rate": {"A": {"x": 1}}}}),
        ("{SGD: {learning_rate: {A: {steps: {epochs: 1}}}}}",
         "{SGD: {learning_rate: {A: {steps: {epochs: 2}}}}}",
         {"SGD": {"learning_rate": {"A": {"steps": {"epochs": 2}}}}}),
        # values and lists are replaced; an argument may be taken back to Keras's own default
        ("{SGD: {a: [1, 2]}}", "{SGD: {a: [3]}}", {"SGD": {"a": [3]}}),
        ("{SGD: {clipnorm: 1}}", "{SGD: {clipnorm: null}}", {"SGD": {"clipnorm": None}}),
    ],
)  # fmt: skip
def test_merging(base, change, result):
    changes = [
        ("{SGD: {learning_rate: 0.1}}", base),
        ("b: {batch_size: 10}", f"b: {{optimizer: {change}}}"),
    ]
    assert variants(*changes)["b"].optimizer == result
    assert variants(*changes)["a"] == variants(("{SGD: {learning_rate: 0.1}}", base))["a"]


def test_the_questions_base_lies_between():
    changed = variants("    base: {batch_size: 5, optimizer: {SGD: {momentum: 0.5}}}")
    assert changed["a"].batch_size == 5
    assert changed["b"].batch_size == 10
    assert changed["a"].optimizer == {"SGD": {"learning_rate": 0.1, "momentum": 0.5}}


def test_layers_are_replaced_as_a_whole():
    changes = (
        ("{mlp: {hidden: [16], l2: 0.01}}", "{layers: [Flatten, {Dense: {units: 10}}]}"),
        ("b: {batch_size: 10}", "b: {model: {layers: [Flatten]}}"),
    )
    assert variants(*changes)["a"].model == {"layers": ["Flatten", {"Dense": {"units": 10}}]}
    assert variants(*changes)["b"].model == {"layers": ["Flatten"]}


def test_words_are_no_settings():
    assert variants(("a: {}", "a: {about: words}"))["a"] == variants()["a"]


@pytest.mark.parametrize("part", ["model", "optimizer"])
def test_settings_must_be_complete(part):
    line = next(line for line in TEXT.splitlines(keepends=True) if f"  {part}:" in line)
    error = refused((line, ""))
    assert error.where == "suite, line 11, at questions.q.variants.a"
    assert part in error.problem


def test_a_question_needs_variants():
    error = refused(("    variants:\n      a: {}\n      b: {batch_size: 10}\n", ""))
    assert "without variants" in error.problem


# --- the matrix -------------------------------------------------------------------------------

ONLY = ("    variants:\n      a: {}\n      b: {batch_size: 10}\n", "")


def test_a_matrix():
    grid = "    matrix: {batch_size: [1, 10], optimizer.SGD.learning_rate: [0.1, 1e-2]}"
    found = variants(ONLY, grid)
    assert list(found) == [
        "batch_size=1 learning_rate=0.1",
        "batch_size=1 learning_rate=0.01",
        "batch_size=10 learning_rate=0.1",
        "batch_size=10 learning_rate=0.01",
    ]
    last = found["batch_size=10 learning_rate=0.01"]
    assert (last.batch_size, last.optimizer) == (10, {"SGD": {"learning_rate": 0.01}})
    assert last.model == {"mlp": {"hidden": [16], "l2": 0.01}}


def test_a_matrix_stands_beside_variants():
    assert list(variants("    matrix: {batch_size: [1]}")) == ["a", "b", "batch_size=1"]


def test_include_and_exclude():
    found = variants(
        ONLY,
        "    matrix: {batch_size: [1, 2], model.mlp.l2: [0, 0.1]}",
        "    exclude: [{batch_size: 1, model.mlp.l2: 0.1}, {batch_size: 3}]",
        "    include: [{batch_size: 8}, {batch_size: 2, model.mlp.l2: 0}]",
    )
    assert list(found) == [
        "batch_size=1 l2=0", "batch_size=2 l2=0", "batch_size=2 l2=0.1", "batch_size=8",
    ]  # fmt: skip
    assert found["batch_size=8"].model == {"mlp": {"hidden": [16], "l2": 0.01}}


@pytest.mark.parametrize(
    ("grid", "names"),
    [
        ("{model.mlp.hidden: [[5], [5, 5], []]}", ["hidden=5", "hidden=5-5", "hidden="]),
        (
            "{optimizer: [Adam, {SGD: {momentum: 0.9}}]}",
            ["optimizer=Adam", "optimizer=SGD-momentum-0.9"],
        ),
        (
            "{optimizer.SGD.name: [a], model.mlp.name: [b]}",
            ["optimizer.SGD.name=a model.mlp.name=b"],
        ),
        ("{model.mlp.l2: [null, true]}", ["l2=None", "l2=True"]),
    ],
)
def test_names_of_cells(grid, names):
    assert list(variants(ONLY, f"    matrix: {grid}")) == names


def test_a_cell_may_be_the_baseline_and_be_claimed():
    suite = parsed(
        ONLY,
        "    matrix: {batch_size: [1, 10]}",
        "    baseline: batch_size=10",
        "    claims:",
        "    - says: x",
        "      test: {metric: test_loss, variant: batch_size=1, is: worse, against: batch_size=10}",
    )
    assert suite.baseline("q") == "batch_size=10"


@pytest.mark.parametrize(
    ("lines", "where", "problem"),
    [
        ("    matrix: {batchsize: [1]}", "line 14, at questions.q.matrix", "no setting 'batchsize'"),
        ("    matrix: {.: [1]}", "line 14, at questions.q.matrix", "no setting ''"),
        ("    matrix: {batch_size: 1}", "line 14, at questions.q.matrix.batch_size", "not a valid value"),
        ("    matrix: {batch_size: []}", "line 14, at questions.q.matrix.batch_size", "not a valid value"),
        ("    matrix: {batch_size: [1, 0]}", "line 14, at questions.q.matrix.batch_size", "not a valid"),
        ("    matrix: {batch_size.x: [1]}", "line 14, at questions.q.matrix.batch_size", "not a valid"),
        ("    matrix: {model: [3]}", "line 14, at questions.q.matrix.model", "not a valid value"),
        ("    matrix: {optimizer.SGD: [3]}", "line 14, at questions.q.matrix.optimizer", "not a valid value"),
        ("    matrix: {optimizer: [SGD], optimizer.SGD.momentum: [1]}", "line 14, at questions.q.matrix",
         "lies inside another setting"),
        ("    matrix: {optimizer.SGD.momentum: [1], optimizer: [SGD]}", "line 14, at questions.q.matrix",
         "lies inside another setting"),
        ("    matrix: {optimizer.SGD.momentum: [1], optimizer.SGD.momentum.x: [2]}",
         "line 14, at questions.q.matrix", "lies inside another setting"),
        ("    matrix: {batch_size: [1, 1]}", "line 14, at questions.q.matrix", "two variants"),
        ("    matrix: {model.mlp.activation: [a/b, a-b]}", "line 14, at questions.q.matrix", "two variants"),
        ("    matrix: {batch_size: [1]}\n    include: [{batchsize: 1}]",
         "line 15, at questions.q.include.0", "no setting"),
        ("    include: [{batch_size: 1}, {batch_size: 1}]", "line 14, at questions.q.include.1",
         "two variants"),
        ("    matrix: {batch_size: [1]}\n    include: [{}]", "line 15, at questions.q.include.0",
         "not a valid value"),
        ("    matrix: {batch_size: [1]}\n    exclude: [{batchsize: 1}]",
         "line 15, at questions.q.exclude.0.batchsize", "no matrix setting"),
        ("    matrix: {batch_size: [1]}\n    exclude: [{}]", "line 15, at questions.q.exclude.0",
         "not a valid value"),
    ],
)  # fmt: skip
def test_a_wrong_matrix(lines, where, problem):
    error = refused(lines)
    assert error.where == f"suite, {where}"
    assert problem in error.problem
    assert error.expected
    assert error.found


def test_everything_excluded():
    lines = "    matrix: {batch_size: [1]}\n    exclude: [{batch_size: 1}]"
    assert "without variants" in refused(ONLY, lines).problem


def test_a_huge_matrix_is_refused_before_it_is_expanded():
    rows = ", ".join(f"model.mlp.a{i}: [{', '.join(map(str, range(100)))}]" for i in range(30))
    error = refused("    matrix: {" + rows + "}")
    assert "too many variants" in error.problem
    assert error.where == "suite, line 14, at questions.q.matrix"


def test_a_matrix_of_more_cells_than_have_a_name():
    """2 to the power of 20,000: Python writes no such number."""
    rows = ", ".join(f"a{i}: [1, 2]" for i in range(20_000))
    error = refused("    matrix: {" + rows + "}")
    assert "too many variants" in error.problem
    assert error.found == "about 10^6021"


def test_matrices_of_many_questions_are_counted_before_any_is_expanded(monkeypatch):
    monkeypatch.setattr(suite_module, "MAX_VARIANTS_OF_ALL", 150)
    question = "  q{}: {{ask: a, matrix: {{batch_size: [{}]}}}}\n"
    sizes = ", ".join(map(str, range(1, 61)))
    parsed(question.format(1, sizes))
    error = refused(
        question.format(1, sizes) + question.format(2, sizes) + question.format(3, sizes)
    )
    assert "too many variants" in error.problem
    assert "150" in error.expected
    assert error.where.endswith(", at questions")


def test_rules_of_exclusion_are_counted():
    rules = ", ".join(["{batch_size: 1}"] * 1001)
    error = refused("    matrix: {batch_size: [1, 2]}\n    exclude: [" + rules + "]")
    assert "at most 1000" in error.expected


def test_many_variants_without_a_matrix_are_too_many_too(monkeypatch):
    monkeypatch.setattr(suite_module, "MAX_VARIANTS", 2)
    assert len(variants()) == 2
    assert "too many variants" in refused("      c: {}").problem


# --- sizes ------------------------------------------------------------------------------------

PROFILES = "profiles: {quick: {seeds: 2, epochs: 1, train_images: 50, about: words}, full: {}}"


def test_profiles():
    suite = parsed(PROFILES, "seeds: [4, 5, 6]")
    quick = suite.resized(profile="quick")
    assert (quick.seed_list, quick.epochs, quick.train_images) == ([0, 1], 1, 50)
    full = suite.resized(profile="full")
    assert (full.seed_list, full.epochs, full.train_images) == ([4, 5, 6], 2, None)
    assert quick.text == suite.text
    assert quick.where("base") == suite.where("base")


def test_what_is_given_outdoes_the_profile():
    sized = parsed(PROFILES).resized(profile="quick", seeds=[3, 1], epochs=9)
    assert (sized.seed_list, sized.epochs, sized.train_images) == ([3, 1], 9, 50)


def test_some_questions():
    suite = parsed("  r: {ask: more, variants: {z: {}}}", "  s: {ask: more, variants: {z: {}}}")
    assert list(suite.resized(questions=["s", "q"]).questions) == ["q", "s"]
    assert list(suite.resized(questions=[]).questions) == ["q", "r", "s"]


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ({"profile": "quik"}, "did you mean 'quick'?"),
        ({"questions": ["Q"]}, "did you mean 'q'?"),
        ({"seeds": 0}, "greater than or equal to 1"),
        ({"seeds": -1}, "greater than or equal to 1"),
        ({"seeds": []}, "at least 1"),
        ({"seeds": [1, 1]}, "different seeds"),
        ({"seeds": [-1]}, "greater than or equal to 0"),
        ({"seeds": 10**9}, "less than or equal to 10000"),
        ({"epochs": 0}, "greater than or equal to 1"),
    ],
)
def test_no_such_size(size, said):
    with pytest.raises(SuiteError) as caught:
        parsed(PROFILES).resized(**size)
    assert said in str(caught.value)


# --- metrics of the suite's own --------------------------------------------------------------

OWN = (
    "metrics: {return: {better: higher, label: episode return, unit: points}, wer: {better: lower}}"
)


def test_metrics_of_its_own():
    suite = parsed(OWN)
    found = suite.metric("return")
    assert (found.label, found.unit, found.higher_is_better) == ("episode return", "points", True)
    assert found.worst == -math.inf
    assert suite.metric("wer").label == "wer"
    assert suite.metric("wer").worst == math.inf
    assert suite.curve_metrics[-2:] == ("return", "wer")


def test_a_share_of_its_own():
    found = parsed("metrics: {f1: {better: higher, percent: true}}").metric("f1")
    assert (found.worst, found.unit, found.percent) == (-math.inf, "share", True)


def test_metrics_that_every_suite_has():
    assert parsed().metric("test_loss").name == "test_loss"
    assert parsed().metric("sparsity/dense_1/bytes").unit == "bytes"
    with pytest.raises(SuiteError, match="no metric 'test_los'") as caught:
        parsed().metric("test_los")
    assert caught.value.hint == "did you mean 'test_loss'?"


def test_its_own_metrics_may_decide_be_reached_claimed_and_reported():
    claim = "{says: x, test: {metric: return, variant: a, against: b, is: better}}"
    suite = parsed(
        OWN,
        ("    variants:", "    primary: wer\n    target: {wer: 0.1}\n    variants:"),
        ("b: {batch_size: 10}", f"b: {{batch_size: 10}}\n    claims: [{claim}]"),
        ("    claims:", "    reported: {a: {return: 3}}\n    claims:"),
        "primary: return",
        "target: {return: 1}",
    )
    assert suite.questions["q"].primary == "wer"
    assert suite.questions["q"].reported == {"a": {"return": 3}}


@pytest.mark.parametrize(
    ("lines", "keys", "problem", "hint"),
    [
        (["metrics: {test_loss: {better: lower}}"], "metrics.test_loss", "test_loss is taken",
         "a metric of docs/frames.md can be used as it is"),
        (["metrics: {status: {better: lower}}"], "metrics.status", "status is taken", None),
        (["metrics: {x: {}}"], "metrics.x.better", "is missing", None),
        (["metrics: {x: {better: up}}"], "metrics.x.better", "not a valid value", None),
        (["metrics: {x: {beter: higher}}"], "metrics.x.beter", "unknown key", "did you mean 'better'?"),
        (["metrics: {a/b: {better: higher}}"], "metrics.a/b", "not a valid value", None),
        ([OWN, "primary: retrun"], "primary", "not a valid value", "did you mean 'return'?"),
        ([OWN, "target: {retrun: 1}"], "target", "not a valid value", "did you mean 'return'?"),
        (["imported: {}"], "imported", "unknown key 'imported'", None),
    ],
)  # fmt: skip
def test_mistakes_about_metrics(lines, keys, problem, hint):
    error = refused(*lines)
    assert error.where.endswith(f", at {keys}")
    assert problem in error.problem
    assert error.expected
    assert error.found
    if hint:
        assert error.hint.startswith(hint)


# --- pairing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "paired"), [("", "seed"), ("paired: seed", "seed"), ("paired: no", "no")]
)
def test_pairing_is_declared(written, paired):
    assert parsed(written).paired == paired


@pytest.mark.parametrize("written", ["paired: yes", "paired: false", "paired: 0", "paired: seeds"])
def test_pairing_is_by_seed_or_not_at_all(written):
    error = refused(written)
    assert error.expected == "'seed' or 'no'"
    assert error.where.endswith("paired")


# --- the schema -------------------------------------------------------------------------------


def test_the_schema_is_current(repository):
    """python -c "from bench import suite; print(suite.schema(), end='')" > suites/schema.json"""
    assert (repository / "suites" / "schema.json").read_text() == schema()


def plain(text):
    """As an editor reads YAML for a JSON schema: keys are text."""
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(text)))


@pytest.fixture(scope="module")
def validator():
    page = json.loads(schema())
    kind = jsonschema.validators.validator_for(page)
    kind.check_schema(page)
    return kind(page)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_suites_fit_the_schema(validator, name):
    text = (resources.folder("suites") / f"{name}.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=schema.json\n")
    validator.validate(plain(text))


def test_the_schema_takes_what_the_parser_takes(validator):
    validator.validate(plain(edited(PROFILES, "seeds: [1, 2]", "probes: [{sparsity: {}}]")))
    validator.validate(
        plain(edited("    claims: [{says: x, test: {metric: m, variant: a, is: lower}}]"))
    )


@pytest.mark.parametrize(
    "change",
    [
        "epoch: 3",
        ("epochs: 2", "epochs: 0"),
        ("epochs: 2\n", ""),
        ("b: {batch_size: 10}", "b: {batchsize: 10}"),
        ("b: {batch_size: 10}", "b/c: {}"),
        "seeds: 0",
        "seeds: [-1]",
        "    claims: [{says: x, test: {metric: m, variant: a, is: nicer}}]",
        "profiles: {../x: {}}",
    ],
)
def test_the_schema_refuses_what_the_parser_refuses(validator, change):
    refused(change)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(plain(edited(change)))


# --- whatever is written ----------------------------------------------------------------------

KEYS = sorted(
    {name for model in (Suite, Settings, suite_module.Question, suite_module.Claim, suite_module.ClaimTest,
                        suite_module.Profile) for name in model.model_fields}
    | {"is", "q", "a", "b", "mlp", "SGD", "layers", "optimizer.SGD.learning_rate", "batch_size.x", ""}
)  # fmt: skip
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([*KEYS, "no", "better", "digits", "test_accuracy", "sparsity/dense_1/bytes"])
    | st.text(max_size=8)
)
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | scalars, inner, max_size=3)
    ),
    max_leaves=12,
)
bounded = settings(max_examples=150, deadline=5000, suppress_health_check=list(HealthCheck))


def parses_or_refuses(text):
    try:
        suite = parse_suite(text)
    except SuiteError:
        return
    assert all(suite.variants(question) for question in suite.questions)


def dumped(tree):
    stream = io.StringIO()
    YAML(typ="safe", pure=True).dump(tree, stream)
    return stream.getvalue()


@bounded
@given(st.text(max_size=200))
@example("%YAML 1.1\n---\na: no")
@example("!!set {a, b}")
@example("!!omap [a: 1]")
@example("!!int ''")
@example("!!float x")
@example("!!bool maybe")
@example("? [a]\n: b")
@example("a: !!binary x")
@example("a: >\n\n\n")
@example("&a *a")
@example("0x" + "f" * 5000)
@example("a: " + "9" * 5000)
@example("[" * 500)
@example("- " * 2000)
@example("a: &a {b: *a}")
@example("\ud800")
@example("\x00")
def test_any_text(text):
    parses_or_refuses(text)


@bounded
@given(st.binary(max_size=100))
def test_any_bytes(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)
    with pytest.raises(SuiteError):
        load_suite(path)


@bounded
@given(trees)
def test_any_structure(tree):
    parses_or_refuses(dumped(tree))


@bounded
@given(st.dictionaries(st.sampled_from(list(Suite.model_fields)), trees, max_size=3))
def test_any_change_of_a_suite(changes):
    suite = YAML(typ="safe", pure=True).load(TEXT)
    parses_or_refuses(dumped({**suite, **changes}))


@bounded
@given(
    st.dictionaries(st.sampled_from(list(suite_module.Question.model_fields)), trees, max_size=3)
)
def test_any_change_of_a_question(changes):
    suite = YAML(typ="safe", pure=True).load(TEXT)
    suite["questions"]["q"].update(changes)
    parses_or_refuses(dumped(suite))


@bounded
@given(st.sampled_from(TEXT.splitlines()), st.text(max_size=15), st.integers(0, 40))
def test_any_slip_of_a_hand(line, typed, place):
    assume(line in TEXT)
    parses_or_refuses(TEXT.replace(line, line[:place] + typed + line[place:], 1))


# --- data, length and evaluations of single questions -------------------------------------------

SEPARATE = """\
suite: s
title: t
dataset: digits
epochs: 5
evaluate: {every: 2}
base: {model: mlp, optimizer: SGD, batch_size: full, precision: float64}
profiles: {short: {epochs: 1}, few: {seeds: 2}}
questions:
  own:
    ask: a
    dataset: {least_squares: {condition: 10}}
    epochs: 9
    evaluate: {per_epoch: 10, first: 2, every: 3}
    variants: {a: {}}
  shared:
    ask: b
    variants: {a: {batch_size: 10, precision: float32}}
"""


def test_a_question_may_have_its_own_data_length_and_evaluations():
    suite = parse_suite(SEPARATE)
    assert suite.dataset_of("own") == {"least_squares": {"condition": 10}}
    assert (suite.dataset_of("shared"), suite.epochs_of("shared")) == ("digits", 5)
    assert suite.epochs_of("own") == 9
    assert suite.evaluate_of("own") == {"per_epoch": 10, "first": 2, "every": 3}
    assert suite.evaluate_of("shared") == {"every": 2}
    assert suite.variants("own")["a"].batch_size == "full"
    assert suite.variants("own")["a"].precision == "float64"
    assert suite.variants("shared")["a"].batch_size == 10


@pytest.mark.parametrize("size", [{"profile": "short"}, {"epochs": 1}])
def test_a_size_replaces_the_epochs_of_all_questions(size):
    suite = parse_suite(SEPARATE).resized(**size)
    assert {suite.epochs_of(name) for name in suite.questions} == {1}


def test_other_sizes_leave_the_epochs_of_questions():
    suite = parse_suite(SEPARATE).resized(profile="few", questions=["own"])
    assert list(suite.questions) == ["own"]
    assert suite.epochs_of("own") == 9


SIZES = """\
suite: s
title: t
dataset: digits
seeds: 4
epochs: 5
base: {model: mlp, optimizer: SGD}
profiles:
  short: {seeds: 2, epochs: 3, questions: {dear: {seeds: 1}}}
  long: {questions: {dear: {epochs: 50}}}
questions:
  cheap: {ask: a, variants: {a: {}}}
  dear: {ask: b, seeds: [7, 8, 9], epochs: 9, variants: {b: {batch_size: 10}}}
"""


def test_a_question_may_have_its_own_seeds_and_its_own_size_in_a_profile():
    suite = parse_suite(SIZES)
    assert (suite.seeds_of("cheap"), suite.seeds_of("dear")) == ([0, 1, 2, 3], [7, 8, 9])
    assert suite.seed_list == [0, 1, 2, 3, 7, 8, 9]
    short = suite.resized(profile="short")
    assert (short.seeds_of("cheap"), short.epochs_of("cheap")) == ([0, 1], 3)
    assert (short.seeds_of("dear"), short.epochs_of("dear")) == ([0], 3)
    long = suite.resized(profile="long")
    assert (long.seeds_of("dear"), long.epochs_of("dear")) == ([7, 8, 9], 50)
    assert (long.seeds_of("cheap"), long.epochs_of("cheap")) == ([0, 1, 2, 3], 5)


@pytest.mark.parametrize("profile", [None, "short", "long"])
def test_what_is_given_is_for_all_questions(profile):
    sized = parse_suite(SIZES).resized(profile=profile, seeds=2, epochs=1)
    for name in sized.questions:
        assert sized.seeds_of(name) == [0, 1]
        assert sized.epochs_of(name) == 1


def test_a_profile_that_sizes_no_question_is_refused():
    with pytest.raises(SuiteError, match="no question 'deer'") as caught:
        parse_suite(SIZES.replace("{dear: {seeds", "{deer: {seeds"))
    assert caught.value.where == "suite, line 8, at profiles.short.questions.deer"
    assert "did you mean 'dear'" in caught.value.hint


@pytest.mark.parametrize(
    ("written", "where", "expected"),
    [
        ("{first: 2}", "evaluate", "per_epoch: N"),
        ("{per_epoch: 2, every: 3}", "evaluate", "first: M"),
        ("{per_epoch: 0}", "evaluate.per_epoch", "greater than or equal to 1"),
        ("{evry: 2}", "evaluate.evry", "one of per_epoch, first, every"),
    ],
)
def test_evaluations_that_make_no_sense(written, where, expected):
    with pytest.raises(SuiteError) as caught:
        parse_suite(SEPARATE.replace("{every: 2}", written))
    assert caught.value.where.endswith(f"at {where}")
    assert expected in caught.value.expected


@pytest.mark.parametrize("size", ["0", "all", "1.5"])
def test_batches_that_are_no_number_of_images(size):
    with pytest.raises(SuiteError) as caught:
        parse_suite(SEPARATE.replace("batch_size: full", f"batch_size: {size}"))
    assert caught.value.where.endswith("base.batch_size")
    assert "'full'" in caught.value.expected


def test_precisions():
    with pytest.raises(SuiteError, match="not a valid value") as caught:
        parse_suite(SEPARATE.replace("float64", "float16"))
    assert "'float64'" in caught.value.expected

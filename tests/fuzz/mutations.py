"""Inputs made of good ones by breaking them: their bytes, their cells, their structure."""

from __future__ import annotations

import copy
import json

# What programs stumble over: sizes, types, encodings, markup, other notations for the same.
VALUES = (
    None, True, False, 0, -1, 1, 2, 3, 10**4, 10**5, 10**9, 10**12, 2**31, 2**63, -(2**63), 10**400,
    0.0, -0.0, 1e-320, 1e308, 0.5, 1e400, float("nan"), float("inf"), float("-inf"),
    "", " ", "a", "0", "1e5", "nan", "null", "full", "all pairs", "x" * 10_000, "\0", "\x1b[31m", "\ud800",
    "\u202e", "é", "../../etc/passwd", "file:///etc/passwd", "/dev/zero", "os:system", "Lambda", "SGD", "mlp",
    "test_accuracy", "a/b/c", "//", "<script>", "${x}", "{{x}}", "__proto__", "=1+1",
    [], {}, [[]], [None], {"": None}, {"a": {}}, [1, 1], [1, 2], ["a", "a"], {"epochs": 3},
    {"mlp": {"hidden": [10**9]}}, {"SGD": {"learning_rate": "x"}}, {"layers": []}, {"layers": [{"Dense": {}}]},
)  # fmt: skip
BYTES = (
    b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\r\n", b"\n", b"\t", b"\x1b",
    b"&a ", b"*a", b"&a [*a]", b"<<: ", b"? ", b": ", b"- ", b"!!python/object:os.system ", b"!!binary ",
    b"|\n", b">-\n", b"%YAML 1.1\n---\n", b"---\n", b"...\n", b"{", b"}", b"[", b"]", b'"', b"'", b"\\", b"#",
    b"@", b"9" * 400, b"1e999", b".nan", b"-.inf", b"0x", b"1_0", b"12:30", b"2001-01-01", b"[" * 300,
    b"{a: " * 60, b"- " * 60, b",", b",,", b";", b"nan", b"Infinity", b'{"a":', b"PAR1",
)  # fmt: skip


def mutated_bytes(data, rng, others=(b"",)):
    """Some of the bytes changed, left out, doubled, moved, or replaced by those of another input."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        at, end = sorted((rng.randint(0, len(data)), rng.randint(0, len(data))))
        end = min(end, at + rng.choice((1, 8, 64, 1024)))
        kind = rng.randrange(8)
        if kind == 0 and data:
            data[min(at, len(data) - 1)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[at:end]
        elif kind == 2:
            data[at:at] = data[at:end] * rng.choice((1, 1, 2, 50))
        elif kind == 3:
            data[at:at] = rng.choice(BYTES)
        elif kind == 4:
            data[at:end] = rng.choice(BYTES)
        elif kind == 5:
            other = rng.choice(others)
            start = rng.randint(0, len(other))
            data[at:end] = other[start : start + rng.choice((1, 8, 64, 1024))]
        elif kind == 6:
            data[at:at] = rng.randbytes(rng.choice((1, 2, 4)))
        elif rng.random() < 0.2:
            del data[at:]
    return bytes(data)


def mutated_tree(tree, rng, keys):
    """A structure with some of its values and keys replaced, left out or doubled."""
    tree = copy.deepcopy(tree)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        inner = [node for node in _inner(tree) if node]
        if not inner:
            return tree
        node = rng.choice(inner)
        place = rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
        kind = rng.randrange(6)
        if kind <= 1:
            node[place] = copy.deepcopy(rng.choice(VALUES))
        elif kind == 2:
            node[place] = copy.deepcopy(rng.choice([*_inner(tree)]))
        elif kind == 3:
            del node[place]
        elif isinstance(node, dict):
            value = node[place] if kind == 4 else copy.deepcopy(rng.choice(VALUES))
            node[rng.choice(keys)] = copy.deepcopy(value)
        else:
            node.extend([copy.deepcopy(node[place])] * rng.choice((1, 2, 30)))
    return tree


def _inner(tree):
    """The mappings and lists in a structure, itself among them."""
    found = [tree] if isinstance(tree, dict | list) else []
    for node in found:
        children = node.values() if isinstance(node, dict) else node
        found += [child for child in children if isinstance(child, dict | list)]
    return found


def as_yaml(tree):
    """A structure as bytes that YAML reads, whatever is in it."""
    text = json.dumps(tree, ensure_ascii=False, default=str)
    for theirs, ours in (("-Infinity", "-.inf"), ("Infinity", ".inf"), ("NaN", ".nan")):
        text = text.replace(theirs, ours)
    return text.encode("utf-8", "surrogatepass")


def mutated_cells(data, rng, delimiter=b","):
    """Some cells of some lines replaced by hostile ones."""
    lines = data.split(b"\n")
    for _ in range(rng.choice((1, 1, 2, 8))):
        row = rng.randrange(len(lines))
        cells = lines[row].split(delimiter)
        value = rng.choice(VALUES)
        text = value if isinstance(value, str) else json.dumps(value)
        cells[rng.randrange(len(cells))] = text.encode("utf-8", "surrogatepass")
        lines[row] = delimiter.join(cells)
    return b"\n".join(lines)

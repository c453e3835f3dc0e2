"""What the network sees of stored numbers depends on the numbers and on the suite, never on their type."""

from __future__ import annotations

import numpy as np
import pytest

from bench import datasets
from bench.datasets import _options
from bench.errors import DatasetError

CODES = {"uint8": 8, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}  # of IDX
RNG = np.random.default_rng(0)
TYPES = (
    "bool", "int8", "uint8", "int16", "uint16", "int32", "int64", "uint64", "float16", "float32", "float64",
)  # fmt: skip
PIXELS, AS_IS = 1 / 255, 1.0
CONTENTS = {  # numbers, and the factor when the suite says nothing
    "images": (RNG.integers(0, 256, (12, 3, 3)), PIXELS),
    "rows of pixels": (RNG.integers(0, 256, (12, 6)), PIXELS),
    "colours": (RNG.integers(0, 256, (12, 2, 2, 3)), PIXELS),
    "few tokens": (RNG.integers(7, 50, (12, 5)), AS_IS),
    "many tokens": (RNG.integers(0, 30_000, (12, 5)), AS_IS),
    "up to 16": (RNG.integers(0, 17, (12, 4, 4)), AS_IS),
    "zeros and ones": (RNG.integers(0, 2, (12, 4)), AS_IS),
    "nothing but zeros": (np.zeros((12, 4), int), AS_IS),
    "some below zero": (RNG.integers(-100, 101, (12, 4)), AS_IS),
    "the lowest pixels": (np.arange(128, 128 - 48, -1).reshape(12, 4), PIXELS),
    "one less": (np.arange(127, 127 - 48, -1).reshape(12, 4), AS_IS),
    "the most": (np.arange(255, 255 - 48, -1).reshape(12, 4), PIXELS),
    "one more": (np.arange(256, 256 - 48, -1).reshape(12, 4), AS_IS),
    "shares of pixels": (RNG.integers(0, 256, (12, 3, 3)) / 255, AS_IS),
    "between pixels": (RNG.integers(0, 511, (12, 3, 3)) / 2, AS_IS),
}
Y = np.arange(12) % 3
CASES = [
    (content, dtype)
    for content, (x, _) in CONTENTS.items()
    for dtype in TYPES
    if np.array_equal(x.astype(dtype).astype(float), x)
]


def npz(folder, x, **options):
    np.savez(folder / "a.npz", x_train=x[:8], y_train=Y[:8], x_test=x[4:], y_test=Y[4:])
    return datasets.load({"npz": "a.npz", **options}, folder=folder)


def seen(data):
    """What the network sees of the training images, in float64."""
    return data.x_train.astype(float) * data.scale


@pytest.mark.parametrize(("content", "dtype"), CASES)
def test_equal_numbers_are_equal_data_whatever_their_type(tmp_path, content, dtype):
    x, factor = CONTENTS[content]
    found, usual = npz(tmp_path, x.astype(dtype)), npz(tmp_path, x)
    assert found.scale == usual.scale == factor
    np.testing.assert_allclose(seen(found), x[:8] * factor, rtol=1e-7)
    assert found.checksum == usual.checksum  # so that weights and orders are the same too
    assert found.x_train.dtype == usual.x_train.dtype


def test_the_two_parts_may_have_types_of_their_own(tmp_path):
    x = CONTENTS["images"][0]
    parts = {"x_train": x[:8].astype(np.uint8), "x_test": x[4:].astype(float)}
    np.savez(tmp_path / "a.npz", **parts, y_train=Y[:8], y_test=Y[4:])
    found = datasets.load({"npz": "a.npz"}, folder=tmp_path)
    assert found.checksum == npz(tmp_path, x).checksum


@pytest.mark.parametrize("part", ["x_train", "x_test"])
@pytest.mark.parametrize("most", [255, 100])
def test_parts_that_are_scaled_apart_are_refused(tmp_path, part, most):
    """One part divided by hand, the other not: whichever factor is taken is wrong for one of them."""
    x = RNG.integers(0, most + 1, (12, 3, 3)).astype(np.uint8)
    parts = {"x_train": x[:8], "x_test": x[4:]}
    parts[part] = parts[part] / 255
    np.savez(tmp_path / "a.npz", **parts, y_train=Y[:8], y_test=Y[4:])
    with pytest.raises(DatasetError, match="training and test images are scaled in different ways"):
        datasets.load({"npz": "a.npz"}, folder=tmp_path)


def idx(folder, x, **options):
    for part in ("train", "t10k"):
        for what, array in (("images-idx3", x), ("labels-idx1", Y.astype(np.uint8))):
            head = bytes([0, 0, CODES[array.dtype.name], array.ndim])
            head += b"".join(size.to_bytes(4, "big") for size in array.shape)
            content = array.astype(array.dtype.newbyteorder(">")).tobytes()
            (folder / f"{part}-{what}-ubyte").write_bytes(head + content)
    return datasets.load({"idx": ".", **options}, folder=folder)


@pytest.mark.parametrize("dtype", CODES)
def test_idx_files_of_every_type(tmp_path, dtype):
    data = idx(tmp_path, CONTENTS["images"][0].astype(dtype))
    assert (data.scale, data.x_train.dtype) == (PIXELS, np.uint8)


def test_the_bytes_of_idx_files_are_pixels_however_dark(tmp_path):
    dark = np.full((12, 3, 3), 9, np.uint8)
    assert idx(tmp_path, dark).scale == PIXELS
    assert idx(tmp_path, dark, scale=1).scale == AS_IS


def csv(folder, x, **options):
    names = [f"p{i}" for i in range(x.shape[1])]
    rows = [",".join(map(str, [*row, y])) for row, y in zip(x.tolist(), Y, strict=True)]
    (folder / "a.csv").write_text("\n".join([",".join([*names, "kind"]), *rows]) + "\n")
    return datasets.load({"csv": "a.csv", "label": "kind", **options}, folder=folder)


@pytest.mark.parametrize("content", [c for c, (x, _) in CONTENTS.items() if x.ndim == 2])
@pytest.mark.parametrize("dtype", [int, float])
def test_tables_are_scaled_by_the_same_rule(tmp_path, monkeypatch, content, dtype):
    x, factor = CONTENTS[content]
    x, labels = np.tile(x, (5, 1)), np.tile(Y, 5)
    monkeypatch.setitem(globals(), "Y", labels)
    data = csv(tmp_path, x.astype(dtype))
    assert data.scale == factor
    np.testing.assert_allclose(seen(data)[:4], x[:4] * factor, rtol=1e-7)


# --- what the suite says ----------------------------------------------------------------------


SAID = [
    (1, 1.0),
    (1.0, 1.0),
    ("1/255", 1 / 255),
    ("1 / 16", 1 / 16),
    (0.5, 0.5),
    ("2", 2.0),
    ("3/4", 0.75),
]


@pytest.mark.parametrize(("said", "factor"), SAID)
@pytest.mark.parametrize("content", CONTENTS)
def test_the_suite_has_the_last_word(tmp_path, content, said, factor):
    x, _ = CONTENTS[content]
    found = [npz(tmp_path, x.astype(dtype), scale=said) for c, dtype in CASES if c == content]
    for data in found:
        assert data.scale == factor
        np.testing.assert_allclose(seen(data), x[:8] * factor, rtol=1e-7)
    assert len({data.checksum for data in found}) == 1


def test_to_say_what_is_done_anyway_changes_nothing(tmp_path):
    for x, factor in CONTENTS.values():
        said = {PIXELS: "1/255", AS_IS: 1}[factor]
        assert npz(tmp_path, x, scale=said).checksum == npz(tmp_path, x).checksum


@pytest.mark.parametrize(
    "wrong",
    [0, -1, "1/0", "0", "-1/2", "pixels", "", "1/2/3", float("nan"), float("inf"), "nan", "1e999", True,
     None, [1], {}, 1e-300, "1/1e300"],
)  # fmt: skip
@pytest.mark.parametrize("spec", [{"npz": "a.npz"}, {"csv": "a.csv", "label": "k"}, {"idx": "."}])
def test_what_is_no_factor_is_refused_before_anything_is_read(spec, wrong):
    with pytest.raises(DatasetError) as caught:
        datasets.check_spec({**spec, "scale": wrong})
    assert "1/255" in caught.value.expected
    assert caught.value.where.endswith("scale")
    assert caught.value.found


@pytest.mark.parametrize("name", ["mnist", "digits"])
def test_data_with_a_name_of_its_own_knows_its_factor(name, tmp_path):
    with pytest.raises(DatasetError, match=r"unknown key|is missing"):
        datasets.check_spec({name: None, "scale": 1})


def test_an_option_is_not_a_source():
    with pytest.raises(DatasetError, match="no data set is called 'scale'"):
        datasets.check_spec({"scale": 1})


# --- what is said of it -----------------------------------------------------------------------


def test_what_was_done_is_said(tmp_path):
    pixels, tokens = CONTENTS["images"][0], CONTENTS["few tokens"][0]
    assert npz(tmp_path, tokens).scaling == "used as they are"
    assert npz(tmp_path, tokens, scale=1).scaling == "used as they are, as the suite says"
    guessed = npz(tmp_path, pixels)
    assert guessed.scaling == (
        "multiplied by 1/255, since whole numbers from 0 to 255, the largest 128 or more, are taken for pixels"
    )
    assert any("scale: 1" in note for note in guessed.notes)
    said = npz(tmp_path, pixels, scale="1/255")
    assert (said.scaling, said.notes) == ("multiplied by 1/255, as the suite says", ())
    assert datasets.load("digits", folder=tmp_path).scaling == "multiplied by 1/16, as for digits"


@pytest.mark.parametrize(
    ("factor", "text"),
    [(1 / 255, "1/255"), (0.5, "1/2"), (2.0, "2"), (0.75, "3/4"), (0.3141, "0.3141")],
)
def test_factors_are_shown_as_people_write_them(factor, text):
    assert _options.factor_text(factor) == text


# --- what stays -------------------------------------------------------------------------------


GOLD = {  # checksums from before the rule: trials are recorded with them
    "bytes": "0f9a56a13924feea40f5c8998643ff13609639c77b36d38c9307b6bb67569509",
    "counts": "40fa41050dc87fa14f26e86890e9374ed5043feae38bddc92b1de08bbe6d0199",
    "floats": "d87d9d36332c33f0ff641a2de7a76f039827a5b79d8f60fc9a1f1dbe25b054b9",
    "negative": "1734d1cd9679cc9b4b80786368e5a1efc0c3d16e695016c47f4ff4de185d17b8",
    "table": "d55a5ae8f70c0d47f2de3e5cbf2196491743101427ff659bb62ca16e50feca8f",
    "least squares": "5f6aedb761866fb928353f2817cf32f4b14a672e7a1bef53aa8943cc25979207",
}


def test_checksums_stay_from_release_to_release(tmp_path):
    pixels, y = (np.arange(60) * 37 % 256).reshape(10, 2, 3), np.arange(10) % 3
    arrays = {
        "bytes": pixels.astype(np.uint8),
        "counts": pixels % 7,
        "floats": pixels / 7.0,
        "negative": pixels - 5,
    }
    found = {}
    for name, x in arrays.items():
        np.savez(tmp_path / "a.npz", x_train=x, y_train=y, x_test=x[:5], y_test=y[:5])
        found[name] = datasets.load({"npz": "a.npz"}, folder=tmp_path).checksum
    rows = "".join(f"{i / 4},{i % 5},{'xyz'[i % 3]}\n" for i in range(30))
    (tmp_path / "a.csv").write_text("a,b,kind\n" + rows)
    found["table"] = datasets.load({"csv": "a.csv", "label": "kind"}, folder=tmp_path).checksum
    spec = {"least_squares": {"n": 20, "d": 3}}
    found["least squares"] = datasets.load(spec, folder=tmp_path).checksum
    assert found == GOLD

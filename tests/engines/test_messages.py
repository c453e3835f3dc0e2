"""What processes say to each other arrives as it was said, or not at all."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bench.engines import _messages

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda part: (
        st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=5), part, max_size=3)
    ),
    max_leaves=5,
)
NAMES = st.text("abcxyz", min_size=1, max_size=5)
ARRAYS = arrays.arrays(
    st.sampled_from(["uint8", "int32", "float32", "float64"]), arrays.array_shapes(min_side=0)
)


@given(st.lists(st.dictionaries(NAMES, PLAIN | ARRAYS, max_size=4), max_size=3))
def test_what_is_written_is_read(messages):
    stream = io.BytesIO()
    for message in messages:
        _messages.write(stream, message)
    stream.seek(0)
    for message in messages:
        found = _messages.read(stream)
        assert found.keys() == message.keys()
        for key, value in message.items():
            if isinstance(value, np.ndarray):
                np.testing.assert_array_equal(found[key], value, strict=True)
            else:
                assert found[key] == value
    assert _messages.read(stream) is None


@given(st.data())
def test_a_message_that_breaks_off_is_the_end(data):
    stream = io.BytesIO()
    _messages.write(stream, {"x": np.arange(5)})
    whole = stream.getvalue()
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert _messages.read(io.BytesIO(whole[:cut])) is None


def test_no_object_is_pickled_or_unpickled():
    with pytest.raises(ValueError, match="allow_pickle"):
        _messages.write(io.BytesIO(), {"x": np.array([object()])})
    hostile = io.BytesIO()
    np.savez(hostile, message=np.array([object()]))
    content = hostile.getvalue()
    with pytest.raises(ValueError, match="allow_pickle"):
        _messages.read(io.BytesIO(len(content).to_bytes(8, "big") + content))

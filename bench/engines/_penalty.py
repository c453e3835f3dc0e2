"""Keras's l1 and l2 penalties with their strengths in variables.

Keras writes the numbers into the program, so that each strength would need one compiled for itself. Here a
program reads them, and variants that differ in them share it.
"""

from __future__ import annotations

from typing import Any

from bench import backend

backend.tensorflow()
import keras  # noqa: E402


class _Penalty(keras.regularizers.Regularizer):  # type: ignore[misc]
    """l1 * sum |w| + l2 * sum w², as ``keras.regularizers.L1L2`` adds it up; parts that start at 0 stay out."""

    def __init__(self, of: keras.regularizers.L1L2, dtype: str) -> None:
        self.strengths = {
            name: keras.Variable(_rounded(of, name, dtype), trainable=False, dtype=dtype)
            for name in ("l1", "l2")
            if getattr(of, name)
        }

    def __call__(self, weights: Any) -> Any:
        total = keras.ops.convert_to_tensor(0.0, dtype=weights.dtype)
        norms = {"l1": keras.ops.absolute, "l2": keras.ops.square}
        for name, strength in self.strengths.items():
            total += strength.value * keras.ops.sum(norms[name](weights))
        return total


def in_variables(weights: Any) -> Any:
    """The regularizer of a Keras variable; one that is Keras's own L1L2 with its strengths in variables."""
    given = weights.regularizer
    return _Penalty(given, weights.dtype) if type(given) is keras.regularizers.L1L2 else given


def strengths(model: Any) -> list[Any]:
    """The variables that hold the strengths of a model's penalties."""
    penalties = [v.regularizer for v in model.trainable_variables]
    return [s for p in penalties if isinstance(p, _Penalty) for s in p.strengths.values()]


def take_strengths(weights: Any, fresh: Any) -> None:
    """Give the penalty of ``weights`` the strengths of Keras's own penalty of ``fresh``."""
    if isinstance(weights.regularizer, _Penalty):
        for name, strength in weights.regularizer.strengths.items():
            strength.assign(_rounded(fresh.regularizer, name, strength.dtype))


def _rounded(penalty: keras.regularizers.L1L2, name: str, dtype: str) -> Any:
    """The strength as Keras's own penalty uses it: rounded to float32 first."""
    return keras.ops.cast(getattr(penalty, name), dtype)

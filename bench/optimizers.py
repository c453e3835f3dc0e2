"""Optimizers that Keras lacks, by the names suites use."""

from __future__ import annotations

from typing import Any

from bench import backend

backend.tensorflow()
import keras  # noqa: E402


class Nesterov(keras.optimizers.Optimizer):  # type: ignore[misc]
    """Nesterov's accelerated gradient for convex functions, whose momentum grows towards 1.

    With step s, x_k = y_{k-1} - s grad(y_{k-1}) and y_k = x_k + (k - 1) / (k + 2) (x_k - x_{k-1}), y_0 = x_0
    (Y. Nesterov 1983, in the form of W. Su, S. Boyd, E. Candes, JMLR 17 (2016), eq. 1). For a convex function
    of smoothness L and s <= 1 / L, f(x_k) - f* <= 2 |x_0 - x*|^2 / (s (k + 1)^2).

    The network's weights are y, where gradients are taken, as with ``SGD(nesterov=True)``, whose momentum is
    constant. Their objective falls as fast: y_k - x_k is of order 1 / k too.
    """

    def __init__(self, learning_rate: Any = 0.01, **options: Any) -> None:
        super().__init__(learning_rate=learning_rate, **options)

    def build(self, variables: list[Any]) -> None:
        """Make x_k - x_{k-1}, 0 at first, for each variable."""
        if self.built:
            return
        super().build(variables)
        self._moves = self.add_optimizer_variables(variables, "move")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """From y_{k-1} to y_k; ``iterations`` is k - 1."""
        kind = variable.dtype
        done = keras.ops.cast(self.iterations, kind)
        step = keras.ops.cast(learning_rate, kind) * keras.ops.cast(gradient, kind)
        move = self._moves[self._get_variable_index(variable)]
        self.assign(move, (done - 1) / (done + 2) * move - step)
        self.assign_add(variable, done / (done + 3) * move - step)

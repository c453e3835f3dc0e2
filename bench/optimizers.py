"""Optimizers that Keras lacks, by the names suites use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench import backend
from bench.errors import SuiteError

backend.tensorflow()
import keras  # noqa: E402


def within(optimizer: Any) -> list[Any]:
    """An optimizer and all that it wraps, however deep."""
    found = [optimizer]
    for one in found:  # which grows meanwhile
        found += [other for other in _held(list(vars(one).values())) if other not in found]
    return found


def _held(value: Any) -> list[Any]:
    """The optimizers in a value, or in what it contains."""
    if isinstance(value, keras.optimizers.Optimizer):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [one for part in value for one in _held(part)] if isinstance(value, list | tuple) else []


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


class ProximalL1(keras.optimizers.Optimizer):  # type: ignore[misc]
    """An l1 penalty by its proximal operator: after each step of another optimizer, weights are pulled to 0.

    With w' what the other optimizer makes of the weights and a its learning rate at this step,
    w = sign(w') max(|w'| - a l1, 0), the minimum of |w - w'|^2 / 2 + a l1 |w| (J. Duchi and Y. Singer, JMLR 10
    (2009), FOBOS; N. Parikh and S. Boyd, Proximal Algorithms (2014), sec. 6.5.2). Weights that the data does
    not hold become exactly 0, which the subgradient of a Keras regularizer hardly ever makes them.

    For plain SGD this is the proximal gradient method. Others scale each weight's step by itself (Adam,
    Adagrad), and the threshold by the learning rate alone: the penalty then weighs more where steps are short.

    It acts where ``mlp``'s l1 does, on the kernels of the hidden layers: all arrays of two or more dimensions
    but the last, which is the output layer's. The penalty l1 * sum |w| is part of the objective that is
    reported, and of no gradient.

    Args:
        optimizer: takes the step.
        l1: strength of the penalty, 0 or more.
    """

    def __init__(self, optimizer: Any, l1: float = 0.001) -> None:
        super().__init__(learning_rate=0.0)
        self.optimizer = keras.optimizers.get(optimizer)
        self.l1 = float(l1)
        if not 0 <= self.l1 < float("inf"):
            raise ValueError(f"l1 of 0 or more, not {l1}")
        if (
            isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer)
            or self.optimizer.gradient_accumulation_steps
        ):
            raise ValueError("an optimizer that makes a step at every update")

    @property
    def loss_scale_factor(self) -> float | None:
        """That of the other optimizer, which divides gradients by it."""
        return self.optimizer.loss_scale_factor if hasattr(self, "optimizer") else None

    @loss_scale_factor.setter
    def loss_scale_factor(self, factor: float | None) -> None:
        if hasattr(self, "optimizer"):  # else the base class, which knows of none yet
            self.optimizer.loss_scale_factor = factor

    def build(self, variables: list[Any]) -> None:
        """Find the kernels of the hidden layers."""
        if self.built:
            return
        super().build(variables)
        self.optimizer.build(variables)
        kernels = [i for i, variable in enumerate(variables) if len(variable.shape) >= 2]
        self._hidden = tuple(kernels[:-1])
        if not self._hidden:
            raise SuiteError(
                "ProximalL1 finds no hidden layer",
                where="optimizer.ProximalL1",
                expected="a network with a hidden layer, since the output layer is not penalised",
                found=f"{len(kernels)} kernels in the network",
                hint="use a kernel_regularizer",
            )

    def apply(self, gradients: list[Any], trainable_variables: Any = None) -> None:
        """One step of the other optimizer, then the threshold."""
        if not self.built:
            self.build(list(trainable_variables))
        threshold = self.l1 * self.optimizer.learning_rate  # of this step: a schedule moves on
        self.optimizer.apply(gradients, trainable_variables)
        for kernel in self._kernels():
            pull = keras.ops.cast(threshold, kernel.dtype)
            # Never -0: its bytes differ from those of 0.
            above, below = keras.ops.maximum(kernel - pull, 0), keras.ops.minimum(kernel + pull, 0)
            kernel.assign(above + below)

    def penalty(self) -> Any:
        """l1 * sum |w| of the present weights, a scalar: what the objective has beside the loss."""
        return self.l1 * sum(keras.ops.sum(keras.ops.abs(kernel)) for kernel in self._kernels())

    def _kernels(self) -> list[Any]:
        return [self._trainable_variables[i] for i in self._hidden]

    @property
    def variables(self) -> list[Any]:
        """All that changes while it trains."""
        return [*super().variables, *self.optimizer.variables]

    @property
    def learning_rate(self) -> Any:
        """That of the other optimizer, at this update."""
        return self.optimizer.learning_rate

    @property
    def iterations(self) -> Any:
        """Steps so far."""
        return self.optimizer.iterations

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same optimizer."""
        return {"optimizer": keras.optimizers.serialize(self.optimizer), "l1": self.l1}

"""What theory predicts of a training rule on a convex problem; of a network's loss it predicts nothing.

A prediction needs the problem's constants, which the probe ``optimum`` measures: the smoothness L (largest
curvature) and the strong convexity mu (smallest). Without them there is none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bench import plugins

if TYPE_CHECKING:
    from bench.suite import Settings

_VARIANCE_REDUCED: Final = {
    "svrg": "Johnson and Zhang 2013",
    "sag": "Schmidt, Le Roux and Bach 2017",
}
_DIMINISHING: Final = ("InverseTimeDecay",)  # a / (1 + b k): summable in squares, not itself


@dataclass(frozen=True)
class Constants:
    """Of a convex objective: its minimum, and its largest and smallest curvature."""

    optimum: float
    smoothness: float
    strong_convexity: float


@dataclass(frozen=True)
class Prediction:
    """What theory says of f - f*, the training objective above its minimum.

    Attributes:
        family: ``geometric`` or ``power``.
        words: the prediction as a reader sees it.
        source: who proved it.
        factor: of a geometric one: f - f* is multiplied by it at every update, in the long run; None where
            theory names none.
        exact: whether it is that factor, as on a quadratic; else an upper bound.
        exponent: of a power law in the updates: at least that fast.
        floor: whether it ends at a floor above f*, the noise of a constant step.
    """

    family: str
    words: str
    source: str
    factor: float | None = None
    exact: bool = False
    exponent: float | None = None
    floor: bool = False


def is_deterministic(settings: Settings) -> bool:
    """Whether f* itself is approached: full batches, or gradients whose noise goes to zero."""
    engine, _ = plugins.named(settings.engine or "")
    return settings.batch_size == "full" or engine in _VARIANCE_REDUCED


def predict(settings: Settings, constants: Constants | None) -> Prediction | None:
    """What theory says of a variant; None where it says nothing, as of every network's loss."""
    if constants is None:
        return None
    engine, options = plugins.named(settings.engine or "")
    optimizer, arguments = plugins.named(settings.optimizer or "")
    rate = arguments.get("learning_rate", 0.01)
    step = float(rate) if isinstance(rate, int | float) else None
    if engine in _VARIANCE_REDUCED:
        return _variance_reduced(engine, optimizer, step, constants)
    if optimizer == "Nesterov" and settings.batch_size == "full":
        return Prediction("power", "O(1/k²) or faster", "Nesterov 1983", exponent=2.0)
    if optimizer == "Adagrad":
        return Prediction(
            "power",
            "O(1/√k) or faster, of the averaged weights",
            "Duchi, Hazan and Singer 2011",
            exponent=0.5,
        )
    if optimizer != "SGD":
        return None
    if settings.batch_size == "full":
        quadratic = plugins.named(settings.loss or "")[0] == "MeanSquaredError"
        return None if step is None else _full_batch(step, arguments, constants, quadratic)
    return _stochastic(rate, arguments, constants, replaced=bool(options.get("replacement")))


def _variance_reduced(
    engine: str, optimizer: str, step: float | None, constants: Constants
) -> Prediction | None:
    if optimizer != "SGD" or step is None:
        return None
    if constants.strong_convexity > 0:
        return Prediction("geometric", "geometric, down to f*", _VARIANCE_REDUCED[engine])
    return Prediction("power", "O(1/k) or faster", _VARIANCE_REDUCED[engine], exponent=1.0)


def _full_batch(
    step: float, arguments: dict[str, Any], constants: Constants, quadratic: bool
) -> Prediction | None:
    momentum = float(arguments.get("momentum", 0.0))
    if constants.strong_convexity <= 0:
        if momentum:
            return None
        return Prediction("power", "O(1/k) or faster", "Nesterov 2004, thm 2.1.14", exponent=1.0)
    ends = (constants.strong_convexity, constants.smoothness)
    nesterov = bool(arguments.get("nesterov", False))
    factor = max(_contraction(step, momentum, end, nesterov=nesterov) for end in ends) ** 2
    if factor >= 1 or (momentum and not quadratic):  # momentum has its factor on quadratics only
        return None
    slower = " times k²" if momentum and _is_critical(step, momentum, ends[0], nesterov) else ""
    words = f"geometric, × {factor:.6g} per update{slower if quadratic else ' or less'}"
    source = "Polyak 1964" if momentum and not nesterov else "Nesterov 2004, thm 2.1.15"
    return Prediction("geometric", words, source, factor=factor, exact=quadratic)


def _contraction(step: float, momentum: float, curvature: float, *, nesterov: bool) -> float:
    """By which factor an update brings the weights nearer, along a direction of this curvature.

    The larger root of z^2 - t z + d = 0, the characteristic equation of the two-term recursion.
    """
    trace, determinant = _recursion(step, momentum, curvature, nesterov)
    root = complex(trace**2 - 4 * determinant) ** 0.5
    return max(abs(trace + root), abs(trace - root)) / 2


def _is_critical(step: float, momentum: float, curvature: float, nesterov: bool) -> bool:
    """Whether the two roots are one, as the best momentum makes them: f - f* then has a factor k^2."""
    trace, determinant = _recursion(step, momentum, curvature, nesterov)
    return abs(trace**2 - 4 * determinant) < 1e-4 * trace**2  # steps are written with six digits


def _recursion(
    step: float, momentum: float, curvature: float, nesterov: bool
) -> tuple[float, float]:
    """Trace t and determinant d of the two-term recursion along a direction."""
    shrink = 1 - step * curvature
    if nesterov:
        return (1 + momentum) * shrink, momentum * shrink
    return shrink + momentum, momentum


def _stochastic(
    rate: Any, arguments: dict[str, Any], constants: Constants, *, replaced: bool
) -> Prediction | None:
    """Of one mini-batch per update, drawn with replacement or, as epochs do it, by shuffling."""
    if arguments.get("momentum"):
        return None
    schedule = None if isinstance(rate, int | float) else plugins.named(rate)[0]
    if schedule in _DIMINISHING:
        if constants.strong_convexity > 0:
            words, exponent = "O(1/k), if the steps begin large enough", 1.0
        else:
            words, exponent = "O(1/√k), up to a logarithm", 0.5
        return Prediction(
            "power", words, "Bottou, Curtis and Nocedal 2018, thm 4.7", exponent=exponent
        )
    if schedule is not None or constants.strong_convexity <= 0:
        return None
    if replaced:
        floor, source = "proportional to the step", "Bottou, Curtis and Nocedal 2018, thm 4.6"
    else:
        floor = "proportional to the squared step or lower, for small steps"
        source = "Mishchenko, Khaled and Richtárik 2020"
    return Prediction("geometric", f"geometric, down to a floor {floor}", source, floor=True)


def agreement(prediction: Prediction, factor: float) -> float:
    """Measured over predicted speed, of a factor per update: 1 if alike, 2 if twice as fast.

    The speed is the logarithm of the factor. NaN where no factor was predicted.
    """
    if prediction.factor is None or factor <= 0:
        return math.nan
    return math.log(factor) / math.log(prediction.factor)

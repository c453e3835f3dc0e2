"""How smooth the training objective is along its gradient (Santurkar et al. 2018, sec. 3.2 and app. A.2.2).

With the weights x, a mini-batch, its objective L and gradient g = grad L(x), for step sizes eta on an even grid
from half the learning rate to four times it:

    loss variation             the range of L(x - eta g)
    gradient predictiveness    the range of ||grad L(x - eta g) - g||
    effective beta             the largest ||grad L(x - eta g) - g|| / (eta ||g||)

The smaller, the smoother. The steps are taken twice: with the optimizer's present rate, and with ``rate``,
one for all variants. Beside the first two stand L's range over L(x), and the gradient's over ||g||, since a
network that is scaled otherwise has other numbers in the same landscape. Nothing is trained: the same
mini-batch, the same random numbers and no changed statistics at all points. The mini-batch is drawn by seed
and update, alike for all variants, as large as those of the training. A step longer than the weights
themselves, eta ||g|| > ||x||, is cut to that.

S. Santurkar, D. Tsipras, A. Ilyas, A. Madry, "How does batch normalization help optimization?", NeurIPS 2018.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench.errors import SuiteError, shown
from bench.plugins import Measure
from bench.probes import _images

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.plugins import Dataset, Trained
    from bench.trial import Training

ARGUMENTS: Final = ("rate", "points")
RATE: Final = 0.1  # unless the suite says
POINTS: Final = 8
NEAREST, FARTHEST = 0.5, 4.0  # of the learning rate


def measure(trained: Trained) -> list[Measure]:
    """For the whole network (layer ""): where it stands, and what ``along`` says with either rate.

    Measures: ``loss``, ``gradient_norm`` and ``rate``, the optimizer's; with this rate ``loss_variation``,
    ``gradient_predictiveness``, ``effective_beta`` and the others of ``along``; with the common rate the
    same with ``_common`` behind.
    """
    network, data = trained.engine.network, trained.data
    size = trained.training.batch_size
    count = len(data.y_train) if size == "full" else size
    images, labels = _images.drawn(data, count, data.checksum, trained.seed, trained.updates)

    def objective(point: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = network.flat.gradient(point, images, labels)
        return value, gradient.astype(np.float64)

    point = network.flat.point().astype(np.float64)
    value, gradient = objective(point)
    rate = float(network.optimizer.learning_rate)
    values = {"loss": value, "gradient_norm": float(np.linalg.norm(gradient)), "rate": rate}
    grid = np.linspace(NEAREST, FARTHEST, trained.arguments.get("points", POINTS))
    common = trained.arguments.get("rate", RATE)
    own = other = along(objective, point, (value, gradient), rate * grid)
    if not math.isclose(rate, common, rel_tol=1e-6):  # an optimizer's rate is a float32
        other = along(objective, point, (value, gradient), common * grid)
    values |= own | {f"{name}_common": number for name, number in other.items()}
    return [Measure("", name, number) for name, number in values.items()]


def along(
    objective: Callable[[np.ndarray], tuple[float, np.ndarray]],
    point: np.ndarray,
    here: tuple[float, np.ndarray],
    steps: np.ndarray,
) -> dict[str, float]:
    """The measures of the landscape along the gradient.

    Args:
        objective: gives value and gradient, (n,), at a point, (n,).
        point: the weights, (n,).
        here: the objective there.
        steps: step sizes, (k,), above 0.

    Returns:
        ``loss_variation``, ``gradient_predictiveness`` and ``effective_beta``; ``relative_`` of the first two,
        over the objective and over the gradient's norm; ``loss_low``, ``loss_high``, ``change_low`` and
        ``change_high``, between which objective and change of gradient range; ``cut``, the share of steps that
        were cut. Empty where the gradient is 0 or not finite: there is no way along it.
    """
    value, gradient = here
    slope = float(np.linalg.norm(gradient))
    if not 0 < slope < np.inf:
        return {}
    longest = float(np.linalg.norm(point)) / slope
    sizes = np.minimum(steps, longest) if longest > 0 else steps
    seen = [objective(point - size * gradient) for size in sizes]
    losses = np.array([loss for loss, _ in seen])
    changes = np.array([np.linalg.norm(other - gradient) for _, other in seen])
    variation, predictiveness = np.ptp(losses), np.ptp(changes)
    values = {
        "loss_variation": variation,
        "gradient_predictiveness": predictiveness,
        "effective_beta": (changes / (sizes * slope)).max(),
        "relative_loss_variation": variation / value if value > 0 else np.nan,
        "relative_gradient_predictiveness": predictiveness / slope,
        "loss_low": losses.min(),
        "loss_high": losses.max(),
        "change_low": changes.min(),
        "change_high": changes.max(),
        "cut": (sizes < steps).mean(),
    }
    return {name: float(number) for name, number in values.items()}


def check(training: Training, data: Dataset, arguments: Mapping[str, Any]) -> None:
    """Refuse a number of points and a rate that are none.

    Raises:
        SuiteError: says what was expected.
    """
    del training, data
    _images.check_count(arguments, "points", 2)
    rate = arguments.get("rate", RATE)
    if not isinstance(rate, int | float) or isinstance(rate, bool) or not rate > 0:
        raise SuiteError(
            "not a valid value",
            where="rate",
            expected="a learning rate above 0, for all variants alike",
            found=shown(rate),
        )

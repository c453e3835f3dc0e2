"""How sharply the training objective curves: the largest eigenvalue of its Hessian.

By Lanczos' method with full reorthogonalisation, on Hessian-vector products by automatic differentiation,
over a fixed set of training images and the objective that is trained (penalties included, batch
normalisation in training mode). Power iteration would find the eigenvalue of largest modulus, which need
not be the largest.

C. Lanczos 1950; B. N. Parlett, "The Symmetric Eigenvalue Problem" (1998), ch. 13. The residual r = ||H v -
theta v|| of the unit vector v bounds the distance from theta to some eigenvalue by r; and theta is never
above the largest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench.plugins import Measure
from bench.probes import _images
from bench.trial import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.plugins import Dataset, Trained
    from bench.trial import Training

ARGUMENTS: Final = ("images", "steps")
STEPS: Final = 30  # unless the suite says


def measure(trained: Trained) -> list[Measure]:
    """For the whole network (layer ""): ``lambda_max``, and ``residual``, its error at most."""
    flat = trained.engine.network.flat
    images, labels = _images.fixed(trained.data, trained.arguments.get("images", _images.IMAGES))
    point = flat.point()

    def product(vector: np.ndarray) -> np.ndarray:
        return flat.hessian_product(point, vector, images, labels)

    start = generator("start of Lanczos", point.size).normal(size=point.size).astype(point.dtype)
    values, vector = lanczos(product, start, trained.arguments.get("steps", STEPS))
    residual = np.linalg.norm(product(vector) - values[-1] * vector)
    return [
        Measure("", "lambda_max", float(values[-1])),
        Measure("", "residual", float(residual)),
    ]


def check(training: Training, data: Dataset, arguments: Mapping[str, Any]) -> None:
    """Refuse numbers of images and steps that are none.

    Raises:
        SuiteError: says what was expected.
    """
    del training, data
    _images.check_count(arguments, "images", 1)
    _images.check_count(arguments, "steps", 1)


def lanczos(
    product: Callable[[np.ndarray], np.ndarray], start: np.ndarray, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Ritz values of a symmetric matrix in the Krylov space of ``start``, and the largest one's unit vector.

    Args:
        product: makes H v of v, both (n,).
        start: (n,), not 0; in its precision the vectors are kept.
        steps: products to take; fewer where the space has fewer dimensions.

    Returns:
        The values, ascending, (k,) with k <= steps; the vector, (n,).
    """
    steps = min(steps, start.size)
    basis = np.empty((steps, start.size), start.dtype)
    basis[0] = start / np.linalg.norm(start)
    diagonal: list[float] = []
    beside: list[float] = []
    for step in range(steps):
        known, vector = basis[: step + 1], basis[step]
        image = product(vector)
        diagonal.append(float(vector @ image))
        image = image - diagonal[-1] * vector
        if step:
            image -= beside[-1] * basis[step - 1]
        image -= (known @ image) @ known  # what rounding left of all former directions
        norm = float(np.linalg.norm(image))
        if step + 1 == steps or norm <= 1e-10 * max(map(abs, (*diagonal, *beside))):
            break
        beside.append(norm)
        basis[step + 1] = image / norm
    tridiagonal = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
    values, vectors = np.linalg.eigh(tridiagonal)
    return values, vectors[:, -1] @ known

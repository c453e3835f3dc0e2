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
        return flat.hessian_product(point, vector, images, labels).astype(np.float64)

    start = generator("start of Lanczos", point.size).normal(size=point.size)
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
        product: makes H v of v, both (n,) float64.
        start: (n,), not 0.
        steps: products to take; fewer where the space has fewer dimensions.

    Returns:
        The values, ascending, (k,) with k <= steps; the vector, (n,).
    """
    basis = [start / np.linalg.norm(start)]
    diagonal: list[float] = []
    beside: list[float] = []
    while True:
        image = product(basis[-1])
        diagonal.append(float(basis[-1] @ image))
        known = np.stack(basis)
        for _ in range(2):  # twice is enough
            image = image - known.T @ (known @ image)
        norm = float(np.linalg.norm(image))
        size = max(map(abs, (*diagonal, *beside)))
        if len(basis) == min(steps, start.size) or norm <= 1e-10 * size:
            break
        beside.append(norm)
        basis.append(image / norm)
    tridiagonal = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
    values, vectors = np.linalg.eigh(tridiagonal)
    return values, known.T @ vectors[:, -1]

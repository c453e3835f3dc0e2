"""Layers that Keras lacks, by the names suites use."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench import backend

backend.tensorflow()
import keras  # noqa: E402


class GaussianBlur(keras.layers.Layer):  # type: ignore[misc]
    """Blurs images (batch, height, width) or (batch, height, width, channels) with a Gaussian.

    Args:
        sigma: standard deviation in pixels. The kernel is cut off at 4 sigma; beyond the border the image
            is taken as 0, so that this equals ``scipy.ndimage.gaussian_filter(mode="constant")``.
    """

    def __init__(self, sigma: float, **options: Any) -> None:
        super().__init__(**options)
        if not 0 < sigma <= 1000:
            raise ValueError(f"sigma above 0 and up to 1000, not {sigma}")
        self.sigma = float(sigma)

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the two matrices whose products with an image blur its columns and its rows."""
        if len(shape) not in (3, 4):
            raise ValueError(f"GaussianBlur needs images, (height, width), not {shape[1:]}")
        self._rows, self._columns = (
            keras.ops.convert_to_tensor(_band(int(size or 0), self.sigma), self.compute_dtype)
            for size in shape[1:3]
        )

    def call(self, images: Any) -> Any:
        """Blurred images of the same shape."""
        last = "c" if len(images.shape) == 4 else ""
        blurred = keras.ops.einsum(f"ij,bjw{last}->biw{last}", self._rows, images)
        return keras.ops.einsum(f"biw{last},vw->biv{last}", blurred, self._columns)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**super().get_config(), "sigma": self.sigma}


def _band(size: int, sigma: float) -> np.ndarray:
    """(size, size) matrix: row i weighs the pixels around i; a full kernel sums to 1."""
    radius = int(4 * sigma + 0.5)
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    distance = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    kernel = (taps / taps.sum())[radius:]
    return np.where(distance <= radius, kernel[np.minimum(distance, radius)], 0.0)

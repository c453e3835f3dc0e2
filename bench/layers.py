"""Layers that Keras lacks, by the names suites use."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from bench import backend

backend.tensorflow()
import keras  # noqa: E402

_TINY: Final = 1e-12  # so that weights that are all alike do no harm


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


class StandardizedDense(keras.layers.Dense):  # type: ignore[misc]
    """A Dense layer whose weights are standardised: each output's have mean 0 and squares that sum to 1.

    What is trained are other weights, which are standardised at every update and differentiated through. S.
    Qiao, H. Wang, C. Liu, W. Shen, A. Yuille, "Micro-batch training with batch-channel normalization and
    weight standardization", arXiv:1903.10520 (2019), eq. 5 and 6; with the factor 1 / sqrt(inputs) of A.
    Brock, S. De, S. L. Smith, "Characterizing signal propagation to close the performance gap in
    unnormalized ResNets", ICLR 2021, eq. 1, which keeps the scale where no other normalisation follows.
    Arguments are those of ``Dense``.
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """(batch, units) for (batch, inputs)."""
        del training
        centred = self.kernel - keras.ops.mean(self.kernel, axis=0, keepdims=True)
        squares = keras.ops.sum(keras.ops.square(centred), axis=0, keepdims=True)
        outputs = keras.ops.matmul(inputs, centred * keras.ops.rsqrt(squares + _TINY))
        if self.bias is not None:
            outputs = outputs + self.bias
        return self.activation(outputs) if self.activation is not None else outputs


def _band(size: int, sigma: float) -> np.ndarray:
    """(size, size) matrix: row i weighs the pixels around i; a full kernel sums to 1."""
    radius = int(4 * sigma + 0.5)
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    distance = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    kernel = (taps / taps.sum())[radius:]
    return np.where(distance <= radius, kernel[np.minimum(distance, radius)], 0.0)

"""A trained network's weights: packed to be kept, and as the files that sparse weights pack into.

The sizes that are reported are those of these files, and ``bench export --weights`` writes the same ones.
Weights are the kernels alone: no biases, no parameters of a normalisation.

Arrays are of NumPy's own types. What a layer computes in types that NumPy lacks (bfloat16, float8) is kept as
float32, which has each of their numbers exactly.
"""

from __future__ import annotations

import collections
import gzip
import io
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import numpy as np

from bench import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

NOT_FINITE: Final = "weights that are not finite"
"""What a trial's notes say before the paths of such weights; it diverged, whatever its loss says."""
NOT_KERNELS: Final = ("bias", "beta", "gamma", "alpha")
"""Names of arrays that have two dimensions in some layers (attention, GRU, PReLU), and are no kernels."""
Kernels = dict[str, np.ndarray]
"""Layer -> kernel, in the model's order; of a layer with several kernels, the path of each."""
Array = TypeVar("Array")


def plain(array: np.ndarray) -> np.ndarray:
    """The same numbers in a type of NumPy's own."""
    borrowed = array.dtype.isbuiltin == 2  # registered with NumPy by somebody else
    return array.astype(np.float32) if borrowed else array


def not_finite(arrays: Iterable[tuple[str, np.ndarray]]) -> list[str]:
    """Paths of the arrays that hold NaN or infinity."""
    return [path for path, array in arrays if not np.isfinite(array).all()]


def pack(arrays: Iterable[tuple[str, np.ndarray]]) -> bytes:
    """Path and value of arrays as an ``.npz`` file, compressed; no pickle."""
    file, named = io.BytesIO(), dict[str, Any](arrays)
    np.savez_compressed(file, **named)
    return file.getvalue()


def unpack(data: bytes) -> dict[str, np.ndarray]:
    """The inverse of ``pack``.

    Raises:
        Exception: one of ``reading.UNREADABLE``, if ``data`` is not what ``pack`` made.
    """
    found = reading.arrays(io.BytesIO(data), reading.Budget())
    return {path: _numbers(array) for path, array in found.items()}


def _numbers(array: np.ndarray) -> np.ndarray:
    """An array as it was packed; bfloat16, which was once kept without its type, as float32."""
    if array.dtype == "V2":
        return (array.view("<u2").astype("<u4") << 16).view("<f4")
    if array.dtype.kind not in "biuf":
        raise ValueError(f"an array of {array.dtype}, which are no weights")
    return array


def kernels(arrays: Iterable[tuple[str, Array]]) -> dict[str, Array]:
    """The kernels among a network's arrays or variables, in their order: see ``Kernels``."""
    found = {
        path: array
        for path, array in arrays
        if len(cast("Any", array).shape) >= 2 and path.rpartition("/")[2] not in NOT_KERNELS
    }
    of_layer = collections.Counter(path.rpartition("/")[0] for path in found)
    return {
        layer if of_layer[layer := path.rpartition("/")[0]] == 1 else path: array
        for path, array in found.items()
    }


def nonzero(found: Kernels) -> int:
    """How many weights are not 0."""
    return sum(int(np.count_nonzero(array)) for array in found.values())


def pruned(found: Kernels, keep: int) -> Kernels:
    """Global magnitude pruning: all weights but the ``keep`` largest of the network become 0.

    Those as large as the smallest that is kept are kept too.
    """
    size = np.concatenate([np.abs(array).ravel() for array in found.values()])
    least = np.partition(size, size.size - keep)[size.size - keep] if keep else np.inf
    return {
        layer: np.where(np.abs(array) >= least, array, array.dtype.type(0))
        for layer, array in found.items()
    }


def raw(kernel: np.ndarray) -> bytes:
    """Little-endian float32 in the order of the array: what a dense file holds."""
    return kernel.astype("<f4").tobytes()


def as_gzip(kernel: np.ndarray) -> bytes:
    """The raw bytes by gzip, level 9, with no time in it: equal weights, equal bytes."""
    return gzip.compress(raw(kernel), compresslevel=9, mtime=0)


def as_csr(kernel: np.ndarray) -> bytes:
    """Compressed sparse rows (float32, 32-bit indices), as ``scipy.sparse.load_npz`` reads them.

    A kernel of more than two dimensions is a matrix with its last one as columns.
    """
    from scipy import sparse

    matrix = sparse.csr_array(kernel.astype("<f4").reshape(-1, kernel.shape[-1]))
    file = io.BytesIO()
    sparse.save_npz(file, matrix, compressed=False)
    return file.getvalue()


FILES: Final[Mapping[str, Callable[[np.ndarray], bytes]]] = {"csr.npz": as_csr, "f32.gz": as_gzip}
"""Endings of a kernel's files, and what makes their content."""

"""Any data set of arrays in ``keras.datasets``, downloaded and kept by Keras.

Keras fetches files without a lock: read the data set once before several processes ask for it.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.datasets import _arrays, _options
from bench.errors import DatasetError, did_you_mean, shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.plugins import Dataset

ARGUMENTS = ("keras",)
OPTIONS = _options.OPTIONS
NAMES = ("cifar10", "cifar100", "fashion_mnist")  # what a suite may name without ``keras:``


def load(arguments: Mapping[str, Any], folder: Path) -> Dataset:
    """Read ``{keras: NAME}``, from Keras's cache (``$KERAS_HOME`` or ``~/.keras``) or the network.

    ``scale`` and ``targets`` if the suite says them. Bytes are pixels.

    Raises:
        DatasetError: Keras has none of that name, it cannot be fetched or read, or its images are not
            equally shaped arrays (text).
    """
    del folder  # Keras keeps its own
    import keras

    name = arguments["keras"]
    known = [module for module in dir(keras.datasets) if not module.startswith("_")]
    if name not in known:
        raise DatasetError(
            f"Keras {keras.__version__} has no data set {shown(name)}",
            where="dataset keras",
            expected="one of " + ", ".join(known),
            found=shown(name),
            hint=did_you_mean(name, known),
        )
    (x_train, y_train), (x_test, y_test) = _fetch(getattr(keras.datasets, name), name)
    x_train = np.asarray(x_train)
    return _arrays.dataset(
        name,
        (x_train, np.asarray(y_train)),
        (np.asarray(x_test), np.asarray(y_test)),
        origin=f"keras.datasets.{name} of Keras {keras.__version__}",
        where=f"keras.datasets.{name}",
        usual_scale=_arrays.PIXEL if x_train.dtype == np.uint8 else None,
        **_options.of(arguments),
    )


def _fetch(module: Any, name: str) -> Any:
    try:
        with contextlib.redirect_stdout(sys.stderr):  # the progress bar is no output of ours
            return module.load_data()
    except Exception as error:  # Keras raises plain Exception when a download fails
        raise DatasetError(
            "Keras could not fetch or read this data set",
            where=f"keras.datasets.{name}",
            expected="its files in Keras's cache ($KERAS_HOME or ~/.keras), or a network",
            found=" ".join(str(error).split()) or type(error).__name__,
            hint="connect to the network and run again; if a file there is damaged, delete it; "
            "or use mnist or digits, which need no download",
        ) from error

"""TensorFlow and Keras, imported once, quietly, on one thread, and only when something trains.

One thread per worker: trials run side by side, which wastes less than one trial on many threads, and
a single thread adds in one order, so that the same trial gives the same bits.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from bench.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Read by the libraries when they are loaded; a worker process gets them before it starts.
ENVIRONMENT: Final = {
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "CUDA_VISIBLE_DEVICES": "-1",
}
SAFE_PATH: Final = {"PYTHONSAFEPATH": "1"}
"""In the environment of every process that is started: where it starts, there are no modules for it."""


@contextlib.contextmanager
def environment(more: Mapping[str, str]) -> Iterator[None]:
    """While this lasts, the environment holds ``more``, that of processes started then too."""
    before = {name: os.environ.get(name) for name in more}
    os.environ.update(more)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@cache
def tensorflow() -> Any:
    """The tensorflow module, with Keras on top of it.

    Raises:
        BenchError: TensorFlow is broken, or Keras was loaded before with another backend.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with _native_messages_kept(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside the libraries are not ours to show
        import keras
        import tensorflow as tf
        from threadpoolctl import threadpool_limits
    # A BLAS that NumPy loaded before the environment was set has a thread per core. Its threads wait for more
    # by spinning, some 30 ms after each product of a probe, and slow the training that goes on beside them.
    threadpool_limits(1)
    if keras.backend.backend() != "tensorflow":
        raise BenchError(
            "Keras runs on another backend",
            where="KERAS_BACKEND, or ~/.keras/keras.json",
            expected="tensorflow",
            found=keras.backend.backend(),
            hint="set KERAS_BACKEND=tensorflow before Keras is imported",
        )
    tf.get_logger().setLevel("ERROR")  # one program per kind of training looks to it like retracing
    with contextlib.suppress(RuntimeError):  # the user's process has begun to compute already
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    return tf


def use(precision: str) -> None:
    """Make ``float32`` or ``float64`` what Keras computes in: a process trains one network at a time.

    Keras takes its default type when it makes a layer, a loss or an optimizer, when it traces, and when a
    schedule is asked for its rate; so it is set for a whole trial, by whatever builds the trial's network.
    """
    tensorflow()
    import keras

    keras.config.set_floatx(precision)
    keras.config.set_dtype_policy(precision)


@contextlib.contextmanager
def fresh_names() -> Iterator[None]:
    """While this lasts, Keras names things as in a process that has made nothing yet.

    Keras numbers what has no name by class, through the whole life of a thread: a layer inside a wrapper is
    ``dense`` in the first network that has one and ``dense_1`` in the second. Afterwards it counts on.
    """
    tensorflow()
    from keras.src.backend.common import global_state
    from keras.src.utils import naming

    counts = global_state.get_global_attribute("object_name_uids")
    naming.reset_uids()
    try:
        yield
    finally:
        global_state.set_global_attribute("object_name_uids", counts)


@contextlib.contextmanager
def _native_messages_kept() -> Iterator[None]:
    """Keep what native code writes to standard error while loading; show it if loading fails."""
    try:
        error_stream = sys.__stderr__.fileno() if sys.__stderr__ else 2
        saved = os.dup(error_stream)
    except OSError:  # no standard error at all
        yield
        return
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), error_stream)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(saved, kept.read())
            raise
        finally:
            os.dup2(saved, error_stream)
            os.close(saved)

"""Keras on TensorFlow: ``model.fit`` on arrays in memory, as its documentation shows it.

Timed from the beginning to the end of the epoch, as a callback sees them: what ``fit`` does before its
first epoch is left out.
"""

from __future__ import annotations

import os

import task

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras


def prepare(seed: int, **compile_options: object) -> task.Program:
    """A model that ``fit`` trains; ``compile_options`` are passed on."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((task.INPUTS,)),
            keras.layers.Dense(
                task.HIDDEN, activation="relu", kernel_regularizer=keras.regularizers.L2(task.L2)
            ),
            keras.layers.Dense(task.CLASSES),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.SGD(task.RATE),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        **compile_options,
    )
    return _Fit(model)


class _Fit(keras.callbacks.Callback, task.Program):
    def __init__(self, model):
        super().__init__()
        self._trained = model
        self._begin = self._took = task.now()

    def on_epoch_begin(self, epoch, logs=None):
        self._begin = task.now()

    def on_epoch_end(self, epoch, logs=None):
        self._took = task.now() - self._begin

    def epoch(self) -> task.Took:
        x, y = task.arrays()
        self._trained.fit(x, y, batch_size=task.BATCH, verbose=0, callbacks=[self])
        return self._took

    def weights(self) -> task.Weights:
        return self._trained.get_weights()

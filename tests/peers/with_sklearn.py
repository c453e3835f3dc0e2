"""scikit-learn: ``MLPClassifier``, one pass of ``partial_fit`` per epoch.

Two things differ, and neither can be chosen: ``alpha`` penalises the output kernel too, and biases start at
random. ``alpha / 2 / batch * sum(w²)`` is its penalty, so 2 * 0.01 * 100 is ours. Momentum is off.
``partial_fit`` checks its input each time; the costly check, for infinities, is switched off.
"""

from __future__ import annotations

import numpy as np
import sklearn
import task
from sklearn.neural_network import MLPClassifier


def prepare(seed: int) -> task.Program:
    """A classifier that has not begun."""
    sklearn.set_config(assume_finite=True)
    return _PartialFit(
        MLPClassifier(
            (task.HIDDEN,),
            solver="sgd",
            learning_rate_init=task.RATE,
            momentum=0,
            nesterovs_momentum=False,
            batch_size=task.BATCH,
            alpha=2 * task.L2 * task.BATCH,
            random_state=seed,
        )
    )


class _PartialFit(task.Program):
    penalises_both = True

    def __init__(self, classifier):
        self._classifier = classifier
        self._first = {"classes": np.arange(task.CLASSES)}

    def epoch(self) -> task.Took:
        x, y = task.arrays()
        begin = task.now()
        self._classifier.partial_fit(x, y, **self._first)
        self._first = {}
        return task.now() - begin

    def weights(self) -> task.Weights:
        kernels, biases = self._classifier.coefs_, self._classifier.intercepts_
        return [kernels[0], biases[0], kernels[1], biases[1]]

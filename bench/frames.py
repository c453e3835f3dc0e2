"""The frames of a run in one place: every column's type, unit and meaning, and every metric's direction.

The store makes its tables from this page, ``docs/frames.md`` is generated from it, and other tools may
rely on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Column:
    """One column of a frame. ``dtype`` is ``str``, ``int``, ``float`` or ``bool``."""

    name: str
    dtype: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class Metric:
    """One number per trial that variants are compared by.

    Attributes:
        higher_is_better: its direction; None where neither is good in itself.
        worst: what a diverged trial gets, since it is a result and never left out.
        ratio: compared as a ratio of geometric means (times), not as a difference.
        percent: shown as percent, its differences as percentage points.
    """

    name: str
    label: str
    unit: str
    higher_is_better: bool | None
    worst: float
    meaning: str
    ratio: bool = False
    percent: bool = False


KEYS: Final = (
    Column("trial_id", "str", "", "content address: the hash of all that can change the result"),
    Column("question", "str", "", "the question; a trial that two share has a row in each"),
    Column("variant", "str", "", "the variant's name in that question"),
    Column("seed", "int", "", "the replicate: initialisation, data order, dropout and split"),
)

TRIALS: Final = (
    *KEYS,
    Column("questions", "str", "", "all questions that share this trial, separated by spaces"),
    Column("suite", "str", "", "name of the suite"),
    Column("status", "str", "", "completed, diverged (a non-finite loss) or failed (an error)"),
    Column("diverged_epoch", "int", "epochs", "epoch whose evaluation was not finite"),
    Column("epochs", "int", "epochs", "last epoch evaluated"),
    Column("updates", "int", "updates", "updates of the weights until then"),
    Column("train_objective", "float", "nats", "final training objective, regularisation included"),
    Column("train_loss", "float", "nats", "final training loss, without regularisation"),
    Column("train_accuracy", "float", "share", "final training accuracy, 0 to 1"),
    Column("test_loss", "float", "nats", "final test loss, without regularisation"),
    Column("test_accuracy", "float", "share", "final test accuracy, 0 to 1"),
    Column("train_time_s", "float", "s", "time spent in training alone"),
    Column("epoch_time_s", "float", "s", "median time of an epoch, the first left out"),
    Column("prepare_time_s", "float", "s", "building, tracing, compiling, loading data"),
    Column("evaluate_time_s", "float", "s", "evaluations, outside the training time"),
    Column("wall_time_s", "float", "s", "the whole trial on its worker"),
    Column("concurrent", "bool", "", "other trials ran on this machine at the same time"),
    Column("parameters", "int", "weights", "trainable parameters of the network"),
    Column("settings", "str", "JSON", "all that was set for this trial"),
    Column("dataset_checksum", "str", "", "SHA-256 of the data's content"),
    Column("notes", "str", "", "what the engine had to say, such as a fallback"),
    Column("error", "str", "", "traceback of a failed trial"),
    Column("started_at", "str", "UTC", "when the trial began"),
    Column("machine", "str", "JSON", "host, processor, cores, threads"),
    Column("versions", "str", "JSON", "versions of Python and of the libraries"),
)

CURVES: Final = (
    *KEYS,
    Column("status", "str", "", "status of the trial"),
    Column("epoch", "float", "epochs", "passes over the training images; 0 is before training"),
    Column("updates", "int", "updates", "updates of the weights so far"),
    Column("train_time_s", "float", "s", "training time so far, evaluation excluded"),
    Column("learning_rate", "float", "", "the optimizer's rate at this update"),
    Column("train_objective", "float", "nats", "loss with regularisation, all training images"),
    Column("train_loss", "float", "nats", "loss without regularisation, all training images"),
    Column("train_accuracy", "float", "share", "accuracy on all training images, 0 to 1"),
    Column("test_loss", "float", "nats", "loss without regularisation, test images"),
    Column("test_accuracy", "float", "share", "accuracy on the test images, 0 to 1"),
    Column("validation_loss", "float", "nats", "loss on the held-out images, if any"),
    Column("validation_accuracy", "float", "share", "accuracy on the held-out images, if any"),
)

PROBES: Final = (
    *KEYS,
    Column("epoch", "float", "epochs", "when it was measured"),
    Column("probe", "str", "", "the probe"),
    Column("layer", "str", "", "the layer; empty for the whole network"),
    Column("measure", "str", "", "what was measured"),
    Column("value", "float", "see the probe", "the number"),
)

FRAMES: Final = {"trials": TRIALS, "curves": CURVES, "probes": PROBES}

METRICS: Final = {
    metric.name: metric
    for metric in (
        Metric("test_accuracy", "test accuracy", "share", True, 0.0, "final value", percent=True),
        Metric(
            "train_accuracy", "training accuracy", "share", True, 0.0, "final value", percent=True
        ),
        Metric(
            "validation_accuracy", "validation accuracy", "share", True, 0.0, "final", percent=True
        ),
        Metric("test_loss", "test loss", "nats", False, float("inf"), "final value"),
        Metric("train_loss", "training loss", "nats", False, float("inf"), "final value"),
        Metric("validation_loss", "validation loss", "nats", False, float("inf"), "final value"),
        Metric("train_objective", "training objective", "nats", False, float("inf"), "final value"),
        Metric(
            "generalisation_gap",
            "generalisation gap",
            "share",
            None,
            float("nan"),
            "final training accuracy minus final test accuracy",
            percent=True,
        ),
        Metric(
            "epochs_to_target",
            "epochs to target",
            "epochs",
            False,
            float("inf"),
            "first evaluation at which the target is met; a seed that never meets it counts the"
            " whole budget (restricted mean)",
        ),
        Metric(
            "epoch_time_s",
            "time per epoch",
            "s",
            False,
            float("inf"),
            "median over a trial's epochs, the first left out",
            ratio=True,
        ),
        Metric(
            "train_time_s",
            "training time",
            "s",
            False,
            float("inf"),
            "training alone, all epochs",
            ratio=True,
        ),
    )
}

"""The frames of a run in one place: every column's type, unit, meaning; every metric's direction.

The store makes its tables from this page, and other tools may rely on it. ``docs/frames.md`` is
generated from it; to write that anew after a change here:

    python -c "from bench import frames; print(frames.markdown(), end='')" > docs/frames.md
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd


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
        ratio: compared as a ratio of geometric means (times), not as a difference.
        percent: shown as percent, its differences as percentage points.
    """

    name: str
    label: str
    unit: str
    higher_is_better: bool | None
    meaning: str
    ratio: bool = False
    percent: bool = False

    @property
    def worst(self) -> float:
        """What a diverged trial gets: a result that is worse than any number. NaN without a direction."""
        if self.higher_is_better is None:
            return math.nan
        return -math.inf if self.higher_is_better else math.inf

    @property
    def bounds(self) -> tuple[float, float]:
        """Between which numbers its values lie."""
        if not self.percent and self.unit != "share":
            return -math.inf, math.inf
        return (-1.0 if self.percent and self.higher_is_better is None else 0.0), 1.0

    @property
    def timed(self) -> bool:
        """Whether a clock measured it, so that what else ran on the machine matters."""
        return self.unit == "s"


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
    Column(
        "status",
        "str",
        "",
        "completed, diverged (a loss or weight not finite) or failed (an error)",
    ),
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
    Column(
        "code",
        "str",
        "JSON",
        "SHA-256 of own modules that the settings name, versions of packages; missing for none",
    ),
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
    Column("probe", "str", "", "the probe, or an engine that measures itself"),
    Column("layer", "str", "", "the layer, or the worker; empty for the whole"),
    Column("measure", "str", "", "what was measured; cost_s: the time it took, in s"),
    Column("value", "float", "see the probe", "the number"),
)

TIMINGS: Final = (
    Column(
        "question", "str", "", "the question; ways of training that two share have rows in each"
    ),
    Column("variant", "str", "", "the variant's name in that question"),
    Column("round", "int", "", "from 1: an epoch of every variant, in random order"),
    Column("seconds", "float", "s", "an epoch alone on the machine, on one thread"),
    Column("processor_s", "float", "s", "of it, the processor's: less, and something else had it"),
    Column(
        "started_at", "str", "UTC", "when the measurement began; pairs variants, with the round"
    ),
    Column("machine", "str", "JSON", "host, processor, cores, threads"),
    Column("versions", "str", "JSON", "versions of Python and of the libraries"),
)

FRAMES: Final = {"trials": TRIALS, "curves": CURVES, "probes": PROBES, "timings": TIMINGS}

_MISSED: Final = (
    Column("missed", "int", "seeds", "seeds that never met the target, and count the budget"),
    Column("missed_other", "int", "seeds", "those of the variant it is compared with"),
)

_POWER: Final = (
    Column(
        "detectable",
        "float",
        "as difference",
        "smallest difference that one of these tests finds, 80 % power",
    ),
    Column(
        "seeds_needed",
        "int",
        "seeds",
        "seeds with which it finds one as large as was seen; at most 10^9",
    ),
)

_DIVERGED: Final = (
    Column("diverged", "int", "seeds", "seeds that diverged: worse than any value"),
    Column("diverged_other", "int", "seeds", "those of the variant it is compared with"),
)

_FAMILY: Final = (
    Column("family", "str", "", "what it is judged with: primary, or what a family compares"),
    Column("tests", "int", "tests", "how many there are in the family, this one included"),
    Column("alpha", "float", "", "what an adjusted p is held against; less than .05 at a look"),
    Column("level", "float", "", "what its own p is held against; 1 - level is its interval's"),
)

_OPEN: Final = (
    Column("reason", "str", "", "why it cannot be told; missing where it can"),
    Column("remedy", "str", "", "what would settle it"),
    Column("seeds_to_settle", "int", "seeds", "as many as the remedy names; at most 10^9"),
)

_DIFFERENCE: Final = (
    Column("difference", "float", "the metric's", "variant minus the other (times: their ratio)"),
    Column("ci_low", "float", "as difference", "lower end of its interval, at its family's level"),
    Column("ci_high", "float", "as difference", "upper end"),
)

_TEST: Final = (
    Column("test", "str", "", "the test of the difference"),
    Column("p_value", "float", "", "two-sided p of that test, by itself"),
    Column("p_adjusted", "float", "", "for its family, to be held against alpha"),
    Column("p_sign_flip", "float", "", "two-sided p of the exact sign-flip test, not adjusted"),
    Column(
        "effect_size", "float", "", "d_z: mean over SD of the paired differences (times: of logs)"
    ),
)

COMPARISONS: Final = (
    Column("question", "str", "", "the question"),
    Column("variant", "str", "", "the variant that is compared"),
    Column("baseline", "str", "", "the variant it is compared with, not always *the* baseline"),
    Column("metric", "str", "", "the metric"),
    Column("primary", "bool", "", "whether this metric decides the question"),
    Column("scale", "str", "", "difference of means, or ratio of geometric means (times)"),
    Column("n", "int", "seeds", "seeds of the variant that have a value"),
    Column("n_baseline", "int", "seeds", "seeds of the baseline that have a value"),
    Column("mean", "float", "the metric's", "mean of the variant over seeds (times: geometric)"),
    Column("mean_baseline", "float", "the metric's", "mean of the baseline"),
    *_DIFFERENCE,
    *_TEST,
    *_FAMILY,
    Column("wins", "int", "seeds", "seeds in which the variant is better"),
    Column("losses", "int", "seeds", "seeds in which the baseline is better"),
    *_DIVERGED,
    *_MISSED,
    Column("correlation", "float", "", "of the two over the seeds that they share"),
    Column(
        "anytime_e", "float", "", "anytime sign test: 20 or more counts, however often one looked"
    ),
    Column(
        "probability_of_superiority",
        "float",
        "",
        "P(a run of the variant beats one of the other)",
    ),
    Column("margin", "float", "as difference", "differences below this do not matter, as declared"),
    Column("p_equivalence", "float", "", "two one-sided tests: the margin is exceeded"),
    Column("p_equivalence_adjusted", "float", "", "adjusted like the test of the difference"),
    *_POWER,
    Column(
        "verdict",
        "str",
        "",
        "better, worse, no practical difference, cannot tell; missing where no direction is good",
    ),
    *_OPEN,
    Column("cautions", "str", "", "what to keep in mind, in sentences"),
)

CLAIMS: Final = (
    Column("question", "str", "", "the question"),
    Column("claim", "int", "", "position among the question's claims, from 1"),
    Column("says", "str", "", "the conclusion, in words"),
    Column("metric", "str", "", "the metric that decides it"),
    Column("variant", "str", "", "the variant it speaks of"),
    Column("against", "str", "", "the variant it is compared with, if any"),
    Column("value", "float", "the metric's", "the number it is compared with, if any"),
    Column(
        "is",
        "str",
        "",
        "what is claimed: [not] better or worse, higher, lower, no practical difference",
    ),
    Column(
        "margin", "float", "the metric's", "differences below this do not matter (times: a ratio)"
    ),
    Column("n", "int", "seeds", "seeds with a value"),
    Column("n_against", "int", "seeds", "seeds with a value of the variant it is compared with"),
    Column("mean", "float", "the metric's", "mean of the variant over seeds (times: geometric)"),
    Column(
        "mean_low", "float", "the metric's", "lower end of its interval, see below if of a number"
    ),
    Column("mean_high", "float", "the metric's", "upper end"),
    *_DIFFERENCE,
    Column(
        "reported",
        "float",
        "the metric's",
        "what the source printed: the difference (times: the ratio), or the number if it is one",
    ),
    Column("wins", "int", "seeds", "seeds in which the variant is better, or larger"),
    Column("losses", "int", "seeds", "seeds in which the other is"),
    *_DIVERGED,
    *_MISSED,
    *_POWER,
    *_FAMILY,
    Column("p_support", "float", "", "p of the test that would support the claim"),
    Column("p_support_adjusted", "float", "", "for the family of the page's primary tests"),
    Column("p_refute", "float", "", "p of the test that would refute the claim"),
    Column("p_refute_adjusted", "float", "", "adjusted likewise"),
    Column("verdict", "str", "", "holds, does not hold or cannot tell"),
    *_OPEN,
    Column("evidence", "str", "", "the finding behind the verdict, in a sentence"),
)

REPORTED: Final = (
    Column("question", "str", "", "the question"),
    Column("variant", "str", "", "the variant"),
    Column("metric", "str", "", "the metric"),
    Column("reported", "float", "the metric's", "what the source printed"),
    Column("n", "int", "seeds", "seeds with a value"),
    Column("mean", "float", "the metric's", "mean over seeds (times: geometric)"),
    Column("mean_low", "float", "the metric's", "lower end of its 95 % t interval"),
    Column("mean_high", "float", "the metric's", "upper end"),
    Column("lowest", "float", "the metric's", "of the seeds"),
    Column("highest", "float", "the metric's", "of the seeds"),
    Column("inside", "bool", "", "whether what was printed lies between these two"),
)

FACTORS: Final = (
    Column("question", "str", "", "the question"),
    Column("metric", "str", "", "the metric that decides it"),
    Column("effect", "str", "", "main effect, or interaction"),
    Column("factors", "str", "", "the settings of the matrix that it is of, joined by x"),
    Column("change", "str", "", "of each the levels that are compared, from -> to"),
    Column("n", "int", "seeds", "seeds that have a result in every cell"),
    Column(
        "difference",
        "float",
        "the metric's",
        "main: over all levels of the others; interaction: of the differences (times: ratios)",
    ),
    *_DIFFERENCE[1:],
    *_TEST,
    *_FAMILY,
    *_DIVERGED,
    Column("verdict", "str", "", "of a main effect; missing for an interaction"),
    *_OPEN,
)

TARGETS: Final = (
    Column("question", "str", "", "the question"),
    Column("variant", "str", "", "the variant"),
    Column("metric", "str", "", "the metric that is to reach the target"),
    Column("value", "float", "the metric's", "the target"),
    Column(
        "budget",
        "float",
        "epochs",
        "up to when means go: what every run had; if they differ, the shortest end of one that missed",
    ),
    Column("first_end", "float", "epochs", "when the first of the variant's runs ended"),
    Column("last_end", "float", "epochs", "when the last of them ended"),
    Column("n", "int", "seeds", "seeds with a result, diverged ones included"),
    Column("reached", "int", "seeds", "those that met the target, whatever became of them then"),
    Column("diverged", "int", "seeds", "those whose loss stopped being finite"),
    Column("stopped", "int", "seeds", "that ended, without the target, before the longest run did"),
    Column("share_reached", "float", "share", "reached / n; where some stopped, Kaplan-Meier"),
    Column("epochs", "float", "epochs", "restricted mean: until the target, at most the budget"),
    Column("epochs_low", "float", "epochs", "lower end of its 95 % t interval over seeds"),
    Column("epochs_high", "float", "epochs", "upper end"),
    Column("running_epochs", "float", "epochs", "spent until the target or the end / reached"),
    Column("updates", "float", "updates", "restricted mean of the updates"),
    Column("updates_low", "float", "updates", "lower end of its interval"),
    Column("updates_high", "float", "updates", "upper end"),
    Column("running_updates", "float", "updates", "total spent / reached"),
    Column("seconds", "float", "s", "restricted mean of the training time"),
    Column("seconds_low", "float", "s", "lower end of its interval"),
    Column("seconds_high", "float", "s", "upper end"),
    Column("running_seconds", "float", "s", "total spent / reached"),
    Column(
        "median_epochs", "float", "epochs", "half have met it by then (Kaplan-Meier), or infinite"
    ),
    Column("mean_curve_epochs", "float", "epochs", "where the seeds' mean curve meets the target"),
    Column("baseline", "str", "", "the variant it is compared with; missing for the baseline"),
    Column(
        "difference",
        "float",
        "epochs",
        "of the restricted means; missing where one side never arrives",
    ),
    Column("ci_low", "float", "epochs", "lower end of its 95 % t interval"),
    Column("ci_high", "float", "epochs", "upper end"),
    Column("test", "str", "", "of the means; McNemar, Fisher or log-rank where these cannot tell"),
    Column("p_value", "float", "", "two-sided p of that test"),
    Column("p_adjusted", "float", "", "for its family, to be held against .05"),
    Column("only_variant", "int", "seeds", "shared seeds in which the variant alone reached"),
    Column("only_baseline", "int", "seeds", "shared seeds in which the baseline alone reached"),
    Column("share_test", "str", "", "exact: McNemar over shared seeds; of two groups Fisher"),
    Column("p_share", "float", "", "of the shares that reached while both were watched"),
    Column("p_share_adjusted", "float", "", "for its family, to be held against .05"),
    Column(
        "p_logrank", "float", "", "exact log-rank test by itself; missing if no run was cut short"
    ),
    Column("verdict", "str", "", "of that test: better, worse or cannot tell"),
)

RATES: Final = (
    Column("question", "str", "", "the question"),
    Column("variant", "str", "", "the variant"),
    Column("metric", "str", "", "what converges: the training objective; imported: the first loss"),
    Column("n", "int", "seeds", "seeds whose curves were fitted"),
    Column(
        "family",
        "str",
        "",
        "geometric, power, hyperbolic, stretched, two-rate, or: cannot be determined",
    ),
    Column("best_family", "str", "", "the family that fits most seeds best, named or not"),
    Column("wins", "int", "seeds", "seeds in which that family has the best AICc"),
    Column("fit_p", "float", "", "p that what this family leaves over is noise, over the seeds"),
    Column("departure", "float", "share", "of the mean curve from it: root mean square"),
    Column("rate", "float", "1 / epoch", "of that family, over seeds; of a power its exponent"),
    Column("rate_low", "float", "1 / epoch", "lower end of its 95 % t interval, of logarithms"),
    Column("rate_high", "float", "1 / epoch", "upper end"),
    Column("rate_per_update", "float", "1 / update", "the rate by update; no power has one"),
    Column("optimum", "float", "the metric's", "f*, where the probe `optimum` found it"),
    Column("floor", "float", "the metric's", "what that family falls to, above f* if known"),
    Column("floor_kind", "str", "", "known, fitted, indistinguishable from 0, none"),
    Column(
        "halving_epochs",
        "float",
        "epochs",
        "until half of the excess is gone, where the fit begins",
    ),
    Column("local_slope", "float", "", "log objective against log epoch, over the last third"),
    Column(
        "tail_factor",
        "float",
        "",
        "what an update leaves of f - f*, over the last third: its slope",
    ),
    Column("tail_low", "float", "", "lower end of its 95 % t interval over seeds"),
    Column("tail_high", "float", "", "upper end"),
    Column("theory", "str", "", "what theory predicts; none for a network's loss"),
    Column("theory_source", "str", "", "who proved it"),
    Column("predicted_factor", "float", "", "what theory says an update leaves of f - f*"),
    Column("predicted_exponent", "float", "", "of a power law, as a lower bound"),
    Column("baseline", "str", "", "the variant it is compared with; missing for the baseline"),
    Column("ratio", "float", "", "rate over the baseline's, where both have the same family"),
    Column("ci_low", "float", "", "lower end of its 95 % interval, paired by seed"),
    Column("ci_high", "float", "", "upper end"),
    Column("p_value", "float", "", "two-sided p of the paired t test of the log rates"),
    Column("p_adjusted", "float", "", "for its family, to be held against .05"),
    Column("reasons", "str", "", "why no family could be named, in sentences"),
)

FAMILIES: Final = (
    Column("family", "str", "", "primary, or what it compares"),
    Column("controls", "str", "", "any wrong verdict, or the share of wrong ones"),
    Column("tests", "int", "tests", "distinct tests in it"),
    Column("found", "int", "tests", "of them find a difference"),
    Column("alpha", "float", "", "what an adjusted p is held against; less than .05 at a look"),
    Column("level", "float", "", "what a single p is held against"),
)

SPEEDS: Final = (
    Column("question", "str", "", "the question"),
    Column("variant", "str", "", "the variant"),
    Column("rounds", "int", "rounds", "epochs that were timed alone on the machine"),
    Column("seconds", "float", "s", "geometric mean of an epoch over rounds"),
    Column("seconds_low", "float", "s", "lower end of its 95 % t interval, of logarithms"),
    Column("seconds_high", "float", "s", "upper end"),
    Column("shortest", "float", "s", "the shortest epoch"),
    Column("p95", "float", "s", "95th percentile of the epochs"),
    Column("busy", "float", "share", "processor's seconds / seconds; below 1 it was shared"),
    Column("baseline", "str", "", "the variant it is compared with; missing for the baseline"),
    Column("ratio", "float", "", "of the geometric means, variant over baseline"),
    Column("ci_low", "float", "", "lower end of its 95 % t interval, paired by round"),
    Column("ci_high", "float", "", "upper end"),
    Column("p_value", "float", "", "two-sided p of the paired t test of the logarithms"),
    Column("p_adjusted", "float", "", "for its family, to be held against .05"),
    Column("verdict", "str", "", "better (faster), worse or cannot tell, on this machine"),
    Column(
        "to_target_s", "float", "s", "epochs to target x seconds; missing if no seed reached it"
    ),
    Column("to_target_low", "float", "s", "lower end of its 95 % interval: of seeds and rounds"),
    Column("to_target_high", "float", "s", "upper end"),
)

SENSITIVITIES: Final = (
    Column("question", "str", "", "the question"),
    Column(
        "method", "str", "", "variants that differ in the learning rate alone, by their optimizer"
    ),
    Column(
        "optimizer", "str", "", "its class; only methods of one, with the same rates, are compared"
    ),
    Column("rate", "float", "", "the learning rate"),
    Column("variant", "str", "", "the method at this rate"),
    Column("n", "int", "seeds", "seeds with a result"),
    Column("diverged", "int", "seeds", "seeds that diverged; there is no mean then"),
    Column("mean", "float", "the metric's", "mean over seeds of the primary metric's final value"),
    Column("low", "float", "the metric's", "lower end of its 95 % t interval"),
    Column("high", "float", "the metric's", "upper end"),
    Column(
        "best", "bool", "", "whether this rate has the method's best mean: optimistic, not tested"
    ),
    Column(
        "near_best",
        "str",
        "",
        "whether it is shown to be within the margin of the best rate, or beyond it; else cannot tell",
    ),
    Column("margin", "float", "the metric's", "as declared; of shares without one .01"),
    Column(
        "tolerated_low",
        "float",
        "",
        "lowest of the method's rates, next to each other and to the best, with means within the margin",
    ),
    Column("tolerated_high", "float", "", "the highest of them"),
    Column("counts", "bool", "", "whether this rate is part of what is lost elsewhere"),
    Column("seeds", "int", "seeds", "seeds with a result at all rates that count"),
    Column(
        "lost",
        "float",
        "the metric's",
        "best rate minus worst, each chosen on the other seeds, mean of seeds; inf: it diverged at some rate",
    ),
    Column(
        "lost_elsewhere", "float", "the metric's", "the same over the rates without a diverged seed"
    ),
    Column("lost_low", "float", "the metric's", "lower end of its 95 % interval"),
    Column("lost_high", "float", "the metric's", "upper end"),
    Column("baseline", "str", "", "the method it is compared with; missing for that itself"),
    Column("difference", "float", "the metric's", "of what is lost, minus the baseline's"),
    Column("ci_low", "float", "the metric's", "lower end of its interval, paired by seed"),
    Column("ci_high", "float", "the metric's", "upper end"),
    Column(
        "p_value", "float", "", "two-sided p; of signed ranks where they diverge differently often"
    ),
    Column("p_adjusted", "float", "", "for its family, to be held against .05"),
    Column("verdict", "str", "", "better (loses less), worse or cannot tell"),
)

DATASETS: Final = (
    Column("variant", "str", "", "the variant that is compared"),
    Column("baseline", "str", "", "the variant it is compared with"),
    Column("n", "int", "data sets", "data sets on which both have a mean over seeds"),
    Column("better", "int", "data sets", "those on which the variant's mean is better"),
    Column("worse", "int", "data sets", "those on which the baseline's mean is better"),
    Column("median_difference", "float", "the metric's", "of the means, variant minus baseline"),
    Column("test", "str", "", "Wilcoxon's signed ranks, exact; missing below 8 data sets"),
    Column("p_value", "float", "", "two-sided p of that test"),
    Column("p_adjusted", "float", "", "for its family, to be held against .05"),
    Column("verdict", "str", "", "over data sets: better, worse or cannot tell"),
)

EXAMPLES: Final = (
    Column("question", "str", "", "the question"),
    Column("variant", "str", "", "the variant that is compared"),
    Column("baseline", "str", "", "the variant it is compared with"),
    Column("n_seeds", "int", "seeds", "seeds of which both have predictions"),
    Column("n_examples", "int", "images", "test images"),
    Column("difference", "float", "share", "accuracy of the variant minus that of the baseline"),
    Column("seeds_low", "float", "share", "95 % interval for other seeds on this test set"),
    Column("seeds_high", "float", "share", "its upper end"),
    Column("both_low", "float", "share", "95 % interval for other seeds and another test set"),
    Column("both_high", "float", "share", "its upper end"),
    Column("example_share", "float", "share", "of that variance: due to the choice of images"),
    Column("mcnemar_seed", "int", "", "the first common seed, for one pair of networks alone"),
    Column("only_variant", "int", "images", "right for the variant only, at that seed"),
    Column("only_baseline", "int", "images", "right for the baseline only, at that seed"),
    Column("p_mcnemar", "float", "", "exact two-sided McNemar: about these two networks only"),
)

CLASSES: Final = (
    Column("question", "str", "", "the question"),
    Column("variant", "str", "", "the variant"),
    Column("class", "int", "", "the true class"),
    Column("images", "int", "images", "test images of this class"),
    Column("n", "int", "seeds", "seeds with predictions"),
    Column("accuracy", "float", "share", "mean over seeds of the accuracy on this class"),
    Column("ci_low", "float", "share", "95 % t interval over seeds"),
    Column("ci_high", "float", "share", "its upper end"),
)

CONFUSIONS: Final = (
    Column("question", "str", "", "the question"),
    Column("variant", "str", "", "the variant"),
    Column("class", "int", "", "the true class"),
    Column("predicted", "int", "", "the class that the network says"),
    Column("n", "int", "seeds", "seeds with predictions"),
    Column("share", "float", "share", "of the images of the true class, mean over seeds"),
)

HARD_EXAMPLES: Final = (
    Column("question", "str", "", "the question"),
    Column("example", "int", "", "position of the image in the test set, from 0"),
    Column("label", "int", "", "its true class"),
    Column("networks", "int", "networks", "trained networks of the question, all variants"),
    Column("wrong", "float", "share", "of them that classify it wrongly"),
    Column("mostly_taken_for", "int", "", "the wrong class they give most often"),
)

EASY_EXAMPLES: Final = tuple(c for c in HARD_EXAMPLES if c.name != "mostly_taken_for")

FINDINGS: Final = {
    "comparisons": COMPARISONS,
    "claims": CLAIMS,
    "families": FAMILIES,
    "reported": REPORTED,
    "factors": FACTORS,
    "targets": TARGETS,
    "rates": RATES,
    "speeds": SPEEDS,
    "sensitivities": SENSITIVITIES,
    "datasets": DATASETS,
    "examples": EXAMPLES,
    "classes": CLASSES,
    "confusions": CONFUSIONS,
    "hard_examples": HARD_EXAMPLES,
    "easy_examples": EASY_EXAMPLES,
}
"""The frames that an analysis adds to those of the results."""

DTYPES: Final = {"str": "string", "int": "Int64", "float": "float64", "bool": "boolean"}
"""What pandas calls the types of columns."""


def typed(rows: Sequence[Mapping[str, object]], columns: Sequence[Column]) -> pd.DataFrame:
    """Rows as a frame with these columns in this order."""
    import pandas as pd

    frame = pd.DataFrame(list(rows), columns=[c.name for c in columns], dtype=object)
    return frame.astype({c.name: DTYPES[c.dtype] for c in columns})


METRICS: Final = {
    metric.name: metric
    for metric in (
        Metric("test_accuracy", "test accuracy", "share", True, "final value", percent=True),
        Metric(
            "train_accuracy",
            "training accuracy",
            "share",
            True,
            "final value",
            percent=True,
        ),
        Metric(
            "validation_accuracy",
            "validation accuracy",
            "share",
            True,
            "final",
            percent=True,
        ),
        Metric("test_loss", "test loss", "nats", False, "final value"),
        Metric("train_loss", "training loss", "nats", False, "final value"),
        Metric("validation_loss", "validation loss", "nats", False, "final value"),
        Metric("train_objective", "training objective", "nats", False, "final value"),
        Metric(
            "generalisation_gap",
            "generalisation gap",
            "share",
            None,
            "final training accuracy minus final test accuracy",
            percent=True,
        ),
        Metric(
            "area_under_curve",
            "mean over training",
            "as primary",
            True,
            "area under the curve of the primary metric / epochs, in its direction",
            percent=True,
        ),
        Metric(
            "selected",
            "selected",
            "as primary",
            True,
            "test metric at the first epoch that is best on the held-out images, if any are",
            percent=True,
        ),
        Metric(
            "epochs_to_target",
            "epochs to target",
            "epochs",
            False,
            "until the first evaluation that meets the target; a seed that never does counts the"
            " whole budget (restricted mean), a shorter one where runs were stopped",
        ),
        Metric(
            "updates_to_target",
            "updates to target",
            "updates",
            False,
            "likewise",
        ),
        Metric(
            "seconds_to_target",
            "training time to target",
            "s",
            False,
            "likewise",
        ),
        Metric(
            "epoch_time_s",
            "time per epoch",
            "s",
            False,
            "median over a trial's epochs, the first left out",
            ratio=True,
        ),
        Metric(
            "train_time_s",
            "training time",
            "s",
            False,
            "training alone, all epochs",
            ratio=True,
        ),
    )
}

CURVE_METRICS: Final = tuple(n for n in METRICS if n.endswith(("accuracy", "loss", "objective")))
"""Those that every evaluation has, so that a curve can be drawn and a target be reached."""

TAKEN: Final = frozenset([*METRICS, *(c.name for c in (*TRIALS, *CURVES)), "not_reached"])
"""Names that no metric of a suite's own can have."""

_MEASURES: Final = {
    "cost_s": ("time of the last measurement", "s"),
    "computing_s": ("time of computing", "s"),
    "communicating_s": ("time of communicating", "s"),
    "waiting_s": ("time of waiting", "s"),
    "bytes_per_update": ("bytes sent per update", "bytes"),
    "mean_staleness": ("mean staleness", "updates"),
    "mean_abs": ("mean |w|", ""),
    "below_1e-7": ("share of |w| < 1e-7", "share"),
    "exact_zeros": ("share of exact zeros", "share"),
    "weights": ("number of weights", "weights"),
    "nonzero": ("weights that are not 0", "weights"),
    "below_1e-8_rms": ("share of |w| < 1e-8 rms", "share"),
    "below_1e-4_rms": ("share of |w| < 1e-4 rms", "share"),
    "below_1e-3_rms": ("share of |w| < 1e-3 rms", "share"),
    "bytes": ("size of the weights", "bytes"),
    "csr_bytes": ("size as sparse rows", "bytes"),
    "hoyer": ("Hoyer sparseness", ""),
    "gini": ("Gini index of |w|", ""),
    "gzip_bytes": ("size of the weights, gzipped", "bytes"),
    "prunable": ("share that can be pruned", "share"),
    "pruned_accuracy": ("test accuracy, pruned", "share"),
    "pruned_nonzero": ("weights left when pruned", "weights"),
    "pruned_csr_bytes": ("size when pruned, as sparse rows", "bytes"),
    "pruned_gzip_bytes": ("size when pruned, gzipped", "bytes"),
    "parameters": ("parameters", "parameters"),
    "multiply_adds": ("multiply-adds per image", ""),
}


_SMOOTH: Final = {
    "landscape//loss_variation": "loss variation",
    "landscape//relative_loss_variation": "loss variation / loss",
    "landscape//gradient_predictiveness": "gradient predictiveness",
    "landscape//relative_gradient_predictiveness": "gradient predictiveness / gradient",
    "landscape//effective_beta": "effective β",
    "curvature//lambda_max": "λ max of the Hessian",
}

SMOOTHNESS: Final = {
    **_SMOOTH,
    **{
        f"{name}_common": f"{label} (common rate)"
        for name, label in _SMOOTH.items()
        if name.startswith("landscape")
    },
}
"""Measures of the landscape, lower is smoother: of a trial, the median over training of the logarithm."""


def probe_metric(name: str) -> Metric:
    """The metric ``probe/layer/measure``; those of ``SMOOTHNESS`` have a direction, others none."""
    if name in SMOOTHNESS:
        about = "median over the training, compared as logarithms; lower is smoother"
        return Metric(name, SMOOTHNESS[name], "", False, about, ratio=True)
    probe, layer, measure = of_probe(name)
    words, unit = _MEASURES.get(measure, (measure.replace("_", " "), ""))
    place = f" of {layer}" if layer else ""
    return Metric(name, f"{words}{place}", unit, None, f"measured by the probe {probe}")


def of_probe(name: str) -> tuple[str, str, str]:
    """Probe, layer ("" for the whole network) and measure of ``probe/layer/measure``.

    A layer inside another is named by its path, ``bidirectional_1/forward_lstm``.
    """
    probe, _, rest = name.partition("/")
    layer, _, measure = rest.rpartition("/")
    return probe, layer, measure


_SIGNS: Final = (
    "-=+@\uff0d\uff1d\uff0b\uff20\ufe63\ufe66\ufe62\ufe6b"  # wide and small ones count too
)
_SKIPPED: Final = r"[\s\"'\0-\x1f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]"
# The sign may be missing, so that a long run of blanks is looked at once.
_FORMULA: Final = re.compile(rf"((?:^|[;\t\r\n]){_SKIPPED}*)([{_SIGNS}])?")


def without_formula(text: str) -> str:
    """A text as a cell of a table that no spreadsheet takes for a formula (OWASP): an apostrophe is before one.

    Also behind a semicolon, a tab or the end of a line, where a reader of other separators begins a cell.
    """
    plain = _FORMULA.sub(lambda found: f"{found[1]}'{found[2]}" if found[2] else found[0], text)
    return f"'{plain}" if plain.startswith(("\t", "\r", "\n")) else plain


def markdown() -> str:
    """The page ``docs/frames.md``: a table for each frame, and one for the metrics."""
    about = {
        "trials": "One row for each trial and question that uses it.",
        "curves": "One row for each evaluation of a trial, and question that uses it.",
        "probes": "One row for each number of a probe, and question that uses it.",
        "timings": "One row for each epoch that `bench time` measured, and question that uses such training.",
        "comparisons": "Analysis: one row for each question, metric and pair of variants.",
        "claims": "Analysis: one row for each claim.",
        "families": "Analysis: one row for each family of tests that are judged together.",
        "reported": "Analysis: one row for each number that the source printed.",
        "factors": "Analysis: one row for each effect of a question whose variants come from a matrix.",
        "targets": "Analysis: one row for each question that has a target, and variant.",
        "rates": "Analysis: one row for each question and variant: how fast its objective falls.",
        "speeds": "Analysis: one row for each question and variant that was timed alone.",
        "sensitivities": "Analysis: one row for each method and learning rate, in questions that vary it.",
        "datasets": "Analysis: one row for each pair of variants, where several data sets were imported.",
        "examples": "Analysis: one row for each question and variant, compared image by image.",
        "classes": "Analysis: one row for each question, variant and class.",
        "confusions": "Analysis: one row for each question, variant and pair of at most 20 classes.",
        "hard_examples": "Analysis: the test images that most networks of a question get wrong.",
        "easy_examples": "Analysis: of each class the first of the images that most networks get right.",
    }
    directions = {True: "higher", False: "lower", None: "neither"}
    kinds = {True: "ratio", False: "difference"}
    parts = ["# Frames", _INTRODUCTION]
    for name, columns in (FRAMES | FINDINGS).items():
        rows = [(f"`{c.name}`", c.dtype, c.unit, c.meaning) for c in columns]
        parts += [f"## {name}", about[name], _table(("column", "type", "unit", "meaning"), rows)]
    metrics = [
        (f"`{m.name}`", m.unit, directions[m.higher_is_better], kinds[m.ratio], m.meaning)
        for m in METRICS.values()
    ]
    parts += ["## Metrics", "What variants are compared by: one number per trial."]
    parts += [_table(("metric", "unit", "better is", "compared as", "meaning"), metrics)]
    return "\n\n".join(parts) + "\n"


_INTRODUCTION: Final = """\
<!-- Generated from bench/frames.py, which says how; do not edit. -->

`bench.load_results(folder).frames` are the first of these pandas frames; `bench.analyse(results).frames`
adds those marked *analysis*. `bench export` writes each to a file.
A value that does not exist (the accuracy of a trial that failed) is missing: NaN, `<NA>`, an empty
field in CSV, `null` in JSON. A number that is not finite (the loss of a diverged trial) is `inf` or
missing; JSON has no word for it and says `null`. In CSV, a sign by which a spreadsheet would take a text
for a formula (`=`, `+`, `-`, `@`, first or behind a semicolon, a tab or the end of a line) has an apostrophe
before it. Text columns are pandas' `string`, whole numbers `Int64`, numbers `float64`, truth
values `boolean`.

Metrics that a suite declares itself, and those that `bench import` read, are further columns of `trials` and
`curves`. Of imported results, `epoch` is the file's own step, and `updates` the same number if it is whole."""


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

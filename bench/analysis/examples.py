"""Example by example: how far another test set would move the answer, which classes and images are hard.

The replicate stays the seed. What is said here stands beside the comparison over seeds and never replaces it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from scipy import special

from bench import frames, stats

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from bench.predictions import Predictions
    from bench.store import Results

HARDEST: Final = 20  # images listed per question
MOST_CLASSES: Final = 20  # of a matrix of confusions that can be read


@dataclass(frozen=True)
class Examples:
    """The frames of the same names; ``hard`` is ``hard_examples``, ``easy`` alike. Columns: ``bench.frames``.

    images: by question, those of ``hard`` and ``easy`` by position, each (height, width) of uint8; empty unless
    somebody read the data (``bench.pictures``), since the results do not hold it.
    """

    examples: pd.DataFrame
    classes: pd.DataFrame
    confusions: pd.DataFrame
    hard: pd.DataFrame
    easy: pd.DataFrame
    images: Mapping[str, Mapping[int, NDArray[np.uint8]]] = field(default_factory=dict)

    @classmethod
    def empty(cls) -> Self:
        """Of a run that kept no predictions."""
        return cls(
            frames.typed([], frames.EXAMPLES),
            frames.typed([], frames.CLASSES),
            frames.typed([], frames.CONFUSIONS),
            frames.typed([], frames.HARD_EXAMPLES),
            frames.typed([], frames.EASY_EXAMPLES),
        )


def by_example(results: Results) -> Examples:
    """Everything that the predictions of a run say; empty frames if it kept none."""
    examples, classes, confusions, hard, easy = [], [], [], [], []
    for question in results.suite.questions:
        trials = _trials(results, question)
        baseline = results.suite.baseline(question)
        for variant, by_seed in trials.items():
            classes += _classes(results.predictions, question, variant, by_seed)
            confusions += _confusions(results.predictions, question, variant, by_seed)
            if variant != baseline and baseline in trials:
                row = _compared(results.predictions, by_seed, trials[baseline])
                if row:
                    names = {"question": question, "variant": variant, "baseline": baseline}
                    examples.append(names | row)
        ids = list(dict.fromkeys(i for by_seed in trials.values() for i in by_seed.values()))
        if ids:
            labels = results.predictions.labels(ids[0])
            wrong = np.mean([~results.predictions.correct(i) for i in ids], axis=0)
            said = {"question": question, "networks": len(ids)}
            hard += [said | row for row in _hard(results.predictions, ids, labels, wrong)]
            easy += [said | row for row in _easy(labels, wrong)]
    return Examples(
        frames.typed(examples, frames.EXAMPLES),
        frames.typed(classes, frames.CLASSES),
        frames.typed(confusions, frames.CONFUSIONS),
        frames.typed(hard, frames.HARD_EXAMPLES),
        frames.typed(easy, frames.EASY_EXAMPLES),
    )


def _trials(results: Results, question: str) -> dict[str, dict[int, str]]:
    """Variant -> seed -> trial_id, of the trials that kept predictions."""
    rows = results.trials[results.trials.question == question]
    found: dict[str, dict[int, str]] = {}
    for variant, seed, trial_id in zip(rows.variant, rows.seed, rows.trial_id, strict=True):
        if trial_id in results.predictions:
            found.setdefault(str(variant), {})[int(seed)] = str(trial_id)
    return found


def _compared(
    predictions: Predictions, a: Mapping[int, str], b: Mapping[int, str]
) -> dict[str, object]:
    """One row of ``frames.EXAMPLES`` without its names; empty without a common seed."""
    seeds = sorted(a.keys() & b.keys())
    if not seeds:
        return {}
    correct_a = np.array([predictions.correct(a[seed]) for seed in seeds])
    correct_b = np.array([predictions.correct(b[seed]) for seed in seeds])
    pair = stats.mcnemar_exact(correct_a[0], correct_b[0])
    row: dict[str, object] = {
        "n_seeds": len(seeds),
        "n_examples": correct_a.shape[1],
        "difference": float(correct_a.mean() - correct_b.mean()),
        "mcnemar_seed": seeds[0],
        "only_variant": pair.only_a,
        "only_baseline": pair.only_b,
        "p_mcnemar": pair.p_value,
    }
    if len(seeds) < 3:
        return row
    found = stats.two_level_interval(correct_a, correct_b)
    ends = ("seeds_low", "seeds_high", "both_low", "both_high", "example_share")
    return row | {name: getattr(found, name) for name in ends}


def _classes(
    predictions: Predictions, question: str, variant: str, by_seed: Mapping[int, str]
) -> list[dict[str, object]]:
    labels = predictions.labels(next(iter(by_seed.values())))
    counts = np.bincount(labels)
    shares = np.array(
        [
            np.bincount(labels, predictions.correct(trial_id), counts.size) / np.maximum(counts, 1)
            for trial_id in by_seed.values()
        ]
    )
    n = len(shares)
    mean, half = shares.mean(axis=0), _half_width(shares)
    return [
        {
            "question": question,
            "variant": variant,
            "class": int(label),
            "images": int(counts[label]),
            "n": n,
            "accuracy": float(mean[label]),
            "ci_low": float(max(mean[label] - half[label], 0.0)),
            "ci_high": float(min(mean[label] + half[label], 1.0)),
        }
        for label in np.flatnonzero(counts)
    ]


def _confusions(
    predictions: Predictions, question: str, variant: str, by_seed: Mapping[int, str]
) -> list[dict[str, object]]:
    """What the images of each class are taken for, of every pair of classes that occur."""
    labels = predictions.labels(next(iter(by_seed.values())))
    answers = [predictions.predicted(trial_id) for trial_id in by_seed.values()]
    occurring = sorted({*np.unique(labels).tolist(), *np.unique(answers).tolist()})
    if len(occurring) > MOST_CLASSES:
        return []
    size = occurring[-1] + 1
    pairs = sum(np.bincount(labels * size + answer, minlength=size**2) for answer in answers)
    counts = np.asarray(pairs).reshape(size, size) / len(answers)
    images = np.bincount(labels, minlength=size)
    return [
        {
            "question": question,
            "variant": variant,
            "class": label,
            "predicted": predicted,
            "n": len(answers),
            "share": float(counts[label, predicted] / images[label]),
        }
        for label in occurring
        for predicted in occurring
        if images[label]
    ]


def _half_width(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half the width of the 95 % t interval over seeds, per class; NaN below three seeds."""
    n = len(shares)
    if n < 3:
        return np.full(shares.shape[1], np.nan)
    return np.asarray(special.stdtrit(n - 1, 0.975) * shares.std(axis=0, ddof=1) / np.sqrt(n))


def _hard(
    predictions: Predictions, ids: list[str], labels: NDArray[np.int64], wrong: NDArray[np.float64]
) -> list[dict[str, object]]:
    """The images that most networks get wrong, the worst first; ``wrong``: which share does, by image."""
    worst = np.argsort(-wrong, kind="stable")[:HARDEST]
    answers = np.array([predictions.predicted(trial_id)[worst] for trial_id in ids])
    rows: list[dict[str, object]] = []
    for column, example in enumerate(worst):
        mistaken = answers[:, column][answers[:, column] != labels[example]]
        if mistaken.size:
            taken_for = int(np.bincount(mistaken).argmax())
            rows.append(_example(example, labels, wrong) | {"mostly_taken_for": taken_for})
    return rows


def _easy(labels: NDArray[np.int64], wrong: NDArray[np.float64]) -> list[dict[str, object]]:
    """Of each of the first ``MOST_CLASSES`` classes the first of the images that most networks get right."""
    rows: list[dict[str, object]] = []
    for label in np.unique(labels)[:MOST_CLASSES]:
        own = np.flatnonzero(labels == label)
        best = own[np.argmin(wrong[own])]
        if wrong[best] < 0.5:
            rows.append(_example(best, labels, wrong))
    return rows


def _example(
    example: np.int64, labels: NDArray[np.int64], wrong: NDArray[np.float64]
) -> dict[str, object]:
    return {
        "example": int(example),
        "label": int(labels[example]),
        "wrong": float(wrong[example]),
    }

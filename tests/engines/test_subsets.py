"""The parts of the training set are disjoint and leave nothing out, however it is split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import datasets
from bench.engines._network import Job
from bench.engines._subsets import subsets
from bench.errors import SuiteError
from bench.trial import Training

SPLITS = st.sampled_from(["random", "labels"]) | st.floats(0.001, 1000).map(
    lambda alpha: {"dirichlet": alpha}
)


def job(workers, split="random", seed=0, dataset="digits", **changes):
    options = {"workers": workers} if split == "random" else {"workers": workers, "split": split}
    training = Training(
        **{
            "dataset": dataset,
            "validation": 0,
            "train_images": None,
            "model": {"mlp": {"hidden": [16]}},
            "optimizer": "SGD",
            "loss": {"SparseCategoricalCrossentropy": {"from_logits": True}},
            "batch_size": 60,
            "engine": {"master_worker": options},
            "epochs": 1,
        }
        | changes
    )
    return Job(training, datasets.load(dataset, folder=Path()), seed, trusted=False)


@settings(max_examples=40)
@given(st.integers(1, 20), SPLITS, st.integers(0, 5))
def test_parts_are_a_cover_by_the_seed(workers, split, seed):
    parts = subsets(job(workers, split, seed))
    images = np.concatenate([parts.images(worker) for worker in range(workers)])
    n_train = len(job(1).data.y_train)
    np.testing.assert_array_equal(np.sort(images), np.arange(n_train))
    assert np.ptp(parts.sizes) <= 2
    np.testing.assert_array_equal(parts.owner, subsets(job(workers, split, seed)).owner)
    if workers > 1:
        assert (parts.owner != subsets(job(workers, split, seed + 1)).owner).any()


@settings(max_examples=20)
@given(st.integers(1, 10), SPLITS, st.integers(0, 5), st.integers(1, 30))
def test_rows_are_a_workers_own_images_in_the_order_of_the_epoch(workers, split, seed, size):
    asked = job(workers, split, seed)
    parts = subsets(asked)
    order = np.random.default_rng(seed).permutation(asked.n_train).astype(np.int32)
    for worker in range(workers):
        rows = parts.rows(order, worker, size)
        own = order[parts.owner[order] == worker]
        np.testing.assert_array_equal(
            parts.images(worker)[rows].ravel(), own[: len(own) // size * size]
        )


def classes(parts, labels):
    return [len(np.unique(labels[parts.images(worker)])) for worker in range(parts.workers)]


def test_six_workers_hold_about_two_digits_each():
    asked = job(6, "labels", dataset="mnist")
    held = classes(subsets(asked), asked.data.y_train)
    assert max(held) <= 4
    assert np.mean(held) < 3.5
    assert classes(subsets(job(6, dataset="mnist")), asked.data.y_train) == [10] * 6


def test_alpha_says_how_far_the_workers_differ():
    labels = job(1).data.y_train

    def spread(alpha):
        """How unequal the shares of the classes are, mean over seeds: their standard deviation."""
        found = []
        for seed in range(5):
            parts = subsets(job(6, {"dirichlet": alpha}, seed))
            counts = [np.bincount(labels[parts.images(w)], minlength=10) for w in range(6)]
            found.append(np.std(np.array(counts) / parts.sizes[:, None], axis=0).mean())
        return np.mean(found)

    random = np.mean(
        [
            np.std(
                [
                    np.bincount(labels[parts.images(w)], minlength=10) / parts.sizes[w]
                    for w in range(6)
                ],
                axis=0,
            ).mean()
            for parts in (subsets(job(6, seed=seed)) for seed in range(5))
        ]
    )
    assert spread(0.1) > 3 * spread(100) > 0
    assert spread(1000) == pytest.approx(random, rel=0.5)


def test_the_parts_tell_what_they_are():
    asked = job(6, "labels")
    parts = subsets(asked)
    told = {(m.layer, m.measure): m.value for m in parts.measures(asked.data)}
    assert told["", "workers"] == 6
    assert told["", "images_in_common"] == told["", "images_left_out"] == 0
    assert sum(told[f"worker {w}", "images"] for w in range(6)) == asked.n_train
    assert [told[f"worker {w}", "classes"] for w in range(6)] == classes(parts, asked.data.y_train)


@pytest.mark.parametrize("split", ["labels", {"dirichlet": 1.0}])
def test_targets_without_classes_cannot_be_split_by_them(split):
    asked = job(2, split, dataset={"least_squares": {"condition": 10, "n": 60, "d": 5}})
    with pytest.raises(SuiteError, match="without classes") as caught:
        subsets(asked)
    assert caught.value.where == "engine.master_worker.split"

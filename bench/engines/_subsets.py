"""Which worker owns which training images: random disjoint parts, or parts that differ in their classes.

All are drawn by the seed, are disjoint, and cover the training set; their sizes differ by two images at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from bench.errors import SuiteError, shown
from bench.plugins import Measure, named
from bench.trial import generator

if TYPE_CHECKING:
    from bench.engines._network import Job
    from bench.plugins import Dataset

SPLITS: Final = "random, labels or {dirichlet: alpha}"
MOST: Final = 64  # workers
SHARDS: Final = 2  # of a worker, where images are split by their labels


@dataclass(frozen=True, eq=False)
class Subsets:
    """The parts of the training set.

    Attributes:
        workers: how many.
        owner: (n_train,) which worker owns each training image.
    """

    workers: int
    owner: np.ndarray

    def images(self, worker: int) -> np.ndarray:
        """Places in the training set of a worker's images, ascending."""
        return np.flatnonzero(self.owner == worker)

    @property
    def sizes(self) -> np.ndarray:
        """(workers,) images of each."""
        return np.bincount(self.owner, minlength=self.workers)

    def rows(self, order: np.ndarray, worker: int, size: int) -> np.ndarray:
        """(full mini-batches, size) a worker's own images in the epoch's order, as places in its own part."""
        own = order[self.owner[order] == worker]
        places = np.searchsorted(self.images(worker), own).astype(np.int32)
        batches = len(places) // size
        return np.reshape(places[: batches * size], (batches, size))

    def measures(self, data: Dataset) -> list[Measure]:
        """What the parts are: their sizes, their classes, and that they are disjoint and leave nothing out."""
        parts = [self.images(worker) for worker in range(self.workers)]
        held = np.bincount(np.concatenate(parts), minlength=len(data.y_train))
        found = [
            Measure("", "workers", self.workers),
            Measure("", "images_in_common", int((held > 1).sum())),
            Measure("", "images_left_out", int((held == 0).sum())),
        ]
        for worker, part in enumerate(parts):
            found.append(Measure(f"worker {worker}", "images", len(part)))
            if data.classes:
                classes = len(np.unique(data.y_train[part]))
                found.append(Measure(f"worker {worker}", "classes", classes))
        return found


def subsets(job: Job) -> Subsets:
    """The parts that the engine's options ``workers`` and ``split`` ask for.

    Raises:
        SuiteError: not a number of workers, or not a way to split these images.
    """
    engine, options = named(job.training.engine)
    workers, split = options.get("workers"), options.get("split", "random")
    if type(workers) is not int or not 1 <= workers <= min(MOST, job.n_train):
        raise SuiteError(
            "not a number of workers",
            where=f"engine.{engine}.workers",
            expected=f"a whole number from 1 to {min(MOST, job.n_train)}",
            found=shown(workers),
        )
    where = f"engine.{engine}.split"
    if split == "random":
        owner = _random(job, workers)
    elif split == "labels":
        owner = _by_labels(job, workers, where)
    else:
        owner = _dirichlet(job, workers, _alpha(split, where), where)
    return Subsets(workers, owner)


def shared_equally(job: Job, parts: Subsets) -> tuple[int, int]:
    """Images of one worker's mini-batch, and full mini-batches in the smallest part: updates per epoch.

    What is left over waits for the next epoch.

    Raises:
        SuiteError: a batch that the workers cannot share equally, or that is larger than their parts.
    """
    workers, batch = parts.workers, job.batch_size
    if batch % workers:
        raise SuiteError(
            "the batch cannot be shared equally",
            where="batch_size",
            expected=f"a multiple of {workers}, the number of workers",
            found=str(batch),
        )
    smallest = int(parts.sizes.min())
    updates = smallest // (batch // workers)
    if not updates:
        raise SuiteError(
            "the batch is larger than the training set",
            where="batch_size",
            expected=f"at most {smallest} images for each of {workers} workers",
            found=str(batch // workers),
        )
    return batch // workers, updates


def _random(job: Job, workers: int) -> np.ndarray:
    rng = generator(job.data.checksum, job.seed, "workers")
    return rng.permutation(np.arange(job.n_train) % workers)


def _by_labels(job: Job, workers: int, where: str) -> np.ndarray:
    """Images sorted by label, cut into two shards for each worker, dealt at random (McMahan et al. 2017)."""
    labels = _labels(job, where)
    rng = generator(job.data.checksum, job.seed, "workers", "labels")
    mixed = rng.permutation(job.n_train)
    by_label = mixed[np.argsort(labels[mixed], kind="stable")]
    owner = np.empty(job.n_train, np.int64)
    dealt = rng.permutation(np.repeat(np.arange(workers), SHARDS))
    for worker, shard in zip(dealt, np.array_split(by_label, SHARDS * workers), strict=True):
        owner[shard] = worker
    return owner


def _dirichlet(job: Job, workers: int, alpha: float, where: str) -> np.ndarray:
    """Each worker's classes are drawn by shares of its own, from Dirichlet(alpha times the classes' shares).

    After Hsu, Qi and Brown (2019). The workers take one image each in turn, of a class drawn by the worker's
    shares among the classes that are left; where it has no share in any of them, of any.
    """
    labels = _labels(job, where)
    rng = generator(job.data.checksum, job.seed, "workers", "dirichlet", alpha)
    piles = [list(rng.permutation(np.flatnonzero(labels == c))) for c in np.unique(labels)]
    sizes = np.array([len(pile) for pile in piles])
    shares = rng.dirichlet(alpha * sizes / sizes.sum(), workers)
    owner = np.empty(job.n_train, np.int64)
    limits = np.cumsum(shares, axis=1)
    for turn, draw in enumerate(rng.random(job.n_train)):
        worker = turn % workers
        own = limits[worker]
        if own[-1] == 0:
            own = np.cumsum([bool(pile) for pile in piles])
        pile = piles[int(np.searchsorted(own, draw * own[-1], side="right"))]
        owner[pile.pop()] = worker
        if not pile:
            limits = np.cumsum(shares * [bool(pile) for pile in piles], axis=1)
    return owner


def _labels(job: Job, where: str) -> np.ndarray:
    if not job.data.classes:
        raise SuiteError(
            "images without classes cannot be split by them",
            where=where,
            expected="random",
            found="real-valued targets",
        )
    return job.data.y_train


def _alpha(split: object, where: str) -> float:
    alpha = split.get("dirichlet") if isinstance(split, Mapping) and len(split) == 1 else None
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not 1e-3 <= alpha <= 1e3:
        raise SuiteError(
            "not a way to split the images",
            where=where,
            expected=f"{SPLITS}, alpha from 0.001 to 1000",
            found=shown(split),
        )
    return float(alpha)

"""Logs as other programs write them, of any size."""

from __future__ import annotations

import csv

import numpy as np

HEADER = ("dataset", "method", "seed", "step", "val_loss", "val_acc")


def records(methods, seeds, steps, groups=1):
    """Learning curves whose last methods are a little better."""
    rng = np.random.default_rng(0)
    steps = np.arange(1, steps + 1)
    for group in range(groups):
        for method in range(methods):
            for seed in range(seeds):
                end = 0.9 + 0.01 * method / methods + rng.normal(0, 0.004)
                noise = rng.normal(0, 0.002, (2, steps.size))
                accuracies = end - 0.5 * np.exp(-5 * steps / steps.size) + noise[0]
                losses = 0.2 + 2 * np.exp(-4 * steps / steps.size) + noise[1]
                for step, loss, accuracy in zip(steps, losses, accuracies, strict=True):
                    cells = (f"data {group}", f"method {method}", seed, int(step))
                    yield (*cells, round(float(loss), 5), round(float(accuracy), 5))


def write(path, *size, **groups):
    """Write a CSV file of so many methods, seeds and steps (and groups)."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(records(*size, **groups))
    return path


COLUMNS = ("--variant", "method", "--seed", "seed", "--step", "step")
METRICS = ("--metric", "val_acc:max", "--metric", "val_loss:min")

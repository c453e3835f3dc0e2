"""Two runs of the same suite, an older and a newer one: what became better, worse, faster or slower."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bench.analysis.comparisons import margin_of, primary_of
from bench.analysis.contrast import Finding, Mean, as_family, contrast, mean_over_seeds
from bench.analysis.metrics import measure
from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.analysis.metrics import Measurements
    from bench.frames import Metric
    from bench.store import Results

TIME: Final = "epoch_time_s"
TIME_MARGIN: Final = 1.1  # times of two runs differ by so much on a busy machine


@dataclass(frozen=True)
class Change:
    """One metric of one variant, new against old; numbers in the metric's unit, times as ratios.

    Attributes:
        margin: changes below it do not matter; None if the suite declares none.
        identical: whether every seed has exactly the value that it had.
    """

    question: str
    variant: str
    found: Finding
    old: Mean
    new: Mean
    margin: float | None
    identical: bool

    @property
    def metric(self) -> Metric:
        """The metric that was compared."""
        return self.found.metric

    @property
    def verdict(self) -> str:
        """``identical``, or one of the four of a comparison."""
        if self.identical:
            return "identical"
        return self.found.test.verdict if self.found.test else "cannot tell"


def changes(old: Results, new: Results, *, time_margin: float = TIME_MARGIN) -> list[Change]:
    """What changed from ``old`` to ``new``: each question's primary metric, and the time per epoch.

    Every distinct training counts once, where the suite first uses it. Holm over all of a metric.
    time_margin: ratios of times nearer to 1 do not matter.

    Raises:
        UsageError: the runs are not of the same suite and size, or have nothing in common.
    """
    _check(old, new, time_margin)
    measured = measure(old), measure(new)
    keys = _common(old, new)
    decisive = [(*key, primary_of(new.suite, key[0])) for key in keys]
    found: list[Change] = []
    for name in dict.fromkeys(name for *_, name in decisive):
        own = [(question, variant) for question, variant, n in decisive if n == name]
        margins = [margin_of(new.suite, question, name) for question, _ in own]
        found += _family(measured, own, name, margins)
    return found + _family(measured, keys, TIME, [time_margin] * len(keys))


def _check(old: Results, new: Results, time_margin: float) -> None:
    for what in ("suite", "epochs", "train_images"):
        ours, theirs = (getattr(results.suite, what) for results in (new, old))
        if ours != theirs:
            raise UsageError(
                f"the two runs differ in {what}",
                where=str(new.folder),
                expected=f"{what} {theirs}, as in {old.folder}",
                found=str(ours),
                hint="compare two runs of one suite in one size",
            )
    if time_margin <= 1:
        raise UsageError(
            "not a margin of times",
            where="--time-margin",
            expected="a ratio above 1, such as 1.1",
            found=f"{time_margin:g}",
        )
    if not _common(old, new):
        raise UsageError(
            "the two runs have no result in common",
            where=str(new.folder),
            expected="a variant with results in both",
            found="none",
        )


def _common(old: Results, new: Results) -> list[tuple[str, str]]:
    """Question and variant of everything that both have results of, each training once."""
    before = {
        (str(q), str(v)) for q, v in zip(old.trials.question, old.trials.variant, strict=True)
    }
    seen: set[frozenset[str]] = set()
    keys = []
    for question in new.suite.questions:
        for variant in new.suite.variants(question):
            own = (new.trials.question == question) & (new.trials.variant == variant)
            trained = frozenset(new.trials.trial_id[own])
            if trained and trained not in seen and (question, variant) in before:
                seen.add(trained)
                keys.append((question, variant))
    return keys


def _family(
    measured: tuple[Measurements, Measurements],
    keys: list[tuple[str, str]],
    name: str,
    margins: list[float | None],
) -> list[Change]:
    sides = [
        tuple(
            replace(m.of(*key, name), variant=run)
            for m, run in zip(measured, ("the old run", "the new run"), strict=True)
        )
        for key in keys
    ]
    contrasts = [contrast(new, old) for old, new in sides]
    raw = [
        None if c.problem else c.test(margin=None if margin is None else c.scaled(margin))
        for c, margin in zip(contrasts, margins, strict=True)
    ]
    family = sum(1 for test in raw if test and test.p_value is not None)
    return [
        Change(
            *key,
            found=Finding(between, test, max(family, 1)),
            old=mean_over_seeds(old),
            new=mean_over_seeds(new),
            margin=margin,
            identical=bool(old.by_seed) and old.by_seed == new.by_seed,
        )
        for key, (old, new), between, margin, test in zip(
            keys, sides, contrasts, margins, as_family(raw), strict=True
        )
    ]

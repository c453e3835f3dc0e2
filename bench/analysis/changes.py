"""Two runs of the same suite, an older and a newer one: what became better, worse, faster or slower."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bench.analysis.comparisons import finding, margin_of
from bench.analysis.contrast import Finding, Mean, mean_over_seeds
from bench.analysis.families import PRIMARY, Families
from bench.analysis.isolation import Troubles
from bench.analysis.metrics import measure, primary_of
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

    Every distinct training counts once, where the suite first uses it. The changes of primary metrics are one
    family, those of times an exploratory one. time_margin: ratios of times nearer to 1 do not matter.

    Raises:
        UsageError: the runs are not of the same suite and size, or have nothing in common.
    """
    _check(old, new, time_margin)
    measured, suite = (measure(old), measure(new)), new.suite
    keys, found = _common(old, new), []
    for name in dict.fromkeys(primary_of(suite, question) for question, _ in keys):
        own = [key for key in keys if primary_of(suite, key[0]) == name]
        found += [_change(measured, key, name, margin_of(suite, key[0], name)) for key in own]
    times = [_change(measured, key, TIME, time_margin) for key in keys]
    families = Families([c.found for c in found], {TIME: [c.found for c in times]})
    return [
        replace(change, found=families.judged(change.found, name))
        for part, name in ((found, PRIMARY), (times, TIME))
        for change in part
    ]


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


def _change(
    measured: tuple[Measurements, Measurements],
    key: tuple[str, str],
    name: str,
    margin: float | None,
) -> Change:
    old, new = (
        replace(m.of(*key, name), variant=run)
        for m, run in zip(measured, ("the old run", "the new run"), strict=True)
    )
    troubles = Troubles()  # each stands in the problem of its own finding
    where = f"{new.metric.label} of {' / '.join(key)}"
    return Change(
        *key,
        found=finding(new, old, troubles, where=where, margin=margin, paired=True, looked=False),
        old=mean_over_seeds(old),
        new=mean_over_seeds(new),
        margin=margin,
        identical=bool(old.by_seed) and old.by_seed == new.by_seed,
    )

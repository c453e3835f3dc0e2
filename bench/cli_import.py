"""``bench import``: another program's log as a results folder."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  # typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bench.cli_common import command_line, complain, console
from bench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.store import Results


def import_(
    format_: Annotated[
        Literal["csv", "parquet", "jsonl"],
        typer.Argument(metavar="FORMAT", help="csv, parquet or jsonl."),
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="One row per evaluation.")],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Results folder to write.")],
    variant: Annotated[
        list[str],
        typer.Option(metavar="COLUMN", help="What was trained; several make one name together."),
    ],
    seed: Annotated[str, typer.Option(metavar="COLUMN", help="Which repetition of it.")],
    metric: Annotated[
        list[str],
        typer.Option(
            metavar="COLUMN[:min|:max]",
            help="What was measured, and which is better; repeatable, the first one decides.",
        ),
    ],
    step: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="When; without it a row is a whole run.")
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Data sets: each becomes a question.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(metavar="NAME", help="Default: the first variant of the file.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN=VALUE", help="A value of a metric to reach.")
    ] = None,
    margin: Annotated[
        float | None, typer.Option(help="Differences of the first metric below it do not matter.")
    ] = None,
    unpaired: Annotated[
        bool, typer.Option("--unpaired", help="Runs of the same seed share only a number.")
    ] = False,
    claim: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SENTENCE",
            help="What to judge: 'adam val_acc better than 0.93', 'adam better than sgd'; repeatable.",
        ),
    ] = None,
    repeated: Annotated[
        Literal["refuse", "last", "first", "mean"],
        typer.Option(help="Which row counts if several of a run and step differ."),
    ] = "refuse",
    empty: Annotated[
        Literal["diverged", "missing"] | None,
        typer.Option(
            help="Empty cells that end a run. Default: diverged where a value was due, else missing."
        ),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of the text; default: as it begins, else UTF-8."),
    ] = None,
    comment: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="How comments begin; default # where a line cannot be a row."
        ),
    ] = None,
) -> None:
    """Turn another program's log into a results folder."""
    from bench import importers

    try:
        results = importers.read(
            file,
            format_,
            out,
            variant=variant,
            seed=seed,
            step=step,
            group=group,
            metrics=metric,
            baseline=baseline,
            target=_target(target),
            margin=margin,
            paired=not unpaired,
            claims=claim or (),
            repeated=repeated,
            empty=empty,
            encoding=encoding,
            comment=comment,
            command=command_line(),
        )
    except KeyboardInterrupt:
        complain(
            "stopped; the folder holds the whole import or nothing of it: give the same command again"
        )
        raise typer.Exit(130) from None
    _say(results)


def _say(results: Results) -> None:
    """How much was read, what should be known of it, and where it is."""
    trials = results.trials
    counts = [
        f"{trials[column].nunique():,} {column}{'s' * (trials[column].nunique() != 1)}"
        for column in ("question", "variant", "seed")
    ]
    out = console()
    out.print(f"read     {len(trials):,} runs: {', '.join(counts)}")
    source = results.suite.imported
    for note in source.notes if source else ():
        out.print(f"note     {note}", soft_wrap=True)
    for mixed in source.mixed if source else ():
        out.print(f"caution  {mixed.caution}", soft_wrap=True)
    for said in _ends(results):
        out.print(f"caution  {said}", soft_wrap=True)
    out.print(f"results  {results.folder}", soft_wrap=True)


def _ends(results: Results) -> Iterator[str]:
    """Which runs were cut short, or that all end anywhere."""
    if results.trials.groupby("question").epochs.nunique().max() < 2:
        return
    from bench.analysis.run_ends import run_ends  # with all that an analysis needs

    for question, ends in run_ends(results).items():
        several = len(results.suite.questions) > 1
        yield from (f"{f'{question}: ' * several}{said}" for said in ends.sentences)


def _target(text: str | None) -> tuple[str, float] | None:
    if text is None:
        return None
    name, _, value = text.rpartition("=")
    try:
        return name, float(value)
    except ValueError:
        raise UsageError(
            "not a target",
            where="--target",
            expected="--target COLUMN=NUMBER, such as --target test_accuracy=0.9",
            found=text,
        ) from None

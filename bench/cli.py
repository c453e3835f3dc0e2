"""The command line: the straight line, written out. The only place that prints or exits."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from bench import cli_checks, cli_export, cli_import, cli_output, cli_report
from bench.backend import SAFE_PATH
from bench.cli_common import (
    Folder,
    OpenPorts,
    Trust,
    Workers,
    analysed,
    check_arguments,
    command_line,
    run_of,
    warn_of_troubles,
)
from bench.cli_common import complain as _complain
from bench.cli_common import console as _console
from bench.errors import BenchError, UsageError, first_line

if TYPE_CHECKING:
    from bench.analysis.changes import Change
    from bench.analysis.planning import SeedsNeeded
    from bench.store import Results
    from bench.suite import Suite

MANY: Final = 100_000  # trials; more are not begun without --yes


class _Commands(TyperGroup):
    """Commands that Ctrl-C ends in a sentence; those with more to say of it say that."""

    def invoke(self, ctx: Any) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _complain("stopped")
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SuiteName = Annotated[str, typer.Argument(metavar="SUITE", help="A shipped suite, or a YAML file.")]
Profile = Annotated[str | None, typer.Option("--profile", "-p", help="A size the suite offers.")]
Question = Annotated[
    list[str] | None, typer.Option("--question", "-q", help="Only this question; repeatable.")
]
Seeds = Annotated[int | None, typer.Option(help="How many seeds: 0 to N-1.")]
Epochs = Annotated[int | None, typer.Option(help="How many epochs.")]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS|FILE", help="Train on a Dask cluster: tcp://HOST:PORT, or a job queue."
    ),
]
Deadline = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", help="A trial that takes longer is ended and counts as failed."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help=f"Also more than {MANY:,} trials.")]


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"seedwise {version('seedwise')}")
        raise typer.Exit


@app.callback()
def program(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Say which version it is."
        ),
    ] = False,
) -> None:
    """Which conclusions about training algorithms survive another seed."""
    del version  # has been said
    from bench import scratch

    scratch.sweep()


@app.command("list")
def list_suites() -> None:
    """List the shipped suites."""
    from rich.table import Table

    from bench import resources
    from bench.suite import load_suite

    table = Table("suite", "title", "questions", "profiles", box=None)
    for path in sorted(resources.folder("suites").glob("*.yaml")):
        suite = load_suite(path.stem)
        table.add_row(path.stem, suite.title, str(len(suite.questions)), ", ".join(suite.profiles))
    _console().print(table)


@app.command()
def show(
    suite: SuiteName,
    *,
    profile: Profile = None,
    question: Question = None,
    seeds: Seeds = None,
    epochs: Epochs = None,
    workers: Workers = None,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show what a suite asks, its variants, and how long it would take."""
    chosen = _sized(suite, profile, question, seeds, epochs)
    facts = _facts(chosen, _workers(workers))
    if json:
        import json as json_module

        typer.echo(json_module.dumps(facts, indent=2))
    else:
        _show(chosen, facts)


@app.command()
def run(
    suite: SuiteName,
    *,
    profile: Profile = None,
    question: Question = None,
    seeds: Seeds = None,
    epochs: Epochs = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Default: bench-results/SUITE[-PROFILE].")
    ] = None,
    workers: Workers = None,
    cluster: Cluster = None,
    deadline: Deadline = None,
    trust: Trust = False,
    open_ports: OpenPorts = False,
    yes: Yes = False,
) -> None:
    """Train a suite's variants over its seeds, then write the report. Run again to continue."""
    from bench import driver, progress

    chosen = _sized(suite, profile, question, seeds, epochs)
    _check_count(chosen, yes=yes)
    folder = out or _folder(chosen, profile)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    if cluster is not None:
        _console().print(f"workers of {cluster}, once there are some")
    try:
        with progress.Progress(_console()) as observer:
            results = driver.run(
                chosen,
                folder,
                workers=workers,
                cluster=cluster,
                deadline_s=deadline,
                trust=trust,
                open_ports=open_ports,
                observer=observer,
                command=command_line(),
            )
    except KeyboardInterrupt:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # all is stopped; a second one has come too late
        _complain("stopped; what was finished is kept, and the same command continues")
        raise typer.Exit(130) from None
    _say_probe_costs(results)
    code = _write_report(results, folder / "report.html", chosen)
    failed = results.trials.loc[results.trials.status == "failed"].drop_duplicates("trial_id")
    if len(failed):
        first = failed.iloc[0]
        _complain(
            f"{len(failed)} trials failed; the first, {first.question} / {first.variant}"
            f" / seed {first.seed}:\n{first.error}\nThe same command tries them again."
        )
        code = 1
    if code:
        raise typer.Exit(code)


@app.command("time")
def time_(
    suite: SuiteName,
    *,
    profile: Profile = None,
    question: Question = None,
    rounds: Annotated[int, typer.Option(min=1, help="Epochs of each variant.")] = 10,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Default: as of `bench run`.")
    ] = None,
    trust: Trust = False,
    yes: Yes = False,
) -> None:
    """Time an epoch of each variant alone on the machine, and add the times to the run's report."""
    from bench import driver, files
    from bench.export import write_benchmark

    chosen = _sized(suite, profile, question, None, None)
    _check_count(chosen, yes=yes)
    folder = out or _folder(chosen, profile)
    console = _console()

    def say(done: int) -> None:
        console.print(f"round {done} of {rounds}")

    try:
        results = driver.time_epochs(
            chosen,
            folder,
            rounds=rounds,
            trust=trust,
            progress=say,
            command=command_line(),
        )
    except KeyboardInterrupt:
        _complain("stopped; the rounds that were finished are kept")
        raise typer.Exit(130) from None
    path = write_benchmark(results, files.subfolder(folder, "timing"))
    console.print(f"timings  {path}", soft_wrap=True)
    code = _write_report(results, folder / "report.html", chosen)
    if code:
        raise typer.Exit(code)


@app.command()
def trace(
    suite: SuiteName,
    variant: Annotated[str, typer.Argument(metavar="QUESTION/VARIANT", help="What is trained.")],
    *,
    profile: Profile = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write into.")] = Path(
        "bench-results/traces"
    ),
    trust: Trust = False,
    open_ports: OpenPorts = False,
) -> None:
    """Write a TensorBoard trace of one epoch and one evaluation: where the time goes."""
    from bench import driver

    chosen = _sized(suite, profile, None, None, None)
    path = driver.trace_epoch(chosen, variant, out, trust=trust, open_ports=open_ports)
    console = _console()
    console.print(f"trace    {path}", soft_wrap=True)
    console.print(
        "to look at it: pip install tensorboard tensorboard-plugin-profile"
        f" && tensorboard --logdir {out}",
        soft_wrap=True,
    )


@app.command()
def status(folder: Folder) -> None:
    """Show how far a run is; works while it runs."""
    from bench.store import load_results

    _status(load_results(folder))


@app.command()
def plan(
    target: Annotated[
        str, typer.Argument(metavar="SUITE|FOLDER", help="A run to learn the spread from.")
    ],
    *,
    detect: Annotated[float, typer.Option(help="Difference to detect, in the metric's unit.")],
    power: Annotated[float, typer.Option(help="Chance of finding one as large.")] = 0.8,
) -> None:
    """Say how many seeds would be needed to detect a difference, from a finished or pilot run."""
    from bench.analysis.planning import seeds_to_detect
    from bench.store import load_results

    results = load_results(run_of(target, need="to learn the spread from"))
    _show_plan(results, seeds_to_detect(results, detect, power=power), detect, power)


@app.command()
def compare(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="Results folder of the run before.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Results folder of the run after.")],
    *,
    time_margin: Annotated[
        float, typer.Option(help="Ratios of times nearer to 1 do not matter.")
    ] = 1.1,
) -> None:
    """Say what changed between two runs of a suite; exit code 1 if something became worse."""
    from bench.analysis.changes import changes
    from bench.store import load_results

    found = changes(load_results(old), load_results(new), time_margin=time_margin)
    _show_changes(found)
    if any(change.verdict == "worse" for change in found):
        raise typer.Exit(1)


app.command("import")(cli_import.import_)
app.command()(cli_report.report)
app.command()(cli_export.export)
app.command()(cli_checks.verify)
app.command()(cli_checks.doctor)


def main() -> None:
    """Run the command line.

    Exit code 0; 1 a trial failed, got worse or differs; 2 bad input, or output that cannot be written; 130
    Ctrl-C; 141 the reader of the output, such as `head`, has seen enough.
    """
    os.environ.update(SAFE_PATH)
    try:
        cli_output.open_both()
        try:
            check_arguments()
            app()
        except BenchError as error:
            _complain(str(error))
            sys.exit(2)
        finally:
            sys.stdout.flush()
    except cli_output.Unwritable as error:
        cli_output.give_up()
        if error.code != cli_output.SIGPIPE:
            _complain(f"standard output cannot be written: {first_line(error.error)}")
        sys.exit(error.code)


def _workers(workers: int | None) -> int:
    return len(os.sched_getaffinity(0)) if workers is None else workers


def _sized(
    name: str,
    profile: str | None,
    questions: list[str] | None,
    seeds: int | None,
    epochs: int | None,
) -> Suite:
    from bench.suite import load_suite

    return load_suite(name).resized(
        profile=profile, questions=questions, seeds=seeds, epochs=epochs
    )


def _check_count(suite: Suite, *, yes: bool) -> None:
    """Ask before what nobody may have meant: a matrix and a number of seeds multiply."""
    from bench.trial import count

    many = count(suite)
    if many > MANY and not yes:
        raise UsageError(
            "very many trials",
            where=suite.where(),
            expected=f"at most {MANY:,}, or your word that you want more",
            found=f"{many:,}",
            hint="give --yes; or fewer with --question, --seeds, or a smaller matrix",
        )


def _folder(suite: Suite, profile: str | None) -> Path:
    """Where a run writes unless told."""
    return Path("bench-results") / (suite.suite if profile is None else f"{suite.suite}-{profile}")


def _facts(suite: Suite, workers: int) -> dict[str, object]:
    from bench import estimate
    from bench.trial import count, distinct, expand

    many = count(suite)
    trials = distinct(expand(suite)) if many <= MANY else None
    return {
        "suite": suite.suite,
        "title": suite.title,
        "source": suite.source,
        "dataset": suite.dataset,
        "seeds": suite.seed_list,
        "epochs": max(suite.epochs_of(name) for name in suite.questions),
        "primary": suite.primary,
        "margin": suite.margin,
        "target": suite.target,
        "profiles": list(suite.profiles),
        "questions": [
            {
                "name": name,
                "ask": question.ask,
                "dataset": suite.dataset_of(name),
                "epochs": suite.epochs_of(name),
                "baseline": suite.baseline(name),
                "variants": list(suite.variants(name)),
                "claims": [claim.says for claim in question.claims],
            }
            for name, question in suite.questions.items()
        ],
        "trials": many if trials is None else len(trials),
        "workers": workers,
        "estimated_s": None if trials is None else estimate.seconds(trials, workers),
    }


def _show(suite: Suite, facts: dict[str, object]) -> None:

    from bench.progress import duration

    console = _console()
    console.print(suite.title, style="bold", end="  ")
    console.print(f"({suite.suite})")
    for name, question in suite.questions.items():
        console.print(f"\n{name}", style="bold", end="  ")
        console.print(question.ask)
        baseline = suite.baseline(name)
        names = [f"{v} (baseline)" if v == baseline else v for v in suite.variants(name)]
        console.print(f"  {', '.join(names)}")
    estimated = facts["estimated_s"]
    lengths = [suite.epochs_of(name) for name in suite.questions]
    epochs = " to ".join(map(str, sorted({min(lengths), max(lengths)})))
    many = f"{facts['trials']} distinct trials"
    if isinstance(facts["trials"], int) and facts["trials"] > MANY:
        many = f"{facts['trials']:,} trials, which `bench run` begins only with --yes"
    took = f"about {duration(estimated)}" if isinstance(estimated, float) else "time unknown"
    console.print(
        f"\n{len(suite.seed_list)} seeds, {epochs} epochs, {many}:"
        f" {took} on {facts['workers']} workers\nprofiles: {', '.join(suite.profiles) or 'none'}",
    )


def _write_report(results: Results, path: Path, given: Suite) -> int:
    """The exit code: 1 if something could not be computed, which is said.

    given: the suite that the command was given; the folder's own may be somebody else's and name other data.
    """
    from bench.report import write_report

    console = _console()
    console.print(f"results  {results.folder}", soft_wrap=True)
    analysis = analysed(results, pictures=_data_of(results.suite) <= _data_of(given))
    written = write_report(analysis, path)
    console.print(f"report   {written}", soft_wrap=True)
    return warn_of_troubles(analysis)


def _data_of(suite: Suite) -> set[str]:
    import json

    where = str(suite.folder.resolve())
    return {json.dumps([where, suite.dataset_of(name)]) for name in suite.questions}


def _show_plan(results: Results, rows: list[SeedsNeeded], detect: float, power: float) -> None:
    from rich.table import Table

    console = _console()
    metrics = " and ".join(dict.fromkeys(row.metric.label for row in rows))
    console.print(
        f"Seeds to detect a difference of {detect:g} in {metrics} with {power:.0%} power,"
        f" from {results.folder}\n"
        "seeds: as one of all primary tests of the report; the spread, known from a pilot alone, is taken"
        " at its\n"
        "upper 80 % limit. as seen: if the spread were exactly that of the pilot. alone: as the only test.",
    )
    table = Table(box=None)
    for name in ("question", "variant", "against"):
        table.add_column(name, no_wrap=True)
    for name in ("pilot", "spread", "seeds", "as seen", "alone"):
        table.add_column(name, justify="right")
    for row in rows:
        counts = (row.seeds, row.as_seen, row.alone)
        table.add_row(
            *(row.question, row.variant, row.baseline, str(row.pilot)),
            "" if row.spread is None else f"{row.spread:.2g}",
            *("" if count is None else f"{count:,}" for count in counts),
        )
    console.print(table)
    for row in rows:
        if row.problem:
            problem = f"{row.question} / {row.variant}: {row.problem}"
            console.print(problem)


def _show_changes(found: list[Change]) -> None:
    from rich.table import Table

    from bench.analysis import answers, wording
    from bench.report import tables

    table = Table(box=None)
    for name in ("question", "variant", "metric"):
        table.add_column(name, no_wrap=True)
    for name in ("old", "new", "change", "95 % CI", "adjusted p"):
        table.add_column(name, justify="right")
    table.add_column("verdict", no_wrap=True)
    for change in found:
        test = change.found.test
        cells = (
            change.question,
            change.variant,
            change.metric.label,
            answers.mean_text(change.old, change.metric),
            answers.mean_text(change.new, change.metric),
            tables.signed(change.found.difference, change.metric, change.found.half_width),
            tables.span(change.found),
            wording.p_value(test.p_adjusted if test else None),
            change.verdict,
        )
        table.add_row(*cells)
    _console().print(table)
    for problem in dict.fromkeys(c.found.contrast.problem for c in found):
        if problem:
            _console().print(f"not compared: {problem}")
    worse = [change for change in found if change.verdict == "worse"]
    names = [f"{change.question} / {change.variant}: {change.metric.label}" for change in worse]
    _console().print(
        f"worse: {wording.listed(names)}" if worse else "nothing became worse",
    )


def _say_probe_costs(results: Results) -> None:
    from bench.analysis.conditions import probe_costs
    from bench.progress import duration

    costs = [f"{probe} {duration(cost)}" for probe, cost in probe_costs(results).items()]
    if costs:
        text = f"probes   {', '.join(costs)}, over all trials and outside every training time"
        _console().print(text)


def _status(results: Results) -> None:
    from rich.table import Table

    metric = results.suite.metric(results.suite.primary)
    trials = results.trials
    once = trials.drop_duplicates("trial_id")
    counts = {
        kind: int((once.status == kind).sum()) for kind in ("completed", "diverged", "failed")
    }
    said = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count) or "none yet"
    _console().print(f"{len(once)} of {results.planned} trials: {said}")
    table = Table("question", "variant", "seeds", metric.label, "", box=None)
    column = metric.name if metric.name in trials else None
    for question in results.suite.questions:
        for variant in results.suite.variants(question):
            rows = trials[(trials.question == question) & (trials.variant == variant)]
            ended = rows[rows.status == "completed"]
            mean = f"{ended[column].mean():.4f}" if column and len(ended) else ""
            lost = int((rows.status == "diverged").sum())
            table.add_row(question, variant, str(len(rows)), mean, f"{lost} diverged" * bool(lost))
    _console().print(table)
    if len(trials):
        from bench.analysis import analyse

        for trouble in analyse(results).troubles.found:
            _console().print(f"{trouble}")
    _say_probe_costs(results)

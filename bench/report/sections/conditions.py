"""How it was run: seeds, broken trials, machines, versions, times, commands, and the suite itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bench.analysis import wording
from bench.analysis.anonymous import TELLS, TELLS_NOT
from bench.frames import METRICS
from bench.report import naming
from bench.report.blocks import (
    Block,
    Cell,
    Code,
    Column,
    Facts,
    Fold,
    Markdown,
    Section,
    Table,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.analysis import Analysis
    from bench.analysis.conditions import BrokenTrial, Conditions
    from bench.suite import Imported, Suite


def build(analysis: Analysis) -> tuple[Block, ...] | None:
    """Everything that somebody needs who wants to judge or repeat the run."""
    how = analysis.conditions
    about = analysis.suite.about
    blocks: list[Block] = [Markdown(about)] if about else []
    tells = TELLS_NOT if analysis.results.anonymous else TELLS
    blocks.append(Facts((*_facts(analysis), ("Who and where", tells))))
    if how.broken:
        blocks += _broken(how.broken)
    blocks.append(
        Code("\n".join(f"{when}  {command}" for when, command in how.commands), "Commands")
    )
    if analysis.suite.text:
        blocks.append(Fold("The suite, as it was read", (Code(analysis.suite.text, "Suite"),)))
    return (Section("conditions", "How it was run", tuple(blocks)),)


def _facts(analysis: Analysis) -> list[tuple[str, str]]:
    if analysis.suite.imported is not None:
        return _provenance(analysis, analysis.suite.imported)
    suite, how = analysis.suite, analysis.conditions
    planned, ran = wording.seeds(list(how.seeds_planned)), wording.seeds(list(how.seeds_ran))
    seeds = f"planned: {planned}; ran: {ran}"
    if how.seed_label:
        seeds += f"; {how.seed_label}"
    facts = [
        ("Suite", f"{suite.suite}: {suite.title}"),
        ("Source of the claims", suite.source or "none"),
        ("Seeds", seeds),
        ("Epochs", _epochs(how)),
        ("Trials", _trials(how)),
        ("Data", f"{_data(suite)}, SHA-256 {', '.join(how.checksums) or 'not recorded'}"),
        *((f"Data {about['name']}", _about(about)) for about in how.data),
        *([("Code", _code(how))] if how.code else []),
        ("Times", _times(how)),
        *([("Probes", _probes(how))] if how.probe_costs else []),
    ]
    facts += [("Cluster", _cluster(cluster)) for cluster in how.clusters]
    facts += [("Machine", _pairs(machine)) for machine in how.machines]
    return facts + [("Versions", _pairs(versions)) for versions in how.versions]


def _provenance(analysis: Analysis, file: Imported) -> list[tuple[str, str]]:
    """Where imported results come from, in place of the machine that trained them."""
    how = analysis.conditions
    diverged = sum(run.status == "diverged" for run in how.broken)
    empty = len(how.broken) - diverged
    return [
        ("Read from", f"{file.file}, {file.rows:,} rows, SHA-256 {file.sha256}"),
        ("Columns", ", ".join(f"{r}: {' and '.join(file.columns_of(r))}" for r in file.columns)),
        ("Metrics", ", ".join(_directed(analysis, name) for name in file.metrics)),
        ("Runs", f"{how.trials:,}; {diverged} of them diverged, {empty} have no value"),
        ("Seeds", wording.seeds(list(how.seeds_ran))),
        *(("Note", note) for note in file.notes),
        *(("Caution", mixed.caution) for mixed in file.mixed),
        *(("Ends", said) for said in _ends(how, several=len(analysis.suite.questions) > 1)),
        ("Not known", "The machine, the versions and the settings: the file does not say."),
    ]


def _ends(how: Conditions, *, several: bool) -> Iterator[str]:
    """Which runs were cut short, or that all end anywhere, of each question."""
    for question, ends in how.run_ends.items():
        yield from (f"{f'{question}: ' * several}{said}" for said in ends.sentences)


def _directed(analysis: Analysis, name: str) -> str:
    higher = analysis.suite.metric(name).higher_is_better
    return f"{name} ({'higher' if higher else 'lower'} is better)"


def _data(suite: Suite) -> str:
    return "; ".join(dict.fromkeys(str(suite.dataset_of(name)) for name in suite.questions))


def _about(data: Mapping[str, Any]) -> str:
    """What the data is, and what was done with it."""
    shape = " x ".join(map(str, data["shape"]))
    targets = f"{data['classes']} classes" if data["classes"] else "real-valued targets"
    low, high = data["range"]
    return (
        f"{data['train']:,} training and {data['test']:,} test images of {shape} numbers,"
        f" {targets}; numbers from {low:.6g} to {high:.6g},"
        f" {data['scaling']}. {data['origin']}."
    )


def _code(how: Conditions) -> str:
    """Modules of the suite's own with the beginning of their SHA-256, and packages with their versions."""
    named = (
        f"{name} {', '.join(values if name.startswith('package ') else (v[:12] for v in values))}"
        for name, values in how.code.items()
    )
    return f"modules by their SHA-256: {wording.listed(list(named))}"


def _epochs(how: Conditions) -> str:
    same = how.epochs == how.shortest
    epochs = str(how.epochs) if same else f"{how.shortest} to {how.epochs}, by question"
    if how.epochs == how.epochs_declared:
        return epochs
    return f"{epochs} in this run; the suite as written asks for {how.epochs_declared}"


def _trials(how: Conditions) -> str:
    diverged = sum(trial.status == "diverged" for trial in how.broken)
    failed = len(how.broken) - diverged
    return (
        f"{how.trials} of {how.trials_planned} planned have a result (a trial that questions share"
        f" is trained once); by question and variant, {diverged} diverged and {failed} failed"
    )


def _times(how: Conditions) -> str:
    trained = "Training alone is timed, evaluation is not; median over a trial's epochs without the"
    trained += " first."
    if how.concurrent and how.alone:
        return (
            f"{trained} {how.concurrent} trials were timed while others ran on the machine,"
            f" {how.alone} alone; the two kinds are not compared with each other."
        )
    if how.concurrent:
        return f"{trained} All were timed while other trials ran on the same machine."
    return f"{trained} No other trial ran on the machine meanwhile."


def _probes(how: Conditions) -> str:
    costs = [
        f"{probe} {wording.quantity(cost, METRICS['train_time_s'])}"
        for probe, cost in how.probe_costs.items()
    ]
    return f"{wording.listed(costs)} over all trials, outside every training time."


def _cluster(about: Mapping[str, Any]) -> str:
    workers = wording.counted(about["workers"], "worker")
    machines = wording.counted(about["machines"], "machine")
    return (
        f"Dask scheduler {about['cluster']} ({_pairs(about['scheduler'])}); when the run began, {workers} of"
        f" one thread on {machines}, with the driver's versions; others may have joined and left."
    )


def _pairs(values: dict[str, str]) -> str:
    """Facts by name; the unit of one is the end of its name."""
    said = (f"{name.replace('_', ' ')} {value}" for name, value in values.items())
    return ", ".join(re.sub(r"^(\w+) gib (.*)", r"\1 \2 GiB", text) for text in said)


def _broken(broken: tuple[BrokenTrial, ...]) -> list[Block]:
    rows = tuple(
        (
            Cell(trial.question),
            Cell(trial.variant),
            Cell(str(trial.seed), "number"),
            Cell(trial.status),
            Cell(trial.reason),
        )
        for trial in broken
    )
    table = Table(
        name=naming.path(naming.WHOLE, "broken-trials"),
        caption="Trials that broke",
        columns=(
            Column("question"),
            Column("variant"),
            Column("seed", kind="number"),
            Column("status", "diverged: the loss was not finite; failed: an error"),
            Column("reason"),
        ),
        rows=rows,
        notes=(
            (
                "A diverged trial counts as the worst result there is; it is not left out. A failed one"
                " has no result: what is compared seed by seed is compared on the seeds that both have."
            ),
        ),
    )
    traces = dict.fromkeys(trial.traceback for trial in broken if trial.traceback)
    folds = [Fold("Traceback", (Code(trace, "Traceback"),)) for trace in traces]
    return [table, *folds]

"""What several workers do, in words, as a picture and in numbers; nothing where one alone trains."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from bench.analysis import wording
from bench.report import figures, naming, tables
from bench.report.blocks import (
    Block,
    Cell,
    Column,
    Edge,
    Figure,
    Node,
    Prose,
    Section,
    Table,
    Topologies,
    Topology,
)
from bench.report.figures import spoken

if TYPE_CHECKING:
    from bench.analysis import QuestionAnalysis
    from bench.analysis.workers import Team

_NAMES: Final = {
    "master_worker": "A master and its workers, in one process",
    "multi_worker": "Mirrored workers (MultiWorkerMirroredStrategy)",
    "parameter_server": "A parameter server (ParameterServerStrategy)",
}
_WORDS: Final = {
    "master_worker": (
        "A master and its workers, in one process: at every update each worker computes the "
        "gradient of a mini-batch of its own images, the master takes the mean of these gradients "
        "and makes one step, and all take over the new weights. Nothing is sent; the picture "
        "shows what would be."
    ),
    "multi_worker": (
        "Mirrored workers (MultiWorkerMirroredStrategy): every worker has all weights. At every "
        "update they pass their gradients round a ring until each has the mean of all, then each "
        "makes the same step. The weights stay equal without ever being sent, and the slowest "
        "worker sets the pace. It is the master's arithmetic without a master."
    ),
    "parameter_server": (
        "A parameter server (ParameterServerStrategy): one server has the weights. A chief hands "
        "updates to whichever worker is free; that one reads the weights, computes the gradient "
        "of a mini-batch of its own images, and subtracts its step from what the weights are by "
        "then. Nobody waits for anybody, so others write between a worker's reading and its "
        "writing: that many updates is its step late. A worker that is lost is done without."
    ),
}
_LAST: Final = (
    "Mirrored workers: whoever comes last to an all-reduce waits for nobody, so its time there"
    " counts as communicating, and what the others spend beyond it as waiting."
)
_WHO: Final = (
    "Who sends what to whom at an update: the bytes of the numbers alone. At a parameter server"
    " only the one worker whose update it is sends and receives."
)
_DRAWN: Final = 8  # workers in a picture


def blocks(question: QuestionAnalysis) -> list[Block]:
    """A section; nothing where no variant is trained by workers."""
    if not question.teams:
        return []
    engines = list(dict.fromkeys(team.engine for team in question.teams))
    parts: list[Block] = [
        Prose(tuple(_WORDS[engine] for engine in engines)),
        _pictures(question, engines),
        _gains(question),
    ]
    if any(team.spent for team in question.teams):
        parts.append(_time_split(question))
    if any(team.staleness for team in question.teams):
        parts.append(_staleness(question))
    anchor = tables.anchor(question.name, "workers")
    return [Section(anchor, "The workers", tuple(parts), level=3)]


def _gains(question: QuestionAnalysis) -> Table:
    timed = any(team.speed_up for team in question.teams)
    classes = all(team.classes for team in question.teams)
    columns = (
        Column("variant"),
        Column("workers", kind="number"),
        Column("images", "of the training set, at each worker", "number"),
        *([Column("classes", "among the images of each worker", "number")] if classes else []),
        Column("time per epoch", "geometric mean over seeds", "number"),
    )
    gained = (
        Column("speed-up", "one worker's time per epoch by this one's", "number"),
        Column("95 % CI", "t interval of that ratio over seeds", "number"),
        Column("efficiency", "speed-up by the number of workers", "number"),
    )
    return Table(
        name=naming.path(question.name, "workers"),
        caption="What each worker holds, and what they gain together",
        columns=(*columns, *(gained if timed else ())),
        rows=tuple(
            (
                tables.variant(question, team.variant),
                tables.number(str(team.workers)),
                tables.number(_range(team.images)),
                *([tables.number(_range(team.classes))] if classes else []),
                tables.mean_of(team.seconds, question.metric("epoch_time_s")),
                *(_gained(team) if timed else ()),
            )
            for team in question.teams
        ),
        notes=tuple(_notes(question)),
    )


def _gained(team: Team) -> tuple[Cell, ...]:
    ratio, efficiency = team.speed_up, team.efficiency
    if ratio is None or efficiency is None:
        return tables.number("1" if team.workers == 1 else "–"), *(tables.number("–"),) * 2
    interval = "–"
    if ratio.ci_low is not None and ratio.ci_high is not None:
        interval = f"{ratio.ci_low:.2f} to {ratio.ci_high:.2f}"
    return (
        tables.number(f"× {ratio.ratio:.2f}"),
        tables.number(interval),
        tables.number(f"{100 * efficiency:.0f} %"),
    )


def _notes(question: QuestionAnalysis) -> list[str]:
    shared = max(team.in_common for team in question.teams)
    left_out = max(team.left_out for team in question.teams)
    parts = "Parts are drawn by the seed."
    if not shared and not left_out:
        parts += " In every trial, no image was with two workers, and none was left out."
    else:
        parts += f" Up to {shared} images were with two workers, and up to {left_out} with none."
    notes = [parts]
    processes = [team for team in question.teams if team.spent]
    cores = max((team.cores for team in processes), default=0)
    crowded = [team.variant for team in processes if team.workers > cores]
    if processes:
        notes.append(
            f"The processes of a variant share one machine with {wording.counted(cores, 'core')}:"
            f" no number of workers can make it more than {cores} times as fast"
            + (f", and in {wording.listed(crowded)} they wait for a core." if crowded else ".")
        )
    copies = [team for team in question.teams if team.copies_differ_by is not None]
    if copies:
        apart = max(team.copies_differ_by or 0.0 for team in copies)
        notes.append(
            "The mirrored workers' weights are equal to the last bit in the end."
            if apart == 0
            else f"The mirrored workers' weights differ by up to {apart:.2g} in the end."
        )
    return notes


def _time_split(question: QuestionAnalysis) -> Table:
    return Table(
        name=naming.path(question.name, "time-of-workers"),
        caption="Where a worker's time goes (whole training, means over workers and seeds)",
        columns=(
            Column("variant"),
            Column("computing", "gradients and steps", "number"),
            Column("communicating", "all-reduce, or reading and writing the weights", "number"),
            Column("waiting", "for other workers, or for the next update", "number"),
            Column("sent per update", "over one connection, in both directions", "number"),
            Column("updates late", "others' updates between reading and writing: mean", "number"),
            Column("at most", kind="number"),
        ),
        rows=tuple(
            (
                tables.variant(question, team.variant),
                *_shares(team),
                tables.number("–" if team.edge_bytes is None else _bytes(team.edge_bytes)),
                *_late(team),
            )
            for team in question.teams
            if team.spent
        ),
        notes=(_LAST,) if any(team.engine == "multi_worker" for team in question.teams) else (),
    )


def _shares(team: Team) -> list[Cell]:
    spent = team.spent
    if spent is None:
        return []
    parts = (spent.computing, spent.communicating, spent.waiting)
    return [
        tables.number(f"{part:.1f} s ({100 * part / spent.whole:.0f} %)" if spent.whole else "–")
        for part in parts
    ]


def _late(team: Team) -> tuple[Cell, Cell]:
    if not team.staleness:
        return tables.number("–"), tables.number("–")
    updates = sum(team.staleness.values())
    mean = sum(late * count for late, count in team.staleness.items()) / updates
    return tables.number(f"{mean:.2f}"), tables.number(str(max(team.staleness)))


def _staleness(question: QuestionAnalysis) -> Figure:
    return Figure(
        anchor=tables.anchor(question.name, "staleness"),
        caption=(
            "How many updates of other workers lie between a worker's reading of the weights and its writing."
            f" Updates of all seeds together; {figures.LATEST} stands for {figures.LATEST} and more."
            " One worker is never late."
        ),
        panels=(figures.staleness(question),),
        legend=tuple(
            key
            for key in figures.keys([v.name for v in question.variants])
            if any(team.variant == key.name and team.staleness for team in question.teams)
        ),
    )


def _pictures(question: QuestionAnalysis, engines: list[str]) -> Topologies:
    largest = [
        max((t for t in question.teams if t.engine == engine), key=lambda t: t.workers)
        for engine in engines
    ]
    return Topologies(
        tables.anchor(question.name, "topology"),
        _WHO,
        tuple(_picture(question.name, team) for team in largest),
    )


def _picture(question: str, team: Team) -> Topology:
    """Workers on a circle, round a master or server if there is one."""
    shown = min(team.workers, _DRAWN)
    places = [_at(100, worker / shown) for worker in range(shown)]
    nodes = [Node(*place, f"worker {n}", hub=False) for n, place in enumerate(places)]
    weights = "" if team.weights_bytes is None else _bytes(team.weights_bytes)
    if team.engine == "multi_worker":
        edges = [
            _edge(places[n], places[(n + 1) % shown], _bytes(team.edge_bytes or 0.0), both=False)
            for n in range(shown)
            if shown > 1
        ]
    else:
        hub = "master" if team.engine == "master_worker" else "server"
        nodes.append(Node(0.0, 0.0, hub, hub=True))
        edges = [_edge((0.0, 0.0), place, f"2 × {weights}", both=True) for place in places]
    title = _NAMES[team.engine]
    more = f", {team.workers - shown} more not drawn" if team.workers > shown else ""
    what = (
        f"each sends {_bytes(team.edge_bytes or 0.0)} to the next one in the ring at every update"
        if team.engine == "multi_worker"
        else f"gradients of {weights} go up and weights of {weights} come down on each edge"
    )
    alt = spoken.of_question(
        question,
        f"{title}, as {team.variant}: {wording.counted(team.workers, 'worker')}{more}; {what}.",
    )
    name = naming.path(question, "topology", team.engine)
    return Topology(name, f"{title}{more}", tuple(nodes), tuple(edges), alt)


def _at(radius: float, turn: float) -> tuple[float, float]:
    """A point on the circle, from above clockwise; wider than high."""
    angle = 2 * math.pi * turn
    return round(1.3 * radius * math.sin(angle), 1), round(-radius * math.cos(angle), 1)


def _edge(start: tuple[float, float], end: tuple[float, float], label: str, *, both: bool) -> Edge:
    """A line that leaves room for the circles at its ends."""
    (x1, y1), (x2, y2) = start, end
    length = math.hypot(x2 - x1, y2 - y1) or 1.0
    dx, dy = 30 * (x2 - x1) / length, 30 * (y2 - y1) / length
    left, top, right, bottom = (round(v, 1) for v in (x1 + dx, y1 + dy, x2 - dx, y2 - dy))
    return Edge(left, top, right, bottom, label, both=both)


def _range(ends: tuple[int, int] | None) -> str:
    if ends is None:
        return "–"
    low, high = ends
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _bytes(count: float) -> str:
    for unit, size in (("MB", 1e6), ("KB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.0f} B"

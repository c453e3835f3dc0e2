"""The ways that are measured, the ratios that are aimed at, and the table of both."""

from __future__ import annotations

import json
import os
import statistics
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

from driver import CORES, Measured, Way, flags

from bench import machine

if TYPE_CHECKING:
    from pathlib import Path

OURS_ONE = Way("ours", "one thread")
OURS = Way("ours", "two processes of one thread, as workers run it", processes=2)
FIT = Way("keras", "`model.fit`, both cores", threads=2)
BLAS = Way("blas", "the matrix products alone, one thread")
# Trains what scikit-learn trains, to compare it with; not timed.
REFERENCE = Way("ours", "both kernels penalised", options={"penalises_both": True})
# What our own engine does beside plain batches of 100, on one thread.
EVALUATES = {"options": {"evaluates": True}}
OURS_EVALUATION = Way("ours", "one evaluation of all 70,000 images", **EVALUATES)
BLAS_EVALUATION = Way("blas", "the products of one evaluation alone", **EVALUATES)
BATCH_1 = Way("ours", "batches of 1", options={"variant": ["q1-sgd", "batch-1"]})
BESIDE_PLAIN = (
    Way("ours", "dropout", options={"variant": ["q5-sparse", "l2=0.01 dropout=0.2"]}),
    Way("ours", "batch normalisation", options={"variant": ["q6-smoother", "batch-norm"]}),
    Way("ours", "layer normalisation", options={"variant": ["q6-smoother", "layer-norm"]}),
)
PASSIVE = {"OMP_WAIT_POLICY": "passive"}
STEPS = {"options": {"steps_per_execution": 50}}
WAYS = (
    OURS,
    OURS_ONE,
    FIT,
    Way("keras", "`model.fit`, two processes of one thread", processes=2),
    Way("keras", "the same, 50 steps per execution", processes=2, **STEPS),
    Way("torch", "loop, both cores", threads=2),
    Way("torch", "the same, `OMP_WAIT_POLICY=passive`", threads=2, environment=PASSIVE),
    Way("torch", "loop, one thread"),
    Way("torch", "loop, two processes of one thread", processes=2),
    Way("sklearn", "`partial_fit`, one thread"),
    Way("sklearn", "`partial_fit`, two processes of one thread", processes=2),
    Way("jax", "jitted scan, one thread"),
    Way("jax", "jitted scan, two processes of one thread", processes=2),
    BLAS,
    *BESIDE_PLAIN,
    BATCH_1,
    OURS_EVALUATION,
    BLAS_EVALUATION,
)
PACKAGES = ("tensorflow", "keras", "torch", "scikit-learn", "jax", "jaxlib", "numpy", "scipy")
COMMAND = "tox -e peers"
QUIET = 0.9  # one thread on a core of its own is busy nearly all the time


@dataclass(frozen=True)
class Target:
    """What is aimed at: what it says, as measured, its bound, and whether it is met."""

    says: str
    measured: float
    bound: float
    met: bool


def targets(seconds: dict[Way, float]) -> list[Target]:
    """What is aimed at, as far as it was measured.

    Two processes of ours stand against the other library's fastest way, side by side included.
    """

    def fastest(library: str, *, pairs_only: bool = False) -> float | None:
        known = [
            s
            for way, s in seconds.items()
            if way.library == library and (way.processes == 2 or not pairs_only)
        ]
        return min(known, default=None)

    aims = [
        ("`model.fit` on both cores", seconds.get(FIT), 9),
        ("the fastest `model.fit` side by side", fastest("keras", pairs_only=True), 6.5),
        ("the fastest PyTorch", fastest("torch"), 2),
        ("the fastest scikit-learn", fastest("sklearn"), 1.6),
        ("the fastest JAX", fastest("jax"), 1),
    ]
    found = [
        Target(f"{name} takes at least {bound} times as long", t / ours, bound, t / ours >= bound)
        for name, t, bound in aims
        if t is not None and (ours := seconds.get(OURS))
    ]
    return found + _own_targets(seconds)


def _own_targets(seconds: dict[Way, float]) -> list[Target]:
    """What our engine takes at most, on one thread."""
    aims = [
        ("one thread takes at most 1.45 times the matrix products alone", OURS_ONE, BLAS, 1.45),
        (
            "an evaluation takes at most 1.5 times its products alone",
            OURS_EVALUATION,
            BLAS_EVALUATION,
            1.5,
        ),
        *((f"{w.how} takes at most 1.35 times the plain", w, OURS_ONE, 1.35) for w in BESIDE_PLAIN),
    ]
    found = [
        Target(says, times, bound, times <= bound)
        for says, way, other, bound in aims
        if way in seconds and other in seconds
        for times in [seconds[way] / seconds[other]]
    ]
    if BATCH_1 in seconds:
        taken = seconds[BATCH_1]
        found.append(
            Target("an epoch of batches of 1 takes at most 1.6 s", taken, 1.6, taken <= 1.6)
        )
    return found


def circumstances() -> dict[str, Any]:
    """Machine, cores used, instruction sets, load at the start, versions, and how to measure again."""
    wanted = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile")
    versions = {"python": machine.versions()["python"]}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "machine": machine.machine(),
        "cores": CORES,
        "instruction_sets": [name for name in wanted if name in flags()],
        "load_before": os.getloadavg()[0],
        "versions": versions,
        "command": COMMAND,
    }


def rows(measured: dict[Way, list[Measured]], objectives: dict[Way, float]) -> list[dict[str, Any]]:
    """One row per way: medians over the rounds, and the ratio to two processes of ours."""
    seconds = {way: statistics.median(m.seconds for m in found) for way, found in measured.items()}
    ours = seconds.get(OURS) or seconds.get(OURS_ONE)
    return [
        asdict(way)
        | {
            "seconds": seconds[way],
            "fastest": min(m.seconds for m in found),
            "slowest": max(m.seconds for m in found),
            "ratio": seconds[way] / ours if ours else None,
            "processor_s": statistics.median(m.processor_s for m in found),
            "busy": statistics.median(m.busy for m in found),
            "objective": objectives.get(way),
            "rounds": [asdict(m) for m in found],
        }
        for way, found in measured.items()
    ]


def save(folder: Path, found: dict[str, Any]) -> str:
    """Write ``peers.json`` and ``peers.md``; the latter's text."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "peers.json").write_text(json.dumps(found, indent=1) + "\n")
    text = markdown(found)
    (folder / "peers.md").write_text(text)
    return text


def markdown(found: dict[str, Any]) -> str:
    """The table, what it was measured on, and the targets."""
    around = found["circumstances"]
    on = around["machine"]
    lines = [
        (
            f"{on['processor']}, {on['cores']} cores ({len(around['cores'])} used), {on['memory_gib']} GiB,"
            f" {', '.join(around['instruction_sets'])}; load before the start {around['load_before']:.1f}."
        ),
        ", ".join(f"{name} {version}" for name, version in around["versions"].items()) + ".",
        f"Medians of {found['rounds']} rounds. To measure again: `{around['command']}`.",
        "",
        "| library | how | threads | s per seed-epoch | range | to ours | processor s | busy | objective |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    if min(row["busy"] for row in found["rows"] if row["threads"] == 1) < QUIET:
        lines.insert(
            3, "**Other work used these cores: compare the processor's seconds, not the wall's.**"
        )
    for row in found["rows"]:
        objective = "" if row["objective"] is None else f"{row['objective']:.3f}"
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        lines.append(
            f"| {row['library']} | {row['how']} | {row['processes']} x {row['threads']}"
            f" | {row['seconds']:.3f} | {row['fastest']:.3f} to {row['slowest']:.3f}"
            f" | {ratio} | {row['processor_s']:.3f} | {row['busy']:.2f} | {objective} |"
        )
    lines += [
        f"| {n.replace(': ', ' | ', 1)} | left out: {why} |" for n, why in found["left_out"].items()
    ]
    lines += ["", "| aim | measured | |", "|---|---|---|"]
    lines += [
        f"| {t['says']} | {t['measured']:.2f} | {'pass' if t['met'] else 'fail'} |"
        for t in found["targets"]
    ]
    return "\n".join(lines) + "\n"

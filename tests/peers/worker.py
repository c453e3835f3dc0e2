"""One process that trains by one library: ``python worker.py LIBRARY SEED CORES [OPTIONS as JSON]``.

Prepares and trains the first epoch, which compiles and warms up, and answers on standard output. Then for
each line on standard input it trains one epoch and answers again, one line of JSON: seconds of the wall and
of the processor, and the objective afterwards (judged outside the time). The process is pinned to CORES
(``0`` or ``0,1``) before any library is loaded.
"""

from __future__ import annotations

import importlib
import json
import os
import sys


def main(library: str, seed: str, cores: str, options: str = "{}") -> None:
    """Serve until standard input ends."""
    os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is not an answer

    import task

    program = importlib.import_module(f"with_{library}").prepare(int(seed), **json.loads(options))

    def epoch() -> str:
        wall, cpu = program.epoch()
        weights = program.weights()
        objective = None
        if weights is not None:
            objective = task.objective(weights, penalises_both=program.penalises_both)
        return json.dumps({"wall": wall, "cpu": cpu, "objective": objective})

    print(epoch(), file=answers)
    for _ in sys.stdin:
        print(epoch(), file=answers)


if __name__ == "__main__":
    main(*sys.argv[1:])

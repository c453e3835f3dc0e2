"""Broken inputs that look for new ways through the program (atheris): for as long as one likes, by hand.

    tox -e fuzz -- suite -max_total_time=600

The first argument is a target of targets.py, the rest is for libFuzzer. What breaks is kept: ``crash-*``.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent))
with atheris.instrument_imports(include=["bench", "ruamel.yaml"]):
    import targets


def main():
    name, *options = sys.argv[1:]
    target, folder = targets.TARGETS[name], Path(tempfile.mkdtemp())
    corpus = Path(tempfile.mkdtemp())
    for number, data in enumerate(target.seeds()):
        (corpus / str(number)).write_bytes(data)

    def read(data):
        targets.refusal(target, data, folder)

    def mutate(data, most, seed):
        rng = random.Random(seed)
        broken = atheris.Mutate(data, most) if rng.random() < 0.5 else target.mutated(data, rng)
        return broken[:most]

    limits = ["-timeout=60", "-rss_limit_mb=4096", "-max_len=100000"]
    arguments = [sys.argv[0], *limits, *options, str(corpus)]
    atheris.Setup(arguments, read, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

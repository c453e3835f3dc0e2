"""A small suite on real data, and runs of it, for all tests."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

# Machines are busy at times: what is slow is not wrong.
hypothesis.settings.register_profile(
    "seedwise", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("seedwise")

MOST = 4_000  # characters of a message; what other processes printed may follow as a hint
# What a reader cannot act on: Python's own words for things, and numpy's.
NOISE = re.compile(
    r"<class '|<function |<bound method| object at 0x|Traceback \(most|\[Errno|\bnp\.\w+\(|^None$|^$"
)
RAISED = []
"""The errors that the package made in the test that runs; not those that the test made."""

LIMIT_S = 240  # of a test that may hang


def pytest_configure():
    """Keep the errors that the package makes."""
    from bench.errors import BenchError

    init = BenchError.__init__

    def keeping(self, *arguments, **named):
        init(self, *arguments, **named)
        if _made_by_the_package():
            RAISED.append(self)

    BenchError.__init__ = keeping


def _made_by_the_package():
    """Whether the first file but for this one and that of the errors, going outwards, is the package's."""
    from bench import errors

    frame = sys._getframe(1)
    while frame.f_code.co_filename in (__file__, errors.__file__):
        frame = frame.f_back
    return Path(frame.f_code.co_filename).is_relative_to(Path(errors.__file__).parent)


@pytest.fixture(autouse=True)
def messages_can_be_acted_on():
    """Hold every error that the package makes in any test to what a person needs of it."""
    RAISED.clear()
    yield RAISED, _faults
    assert {str(e): found for e in RAISED if (found := list(_faults(e)))} == {}


def _faults(error):
    for part in ("problem", "where", "expected", "found"):
        text = getattr(error, part)
        if not isinstance(text, str) or NOISE.search(text):
            yield f"{part}: {text}"
    if "\n" in error.problem or error.problem[-1:] in ".!":
        yield f"not one plain problem: {error.problem}"
    if (length := len(str(error)) - len(error.hint or "")) > MOST:
        yield f"{length} characters"


@pytest.fixture(autouse=True)
def code_of_a_test_ends_with_it(tmp_path_factory):
    """Forget the modules that a test wrote and imported: others write some of the same name."""
    yield
    from bench import own_code

    folder = str(tmp_path_factory.getbasetemp())
    for name, module in list(sys.modules.items()):
        places = [getattr(module, "__file__", None), *(getattr(module, "__path__", None) or ())]
        if any(str(place).startswith(folder) for place in places):
            del sys.modules[name]
    own_code._imported.clear()
    own_code._brought.clear()


@pytest.fixture(scope="session", autouse=True)
def nothing_is_isolated():
    """What cannot be computed fails a test, and is not put in a sentence; tests of that put it back."""
    from bench.analysis import isolation

    kept, isolation.CAUGHT = isolation.CAUGHT, ()
    yield
    isolation.CAUGHT = kept


@pytest.fixture(scope="session", autouse=True)
def ports_may_be_open():
    """Where the system gives trials no network of their own, and to workers on other hosts."""
    os.environ["SEEDWISE_OPEN_PORTS"] = "1"


TINY = """\
suite: tiny
title: Two rates on handwritten digits
dataset: digits
seeds: 3
epochs: 2
margin: 0.01
target: {test_accuracy: 0.5}
probes: [sparsity]
base:
  model: {mlp: {hidden: [16]}}
  optimizer: {SGD: {learning_rate: 0.1}}
  batch_size: 50
profiles:
  short: {epochs: 1}
questions:
  rates:
    ask: Is a tenth of the rate slower?
    baseline: fast
    variants:
      fast: {}
      slow: {optimizer: {SGD: {learning_rate: 0.01}}}
    reported: {fast: {test_accuracy: 0.9}}
    claims:
      - says: a tenth of the rate ends lower
        test: {metric: test_accuracy, variant: slow, against: fast, is: worse}
  shared:
    ask: Does a wider layer help?
    baseline: narrow
    variants:
      narrow: {}
      wide: {model: {mlp: {hidden: [64]}}}
"""


@pytest.fixture
def must_end():
    """Ends a test that waits for ever."""

    def give_up(number, frame):
        raise TimeoutError(f"not done within {LIMIT_S} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LIMIT_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def tiny(tmp_path):
    """Path of a suite that trains in a second."""
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def tiny_results(tmp_path_factory):
    """Folder of a finished run of the tiny suite, trained in this process."""
    from bench import load_suite, run

    folder = tmp_path_factory.mktemp("tiny")
    (folder / "tiny.yaml").write_text(TINY)
    run(load_suite(folder / "tiny.yaml"), folder / "results", workers=0)
    return folder / "results"


@pytest.fixture(scope="session")
def bench():
    """Run the command line in a process of its own."""

    def call(*arguments, cwd=None, timeout=300, **options):
        return subprocess.run(
            [sys.executable, "-c", "from bench.cli import main; main()", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=cwd,
            env={**os.environ, "COLUMNS": "120"},
            **options,
        )

    return call


@pytest.fixture(scope="session")
def repository():
    """The checkout, for tests of what lies beside the package."""
    return Path(__file__).parent.parent

"""What TensorFlow prints when it is imported, in plain words. Seedwise hides it, unless importing fails."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import Final

from bench.backend import ENVIRONMENT, SAFE_PATH
from bench.doctor._found import Found, Problem

LIMIT_S: Final = 180
CODE: Final = "import tensorflow as tf; tf.config.list_physical_devices()"
UNKNOWN: Final = "not known to Seedwise; of no account as long as training works"

MEANINGS: Final = (
    (
        r"All log messages before absl::InitializeLog",
        "nothing: TensorFlow says where its first messages go",
    ),
    (
        r"oneDNN custom operations are on",
        (
            "products of matrices may add in another order than elsewhere, so results differ in the last digits"
            " between machines, not between two runs on one machine"
        ),
    ),
    (
        r"This TensorFlow binary is optimized|rebuild TensorFlow with the appropriate compiler flags",
        (
            "no need to rebuild anything: Seedwise compiles each training on this machine, with all that its"
            " processor can do"
        ),
    ),
    (
        (
            r"Could not find cuda drivers|cudart_stub|CUDA_ERROR_NO_DEVICE|failed call to cuInit"
            r"|no CUDA-capable device|kernel driver does not appear to be running"
        ),
        "there is no graphics processor that TensorFlow can use; Seedwise does not use one anyway",
    ),
    (
        (
            r"Unable to register cu\w+ (factory|plugin)|computation placer already registered"
            r"|TF-TRT Warning|TensorRT|Cannot dlopen some GPU libraries|Skipping registering GPU devices"
        ),
        "about libraries for graphics processors, which Seedwise does not use",
    ),
    (
        r"NUMA node",
        "the system does not say which memory is near which core; it makes no difference on one thread",
    ),
    (
        r"Protobuf gencode version|google\.protobuf",
        "two versions of protobuf that TensorFlow was not made for together; it works unless importing fails",
    ),
    (
        r"XLA service|StreamExecutor device|Compiled cluster using XLA|disabling MLIR crash reproducer",
        "nothing: the compiler that Seedwise uses says that it started",
    ),
)

_PREFIX: Final = re.compile(
    r"^(?:[IWEF]\d{4} \S+\s+\d+ |\d{4}-\d\d-\d\d \S+: [IWEF] )(?P<place>\S+?:\d+)\] "
)


def examine() -> Found:
    """Import TensorFlow in a process of its own, as if Seedwise were not there, and explain what it prints."""
    environment = {k: v for k, v in os.environ.items() if k not in ENVIRONMENT}
    try:
        done = subprocess.run(  # noqa: S603 - this Python, and no word of anybody else's
            [sys.executable, "-c", CODE],
            env=environment | SAFE_PATH | {"TF_CPP_MIN_LOG_LEVEL": "0"},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        what = f"TensorFlow was not imported within {LIMIT_S} s"
        advice = "wait until other programs have ended, and look whether the disk is slow"
        return Found(problems=(Problem(what, advice, broken=True),))
    if done.returncode:
        return Found(problems=(_broken(done.returncode, done.stderr),))
    return Found(messages=tuple(explained(done.stderr)))


def explained(printed: str) -> list[tuple[str, str]]:
    """Each message of a text that TensorFlow printed, once, with its meaning."""
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, printed.splitlines())):
        prefix = _PREFIX.match(line)
        said = line[prefix.end() :] if prefix else line
        meaning = next((m for pattern, m in MEANINGS if re.search(pattern, line)), UNKNOWN)
        found.setdefault(said, meaning)
    return list(found.items())


def _broken(code: int, printed: str) -> Problem:
    """Why importing TensorFlow failed, as far as it can be told."""
    if code == -signal.SIGILL:
        what = "TensorFlow uses instructions that this processor does not have"
        advice = "use a machine with AVX, or a TensorFlow that was built for this one"
    elif code < 0:
        what = f"importing TensorFlow was ended by {signal.Signals(-code).name}"
        advice = "look whether memory ran out: the system's log says so"
    else:
        lines = printed.strip().splitlines()
        what = f"TensorFlow cannot be imported: {lines[-1] if lines else f'exit code {code}'}"
        advice = "install it anew: pip install --force-reinstall tensorflow"
    return Problem(what, advice, broken=True)

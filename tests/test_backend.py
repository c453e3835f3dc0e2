"""The one process-wide set-up of TensorFlow and of the libraries beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

PROGRAM = """
import json
import numpy  # loads its BLAS before Seedwise has set anything
from threadpoolctl import threadpool_info
from bench import backend
before = max(pool["num_threads"] for pool in threadpool_info())
backend.tensorflow()
print(json.dumps([before, [pool["num_threads"] for pool in threadpool_info()]]))
"""


def test_a_blas_that_was_loaded_before_gets_one_thread_too():
    """Others would spin after the probes' products, and slow the training beside them by up to 1.4 times."""
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**environment, "OPENBLAS_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        check=True,
    )
    before, after = json.loads(done.stdout)
    assert before == 2
    assert set(after) == {1}

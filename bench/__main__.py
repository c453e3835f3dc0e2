"""``python -m bench``, begun anew where Python would take modules from the current folder."""

import os
import sys

if not sys.flags.safe_path:
    os.execv(sys.executable, [sys.executable, "-P", *sys.orig_argv[1:]])  # noqa: S606 - this Python

from bench.cli import main

main()

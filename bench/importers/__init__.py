"""Other programs' logs as results folders: from there on, everything works as on our own runs.

``read(path, kind, out, ...)`` reads a tidy file (one row per evaluation) and writes the folder.
"""

from bench.importers._rows import KINDS
from bench.importers._runs import trial_id
from bench.importers.tidy import read

__all__ = ["KINDS", "read", "trial_id"]

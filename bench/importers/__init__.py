"""Other programs' logs as results folders: from there on, everything works as on our own runs.

``read(path, kind, out, ...)`` reads a tidy file (one row per evaluation) and writes the folder.
"""

from bench.importers.tidy import KINDS, read, trial_id

__all__ = ["KINDS", "read", "trial_id"]

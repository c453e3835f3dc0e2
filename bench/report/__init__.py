"""The report of a run: one HTML file that answers first and shows its work after, offline."""

from bench.report.render import write_report

__all__ = ["write_report"]

"""The parts of the report, one file each, with ``build(analysis) -> blocks or None``.

A section arranges what the analysis computed. It computes nothing, and it formats by templates.
"""

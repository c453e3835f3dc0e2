"""Probes: what is measured beside the curve. One file per probe, found by the name a suite gives.

A module offers ``measure(weights) -> list[Measure]`` over (path, array) of every trainable array.
"""
